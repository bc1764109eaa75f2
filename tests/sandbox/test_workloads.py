"""Sizes grow until calls take milliseconds; growth is told apart; a generator that gives no workload has a reason."""

from __future__ import annotations

import pytest

from codedpo.sandbox import Sandbox
from codedpo.sandbox.prepared import prepared_call
from codedpo.sandbox.timing import TimingSettings, compare
from codedpo.sandbox.workloads import Candidates, find_workload, growth_exponents

NUMBERS = (
    "import random\ndef make_input(size, seed):\n    rng = random.Random(seed)\n"
    "    return ([rng.randrange(size) for _ in range(size)],)\n"
)
LINEAR = "def f(numbers):\n    return len(set(numbers))\n"
SLOWER = (
    "def f(numbers):\n    seen = {}\n    for number in numbers:\n        seen[number] = True\n    return len(seen)\n"
)
QUADRATIC = (
    "def f(numbers):\n    seen = []\n    for number in numbers:\n        if number not in seen:\n"
    "            seen.append(number)\n    return len(seen)\n"
)
RECURSIVE = (
    "def f(numbers):\n    return len(set(numbers)) if len(numbers) < 100 else g(numbers)\ndef g(x): return g(x)\n"
)


def reasons(pool: Sandbox, solutions: tuple[str, ...], *generators: str) -> list[str]:
    search = find_workload(pool, Candidates("f", solutions, 0), generators)
    assert search.workload is None
    assert [dropped.generator for dropped in search.dropped] == list(generators)
    return [dropped.reason for dropped in search.dropped]


@pytest.mark.parametrize("reference", [0, 1])
def test_quadratic_work_is_told_from_linear_work(pool: Sandbox, reference: int) -> None:
    solutions = (SLOWER, QUADRATIC)
    search = find_workload(pool, Candidates("f", solutions, reference), [NUMBERS])
    assert search.dropped == ()
    assert search.workload is not None
    small, middle, large = search.workload.sizes
    assert (small, middle) == (large // 4, large // 2)
    linear, quadratic = growth_exponents(pool, Candidates("f", solutions, reference), search.workload)
    assert linear < 1.5 < quadratic
    call = prepared_call("f", search.workload.generator, large, search.workload.seed)
    assert compare(pool, solutions, [call], TimingSettings(looks=(4, 8), rounds=4)).faster.tolist() == [
        [False, True],
        [False, False],
    ]


def test_sizes_grow_until_the_reference_takes_a_millisecond(pool: Sandbox) -> None:
    workload = find_workload(pool, Candidates("f", (SLOWER, LINEAR), 0), [NUMBERS]).workload
    assert workload is not None
    assert workload.sizes[-1] >= 1000


def test_an_exponential_solution_stops_the_growth_while_it_can_be_timed(pool: Sandbox) -> None:
    loop = "def f(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a\n"
    tree = "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\n"
    number = "def make_input(size, seed):\n    return (size + seed,)\n"
    candidates = Candidates("f", (loop, tree), 0)
    workload = find_workload(pool, candidates, [number]).workload
    assert workload is not None
    assert 12 < workload.sizes[-1] < 40
    _, exponent = growth_exponents(pool, candidates, workload)
    assert exponent > 2


def test_the_first_generator_that_gives_a_workload_is_taken(pool: Sandbox) -> None:
    search = find_workload(pool, Candidates("f", (SLOWER, LINEAR), 0), ["def make_input(a, b): return 1", NUMBERS])
    assert search.workload is not None and search.workload.generator == NUMBERS
    (dropped,) = search.dropped
    assert dropped.reason == "the generator fails"
    assert dropped.detail == "size 8: TypeError: the arguments are a int, not a tuple"


def test_a_generator_on_which_solutions_disagree_is_dropped(pool: Sandbox) -> None:
    wrong = SLOWER.replace("return len(seen)", "return len(seen) if 7 in seen else 0")
    without = NUMBERS.replace("rng.randrange(size)", "rng.randrange(size) * 2")
    assert reasons(pool, (SLOWER, wrong), without) == ["solutions disagree on its inputs"]


def test_a_generator_on_which_a_solution_fails_is_dropped(pool: Sandbox) -> None:
    fussy = "def f(numbers):\n    assert numbers == sorted(numbers)\n    return len(set(numbers))\n"
    assert reasons(pool, (LINEAR, fussy), NUMBERS) == ["a solution fails or takes too long on its inputs"]


def test_growth_stops_where_a_solution_starts_to_fail(pool: Sandbox) -> None:
    search = find_workload(pool, Candidates("f", (LINEAR, RECURSIVE), 0), [NUMBERS])
    assert [dropped.reason for dropped in search.dropped] == ["a solution fails or takes too long on its inputs"]


def test_generators_without_use_have_their_reasons(pool: Sandbox) -> None:
    constant = "def make_input(size, seed):\n    return ([1, 2],)\n"
    slow = "def make_input(size, seed):\n    return (list(range(20000)),)\n"
    long = "def make_input(size, seed):\n    return (list(range(4000)),)\n"
    hostile = "import os\ndef make_input(size, seed):\n    os._exit(0)\n"
    assert reasons(pool, (SLOWER, QUADRATIC), constant, slow, long, hostile) == [
        "run time does not grow with the size",
        "a solution fails or takes too long on its inputs",
        "no size takes between 1 and 50 ms",
        "the generator fails",
    ]


def test_no_generators_are_no_error(pool: Sandbox) -> None:
    assert reasons(pool, (LINEAR, QUADRATIC)) == []
