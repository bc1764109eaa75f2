"""Sources of code in, seeds out: top-level functions that keep all rules, each once, none from a benchmark."""

from __future__ import annotations

import ast
import contextlib
import gc
import hashlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from codedpo.candidates import Candidates
from codedpo.checks import require_at_least
from codedpo.code.functions import Function, functions, parse_file
from codedpo.code.near import NearDuplicates
from codedpo.code.redact import redact
from codedpo.context import Context
from codedpo.errors import ConfigError, RecordError
from codedpo.records import Seed
from codedpo.rules import broken_file_rule, broken_function_rule
from codedpo.sources import AnySource, SourceFile


@dataclass(frozen=True)
class _Found:
    """A function that keeps all rules."""

    seed: Seed
    fingerprint: int


@dataclass(frozen=True)
class ExtractSeeds:
    """Extract seeds from source code."""

    NAME: ClassVar[str] = "seeds"
    VERSION: ClassVar[int] = 3
    MAKES: ClassVar[type] = Seed
    NEEDS: ClassVar[Literal["reads"]] = "reads"

    sources: tuple[AnySource, ...] = ()
    """Where the code comes from."""
    min_lines: int = 4
    max_lines: int = 60
    """Lines of code of a function: without docstring, blank lines and lines with a comment only."""
    english: bool = False
    """Keep functions with an English docstring only."""
    licences: tuple[str, ...] = (
        "MIT",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "Apache-2.0",
        "ISC",
        "PSF-2.0",
        "0BSD",
        "Unlicense",
    )
    """SPDX identifiers that are allowed; of an expression with OR one part is enough, with AND all are needed."""
    near_duplicates: float = 0.7
    """Functions at least so similar (Jaccard, 0 to 1) count as one; 1 keeps all that are not equal."""

    def __post_init__(self) -> None:
        require_at_least(self, "seeds", min_lines=1, max_lines=self.min_lines)
        if not 0 < self.near_duplicates <= 1:
            raise ConfigError(f"seeds.near_duplicates: {self.near_duplicates} must be above 0 and at most 1")

    def __call__(self, rows: Iterable[None], context: Context) -> Iterator[Seed]:
        if not self.sources:
            raise RecordError("seeds: no sources; name some under seeds.sources")
        with Candidates(context.cache, context.seed) as candidates:
            for number, source in enumerate(self.sources):
                for file in source.files(context.cache):
                    with _uncollected():
                        for found in self._found(file, context):
                            candidates.add(found.seed, fingerprint=found.fingerprint, source=number)
            for duplicate in candidates.duplicates():
                context.drop("row", duplicate.seed.id, "duplicate function", duplicate.kept.id)
            yield from self._draw(candidates, context)

    def _found(self, file: SourceFile, context: Context) -> Iterator[_Found]:
        """The functions that keep all rules, as seeds."""
        place = _place(file)
        broken = broken_file_rule(file, self)
        if broken is not None:
            context.drop("file", place, broken.reason, broken.detail)
            return
        tree = parse_file(file.text)
        if tree is None:
            context.drop("file", place, "file does not parse")
            return
        for function in functions(file.text, tree):
            broken = broken_function_rule(function, self)
            seed = _seed(function, file, place, context) if broken is None else None
            if seed is not None:
                yield _Found(seed, function.fingerprint)
            elif broken is not None:
                context.drop("row", f"{place}:{function.name}", broken.reason, broken.detail)

    def _draw(self, candidates: Candidates, context: Context) -> Iterator[Seed]:
        """The seeds in the order of the draw, as long as someone asks: benchmarks are compared on the way."""
        unique = candidates.unique().tolist()
        copies = self._near_copies(candidates, unique, context)
        index = context.tools.benchmarks()
        drawn = Counter[int]()
        for number in unique:
            source = candidates.source(number)
            limit = self.sources[source].limit
            if number in copies or (limit is not None and drawn[source] >= limit):
                continue
            seed = candidates.seed(number)
            match = index.matches(seed.code, entry_point=seed.name) if index else None
            if match is None:
                drawn[source] += 1
                yield seed
            else:
                context.drop("row", seed.id, "in a benchmark", f"{match.benchmark} {match.item}: {match.how}")

    def _near_copies(self, candidates: Candidates, unique: Sequence[int], context: Context) -> set[int]:
        """Numbers of the seeds that are too similar to one that is kept."""
        if self.near_duplicates == 1:
            return set()
        near = NearDuplicates(self.near_duplicates)
        for number in sorted(unique):  # as they lie in the file
            near.add(candidates.key(number), candidates.seed(number).code)
        kept = {key: other for key, other in near.representatives().items() if key != other}
        involved = set(kept) | set(kept.values())
        numbers = {key: number for number in unique if (key := candidates.key(number)) in involved}
        for key, other in sorted(kept.items()):
            seeds = candidates.seed(numbers[key]), candidates.seed(numbers[other])
            context.drop("row", seeds[0].id, "near-duplicate", seeds[1].id)
        return {numbers[key] for key in kept}


def _place(file: SourceFile) -> str:
    """Source and path; a file without a path is called by its content."""
    return f"{file.source}:{file.path or hashlib.sha256(file.text.encode('utf-8', 'replace')).hexdigest()[:12]}"


@contextlib.contextmanager
def _uncollected() -> Generator[None]:
    """Without the cyclic collector: it would go through a syntax tree of 100,000 nodes again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _seed(function: Function, file: SourceFile, place: str, context: Context) -> Seed | None:
    """The seed, without secrets and e-mail addresses; None where they cannot be taken out."""
    identity = f"{place}:{function.name}@{function.fingerprint:016x}"[:-8]
    code, docstring = function.code, function.docstring
    try:
        clean = redact(code)
        if clean.code != code:
            (definition,) = ast.parse(clean.code).body
            docstring = ast.get_docstring(cast(ast.FunctionDef, definition)) or ""
            code, docstring = clean.code, docstring.encode("utf-8", "replace").decode()
    except ValueError as error:  # also a SyntaxError
        context.drop("row", identity, "secret that cannot be taken out", str(error))
        return None
    for kind in clean.secrets:
        context.drop("secret", identity, f"{kind} replaced")
    if clean.emails:
        context.drop("e-mail address", identity, "replaced", f"{clean.emails} times")
    return Seed(
        id=identity,
        name=function.name,
        code=code,
        docstring=docstring,
        source=file.source,
        version=file.version,
        path=file.path,
        line=function.line,
        licence=file.licence,
    )
