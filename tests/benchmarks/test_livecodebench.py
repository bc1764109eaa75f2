"""LiveCodeBench: rows read, programs judged on a real standard input, and no pass that is not earned."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from codedpo.benchmarks import BENCHMARKS, InputSet, Problem
from codedpo.benchmarks.judging import Judgement, judge
from codedpo.benchmarks.livecodebench import LiveCodeBench
from codedpo.benchmarks.oracle import Oracle
from codedpo.benchmarks.rules import Rule
from codedpo.config import make_config
from codedpo.errors import ConfigError, RecordError
from codedpo.llms import Sampling
from codedpo.records import Outcome
from codedpo.sandbox import Calls, CheckedCalls, Inputs, Limits, Sandbox
from codedpo.sandbox.calls import digest, value_content

TEXTS = ("3\n1 2 3\n", "2\n40 2\n")
SUMS = ("6\n", "42\n")
STDIN = [{"input": text, "output": total, "testtype": "stdin"} for text, total in zip(TEXTS, SUMS, strict=True)]
METHOD = [{"input": '[1, 2]\n"a"', "output": '["a", 3]', "testtype": "functional"}]
STARTER = "class Solution:\n    def total(self, numbers: List[int], name: str) -> List:\n        "


def row(name: str = "x1", when: str = "2024-03-01T00:00:00", **changed: Any) -> dict[str, Any]:
    """A published row of a script."""
    common = {"question_id": name, "contest_date": when, "question_content": "Add up.", "starter_code": ""}
    return {**common, "metadata": "{}", "public_test_cases": json.dumps(STDIN), **changed}


def method_row(**changed: Any) -> dict[str, Any]:
    published = {"starter_code": STARTER, "metadata": '{"func_name": "total"}', "public_test_cases": json.dumps(METHOD)}
    return row(**{**published, **changed})


def read(folder: Path, *rows: dict[str, Any], **options: Any) -> Sequence[Problem]:
    path = folder / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(content)}\n" for content in rows))
    return LiveCodeBench(path=str(path), **options).problems()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(memory_mb=512, wall_factor=5)) as opened:
        yield opened


def verdict(problem: Problem, program: str, sandbox: Sandbox, folder: Path) -> Judgement:
    oracle = Oracle(folder)
    oracle.prepare([problem], sandbox)
    (found,) = judge([(problem, program)], sandbox, oracle)
    return found


def test_published_grades_hold(shared_data: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    """Of every tenth program of o1-mini; perf/agree_livecodebench.py judges all 400."""
    folder = shared_data / "livecodebench"
    problems = {p.id: p for p in LiveCodeBench(path=str(folder / "lcb_public_400.jsonl.gz")).problems()}
    assert len(problems) == 400
    assert sum(problem.entry_point == "" for problem in problems.values()) == 219
    assert sum(len(inputs.arguments) for problem in problems.values() for inputs in problem.inputs) == 1043
    graded = json.loads(gzip.decompress((folder / "O1-Mini-2024-09-12_eval_all.json.gz").read_bytes()))
    right = [line for line in graded if line["question_id"] in problems and line["graded_list"] == [True]]
    chosen = [*right[::10], *(line for line in right if line["question_id"] == "abc303_d")]
    oracle = Oracle(tmp_path)
    oracle.prepare(list(problems.values()), sandbox)
    items = [(problems[line["question_id"]], line["code_list"][0]) for line in chosen]
    assert [found.reason for found in judge(items, sandbox, oracle)] == [""] * len(items)
    others = [(problem, other) for (problem, _), (_, other) in zip(items, [*items[1:], items[0]], strict=True)]
    assert not any(found.passed for found in judge(others[:10], sandbox, oracle))


def test_a_window_takes_its_first_and_last_day(tmp_path: Path) -> None:
    rows = [row(str(day), f"2024-03-{day:02}T18:30:00") for day in (1, 2, 3, 4)]
    for options, names in (
        ({}, "1234"),
        ({"start": "2024-03-02"}, "234"),
        ({"start": "2024-03-02", "end": "2024-03-03"}, "23"),
        ({"end": "2024-03-01"}, "1"),
    ):
        assert "".join(problem.id for problem in read(tmp_path, *rows, **options)) == names
    with pytest.raises(RecordError, match="no contest from 2025-01-01 to 9999-12-31"):
        read(tmp_path, *rows, start="2025-01-01")
    with pytest.raises(ConfigError, match=r"benchmarks.livecodebench.end: 'May' is no date such as 2024-08-01"):
        read(tmp_path, *rows, end="May")


def test_a_date_in_the_configuration_needs_no_quotes(tmp_path: Path) -> None:
    read(tmp_path, row("old", "2024-02-29T00:00:00"), row("new"))
    section = {"livecodebench": {"path": str(tmp_path / "rows.jsonl"), "start": date(2024, 3, 1)}}
    data = {"run_folder": str(tmp_path), "benchmarks": section, "evaluate": {"benchmark": "livecodebench"}}
    config = make_config(data)
    assert config.evaluate is not None
    assert [problem.id for problem in config.evaluate.problems(config.benchmarks)] == ["new"]


@pytest.mark.parametrize("packed", [False, True])
def test_private_tests_are_read_in_both_forms(packed: bool, tmp_path: Path) -> None:
    text = json.dumps(STDIN[1:])
    if packed:
        text = base64.b64encode(zlib.compress(pickle.dumps(text))).decode()
    (problem,) = read(tmp_path, row(private_test_cases=text))
    public, private = problem.inputs
    assert (public.name, public.arguments, public.expected) == ("public", tuple((text,) for text in TEXTS), SUMS)
    assert (private.name, private.arguments, private.expected) == ("private", ((TEXTS[1],),), SUMS[1:])
    assert problem.hash != read(tmp_path, row())[0].hash


class _Trap:
    """What a pickle does when it is loaded."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


