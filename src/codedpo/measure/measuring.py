"""A benchmark in, verdicts on a model's answers to it, or on programs of a file, run times and a summary out."""

from __future__ import annotations

import hashlib
import platform
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import codedpo
from codedpo.benchmarks import Problem, judging, oracle, run_times
from codedpo.benchmarks.kept import Kept
from codedpo.config import Config
from codedpo.decontaminate.overlap import Overlap, overlap
from codedpo.errors import RecordError
from codedpo.evaluate import VERSION, Evaluate, Verdict, evaluate, judge_programs, require_references, sandbox_for
from codedpo.llms import Completion, Sampling
from codedpo.measure.efficiency import Timed, efficiency_scores, is_timed, time_answers
from codedpo.measure.measurement import Measurement, Summary, pass_rates
from codedpo.places import names_in, place
from codedpo.progress import Observer
from codedpo.records import Pair
from codedpo.rows import read_rows
from codedpo.show.run import open_run
from codedpo.store import count_rows, read_records
from codedpo.tools import RunTools


def measure_model(config: Config, settings: Evaluate, tools: RunTools, folder: Path, observer: Observer) -> Measurement:
    """Ask the configured model and judge its answers; what was asked or judged before is not done again.

    Raises:
        CodeDPOError: what went wrong; a broken oracle gives no score.
    """
    problems = config.problems(settings)
    start = time.monotonic()
    step = f"evaluate {settings.benchmark}"
    observer.started(step, len(problems) * settings.samples)

    def on_answer(_: int, completions: Sequence[Completion]) -> None:
        tokens = sum(completion.completion_tokens for completion in completions if not completion.cached)
        observer.advanced(step, rows=len(completions), answers=len(completions), tokens=tokens)

    with tools.open_llm(None) as llm:
        rate = evaluate(
            settings,
            problems,
            f"{llm.model}:{llm.weights}",
            lambda: tools.borrowed(llm),
            tools.court(folder),
            label=settings.benchmark.replace(":", "."),
            seed=config.seed,
            on_answer=on_answer,
        )
        model, weights = llm.model, llm.weights
    observer.finished(step, f"{rate.passed} of {len(rate.verdicts)} answers pass")
    timed = _time(config, settings, problems, rate.verdicts, tools, folder, observer)
    return _measurement(settings, problems, rate.verdicts, timed, model, weights, time.monotonic() - start, config)


def measure_programs(
    config: Config, settings: Evaluate, file: Path, tools: RunTools, folder: Path, observer: Observer
) -> Measurement:
    """Judge the programs of a file with the columns `task_id` and `solution`, as evalplus writes it: whole programs.

    Raises:
        RecordError: the file is not one, names unknown problems, or lacks some; the oracle is broken.
    """
    problems = {problem.id: problem for problem in config.problems(settings)}
    start = time.monotonic()
    rows = [(row.text("task_id"), row.text("solution", as_it_is=True)) for row in read_rows(file)]
    _require_same(file, settings.benchmark, {name for name, _ in rows}, set(problems))
    step = f"evaluate {settings.benchmark}"
    observer.started(step, len(rows))
    court = tools.court(folder)
    with tools.open_sandbox(sandbox_for(list(problems.values()), config.sandbox)) as sandbox:
        sound = require_references(list(problems.values()), sandbox, court.oracle, settings.least_references)
        ready = {problem.id for problem in sound}
        items = [(problems[name], program) for name, program in rows if name in ready]
        verdicts = tuple(judge_programs(items, sandbox, court.oracle, court.kept(sandbox)))
    observer.finished(step, f"{sum(verdict.passed for verdict in verdicts)} of {len(verdicts)} programs pass")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    known = list(problems.values())
    timed = _time(config, settings, known, verdicts, tools, folder, observer)
    return _measurement(settings, known, verdicts, timed, str(file), digest, time.monotonic() - start, config)


