"""DS-1000 (arXiv 2211.11501): 1000 problems of data science in seven libraries, read from the published file.

A program is a few lines that a context runs and judges: upstream's `test_execution(code)`, and where there is one
`test_string(code)`, are statements that run in the same process (test_ds1000.py, `eval_ds1000`). Answers are cut as
upstream's `postprocess` does it. The packages are those of upstream's environment.yml, in an environment of their own:
`make ds1000-env`. Departure: 120 s are of processor time here, and 600 s of the clock; upstream 120 s of the clock.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codedpo.benchmarks.problem import Environment, Problem
from codedpo.benchmarks.prompts import ds1000_prompts
from codedpo.errors import ConfigError, RecordError

VERSION = 1
"""Raised whenever the same rows would be read otherwise."""
_SECONDS, _WALL_FACTOR, _MEMORY_MB = 120.0, 5.0, 16384
"""Of a program; memory is address space, of which TensorFlow and PyTorch reserve far more than they use."""
_PROGRAM = "code"
_TABLES = ("numpy", "pandas")
_PARTS = "cluster datasets ensemble feature_extraction.text feature_selection linear_model model_selection pipeline svm"
_MODULES = {
    "Pandas": _TABLES,
    "Numpy": (*_TABLES, "scipy.stats"),
    "Matplotlib": (*_TABLES, "matplotlib.pyplot", "seaborn", "PIL.Image"),
    "Tensorflow": ("numpy", "tensorflow"),
    "Scipy": (*_TABLES, "scipy.stats", "scipy.optimize", "scipy.integrate", "scipy.interpolate", "scipy.spatial"),
    "Sklearn": (*_TABLES, "scipy.stats", *(f"sklearn.{part}" for part in _PARTS.split())),
    "Pytorch": (*_TABLES, "torch", "torch._dynamo"),
}
"""By library: what most of its programs import, and is imported once."""
_FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Ds1000:
    """DS-1000 in its simplified format: 1000 problems, named `DS-1000/<number>/<library>/<perturbation>`."""

    name: str = "ds1000"
    path: str = ""
    """ds1000.jsonl.gz."""
    python: str = ".ds1000/bin/python"
    """Interpreter of the environment that `make ds1000-env` makes."""
    seaborn: str = ""
    """Folder with the CSV files that seaborn.load_dataset would download; empty: programs that load one fail."""
    libraries: Sequence[str] = ()
    """Only the problems of these, such as `[Pandas, Numpy]`; empty: of all seven."""

    def problems(self) -> Sequence[Problem]:
        """All problems, in their published order.

        Raises:
            ConfigError: there is no such library.
            RecordError: no file is named, it is not DS-1000's, or there is no environment for it.
        """
        if unknown := sorted({*self.libraries} - {*_MODULES}):
            raise ConfigError(
                f"benchmarks.ds1000.libraries: {unknown[0]!r} is unknown; choose from: {', '.join(_MODULES)}"
            )
        chosen = tuple(self.libraries) or tuple(_MODULES)
        environment = self._environment(chosen)
        path = Path(self.path)
        if not path.is_file():
            raise RecordError(f"ds1000: '{path}' is no file: name ds1000.jsonl.gz in benchmarks.ds1000.path")
        try:
            with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
                rows = [(line, json.loads(line)) for line in file if line.strip()]
            return [self._problem(line, row, environment) for line, row in rows if row["metadata"]["library"] in chosen]
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise RecordError(f"{path}: not DS-1000's published file: {error!r}") from error

    def _environment(self, libraries: Sequence[str]) -> Environment:
        python = os.path.abspath(self.python)  # not resolved: a link to Python is what makes it an environment
        if not os.access(python, os.X_OK):
            raise RecordError(
                f"ds1000: '{self.python}' is no interpreter: `make ds1000-env` makes an environment with the packages "
                "that the problems need; name its bin/python in benchmarks.ds1000.python"
            )
        if self.seaborn and not Path(self.seaborn).is_dir():
            raise RecordError(f"ds1000: '{self.seaborn}' is no folder: see benchmarks.ds1000.seaborn")
        preload = tuple(dict.fromkeys(module for library in libraries for module in _MODULES[library]))
        readable = (os.path.realpath(self.seaborn),) if self.seaborn else ()
        return Environment(python, preload, readable, _SECONDS, _WALL_FACTOR, _MEMORY_MB)

    def _problem(self, line: str, row: dict[str, Any], environment: Environment) -> Problem:
        context, prompt, about = str(row["code_context"]), str(row["prompt"]), row["metadata"]
        checks = [name for name in ("test_execution", "test_string") if f"{name}(" in context]
        test = "\n".join([*self._data(context), context, *(f"{name}({_PROGRAM})" for name in checks)])
        return Problem(
            id=f"DS-1000/{about['problem_id']}/{about['library']}/{about['perturbation_type']}",
            prompt=prompt,
            entry_point="",
            reference=row["reference_code"],
            test=test,
            as_text=_PROGRAM,
            find=functools.partial(find_lines, prompt),
            prompts=ds1000_prompts(prompt),
            environment=environment,
            groups=(about["library"], about["perturbation_type"]),
            row=hashlib.sha256(f"{VERSION}{line}".encode()).hexdigest(),
        )

    def _data(self, context: str) -> list[str]:
        """Tells seaborn where the files are that it would download."""
        if not self.seaborn or "seaborn" not in context:
            return []
        return ["import os as _os", f"_os.environ['SEABORN_DATA'] = {os.path.realpath(self.seaborn)!r}"]


def find_lines(prompt: str, answer: str, published: bool) -> str | None:
    """The lines that an answer gives.

    Args:
        published: cut as upstream does it. Else the last fenced block, or the last one between <code> and </code>;
            and where the prompt ends inside a function, lines that are not indented are.
    """
    if published:
        return cut(answer) or None
    blocks: list[str] = _FENCED.findall(answer)
    found = blocks[-1] if blocks else answer.rpartition("<code>")[2]
    lines = cut(found)
    ending = prompt.rstrip().rpartition("\n")[2]
    indent = ending[: len(ending) - len(ending.lstrip())]
    first = next((line for line in lines.splitlines() if line.strip()), "")
    if indent and first and not first[0].isspace():
        lines = "".join(indent + line if line.strip() else line for line in lines.splitlines(keepends=True))
    return lines if lines.strip() else None


def cut(answer: str) -> str:
    """The answer without fences and what follows the solution, as upstream's `postprocess` leaves it."""
    lines = answer.split("</code>")[0].replace("```python", "").split("```")[0]
    return lines.split("\nEND SOLUTION")[0].replace("<code>", "")
