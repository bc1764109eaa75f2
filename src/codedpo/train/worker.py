# pyright: basic
# (torch is only partly typed)
"""One of several processes that train together; torchrun starts it: `-m codedpo.train.worker N [FOLDER]`.

The folder of the job is known to the processes of the first machine; they tell it to the others.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from codedpo.errors import CodeDPOError, ModelError
from codedpo.store import write_text
from codedpo.train.job import ERROR, read_job
from codedpo.train.processes import join_processes
from codedpo.train.trainer import train


def main(expected: int, folder: str | None) -> None:
    """Train; the first process writes what was done to the folder, and steps to its standard output as JSON."""
    import torch

    warnings.simplefilter("ignore")  # of libraries, of which each process would repeat the same
    place = Path(folder) if folder else None
    try:
        processes = join_processes(expected)
        place = Path(processes.agree(folder))
        if not place.is_dir():
            raise ModelError(
                f"{place} is not there for process {processes.rank}: give all machines the same run folder"
            )
        train(read_job(place), on_step=_tell_step, on_note=_tell_note, processes=processes)
    except Exception as error:  # this process ends here; the one that waits for it raises what it reads
        _write_error(error, place)
        raise
    torch.distributed.destroy_process_group()


def _tell_step(done: int, total: int) -> None:
    _tell({"step": done, "steps": total})


def _tell_note(lines: Sequence[str]) -> None:
    _tell({"note": list(lines)})


def _tell(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _write_error(error: Exception, place: Path | None) -> None:
    """Only the first one: those of the others follow from it."""
    if place is not None and place.is_dir() and not (place / ERROR).exists():
        known = isinstance(error, CodeDPOError)
        write_text(place / ERROR, str(error) if known else f"train: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
