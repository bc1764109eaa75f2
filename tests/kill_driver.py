"""Runs a configuration and kills itself with SIGKILL when a step has handled so many rows: used by test_resume.py."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from codedpo.config import make_config
from codedpo.job import run
from codedpo.progress import Silent


class Killer(Silent):
    """An observer that kills the process at a row count; `finish` kills between a step's last row and its end."""

    def __init__(self, step: str, at: int):
        self.step, self.left = step, at

    def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
        if step == self.step:
            self.left -= max(rows, answers)
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    settings, step, at = sys.argv[1:4]
    run(make_config(json.loads(Path(settings).read_text())), observer=Killer(step, int(at)))
