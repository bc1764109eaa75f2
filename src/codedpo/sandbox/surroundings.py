"""What lies at the paths that a sandbox's settings name, for the keys of what is kept: paths alone tell no change."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from collections.abc import Sequence

from codedpo.errors import SandboxError

_SECONDS = 60
_TELL = (
    "import os, platform, sys\n"
    "folders = [path for path in sys.path if os.path.isdir(path)]\n"
    "names = sorted(name for path in folders for name in os.listdir(path) if name.endswith('-info'))\n"
    "print(platform.python_version(), names)"
)


def surroundings(python: str, readable: Sequence[str]) -> list[object]:
    """What programs meet there; what is missing counts as empty.

    Of a package name and version are told, of a file its name, size and time, so a change that keeps these is not seen.

    Args:
        python: as in `SandboxSettings`; asked for its version and packages.
        readable: as there.

    Raises:
        SandboxError: the interpreter does not work.
    """
    return [_told(python) if python else platform.python_version(), [_files(folder) for folder in readable]]


def _told(python: str) -> str:
    found = os.path.abspath(python) if os.sep in python else python
    command = [found, "-I", "-B", "-c", _TELL]  # isolated: nothing of the current folder is imported
    try:
        told = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={},
            cwd="/",
            timeout=_SECONDS,
            check=True,
        )
        return told.stdout
    except OSError:
        return ""
    except subprocess.SubprocessError as error:
        raise SandboxError(f"sandbox.python: {python} does not tell its version: {error}; name another one") from error


def _files(folder: str) -> list[tuple[str, str, int, int]]:
    found: list[tuple[str, str, int, int]] = []
    for parent, folders, names in os.walk(folder):
        for name in (*names, *folders):
            path = os.path.join(parent, name)
            with contextlib.suppress(OSError):  # a link that leads nowhere
                status = os.stat(path)
                leads_to = os.path.realpath(path) if os.path.islink(path) else ""
                found.append((os.path.relpath(path, folder), leads_to, status.st_size, status.st_mtime_ns))
    return sorted(found)
