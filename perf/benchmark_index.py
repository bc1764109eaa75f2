"""Published benchmark files in, the hashed index that the package ships out.

    python perf/benchmark_index.py            writes src/codedpo/decontaminate/benchmarks.npz

Reads the benchmarks of `CODEDPO_DATA` (default ../shared/data). Generic is what more than two problems share, what the
standard library of this Python holds, and what is in textbook.txt; the shipped file was built with Python 3.11.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import numpy as np

from codedpo.benchmarks.texts import TEXT_SOURCES, benchmark_texts
from codedpo.decontaminate.building import build, collect, common_hashes, corpus_hashes, textbook_hashes
from codedpo.decontaminate.shipped import write_index

DATA = Path(os.environ.get("CODEDPO_DATA", Path(__file__).parents[2] / "shared" / "data"))
TARGET = Path(__file__).parents[1] / "src" / "codedpo" / "decontaminate" / "benchmarks.npz"
TEXTBOOK = Path(__file__).with_name("textbook.txt")
LEFT_OUT = ("site-packages", "test", "tests", "idlelib", "lib2to3")


def main() -> None:
    texts = [text for name in TEXT_SOURCES for text in benchmark_texts(name, DATA / name)]
    evidence = [part for text in texts for part in collect(text)]
    root = Path(sysconfig.get_paths()["stdlib"])
    files = (path for path in sorted(root.rglob("*.py")) if not set(path.relative_to(root).parts) & set(LEFT_OUT))
    library = corpus_hashes((path.read_text(errors="replace") for path in files), evidence)
    generic = np.unique(np.concatenate([common_hashes(evidence), library, textbook_hashes(TEXTBOOK.read_text())]))
    index = build(texts, evidence, generic)
    write_index(index, TARGET)
    print(f"{len(texts)} problems, {len(index.groups)} groups, {len(index.hashes)} hashes, {len(generic)} generic")
    print(f"{TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
