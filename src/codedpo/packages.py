"""A package's name and version in, its wheel on disk out: fetched with pip as data, never installed or imported."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from codedpo.errors import RecordError


def fetch_wheel(requirement: str, cache: Path) -> Path:
    """Download one pure-Python wheel, such as `toolz==1.2.0`, without its dependencies; kept in `cache`.

    Wheels, not source archives: pip runs a source archive's build script to learn its metadata.

    Raises:
        RecordError: pip cannot fetch it; holds pip's last line.
    """
    name, _, version = requirement.partition("==")
    folder = cache / "wheels"
    stem = name.replace("-", "_").lower()
    if version:
        for wheel in folder.glob("*.whl"):
            if wheel.name.lower().startswith(f"{stem}-{version}-"):
                return wheel
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        result = subprocess.run(
            [*command, "--dest", temporary, requirement], capture_output=True, text=True, check=False
        )
        wheels = list(Path(temporary).glob("*.whl"))
        if result.returncode or not wheels:
            lines = [line for line in result.stderr.splitlines() if line.strip()] or ["no wheel was downloaded"]
            raise RecordError(f"pip could not download '{requirement}': {lines[-1]}")
        return wheels[0].replace(folder / wheels[0].name)
