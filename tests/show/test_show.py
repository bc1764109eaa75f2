"""`codedpo show` on real runs: one task with all that became of it, and the list of tasks."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codedpo.config import make_config
from codedpo.errors import ConfigError, RecordError
from codedpo.job import run
from codedpo.show import open_run, task_lines, task_page
from codedpo.show.safe import one_line, visible
from conftest import run_settings, write_source
from loopback import LoopbackLLM

HOSTILE = "\x1b[2J\x1b]0;owned\x07 [red]loud[/red] \u202egnol\u2028"
RIGHT, SLOW, WRONG = (
    f"def above(numbers, k):\n    return [x for x in numbers if x > k]  # {HOSTILE}",
    "def above(numbers, k):\n    [i * i for i in range(60000)]\n    return [y for y in numbers if y > k]",
    f"def above(numbers, k):\n    return numbers + ['{HOSTILE}']",
)
TESTS = ["assert above([1, 2, 3], 1) == [2, 3]", "assert above([], 5) == []", "assert above([5, 1, 9], 5) == [9]"]


def row(id: str, *solutions: str, tests: list[str] = TESTS, text: str = "Return those above k.") -> dict[str, Any]:
    signature = "def above(numbers: list[int], k: int) -> list[int]:"
    return {"id": id, "text": text, "signature": signature, "solutions": solutions, "tests": tests}


ROWS = [
    row("aa11", RIGHT, WRONG, SLOW, tests=[*TESTS, f"assert above([1], 0) == '{HOSTILE}'"], text=f"Above k. {HOSTILE}"),
    row("aa22", RIGHT, RIGHT, text="All the same."),
    row("bb33", RIGHT, WRONG, text="Twice this id."),
    row("bb33", WRONG, RIGHT, text="Twice this id, and other programs."),
    row(f"cc{HOSTILE}", RIGHT, WRONG, text="An id of the user's own."),
    row("dd44", RIGHT, "def other(): ...", text="One solution is left of it."),
]


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    """A run that starts from brought samples: no LLM is asked."""
    path = folder / "samples.jsonl"
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in ROWS))
    values = run_settings(folder / "run", folder, "http://127.0.0.1:9/v1")
    del values["seeds"]
    timings = {"rounds": 8, "looks": [4, 8, 16]}  # enough for a verdict on a loaded machine
    unfiltered = {"rankings": {"drop_constant": False, "drop_duplicates": False}, "pairs": {"drop_repeats": False}}
    return {**values, **unfiltered, "shard_size": 2, "timings": timings, "samples": {"path": str(path)}, **more}


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("brought")
    run(make_config(settings(folder)))
    return folder / "run"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of all seven stages, from source code."""
    folder = tmp_path_factory.mktemp("written")
    with LoopbackLLM() as server:
        run(make_config(run_settings(folder / "run", write_source(folder / "source"), server.base_url)))
    return folder / "run"


def page(folder: Path | str, word: str, width: int = 100) -> str:
    return "\n".join(line.plain for line in task_page(open_run(str(folder)), word, width))


def test_a_task_is_shown_with_its_prompt_matrix_times_and_pairs(brought: Path) -> None:
    text = page(brought, "aa11")
    assert "Write a Python function that solves the task below." in text
    assert "-- 3 solutions x 4 tests, by score (codedpo) -" in text
    rows = {line.split()[0]: line.split() for line in text.splitlines() if re.match(r"s\d .*[+w]$", line)}
    assert rows["s1"][2:] == ["0/4", "w", "w", "w", "w"]
    assert rows["s0"][2] == "3/4" and rows["s0"][-4:] == ["+", "+", "+", "w"]
    assert "+ passed 6  w wrong 6" in text
    assert "-- Tests, 3 credible (*) -" in text
    assert re.search(r"\n\* t0 +\S+ +2/3  assert above\(\[1, 2, 3\], 1\) == \[2, 3\]\n", text)
    assert "-- Run times: processor time on 3 credible tests, median of " in text
    assert re.search(r"\ns0 +\S+ \S+ +\(.*\) +faster than s2\n", text)
    assert text.index("-- Pair 1 of 2: correctness -") < text.index("-- Pair 2 of 2: efficiency -")
    assert "chosen s0, rejected s1; score " in text
    assert re.search(r"chosen s0, rejected s2; score \S+ against \S+, margin 0; \S+ \S+ against .* times\)", text)
    assert "\n-    [i * i for i in range(60000)]\n" in text


def test_run_times_on_generated_inputs_say_so_with_size_growth_and_generator(tmp_path: Path) -> None:
    generator = "def make_input(size, seed):\n    return list(range(size)), size // 2\n"
    entry = {**row("in", RIGHT, SLOW), "input_generators": [generator]}
    (tmp_path / "s.jsonl").write_text(json.dumps(entry))
    run(make_config(settings(tmp_path, samples={"path": str(tmp_path / "s.jsonl")})))
    text = page(tmp_path / "run", "in")
    assert re.search(r"-- Run times: processor time on a generated input of size \d+, median of ", text)
    assert re.search(r"\ns0 +\S+ \S+ +\(.*\) +growth -?\d+\.\d +faster than s1\n", text)
    assert "\ndef make_input(size, seed):\n    return list(range(size)), size // 2\n" in text
    assert re.search(r"times\), growth -?\d+\.\d against -?\d+\.\d\n", text)