def test_a_pickle_runs_nothing(tmp_path: Path) -> None:
    for trap in (_Trap(tmp_path / "trapped"), [1], ("a", "b")):
        packed = base64.b64encode(zlib.compress(pickle.dumps(trap))).decode()
        with pytest.raises(RecordError, match="a pickle of more than a text"):
            read(tmp_path, row(private_test_cases=packed))
    assert not (tmp_path / "trapped").exists()


def test_what_is_no_published_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"name a published one in benchmarks.livecodebench.path"):
        LiveCodeBench().problems()
    for wrong in (
        {"task_id": "x"},
        row(public_test_cases=json.dumps(METHOD)),
        row(private_test_cases="no base64"),
        row(public_test_cases=json.dumps([{**STDIN[0], "input": "7" * (1 << 24) + "\n"}])),
    ):
        with pytest.raises(RecordError, match="not LiveCodeBench's published file"):
            read(tmp_path, wrong)
    assert BENCHMARKS["livecodebench"] is LiveCodeBench


READERS = {
    "input": "input()\nprint(sum(map(int, input().split())))",
    "sys.stdin": "import sys\nlines = sys.stdin.readlines()\nprint(sum(map(int, lines[1].split())))",
    "iteration": "import sys\nlines = list(sys.stdin)\nprint(sum(map(int, lines[1].split())))",
    "bytes": "import sys\nlines = sys.stdin.buffer.read().split()\nprint(sum(map(int, lines[1:])))",
    "a fast line reader": "import sys\ninput = sys.stdin.buffer.readline\ninput()\nprint(sum(map(int, input().split())))",
    "open(0)": "print(sum(map(int, open(0).read().split()[1:])))",
    "open(0) by unpacking": "n, *numbers = map(int, open(0).read().split())\nprint(sum(numbers))",
    "os.read": "import os\nprint(sum(map(int, os.read(0, 1 << 20).split()[1:])))",
    "mixed": "import sys\ninput()\nprint(sum(map(int, sys.stdin.read().split())))",
    "the prelude's names": "n = stdin.readline()\nprint(sum(map(int, stdin.read().split())))",
}
WRITERS = {
    "print": "print(found)",
    "no line end": "print(found, end='')",
    "sys.stdout": "import sys\nsys.stdout.write(f'{found}\\n')",
    "bytes": "import sys\nsys.stdout.buffer.write(b'%d\\n' % found)",
    "os.write": "import os\nos.write(1, b'%d' % found)",
    "open(1)": "out = open(1, 'w')\nout.write(str(found))",
    "both": "import os, sys\nprint(str(found)[0], end='', flush=True)\nos.write(1, str(found)[1:].encode())",
    "kept in a text": "import io, sys\nbuffer = io.StringIO()\nsys.stdout, real = buffer, sys.stdout\nprint(found)\n"
    "real.write(buffer.getvalue())",
    "at the end": "import atexit, os\natexit.register(lambda: os.write(1, str(found).encode()))",
    "in a thread": "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(0.05), print(found))).start()",
    "in a pool that stays open": "from concurrent.futures import ThreadPoolExecutor\n"
    "pool = ThreadPoolExecutor(2)\nprint(pool.submit(int, found).result())",
    "through a writer of its own": "import os, sys\nclass Writer:\n    said = ''\n    def write(self, text): self.said += text\n"
    "    def flush(self): os.write(1, self.said.encode()); self.said = ''\nsys.stdout = Writer()\nprint(found)",
    "then exit": "print(found)\nexit()",
    "then sys.exit(0)": "import sys\nprint(found)\nsys.exit(0)",
    "then quit": "print(found)\nquit()",
    "in main": "def main():\n    print(found)\nif __name__ == '__main__':\n    main()",
    "as a decimal": "print(f'{found}.00')",
    "as words": "print(f'  {found}  \\n\\n')",
}  # fmt: skip


