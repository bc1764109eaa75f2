"""codedpo turns source code and any language model into a better code model (CodeDPO, arXiv 2410.05605).

The names below are the public API; they are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codedpo.config import Config, load_config
    from codedpo.job import run
    from codedpo.rankers import RANKERS, Scores, rank, rank_many
    from codedpo.records import Execution, Outcome
    from codedpo.sandbox import Limits, cross_execute, cross_execute_many
    from codedpo.scores import pass_at_k

__version__ = "0.1.0"

_HOMES = {
    "Config": "config",
    "load_config": "config",
    "pass_at_k": "scores",
    "run": "job",
    "RANKERS": "rankers",
    "Scores": "rankers",
    "rank": "rankers",
    "rank_many": "rankers",
    "Execution": "records",
    "Outcome": "records",
    "Limits": "sandbox",
    "cross_execute": "sandbox",
    "cross_execute_many": "sandbox",
}

__all__ = [
    "RANKERS",
    "Config",
    "Execution",
    "Limits",
    "Outcome",
    "Scores",
    "cross_execute",
    "cross_execute_many",
    "load_config",
    "pass_at_k",
    "rank",
    "rank_many",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'codedpo' has no attribute '{name}'")
    return getattr(importlib.import_module(f"codedpo.{_HOMES[name]}"), name)
