"""A whole data run against a loopback server with canned completions: rates, memory, disk, and what kills change.

    python perf/data_run.py [--tasks 2000] [--kills 3] [--rate 400] [--errors 0.02]

Seeds come from real packages of this environment. The run is killed with its whole process tree at random moments and
started again until it ends; another one is left alone up to `rankings`, and the rows of the two are compared. Prints
the table of docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import pyarrow.parquet as pq

from codedpo.pipeline import STAGE_NAMES
from comparing import rows
from killing import descendants, run_until

PACKAGES = ("networkx", "sympy", "numpy", "pandas", "matplotlib", "datasets", "transformers", "trl", "peft", "fsspec")
COMPARED = ("seeds", "tasks", "samples", "executions", "rankings")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=2000, help="seeds that are drawn; a few give no task")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--rate", type=float, default=400.0, help="completions a second that the server gives")
    parser.add_argument("--errors", type=float, default=0.02)
    parser.add_argument("--length", type=float, default=2.0, help="factor on the length of solutions")
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--folder", default="", help="where to work; kept")
    arguments = parser.parse_args()
    folder = Path(arguments.folder or tempfile.mkdtemp(prefix="codedpo-data-"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scratch").mkdir(exist_ok=True)
    try:
        _alone_and_killed(folder, arguments)
    finally:
        if not arguments.folder:
            shutil.rmtree(folder, ignore_errors=True)


def _alone_and_killed(folder: Path, arguments: argparse.Namespace) -> None:
    with _server(arguments) as base_url:
        alone = _Watch(folder / "alone")
        alone.run(_settings(folder / "alone", base_url, arguments), folder / "scratch", "rankings")
        asked = _stats(base_url)
    print(f"left alone, up to rankings: {alone.seconds:.0f} s, {asked['requests']:,} requests")
    with _server(arguments) as base_url:
        killed = _Watch(folder / "killed")
        settings = _settings(folder / "killed", base_url, arguments)
        draw = random.Random(0)
        for number in range(arguments.kills):
            late = number == arguments.kills - 1  # while run times are measured, which takes longest
            moment = draw.uniform(1.0, 1.5) if late else draw.uniform(0.1, 0.9)
            killed.run(settings, folder / "scratch", "", kill_after=moment * alone.seconds)
            print(f"killed after {killed.seconds:.0f} s, {killed.finished_shards()} shards were done", flush=True)
        killed.run(settings, folder / "scratch", "")
        again = _stats(base_url)
        whole, seconds = killed.peak_mb, killed.seconds
        killed.run(settings, folder / "scratch", "")
        rerun = _stats(base_url)
    assert not killed.changed, f"finished shards were written again: {killed.changed}"
    for stage in COMPARED:
        assert rows(folder / "alone", stage) == rows(folder / "killed", stage), stage
    print(f"{arguments.kills} kills: rows of {', '.join(COMPARED)} equal those of the run that was left alone;")
    print(
        f"{again['requests']:,} requests instead of {asked['requests']:,}, of which {again['repeated']:,} had been "
        f"answered before and were lost with the process; no finished shard was written again"
    )
    print(f"finished run started again: {killed.seconds:.1f} s, {rerun['requests'] - again['requests']} requests")
    _table(folder / "killed", again)
    print(f"last start {seconds:.0f} s; peak memory of the process tree {max(whole, alone.peak_mb):.0f} MB (PSS)")


@contextmanager
def _server(arguments: argparse.Namespace) -> Iterator[str]:
    options = ["--rate", arguments.rate, "--errors", arguments.errors, "--length", arguments.length, "--latency", 0.2]
    command = [sys.executable, str(Path(__file__).with_name("loopback.py")), *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def _stats(base_url: str) -> dict[str, int]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{base_url}/stats") as answer:
        return json.load(answer)


def _settings(folder: Path, base_url: str, arguments: argparse.Namespace) -> Path:
    root = Path(sysconfig.get_paths()["purelib"])
    sources = [
        {"kind": "folder", "path": str(root / name), "licence": "BSD-3-Clause"}
        for name in PACKAGES
        if (root / name).is_dir()
    ]
    settings: dict[str, Any] = {
        "run_folder": str(folder),
        "limit": arguments.tasks,
        "shard_size": 64,
        "cache": str(folder.parent / "cache"),
        "executor": {"processes": arguments.processes},
        "llm": {"kind": "openai", "model": "canned", "base_url": base_url, "concurrency": 64, "retry_seconds": 0.2},
        "seeds": {"sources": sources},
        "samples": {"n_solutions": 15, "n_tests": 15},
    }
    path = folder.with_suffix(".json")
    path.write_text(json.dumps(settings))
    return path


@dataclass
class _Watch:
    """A run that is started once or more often, and what it takes."""

    folder: Path
    peak_mb: float = 0.0
    seconds: float = 0.0
    """Of the last start."""
    changed: list[str] = field(default_factory=list)
    """Shards that were finished before a start and written again in it."""
    _sampled: float = 0.0

    def run(self, settings: Path, scratch: Path, until: str, kill_after: float = float("inf")) -> None:
        before = self._shards()
        started = time.monotonic()

        def is_time() -> bool:
            now = time.monotonic()
            if now - self._sampled > 1:
                self._sampled = now
                self.peak_mb = max(self.peak_mb, _tree_mb(os.getpid()))
            return now - started > kill_after

        run_until(settings, scratch, is_time, until)
        self.seconds = time.monotonic() - started
        after = self._shards()
        self.changed += [name for name, written in before.items() if after.get(name) != written]

    def finished_shards(self) -> int:
        return len(self._shards())

    def _shards(self) -> dict[str, int]:
        found = self.folder.glob("*/[0-9]*.parquet")
        return {str(path): path.stat().st_mtime_ns for path in found if ".dropped" not in path.name}


def _tree_mb(root: int) -> float:
    """Proportional set size of the run's process tree: this script and the server are not in it."""
    total = 0
    for pid in descendants(root):
        try:
            if b"loopback.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                continue
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
    return total / 1024