def _time(
    config: Config,
    settings: Evaluate,
    problems: Sequence[Problem],
    verdicts: Sequence[Verdict],
    tools: RunTools,
    folder: Path,
    observer: Observer,
) -> list[Timed]:
    """What was measured of the answers; nothing where the benchmark scores no run times."""
    known = {problem.id: problem for problem in problems}
    items = [(known[verdict.problem], verdict) for verdict in verdicts if is_timed(known[verdict.problem], verdict)]
    if not settings.efficiency or not items:
        return []
    step = f"time {settings.benchmark}"
    observer.started(step, len(items))
    judge, chosen, faults = tools.oracle, sandbox_for(problems, config.sandbox), dict[str, str]()
    if any(problem.efficiency == "net" for problem, _ in items):
        with tools.open_sandbox(chosen) as sandbox:
            faults = judge.prepare(problems, sandbox)
    with tools.open_sandbox(chosen, workers=1) as sandbox:
        kept = Kept(folder / "timed.jsonl", sandbox, [run_times.VERSION, platform.node()])
        found = time_answers(items, faults, sandbox, judge, kept, lambda _: observer.advanced(step, rows=1))
    observer.finished(step, f"{sum(bool(each.values) for each in found)} of {len(items)} answers timed")
    return found


def _require_same(file: Path, benchmark: str, named: set[str], problems: set[str]) -> None:
    unknown, missing = sorted(named - problems), sorted(problems - named)
    if unknown:
        raise RecordError(
            f"{file}: {len(unknown)} of its tasks are no problems of {benchmark}, such as {unknown[0]} (evaluate.every "
            "takes only some)"
        )
    if missing:
        raise RecordError(f"{file}: {len(missing)} problems of {benchmark} have no program, such as {missing[0]}")


def _measurement(
    settings: Evaluate,
    problems: Sequence[Problem],
    verdicts: Sequence[Verdict],
    timed: Sequence[Timed],
    model: str,
    weights: str,
    seconds: float,
    config: Config,
) -> Measurement:
    versions = {
        "evaluate": VERSION,
        "oracle": oracle.VERSION,
        "judging": judging.VERSION,
        "run_times": run_times.VERSION,
    }
    is_scored = settings.efficiency and any(problem.efficiency for problem in problems)
    summary = Summary(
        benchmark=settings.benchmark,
        title=settings.title,
        model=model,
        weights=weights,
        problems=len({verdict.problem for verdict in verdicts}),
        references=len(problems),
        samples=max(verdict.sample for verdict in verdicts) + 1,
        pass_at_k=pass_rates(verdicts, problems),
        outcomes=dict(Counter(verdict.outcome for verdict in verdicts).most_common()),
        forgeable=sum(verdict.passed and not verdict.judged_outside for verdict in verdicts),
        efficiency=efficiency_scores(problems, verdicts, timed) if is_scored else None,
        seconds=seconds,
        asked={**asdict(settings), "seed": config.seed, "requests": _requests_hash(settings, problems)},
        data=data_hash(problems),
        overlap=_overlap(config, problems),
        code={
            "codedpo": codedpo.__version__,
            "source": _source_hash(),
            "python": platform.python_version(),
            **versions,
        },
    )
    return Measurement(summary, tuple(verdicts), tuple(timed))


def _source_hash() -> str:
    """Of this package's own code."""
    folder = Path(codedpo.__file__).parent
    files = sorted(folder.rglob("*.py"))
    return hashlib.sha256(
        b"".join(str(path.relative_to(folder)).encode() + path.read_bytes() for path in files)
    ).hexdigest()


def data_hash(problems: Sequence[Problem]) -> str:
    """Of all that decides verdicts on these problems."""
    return hashlib.sha256("".join(problem.hash for problem in problems).encode()).hexdigest()


def _requests_hash(settings: Evaluate, problems: Sequence[Problem]) -> str:
    """Of all that the model is asked, however it is asked."""
    published = settings.prompts == "published"
    asked = [repr(problem.request(Sampling(), 0, 1, published=published)) for problem in problems]
    return hashlib.sha256("".join(asked).encode()).hexdigest()


def _overlap(config: Config, problems: Sequence[Problem]) -> Overlap | None:
    folder = place(config.run_folder)
    if not names_in(folder / "pairs"):
        return None
    shards = open_run(str(folder)).shards.get("pairs", {}).values()
    n_pairs = sum(count_rows(shard.path) for shard in shards)
    return overlap((pair for shard in shards for pair in read_records(shard.path, Pair)), n_pairs, problems)
