"""A benchmark's published files in, the texts of its problems out: prompts, solutions and entry points.

Only what is used to evaluate is read: of MBPP the test split (ids 11 to 510), of LeetCodeDataset the test file.
Training splits may be trained on.
"""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codedpo.code.extract import parse
from codedpo.errors import RecordError

MBPP_TEST = range(11, 511)
"""Ids of MBPP's test split (arXiv 2108.07732)."""
_LEETCODE_FRAME = re.compile(r"\*\*Example|Example 1:|### Format|Please complete the following")


@dataclass(frozen=True)
class BenchmarkText:
    """The texts of one problem: what must not be trained on."""

    benchmark: str
    item: str
    prompt: str
    """What the model is shown."""
    solutions: tuple[str, ...]
    """Reference solutions, whole programs or the lines that complete the prompt."""
    entry_point: str
    """Name of the function; empty where the answer is a script."""
    problem: str
    """What all variants of one problem share, in other benchmarks too: HumanEval/0 is one problem in humaneval,
    humanevalplus and enamel; the perturbations of one DS-1000 question are one."""


@dataclass(frozen=True)
class TextSource:
    """Where a benchmark's texts lie and how a row of them is read."""

    files: tuple[str, ...]
    """Names in the benchmark's folder; the first that holds an item wins."""
    read: Callable[[Mapping[str, Any]], BenchmarkText | None]
    """None for a row that is not evaluated."""


def benchmark_texts(name: str, path: str | Path) -> tuple[BenchmarkText, ...]:
    """The texts of one benchmark, in the files' order.

    Args:
        name: one of `TEXT_SOURCES`.
        path: the folder with the published files, or one file: JSONL, JSON (a list) or CSV, plain or gzipped.

    Raises:
        RecordError: the files are missing or are not those of this benchmark.
    """
    source = TEXT_SOURCES[name]
    root = Path(path)
    files = [root / file for file in source.files if (root / file).is_file()] if root.is_dir() else [root]
    if not files:
        raise RecordError(f"{name}: none of {', '.join(source.files)} is in '{path}'; name the folder that holds one")
    texts: dict[str, BenchmarkText] = {}
    for file in files:
        for row in published_rows(file):
            text = _read(name, source, row, file)
            if text is not None and text.item in texts:
                known = texts[text.item]
                solutions = tuple(dict.fromkeys((*known.solutions, *text.solutions)))
                texts[text.item] = BenchmarkText(
                    name, known.item, known.prompt, solutions, known.entry_point, known.problem
                )
            elif text is not None:
                texts[text.item] = text
    if not texts:
        raise RecordError(f"{name}: '{path}' holds no problem; name the file as it was published")
    return tuple(texts.values())


def _read(name: str, source: TextSource, row: Mapping[str, Any], file: Path) -> BenchmarkText | None:
    try:
        return source.read(row)
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{name}: a row of '{file}' has no usable {error}; is this the published file?") from error


def published_rows(file: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a published file: JSONL, JSON (a list) or CSV, plain or gzipped.

    Raises:
        RecordError: it cannot be read.
    """
    try:
        data = file.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
        if ".csv" in file.name:
            yield from csv.DictReader(io.StringIO(text, newline=""))
        elif text.lstrip().startswith("["):
            yield from json.loads(text)
        else:
            yield from (json.loads(line) for line in text.splitlines() if line.strip())
    except (OSError, ValueError) as error:
        raise RecordError(f"benchmark file '{file}' cannot be read: {error}") from error


def _humaneval(benchmark: str) -> Callable[[Mapping[str, Any]], BenchmarkText]:
    def read(row: Mapping[str, Any]) -> BenchmarkText:
        solution = row["reference_solution"] if benchmark == "enamel" else row["canonical_solution"]
        glue = "" if str(row["prompt"]).endswith("\n") else "\n"
        whole = str(solution) if f"def {row['entry_point']}" in solution else f"{row['prompt']}{glue}{solution}"
        item = str(row["task_id"])
        return BenchmarkText(benchmark, item, row["prompt"], (whole,), row["entry_point"], item.lower())

    return read


def _mbpp(row: Mapping[str, Any]) -> BenchmarkText | None:
    if row["task_id"] not in MBPP_TEST:
        return None
    prompt = row["prompt"] if "prompt" in row else row["text"]
    code = str(row["code"]).replace("\r\n", "\n")
    item = f"Mbpp/{row['task_id']}"
    return BenchmarkText("mbpp", item, prompt, (code,), called_name(code, row["test_list"]), item.lower())


def _mbppplus(row: Mapping[str, Any]) -> BenchmarkText:
    item = str(row["task_id"])
    # The prompt is a docstring: a sentence, then asserts.
    prompt = "\n".join(line for line in row["prompt"].splitlines() if not line.startswith(("assert", '"""')))
    return BenchmarkText("mbppplus", item, prompt, (row["canonical_solution"],), row["entry_point"], item.lower())


def _ds1000(row: Mapping[str, Any]) -> BenchmarkText:
    data = row["metadata"]
    prompt = str(row["prompt"]).partition("A:\n<code>")[0].removeprefix("Problem:\n")
    origin = f"ds1000/{data['library']}/{data['perturbation_origin_id']}".lower()
    return BenchmarkText("ds1000", f"DS-1000/{data['problem_id']}", prompt, (row["reference_code"],), "", origin)


def _livecodebench(row: Mapping[str, Any]) -> BenchmarkText:
    starter = str(row.get("starter_code") or "")
    method = re.search(r"def (\w+)\(self", starter)
    title, platform = str(row["question_title"]), str(row["platform"])
    problem = f"leetcode/{title}" if platform == "leetcode" else f"{platform}/{row['question_id']}"
    return BenchmarkText(
        "livecodebench", str(row["question_id"]), row["question_content"], (), method[1] if method else "", problem
    )


def _leetcode(row: Mapping[str, Any]) -> BenchmarkText:
    name = str(row["entry_point"]).rsplit(".", 1)[-1]
    prompt = row["problem_description"] if "problem_description" in row else _LEETCODE_FRAME.split(row["query"])[0]
    slug = str(row["task_id"])
    return BenchmarkText("leetcode", slug, prompt, (row["completion"],), name, f"leetcode/{slug}")


def called_name(code: str, tests: Sequence[str]) -> str:
    """The function of the code that the first test calls; the last one defined where none is."""
    tree = parse(code)
    names = [] if tree is None else [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    called = [name for name in names if re.search(rf"\b{re.escape(name)}\s*\(", tests[0])]
    return (called or names[-1:] or [""])[0]


TEXT_SOURCES: dict[str, TextSource] = {
    "humaneval": TextSource(("HumanEval.jsonl.gz",), _humaneval("humaneval")),
    "humanevalplus": TextSource(("HumanEvalPlus-v0.1.10.jsonl.gz",), _humaneval("humanevalplus")),
    "mbpp": TextSource(("mbpp.jsonl.gz", "sanitized-mbpp.json"), _mbpp),
    "mbppplus": TextSource(("MbppPlus-v0.2.0.jsonl.gz",), _mbppplus),
    "ds1000": TextSource(("ds1000.jsonl.gz",), _ds1000),
    "livecodebench": TextSource(("lcb_public_400.jsonl.gz", "O1-Mini-2024-09-12_eval_all.json.gz"), _livecodebench),
    "leetcode": TextSource(("LeetCodeDataset-v0.3.1-test.jsonl.gz",), _leetcode),
    "enamel": TextSource(("enamel.csv",), _humaneval("enamel")),
}
"""By benchmark name, in the order in which a match is attributed."""
