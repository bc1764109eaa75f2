"""Completions in, the same completions out on any later day: append-only segments in a local folder.

Covered: `kill -9` at any moment (a line is handed to the operating system whole, a torn one is skipped by its
checksum), loss of power (synced at least every 5 s), several processes in one folder (each writes a segment of its own
and reads those of the others), many threads. Not covered: a folder on a file system that shows other machines' writes
late; they may then pay twice.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import json
import os
import re
import threading
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from codedpo.errors import RecordError
from codedpo.llms import Completion
from codedpo.llms.budget import spent_tokens
from codedpo.llms.offsets import Offsets

_SYNC_SECONDS = 2.0
_IN_ORDER = json.JSONEncoder(sort_keys=True)
_HEAD = re.compile(
    rb'\{"crc": "([0-9a-f]{8})", "key": "([0-9a-f]{32})", "first": (\d+), "n": (\d+), "tokens": \[(\d+), (\d+)\], '
)
_CHECKED_FROM = len('{"crc": "01234567", ')
_CHUNK_BYTES = 1 << 14
_MAX_OPEN_FILES = 64
# A place is one number: the segment's, the line's offset in it and how many completions the line holds.
_OFFSET_BITS, _COUNT_BITS = 38, 12
_MAX_COUNT = (1 << _COUNT_BITS) - 1


@dataclass
class _Segment:
    path: Path
    size: int = 0
    """Bytes read or written so far, whole lines only."""


class AnswerFolder:
    """The answers in a folder; a context manager, safe to use from many threads.

    Memory: one entry of `Offsets` per line, a line being the completions that came together.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._places = Offsets()
        self._segments: list[_Segment] = []
        self._known: set[str] = set()
        self._files: collections.OrderedDict[int, int] = collections.OrderedDict()  # segment's number -> descriptor
        self._own: int | None = None
        self._is_synced = threading.Event()
        self._is_synced.set()
        self._closing = threading.Event()
        self._syncing: threading.Thread | None = None
        self._lines = 0
        self.prompt_tokens = self.completion_tokens = 0
        """Of all answers in the folder when it was opened or refreshed, and of those written since."""
        self.refresh()

    def __enter__(self) -> AnswerFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._syncing is not None:
            self._syncing.join()
        with self._lock:
            self._sync()
            for file in self._files.values():
                os.close(file)
            self._files.clear()
            self._own = None

    def refresh(self) -> bool:
        """Take in what other processes have written; returns whether there was anything."""
        with self._lock:
            known = self._lines
            for path in sorted(self._folder.glob("*.jsonl")):
                if path.name not in self._known:
                    self._known.add(path.name)
                    self._segments.append(_Segment(path))
            for number, segment in enumerate(self._segments):
                if number != self._own:
                    with contextlib.suppress(FileNotFoundError):  # told when it is read, where it is needed at all
                        if segment.path.stat().st_size > segment.size:
                            self._read_in(number, segment)
            return self._lines > known

    def count(self, key: bytes, first: int, most: int) -> int:
        """How many completions are at hand from index `first` on, at most `most`."""
        with self._lock:
            return min(most, sum(place & _MAX_COUNT for place in self._chain(key, first, most)))

    def read(self, key: bytes, first: int, n: int) -> list[Completion]:
        """The completions at hand with indices from `first` to `first + n`, fewer where some are missing.

        Raises:
            RecordError: a segment is gone or was altered.
        """
        with self._lock:
            lines = [self._line(place) for place in self._chain(key, first, n)]
        completions: list[Completion] = []
        for line in lines:
            row = json.loads(line)
            if row["key"] != key.hex():  # two keys in one place of the index: as good as missing
                break
            completions += [Completion(*fields, cached=True) for fields in row["completions"]]
        return completions[:n]

    def write(self, key: bytes, first: int, completions: Sequence[Completion]) -> None:
        """Keep completions with indices from `first` on.

        Raises:
            RecordError: the file cannot be written.
        """
        if len(completions) > _MAX_COUNT:
            self.write(key, first, completions[:_MAX_COUNT])
            self.write(key, first + _MAX_COUNT, completions[_MAX_COUNT:])
            return
        prompt, generated = completions[0].prompt_tokens, sum(spent_tokens(c) for c in completions)
        row = {"key": key.hex(), "first": first, "n": len(completions), "tokens": [prompt, generated]}
        rows = [[c.text, c.finish_reason, c.prompt_tokens, c.completion_tokens] for c in completions]
        checked = json.dumps({**row, "completions": rows})[1:].encode()
        line = b'{"crc": "%08x", %b\n' % (zlib.crc32(checked), checked)
        with self._lock:
            number = self._own_segment()
            segment = self._segments[number]
            self._append(number, line)
            self._add(key, first, len(completions), number, segment.size)
            segment.size += len(line)
            self.prompt_tokens += prompt
            self.completion_tokens += generated
            self._is_synced.clear()

    def _chain(self, key: bytes, first: int, n: int) -> list[int]:
        """Offsets of the lines that hold the completions from `first` on, without a gap."""
        chain: list[int] = []
        end = first + n
        while first < end and (place := self._places.get(_index_key(key, first))) is not None:
            chain.append(place)
            first += place & _MAX_COUNT
        return chain

    def _add(self, key: bytes, first: int, n: int, number: int, offset: int) -> None:
        place = ((number << _OFFSET_BITS) | offset) << _COUNT_BITS | n
        at = _index_key(key, first)
        known = self._places.get(at)
        if known is None or known & _MAX_COUNT < n:
            self._places.put(at, place)

    def _read_in(self, number: int, segment: _Segment) -> None:
        with segment.path.open("rb") as file:
            file.seek(segment.size)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # being written, or torn
                head = _HEAD.match(line)
                if head and int(head[1], 16) == zlib.crc32(line[_CHECKED_FROM:-1]):
                    self._add(bytes.fromhex(head[2].decode()), int(head[3]), int(head[4]), number, segment.size)
                    self._lines += 1
                    self.prompt_tokens += int(head[5])
                    self.completion_tokens += int(head[6])
                segment.size += len(line)

    def _line(self, place: int) -> bytes:
        number, offset = place >> (_OFFSET_BITS + _COUNT_BITS), (place >> _COUNT_BITS) & ((1 << _OFFSET_BITS) - 1)
        path = self._segments[number].path
        try:
            file = self._file(number)
            line = b""
            while b"\n" not in line:
                chunk = os.pread(file, _CHUNK_BYTES, offset + len(line))
                if not chunk:
                    raise OSError("it is shorter than it was")
                line += chunk
        except OSError as error:
            raise RecordError(
                f"{path}: cannot be read any more: {error}; leave llm_cache alone while a run goes on"
            ) from error
        return line[: line.index(b"\n")]

    def _file(self, number: int) -> int:
        """A descriptor of a segment; those used least recently are closed."""
        if number not in self._files:
            while len(self._files) >= _MAX_OPEN_FILES:
                other = next(known for known in self._files if known != self._own)
                os.close(self._files.pop(other))
            self._files[number] = os.open(self._segments[number].path, os.O_RDONLY)
        self._files.move_to_end(number)
        return self._files[number]

    def _own_segment(self) -> int:
        if self._own is None:
            path = self._folder / f"{uuid.uuid4().hex}.jsonl"
            try:
                file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
            except OSError as error:
                raise RecordError(f"{path}: cannot be written: {error.strerror}; make room and run again") from error
            self._known.add(path.name)
            self._segments.append(_Segment(path))
            self._own = len(self._segments) - 1
            self._files[self._own] = file
            if self._syncing is None:
                self._syncing = threading.Thread(target=self._keep_synced, name="llm_cache", daemon=True)
                self._syncing.start()
        return self._own

    def _append(self, number: int, line: bytes) -> None:
        path = self._segments[number].path
        try:
            written = os.write(self._files[number], line)
        except OSError as error:
            raise RecordError(f"{path}: cannot be written: {error.strerror}; make room and run again") from error
        if written < len(line):
            self._own = None  # nothing may follow a torn line
            raise RecordError(f"{path}: cannot be written: the disk is full; make room and run again")

    def _keep_synced(self) -> None:
        while not self._closing.wait(_SYNC_SECONDS):
            with self._lock:
                file = os.dup(self._files[self._own]) if self._own is not None and not self._is_synced.is_set() else -1
                self._is_synced.set()
            if file >= 0:
                with contextlib.suppress(OSError):  # a disk that fails shows itself at the next write
                    os.fsync(file)
                os.close(file)

    def _sync(self) -> None:
        if self._own is not None:
            os.fsync(self._files[self._own])


def key_of(*parts: object) -> bytes:
    """16 bytes that stand for these values."""
    return hashlib.blake2b(_IN_ORDER.encode(parts).encode(), digest_size=16).digest()


def _index_key(key: bytes, first: int) -> int:
    return (int.from_bytes(key[:8], "little") + first * 0x9E3779B97F4A7C15) & ((1 << 64) - 1)
