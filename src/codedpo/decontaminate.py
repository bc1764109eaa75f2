"""LOCAL STAND-IN, never committed."""

from __future__ import annotations
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    benchmark: str
    item: str
    how: str


class Index:
    checked: tuple[str, ...] = ("humaneval",)
    unchecked: tuple[str, ...] = ()

    def matches(self, code: str, text: str = "", entry_point: str = "") -> Match | None:
        for part in (code, text):
            if "abs(elem - elem2)" in part or "are any two numbers closer to each other" in part:
                return Match("humaneval", "HumanEval/0", "substring")
        return None


def load_index(paths: Mapping[str, str] = {}) -> Index:
    return Index()


def similarity(texts: Iterable[str]) -> float:
    n = sum(1 for _ in texts)
    return 0.1 if n else 0.0
