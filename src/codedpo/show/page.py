"""A run and what the user typed for a task in, all that is known of it out, as lines of a given width."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from rich.text import Text

from codedpo.context import Dropped
from codedpo.prompting import solution_prompt, template, text_prompt
from codedpo.records import Execution, Ranking, Timing
from codedpo.show.finding import Lost, find
from codedpo.show.matrix import duration, matrix_lines, order_of
from codedpo.show.pairs import pair_lines
from codedpo.show.run import Run
from codedpo.show.safe import one_line, visible
from codedpo.show.story import Story, tell


def task_page(run: Run, word: str, width: int) -> Iterator[Text]:
    """The lines about one task, or about something that was left out before it became one.

    Raises:
        ConfigError: `word` names none or several; says which are near.
        RecordError: rows cannot be read.
    """
    found = find(run, word)
    if run.is_mixed:
        yield Text("Settings have changed since this run ended last: rows may be of those before.", style="yellow")
    if isinstance(found, Lost):
        yield Text(f"{one_line(found.id)} never became a task", style="bold")
        yield from _left_out(found.dropped, width)
        return
    story = tell(run, found)
    yield from _head(story)
    yield from _prompt(story, width)
    yield from _samples(story, width)
    for number, pair in enumerate(story.pairs, start=1):
        yield from _section(f"Pair {number} of {len(story.pairs)}: {pair.kind}", width)
        yield from pair_lines(pair)
    if story.dropped:
        yield from _section("Left out on the way", width)
        yield from _left_out(story.dropped, width)


def _head(story: Story) -> Iterator[Text]:
    task = story.task
    yield Text(f"#{story.row.number}  {one_line(task.id)}  {one_line(task.entry_point)}", style="bold")
    yield Text(", ".join(f"{name} {standing}" for name, standing in story.standing.items()), style="dim")
    if seed := task.seed:
        place = f"{seed.source} {seed.version} {seed.path}:{seed.line} ({seed.licence})"
        yield Text(f"seed: {one_line(seed.name)} of {one_line(place)}", style="dim")
    if task.generation:
        yield Text(f"written by: {one_line(task.generation.model)}, {task.generation.prompt_version}", style="dim")


def _prompt(story: Story, width: int) -> Iterator[Text]:
    asked = story.samples.solution_generation if story.samples else None
    yield from _section("Prompt, as the model is asked for a solution", width)
    if asked and asked.prompt_version != template("solution").version:
        yield Text(f"(asked with {asked.prompt_version}, shown with {template('solution').version})", style="yellow")
    messages = solution_prompt(story.task.text, story.task.signature)
    if story.form == "text":
        yield from _lines(text_prompt(messages).text)
        return
    for message in messages:
        yield Text(f"[{message['role']}]", style="dim")
        yield from _lines(message["content"])


def _samples(story: Story, width: int) -> Iterator[Text]:
    """What was sampled, and how it did, as far as the run has come."""
    samples, execution, ranking, timing = story.samples, story.execution, story.ranking, story.timing
    if samples is not None and execution is None:
        yield from _section(f"{len(samples.solutions)} solutions, {len(samples.tests)} tests, not run yet", width)
    if execution is not None:
        n, m = execution.outcomes.shape
        scored = f", by score ({one_line(ranking.ranker)})" if ranking else ", not ranked yet"
        yield from _section(f"{n} solutions x {m} tests{scored}", width)
        if n and m:
            yield from matrix_lines(execution, ranking, timing, width)
            yield from _tests(execution, ranking, width)
    if timing is not None:
        yield from _times(timing, width)


def _tests(execution: Execution, ranking: Ranking | None, width: int) -> Iterator[Text]:
    credible = f", {ranking.credible.sum()} credible (*)" if ranking else ""
    yield from _section(f"Tests{credible}", width)
    for test in order_of(execution, ranking).tests:
        mark = "*" if ranking and ranking.credible[test] else " "
        score = f"{ranking.test_scores[test]:10.4g}" if ranking else ""
        passed = execution.passed[:, test]
        label = f"{mark} {f't{test}':<5}{score}{f'{passed.sum()}/{len(passed)}':>8}  "
        for number, line in enumerate(_lines(execution.samples.tests[test])):
            yield Text((label if number == 0 else " " * len(label)) + line.plain)


def _times(timing: Timing, width: int) -> Iterator[Text]:
    tests, rounds = int(timing.ranking.credible.sum()), timing.seconds.shape[-1]
    if not len(timing.timed):
        yield from _section(f"Run times: none, {tests} credible tests", width)
        return
    workload = timing.workload
    what = f"a generated input of size {workload.sizes[-1]}" if workload else f"{tests} credible tests"
    yield from _section(f"Run times: processor time on {what}, median of {rounds} rounds", width)
    timed: list[int] = timing.timed.tolist()
    medians = [timing.median_seconds(solution) for solution in timed]
    order: list[int] = np.argsort(medians, kind="stable").tolist()  # nan comes last
    for row in order:
        solution = timed[row]
        seconds = timing.seconds[row]
        if not np.isfinite(seconds).all():
            yield Text(f"s{solution:<4} did not pass again")
            continue
        others = ", ".join(f"s{timed[other]}" for other in np.flatnonzero(timing.faster[row]))
        spread = f"({duration(float(seconds.min()))} to {duration(float(seconds.max()))})"
        growth = f"  growth {timing.growth[row]:.1f}" if workload else ""
        line = Text(f"s{solution:<4}{duration(timing.median_seconds(solution)):>9}  {spread:<24}{growth}")
        yield line.append(f"  faster than {others}" if others else "", style="green")
    if workload:
        yield from (Text(line, style="dim") for line in visible(workload.generator).rstrip().split("\n"))


def _left_out(dropped: Iterable[Dropped], width: int) -> Iterator[Text]:
    """Each reason once with its count, below it the beginning of each detail."""
    details_of: defaultdict[str, list[str]] = defaultdict(list)
    for drop in dropped:
        details_of[f"{drop.stage}: {drop.what}: {one_line(drop.reason)}"].append(one_line(drop.detail))
    for heading, details in details_of.items():
        yield Text(heading + (f" (x {len(details)})" if len(details) > 1 else ""))
        yield from (Text(f"    {detail}"[:width], style="dim") for detail in details if detail)


def _section(title: str, width: int) -> Iterator[Text]:
    yield Text()
    yield Text(f"-- {title} ".ljust(min(width, 100), "-"), style="bold")


def _lines(text: str) -> Iterator[Text]:
    return (Text(line) for line in visible(text).split("\n"))
