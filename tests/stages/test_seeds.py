from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codedpo.context import Context
from codedpo.pipeline import ExtractSeeds
from codedpo.sources import package_files

GOOD = 'def pick(items, n):\n    """Pick n."""\n    chosen = items[:n]\n    chosen.sort()\n    return chosen\n'
MIT = "Permission is hereby granted, free of charge, to. The above copyright notice and this permission notice shall."


def extract(folder: Path, code: str, licence: str = MIT, **settings: Any) -> tuple[list[Any], Counter[str]]:
    (folder / "a.py").write_text(code)
    (folder / "LICENSE").write_text(licence)
    dropped: Counter[str] = Counter()

    def drop(what: str, id: str, reason: str, detail: str = "") -> None:
        dropped[reason] += 1

    context = Context(SimpleNamespace(), 0, folder / "cache", drop, lambda **_: None)  # pyright: ignore
    return list(ExtractSeeds(folders=(str(folder),), **settings)((), context)), dropped


def test_a_seed_says_where_it_comes_from(tmp_path: Path) -> None:
    (seed,), _ = extract(tmp_path, f"import re\n\n{GOOD}")
    assert (seed.name, seed.path, seed.line, seed.licence, seed.source) == ("pick", "a.py", 3, "MIT", tmp_path.name)
    assert seed.docstring == "Pick n."
    assert seed.code == GOOD.strip()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (GOOD.replace('"""Pick n."""', "pass"), "no docstring"),
        (GOOD.replace("return chosen", "return"), "returns no value"),
        (GOOD.replace("(items, n)", "()"), "no arguments"),
        (GOOD.replace("pick", "_pick"), "private or a test"),
        (GOOD.replace("chosen.sort()", "print(chosen)"), "input, output, time or randomness"),
        (
            "from os import path as p\n" + GOOD.replace("chosen.sort()", "p.join('a')"),
            "input, output, time or randomness",
        ),
        ("def f(x):\n    '''Doc.'''\n    return x\n", "too short"),
        (GOOD + GOOD.replace("pick(", "pick(").replace("Pick n.", "Another text."), "duplicate function"),
        ("def f(:", "file does not parse"),
    ],
)
def test_each_rule_is_named(tmp_path: Path, code: str, reason: str) -> None:
    _, dropped = extract(tmp_path, code)
    assert dropped == {reason: 1}


def test_a_function_that_only_looks_forbidden_stays(tmp_path: Path) -> None:
    seeds, _ = extract(tmp_path, "import os\n\n" + GOOD.replace("chosen", "opened"))
    assert len(seeds) == 1


@pytest.mark.parametrize("licence", ["", "All rights reserved."])
def test_code_without_a_known_licence_is_left_out(tmp_path: Path, licence: str) -> None:
    assert extract(tmp_path, GOOD, licence) == ([], {"licence not found": 1})


def test_a_licence_that_is_not_allowed_is_left_out(tmp_path: Path) -> None:
    assert extract(tmp_path, GOOD, licences=("ISC",)) == ([], {"licence MIT": 1})


@pytest.mark.network
def test_a_package_is_fetched_as_data(tmp_path: Path) -> None:
    files = list(package_files("toolz==1.2.0", tmp_path))
    assert {(file.source, file.version, file.licence) for file in files} == {("toolz", "1.2.0", "BSD-3-Clause")}
    assert not any("test" in file.path for file in files)
