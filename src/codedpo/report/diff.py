"""Two programs in, aligned lines with their changes out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class DiffLine:
    """One line of each side; empty text where a side has none."""

    rejected: str
    chosen: str
    same: bool


def side_by_side(rejected: str, chosen: str) -> list[DiffLine]:
    """Align two programs line by line."""
    left, right = rejected.splitlines(), chosen.splitlines()
    lines: list[DiffLine] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for offset in range(max(i2 - i1, j2 - j1)):
            old = left[i1 + offset] if i1 + offset < i2 else ""
            new = right[j1 + offset] if j1 + offset < j2 else ""
            lines.append(DiffLine(old, new, tag == "equal"))
    return lines
