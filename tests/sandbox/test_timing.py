"""The statistics on simulated readings, and that measured code has no say in its own reading."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from codedpo.errors import ConfigError
from codedpo.sandbox import Limits, Sandbox
from codedpo.sandbox.timing import (
    Comparison,
    TimingSettings,
    bootstrap_interval,
    compare,
    t_interval,
    t_quantile,
)

QUICK = TimingSettings(looks=(4, 8), rounds=4)
TEST = ["assert f(20000) == 199990000"]
FORMULA = "def f(n):\n    return n * (n - 1) // 2\n"
SHORT_LOOP = "def f(n):\n    for _ in range(2000):\n        pass\n    return n * (n - 1) // 2\n"
LOOP = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, limits=Limits(cpu_seconds=1, memory_mb=256)) as pool:
        yield pool


def call(sandbox: Sandbox, first: str, second: str) -> str:
    return compare(sandbox, [first, second], TEST, QUICK).verdict(0, 1).call


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [(0.975, 1, 12.7062), (0.975, 2, 4.30265), (0.995, 7, 3.49948), (0.9995, 15, 4.0728), (1 - 1e-5, 3, 47.9278)],
)
def test_quantiles_are_those_of_the_tables(probability: float, freedom: int, quantile: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(quantile, rel=1e-4)


def test_interval_by_hand() -> None:
    # mean 2, standard deviation 1, so the half width is 4.30265 * 1 / sqrt(3) = 2.48414
    assert t_interval(np.array([1.0, 2.0, 3.0]), 0.05) == pytest.approx((-0.48414, 4.48414), rel=1e-4)


def test_bootstrap_interval_lies_around_the_mean_and_is_the_same_for_the_same_seed() -> None:
    values = np.array([0.1, 0.2, 0.4, 0.3])
    low, high = bootstrap_interval(values, seed=1)
    assert 0.1 <= low < 0.25 < high <= 0.4
    assert (low, high) == bootstrap_interval(values, seed=1)


def readings(rng: np.random.Generator, truth: tuple[float, ...], settings: TimingSettings) -> NDArray[np.float64]:
    """Seconds (n_solutions, last look * rounds) of solutions that take `truth`, on a machine of two speeds.

    Rounds share the machine's speed, except where it changes in a round; readings have noise of 7%, processes of 2%.
    """
    batches, rounds = settings.looks[-1], settings.rounds
    shape = (len(truth), batches, rounds)
    speed = rng.choice([1.0, 1.5], p=[0.7, 0.3], size=shape[1:])
    changes = rng.random(shape) < 0.1
    noise = rng.normal(0, 0.07, shape) + rng.normal(0, 0.02, (*shape[:2], 1))
    seconds = speed * np.where(changes, 1.5, 1.0) * np.exp(noise) * np.array(truth)[:, None, None]
    return seconds.reshape(len(truth), -1)


def decide(seconds: NDArray[np.float64], settings: TimingSettings) -> Comparison:
    """What a comparison comes to that meets these readings."""
    for look in settings.looks:
        comparison = Comparison(seconds[:, : look * settings.rounds], np.ones(len(seconds), bool), settings)
        if comparison.is_settled():
            break
    return comparison


@pytest.mark.parametrize("n_solutions", [2, 5])
def test_equal_functions_are_called_different_in_two_percent_of_cases_at_most(n_solutions: int) -> None:
    rng = np.random.default_rng(7)
    settings = TimingSettings(min_effect=0.0)  # the harder case: any difference counts
    found = [decide(readings(rng, (1e-5,) * n_solutions, settings), settings).faster.any() for _ in range(200)]
    assert sum(found) <= 4


def test_a_quarter_is_called_right() -> None:
    rng = np.random.default_rng(8)
    settings = TimingSettings()
    calls = [decide(readings(rng, (1.0, 1.25), settings), settings).verdict(0, 1).call for _ in range(100)]
    assert calls.count("faster") >= 98


def test_verdict_gives_ratio_and_interval() -> None:
    settings = TimingSettings(looks=(4,), rounds=1)
    seconds = np.array([[1.0, 1.0, 1.0, 1.0], [2.0, 2.1, 2.0, 1.9]])
    comparison = Comparison(seconds, np.array([True, True]), settings)
    verdict = comparison.verdict(0, 1)
    assert verdict.call == "faster"
    assert verdict.ratio == pytest.approx((2.0 * 2.1 * 2.0 * 1.9) ** 0.25)
    assert 1.9 <= verdict.low < verdict.ratio < verdict.high <= 2.1
    assert comparison.verdict(1, 0).call == "slower"


def test_a_solution_that_is_not_trusted_is_never_faster() -> None:
    seconds = np.array([[1.0, 1.0, 1.0, 1.0], [2.0, 2.1, 2.0, 1.9]])
    comparison = Comparison(seconds, np.array([False, True]), TimingSettings(looks=(4,), rounds=1))
    assert comparison.verdict(0, 1).call == "tie"
    assert not comparison.faster.any()


def test_a_difference_below_the_minimum_effect_is_a_tie() -> None:
    seconds = np.array([[1.0] * 4, [1.015, 1.016, 1.015, 1.016]])
    assert decide(seconds, TimingSettings(looks=(4,), rounds=1)).verdict(0, 1).call == "tie"


@pytest.mark.parametrize("looks", [(), (1, 2), (4, 4)])
def test_looks_must_increase(looks: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"timings\.looks: .* must be increasing numbers, 2 or more each"):
        TimingSettings(looks=looks)


def test_a_clearly_slower_function_is_called_slower(sandbox: Sandbox) -> None:
    comparison = compare(sandbox, [LOOP, FORMULA], TEST, QUICK)
    assert comparison.trusted.all()
    assert comparison.seconds.shape == (2, 4 * QUICK.rounds)
    assert comparison.verdict(0, 1).call == "slower"


def test_a_failing_test_gives_nan(sandbox: Sandbox) -> None:
    comparison = compare(sandbox, [FORMULA, "def f(n): return 0", "def f(n:", LOOP], TEST, QUICK)
    assert comparison.measured.tolist() == [True, False, False, True]
    assert np.isnan(comparison.seconds[1:3]).all()
    assert comparison.verdict(1, 0).call == "tie"
    assert comparison.verdict(0, 3).call == "faster"


def test_nothing_to_compare_is_no_error(sandbox: Sandbox) -> None:
    assert compare(sandbox, [], TEST, QUICK).faster.shape == (0, 0)
    assert np.isnan(compare(sandbox, ["def f(n): return 0"], TEST, QUICK).seconds).all()


def test_patched_clocks_change_no_reading(sandbox: Sandbox) -> None:
    patch = (
        "import time\n"
        "for name in ('time', 'perf_counter', 'process_time', 'monotonic', 'thread_time', 'clock_gettime'):\n"
        "    setattr(time, name, lambda *_: 0)\n"
        "    setattr(time, name + '_ns', lambda *_: 0)\n"
    )
    assert call(sandbox, patch + LOOP, SHORT_LOOP) == "slower"


@pytest.mark.parametrize(
    "cached",
    [
        "CACHE = {}\ndef f(n):\n    if n not in CACHE:\n        CACHE[n] = sum([i for i in range(n)])\n    return CACHE[n]\n",
        "import functools\n@functools.lru_cache(None)\ndef f(n):\n    return sum([i for i in range(n)])\n",
        "def f(n, cache={}):\n    if n not in cache:\n        cache[n] = sum([i for i in range(n)])\n    return cache[n]\n",
    ],
)
def test_a_cache_is_empty_in_every_pass(sandbox: Sandbox, cached: str) -> None:
    assert call(sandbox, cached, SHORT_LOOP) == "slower"


@pytest.mark.parametrize(
    "cheat",
    [
        "TABLE = [n * (n - 1) // 2 for n in range(20001)]\ndef f(n): return TABLE[n]\n",  # worked at load
        "RESULT = sum(range(20000))\ndef f(n): return RESULT\n",
        "def cache(g): return [sum(range(20000))]\n@cache\ndef g(): pass\ndef f(n): return g[0]\n",
        "class K:\n    cache = lambda g: sum(range(20000))\n    @cache\n    def g(): pass\ndef f(n): return K.g\n",
        "from functools import lru_cache\n@lru_cache([sum(range(20000))][0])\ndef g(): pass\ndef f(n): return n * (n - 1) // 2\n",
        "def f(n, kept=sum(range(20000))): return kept\n",
        "class K:\n    kept = sum(range(20000))\ndef f(n): return K.kept\n",
        "import builtins\ndef f(n):\n    if not hasattr(builtins, 'kept'):\n        builtins.kept = sum(range(n))\n"
        "    return builtins.kept\n",
        "f = lambda n, kept=sum(range(20000)): kept\n",
        "def g(x: (KEPT := sum(range(20000)))): pass\ndef f(n): return KEPT\n",
        "B = []\ndef g(x) -> B.append(sum(range(20000))): pass\ndef f(n): return B[0]\n",
        "class K(Exception):\n    def __init__(self):\n        self.kept = sum(range(20000))\ntry:\n    raise K\nexcept K as e:\n    KEPT = e.kept\n"
        "def f(n): return KEPT\n",
        "class K:\n    from math import factorial as __class_getitem__\nKEPT = K[1000]\ndef f(n): return n * (n - 1) // 2\n",
        "T = [1]\nT[0:0] = T\ndef f(n): return sum(range(n))\n",
        "from typing import Any\ndef f(n):\n    if not hasattr(Any, 'kept'):\n        Any.kept = sum(range(n))\n    return Any.kept\n",
        "import copy\nBOX = []\nclass M:\n    def get(self, key, default):\n        BOX.append(default)\n        return 1\ndef f(n):\n"
        "    copy.deepcopy([1], M())\n    if not BOX[0]:\n        BOX[0].append(sum(range(n)))\n    return BOX[0][-1]\n",
        "COUNT = 0\nclass Liar:\n    def __eq__(self, other): return True\ndef f(n):\n    global COUNT\n    COUNT += 1\n"
        "    return sum(range(n)) if COUNT < 2 else Liar()\n",
        "def abs(x): return 0\ndef f(n): return sum(range(n))\n",
        "from math import isnan as abs\ndef f(n): return sum(range(n))\n",
        "import sys\ndef f(n):\n    sys._getframe(1).f_locals['namespaces'].clear()\n    return sum(range(n))\n",
    ],
)
def test_work_done_outside_the_passes_makes_nobody_faster(sandbox: Sandbox, cheat: str) -> None:
    comparison = compare(sandbox, [cheat, LOOP], TEST, QUICK)
    assert not comparison.trusted[0]
    assert not comparison.faster[0].any()


@pytest.mark.parametrize(
    "honest",
    [
        "from typing import List\nMOD = 10 ** 9 + 7\nNAMES = ['a', 'b']\ndef f(n: int) -> int:\n    return n * (n - 1) // 2\n",
        "import math\nfrom functools import lru_cache\n@lru_cache(maxsize=None)\ndef f(n, k=-1):\n    return n * (n - 1) // 2\n",
        "class Solver:\n    LIMIT = 3\n    def run(self, n):\n        return sum(i for i in range(n))\ndef f(n):\n"
        "    return Solver().run(n)\n",
    ],
)
def test_definitions_and_constants_are_no_work(sandbox: Sandbox, honest: str) -> None:
    assert compare(sandbox, [honest, LOOP], TEST, QUICK).trusted.all()


def test_work_cannot_be_handed_to_a_thread(sandbox: Sandbox) -> None:
    threaded = (
        "import threading\ndef f(n):\n    thread = threading.Thread(target=lambda: sum(range(n)))\n"
        "    thread.start()\n    return n * (n - 1) // 2\n"
    )
    assert np.isnan(compare(sandbox, [threaded, FORMULA], TEST, QUICK).seconds[0]).all()


def test_a_solution_that_ends_its_process_spoils_no_other_reading(sandbox: Sandbox) -> None:
    comparison = compare(sandbox, [LOOP, "import os\ndef f(n): os._exit(0)\n", FORMULA], TEST, QUICK)
    assert comparison.measured.tolist() == [True, False, True]
    assert comparison.verdict(2, 0).call == "faster"


def test_a_hanging_solution_is_stopped(sandbox: Sandbox) -> None:
    comparison = compare(sandbox, [FORMULA, "def f(n):\n    while True:\n        pass\n"], TEST, QUICK)
    assert comparison.measured.tolist() == [True, False]


TYPING_CHANNEL = (
    "from typing import List\nclass T(int):\n    kept = []\n    def __repr__(self):\n        return str(T.kept)\n"
    "def f(n):\n    said = repr(List[T(5)])\n    if '[[]]' in said:\n        T.kept.append(sum(range(n)))\n"
    "    return int(repr(List[T(5)]).strip('typing.List[]'))\n"
)


def test_what_typing_remembers_makes_nobody_faster(sandbox: Sandbox) -> None:
    assert call(sandbox, TYPING_CHANNEL, SHORT_LOOP) == "slower"


def test_a_counted_call_starts_from_zero_in_every_test(sandbox: Sandbox) -> None:
    counting = (
        "COUNT = 0\ndef f(n):\n    global COUNT\n    COUNT += 1\n    return n * (n - 1) // 2 if COUNT == 1 else None\n"
    )
    assert compare(sandbox, [counting, LOOP], [*TEST, "assert f(3) == 3"], QUICK).measured.all()


@pytest.mark.parametrize(
    "beside", ["def unused_{}(x): return x\n", "class Unused{}:\n    def method(self): return 1\n"]
)
def test_a_larger_module_is_no_slower(sandbox: Sandbox, beside: str) -> None:
    large = "".join(beside.format(k) for k in range(60)) + FORMULA
    comparison = compare(sandbox, [FORMULA, large], ["assert f(9) == 36", "assert f(3) == 3"], QUICK)
    assert comparison.verdict(0, 1).call == "tie"


def test_a_solution_that_hangs_up_fails_alone(sandbox: Sandbox) -> None:
    rude = (
        "import os, socket\ndef f(n):\n    for fd in range(3, 256):\n        try: socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RD)\n"
        "        except OSError: pass\n    return n * (n - 1) // 2\n"
    )
    comparison = compare(sandbox, [LOOP, rude, FORMULA], TEST, QUICK)
    assert comparison.measured[[0, 2]].all()
    assert not comparison.faster[1].any()


def test_a_spent_budget_ends_the_comparison_after_two_batches_of_one_round(sandbox: Sandbox) -> None:
    settings = TimingSettings(looks=(8, 16), rounds=4, max_seconds=1e-3)
    assert compare(sandbox, [LOOP, LOOP.replace("total", "t")], TEST, settings).seconds.shape == (2, 2)


@pytest.mark.parametrize("key", ["reading_seconds", "max_seconds"])
def test_times_must_be_positive(key: str) -> None:
    with pytest.raises(ConfigError, match=f"timings.{key}"):
        TimingSettings(**{key: 0.0})
