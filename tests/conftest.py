"""Shared fixtures: benchmark data, a folder of source code, and a run configuration against the loopback LLM."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "train")]
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # models are tiny here: more threads only wait for each other

from loopback import LoopbackLLM

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")
FUNCTION = '''
def {name}(items, size):
    """Return the {name} groups of *size* items."""
    groups = []
    for start in range({number}, len(items), size):
        groups.append(items[start:start + size])
    return groups
'''
MIT = "Permission is hereby granted, free of charge ... The above copyright notice and this permission notice ..."


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(os.environ.get("CODEDPO_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the benchmark data are not at {folder}; set CODEDPO_DATA")
    return folder


@pytest.fixture
def loopback() -> Iterator[LoopbackLLM]:
    with LoopbackLLM() as server:
        yield server


@pytest.fixture
def source_folder(tmp_path: Path) -> Path:
    return write_source(tmp_path / "source")


def write_source(folder: Path) -> Path:
    """A folder of ten functions under the MIT licence."""
    folder.mkdir()
    (folder / "LICENSE").write_text(MIT)
    functions = (FUNCTION.format(name=name, number=number) for number, name in enumerate(NAMES))
    (folder / "groups.py").write_text("".join(functions))
    return folder


def run_settings(folder: Path, source: Path, base_url: str) -> dict[str, Any]:
    """A configuration as a nested dict: ten seeds, shards of four, small samples."""
    return {
        "run_folder": str(folder),
        "shard_size": 4,
        "workers": 1,
        "cache": str(folder.parent / "cache"),
        "llm": {"kind": "openai", "model": "m", "base_url": base_url, "max_retries": 1, "retry_seconds": 0.01},
        "sandbox": {"cpu_seconds": 1},
        "seeds": {"sources": [{"kind": "folder", "path": str(source)}]},
        "samples": {"n_solutions": 6, "n_tests": 8, "input_generators": 0, "choices_per_request": 4},
        "timings": {"rounds": 3, "looks": [2]},
    }
