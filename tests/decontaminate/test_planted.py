"""Problems planted in seeds, tasks and solutions are found with the shipped index, in every disguise, and named."""

import textwrap

import pytest

from codedpo.decontaminate import Index, load_index
from planting import DISGUISES, PLANTED, Planted

problems = pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.item)
disguises = pytest.mark.parametrize("disguise", DISGUISES, ids=lambda disguise: disguise.__name__)


@pytest.fixture(scope="module")
def index() -> Index:
    return load_index()


def found(index: Index, code: str, text: str = "", name: str = "") -> str:
    match = index.matches(code, text, name)
    return match.item if match else "nothing"


@problems
@disguises
def test_a_solution_is_found(index: Index, planted: Planted, disguise) -> None:
    assert found(index, disguise(planted.solution)) == planted.item


@problems
@disguises
def test_a_seed_is_found_under_another_docstring(index: Index, planted: Planted, disguise) -> None:
    code = disguise(planted.solution)
    docstring = "Decide about the harvest of the year; the farmer keeps the rest."
    assert found(index, f'{code}\n\n"""{docstring}"""\n', docstring, "harvest") == planted.item


@problems
@disguises
def test_a_tasks_example_is_found_under_another_text(index: Index, planted: Planted, disguise) -> None:
    text = "Decide about the harvest of the year; the farmer keeps the rest.\ndef harvest(year):"
    assert found(index, disguise(planted.solution), text, "harvest") == planted.item


@problems
@pytest.mark.parametrize(
    "change",
    [
        str,
        str.upper,
        lambda text: " ".join(text.split()),
        lambda text: "\n\n".join(textwrap.wrap(text, 30)),
        lambda text: text.replace(",", " -").replace(".", "!"),
        lambda text: f"A farmer has a problem with the harvest. {text} Use at most one loop.",
    ],
    ids=["verbatim", "capitals", "one line", "short lines", "punctuation", "inside another text"],
)
def test_a_text_is_found_in_a_task_and_in_a_docstring(index: Index, planted: Planted, change) -> None:
    text = change(planted.text)
    assert found(index, "", f"{text}\ndef harvest(year):", "harvest") == planted.item
    assert found(index, f'def harvest(year):\n    """{text}"""\n    return year\n') == planted.item
    assert found(index, "\n".join(f"# {line}" for line in text.splitlines())) == planted.item


def test_an_entry_point_with_the_prompts_words_is_found(index: Index) -> None:
    text = "Are there numbers, any two of the list, that lie closer than the threshold to each other? Check it."
    assert found(index, "", text, "has_close_elements") == "HumanEval/0"
    assert found(index, "", text, "hasCloseElements") == "HumanEval/0"
    assert found(index, f'def has_close_elements(xs, limit):\n    """{text}"""\n') == "HumanEval/0"
    assert found(index, "", text, "crowded") == "nothing"
    assert (
        found(index, "", "Tell whether two cities of the map can be reached in a day.", "has_close_elements")
        == "nothing"
    )


def test_an_inconsistent_renaming_is_another_program(index: Index) -> None:
    code = "def f(a, b):\n    for i, x in enumerate(a):\n        for j, y in enumerate(a):\n            if i != j:\n                d = abs(x - y)\n                if d < b:\n                    return True\n    return False\n"
    assert found(index, code) == "HumanEval/0"
    assert found(index, code.replace("if i != j", "if i != a").replace("abs(x - y)", "abs(b - b)")) == "nothing"


def test_a_method_and_a_part_of_a_long_program_are_found(index: Index) -> None:
    (first, *_) = PLANTED
    method = textwrap.indent(first.solution.partition("\n\n\n")[2].replace("(numbers", "(self, numbers", 1), "    ")
    assert found(index, f"class Checks:\n    size = 3\n\n{method}") == first.item
    others = "".join(f"def other{i}(rows):\n    return [row[{i}] for row in rows]\n\n\n" for i in range(200))
    assert found(index, others + first.solution + others) == first.item
