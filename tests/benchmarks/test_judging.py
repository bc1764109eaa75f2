"""Programs called on inputs: every outcome, what is kept, and that nothing of what is expected can be had."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codedpo.benchmarks import InputSet, Problem
from codedpo.benchmarks.asserts import checked_asserts
from codedpo.benchmarks.judging import Judgement, judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.benchmarks.rules import Rule
from codedpo.errors import RecordError
from codedpo.evaluate import require_references
from codedpo.records import Outcome
from codedpo.sandbox import Calls, Inputs, Limits, Sandbox

REFERENCE = "def f(x):\n    return [x, (x, str(x)), {x: {x}}]"


def problem_of(reference: str = REFERENCE, rule: Rule = Rule(), n_calls: int = 5) -> Problem:
    inputs = InputSet("base", tuple((number,) for number in range(n_calls)), rule)
    return Problem("t/1", "", "f", reference, inputs=(inputs,))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(memory_mb=512, wall_factor=5)) as opened:
        yield opened


def verdict(problem: Problem, program: str, sandbox: Sandbox, folder: Path) -> Judgement:
    oracle = Oracle(folder)
    oracle.prepare([problem], sandbox)
    (found,) = judge([(problem, program)], sandbox, oracle)
    return found


@pytest.mark.parametrize(
    ("program", "outcome", "reason"),
    [
        (REFERENCE, Outcome.PASSED, ""),
        ("def f(x):\n    return [x * 1.0, (x, str(x)), {float(x): {x}}]", Outcome.PASSED, ""),  # equal, other bytes
        (REFERENCE.replace("str(x)", "'2'"), Outcome.WRONG, "call 0, f(0): [0, (0, '2'), {0: {0}}] instead of [0, "),
        (REFERENCE.replace("(x, str(x))", "[x, str(x)]"), Outcome.WRONG, "call 0"),
        ("def f(x):\n    return f", Outcome.WRONG, "<function> instead of"),
        ("def f(x):\n    raise ValueError('no')", Outcome.EXCEPTION, "call 0, f(0): ValueError: no"),
        ("def f(x:", Outcome.EXCEPTION, "it could not be loaded: SyntaxError"),
        ("def g(x):\n    return 1", Outcome.EXCEPTION, "it could not be loaded: NameError"),
        (f"{REFERENCE}\n1 / 0", Outcome.EXCEPTION, "it could not be loaded: ZeroDivisionError"),
        (REFERENCE.replace("return", "while x == 3: pass\n    return"), Outcome.TIMEOUT, "call 3, f(3): more than 2 s"),
        (REFERENCE.replace("return", "x == 2 and __import__('os')._exit(0)\n    return"), Outcome.CRASH, "call 2, f(2)"),
        (REFERENCE.replace("return", "b'0' * (1 << 40)\n    return"), Outcome.OUT_OF_MEMORY, "MemoryError"),
        (REFERENCE.replace("return", "__import__('os').fork()\n    return"), Outcome.BLOCKED, "PermissionError"),
        ("import sys\nsys.exit()", Outcome.EXCEPTION, "it could not be loaded: SystemExit"),
    ],
)  # fmt: skip
def test_every_way_to_end(program: str, outcome: Outcome, reason: str, sandbox: Sandbox, tmp_path: Path) -> None:
    found = verdict(problem_of(), program, sandbox, tmp_path)
    assert found.outcomes == {"base": outcome}
    assert found.passed == (outcome == Outcome.PASSED)
    assert reason in found.reason


def test_a_program_whose_calls_share_something_is_one_process(sandbox: Sandbox, tmp_path: Path) -> None:
    counting = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    assert verdict(problem_of("def f(x):\n    return x + 1"), counting, sandbox, tmp_path).passed


def test_a_set_without_inputs_is_passed_by_what_can_be_loaded(sandbox: Sandbox, tmp_path: Path) -> None:
    problem = problem_of(n_calls=0)
    assert verdict(problem, REFERENCE, sandbox, tmp_path).passed
    assert verdict(problem, "1 / 0", sandbox, tmp_path).outcomes == {"base": Outcome.EXCEPTION}


def test_arguments_are_new_for_each_program_and_call(sandbox: Sandbox, tmp_path: Path) -> None:
    inputs = InputSet("base", (([1, 2],), ([1, 2],)))
    problem = Problem("t/1", "", "f", "def f(x):\n    x.append(3)\n    return x", inputs=(inputs,))
    assert verdict(problem, "def f(x):\n    x += [3]\n    return x", sandbox, tmp_path).passed
    assert inputs.arguments == (([1, 2],), ([1, 2],))


@pytest.mark.parametrize(
    ("rule", "reference", "program", "passed"),
    [
        (Rule(), "def f(x):\n    return x / 3", "def f(x):\n    return x / 3 + 1e-8", True),
        (Rule(), "def f(x):\n    return x / 3", "def f(x):\n    return x / 3 + 1e-5", False),
        (Rule(), "def f(x):\n    return x", "def f(x):\n    return x + 1e-9", False),
        # Once a float was expected, floats are compared with tolerance, as in the reference evaluator.
        (Rule(), "def f(x):\n    return x if x else 0.5", "def f(x):\n    return [0.5, 1, 2, 3, 4][x]", True),
        (Rule(), "def f(x):\n    return [x / 3]", "def f(x):\n    return (x / 3,)", False),
        (Rule(atol=0.1), "def f(x):\n    return float(x)", "def f(x):\n    return x + 0.05", True),
        (Rule(as_sets=True), "def f(x):\n    return [x, 7]", "def f(x):\n    return (7, x, x)", True),
        (Rule(as_sets=True), "def f(x):\n    return [x, 7]", "def f(x):\n    return (7,)", False),
        (Rule(as_sets=True), "def f(x):\n    return [x, 7]", "def f(x):\n    return 7", False),
        (Rule(is_none=True), "def f(x):\n    return x if x else None", "def f(x):\n    return bool(x)", True),
        (Rule(is_none=True), "def f(x):\n    return x if x else None", "def f(x):\n    return x * 'a' or None", True),
        (Rule(is_none=True), "def f(x):\n    return x if x else None", "def f(x):\n    return None", False),
    ],
)
def test_what_counts_as_the_same(
    rule: Rule, reference: str, program: str, passed: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert verdict(problem_of(reference, rule), program, sandbox, tmp_path).passed == passed


FORGERIES = {
    "equal to everything": "class E(list):\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return E()",
    "equal to every int": "class E(int):\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return E(-1)",
    "callers' frames": (
        "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n        for value in list(frame.f_locals.values()):\n"
        "            if isinstance(value, (list, tuple)) and len(value) == 5:\n                return list(value)[x]\n"
        "        frame = frame.f_back\n    return None"
    ),
    "all objects": (
        "import gc\ndef f(x):\n    for found in gc.get_objects():\n        if found == {x: {x}} or isinstance(found, list) and len(found) == 3"
        " and found[:1] == [x] and isinstance(found[1], tuple):\n            return found\n    return None"
    ),
    "a forged frame": (
        "import os\ndef f(x):\n    for fd in range(3, 20):\n        try:\n            os.write(fd, b'\\x0a\\x00\\x00\\x00' + bytes(16) + b'[\"loaded\"]')\n"
        "        except OSError:\n            pass\n    return None"
    ),
    "a forged list": (
        "import os\ndef f(x):\n    for fd in range(3, 20):\n        try:\n            os.write(fd, b'\\x06\\x00\\x00\\x00' + bytes(16) + b'm[\\xff\\xff\\xff\\x7f')\n"
        "        except OSError:\n            pass\n    return None"
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", FORGERIES)
def test_a_pass_cannot_be_forged(how: str, sandbox: Sandbox, tmp_path: Path) -> None:
    assert not verdict(problem_of(), FORGERIES[how], sandbox, tmp_path).passed


def test_a_large_expected_value_is_kept_and_compared(sandbox: Sandbox, tmp_path: Path) -> None:
    reference = "def f(x):\n    return list(range(10 ** 5 + x))"
    right = verdict(
        problem_of(reference), "def f(x):\n    return [y * 1.0 for y in range(10 ** 5 + x)]", sandbox, tmp_path
    )
    assert right.passed
    wrong = verdict(problem_of(reference), "def f(x):\n    return list(range(10 ** 5))", sandbox, tmp_path)
    assert wrong.outcomes == {"base": Outcome.WRONG} and "call 1" in wrong.reason


def test_a_value_too_large_to_travel_is_compared_by_its_digest(sandbox: Sandbox, tmp_path: Path) -> None:
    reference = "def f(x):\n    return 'a' * (17 << 20) + str(x)"
    right = verdict(problem_of(reference), "def f(x):\n    return f\"{'a' * (17 << 20)}{x}\"", sandbox, tmp_path)
    wrong = verdict(problem_of(reference), "def f(x):\n    return 'a' * (17 << 20) + '0'", sandbox, tmp_path)
    assert right.passed
    assert wrong.outcomes == {"base": Outcome.WRONG}
    assert "call 1, f(1): <a value of 17,825,805 bytes> instead of <a value of 17,825,805 bytes>" in wrong.reason
    assert sum(path.stat().st_size for path in (tmp_path / "oracles").iterdir()) < 100_000


def test_a_value_that_cannot_be_written_is_a_wrong_one(sandbox: Sandbox, tmp_path: Path) -> None:
    found = verdict(problem_of("def f(x):\n    return x"), "def f(x):\n    return 10 ** 5000", sandbox, tmp_path)
    assert found.outcomes == {"base": Outcome.WRONG}
    assert "call 0, f(0): a large int instead of 0" in found.reason
    (other,) = [problem_of("def f(x):\n    return 10 ** 5000 + x")]
    assert verdict(other, "def f(x):\n    return 0", sandbox, tmp_path).reason.endswith("0 instead of a large int")


@pytest.mark.parametrize(
    "program",
    [
        "def f(x):\n    return [[]] * 10 ** 5",
        "def f(x):\n    return range(10 ** 12)",
        "def f(x):\n    return [range(10 ** 9)] * 2",
        "def f(x):\n    return [k * (2 ** 61 - 1) for k in range(10 ** 6)]",
        "def f(x):\n    raise ValueError('\\ud800')",
    ],
)
@pytest.mark.parametrize("rule", [Rule(as_sets=True), Rule(atol=0.1)])
def test_what_would_be_slow_to_compare_is_not_looked_at(
    program: str, rule: Rule, sandbox: Sandbox, tmp_path: Path
) -> None:
    found = verdict(problem_of("def f(x):\n    return [0.5, 1.5]", rule), program, sandbox, tmp_path)
    assert not found.passed
    json.dumps(found.reason).encode("ascii").decode("unicode_escape").encode()  # plain text


def test_code_that_sleeps_is_ended_by_the_clock_on_the_wall(sandbox: Sandbox, tmp_path: Path) -> None:
    start = time.monotonic()
    inputs = InputSet("base", tuple((number,) for number in range(100)))
    problem = Problem("t/1", "", "f", "def f(x):\n    return x", inputs=(inputs,))
    calls = Calls("import time\ndef f(x):\n    time.sleep(0.5)", "f", Inputs(inputs.arguments, (0.1,) * 100, 0.4))
    (found,) = sandbox.call_many([calls], lambda replies: replies)
    assert found.ended == Outcome.TIMEOUT
    assert time.monotonic() - start < 40
    assert problem.hash


def test_an_error_of_ours_in_between_leaves_the_sandbox_usable(sandbox: Sandbox, tmp_path: Path) -> None:
    oracle = Oracle(tmp_path)
    oracle.prepare([problem_of()], sandbox)
    (file,) = (tmp_path / "oracles").glob("*.values")
    file.write_bytes(b"")
    wrong = (problem_of(), "def f(x):\n    return x")
    with pytest.raises(RecordError, match=r"\.values: cannot be read"):
        judge([wrong], sandbox, oracle)
    oracle = Oracle(tmp_path)
    oracle.prepare([problem_of()], sandbox)  # made again
    found = judge([(problem_of(), REFERENCE), wrong], sandbox, oracle)
    assert [ours.passed for ours in found] == [True, False]


def test_what_references_give_is_kept_until_the_data_change(sandbox: Sandbox, tmp_path: Path) -> None:
    verdict(problem_of(), REFERENCE, sandbox, tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "oracles").iterdir()}
    verdict(problem_of(), "def f(x):\n    return x", sandbox, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "oracles").iterdir()} == kept
    other = problem_of(REFERENCE.replace("str(x)", "repr(x) + ''"), n_calls=6)
    assert verdict(other, REFERENCE, sandbox, tmp_path).passed
    assert len(list((tmp_path / "oracles").iterdir())) == 2 * len(kept)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [("def f(x):\n    return 1 // (x - 3)", "ZeroDivisionError"), ("def f(x", "SyntaxError"), ("x = 1", "NameError")],
)
def test_a_broken_reference_gives_no_score(reference: str, reason: str, sandbox: Sandbox, tmp_path: Path) -> None:
    for _ in range(2):  # made, then read
        with pytest.raises(RecordError, match=rf"0 of 1 reference solutions pass here.*t/1 \(base: {reason}"):
            require_references([problem_of(reference)], sandbox, Oracle(tmp_path))
    sound = replace(problem_of(), id="t/2")
    assert require_references([problem_of(reference), sound], sandbox, Oracle(tmp_path), least=0.5) == [sound]


def test_published_values_stand_in_place_of_the_references(sandbox: Sandbox, tmp_path: Path) -> None:
    inputs = InputSet("cases", (((1, 2),), ((),), (("a",),)), expected=([1, 2], [], ["a"]))
    problem = Problem("t/1", "", "f", "def f(x):\n    return list(x)", inputs=(inputs,))
    assert verdict(problem, "def f(x):\n    return [*x]", sandbox, tmp_path).passed
    found = verdict(problem, "def f(x):\n    return x", sandbox, tmp_path)
    assert found.reason == "cases: call 0, f((1, 2)): (1, 2) instead of [1, 2]"
    faults = Oracle(tmp_path).prepare([replace(problem, reference="def f(x):\n    return x")], sandbox)
    assert faults == {"t/1": "cases: call 0 gives another value than the one published"}


def test_without_a_reference_the_published_limit_holds(sandbox: Sandbox, tmp_path: Path) -> None:
    inputs = InputSet("cases", ((1,), (2,)), expected=(1, 2), seconds=0.5)
    problem = Problem("t/1", "", "f", "", inputs=(inputs,), function="Solution().f")
    program = "class Solution:\n    def f(self, x):\n        return x"
    assert verdict(problem, program, sandbox, tmp_path).passed
    slow = f"{program}\n    def f(self, x):\n        while x > 1: pass\n        return x"
    assert "call 1" in verdict(problem, slow, sandbox, tmp_path).reason


def test_a_reference_that_failed_once_is_tried_again(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problem_of("def f(x):\n    sum(range(3_000_000))\n    return x", n_calls=2)
    with monkeypatch.context() as patched:
        patched.setattr("codedpo.benchmarks.oracle._REFERENCE_SECONDS", 0.005)
        assert "t/1" in Oracle(tmp_path).prepare([problem], sandbox)
    assert Oracle(tmp_path).prepare([problem], sandbox) == {}


def test_a_reference_that_fails_leaves_what_others_gave(sandbox: Sandbox, tmp_path: Path) -> None:
    clock = problem_of("import time\ndef f(x):\n    return time.time_ns()")
    broken = replace(problem_of("def f(x):\n    return 1 // (x - 3)"), id="t/2")

    def first_value() -> object:
        oracle = Oracle(tmp_path)
        assert oracle.prepare([broken, clock], sandbox) == {
            "t/2": "base: ZeroDivisionError: integer division or modulo by zero"
        }
        return oracle.expected(clock, clock.inputs[0]).value(0)

    assert first_value() == first_value()


def test_what_references_give_is_kept_until_what_they_read_changes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "number").write_text("1")
    problem = problem_of(f"def f(x):\n    return int(open('{data}/number').read())")

    def first_value() -> object:
        oracle = Oracle(tmp_path)
        with Sandbox(limits=Limits(memory_mb=512, wall_factor=5), readable=[str(data)]) as opened:
            assert oracle.prepare([problem], opened) == {}
        return oracle.expected(problem, problem.inputs[0]).value(0)

    assert first_value() == 1
    (data / "number").write_text("23")
    assert first_value() == 23


def test_asserts_that_compare_alike_but_for_tolerances_are_judged_apart(sandbox: Sandbox, tmp_path: Path) -> None:
    test = (
        "def check(candidate):\n"
        "    assert math.isclose(candidate(1), 0.5, rel_tol=0.001)\n"
        "    assert math.isclose(candidate(2), 0.7, rel_tol=0, abs_tol=0.001)\n"
    )
    found = checked_asserts(test, "f")
    assert found is not None and len({inputs.name for inputs in found.inputs}) == 2
    problem = Problem("t/1", "", "f", "", inputs=found.inputs)
    assert verdict(problem, "def f(x):\n    return 0.5 if x == 1 else 0.7", sandbox, tmp_path).passed
    for wrong in ("0.7", "0.5", "99.0 if x == 1 else 0.7"):
        assert not verdict(problem, f"def f(x):\n    return {wrong}", sandbox, tmp_path).passed
    assert checked_asserts(f"{test}\nassert 1 == 2", "f") is None


def test_what_nothing_judges_gets_no_score(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="nothing says what is right for t/9"):
        require_references([Problem("t/9", "", "f", "")], sandbox, Oracle(tmp_path))
    with pytest.raises(RecordError, match="0 of 1 reference solutions pass here"):
        require_references([problem_of("x = 1")], sandbox, Oracle(tmp_path), least=0)


def test_limits_count_the_writing_of_values_as_the_reference_needs_it(sandbox: Sandbox, tmp_path: Path) -> None:
    program = "def f(n):\n    return [(0, 1)] * n"
    inputs = InputSet("base", ((1_000_000,),))
    problem = Problem("p", "def f(n):\n", "f", program, inputs=(inputs,))
    oracle = Oracle(tmp_path)
    assert oracle.prepare([problem], sandbox) == {}
    expected = oracle.expected(problem, inputs)
    told = expected.told_seconds[0]
    assert told > expected.seconds[0]
    assert expected.limits(inputs.arguments).cpu_seconds[0] == max(1.0, 4 * told)
    assert judge([(problem, program)], sandbox, oracle)[0].passed