def _table(folder: Path, asked: dict[str, int]) -> None:
    print("\n| stage | rows | rows/s | what was done | MB on disk |\n|---|---|---|---|---|")
    manifest = json.loads((folder / "manifest.json").read_text())["stages"]
    for stage in STAGE_NAMES:
        paths = [folder / name for name in manifest[stage]["shards"]]
        times = sorted(path.stat().st_mtime for path in paths)
        count, size = manifest[stage]["rows"], sum(path.stat().st_size for path in (folder / stage).iterdir())
        span = times[-1] - times[0]
        rate = f"{count * (len(paths) - 1) / len(paths) / span:.1f}" if span else "-"
        print(f"| {stage} | {count:,} | {rate} | {_done(stage, paths)} | {size / 1e6:.1f} |")
    cache = sum(path.stat().st_size for path in (folder / "llm_cache").iterdir())
    print(
        f"\n{asked['completions']:,} completions, {asked['prompt_tokens']:,} prompt and {asked['completion_tokens']:,} "
        f"completion tokens, {asked['faults']:,} faults; answers kept: {cache / 1e6:.0f} MB"
    )


def _done(stage: str, paths: list[Path]) -> str:
    if stage == "executions":
        cells = sum(len(row["data"]) for path in paths for row in pq.read_table(path)["outcomes"].to_pylist())
        return f"{cells:,} cells"
    if stage == "samples":
        tables = [pq.read_table(path, columns=["solutions", "tests"]) for path in paths]
        parts = [
            (name, [len(x) for table in tables for x in table[name].to_pylist()]) for name in ("solutions", "tests")
        ]
        return ", ".join(f"{sum(lengths):,} {name}" for name, lengths in parts)
    if stage == "pairs":
        kinds = [kind for path in paths for kind in pq.read_table(path, columns=["kind"])["kind"].to_pylist()]
        return ", ".join(f"{kinds.count(kind):,} {kind}" for kind in sorted(set(kinds)))
    return ""


if __name__ == "__main__":
    main()
