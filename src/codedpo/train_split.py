"""A benchmark's published file in, the tasks of its training split out; a file of an evaluation split is refused.

What is known of the splits: MBPP trains on ids 601 to 974 (some of them are problems of MBPP+: decontamination finds
those); LeetCodeDataset on questions from before July 2024.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

from codedpo.code.drafts import header_problem
from codedpo.code.extract import parse
from codedpo.context import Drop
from codedpo.errors import RecordError
from codedpo.records import Task
from codedpo.rows import Row, read_rows

_MBPP_TRAIN = range(601, 975)
_LEETCODE_FIRST_EVALUATED = "2024-07-01"
_LEETCODE_FRAME = "Please complete the following"
_BUILT_IN = {"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set"}


def train_split(benchmark: str, path: Path, drop: Drop) -> Iterator[Task]:
    """The tasks of the benchmark's training split in a published file (JSONL, JSONL.gz or Parquet).

    Args:
        benchmark: one of `TRAIN_SPLITS`.
        drop: told of each row that gives no task.

    Raises:
        RecordError: the file is of an evaluation split, or of another form.
    """
    count = 0
    for row in read_rows(path):
        try:
            task = TRAIN_SPLITS[benchmark](row)
        except (KeyError, TypeError, IndexError) as error:
            raise RecordError(f"{row.where}: not a row of {benchmark}'s published file: no usable {error}") from error
        if isinstance(task, str):
            drop("row", f"{benchmark}/{row.values['task_id']}", task)
        else:
            count += 1
            yield task
    if not count:
        raise RecordError(
            f"{path}: holds no task of {benchmark}'s training split, and evaluation splits are never trained on"
        )


def _mbpp(row: Row) -> Task | str:
    number, text = row.values["task_id"], row.values["text"]
    if not isinstance(number, int) or not isinstance(text, str):
        raise RecordError(f"{row.where}: not a row of MBPP's published file; MBPP+ is an evaluation set")
    if number not in _MBPP_TRAIN:
        return "not in the training split"
    test = str(row.values["test_list"][0])
    tree, call = parse(str(row.values["code"]).replace("\r\n", "\n")), parse(test)
    names = _names(call) if call else set[str]()
    headers = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)} if tree else {}
    called = sorted(names & headers.keys())
    if len(called) != 1:
        return "the test does not call one function of the reference solution"
    if names - {called[0]} - set(dir(builtins)):
        return "the test uses a name that the task does not tell"
    return _task(f"mbpp/{number}", text, _header(headers[called[0]]), test.removeprefix("assert").strip())


def _leetcode(row: Row) -> Task | str:
    values = row.values
    if str(values.get("estimated_date") or "") >= _LEETCODE_FIRST_EVALUATED:
        raise RecordError(
            f"{row.where}: question of {values['estimated_date']} is in LeetCodeDataset's evaluation split, which is "
            "never trained on; give the training file"
        )
    starter = values.get("starter_code") or values["meta"]["lang_code"]
    tree = parse(f"{str(starter).rstrip()}\n        pass")
    method = next((n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)), None) if tree else None
    if method is None or not method.args.args:
        return "starter code is not one method"
    del method.args.args[0]
    signature = _header(cast(ast.FunctionDef, _BuiltInTypes().visit(method)))
    problem = header_problem(signature)
    if problem is not None:
        return problem
    text = values.get("problem_description") or values["query"].partition(_LEETCODE_FRAME)[0]
    pairs: list[Mapping[str, str]] = values.get("input_output") or []
    example = f"{method.name}({pairs[0]['input']}) == {pairs[0]['output']}" if pairs else ""
    return _task(f"leetcode/{values['task_id']}", text, signature, example if parse(example) else "")


class _BuiltInTypes(ast.NodeTransformer):
    """`List[int]` reads `list[int]`: a solution needs no import for its signature then."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(_BUILT_IN.get(node.id, node.id), node.ctx)


def _header(function: ast.FunctionDef) -> str:
    function.body, function.decorator_list = [ast.Pass()], []
    return ast.unparse(ast.fix_missing_locations(function)).splitlines()[0]


def _task(id: str, text: str, signature: str, example: str) -> Task:
    name = signature.removeprefix("def ").partition("(")[0]
    return Task(id, text.strip(), signature, name, example, (), None, None)


def _names(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


TRAIN_SPLITS: dict[str, Callable[[Row], Task | str]] = {"mbpp": _mbpp, "leetcode": _leetcode}