@pytest.mark.parametrize("how", [*READERS, *WRITERS])
def test_every_way_to_read_and_to_write(how: str, sandbox: Sandbox, tmp_path: Path) -> None:
    reader = "n, *numbers = map(int, open(0).read().split())\nfound = sum(numbers)\n"
    program = READERS[how] if how in READERS else reader + WRITERS[how]
    found = verdict(read(tmp_path, row())[0], program, sandbox, tmp_path)
    assert found.passed, found.reason


RIGHT = "print(sum(map(int, open(0).read().split()[1:])))\n"


@pytest.mark.parametrize(
    ("program", "outcome", "reason"),
    [
        (f"{RIGHT}import sys\nsys.exit(1)", Outcome.EXCEPTION, "call 0, the script('3\\n1 2 3\\n'): SystemExit: 1"),
        (f"{RIGHT}exit('no')", Outcome.EXCEPTION, "SystemExit: no"),
        (f"{RIGHT}1 / 0", Outcome.EXCEPTION, "ZeroDivisionError"),
        (f"{RIGHT}import os\nos._exit(0)", Outcome.CRASH, "it ended its process"),
        ("print(input(), input(), input())", Outcome.EXCEPTION, "EOFError"),
        ("print(6)", Outcome.WRONG, "call 1, the script('2\\n40 2\\n'): '6\\n' instead of '42\\n'"),
        ("print('6 apples')", Outcome.WRONG, "call 0"),
        ("print(6)\nprint(6)", Outcome.WRONG, "call 0"),
        ("", Outcome.WRONG, "'' instead of '6\\n'"),
        ("print(6", Outcome.EXCEPTION, "it could not be loaded: SyntaxError"),
        ("import os\nos.write(1, b'\\xff\\n')", Outcome.WRONG, "call 0"),
        ("print('6' * 10 ** 6)", Outcome.WRONG, "its value takes 1,000,0"),
        ("import sys\nwhile True: sys.stdout.write('6' * 4096)", Outcome.EXCEPTION, "OSError: [Errno 27]"),
        ("import os\nwhile os.write(1, b'6' * 4096): pass", Outcome.EXCEPTION, "OSError: [Errno 27]"),
        ("b'0' * (1 << 40)", Outcome.OUT_OF_MEMORY, "MemoryError"),
        ("import os\nos.fork()", Outcome.BLOCKED, "PermissionError"),
        ("import os\nos.closerange(0, 100)\nprint(6)", Outcome.CRASH, "call 0"),
    ],
)
def test_every_way_to_fail(program: str, outcome: Outcome, reason: str, sandbox: Sandbox, tmp_path: Path) -> None:
    found = verdict(read(tmp_path, row())[0], program, sandbox, tmp_path)
    assert found.outcomes == {"public": outcome}, found.reason
    assert reason in found.reason


@pytest.mark.parametrize("body", ["while True: pass", "import time\ntime.sleep(60)"])
def test_a_script_that_does_not_end_is_ended(body: str, sandbox: Sandbox) -> None:
    inputs = Inputs((("1",), ("2",)), (0.1, 0.1), 0.2)
    digests = digest(value_content("1\n")) + digest(value_content("2\n"))
    program = f"text = input()\nprint(text)\nif text == '2':\n    {body.replace(chr(10), chr(10) + '    ')}"
    checked = CheckedCalls(Calls(program, "", inputs), digests, (100, 100), lambda index, reply: False, inputs)
    (found,) = sandbox.check_many([checked])
    assert (found.outcome, found.calls) == (Outcome.TIMEOUT, 1)


