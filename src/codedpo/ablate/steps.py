"""Settings and pairs in, how many optimiser steps a training would take out; settings that take a given number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from codedpo.errors import ConfigError
from codedpo.train.data import TokenisedPair
from codedpo.train.methods import method_of
from codedpo.train.rows import best_of_each_task, label
from codedpo.train.settings import Train


def rows_of(settings: Train, pairs: Sequence[TokenisedPair]) -> int:
    """What an epoch of the last method has: pairs, for KTO single programs, for SFT one solution of each task."""
    return _rows(settings.only(settings.chain[-1]), pairs)


def steps_of(settings: Train, pairs: Sequence[TokenisedPair]) -> int:
    """Optimiser steps, of all methods of the chain, that `epochs` come to, as transformers' Trainer counts them."""
    parts = [settings.only(method) for method in settings.chain]
    return sum(part.steps or math.ceil(part.epochs * math.ceil(_rows(part, pairs) / part.batch_size)) for part in parts)


def with_steps(settings: Train, steps: int) -> Train:
    """The same settings for so many optimiser steps; the methods of a chain share them evenly.

    Raises:
        ConfigError: a chain of more methods than there are steps.
    """
    chain = settings.chain
    if steps < len(chain):
        raise ConfigError(f"ablate: {steps} optimiser steps are too few for {'+'.join(chain)}; raise train.steps")
    parts = {name: steps // len(chain) for name in chain}
    parts[chain[-1]] += steps % len(chain)
    own = {name: {**settings.by_method.get(name, {}), "steps": count} for name, count in parts.items()}
    return replace(settings, steps=steps, by_method=own if len(chain) > 1 or settings.by_method else {})


def _rows(settings: Train, pairs: Sequence[TokenisedPair]) -> int:
    method = method_of(settings.chain[0])
    if method.trainer == "sft":
        return len(best_of_each_task(pairs))
    if method.trainer == "kto":
        rows = max(settings.device_batch_size, method.least_device_rows) * settings.launch.world
        return len(label(pairs, rows=rows, seed=0, max_length=settings.max_length).rows)
    return len(pairs)
