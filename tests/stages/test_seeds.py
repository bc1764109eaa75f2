"""Seeds from real files: what is kept, what is dropped and why, in which order, up to which limit."""

import gc
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codedpo.context import Context
from codedpo.decontaminate import load_index
from codedpo.pipeline import ExtractSeeds
from codedpo.records import Seed
from codedpo.sources import Folder, Table

GOOD = 'def pick(items, n):\n    """Pick n."""\n    chosen = items[:n]\n    chosen.sort()\n    return chosen\n'
MIT = "Permission is hereby granted, free of charge, to. The above copyright notice and this permission notice shall."


@dataclass(frozen=True)
class Extracted:
    seeds: list[Seed]
    dropped: list[tuple[str, str, str, str]]

    def reasons(self) -> Counter[str]:
        return Counter(reason for _, _, reason, _ in self.dropped)

    def codes(self) -> list[str]:
        return [seed.code for seed in self.seeds]


def extract(folder: Path, *sources: Any, benchmarks: Any = load_index, **settings: Any) -> Extracted:
    dropped: list[tuple[str, str, str, str]] = []

    def drop(what: str, id: str, reason: str, detail: str = "") -> None:
        dropped.append((what, id, reason, detail))

    context = Context(SimpleNamespace(benchmarks=benchmarks), 0, folder / "cache", drop, lambda **_: None)  # pyright: ignore
    return Extracted(list(ExtractSeeds(sources=sources, **settings)((), context)), dropped)


def extract_text(folder: Path, text: str, **settings: Any) -> Extracted:
    source = folder / "source"
    source.mkdir(exist_ok=True)
    (source / "a.py").write_text(text)
    (source / "LICENSE").write_text(MIT)
    return extract(folder, Folder(path=str(source)), **settings)


def table(folder: Path, name: str, files: list[str], **settings: Any) -> Table:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps({"content": text}) + "\n" for text in files))
    return Table(paths=(str(path),), licence="MIT", **settings)


def variants(words: str) -> list[str]:
    """Functions that have nothing in common but their form."""
    return [
        f'def {word}(a, b):\n    """The {word}."""\n    {word}_1 = a.{word} + {number}\n    {word}_2 = b[{word}_1]\n'
        f"    for {word}_3 in {word}_2.{word}s:\n        a.{word}_4({word}_3)\n    return {word}_1\n"
        for number, word in enumerate(words.split())
    ]


WORDS = variants("ash birch cedar elm fir hazel larch maple oak pine rowan spruce willow yew")


def test_a_seed_says_where_it_comes_from(tmp_path: Path) -> None:
    (seed,) = extract_text(tmp_path, f"import re\n\n{GOOD}").seeds
    assert (seed.name, seed.path, seed.line, seed.licence, seed.source) == ("pick", "a.py", 3, "MIT", "source")
    assert seed.docstring == "Pick n."
    assert seed.code == GOOD.strip()
    assert seed.id.startswith("source:a.py:pick@")


def test_what_breaks_a_rule_is_counted(tmp_path: Path) -> None:
    extracted = extract_text(tmp_path, GOOD + GOOD.replace("pick", "_pick"))
    assert ("row", "source:a.py:_pick", "private", "") in extracted.dropped
    assert extract_text(tmp_path, "def f(:").reasons() == {"file does not parse": 1}
    (tmp_path / "source" / "LICENSE").unlink()
    assert extract(tmp_path, Folder(path=str(tmp_path / "source"))).reasons() == {"licence not found": 1}


def test_of_equal_functions_one_is_kept(tmp_path: Path) -> None:
    extracted = extract_text(tmp_path, GOOD + GOOD.replace("Pick n.", "Another text.").replace("items, n", "items,n"))
    assert len(extracted.seeds) == 1
    (dropped,) = [row for row in extracted.dropped if row[0] == "row"]
    assert dropped[2:] == ("duplicate function", extracted.seeds[0].id)


def test_of_similar_functions_one_is_kept(tmp_path: Path) -> None:
    long = WORDS[0].replace("    return", "    a.sort()\n    b.sort()\n    a.extend(b)\n    return")
    similar = long.replace("The ash.", "The  ash,  a  tree.")
    similar = similar.replace('"""\n', '"""\n    # as they come\n').replace("+ 0", "+ 7")
    pair = [long, similar]
    assert len(extract(tmp_path, table(tmp_path, "t", pair), near_duplicates=1.0).seeds) == 2
    extracted = extract(tmp_path, table(tmp_path, "t", pair), near_duplicates=0.5)
    assert len(extracted.seeds) == 1
    assert [row[2:] for row in extracted.dropped if row[0] == "row"] == [("near-duplicate", extracted.seeds[0].id)]