def test_the_first_wrong_input_ends_a_script(sandbox: Sandbox, tmp_path: Path) -> None:
    tests = [{**STDIN[0], "output": "7"}, {**STDIN[1], "output": "never run"}]
    (problem,) = read(tmp_path, row(public_test_cases=json.dumps(tests)))
    found = verdict(problem, RIGHT, sandbox, tmp_path)
    assert found.reason == "public: call 0, the script('3\\n1 2 3\\n'): '6\\n' instead of '7'"


LEAKS = {
    "a module": "import math\nmath.seen = getattr(math, 'seen', 0) + 1\nprint(math.seen)",
    "a builtin": "import builtins\nbuiltins.seen = getattr(builtins, 'seen', 0) + 1\nprint(builtins.seen)",
    "a file": "import os\nwith open('seen', 'a') as f: f.write('x')\nprint(os.path.getsize('seen'))",
    "files of ours": "import os\nprint(1 + len(os.listdir('.')))",
    "the arguments": "import sys\nprint(len(sys.argv))",
}


@pytest.mark.parametrize("how", LEAKS)
def test_a_script_meets_nothing_of_its_last_run(how: str, sandbox: Sandbox, tmp_path: Path) -> None:
    tests = [{"input": text, "output": "1", "testtype": "stdin"} for text in "abc"]
    (problem,) = read(tmp_path, row(public_test_cases=json.dumps(tests)))
    found = verdict(problem, LEAKS[how], sandbox, tmp_path)
    assert found.passed, found.reason


FORGERIES = {
    "callers' frames": (
        "import sys\nframe = sys._getframe()\nwhile frame:\n    for value in list(frame.f_locals.values()):\n"
        "        if '42' in repr(value)[:10000]: print(value)\n    frame = frame.f_back"
    ),
    "all objects": "import gc\nfor found in gc.get_objects():\n    if found in (('6\\n',), ['6\\n'], '6\\n'): print(6)",
    "a forged frame": (
        "import os\nfor fd in range(3, 20):\n    try:\n        os.write(fd, b'\\x0f\\x00\\x00\\x00' + bytes(8) + b'[\"value\",true  ]')\n"
        "    except OSError:\n        pass"
    ),
    "a text that equals all": "class E(str):\n    def __eq__(self, other): return True\nprint(E('x'))",
    "another text of its own": (
        "import sys\nframe = sys._getframe()\nwhile frame:\n    if 'seconds' in frame.f_locals: frame.f_locals['value'] = '6'\n"
        "    frame = frame.f_back"
    ),
    "other files": "import os\nfor name in os.listdir('.'): print(open(name).read())",
}  # fmt: skip


@pytest.mark.parametrize("how", FORGERIES)
def test_a_pass_cannot_be_forged(how: str, sandbox: Sandbox, tmp_path: Path) -> None:
    assert not verdict(read(tmp_path, row())[0], FORGERIES[how], sandbox, tmp_path).passed


@pytest.mark.parametrize(
    ("body", "passed"),
    [
        ("return [name, sum(numbers)]", True),
        ("return name, sum(numbers)", True),
        ("return [name, float(sum(numbers))]", True),
        ("return [name, sum(numbers) + 1e-9]", False),
        ("return deque([name, sum(numbers)])", False),
        ("print([name, sum(numbers)])", False),
        ("return [input(), 3]", False),
    ],
)
def test_methods_are_compared_as_json(body: str, passed: bool, sandbox: Sandbox, tmp_path: Path) -> None:
    (problem,) = read(tmp_path, method_row())
    program = f"class Solution:\n    def total(self, numbers: List[int], name: str) -> List:\n        {body}\n"
    found = verdict(problem, program, sandbox, tmp_path)
    assert found.passed == passed, found.reason
    assert passed or "public: call 0, Solution().total([1, 2], 'a'): " in found.reason


