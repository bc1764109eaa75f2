"""Stages and a run folder in, shards on disk out: does what is missing, never what is done; safe under `kill -9`.

A shard is one Parquet file, `<stage>/<index>-<key>.parquet`, beside it what was dropped on the way. Its key is its
recipe: the parent shard's key, the stage's fields, VERSION and prompts, and the model or limits that it used. The
file appears whole and at once, after its dropped rows: that it exists is the only record that it is done.

So the shards of all stages are known as soon as the first stage has made its own. Who makes them is an executor's
matter: those of a stage that asks the LLM are made in threads of this process, where the one client, its cache and
its budget live; others by `executors/`. Where the LLM runs elsewhere, stages overlap; `quiet` stages run alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codedpo.config import Config
from codedpo.context import Advance, Context, Dropped
from codedpo.errors import ConfigError, RecordError
from codedpo.executors import Executor, here
from codedpo.places import Place, Remote, modified, names_in
from codedpo.progress import Observer
from codedpo.prompting import template
from codedpo.results import Board, StageResult
from codedpo.schedule import Job, run_chains
from codedpo.shards import Made, Shard, Work
from codedpo.store import RecordWriter, count_rows, join_records, read_metadata, write_records, write_text
from codedpo.tools import RunTools

_READERS = 16


@dataclass
class Engine:
    """Runs the data stages of one configuration."""

    config: Config
    folder: Place
    tools: RunTools
    observer: Observer
    dropped: str = "dropped.parquet"
    """Where in the folder all that was left out is joined."""
    results: dict[str, StageResult] = field(default_factory=dict[str, StageResult])

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._stopping = False

    def run(self, until: str | None = None, after: StageResult | None = None) -> dict[str, StageResult]:
        """Bring every stage, or those up to `until`, up to date; returns them by name.

        Args:
            after: a finished stage to go on from; the stages above it are left as they are.

        Raises:
            RecordError: a stage left no rows; says what was dropped and why.
        """
        if after is not None:
            names = [stage.NAME for stage in self.config.stages]
            above, later = after, [*self.config.stages[names.index(after.name) + 1 :]]
        else:
            first, *later = self._stages(until)
            if first.NEEDS != "llm":
                self.tools.stop_llm()
            above = self._finish(self._source(first))
        for phase in _phases(later, overlap=self.config.overlaps):
            above = self._run_phase(phase, above)
        self._join_dropped()
        return self.results

    def _stages(self, until: str | None) -> list[Any]:
        """From the one that has a path, or the first, to the last one wanted."""
        stages = self.config.stages
        start = max((i for i, stage in enumerate(stages) if getattr(stage, "path", "")), default=0)
        names = [stage.NAME for stage in stages[start:]]
        if until is not None and until not in names:
            raise ConfigError(f"--until {until}: this run starts at {names[0]}, since its path is set")
        return [*stages[start:]][: names.index(until) + 1 if until else None]

    def _source(self, stage: Any) -> StageResult:
        """The first stage: rows from source code or the user's file, cut into shards."""
        path = getattr(stage, "path", "")
        recipe = self._recipe(stage, str(self.config.seed), _file_hash(path))
        folder = self.folder / stage.NAME
        index = folder / f"index-{_hash(recipe, self.config.limit, self.config.shard_size)}.json"
        dropped_path = index.with_suffix(".dropped.parquet")
        self.observer.started(stage.NAME, self.config.limit)
        if not self._has_all(folder, index):
            with RecordWriter(dropped_path, Dropped) as dropped:

                def drop(what: str, id: str, reason: str, detail: str = "") -> None:
                    dropped.add(Dropped(stage.NAME, what, id, reason, detail))

                context = Context(
                    self.tools, self.config.seed, self.config.cache_folder, drop, self._advance(stage.NAME)
                )
                rows = stage.bring(context) if path else stage((), context)
                names = list(self._write_source(stage, recipe, itertools.islice(rows, self.config.limit)))
            write_text(index, json.dumps(names))
        names = json.loads(index.read_text())
        shards = tuple(Shard(name.split("-")[1].removesuffix(".parquet"), folder / name) for name in names)
        made = tuple(Made(0, rows, 0) for rows in _count_all([shard.path for shard in shards]))
        return StageResult(stage.NAME, stage.MAKES, shards, made, dropped_path)

    def _has_all(self, folder: Place, index: Place) -> bool:
        """Whether a first stage is done and none of its files was deleted since."""
        if not index.exists() or not index.with_suffix(".dropped.parquet").exists():
            return False
        there = names_in(folder)
        return all(name in there for name in json.loads(index.read_text()))

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

    def _run_phase(self, stages: Sequence[Any], above: StageResult) -> StageResult:
        """Make what is missing of these stages, side by side; returns the last one's result."""
        boards: list[Board] = []
        for stage in stages:
            boards.append(self._board(stage, boards[-1] if boards else above))
        missing = {board.stage.NEEDS for board in boards if not board.is_complete}
        if not any(stage.NEEDS == "llm" for stage in stages):
            self.tools.stop_llm()  # a local server would take the processor from what is run and timed
        elif "llm" in missing:
            self.tools.llm()  # here, so that Ctrl-C meets no thread that waits for a server's start

        def start(job: Job) -> Future[Made]:
            stage = boards[job.depth].stage
            with self._lock:
                boards[job.depth].begin(self.observer)
            return job.executor.submit(job.work, self._advance(stage.NAME))

        def finished(job: Job, made: Made) -> None:
            boards[job.depth].put(job.index, made)
            self._finish_complete(boards)

        with self._executors(missing) as executors:
            self._finish_complete(boards)
            run_chains(self._chains(boards, executors), start, finished)
        return self.results[stages[-1].NAME]

    def _finish_complete(self, boards: Sequence[Board]) -> None:
        """Close the stages whose last shard was made; a stage is never complete before the one above it."""
        for board, below in zip(boards, [*boards[1:], None], strict=True):
            if board.is_complete and board.stage.NAME not in self.results:
                with self._lock:
                    board.begin(self.observer)
                    if below is not None:
                        below.expect(self.observer, board.result().row_count())
                self._finish(board.result())

    def _board(self, stage: Any, above: StageResult | Board) -> Board:
        """One shard from each shard of the stage above; which of them are there."""
        skipped = self._skipped(stage, above)
        shards = tuple(
            self._shard(stage, index, self._recipe(stage, shard.key, *sorted(skipped[index])))
            for index, shard in enumerate(above.shards)
        )
        names = names_in(self.folder / stage.NAME)
        there = [i for i, shard in enumerate(shards) if {shard.path.name, shard.dropped.name} <= names]
        rows = _count_all([shards[index].path for index in there])
        dropped = _count_all([shards[index].dropped for index in there])
        made: list[Made | None] = [None] * len(shards)
        for index, kept, left in zip(there, rows, dropped, strict=True):
            read = above.made[index]
            made[index] = Made(read.rows if read else 0, kept, left)
        return Board(stage, above, shards, made, skipped)

    def _skipped(self, stage: Any, above: StageResult | Board) -> list[frozenset[int]]:
        """What the stage shall leave out of each shard above; looked for once."""
        if not hasattr(stage, "skips"):
            return [frozenset()] * len(above.shards)
        # A shard that is made again may hold other measurements, and so other numbers.
        recipe = self._recipe(stage, *(f"{shard.key} {modified(shard.path)}" for shard in above.shards))
        found = self.folder / stage.NAME / f"skipped-{recipe}.json"
        if not found.exists():
            numbers = [sorted(skipped) for skipped in stage.skips([shard.path for shard in above.shards])]
            write_text(found, json.dumps(numbers))
        return [frozenset(numbers) for numbers in json.loads(found.read_text())]

    def _chains(self, boards: Sequence[Board], executors: dict[str, Executor]) -> Iterator[list[Job]]:
        """For each shard of the first stage what is missing of it and of what follows from it."""
        for index in range(len(boards[0].shards)):
            yield [
                Job(depth, index, self._work(board, index), executors[board.stage.NEEDS])
                for depth, board in enumerate(boards)
                if board.made[index] is None
            ]

    def _work(self, board: Board, index: int) -> Work:
        return Work(
            board.stage,
            board.above.makes,
            board.above.shards[index],
            board.shards[index],
            self.config.seed,
            self.config.cache_folder,
            board.skipped[index],
        )

    @contextlib.contextmanager
    def _executors(self, needs: set[str]) -> Generator[dict[str, Executor]]:
        """Who makes the shards of stages with these needs; none starts without one."""
        config, tools = self.config, self.tools
        with contextlib.ExitStack() as stack:
            executors: dict[str, Executor] = {}
            if "llm" in needs:
                executors["llm"] = here("llm", config.shards_in_flight if config.llm_is_elsewhere else 1, tools)
            if "quiet" in needs:
                executors["quiet"] = stack.enter_context(config.executor.open_quiet(config.sandbox, tools))
            if needs & {"cores", "reads"}:
                if config.executor.shares_memory and "cores" in needs:
                    tools.sandbox()  # started here: threads find it there
                workers = config.workers or len(os.sched_getaffinity(0))
                opened = stack.enter_context(config.executor.open(config.sandbox, workers, tools))
                executors["cores"] = executors["reads"] = opened
            try:
                yield executors
            except Exception:
                self._stopping = True
                tools.stop_llm()  # a shard that waits for an answer ends now
                _close(executors, wait=True)
                raise
            except BaseException:  # Ctrl-C does not wait for answers
                self._stopping = True
                _close(executors, wait=False)
                raise
            _close(executors, wait=True)

    def _advance(self, stage: str) -> Advance:
        """Progress of a stage, from any thread; where a run fails, what is under way ends at its next step."""

        def advance(*, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
            with self._lock:
                if self._stopping:
                    raise _StoppedError
                self.observer.advanced(stage, rows=rows, answers=answers, tokens=tokens)

        return advance

    def _shard(self, stage: Any, index: int, key: str) -> Shard:
        return Shard(key, self.folder / stage.NAME / f"{index:05d}-{key}.parquet")

    def _recipe(self, stage: Any, *above: str | int) -> str:
        """The hash of all that can change this stage's rows."""
        fields, sandbox = _key_fields(stage), _key_fields(self.config.sandbox)
        llm, benchmarks = self.config.llm, _key_fields(self.config.decontamination)
        surroundings: Any = {
            "reads": benchmarks,
            "llm": (
                llm.model,
                llm.weights,
                getattr(llm, "form", "chat"),
                getattr(llm, "extended", True),
                self.config.seed,
                benchmarks,
            )
            if stage.NEEDS == "llm"
            else (),
            "cores": sandbox,
            "quiet": sandbox,
        }[stage.NEEDS]
        return _hash(stage.NAME, stage.VERSION, fields, surroundings, above, *_prompts(stage))

    def _finish(self, result: StageResult) -> StageResult:
        """Close a stage; RecordError where it left no rows."""
        self.results[result.name] = result
        dropped = count_rows(result.source) if result.source else sum(made.dropped for made in result.made)
        with self._lock:
            self.observer.finished(result.name, f"{result.row_count()} rows, {dropped} dropped")
        if result.row_count():
            return result
        self._join_dropped()
        ordered = result.drop_counts().most_common(5)
        why = "; ".join(f"{count} x {reason}" for (_, reason), count in ordered) or "there was nothing to read"
        raise RecordError(
            f"{result.name}: no rows are left, so there is nothing to go on with ({why}). "
            f"See {self.folder / 'dropped.parquet'}; give it more or other input, or relax this stage's settings"
        )

    def _join_dropped(self) -> None:
        """All that was dropped so far goes to `dropped.parquet`, where it is not there yet."""
        target = self.folder / self.dropped
        sources = [path for result in self.results.values() for path in result.dropped_files()]
        recipe = _hash([path.name for path in sources])
        if not target.exists() or read_metadata(target).get("recipe") != recipe:
            join_records(target, Dropped, sources, {"recipe": recipe})


class _StoppedError(Exception):
    """A shard under way ends, since another one failed; nobody sees this."""


def _phases(stages: Sequence[Any], *, overlap: bool) -> list[list[Any]]:
    """Neighbouring stages that run side by side; a quiet one has the machine to itself, one that skips waits."""
    phases: list[list[Any]] = []
    for stage in stages:
        joins = "quiet" not in (stage.NEEDS, phases[-1][-1].NEEDS) if phases else False
        if overlap and joins and not hasattr(stage, "skips"):
            phases[-1].append(stage)
        else:
            phases.append([stage])
    return phases


def _close(executors: dict[str, Executor], *, wait: bool) -> None:
    for executor in executors.values():
        executor.close(wait=wait)


def _count_all(paths: Sequence[Place]) -> list[int]:
    """Rows of each file; side by side in an object store, where each one is a journey."""
    if not any(isinstance(path, Remote) for path in paths):
        return [count_rows(path) for path in paths]
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(count_rows, paths))


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _key_fields(settings: Any) -> dict[str, Any]:
    """The fields of a stage or a tool that can change what it makes."""
    return {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings) if f.metadata.get("key", True)}


def _prompts(stage: Any) -> list[dict[str, Any]]:
    """What the templates that a stage renders say; none where its rows are brought."""
    names = () if getattr(stage, "path", "") else getattr(stage, "PROMPTS", ())
    return [dataclasses.asdict(template(name)) for name in names]


def _file_hash(path: str) -> str:
    if not path:
        return ""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