def test_a_test_is_listed_with_its_score_under_its_matrix_column(brought: Path) -> None:
    lines = page(brought, "aa11").splitlines()
    numbers = next(line for line in lines if re.fullmatch(r" +\d \d \d \d", line)).split()
    listed = [match[1] for line in lines if (match := re.match(r"[* ] t(\d)", line))]
    assert numbers == listed
    assert numbers[-1] == "3"  # nobody passes it


def test_a_wide_matrix_is_cut_to_the_width(tmp_path: Path) -> None:
    solutions = ("def above(numbers, k): return []", "def above(numbers, k): return [2]")
    tests = [f"assert above([2], {k}) == []" for k in range(120)]
    (tmp_path / "s.jsonl").write_text(json.dumps(row("w", *solutions, tests=tests)))
    run(make_config(settings(tmp_path, samples={"path": str(tmp_path / "s.jsonl")})))
    for width in (60, 80, 200, 400):
        text = page(tmp_path / "run", "w", width)
        matrix = [line for line in text.splitlines() if re.match(r"(s\d .*[+w]$| +\d| +credible)", line)]
        assert len(matrix) == (5 if width <= 80 else 6)  # two or three lines of digits, credible, two solutions
        assert max(map(len, matrix)) <= width
        hidden = re.search(rf"(\d+) more tests do not fit in {width} columns", text)
        cells = matrix[-1].rstrip().rpartition("  ")[2].replace(" ", "")
        assert len(cells) + (int(hidden[1]) if hidden else 0) == 120
        assert (hidden is None) == (width >= 200)


def test_text_of_a_model_cannot_steer_the_terminal(brought: Path) -> None:
    shown = [page(brought, "aa11"), page(brought, "cc"), *task_lines(open_run(str(brought)))]
    for text in shown:
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]", text)
    assert r"\x1b[2J\x1b]0;owned\x07 [red]loud[/red] \u202egnol\u2028" in shown[0]
    with pytest.raises(ConfigError) as error:
        page(brought, "\x1b[2J")
    assert "\x1b" not in str(error.value)
    assert visible("a\tb\nä") == "a\tb\nä"
    assert one_line("a\tb\n") == "a\\tb\\n"


