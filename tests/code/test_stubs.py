"""The panel of stubs: of the annotated type, and passed through by tests that test nothing."""

import pytest

from codedpo import cross_execute
from codedpo.code.stubs import stub_panel

SORT = "def f(numbers: list[int]) -> list[int]:"


@pytest.mark.parametrize(
    ("signature", "values"),
    [
        ("def f(x: int) -> bool:", ["True", "False"]),
        ("def f(x: bool) -> bool:", ["True", "False", "arguments[0]"]),
        ("def f(x: str) -> Optional[int]:", ["0", "1", "-1", "17", "None"]),
        ("def f(x: str) -> dict[str, int] | None:", ["{}", "{0: 0}", "{'a': 1}", "None"]),
        ("def f(x: List[int]) -> typing.List[int]:", ["[]", "[0]", "[1, 2, 3]", "['a', 'b']", "arguments[0]"]),
        ("def f(x):", ["None", "False", "1", "''", "'a'", "[]", "[0]", "()", "{}"]),
        ("def f(x: int) -> Matrix:", ["None", "False", "1", "''", "'a'", "[]", "[0]", "()", "{}"]),
    ],
)
def test_stubs_return_values_of_the_annotated_type(signature: str, values: list[str]) -> None:
    panel = stub_panel(signature)
    assert [program.split("return ")[1].strip() for program in panel] == values
    assert all(program.startswith("def f(*arguments, **named):") for program in panel)


def test_smoke_tests_are_passed_by_the_whole_panel_and_real_tests_by_few() -> None:
    tests = [
        "assert f([2, 1]) is not None",
        "assert isinstance(f([2, 1]), list)",
        "assert f([2, 1]) == f([2, 1])",
        "assert f([]) == []",
        "assert f([3, 1, 2]) == [1, 2, 3]",
        "assert f([9, 8]) == [8, 9]",
    ]
    shares = cross_execute(stub_panel(SORT), tests).passed.mean(axis=0)
    assert shares.tolist() == [1.0, 1.0, 1.0, 0.4, 0.2, 0.0]
