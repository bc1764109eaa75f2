"""A preference pair in, lines out: why it was chosen, and how the chosen program differs from the rejected one."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator

from rich.text import Text

from codedpo.records import Pair
from codedpo.show.matrix import duration
from codedpo.show.safe import visible

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def pair_lines(pair: Pair) -> Iterator[Text]:
    """Scores, margin and times, then the whole programs as one unified diff."""
    scores = f"score {pair.chosen_score:.4g} against {pair.rejected_score:.4g}, margin {pair.margin:.3g}"
    yield Text(f"chosen s{pair.chosen_index}, rejected s{pair.rejected_index}; {scores}{_times(pair)}")
    rejected, chosen = visible(pair.rejected_program).split("\n"), visible(pair.chosen_program).split("\n")
    names = f"rejected s{pair.rejected_index}", f"chosen s{pair.chosen_index}"
    whole = max(len(rejected), len(chosen))
    for line in difflib.unified_diff(rejected, chosen, *names, lineterm="", n=whole):
        if not line.startswith("@@"):  # the whole programs are shown: one hunk
            yield Text(line, style=_COLOURS.get(line[:1], ""))


def _times(pair: Pair) -> str:
    if math.isnan(pair.chosen_seconds) or math.isnan(pair.rejected_seconds):
        return ""
    ratio = f" ({pair.rejected_seconds / pair.chosen_seconds:.2f} times)" if pair.chosen_seconds else ""
    growth = (
        f", growth {pair.chosen_growth:.1f} against {pair.rejected_growth:.1f}" if pair.timed_on == "inputs" else ""
    )
    return f"; {duration(pair.chosen_seconds)} against {duration(pair.rejected_seconds)}{ratio}{growth}"
