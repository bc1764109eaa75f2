import random

import numpy as np
import pytest

from codedpo.code.grams import lex, window_sums
from codedpo.code.near import NearDuplicates, banding

BODY = "def {name}(items, size):\n    '''{doc}'''\n    groups = []\n{lines}    return groups\n"


def function(name: str, lines: int, doc: str = "Group.", changed: int = -1) -> str:
    """A function of so many different lines, one of them changed."""
    text = "".join(f"    {name}_{i} = items[{i}] + size * {i if i != changed else 99}\n" for i in range(lines))
    return BODY.format(name=name, doc=doc, lines=text)


def kept(programs: dict[str, str], threshold: float = 0.7) -> dict[str, str]:
    near = NearDuplicates(threshold)
    for key, code in programs.items():
        near.add(key, code)
    return near.representatives()


def test_layout_comments_and_docstrings_do_not_count() -> None:
    one = "def f(x):\n    return x + 1\n"
    other = 'def f( x ):\n    """Doc."""\n    # why\n    return (x + 1)\n'
    assert kept({"a": one, "b": other}, 1.0) == {"a": "a", "b": "a"}


def test_a_small_change_in_a_long_function_is_a_near_duplicate() -> None:
    assert kept({"b": function("f", 20), "a": function("f", 20, changed=7)}) == {"a": "a", "b": "a"}


def test_other_functions_stay() -> None:
    programs = {name: function(name, 20) for name in ("f", "g", "h")}
    assert kept(programs) == {name: name for name in programs}


def test_the_order_of_adding_changes_nothing() -> None:
    programs = {f"{name}{i}": function(name, 20, changed=i) for name in "fgh" for i in range(30)}
    expected = kept(programs)
    for seed in range(3):
        keys = sorted(programs)
        random.Random(seed).shuffle(keys)
        assert kept({key: programs[key] for key in keys}) == expected


def test_shards_change_nothing() -> None:
    """Nor does it matter that results are asked for after each shard; 700 functions are more than one batch."""
    programs = {f"{name}{i:03}": function(name, 6, changed=i % 9) for name in "fghjklm" for i in range(100)}
    expected = kept(programs)
    assert 1 < len(set(expected.values())) < len(programs)
    keys = sorted(programs)
    random.Random(5).shuffle(keys)
    for shards in (1, 5):
        near = NearDuplicates()
        for shard in reversed(range(shards)):
            for key in keys[shard::shards]:
                near.add(key, programs[key])
            found = near.representatives()
        assert found == expected


def test_the_kept_one_is_that_with_the_smallest_key() -> None:
    programs = {key: function("f", 20, changed=place) for place, key in enumerate(["m", "a", "z"])}
    assert kept(programs) == {"m": "a", "a": "a", "z": "a"}


def test_what_is_dropped_is_similar_to_its_representative_itself() -> None:
    # A chain: each differs from the next by one line, the ends by all lines.
    lines = [[f"    a{i} = items[{i}] * {i if i >= step else i + 500}\n" for i in range(24)] for step in range(25)]
    programs = {f"{step:02}": BODY.format(name="f", doc="", lines="".join(text)) for step, text in enumerate(lines)}
    result = kept(programs)
    assert 1 < len(set(result.values())) < len(result)
    assert all(jaccard(programs[key], programs[other]) > 0.55 for key, other in result.items())


def jaccard(one: str, other: str) -> float:
    left, right = (set(window_sums(lex(code).tokens, (5,))[0].tolist()) for code in (one, other))
    return len(left & right) / len(left | right)


def test_copies_of_a_dropped_function_are_dropped_too() -> None:
    programs = {"a": function("f", 20), "b": function("f", 20, changed=3), "c": function("f", 20, changed=3)}
    assert set(kept(programs).values()) == {"a"}


def test_a_thousand_copies_are_one() -> None:
    result = kept({f"{i:04}": function("f", 8, doc=str(i)) for i in range(1000)})
    assert set(result.values()) == {"0000"}


def test_tiny_functions_are_compared_whole() -> None:
    assert kept({"a": "x", "b": "x", "c": "y", "d": ""}) == {"a": "a", "b": "a", "c": "c", "d": "d"}


def test_no_function_gives_no_result() -> None:
    assert kept({}) == {}


def test_a_key_twice_is_an_error() -> None:
    near = NearDuplicates()
    near.add("a", "x")
    near.add("a", "y")
    with pytest.raises(ValueError, match="added twice"):
        near.representatives()


def test_a_threshold_outside_its_range_is_an_error() -> None:
    for threshold in (0, -0.5, 1.01, float("nan")):
        with pytest.raises(ValueError, match="not above 0 and at most 1"):
            NearDuplicates(threshold)


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
def test_two_functions_are_one_exactly_where_they_are_as_similar_as_the_threshold(threshold: float) -> None:
    """But for pairs within three standard errors of it: similarity is estimated from 128 permutations."""
    margin = 3 * (threshold * (1 - threshold) / 128) ** 0.5
    lines = [f"    a{i} = items[{i}] * {i}\n" for i in range(40)]
    sides = set[bool]()
    for changed in range(41):
        other = [line.replace("* ", "+ 7 -") if i < changed else line for i, line in enumerate(lines)]
        one, two = (BODY.format(name="f", doc="", lines="".join(text)) for text in (lines, other))
        similarity = jaccard(one, two)
        if abs(similarity - threshold) > margin:
            assert (len(set(kept({"a": one, "b": two}, threshold).values())) == 1) == (similarity > threshold), changed
            sides.add(similarity > threshold)
    assert sides == {True, False}


def test_at_one_only_equal_functions_are_one() -> None:
    one = function("f", 20)
    assert kept({"a": one, "b": one.replace(" ", "  "), "c": function("f", 20, changed=7)}, 1.0) == {
        "a": "a",
        "b": "a",
        "c": "c",
    }


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9])
def test_a_pair_at_the_threshold_shares_a_band_nine_times_in_ten(threshold: float) -> None:
    rows = banding(threshold)
    assert 1 - (1 - threshold**rows) ** (128 // rows) >= 0.9
    assert 1 - (1 - threshold ** (rows + 1)) ** (128 // (rows + 1)) < 0.9


def test_results_can_be_asked_for_again_after_more_was_added() -> None:
    near = NearDuplicates()
    near.add("b", function("f", 20))
    assert near.representatives() == {"b": "b"}
    near.add("a", function("f", 20, changed=2))
    assert near.representatives() == {"a": "a", "b": "a"}


def test_window_hashes_are_the_same_wherever_the_window_stands() -> None:
    tokens = lex(function("f", 50)).tokens
    apart = window_sums(np.concatenate([tokens[:3], tokens]), (5,))[0]
    assert (apart[3:] == window_sums(tokens, (5,))[0]).all()
