"""Names of tasks in, those out that are kept from training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def hold_out(tasks: Iterable[str], share: float) -> frozenset[str]:
    """The tasks that are not trained on: that share of them, at least one of two or more.

    They are chosen by a hash of their names before there are pairs, so that every ranker, method and subset of the
    data is measured on the same ones.
    """
    ordered = sorted(set(tasks), key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    count = max(1, round(share * len(ordered))) if share and len(ordered) > 1 else 0
    return frozenset(ordered[:count])
