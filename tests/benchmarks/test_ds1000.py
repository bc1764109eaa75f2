"""DS-1000: the published file is read, answers are cut as upstream cuts them, contexts judge programs in the jail."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from codedpo.benchmarks import Problem
from codedpo.benchmarks.ds1000 import Ds1000
from codedpo.benchmarks.judging import Judgement, judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.errors import ConfigError, RecordError
from codedpo.evaluate import LIMITS, Verdict, require_references, sandbox_for
from codedpo.llms import Sampling
from codedpo.measure.measurement import pass_rates
from codedpo.records import Outcome
from codedpo.sandbox import Limits, Sandbox, SandboxSettings

PYTHON = os.environ.get("CODEDPO_DS1000", str(Path(__file__).parents[2] / ".ds1000" / "bin" / "python"))
SMALL = """
def test_execution(solution):
    for given, wanted in ((1, 2), (2, 3)):
        space = {"given": given}
        exec("x = given\\n[insert]".replace("[insert]", solution), space)
        assert space["result"] == wanted, space["result"]

def test_string(solution):
    assert "for" not in solution
"""


ABOUT = {"problem_id": 8, "library": "Numpy", "perturbation_type": "Surface"}


def row(context: str = SMALL, prompt: str = "Add one.\n<code>\n") -> dict[str, object]:
    about = {"problem_id": 7, "library": "Pandas", "perturbation_type": "Origin"}
    return {"prompt": prompt, "reference_code": "result = x + 1\n", "code_context": context, "metadata": about}


def written(folder: Path, *rows: dict[str, object]) -> str:
    file = folder / "ds1000.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


@pytest.fixture
def small(tmp_path: Path) -> Problem:
    (problem,) = Ds1000(path=written(tmp_path, row()), python=sys.executable, libraries=["Pandas"]).problems()
    return problem


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(cpu_seconds=1, wall_factor=5)) as opened:
        yield opened


def test_all_problems_are_read(shared_data: Path) -> None:
    problems = Ds1000(path=str(shared_data / "ds1000" / "ds1000.jsonl.gz"), python=sys.executable).problems()
    assert len({problem.id for problem in problems}) == len({problem.hash for problem in problems}) == 1000
    libraries = {"Pandas": 291, "Numpy": 220, "Matplotlib": 155, "Sklearn": 115, "Scipy": 106, "Pytorch": 68}
    assert Counter(problem.id.split("/")[2] for problem in problems) == {**libraries, "Tensorflow": 45}
    perturbations = {"Origin": 452, "Semantic": 234, "Difficult-Rewrite": 162, "Surface": 152}
    assert Counter(problem.id.split("/")[3] for problem in problems) == perturbations
    assert sum(problem.test.endswith("test_string(code)") for problem in problems) == 159


@pytest.mark.parametrize(
    ("program", "outcome", "reason"),
    [
        ("result = x + 1", Outcome.PASSED, ""),
        ("result = x * 2", Outcome.WRONG, "4"),
        ("result = x + 1  # for", Outcome.WRONG, ""),
        ("result = y", Outcome.EXCEPTION, "NameError: name 'y' is not defined"),
        ("result = '''", Outcome.EXCEPTION, "SyntaxError"),
        ("while True: pass", Outcome.TIMEOUT, ""),
        ("import os\nos._exit(0)", Outcome.CRASH, "without a verdict"),
        ("import os\nos.fork()", Outcome.BLOCKED, "PermissionError"),
    ],
)
def test_the_context_judges(
    program: str, outcome: Outcome, reason: str, small: Problem, sandbox: Sandbox, tmp_path: Path
) -> None:
    (found,) = judge([(small, program)], sandbox, Oracle(tmp_path))
    assert (found.outcome, reason in found.reason) == (outcome, True), found
    assert not found.judged_outside
    assert require_references([small], sandbox, Oracle(tmp_path)) == [small]


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ("result = 1\n</code>\nThat is all.", "result = 1\n"),
        ("```python\nresult = 1\n```\nThat is all.", "\nresult = 1\n"),
        ("<code>\nresult = 1\n</code>", "\nresult = 1\n"),
        ("result = 1\nEND SOLUTION\nmore", "result = 1"),
        ("Here it is:\n```python\nresult = 1\n```", "Here it is:\n\nresult = 1\n"),  # with its faults
        ("```\nresult = 1\n```", None),
    ],
)
def test_published_answers_are_cut_as_upstream_does_it(answer: str, lines: str | None, small: Problem) -> None:
    assert small.extract(answer, published=True) == lines


def test_our_own_way_finds_the_last_block_and_indents_it(small: Problem, tmp_path: Path) -> None:
    assert small.extract("First:\n```\nx\n```\nNow:\n```python\nresult = 1\n```") == "result = 1\n"
    assert small.extract("As in <code>x</code>:\n<code>\nresult = 1\n</code>.") == "\nresult = 1\n"
    assert small.extract("result = 1\n") == "result = 1\n"
    assert small.extract("``` ```") is None
    path = written(tmp_path, row(prompt="def f(x):\n    # return it\n    ### BEGIN SOLUTION\n"))
    (inside,) = Ds1000(path=path, python=sys.executable).problems()
    assert inside.extract("```\nif x:\n    y = 1\n\nreturn y\n```") == "    if x:\n        y = 1\n\n    return y\n"
    assert inside.extract("    return x") == "    return x"


def test_a_problem_is_asked_for_with_its_own_prompt_alone(small: Problem) -> None:
    for published in (True, False):
        request = small.request(Sampling(), 0, 1, published=published)
        assert request.text is not None and request.text.text == "Add one.\n<code>\n"
        told, asked = request.messages
        assert told["role"] == "system" and told["content"].endswith("non-executable things.")
        assert asked["content"] == "Add one.\n<code>\n"
        assert request.sampling.stop == ("</code>", "# SOLUTION END")


def test_the_environment_decides_what_the_sandbox_is(small: Problem) -> None:
    settings = SandboxSettings(cpu_seconds=1, judge="outside")
    found = sandbox_for([small], settings)
    assert (found.python, found.cpu_seconds, found.memory_mb) == (sys.executable, 120, 16384)
    assert (found.preload, found.judge) == (("numpy", "pandas"), "outside")
    plain = sandbox_for([replace(small, environment=None)], settings)
    assert (plain.python, plain.cpu_seconds, plain.memory_mb) == ("", LIMITS.cpu_seconds, LIMITS.memory_mb)


def test_scores_are_given_by_library_and_perturbation(tmp_path: Path) -> None:
    path = written(tmp_path, row(), {**row(), "metadata": ABOUT})
    problems = Ds1000(path=path, python=sys.executable).problems()
    verdicts = [Verdict(problem.id, "Pandas" in problem.id, "", "", "", "") for problem in problems]
    rates = {name: scores[1].value for name, scores in pass_rates(verdicts, problems).items()}
    assert rates == {"all": 0.5, "Pandas": 1.0, "Surface": 0.0, "Origin": 1.0, "Numpy": 0.0}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, row())
    with pytest.raises(RecordError, match="`make ds1000-env` makes an environment"):
        Ds1000(path=path, python=str(tmp_path / "python")).problems()
    with pytest.raises(RecordError, match=r"name ds1000\.jsonl\.gz in benchmarks\.ds1000\.path"):
        Ds1000(path="nowhere", python=sys.executable).problems()
    with pytest.raises(RecordError, match="is no folder: see benchmarks.ds1000.seaborn"):
        Ds1000(path=path, python=sys.executable, seaborn="nowhere").problems()
    with pytest.raises(ConfigError, match="'Torch' is unknown; choose from: Pandas, Numpy"):
        Ds1000(path=path, python=sys.executable, libraries=["Torch"]).problems()
    with pytest.raises(RecordError, match="not DS-1000's published file: KeyError"):
        Ds1000(path=written(tmp_path, {"metadata": {"library": "Pandas"}}), python=sys.executable).problems()


def judged(shared_data: Path, library: str, every: int) -> tuple[Sequence[Problem], list[str], list[Judgement]]:
    """Upstream's answers of Codex to every k-th problem of a library, judged."""
    if not os.access(PYTHON, os.X_OK):
        pytest.skip(f"DS-1000's packages are not at {PYTHON}: `make ds1000-env`, or set CODEDPO_DS1000")
    folder = shared_data / "ds1000"
    benchmark = Ds1000(
        path=str(folder / "ds1000.jsonl.gz"),
        python=PYTHON,
        seaborn=str(shared_data / "seaborn"),
        libraries=[library],
    )
    problems = benchmark.problems()[::every]
    with gzip.open(folder / "codex002-answers.jsonl.gz", "rt") as file:
        codes = [str(json.loads(line)["code"]) for line in file]
    answers = [codes[int(problem.id.split("/")[1])] for problem in problems]
    programs = [problem.reference for problem in problems] + answers
    with Sandbox.of(sandbox_for(problems, SandboxSettings()), workers=1) as sandbox:
        return (
            problems,
            answers,
            judge(list(zip([*problems, *problems], programs, strict=True)), sandbox, Oracle(folder)),
        )


@pytest.mark.parametrize(("library", "every", "passed"), [("Pandas", 12, 8), ("Scipy", 13, 3)])
def test_references_pass_and_as_many_answers_as_upstream(
    library: str, every: int, passed: int, shared_data: Path
) -> None:
    problems, _, found = judged(shared_data, library, every)
    references, answers = found[: len(problems)], found[len(problems) :]
    failed = [(problem.id, one.reason) for problem, one in zip(problems, references, strict=True) if not one.passed]
    assert failed == []
    assert sum(one.passed for one in answers) == passed
