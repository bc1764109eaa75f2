"""Kills a run with its whole process tree at random moments, then compares it with one that was left alone.

    python perf/kill.py [--kills 20] [--tasks 40] [--seed 0] [--processes 0]

A loopback server plays the LLM and counts what it is asked. Before each start the answers that the run has kept are
listed; none of them may be asked for again. At the end the rows of every stage, less measured columns, must be equal.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from codedpo.pipeline import STAGE_NAMES
from comparing import drops, rows
from conftest import FUNCTION, MIT, run_settings
from killing import kept_answers, run_until, text_of
from loopback import LoopbackLLM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=0)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="codedpo-kill-"))
    try:
        with LoopbackLLM() as server:
            _compare(folder, server, arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compare(folder: Path, server: LoopbackLLM, arguments: argparse.Namespace) -> None:
    source = _write_source(folder / "source", arguments.tasks)
    seconds = _run_whole(folder / "whole", source, server, arguments)
    print(f"left alone: {seconds:.1f} s, {len(server.requests)} requests")
    draw = random.Random(arguments.seed)
    settings = _write_settings(folder / "killed", source, server, arguments)
    (folder / "scratch").mkdir()
    whole, kills, twice, ends = len(server.requests), 0, 0, 0
    while kills < arguments.kills:
        kept, asked = kept_answers(folder / "killed" / "llm_cache", server.requests), len(server.requests)
        started, moment = time.monotonic(), draw.uniform(1, seconds)
        was_killed = run_until(settings, folder / "scratch", lambda: time.monotonic() - started > moment)  # noqa: B023
        again = kept & {text_of(payload) for payload in server.requests[asked:]}
        twice += len(again)
        kills += was_killed
        ends += not was_killed
        stages = [name for name in STAGE_NAMES if list((folder / "killed" / name).glob("0*.parquet"))]
        print(
            f"{'killed' if was_killed else 'ended'} after {moment:4.1f} s, in {stages[-1] if stages else 'the start'}: "
            f"{len(kept)} answers kept before, {len(server.requests) - asked} requests, {len(again)} of them twice"
        )
        if not was_killed:  # it is complete: begin another one
            _assert_equal(folder)
            shutil.rmtree(folder / "killed")
    run_until(settings, folder / "scratch", lambda: False)
    _assert_equal(folder)
    print(f"{kills} kills, {ends + 1} complete runs, all rows equal; {twice} requests for an answer that was kept;")
    print(f"{len(server.requests) - whole} requests in all, {whole} for a run that is left alone")


def _write_source(folder: Path, count: int) -> Path:
    folder.mkdir()
    (folder / "LICENSE").write_text(MIT)
    names = [f"group_{number}" for number in range(count)]
    (folder / "groups.py").write_text("".join(FUNCTION.format(name=n, number=i) for i, n in enumerate(names)))
    return folder


def _write_settings(folder: Path, source: Path, server: LoopbackLLM, arguments: argparse.Namespace) -> Path:
    settings: dict[str, Any] = {
        **run_settings(folder, source, server.base_url),
        "workers": 0,
        "executor": {"processes": arguments.processes},
    }
    path = folder.with_suffix(".json")
    path.write_text(json.dumps(settings))
    return path


def _run_whole(folder: Path, source: Path, server: LoopbackLLM, arguments: argparse.Namespace) -> float:
    started = time.monotonic()
    run_until(_write_settings(folder, source, server, arguments), folder.parent, lambda: False)
    return time.monotonic() - started


def _assert_equal(folder: Path) -> None:
    for stage in STAGE_NAMES:
        assert rows(folder / "killed", stage) == rows(folder / "whole", stage), stage
    assert drops(folder / "killed") == drops(folder / "whole")


if __name__ == "__main__":
    main()
