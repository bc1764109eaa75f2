"""What lies at the paths that a sandbox's settings name, for the keys of what is kept: paths alone tell no change."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from collections.abc import Sequence

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
        python: as in `SandboxSettings`; asked for its version and packages, as it starts in the sandbox.
        readable: as there.
    """
    return [_told(python) if python else platform.python_version(), [_files(folder) for folder in readable]]


def _told(python: str) -> str:
    try:
        told = subprocess.run(
            [python, "-s", "-B", "-c", _TELL], stdin=subprocess.DEVNULL, capture_output=True, text=True, env={}
        )
        return told.stdout
    except OSError:
        return ""


def _files(folder: str) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with contextlib.suppress(OSError):  # a link that leads nowhere
                status = os.stat(path)
                found.append((os.path.relpath(path, folder), status.st_size, status.st_mtime_ns))
    return sorted(found)
