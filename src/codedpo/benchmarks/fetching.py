"""The address of a benchmark's published file in, a copy of it on this machine out."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codedpo.errors import RecordError
from codedpo.places import Remote, place, whole_file

_PART_BYTES = 1 << 24


def with_local_files(options: Mapping[str, Mapping[str, Any]], cache: Path) -> dict[str, dict[str, Any]]:
    """The section `benchmarks` with a local file in place of each `path` that is an address.

    Args:
        cache: folder for what is fetched; a file there is not fetched again.

    Raises:
        RecordError: an address cannot be read.
        ConfigError: nothing here reads addresses of its kind.
    """
    return {
        name: {
            key: str(_local(place(value), cache, name)) if key == "path" and "://" in str(value) else value
            for key, value in fields.items()
        }
        for name, fields in options.items()
    }


def _local(remote: Path | Remote, cache: Path, name: str) -> Path:
    address = str(remote)
    target = cache / "benchmarks" / hashlib.sha256(address.encode()).hexdigest()[:16] / remote.name
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with remote.open("rb") as source, whole_file(target) as copy:
            shutil.copyfileobj(source, copy, _PART_BYTES)
    except Exception as error:  # each store behind fsspec has exceptions of its own
        raise RecordError(
            f"benchmarks.{name}.path: {address} cannot be read: {error}; check the address, or name a local file"
        ) from error
    return target
