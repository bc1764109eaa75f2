"""The index that comes with the package, and indices of local benchmark files: from disk to memory and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from codedpo.benchmarks.texts import TEXT_SOURCES, benchmark_texts
from codedpo.decontaminate.building import build, collect, common_hashes
from codedpo.decontaminate.index import Group, Index, merge
from codedpo.errors import ConfigError

_FILE = "benchmarks.npz"


def load_index(paths: Mapping[str, str] | None = None) -> Index:
    """The index of all benchmarks at hand: from local files where a path is given, else from the package.

    What is generic is told by the shipped whitelist and, for local files, by what several of their problems share.

    Args:
        paths: benchmark name -> its published file or the folder that holds it.

    Raises:
        ConfigError: a name without a text loader.
        RecordError: a file is missing or is not that benchmark's.
    """
    for name in paths or {}:
        if name not in TEXT_SOURCES:
            raise ConfigError(f"decontamination: '{name}' has no text loader; choose from: {', '.join(TEXT_SOURCES)}")
    with resources.as_file(resources.files("codedpo.decontaminate") / _FILE) as file:
        shipped = read_index(file)
    if not paths:
        return shipped
    texts = [text for name, path in paths.items() for text in benchmark_texts(name, path)]
    evidence = [part for text in texts for part in collect(text)]
    local = build(texts, evidence, np.union1d(shipped.generic, common_hashes(evidence)))
    return merge(local, shipped)


def write_index(index: Index, file: Path) -> None:
    """Write an index as arrays of hashes; the only text in it are the problems' names."""
    problems = list(dict.fromkeys((group.benchmark, group.item) for group in index.groups))
    numbers = {problem: number for number, problem in enumerate(problems)}
    lines = json.dumps({"problems": problems, "checked": index.checked}).encode()
    np.savez_compressed(
        file,
        hashes=index.hashes,
        members=index.members.astype(np.uint16 if len(index.groups) < 1 << 16 else np.uint32),
        kinds=np.array([group.kind for group in index.groups], np.uint8),
        problems=np.array([numbers[group.benchmark, group.item] for group in index.groups], np.uint16),
        names=np.array(sorted(index.names), np.uint64),
        generic=index.generic,
        text=np.frombuffer(lines, np.uint8),
    )


def read_index(file: Path) -> Index:
    """Read what `write_index` wrote."""
    with np.load(file, allow_pickle=False) as data:
        text = json.loads(data["text"].tobytes())
        problems: list[list[str]] = text["problems"]
        numbers: list[int] = data["problems"].tolist()
        kinds: list[int] = data["kinds"].tolist()
        groups = tuple(
            Group(problems[number][0], problems[number][1], kind) for number, kind in zip(numbers, kinds, strict=True)
        )
        return Index(
            groups=groups,
            hashes=data["hashes"],
            members=data["members"].astype(np.uint32),
            names=frozenset(data["names"].tolist()),
            generic=data["generic"],
            checked=tuple(text["checked"]),
        )
