"""A plug-in's name in, its class out: a name in a registry, or `package.module:Class`."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from codedpo.errors import ConfigError

T = TypeVar("T")


def resolve(name: str, registry: Mapping[str, T], where: str) -> T:
    """The registered or foreign plug-in of that name.

    Raises:
        ConfigError: no such name, module or class; says `where` in the configuration.
    """
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"{where}: '{name}' cannot be loaded: {error}") from error
    if name not in registry:
        raise ConfigError(f"{where}: '{name}' is unknown{did_you_mean(name, registry)}")
    return registry[name]


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'x'? Choose from: ...` for an error text."""
    known = sorted(choices)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else "."
    return f"{hint} Choose from: {', '.join(known)}"
