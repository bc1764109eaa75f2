"""Stages and a run folder in, shards on disk out: does what is missing, never what is done; safe under `kill -9`.

A shard is one Parquet file, `<stage>/<index>-<key>.parquet`, beside it what was dropped on the way. Its key is its
recipe: the parent shard's key, the stage's fields and VERSION, and the model or limits that it used. The file
appears by an atomic rename, after its dropped rows: that it exists is the only record that it is done.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codedpo.config import Config
from codedpo.context import Context, Dropped
from codedpo.errors import ConfigError, RecordError
from codedpo.progress import Observer
from codedpo.store import count_rows, read_records, write_records, write_text
from codedpo.tools import RunTools


@dataclass(frozen=True)
class Shard:
    """Where one shard lies."""

    key: str
    path: Path

    @property
    def dropped(self) -> Path:
        return self.path.with_suffix(".dropped.parquet")


@dataclass(frozen=True)
class StageResult:
    """What a stage has on disk."""

    name: str
    makes: type
    shards: tuple[Shard, ...]
    source: Path | None
    """Dropped rows that belong to no shard: those of a first stage."""

    def rows(self) -> Iterator[Any]:
        """All rows, shard by shard."""
        for shard in self.shards:
            yield from read_records(shard.path, self.makes)

    def row_count(self) -> int:
        return sum(count_rows(shard.path) for shard in self.shards)

    def dropped(self) -> list[Dropped]:
        """All that was left out on the way here."""
        files = [shard.dropped for shard in self.shards] if self.source is None else [self.source]
        return [row for path in files for row in read_records(path, Dropped)]


@dataclass
class Engine:
    """Runs the data stages of one configuration."""

    config: Config
    folder: Path
    tools: RunTools
    observer: Observer
    results: dict[str, StageResult] = field(default_factory=dict[str, StageResult])

    def run(self, until: str | None = None) -> dict[str, StageResult]:
        """Bring every stage, or those up to `until`, up to date; returns them by name.

        Raises:
            RecordError: a stage left no rows; says what was dropped and why.
        """
        stages = self.config.stages
        start = max((i for i, stage in enumerate(stages) if getattr(stage, "path", "")), default=0)
        if until is not None and until not in [stage.NAME for stage in stages[start:]]:
            raise ConfigError(f"--until {until}: this run starts at {stages[start].NAME}, since its path is set")
        parent: StageResult | None = None
        for stage in stages[start:]:
            if stage.NEEDS != "llm":
                self.tools.stop_llm()  # a local server would take the processor from what is run and timed
            parent = self._source(stage) if parent is None else self._map(stage, parent)
            self.results[stage.NAME] = parent
            self._require_rows(parent)
            if until == stage.NAME:
                break
        return self.results

    def _source(self, stage: Any) -> StageResult:
        """The first stage: rows from source code or the user's file, cut into shards."""
        recipe = self._recipe(stage, str(self.config.seed), _file_hash(getattr(stage, "path", "")))
        folder = self.folder / stage.NAME
        index = folder / f"index-{_hash(recipe, self.config.limit, self.config.shard_size)}.json"
        dropped_path = index.with_suffix(".dropped.parquet")
        self.observer.started(stage.NAME, self.config.limit)
        if not index.exists():
            dropped: list[Dropped] = []
            context = self._context(stage, dropped)
            path = getattr(stage, "path", "")
            rows = stage.bring(context) if path else stage((), context)
            names = list(self._write_source(stage, recipe, itertools.islice(rows, self.config.limit)))
            write_records(dropped_path, Dropped, dropped)
            write_text(index, json.dumps(names))
        names = json.loads(index.read_text())
        shards = tuple(Shard(name.split("-")[1].removesuffix(".parquet"), folder / name) for name in names)
        return self._finish(StageResult(stage.NAME, stage.MAKES, shards, dropped_path))

    def _write_source(self, stage: Any, recipe: str, rows: Iterable[Any]) -> Iterator[str]:
        rows = iter(rows)
        for index in itertools.count():
            batch: list[Any] = []
            for row in itertools.islice(rows, self.config.shard_size):
                batch.append(row)
                self.observer.advanced(stage.NAME, rows=1)
            if not batch:
                return
            shard = self._shard(stage, index, _hash(recipe, index * self.config.shard_size, len(batch)))
            if not shard.path.exists():
                write_records(shard.path, stage.MAKES, batch)
            yield shard.path.name

    def _map(self, stage: Any, parent: StageResult) -> StageResult:
        """A later stage: one shard from each shard of its parent."""
        self.observer.started(stage.NAME, parent.row_count())
        shards: list[Shard] = []
        for index, above in enumerate(parent.shards):
            shard = self._shard(stage, index, self._recipe(stage, above.key))
            if shard.path.exists():
                self.observer.advanced(stage.NAME, rows=count_rows(above.path))
            else:
                self._make(stage, above, parent.makes, shard)
            shards.append(shard)
        return self._finish(StageResult(stage.NAME, stage.MAKES, tuple(shards), None))

    def _make(self, stage: Any, above: Shard, record: type, shard: Shard) -> None:
        dropped: list[Dropped] = []
        rows = list(stage(read_records(above.path, record), self._context(stage, dropped)))
        write_records(shard.dropped, Dropped, dropped)
        write_records(shard.path, stage.MAKES, rows)

    def _context(self, stage: Any, dropped: list[Dropped]) -> Context:
        def drop(what: str, id: str, reason: str, detail: str = "") -> None:
            dropped.append(Dropped(stage.NAME, what, id, reason, detail))

        def advance(*, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
            self.observer.advanced(stage.NAME, rows=rows, answers=answers, tokens=tokens)

        return Context(self.tools, self.config.seed, self.config.cache_folder, drop, advance)

    def _shard(self, stage: Any, index: int, key: str) -> Shard:
        return Shard(key, self.folder / stage.NAME / f"{index:05d}-{key}.parquet")

    def _recipe(self, stage: Any, *above: str) -> str:
        """The hash of all that can change this stage's rows."""
        fields, sandbox = _key_fields(stage), _key_fields(self.config.sandbox)
        llm = self.config.llm
        surroundings: Any = {
            "reads": (),
            "llm": (llm.model, llm.weights, self.config.seed) if stage.NEEDS == "llm" else (),
            "cores": sandbox,
            "quiet": sandbox,
        }[stage.NEEDS]
        return _hash(stage.NAME, stage.VERSION, fields, surroundings, above)

    def _finish(self, result: StageResult) -> StageResult:
        """Close a stage: all that was dropped so far goes to `dropped.parquet`."""
        dropped = [row for earlier in [*self.results.values(), result] for row in earlier.dropped()]
        write_records(self.folder / "dropped.parquet", Dropped, dropped)
        here = sum(row.stage == result.name for row in dropped)
        self.observer.finished(result.name, f"{result.row_count()} rows, {here} dropped")
        return result

    def _require_rows(self, result: StageResult) -> None:
        if result.row_count():
            return
        reasons: dict[str, int] = {}
        for row in result.dropped():
            reasons[row.reason] = reasons.get(row.reason, 0) + 1
        ordered = sorted(reasons.items(), key=lambda item: -item[1])[:5]
        why = "; ".join(f"{count} x {reason}" for reason, count in ordered) or "there was nothing to read"
        raise RecordError(
            f"{result.name}: no rows are left, so there is nothing to go on with ({why}). "
            f"See {self.folder / 'dropped.parquet'}; give it more or other input, or relax this stage's settings"
        )


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _key_fields(settings: Any) -> dict[str, Any]:
    """The fields of a stage or a tool that can change what it makes."""
    return {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings) if f.metadata.get("key", True)}


def _file_hash(path: str) -> str:
    if not path:
        return ""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
