"""Source packages and folders in, seeds out: top-level functions with a docstring, a return value and a licence."""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from codedpo.code.extract import parse
from codedpo.code.normal import fingerprint
from codedpo.context import Context
from codedpo.errors import RecordError
from codedpo.records import Seed
from codedpo.sources import SourceFile, folder_files, package_files

_FORBIDDEN_MODULES = frozenset(
    ("argparse", "asyncio", "ctypes", "http", "io", "logging", "matplotlib", "multiprocessing", "os", "pathlib")
    + ("random", "secrets", "select", "setuptools", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess")
    + ("sys", "tempfile", "threading", "time", "unittest", "urllib", "warnings", "webbrowser")
)
_FORBIDDEN_CALLS = frozenset(("open", "input", "print", "exec", "eval", "compile", "__import__"))


@dataclass(frozen=True)
class ExtractSeeds:
    """Extract seeds from source code."""

    NAME: ClassVar[str] = "seeds"
    VERSION: ClassVar[int] = 1
    MAKES: ClassVar[type] = Seed
    NEEDS: ClassVar[Literal["reads"]] = "reads"

    packages: tuple[str, ...] = ()
    """Requirements such as `toolz==1.2.0`, fetched from the package registry."""
    folders: tuple[str, ...] = ()
    """Local folders of Python files."""
    min_lines: int = 4
    max_lines: int = 60
    """Length of the function without its docstring."""
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
    """SPDX identifiers that are allowed."""

    def __call__(self, rows: Iterable[None], context: Context) -> Iterator[Seed]:
        seeds: dict[str, Seed] = {}
        for file in self._files(context):
            for seed in self._functions(file, context):
                key = fingerprint(seed.code)
                if key in seeds:
                    context.drop("row", seed.id, "duplicate function", seeds[key].id)
                else:
                    seeds[key] = seed
        # A limit then draws evenly from all sources, and a larger one keeps what was drawn before.
        yield from sorted(seeds.values(), key=lambda seed: _draw(context.seed, seed))

    def _files(self, context: Context) -> Iterator[SourceFile]:
        if not self.packages and not self.folders:
            raise RecordError("seeds: no sources; name some under seeds.packages or seeds.folders")
        for requirement in self.packages:
            yield from package_files(requirement, context.cache)
        for folder in self.folders:
            yield from folder_files(folder)

    def _functions(self, file: SourceFile, context: Context) -> Iterator[Seed]:
        tree = parse(file.text)
        if tree is None:
            context.drop("file", file.path, "file does not parse")
            return
        modules = _imported_modules(tree)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                identity = f"{file.source}:{file.path}:{node.name}"
                reason = self._reject(node, modules, file)
                if reason is not None:
                    context.drop("row", identity, reason)
                else:
                    yield _seed(identity, node, file)

    def _reject(self, node: ast.FunctionDef, modules: dict[str, str], file: SourceFile) -> str | None:
        """The first rule that the function breaks."""
        if file.licence not in self.licences:
            return f"licence {file.licence or 'not found'}"
        if not ast.get_docstring(node):
            return "no docstring"
        if not any(isinstance(part, ast.Return) and part.value is not None for part in ast.walk(node)):
            return "returns no value"
        if not (node.args.args or node.args.posonlyargs or node.args.vararg or node.args.kwonlyargs):
            return "no arguments"
        lines = len(ast.unparse(_without_docstring(node)).splitlines())
        if not self.min_lines <= lines <= self.max_lines:
            return "too short" if lines < self.min_lines else "too long"
        if node.name.startswith(("test", "_")):
            return "private or a test"
        used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if used & _FORBIDDEN_CALLS or {modules.get(name, "") for name in used} & _FORBIDDEN_MODULES:
            return "input, output, time or randomness"
        return None


def _seed(identity: str, node: ast.FunctionDef, file: SourceFile) -> Seed:
    docstring = ast.get_docstring(node) or ""
    return Seed(
        id=identity,
        name=node.name,
        code=ast.get_source_segment(file.text, node) or ast.unparse(node),
        docstring=docstring,
        source=file.source,
        version=file.version,
        path=file.path,
        line=node.lineno,
        licence=file.licence,
    )


def _draw(seed: int, row: Seed) -> str:
    return hashlib.sha256(f"{seed}:{row.id}:{row.code}".encode()).hexdigest()


def _without_docstring(node: ast.FunctionDef) -> ast.FunctionDef:
    bare = copy.copy(node)
    bare.body = node.body[1:] or [ast.Pass()]
    return bare


def _imported_modules(tree: ast.Module) -> dict[str, str]:
    """Local name -> top-level module that it comes from."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.split(".")[0]: alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: node.module.split(".")[0] for alias in node.names}
    return names
