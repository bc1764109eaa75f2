"""How fast are functions turned into seeds, and in how much memory? `python perf/seeds.py [--functions N]`.

Real functions of the packages of this environment, perturbed until there are N of them: every copy gets other numbers
and other names for a share of its words, so that some are equal, some are near-duplicates and most are neither. The
stage itself runs on them, from a Parquet file, on one core; the time of its steps is taken apart by their calls.
"""

from __future__ import annotations

import argparse
import ast
import keyword
import random
import re
import resource
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codedpo.context import Context
from codedpo.decontaminate import Index, load_index
from codedpo.sources import Table
from codedpo.stages import seeds
from codedpo.stages.seeds import ExtractSeeds

FUNCTIONS_PER_FILE = 10
RENAMED, EQUAL = 0.5, 0.05
"""Share of a copy's words with another name; share of the copies that are not changed."""
_WORD = re.compile(r"\b[a-z_]\w{2,}\b|\b\d+\b")


@dataclass
class Clock:
    """Processor seconds by step."""

    seconds: Counter[str] = field(default_factory=Counter[str])

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            start = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[step] += time.process_time() - start

        return call


def real_functions(count: int) -> list[str]:
    """Documented functions of the installed packages, `count` at most."""
    found: list[str] = []
    for path in sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            body = ast.parse(text).body
        except (SyntaxError, ValueError):
            continue
        lines = text.splitlines()
        for node in body:
            if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
                found.append("\n".join(lines[node.lineno - 1 : node.end_lineno]))
        if len(found) >= count:
            break
    return found[:count]


def perturbed(code: str, draw: random.Random) -> str:
    """A copy in which a share of the names and numbers is another one."""
    if draw.random() < EQUAL:
        return code
    names = {word for word in _WORD.findall(code) if draw.random() < RENAMED}
    suffix = f"_{draw.randrange(10**6)}"

    def change(match: re.Match[str]) -> str:
        word = match[0]
        if word not in names or keyword.iskeyword(word):
            return word
        return str(draw.randrange(1000)) if word.isdigit() else word + suffix

    return _WORD.sub(change, code)


def write_table(path: Path, count: int, originals: list[str]) -> float:
    """Write `count` functions; returns the megabytes of code."""
    draw = random.Random(0)
    schema = pa.schema({"content": pa.string()})
    size = 0
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, count, FUNCTIONS_PER_FILE * 100):
            files = list(_files(min(FUNCTIONS_PER_FILE * 100, count - start), originals, draw))
            size += sum(map(len, files))
            writer.write_table(pa.table({"content": files}, schema=schema))
    return size / 1e6


def _files(count: int, originals: list[str], draw: random.Random) -> Iterator[str]:
    for start in range(0, count, FUNCTIONS_PER_FILE):
        functions = draw.choices(originals, k=min(FUNCTIONS_PER_FILE, count - start))
        yield "\n\n\n".join(perturbed(code, draw) for code in functions)


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=20_000)
    parser.add_argument("--originals", type=int, default=20_000, help="real functions that the copies are made from")
    arguments = parser.parse_args()
    originals = real_functions(arguments.originals)
    print(f"{len(originals):,} real functions, perturbed to {arguments.functions:,}")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "functions.parquet"
        megabytes = write_table(table, arguments.functions, originals)
        measure(Path(folder), table, arguments.functions, megabytes)


def measure(folder: Path, table: Path, count: int, megabytes: float) -> None:
    clock, dropped = Clock(), Counter[str]()
    for step, name in (("parsing", "parse_file"), ("near-duplicates", "NearDuplicates"), ("benchmarks", "load_index")):
        if step == "parsing":
            setattr(seeds, name, clock.timed(step, getattr(seeds, name)))
    near = seeds.NearDuplicates
    near.add = clock.timed("near-duplicates", near.add)  # pyright: ignore
    near.representatives = clock.timed("near-duplicates", near.representatives)  # pyright: ignore
    index = Index
    index.matches = clock.timed("benchmarks", index.matches)  # pyright: ignore

    def drop(what: str, id: str, reason: str, detail: str = "") -> None:
        dropped[reason] += 1

    context = Context(SimpleNamespace(benchmarks=load_index), 0, folder / "cache", drop, lambda **_: None)  # pyright: ignore
    before, start = memory_mb(), time.process_time()
    stage = ExtractSeeds(sources=(Table(paths=(str(table),), licence="MIT"),))
    kept = sum(1 for _ in stage((), context))
    seconds = time.process_time() - start
    work = seconds - clock.seconds["parsing"]
    print(f"parsing          {clock.seconds['parsing']:8.1f} s   {megabytes / clock.seconds['parsing']:.2f} MB/s")
    rest = work - clock.seconds["near-duplicates"] - clock.seconds["benchmarks"]
    for step, spent in (("rules and sorting", rest), *clock.seconds.items()):
        if step != "parsing":
            print(f"{step:<16} {spent:8.1f} s   {count / spent:,.0f} functions/s")
    print(f"all but parsing  {work:8.1f} s   {count / work:,.0f} functions/s (asked: 2,000)")
    print(
        f"memory           {memory_mb() - before:8.0f} MB  {(memory_mb() - before) * 1e6 / count:,.0f} bytes a function"
    )
    print(f"kept {kept:,}; left out: " + ", ".join(f"{reason} {number:,}" for reason, number in dropped.most_common()))


if __name__ == "__main__":
    main()
