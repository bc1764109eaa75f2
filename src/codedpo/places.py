"""A path or a URL in, one way to read, write and list it out: a run folder lies on a disk or in an object store."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from codedpo.errors import ConfigError

_ONE_PUT_BYTES = 1 << 24
TEMPORARY = ".tmp"
"""How the names of files end that are being written."""


@dataclass(frozen=True)
class Remote:
    """A file or folder that fsspec reaches, such as `s3://bucket/run`; the part of `pathlib.Path` that runs use.

    Where the service is and who we are is fsspec's own matter (`FSSPEC_S3_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID` ...).
    """

    url: str

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> Remote:
        return Remote(f"{self.url.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    def with_suffix(self, suffix: str) -> Remote:
        folder, _, name = self.url.rpartition("/")
        return Remote(f"{folder}/{name.rpartition('.')[0] or name}{suffix}")

    def exists(self) -> bool:
        return self._system().exists(self.url)

    def modified(self) -> float:
        """When it was last written, in seconds since 1970."""
        return self._system().modified(self.url).timestamp()

    def read_bytes(self) -> bytes:
        return self._system().cat_file(self.url)

    def read_text(self) -> str:
        return self.read_bytes().decode()

    def open(self, mode: Literal["rb"]) -> IO[bytes]:
        """A seekable file that fetches what is read of it, and no more."""
        return self._system().open(self.url, mode, cache_type="none")

    def put(self, content: IO[bytes]) -> None:
        """Store this content: other readers see the old object or the whole new one, also where this fails midway.

        (Not in `memory://`, which shows what is there so far; nobody but this process sees it.)
        """
        system = self._system()
        start = content.read(_ONE_PUT_BYTES)
        if len(start) < _ONE_PUT_BYTES:
            system.pipe_file(self.url, start)
            return
        target = system.open(self.url, "wb", autocommit=False)  # else closing it would store what is there
        try:
            target.write(start)
            shutil.copyfileobj(content, target, _ONE_PUT_BYTES)
            target.close()
        except BaseException:
            target.discard()
            target.closed = True  # or it would be closed, thus flushed, once more when it is collected
            raise
        target.commit()

    def names(self) -> set[str]:
        """Names in this folder; none where it does not exist."""
        try:
            return {entry.rstrip("/").rpartition("/")[2] for entry in self._system().ls(self.url, detail=False)}
        except FileNotFoundError:
            return set()

    def _system(self) -> Any:
        """The file system; fsspec keeps one per service and process."""
        try:
            core: Any = importlib.import_module("fsspec.core")
            return core.url_to_fs(self.url, use_listings_cache=False)[0]
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"run_folder: {self.url} cannot be used here: {error}; pip install 'codedpo[s3]' for s3://, the fsspec "
                "package of another store for its URLs"
            ) from error


Place = Path | Remote
"""Where something of a run lies."""


def place(address: str) -> Place:
    """A path, or where the address has a protocol (`s3://`, `memory://`) a Remote."""
    return Remote(address.rstrip("/")) if "://" in address else Path(address)


def names_in(folder: Place) -> set[str]:
    """Names of what a folder holds; none where it does not exist."""
    if isinstance(folder, Remote):
        return folder.names()
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def modified(file: Place) -> float:
    """When a file was last written, in seconds since 1970."""
    return file.modified() if isinstance(file, Remote) else file.stat().st_mtime


class atomic_path:
    """Context: a temporary file beside `path` that replaces it on success and vanishes on failure."""

    def __init__(self, path: Path):
        self.path = path
        # Two threads may make the same file: the one that ends last wins, and neither sees the other's half.
        self.temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{TEMPORARY}")

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.temporary

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                with self.temporary.open("rb+") as file:
                    os.fsync(file.fileno())
                os.replace(self.temporary, self.path)
        finally:
            self.temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(target: Path) -> Generator[Path]:
    """Context: a folder to be filled that becomes `target` at the end, whole and at once, unless an error ended it."""
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}{TEMPORARY}")
    draft.mkdir(parents=True)
    try:
        yield draft
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def whole_file(target: Place) -> Generator[IO[bytes]]:
    """A new binary file that appears at `target` whole, when the context ends well, or not at all."""
    if isinstance(target, Remote):
        with tempfile.TemporaryFile() as draft:  # has no name: nothing is left of it after `kill -9`
            yield draft
            draft.seek(0)
            target.put(draft)
        return
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        yield file


def remove_drafts(folder: Path) -> None:
    """Remove what writers that were killed left; only for who alone works here."""
    for path in folder.glob(f"**/.*{TEMPORARY}"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
