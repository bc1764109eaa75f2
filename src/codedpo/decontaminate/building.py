"""Texts of benchmark problems and ordinary programs in, an index out; what is generic is left out of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from codedpo.benchmarks.texts import BenchmarkText
from codedpo.code.bodies import without_headers
from codedpo.code.grams import Hashes, hash_words, lex, lex_words
from codedpo.decontaminate.evidence import (
    ENTRY_POINT,
    GRAM,
    KINDS,
    PROGRAM,
    RENAMED,
    SHORT_GRAM,
    SHORT_PROGRAM,
    SHORT_TEXT,
    TEXT,
    entry_point_hashes,
    name_hash,
    program_hashes,
    prose,
    text_hashes,
)
from codedpo.decontaminate.index import Group, Index, sorted_entries

MAX_PROBLEMS = 2
"""A hash that more problems than this share is generic."""
TEXT_STRIDE = 3
"""Of a prompt's 13-grams every third is kept: any 15 words in a row hold one."""
SHORT_PROGRAM_GRAMS = 8
"""A solution with fewer 13-grams than this is also looked for by all of its 8-grams."""
LONG_PROGRAM_GRAMS = 40
"""From so many on, the bodies of a solution say as much as the whole of it."""
MAX_ENTRY_WORDS = 30
_MIN_TEXT_GRAMS = 4
_MIN_WORDS_IN_GRAM = (7, 5)


@dataclass(frozen=True, eq=False)
class Evidence:
    """One group before the whitelist."""

    group: Group
    problem: str
    hashes: Hashes


def collect(text: BenchmarkText) -> list[Evidence]:
    """All evidence of one problem."""
    found = [pair for solution in text.solutions for pair in _program_evidence(solution)]
    words = prompt_words(text.prompt)
    found.append(_text_evidence(words))
    if text.entry_point:
        found.append((ENTRY_POINT, entry_point_hashes(text.entry_point, words)[:MAX_ENTRY_WORDS]))
    return [
        Evidence(Group(text.benchmark, text.item, kind), text.problem, np.unique(hashes))
        for kind, hashes in found
        if len(hashes)
    ]


def _program_evidence(solution: str) -> list[tuple[int, Hashes]]:
    """That of the bodies; where they are short also that of the whole, so that little is left to chance."""
    bodies = _joined(without_headers(solution))
    if len(bodies[PROGRAM]) >= LONG_PROGRAM_GRAMS:
        return [(PROGRAM, bodies[PROGRAM]), (RENAMED, bodies[RENAMED])]
    kinds = (PROGRAM, RENAMED, SHORT_PROGRAM) if len(bodies[PROGRAM]) < SHORT_PROGRAM_GRAMS else (PROGRAM, RENAMED)
    return [(kind, part[kind]) for part in (bodies, _joined([solution])) for kind in kinds]


def _joined(parts: Iterable[str]) -> dict[int, Hashes]:
    """kind -> hashes of all parts; no window reaches over a border."""
    found = [dict(program_hashes(lex(part))) for part in parts]
    return {kind: np.concatenate([one[kind] for one in found]) for kind in (PROGRAM, RENAMED, SHORT_PROGRAM)}


def prompt_words(prompt: str) -> list[str]:
    """The words of a prompt; of a prompt that is code, those of its docstring and comments."""
    is_code = ("def " in prompt and '"""' in prompt) or "'''" in prompt
    return lex_words(prose(lex(prompt)) if is_code else prompt)


def _text_evidence(words: list[str]) -> tuple[int, Hashes]:
    found = dict(text_hashes(hash_words(words)))
    kind = TEXT if len(found[TEXT]) >= _MIN_TEXT_GRAMS else SHORT_TEXT
    size, least = (GRAM, _MIN_WORDS_IN_GRAM[0]) if kind == TEXT else (SHORT_GRAM, _MIN_WORDS_IN_GRAM[1])
    hashes = found[kind]
    speaks = [len({w for w in words[i : i + size] if w.isalpha() and len(w) > 1}) >= least for i in range(len(hashes))]
    step = TEXT_STRIDE if kind == TEXT else 1
    return kind, hashes[::step][np.array(speaks[::step], bool)]


def common_hashes(evidence: Sequence[Evidence]) -> Hashes:
    """Hashes of more than `MAX_PROBLEMS` problems."""
    problems: dict[str, int] = {}
    seen: dict[int, set[int]] = defaultdict(set)
    for part in evidence:
        number = problems.setdefault(part.problem, len(problems))
        for value in part.hashes.tolist():
            seen[value].add(number)
    return np.array(sorted(value for value, where in seen.items() if len(where) > MAX_PROBLEMS), np.uint64)


def corpus_hashes(programs: Iterable[str], evidence: Sequence[Evidence]) -> Hashes:
    """Hashes of the evidence that occur in ordinary programs, or in their docstrings and comments."""
    wanted = np.unique(np.concatenate([part.hashes for part in evidence if part.group.kind != ENTRY_POINT]))
    found = [np.empty(0, np.uint64)]
    for program in programs:
        lexed = lex(program)
        words = hash_words(lex_words(prose(lexed)))
        hashes = np.concatenate([part for _, part in (*program_hashes(lexed), *text_hashes(words))])
        places = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
        found.append(np.unique(hashes[wanted[places] == hashes]))
    return np.unique(np.concatenate(found))


def textbook_hashes(program: str) -> Hashes:
    """All hashes of functions that are generic in benchmarks to come too."""
    return np.unique(np.concatenate([hashes for _, hashes in program_hashes(lex(program))]))


def build(texts: Sequence[BenchmarkText], evidence: Sequence[Evidence], generic: Hashes) -> Index:
    """The index of all evidence that is not generic; what two variants of a problem share is kept once."""
    kept: list[Evidence] = []
    known: set[tuple[str, int, bytes]] = set()
    for part in evidence:
        hashes = part.hashes if part.group.kind == ENTRY_POINT else np.setdiff1d(part.hashes, generic)
        identity = (part.problem, part.group.kind, hashes.tobytes())
        if len(hashes) >= KINDS[part.group.kind].min_hashes and identity not in known:
            known.add(identity)
            kept.append(Evidence(part.group, part.problem, hashes))
    return Index(
        *sorted_entries([part.hashes for part in kept]),
        groups=tuple(part.group for part in kept),
        names=frozenset(name_hash(text.entry_point) for text in texts if text.entry_point),
        generic=generic,
        checked=tuple(dict.fromkeys(text.benchmark for text in texts)),
    )
