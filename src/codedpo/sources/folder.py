"""A local folder or git checkout in, its Python files out, with commit and the nearest licence file's licence."""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codedpo.checks import require_at_least
from codedpo.errors import RecordError
from codedpo.sources.files import SourceFile, source_file
from codedpo.sources.licences import LICENCE_FILES, licence_of_texts


@dataclass(frozen=True)
class Folder:
    """A folder of Python files; of a git checkout the commit is recorded."""

    path: str
    kind: Literal["folder"] = "folder"
    licence: str = ""
    """SPDX identifier of the files for which none is found: of your own code, for one."""
    limit: int | None = None
    """At most this many seeds from here."""

    def __post_init__(self) -> None:
        if self.limit is not None:
            require_at_least(self, "seeds.sources", limit=1)

    def files(self, cache: Path) -> Iterator[SourceFile]:
        """The Python files below the folder; hidden folders are left out.

        Raises:
            RecordError: no such folder, or git cannot read the checkout.
        """
        root = Path(self.path)
        if not root.is_dir():
            raise RecordError(f"seeds.sources: '{self.path}' is not a folder")
        name, version = root.resolve().name, commit_of(root)
        licences = {root: _licence_in(root) or _project_licence(root)}
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            place = Path(folder)
            if place != root:
                own = _licence_in(place)
                licences[place] = licences[place.parent] if own is None else own
            for path in (place / file for file in sorted(names) if file.endswith(".py")):
                if path.is_file():
                    yield source_file(
                        _content(path),
                        source=name,
                        version=version,
                        path=path.relative_to(root).as_posix(),
                        licence=licences[place] or self.licence,
                    )


def commit_of(folder: Path) -> str:
    """The commit of a git checkout, with `-dirty` if its Python files differ from it; empty for any other folder.

    Raises:
        RecordError: this is a checkout that git cannot read.
    """
    try:
        if not _git(folder, "ls-files", "--", "*.py"):
            return ""  # no checkout, or nothing of this folder is in it
        if not _git(folder, "rev-list", "--all", "--max-count=1"):
            return ""  # nothing was committed yet
        commit = _git(folder, "rev-parse", "HEAD")
        return f"{commit}-dirty" if _git(folder, "status", "--porcelain", "--", "*.py") else commit
    except (OSError, subprocess.CalledProcessError) as error:
        if not (folder / ".git").exists():
            return ""
        reason = str(getattr(error, "stderr", "") or error).strip().splitlines()[-1]
        raise RecordError(
            f"seeds.sources: git cannot read the checkout '{folder}': {reason}; repair it, or take its .git away"
        ) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}; make it readable or take it away") from error


def _git(folder: Path, *arguments: str) -> str:
    # What a checkout's own configuration would have git run is switched off, and nothing is written into it.
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", str(folder), *arguments]
    # Git tells its hooks of the repository that they run in, which is not the one that is asked for here.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {**inherited, "GIT_OPTIONAL_LOCKS": "0"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def _licence_in(folder: Path) -> str | None:
    """The licence that the folder's own licence files name: None without such a file, empty where it is unknown."""
    paths = sorted(path for path in folder.iterdir() if path.name in LICENCE_FILES and path.is_file())
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    return licence_of_texts(texts) if texts else None


def _project_licence(folder: Path) -> str:
    """The licence expression in a pyproject.toml."""
    try:
        project: Any = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        licence: Any = project["project"]["license"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return licence if isinstance(licence, str) else ""
