import gzip
import json
from pathlib import Path

import pytest

from codedpo.benchmarks.texts import TEXT_SOURCES, benchmark_texts
from codedpo.errors import RecordError

COUNTS = {
    "humaneval": 164, "humanevalplus": 164, "mbpp": 500, "mbppplus": 378, "ds1000": 1000, "livecodebench": 880, "leetcode": 228,
    "enamel": 164,
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT_SOURCES)
def test_every_published_problem_is_read(name: str, shared_data: Path) -> None:
    texts = benchmark_texts(name, shared_data / name)
    assert len(texts) == len({text.item for text in texts}) == COUNTS[name]
    assert all(text.benchmark == name and text.prompt.strip() and text.problem for text in texts)
    assert all(text.solutions for text in texts) or name == "livecodebench"


def test_only_the_test_split_of_mbpp_is_read(shared_data: Path) -> None:
    numbers = [int(text.item.removeprefix("Mbpp/")) for text in benchmark_texts("mbpp", shared_data / "mbpp")]
    assert sorted(numbers) == list(range(11, 511))


def test_entry_points_are_the_functions_that_tests_call(shared_data: Path) -> None:
    names = {text.item: text.entry_point for text in benchmark_texts("mbpp", shared_data / "mbpp")}
    assert names["Mbpp/11"] == "remove_Occ"
    assert all(names.values())


def test_variants_of_one_problem_say_so(shared_data: Path) -> None:
    problems = [
        {text.problem for text in benchmark_texts(name, shared_data / name)} for name in ("humaneval", "enamel")
    ]
    assert problems[0] == problems[1]
    assert len({text.problem for text in benchmark_texts("ds1000", shared_data / "ds1000")}) == 453


def test_one_file_can_be_named(tmp_path: Path) -> None:
    row = {
        "task_id": "HumanEval/0",
        "prompt": "def f(x):\n",
        "canonical_solution": "    return x\n",
        "entry_point": "f",
    }
    for file, data in (
        (tmp_path / "a.jsonl", json.dumps(row).encode()),
        (tmp_path / "a.gz", gzip.compress(json.dumps(row).encode())),
    ):
        file.write_bytes(data)
        (text,) = benchmark_texts("humaneval", file)
        assert text.solutions == ("def f(x):\n    return x\n",)


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"humaneval: none of HumanEval.jsonl.gz is in"):
        benchmark_texts("humaneval", tmp_path)
    (tmp_path / "x.jsonl").write_text('{"task_id": "1"}\n')
    with pytest.raises(RecordError, match=r"a row of '.*x.jsonl' has no usable 'canonical_solution'"):
        benchmark_texts("humaneval", tmp_path / "x.jsonl")
    (tmp_path / "y.jsonl").write_text("not json\n")
    with pytest.raises(RecordError, match=r"y.jsonl' cannot be read"):
        benchmark_texts("humaneval", tmp_path / "y.jsonl")
    with pytest.raises(RecordError, match=r"cannot be read"):
        benchmark_texts("humaneval", tmp_path / "z.jsonl")