@pytest.mark.parametrize(
    ("word", "head"),
    [("aa11", "#1  aa11  above"), ("aa2", "#2  aa22  above"), ("#2", "#2  aa22  above"), ("cc", "#5  cc\\x1b")],
)
def test_a_task_is_named_by_its_id_its_beginning_or_its_number(brought: Path, word: str, head: str) -> None:
    assert page(brought, word).startswith(head)


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("aa", r"'aa' fits 2 tasks: aa11 \(#1 above\), aa22 \(#2 above\); write more of it"),
        ("bb33", r"'bb33' fits 2 tasks: bb33 \(#3 above\), bb33 \(#4 above\); give its number"),
        ("aa13", r"no task of .*run is 'aa13'; near ones: aa11 \(#1 above\), aa22 \(#2 above\)"),
        ("7", r"is '7', for a row's number write '#7'"),
        ("#6", r"#6: .*run holds tasks #1 to #5"),
        ("#0", r"#0: .*run holds tasks #1 to #5"),
    ],
)
def test_a_word_that_names_no_task_or_several_is_an_error_with_near_ones(brought: Path, word: str, error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        page(brought, word)


def test_of_two_tasks_with_one_id_each_keeps_its_own_rows(brought: Path) -> None:
    for word, chosen in (("#3", 0), ("#4", 1)):
        text = page(brought, word)
        assert "Pair 1 of 1: correctness" in text
        assert f"chosen s{chosen}, rejected s{1 - chosen}; " in text


def test_a_missing_pair_says_why(brought: Path) -> None:
    text = page(brought, "aa22")
    assert "Run times: none, 3 credible tests" in text
    assert "pairs: correctness: scores tie or differ too little" in text
    assert "pairs: efficiency: nothing was timed" in text


def test_a_task_that_was_dropped_says_where_and_why(brought: Path) -> None:
    text = page(brought, "dd44")
    assert text.startswith("dd44 never became a task\nsamples: solution: ")
    assert "samples: row: too few solutions\n    1" in text


def test_tasks_are_listed_with_sizes_and_pairs(brought: Path) -> None:
    lines = list(task_lines(open_run(str(brought))))
    assert [line.split()[:5] for line in lines[1:3]] == [
        ["#1", "aa11", "3", "x", "4"],
        ["#2", "aa22", "2", "x", "3"],
    ]
    assert "1 correctness, 1 efficiency" in lines[1]
    assert lines[-1].startswith("5 tasks; pairs: 4 correctness, 1 efficiency; ")


def test_a_run_under_way_shows_what_is_there_so_far(tmp_path: Path) -> None:
    config = make_config(settings(tmp_path))
    run(config, until="executions")
    text = page(tmp_path / "run", "aa11")
    assert "samples done, executions done, rankings not made yet, timings not made yet, pairs not made yet" in text
    assert "-- 3 solutions x 4 tests, not ranked yet -" in text
    assert "Pair" not in text
    run(config, until="timings")
    shutil.rmtree(tmp_path / "run" / "executions")  # a shard of a stage may be gone: later rows hold it all
    assert "timings done, pairs not made yet" in page(tmp_path / "run", "aa11")


def test_after_settings_have_changed_it_says_so(tmp_path: Path) -> None:
    run(make_config(settings(tmp_path)))
    assert "Settings have changed" not in page(tmp_path / "run", "aa11")
    config = tmp_path / "run" / "config.yaml"
    config.write_text(config.read_text().replace("ranker: codedpo", "ranker: count"))  # what a new start writes first
    assert page(tmp_path / "run", "aa11").startswith("Settings have changed since this run ended last")
    run(make_config(settings(tmp_path, rankings={"ranker": "count"})))
    assert "by score (count)" in page(tmp_path / "run", "aa11")
    config.write_text(config.read_text().replace("ranker: count", "ranker: all_tests"))
    text = page(tmp_path / "run", "aa11")
    assert text.startswith("Settings have changed") and "by score (count)" in text  # of two shards the newer one


def test_a_remote_run_is_shown_like_a_local_one(tmp_path: Path) -> None:
    config = make_config(settings(tmp_path, run_folder="memory://show/run", local_folder=str(tmp_path / "here")))
    run(config)
    assert "-- Pair 1 of 2: correctness -" in page("memory://show/run", "aa11")
    assert len(list(task_lines(open_run("memory://show/run")))) == 7


def test_a_seed_leads_to_its_task_and_to_what_was_left_out(written: Path) -> None:
    run_folder = open_run(str(written))
    lines = [line.split() for line in task_lines(run_folder)][1:-1]
    text = page(written, lines[0][1])
    seed = re.search(r"seed: (\w+) of source \S* groups.py:\d+ \(MIT\)", text)
    assert seed, text[:400]
    from codedpo.records import Seed
    from codedpo.store import read_records

    ids = [
        entry.id
        for path in (written / "seeds").glob("*-????????????????.parquet")
        for entry in read_records(path, Seed)
    ]
    id = next(id for id in ids if f":{seed[1]}@" in id)
    assert page(written, id) == text
    assert "tasks done, samples done, executions done, rankings done, timings done, pairs done" in text


def test_what_is_no_run_folder_is_an_error(tmp_path: Path) -> None:
    for address in (str(tmp_path), str(tmp_path / "none"), "memory://nothing/here"):
        with pytest.raises(
            ConfigError, match="is not a run folder, it holds no seeds, tasks, .*; give what run_folder"
        ):
            open_run(address)
    with LoopbackLLM() as server:
        values = run_settings(tmp_path / "run", write_source(tmp_path / "source"), server.base_url)
        run(make_config(values), until="seeds")
    with pytest.raises(RecordError, match="holds no tasks yet, only seeds; try again later"):
        page(tmp_path / "run", "x")


def show(*arguments: str, terminal: bool = False, **environment: str) -> str:
    """What the command prints, into a pipe or onto a pseudo-terminal."""
    command = [sys.executable, "-m", "codedpo", "show", *arguments]
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    surroundings = {**plain, "TERM": "xterm", "PAGER": "cat", **environment}
    if not terminal:
        return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True).stdout
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as output:
        process = subprocess.Popen(command, env=surroundings, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        chunks: list[bytes] = []
        while chunk := _read(output.fileno()):
            chunks.append(chunk)
        assert process.wait() == 0
    return b"".join(chunks).decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how a pseudo-terminal says that nobody writes any more
        return b""


def test_colours_are_for_terminals_that_want_them(brought: Path) -> None:
    assert "\x1b" not in show(str(brought), "aa11")
    coloured = show(str(brought), "aa11", terminal=True)
    assert "\x1b[32m+" in coloured
    assert "\x1b[2J" not in coloured and "\x1b]0;" not in coloured
    assert "\x1b[32m" not in show(str(brought), "aa11", terminal=True, NO_COLOR="1")


def test_a_terminal_without_our_letters_still_shows_the_task(brought: Path) -> None:
    assert r"\xb5s" in show(str(brought), "aa11", PYTHONIOENCODING="ascii")


def test_the_list_is_the_same_in_a_pipe_and_in_a_pager(brought: Path) -> None:
    piped = show(str(brought))
    assert show(str(brought), terminal=True, LINES="4").replace("\r\n", "\n").strip() == piped.strip()


@pytest.mark.parametrize("task", [[], ["aa11"]])
def test_a_reader_that_has_enough_is_no_error(brought: Path, task: list[str]) -> None:
    command = [sys.executable, "-m", "codedpo", "show", str(brought), *task]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_an_unknown_task_ends_with_2(brought: Path) -> None:
    command = [sys.executable, "-m", "codedpo", "show", str(brought), "zz"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "no task of" in result.stderr and "Traceback" not in result.stderr