def test_what_is_in_a_benchmark_is_left_out_and_names_it(tmp_path: Path) -> None:
    planted = (
        "def has_close_elements(numbers, threshold):\n"
        '    """Check if in given list of numbers, are any two numbers closer to each other than given threshold."""\n'
        "    for idx, elem in enumerate(numbers):\n        for idx2, elem2 in enumerate(numbers):\n"
        "            if idx != idx2:\n                distance = abs(elem - elem2)\n"
        "                if distance < threshold:\n                    return True\n    return False\n"
    )
    extracted = extract_text(tmp_path, planted + GOOD)
    assert [seed.name for seed in extracted.seeds] == ["pick"]
    (row,) = [row for row in extracted.dropped if row[2] == "in a benchmark"]
    assert "HumanEval/0" in row[3]
    assert len(extract_text(tmp_path, planted + GOOD, benchmarks=lambda: None).seeds) == 2


def test_the_order_of_the_input_changes_nothing(tmp_path: Path) -> None:
    files = [*WORDS, *(text.replace("The ", "A ") for text in WORDS[::2])]
    expected = extract(tmp_path, table(tmp_path, "t", files))
    assert len(expected.seeds) == len(WORDS)
    for number in range(3):
        shuffled = random.Random(number).sample(files, len(files))
        extracted = extract(tmp_path, table(tmp_path, "t", shuffled))
        assert extracted.seeds == expected.seeds
        assert sorted(extracted.dropped) == sorted(expected.dropped)


def test_the_order_of_the_sources_changes_nothing(tmp_path: Path) -> None:
    sources = [table(tmp_path, name, WORDS[start : start + 6]) for name, start in (("a", 0), ("b", 4), ("c", 8))]
    expected = extract(tmp_path, *sources)
    assert len(expected.seeds) == len(WORDS)
    assert extract(tmp_path, *reversed(sources)).seeds == expected.seeds
    assert extract(tmp_path, sources[1], sources[2], sources[0]).seeds == expected.seeds


def test_equal_code_with_other_decorators_is_one(tmp_path: Path) -> None:
    text = f"import functools\n@functools.cache\n{GOOD}\n{GOOD}"
    assert extract_text(tmp_path, text, near_duplicates=1.0).reasons() == {"duplicate function": 1}


@pytest.mark.parametrize("on", [True, False])
def test_the_cyclic_collector_is_left_as_it_was(tmp_path: Path, on: bool) -> None:
    was_on = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        extract_text(tmp_path, GOOD)
        assert gc.isenabled() is on
    finally:
        (gc.enable if was_on else gc.disable)()


def test_a_source_s_limit_draws_what_a_larger_one_draws_too(tmp_path: Path) -> None:
    whole = extract(tmp_path, table(tmp_path, "a", WORDS[:7]), table(tmp_path, "b", WORDS[7:]))
    for limit in (1, 3):
        limited = extract(tmp_path, table(tmp_path, "a", WORDS[:7], limit=limit), table(tmp_path, "b", WORDS[7:]))
        assert [s for s in limited.seeds if s.source == "a"] == [s for s in whole.seeds if s.source == "a"][:limit]
        assert [s for s in limited.seeds if s.source == "b"] == [s for s in whole.seeds if s.source == "b"]


def test_another_seed_of_the_run_draws_in_another_order(tmp_path: Path) -> None:
    first = extract(tmp_path, table(tmp_path, "t", WORDS)).codes()
    context = Context(SimpleNamespace(benchmarks=load_index), 1, tmp_path, lambda *_: None, lambda **_: None)  # pyright: ignore
    other = [seed.code for seed in ExtractSeeds(sources=(table(tmp_path, "t", WORDS),))((), context)]
    assert sorted(first) == sorted(other)
    assert first != other


def test_secrets_and_addresses_are_replaced_and_counted(tmp_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    text = GOOD.replace("Pick n.", "Pick n, says anna@host.org.").replace("items[:n]", f'items["{token}"]')
    extracted = extract_text(tmp_path, text)
    (seed,) = extracted.seeds
    assert seed.docstring == "Pick n, says name@example.com."
    assert seed.code == text.replace("anna@host.org", "name@example.com").replace(token, "SECRET").strip()
    assert {row[0]: row[2] for row in extracted.dropped if row[0] != "benchmark"} == {
        "secret": "GitHub token replaced",
        "e-mail address": "replaced",
    }


def test_functions_of_one_name_have_ids_of_their_own(tmp_path: Path) -> None:
    seeds = extract_text(
        tmp_path, GOOD + GOOD.replace("items[:n]", "[n]").replace("chosen", "x"), near_duplicates=1.0
    ).seeds
    assert len({seed.id for seed in seeds}) == 2


def test_nothing_is_left_in_the_cache(tmp_path: Path) -> None:
    extract_text(tmp_path, GOOD)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_or_tiny_source_is_no_error(tmp_path: Path, count: int) -> None:
    assert len(extract(tmp_path, table(tmp_path, "t", WORDS[:count])).seeds) == count
