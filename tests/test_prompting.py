"""Prompts are files with a version; what all tasks share comes first."""

from __future__ import annotations

from importlib import resources

import pytest

from codedpo.code.extract import extract, parse
from codedpo.code.signature import signature_problem
from codedpo.code.tests import split_tests
from codedpo.prompting import completion, solution_prompt, template, text_prompt
from codedpo.sandbox.prepared import GENERATOR, GENERATOR_SIGNATURE

VALUES = {
    "text": "TEXT",
    "signature": "SIGNATURE",
    "code": "CODE",
    "concepts": "CONCEPTS",
    "arguments": "ARGUMENTS",
    "count": "5",
}
NAMES = sorted(file.name.removesuffix(".txt") for file in (resources.files("codedpo") / "prompts").iterdir())


def test_each_template_file_has_a_version_and_ends_with_the_users_turn() -> None:
    assert NAMES == ["base", "concepts", "inputs", "judge", "solution", "task", "tests"]
    for name in NAMES:
        assert template(name).version.startswith(f"{name}-")
        assert template(name).turns[-1][0] == ("assistant" if name == "base" else "user")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "base"])
def test_what_differs_from_task_to_task_comes_last(name: str) -> None:
    """Servers keep the beginning that requests share; behind the task there is at most a closing fence.

    Small models that are asked for inputs write the function itself unless the last words tell them not to.
    """
    one = text_prompt(template(name).render(**VALUES)).text
    other = text_prompt(
        template(name).render(**{key: f"other {value}" for key, value in VALUES.items() if key != "count"}, count="5")
    ).text
    shared = one[: next(place for place, pair in enumerate(zip(one, other)) if pair[0] != pair[1])]
    assert len(shared) > 300
    rest = one[len(shared) :].removesuffix("\n\n### Response:\n").removesuffix("```").strip()
    for key, value in VALUES.items():
        rest = rest.replace(value, "") if key != "count" else rest
    rest = rest.replace("```python", "").strip()
    assert len(rest) < 220 if name == "inputs" else rest in ("", "Task:")


def test_the_tests_prompt_asks_for_varied_edge_and_large_inputs() -> None:
    first = template("tests").turns[0][1]
    assert all(word in first for word in ("Vary the inputs", "edge cases", "large ones"))


def test_the_examples_are_what_the_parsers_read_without_a_repair() -> None:
    (_, asked), (_, said) = template("base").turns
    found = extract(said, "longest_rise")
    assert found is not None and found.repairs == ()
    assert signature_problem(found.program, "def longest_rise(numbers: list[int]) -> int:") is None
    assert completion(found.program)["content"] == said
    text = asked.partition("Task: ")[2].partition("\n")[0]
    signature = "def longest_rise(numbers: list[int]) -> int:"
    assert asked == solution_prompt(text, signature)[0]["content"]
    example = split_tests(template("tests").turns[1][1], "window_maximums")
    assert (len(example.tests), example.repairs, example.rejected) == (4, (), ())
    generator = extract(template("inputs").turns[1][1], GENERATOR)
    assert generator is not None and generator.repairs == ()
    assert signature_problem(generator.program, GENERATOR_SIGNATURE) is None


def test_a_base_model_reads_a_chat_as_one_text_that_ends_where_it_answers() -> None:
    prompt = text_prompt(template("judge").render(**VALUES))
    assert prompt.text.count("### Instruction:") == prompt.text.count("### Response:") == 5
    assert prompt.text.endswith("Task: TEXT\nSIGNATURE\n\n### Response:\n")
    assert prompt.stop == ("\n### Instruction", "\n### Response")


def test_a_base_model_gets_a_worked_example_where_the_chat_shows_none() -> None:
    prompt = text_prompt(solution_prompt("Add one.", "def add(x: int) -> int:"))
    assert prompt.text.count("### Response:") == 2
    program = prompt.text.split("### Response:\n")[1].partition("###")[0]
    assert parse(program.replace("```python", "").replace("```", "")) is not None
