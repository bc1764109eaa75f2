"""`codedpo evaluate` as a user meets it: a real server's answers or a file of programs, judged, scored, compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from codedpo.benchmarks import InputSet, Problem
from codedpo.config import Config, make_config
from codedpo.errors import ConfigError, RecordError
from codedpo.job import require_what_comes_last
from codedpo.measure.command import compare_folders, evaluate_benchmarks
from codedpo.measure.measurement import read_measurement
from codedpo.measure.speed import efficiency
from conftest import run_settings
from loopback import LoopbackLLM

RIGHT = "def {f}(numbers, k):\n    return [x for x in numbers if x > k]"
ALMOST = "def {f}(numbers, k):\n    return [x for x in numbers if x >= k]"


class Tiny:
    """Problems that the loopback server has right and wrong answers to."""

    name = "tiny"

    def __init__(self, count: int = 3):
        self._count = count

    def problems(self) -> list[Problem]:
        inputs = (InputSet("base", (([1, 2, 3], 0),)), InputSet("plus", (([2, 2], 2), ([5, 1, 9], 5))))
        return [
            Problem(
                f"tiny/{n}", f"def above{n}(numbers: list, k: int) -> list:\n", f"above{n}", RIGHT.format(f=f"above{n}"),
                inputs=inputs,
            )
            for n in range(self._count)
        ]  # fmt: skip


@pytest.fixture
def loopback() -> Iterator[LoopbackLLM]:
    with LoopbackLLM() as server:
        yield server


def config_of(folder: Path, base_url: str = "http://127.0.0.1:9/v1", **evaluate: object) -> Config:
    settings = run_settings(folder / "run", folder, base_url)
    return make_config({**settings, "evaluate": {"benchmark": "test_measure:Tiny", **evaluate}})


def programs(folder: Path, *texts: str) -> Path:
    rows = [{"task_id": f"tiny/{n}", "solution": text.format(f=f"above{n}")} for n, text in enumerate(texts)]
    path = folder / f"p{len(list(folder.glob('p*.jsonl')))}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def written(folder: Path, name: str) -> Path:
    """Where the verdicts on the programs of a file lie."""
    (found,) = (folder / "run" / "evaluation").glob(f"test_measure.Tiny-{name}-????????")
    return found


def test_programs_of_a_file_are_judged_as_they_are(tmp_path: Path) -> None:
    console = Console(record=True, width=160)
    empty = programs(tmp_path, RIGHT, "", " \n")
    evaluate_benchmarks(config_of(tmp_path), (), empty, console)
    assert read_measurement(written(tmp_path, "p0"))[0].outcomes == {"no_program": 2, "passed": 1}
    file = programs(tmp_path, RIGHT, ALMOST, "def {f}(numbers, k):\n    return 1 / 0")
    evaluate_benchmarks(config_of(tmp_path), (), file, console)
    summary, verdicts = read_measurement(written(tmp_path, "p1"))
    assert [verdict.outcome for verdict in verdicts] == ["passed", "wrong", "exception"]
    assert [[check.outcome for check in verdict.checks] for verdict in verdicts] == [
        ["passed", "passed"], ["passed", "wrong"], ["exception", "exception"],
    ]  # fmt: skip
    assert summary.forgeable == 0
    assert re.fullmatch("[0-9a-f]{64}", summary.code["source"])
    assert verdicts[1].reason == "plus: call 0, above1([2, 2], 2): [2, 2] instead of []"
    assert {name: scores[1].value for name, scores in summary.pass_at_k.items()} == pytest.approx(
        {"all": 1 / 3, "base": 2 / 3, "plus": 1 / 3}
    )
    assert (summary.problems, summary.samples, summary.outcomes) == (3, 1, {"passed": 1, "wrong": 1, "exception": 1})
    assert "33.3% (0.0 to 100.0)" in console.export_text()


def test_programs_of_a_file_keep_their_blanks(tmp_path: Path) -> None:
    file = programs(tmp_path, "  " + RIGHT, RIGHT + "\n", RIGHT)
    evaluate_benchmarks(config_of(tmp_path), (), file, Console(quiet=True))
    verdicts = read_measurement(written(tmp_path, "p0"))[1]
    assert [verdict.passed for verdict in verdicts] == [False, True, True]
    assert "IndentationError" in verdicts[0].reason


class Inside(Tiny):
    """The same problems, with a test that can only run beside the program."""

    name = "inside"

    def problems(self) -> list[Problem]:
        test = "assert above{n}.__code__ and above{n}([1, 2], 1) == [2]"
        return [replace(problem, inputs=(), test=test.format(n=n)) for n, problem in enumerate(super().problems())]


def test_passes_that_could_be_forged_are_counted(tmp_path: Path) -> None:
    console = Console(record=True, width=160)
    file = programs(tmp_path, RIGHT, ALMOST, RIGHT)
    evaluate_benchmarks(config_of(tmp_path, benchmark="test_measure:Inside"), (), file, console)
    (folder,) = (tmp_path / "run" / "evaluation").glob("test_measure.Inside-*")
    summary, verdicts = read_measurement(folder)
    assert (summary.forgeable, [verdict.judged_outside for verdict in verdicts]) == (2, [False] * 3)
    assert "2 of the passes were checked in the program's own process" in console.export_text()


def test_a_models_answers_are_asked_for_once_and_scored(tmp_path: Path, loopback: LoopbackLLM) -> None:
    config = config_of(tmp_path, loopback.base_url, samples=10, temperature=0.8, max_tokens=99)
    evaluate_benchmarks(config, (), None, Console(quiet=True))
    asked = len(loopback.requests)
    assert {(request["temperature"], request["max_tokens"]) for request in loopback.requests} == {(0.8, 99)}
    summary, verdicts = read_measurement(tmp_path / "run" / "evaluation" / "test_measure.Tiny")
    assert [(verdict.problem, verdict.sample) for verdict in verdicts[9:11]] == [("tiny/0", 9), ("tiny/1", 0)]
    assert list(summary.pass_at_k["all"]) == [1, 5, 10]
    passed = [[verdict.passed for verdict in verdicts if verdict.problem == f"tiny/{n}"] for n in range(3)]
    assert summary.pass_at_k["all"][1].value == pytest.approx(sum(map(sum, passed)) / 30)
    assert 0 < summary.pass_at_k["all"][1].value < 1
    assert summary.pass_at_k["all"][10].value == pytest.approx(sum(map(any, passed)) / 3)
    assert all(verdict.program and verdict.program in verdict.answer for verdict in verdicts if verdict.passed)
    evaluate_benchmarks(config, (), None, Console(quiet=True))
    assert len(loopback.requests) == asked
    again, _ = read_measurement(tmp_path / "run" / "evaluation" / "test_measure.Tiny")
    assert (again.pass_at_k, again.data, again.asked) == (summary.pass_at_k, summary.data, summary.asked)


def test_a_run_measures_before_and_after_training_alone(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="add a `train` section, or measure the model as it is with `codedpo evaluate`"
    ):
        require_what_comes_last(config_of(tmp_path))
    several = make_config(
        {
            **run_settings(tmp_path, tmp_path, "http://127.0.0.1:9/v1"),
            "train": {},
            "evaluate": {"samples": 2, "temperature": 1},
        }
    )
    with pytest.raises(ConfigError, match=r"evaluate\.samples: a run takes one answer"):
        require_what_comes_last(several)


def test_two_measurements_are_compared_problem_by_problem(tmp_path: Path) -> None:
    for texts in ((RIGHT, ALMOST, ALMOST), (ALMOST, RIGHT, RIGHT)):
        evaluate_benchmarks(config_of(tmp_path), (), programs(tmp_path, *texts), Console(quiet=True))
    first, second = (written(tmp_path, f"p{n}") for n in range(2))
    console = Console(record=True, width=160)
    found = compare_folders(first, second, None, console)
    assert (found.gained, found.lost, found.both, found.neither) == (("tiny/1", "tiny/2"), ("tiny/0",), 0, 0)
    assert found.difference.value == pytest.approx(1 / 3)
    assert found.p_value == 1.0
    assert "newly solved 2: tiny/1, tiny/2" in console.export_text()
    assert (second / "comparison.svg").read_text().startswith("<svg")
    assert json.loads((second / "comparison.json").read_text())["lost"] == ["tiny/0"]


NEW = ("forgeable", "efficiency")
HASTY = "import atexit\n" + RIGHT
SLEEPY = "def {f}(numbers, k):\n    for _ in range(20000): pass\n    return [x for x in numbers if x > k]"


def test_programs_that_both_solve_are_timed_against_each_other_and_themselves(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    for texts in ((SLEEPY, RIGHT, RIGHT), (RIGHT, HASTY, ALMOST)):
        evaluate_benchmarks(config, (), programs(tmp_path, *texts), Console(quiet=True))
    first, second = (written(tmp_path, f"p{n}") for n in range(2))
    console = Console(record=True, width=160)
    compare_folders(first, second, config, console)
    speed = json.loads((second / "comparison.json").read_text())["speed"]
    (item,) = speed["items"]
    assert (item["problem"], item["calls"]) == ("tiny/0", 3)
    assert item["low"] <= item["ratio"] <= item["high"] and item["floor"] > 0
    assert speed["left_out"] == {"its syntax does not rule out that a program shortens its own readings": ["tiny/1"]}
    assert "run times on 1 problems that both solve" in console.export_text()
    page = (second / "comparison.html").read_text()
    assert page.count("<svg") == 2 and "Newly lost, 1: tiny/2" in page and "first against itself (noise)" in page


def test_without_a_problem_that_both_solve_nothing_is_timed(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    for texts in ((RIGHT, ALMOST, ALMOST), (ALMOST, RIGHT, RIGHT)):
        evaluate_benchmarks(config, (), programs(tmp_path, *texts), Console(quiet=True))
    first, second = (written(tmp_path, f"p{n}") for n in range(2))
    compare_folders(first, second, config, Console(quiet=True))
    assert json.loads((second / "comparison.json").read_text())["speed"] is None


@pytest.mark.parametrize(
    ("ratios", "mean", "geometric", "faster", "slower"),
    [((4.0, 1.0, 0.25), 1.75, 1.0, 1 / 3, 1 / 3), ((1.1, 1.09, 1 / 1.1), None, None, 1 / 3, 1 / 3)],
)
def test_speed_ups_are_summed_up_as_in_the_paper(
    ratios: tuple[float, ...], mean: float | None, geometric: float | None, faster: float, slower: float
) -> None:
    found = efficiency(ratios)
    assert (found.faster.value, found.slower.value) == (pytest.approx(faster), pytest.approx(slower))
    if mean is not None:
        assert (found.mean.value, found.geometric_mean.value) == (pytest.approx(mean), pytest.approx(geometric))


def test_what_cannot_be_compared_or_measured_is_an_error(tmp_path: Path) -> None:
    evaluate_benchmarks(config_of(tmp_path), (), programs(tmp_path, RIGHT, RIGHT, RIGHT), Console(quiet=True))
    folder = written(tmp_path, "p0")
    with pytest.raises(RecordError, match="holds no measurement"):
        compare_folders(folder, tmp_path, None, Console(quiet=True))
    summary = json.loads((folder / "summary.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    (other / "verdicts.jsonl").write_text((folder / "verdicts.jsonl").read_text())
    (other / "summary.json").write_text(json.dumps({**summary, "data": "x"}))
    (other / "summary.json").write_text(json.dumps({key: summary[key] for key in summary if key not in NEW}))
    assert read_measurement(other)[0].forgeable is None, "written by a version of before"
    (other / "summary.json").write_text(json.dumps({**summary, "data": "x"}))
    with pytest.raises(RecordError, match="measured on other problems"):
        compare_folders(folder, other, None, Console(quiet=True))
    with pytest.raises(RecordError, match=r"1 problems of test_measure:Tiny have no program, such as tiny/2"):
        evaluate_benchmarks(config_of(tmp_path), (), programs(tmp_path, RIGHT, RIGHT), Console(quiet=True))
    with pytest.raises(RecordError, match=r"1 of its tasks are no problems of test_measure:Tiny, such as tiny/3"):
        evaluate_benchmarks(config_of(tmp_path), (), programs(tmp_path, *[RIGHT] * 4), Console(quiet=True))
    with pytest.raises(ConfigError, match="name one"):
        evaluate_benchmarks(config_of(tmp_path), ("humaneval", "tiny"), tmp_path, Console(quiet=True))
    with pytest.raises(ConfigError, match=r"evaluate\.temperature: 5 answers"):
        config_of(tmp_path, samples=5)
