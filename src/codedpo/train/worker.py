# pyright: basic
# (torch is only partly typed)
"""One of several processes that train together; torchrun starts it: `-m codedpo.train.worker N [FOLDER]`.

The folder of the job is known to the processes of the first machine; they tell it to the others.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

from codedpo.errors import CodeDPOError, ModelError
from codedpo.store import write_text
from codedpo.train.job import read_job
from codedpo.train.processes import join_processes
from codedpo.train.trainer import train

ERROR = "error.txt"


def main(expected: int, folder: str | None) -> None:
    """Train; the first process writes what was done to the folder, and steps to its standard output as JSON."""
    import torch

    warnings.simplefilter("ignore")  # of libraries, of which each process would repeat the same
    processes = join_processes(expected)
    told: list[str | None] = [None] * processes.world
    torch.distributed.all_gather_object(told, folder)
    place = Path(next(path for path in told if path))

    def tell(line: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    try:
        if not place.exists():
            raise ModelError(
                f"{place} is not there on machine of process {processes.rank}: give all the same run folder"
            )
        train(
            read_job(place),
            on_step=lambda done, total: tell({"step": done, "steps": total}),
            on_note=lambda lines: tell({"note": list(lines)}),
            processes=processes,
        )
    except CodeDPOError as error:
        write_text(place / ERROR, str(error))
        raise SystemExit(str(error)) from error
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