@pytest.mark.parametrize(
    ("rule", "value", "wanted", "same"),
    [
        ("lines", "1 2 \n3\n\n", "1 2\n3", True),
        ("lines", "1  2", "1 2", True),  # as decimals
        ("lines", "a  b", "a b", False),
        ("lines", "1.50 0x", "1.5 0x", False),
        ("lines", "1.50 1e2", "1.5 100", True),
        ("lines", "50000000000000001", "50000000000000000", False),
        ("lines", "0.1", "0.10000000000000001", False),
        ("lines", "1\n\n2", "1\n2", False),
        ("lines", "Yes", "YES", False),
        ("lines", "sNaN", "1", False),
        ("lines", "nan", "NaN", False),
        ("lines", None, "1", False),
        ("JSON", (1, 2), [1, 2], True),
        ("JSON", [(1, 2)], [[1, 2]], False),
        ("JSON", 0.1 + 0.2, 0.3, False),
        ("JSON", 1, True, True),
    ],
)  # fmt: skip
def test_what_counts_as_the_same(rule: str, value: Any, wanted: Any, same: bool) -> None:
    chosen = Rule(compare=rule)
    assert chosen.is_same(value, wanted, (), float(chosen.tolerances(1, 0)[0])) == same


def test_prompts_are_upstreams(tmp_path: Path) -> None:
    script, method = read(tmp_path, row(), method_row(question_id="x2"))
    asked = script.request(Sampling(), 0, 1)
    assert [turn["role"] for turn in asked.messages] == ["system", "user"]
    assert asked.messages[0]["content"].startswith("You are an expert Python programmer.")
    assert asked.messages[1]["content"].startswith("### Question:\nAdd up.\n\n### Format: Read the inputs from stdin")
    assert asked.messages[1]["content"].endswith(
        "```python\n# YOUR CODE HERE\n```\n\n### Answer: (use the provided format with backticks)\n\n"
    )
    assert asked.text is not None and asked.text.text == "### Question\nAdd up.\n\n### Answer\n\n"
    asked = method.request(Sampling(), 0, 1)
    assert f"enclose your code within delimiters.\n```python\n{STARTER}\n```" in asked.messages[1]["content"]
    assert asked.text is not None and asked.text.text.endswith(f"### Starter Code\n{STARTER}\n\n### Answer\n\n")
    (ours,) = method.request(Sampling(), 0, 1, published=False).messages
    assert "Task: Add up." in ours["content"] and STARTER.strip() in ours["content"]


SCRIPT = "n = input()\nprint(n)"


@pytest.mark.parametrize(
    ("answer", "ours", "published"),
    [
        (f"So:\n```python\n{SCRIPT}\n```\nDone.", SCRIPT, SCRIPT),
        (f"```python\n1\n```\nBetter:\n```\n{SCRIPT}\n```", SCRIPT, SCRIPT),
        (f"```python\n{SCRIPT}\n```\nIt prints:\n```\n1 2 3\n```", SCRIPT, "1 2 3"),
        (f"```python\n{SCRIPT}", SCRIPT, None),
        (SCRIPT, SCRIPT, None),
        ("I do not know.", None, None),
        (f"### Question\nAdd up.\n\n### Answer\n\n{SCRIPT}\n\n", SCRIPT, SCRIPT),  # a base model's, after its prompt
    ],
)
def test_a_script_is_found(answer: str, ours: str | None, published: str | None, tmp_path: Path) -> None:
    (problem,) = read(tmp_path, row())
    found = problem.extract(answer)
    assert (found and found.strip()) == ours
    assert problem.extract(answer, published=True) == published


def test_a_base_models_method_is_found_after_the_starter_code(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, method_row())
    assert problem.prompts is not None
    program = f"{STARTER}return [name, sum(numbers)]\n"
    assert problem.extract(f"{problem.prompts.text.text}{program}") == program
    assert problem.extract(f"```python\n{program}```", published=True) == program.strip()


def test_a_script_with_a_reference_is_run_for_its_values(sandbox: Sandbox, tmp_path: Path) -> None:
    inputs = InputSet("base", tuple((text,) for text in TEXTS), Rule(compare="lines"))
    problem = replace(read(tmp_path, row())[0], reference=RIGHT, inputs=(inputs,))
    assert verdict(problem, RIGHT, sandbox, tmp_path).passed
    assert verdict(problem, "print(6)", sandbox, tmp_path).outcomes == {"base": Outcome.WRONG}
