"""Runs configurations that kill themselves with SIGKILL when a step has handled so many rows.

Takes a settings file, a step and a number of rows for each run. Each one is a fork of this process, so that what they
need is loaded once; its temporary files go to the folder `scratch` beside its settings. Prints how they ended, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import codedpo.llms.client  # noqa: F401 - a run would load it for itself
from codedpo.config import make_config
from codedpo.job import run
from codedpo.progress import Silent


class Killer(Silent):
    """An observer that kills the process at a row count."""

    def __init__(self, step: str, at: int):
        self.step, self.left = step, at

    def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
        if step == self.step:
            self.left -= max(rows, answers)
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def run_in_fork(settings: Path, step: str, at: int) -> int:
    """How it ended: an exit code, or a signal as a negative number."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    tempfile.tempdir = str(settings.parent / "scratch")
    run(make_config(json.loads(settings.read_text())), observer=Killer(step, at))
    sys.exit("the run has ended and was not killed")


if __name__ == "__main__":
    runs = zip(*[iter(sys.argv[1:])] * 3)
    json.dump([run_in_fork(Path(settings), step, int(at)) for settings, step, at in runs], sys.stdout)
