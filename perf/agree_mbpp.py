"""MBPP's references judged here by its own asserts: `python perf/agree_mbpp.py`, data in $CODEDPO_DATA/mbpp."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agreeing import DATA, print_references

from codedpo.benchmarks.mbpp import Mbpp


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = Mbpp(path=str(DATA / "mbpp" / "mbpp.jsonl.gz"))
        print_references("MBPP", whole.problems(), Path(folder))
        sanitized = Mbpp(path=str(DATA / "mbpp" / "sanitized-mbpp.json"), sanitized=True)
        print_references("MBPP, sanitized", sanitized.problems(), Path(folder))


if __name__ == "__main__":
    main()
