"""Runs an ablation that kills itself with SIGKILL; takes a settings file, its kind, a step and a number of rows."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from codedpo.ablate.study import study
from codedpo.config import make_config
from kill_driver import Killer

if __name__ == "__main__":
    settings, kind, step, at = sys.argv[1:]
    study(make_config(json.loads(Path(settings).read_text())), kind, observer=Killer(step, int(at)))
