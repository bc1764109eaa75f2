"""A package's name and version in, its archive on disk out: fetched through pip as data, never run or installed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

from codedpo.errors import RecordError

_SOURCE_SUFFIXES = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")


def fetch_wheel(requirement: str, cache: Path) -> Path:
    """Download one wheel, such as `toolz==1.2.0`, without its dependencies; kept in `cache`.

    Raises:
        RecordError: pip cannot fetch it; holds pip's last line.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    return _cached(requirement, cache / "wheels", (".whl",), [*command, requirement, "--dest"])


def fetch_source_archive(requirement: str, cache: Path) -> Path:
    """Download one source archive; kept in `cache`. Nothing in it is run: `pip download` would run its build script.

    Raises:
        RecordError: there is none, or it cannot be fetched.
    """
    with resources.as_file(resources.files("codedpo") / "source_archive.py") as script:
        command = [sys.executable, "-I", str(script), requirement]
        return _cached(requirement, cache / "source-archives", _SOURCE_SUFFIXES, command)


def _cached(requirement: str, folder: Path, suffixes: tuple[str, ...], command: list[str]) -> Path:
    """The archive that is there already, or what the command, given a folder at its end, downloads into it."""
    name, _, version = requirement.replace(" ", "").partition("==")
    if version:
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            if path.name.endswith(suffixes) and _is_archive_of(path.name, name, version):
                return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        result = subprocess.run([*command, temporary], capture_output=True, text=True, check=False)
        archives = [path for path in Path(temporary).iterdir() if path.name.endswith(suffixes)]
        if result.returncode or not archives:
            lines = [line for line in result.stderr.splitlines() if line.strip()] or ["nothing was downloaded"]
            raise RecordError(f"pip could not download '{requirement}': {lines[-1]}")
        return archives[0].replace(folder / archives[0].name)


def _is_archive_of(file: str, name: str, version: str) -> bool:
    plain = file.lower().replace("_", "-").replace(".", "-")
    stem = f"{name}-{version}".lower().replace("_", "-").replace(".", "-")
    return plain.startswith(f"{stem}-")
