"""Stand-in until DEDUP is merged; not committed."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    benchmark: str
    item: str
    how: str


class Index:
    def __init__(self, paths: Mapping[str, str]):
        self.paths = paths
        self.checked: tuple[str, ...] = ("humaneval",)
        self.unchecked: tuple[str, ...] = ("effibench",)

    def matches(self, code: str, text: str = "", entry_point: str = "") -> Match | None:
        found = entry_point == "has_close_elements" and "numbers" in code
        return Match("humaneval", "HumanEval/0", "entry point") if found else None


def load_index(paths: Mapping[str, str] = {}) -> Index:
    return Index(paths)
