"""How fast are functions turned into seeds, and in how much memory?

    python perf/seeds.py speed                      real files, from a folder: functions per processor second
    python perf/seeds.py scale --functions 1000000  real functions, perturbed, from a Parquet file: memory

`speed` runs the stage on a sample of the files of site-packages and the standard library, tests left out. Reading and
parsing files are timed apart (with the freeing of the trees); all else is filters, duplicates and benchmarks. `scale`
makes one table per number of functions: copies of real top-level functions in which a share of the names and numbers,
another one for each copy, is changed, so that some are equal, some near-duplicates and most neither. Each table goes
through the stage in a process of its own.
"""

from __future__ import annotations

import argparse
import ast
import keyword
import multiprocessing
import random
import re
import sysconfig
import tempfile
import time
import warnings
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
from codedpo.sources import Folder, SourceFile, Table
from codedpo.stages import seeds
from codedpo.stages.seeds import ExtractSeeds

FUNCTIONS_PER_FILE = 10
TESTS = frozenset(("test", "tests", "testing"))
EQUAL, MAX_RENAMED = 0.05, 0.8
"""Share of the copies that are not changed; largest share of a copy's words that get another name."""
_WORD = re.compile(r"\b[a-z_]\w{2,}\b|\b\d+\b")


@dataclass
class Clock:
    """Processor seconds and calls by step, characters read."""

    seconds: Counter[str] = field(default_factory=Counter[str])
    calls: Counter[str] = field(default_factory=Counter[str])
    read: int = 0
    parsed: int = 0
    held: list[ast.Module | None] = field(default_factory=list[ast.Module | None])

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            start = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[step] += time.process_time() - start
                self.calls[step] += 1

        return call

    def parsing(self, parse: Callable[[str], ast.Module | None]) -> Callable[[str], ast.Module | None]:
        """Holds each tree, so that freeing it can be on the clock too."""

        def call(text: str) -> ast.Module | None:
            self.held.append(parse(text))
            self.parsed += len(text)
            return self.held[0]

        return self.timed("parsing files", call)

    def freeing(self, found: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """Frees the tree when all was found in a file."""

        def call(*arguments: Any) -> Iterator[Any]:
            yield from found(*arguments)
            self.timed("parsing files", self.held.clear)()

        return call

    def reading(self, files: Callable[..., Iterator[SourceFile]]) -> Callable[..., Iterator[SourceFile]]:
        def call(*arguments: Any) -> Iterator[SourceFile]:
            step = self.timed("reading files", files(*arguments).__next__)
            while True:
                try:
                    file = step()
                except StopIteration:
                    return
                self.read += len(file.text)
                yield file

        return call


def real_files() -> list[Path]:
    """Those of site-packages and the standard library without their tests, in random order of a fixed seed."""
    library, packages = (Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib"))
    own = [path for path in sorted(library.rglob("*.py")) if "site-packages" not in path.parts]
    files = [path for path in (*own, *sorted(packages.rglob("*.py"))) if not TESTS.intersection(path.parts)]
    random.Random(0).shuffle(files)
    return files


def real_functions(count: int) -> list[str]:
    """Top-level functions of real files, `count` at most."""
    found: list[str] = []
    for path in real_files():
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(text).body
        except (SyntaxError, ValueError):
            continue
        lines = text.splitlines()
        nodes = [node for node in body if isinstance(node, ast.FunctionDef)]
        found += ["\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in nodes]
        if len(found) >= count:
            break
    return found[:count]


def perturbed(code: str, draw: random.Random) -> str:
    """A copy in which a share of the names and numbers is another one."""
    if draw.random() < EQUAL:
        return code
    share = draw.random() * MAX_RENAMED
    names = {word for word in set(_WORD.findall(code)) if draw.random() < share and not keyword.iskeyword(word)}
    suffix = f"_{draw.randrange(10**6)}"

    def change(match: re.Match[str]) -> str:
        word = match[0]
        if word not in names:
            return word
        return str(draw.randrange(1000)) if word.isdigit() else word + suffix

    return _WORD.sub(change, code)


def write_table(path: Path, count: int, originals: list[str]) -> None:
    """Write `count` functions, ten to a row."""
    draw = random.Random(0)
    schema = pa.schema({"content": pa.string()})
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, count, FUNCTIONS_PER_FILE * 100):
            files = list(_files(min(FUNCTIONS_PER_FILE * 100, count - start), originals, draw))
            writer.write_table(pa.table({"content": files}, schema=schema))


def _files(count: int, originals: list[str], draw: random.Random) -> Iterator[str]:
    for start in range(0, count, FUNCTIONS_PER_FILE):
        functions = draw.choices(originals, k=min(FUNCTIONS_PER_FILE, count - start))
        yield "\n\n\n".join(perturbed(code, draw) for code in functions)


def copy_files(target: Path, megabytes: float) -> None:
    """A sample of the real files, so many megabytes of it."""
    copied = 0
    for number, path in enumerate(real_files()):
        content = path.read_bytes()
        place = target / str(number // 500) / f"{number}-{path.name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        copied += len(content)
        if copied > megabytes * 1e6:
            return


def context(folder: Path, dropped: Counter[str]) -> Context:
    def drop(what: str, id: str, reason: str, detail: str = "") -> None:
        dropped[f"{what}: {reason}"] += 1

    return Context(SimpleNamespace(benchmarks=load_index), 0, folder / "cache", drop, lambda **_: None)  # pyright: ignore


def functions_in(kept: int, dropped: Counter[str]) -> int:
    return kept + sum(count for reason, count in dropped.items() if reason.startswith("row: "))


def speed(megabytes: float) -> None:
    clock, dropped = Clock(), Counter[str]()
    stage: Any = ExtractSeeds
    patched: Any = seeds
    Folder.files = clock.reading(Folder.files)
    patched.parse_file = clock.parsing(patched.parse_file)
    stage._found = clock.freeing(stage._found)
    stage._near_copies = clock.timed("near-duplicates", stage._near_copies)
    Index.matches = clock.timed("benchmarks", Index.matches)
    load_index().matches("def f(): pass")  # read and sieved once for each process
    clock.seconds.clear()
    clock.calls.clear()
    with tempfile.TemporaryDirectory() as folder:
        copy_files(Path(folder) / "code", megabytes)
        source = Folder(path=f"{folder}/code", licence="MIT")
        start = time.process_time()
        kept = sum(1 for _ in ExtractSeeds(sources=(source,))((), context(Path(folder), dropped)))
        seconds = time.process_time() - start
    report(clock, seconds, functions_in(kept, dropped))
    print(f"kept {kept:,}; left out: " + ", ".join(f"{reason} {count:,}" for reason, count in dropped.most_common()))


def report(clock: Clock, seconds: float, count: int) -> None:
    spent = clock.seconds
    for step, characters in (("reading files", clock.read), ("parsing files", clock.parsed)):
        print(f"{step:<18} {spent[step]:7.1f} s   {characters / 1e6 / spent[step]:6.2f} MB/s")
    work = seconds - spent["reading files"] - spent["parsing files"]
    compared = clock.calls["benchmarks"]
    rules = work - spent["near-duplicates"] - spent["benchmarks"]
    steps = {"filters": (rules, count), "near-duplicates": (spent["near-duplicates"], compared)}
    for step, (cost, reached) in {**steps, "benchmarks": (spent["benchmarks"], compared)}.items():
        print(f"{step:<18} {cost:7.1f} s   {cost / reached * 1e6:6.0f} us for each of {reached:,} functions")
    print(f"together           {work:7.1f} s   {count / work:,.0f} of {count:,} functions a second (asked: 2,000)")


def scale(counts: list[int], originals: int) -> None:
    functions = real_functions(originals)
    print(f"copies of {len(functions):,} real functions; MB above what the process had before", flush=True)
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            write_table(Path(folder) / "functions.parquet", count, functions)
            process = multiprocessing.get_context("spawn").Process(target=scale_one, args=(folder, count))
            process.start()
            process.join()


def scale_one(folder: str, asked: int) -> None:
    """Run the stage on the table in the folder, in a process of its own, and print what it took."""
    dropped, peaks = Counter[str](), dict[str, float]()
    load_index().matches("def f(): pass")
    before = memory_mb("VmRSS")
    stage: Any = ExtractSeeds
    near_copies = stage._near_copies

    def watched(self: ExtractSeeds, *arguments: Any) -> Any:
        peaks["reading"] = memory_mb("VmHWM") - before
        try:
            return near_copies(self, *arguments)
        finally:
            peaks["near-duplicates"] = memory_mb("VmHWM") - before
            peaks["candidates"] = len(arguments[1])

    stage._near_copies = watched
    start = time.process_time()
    source = Table(paths=(f"{folder}/functions.parquet",), licence="MIT")
    kept = sum(1 for _ in ExtractSeeds(sources=(source,))((), context(Path(folder), dropped)))
    seconds = time.process_time() - start
    count, peak = functions_in(kept, dropped), memory_mb("VmHWM") - before
    candidates = peaks["candidates"]
    print(
        f"{count:>9,} of {asked:,} functions parsed and counted, {seconds:,.0f} s: reading {peaks['reading']:,.0f} MB,"
        f" then near-duplicates {peaks['near-duplicates']:,.0f} MB, to the end {peak:,.0f} MB:"
        f" {peak * 1e6 / count:,.0f} bytes a function,"
        f" {peak * 1e6 / candidates:,.0f} for each of {candidates:,} that keep the rules; kept {kept:,}; left out: "
        + ", ".join(f"{reason} {number:,}" for reason, number in dropped.most_common()),
        flush=True,
    )


def memory_mb(key: str) -> float:
    """`VmRSS` is what this process has, `VmHWM` the most that it had."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{key}:\s+(\d+)", status)[1]) / 1000 * 1.024  # pyright: ignore


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("speed", "scale"))
    parser.add_argument("--megabytes", type=float, default=60, help="of files, for `speed`")
    parser.add_argument("--functions", type=int, nargs="+", default=[20_000], help="for `scale`")
    parser.add_argument("--originals", type=int, default=20_000, help="real functions that the copies are made from")
    arguments = parser.parse_args()
    if arguments.part == "speed":
        speed(arguments.megabytes)
    else:
        scale(arguments.functions, arguments.originals)


if __name__ == "__main__":
    main()
