"""Settings in, nothing or a clear error out."""

from __future__ import annotations

from typing import Any

from codedpo.errors import ConfigError


def require_at_least(settings: Any, section: str, **minimums: float) -> None:
    """Check `settings.<name> >= minimum` for each name.

    Raises:
        ConfigError: names the key, its value and the least that is allowed.
    """
    for name, minimum in minimums.items():
        value = getattr(settings, name)
        if value < minimum:
            key = f"{section}.{name}" if section else name
            raise ConfigError(f"{key}: {value} must be at least {minimum}")
