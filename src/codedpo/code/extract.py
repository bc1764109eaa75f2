"""A model's answer in, the whole program that it gives out: decided on the syntax tree, never by guess.

Kept: imports (also inside `try` and `if`), functions with their decorators, classes, assignments and other
module statements. Left out: the `if __name__` block, prints and asserts at module level, and statements
after the entry point that use it (example calls).
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from codedpo.code.syntax import syntax_tree

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*([^\n`]*)$", re.MULTILINE)
_LANGUAGES = {"python", "python3", "py", "py3", "pycon"}
_MAX_CUT_LINES = 40
_NESTING_MARKS = str.maketrans("", "", "([{+-*/%&|^~<>=!.@:")
_NESTING_WORDS = ("not", "lambda", "if", "else", "await", "yield")
"""Each level of a syntax tree needs one of these marks or words, or an indentation."""
_MAX_SHALLOW = 100
"""Marks and words; `ast.unparse` needs about four frames of Python's thousand for a level."""
_DEFINITION = re.compile(r"(?:async )?(?:def|class) (\w+)")
_CONTINUES = re.compile(r"(?:else|elif|except|finally)\b|[)\]}]")


@dataclass(frozen=True)
class Extraction:
    """A program found in an answer, and the rules that were needed to find it."""

    program: str
    repairs: tuple[str, ...]


@dataclass(frozen=True)
class _Candidate:
    """A part of an answer that may be the program."""

    text: str
    repairs: tuple[str, ...] = ()


def extract(answer: str, entry_point: str) -> Extraction | None:
    """The program in a model's answer that defines `entry_point`, or None.

    Among fenced blocks the last one that defines the entry point wins; without one, the text itself is read. Of a
    block that does not parse, whole statements are cut from its end until it does, never a part of one: half a
    function would be a program that the model did not write.
    """
    said = without_reasoning(answer)
    repairs = ("reasoning stripped",) if said != answer else ()
    for candidate in _candidates(said):
        found = _clean(candidate, entry_point)
        if found is not None:
            return Extraction(found.program, repairs + found.repairs)
    return None


def extract_program(answer: str, entry_point: str) -> str | None:
    """The text of `extract`."""
    found = extract(answer, entry_point)
    return found.program if found else None


def without_reasoning(answer: str) -> str:
    """The answer after its last `</think>`; empty where the reasoning never ends."""
    if "</think>" in answer:
        return answer.rpartition("</think>")[2]
    return "" if answer.lstrip().startswith("<think>") else answer


def code_blocks(answer: str) -> list[str]:
    """The contents of the fenced code blocks, in order; a fence that is never closed reaches to the end.

    A language name on the line after the fence (a habit of small models) is dropped.
    """
    return [block.text for block in _blocks(answer)]


def outside_blocks(answer: str) -> str:
    """The answer without its fenced code blocks."""
    marks = [0, *(place for mark in _FENCE.finditer(answer) for place in mark.span()), len(answer)]
    return "\n".join(answer[start:end] for start, end in zip(marks[::4], marks[1::4]))


def _blocks(answer: str) -> list[_Candidate]:
    marks = list(_FENCE.finditer(answer))
    blocks: list[_Candidate] = []
    for index in range(0, len(marks), 2):
        closed = index + 1 < len(marks)
        text = answer[marks[index].end() : marks[index + 1].start() if closed else len(answer)]
        bare = _strip_language(text)
        repairs = () if closed else ("fence closed at the end",)
        if bare != textwrap.dedent(text.strip("\n")):
            repairs += ("language below the fence dropped",)
        blocks.append(_Candidate(bare, repairs))
    return blocks


def parse(text: str) -> ast.Module | None:
    """The syntax tree, or None where this is not Python of this version."""
    try:
        tree = syntax_tree(text)
        if not _is_shallow(text):
            ast.unparse(tree)  # what is too deep to be written back is too deep for everything that follows
        return tree
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _is_shallow(text: str) -> bool:
    """Whether too little is in the text for a deep tree: writing a tree back takes longer than all else here."""
    marks = len(text) - len(text.translate(_NESTING_MARKS)) + sum(map(text.count, _NESTING_WORDS))
    return marks < _MAX_SHALLOW


def defines(tree: ast.Module, name: str) -> bool:
    """Whether the module itself, also inside `if` or `try`, defines a function or class or binds this name."""
    return any(name in _bound_names(node) for node in tree.body)


def _candidates(answer: str) -> Iterator[_Candidate]:
    blocks = _blocks(answer)
    yield from reversed(blocks)
    if len(blocks) > 1:
        yield _Candidate("\n".join(block.text for block in blocks), ("blocks joined",))
    yield _Candidate(_strip_language(answer))
    # Prose, then code without a fence: start at the first line that looks like a module's.
    start = re.search(r"^(?:import |from \w|@|def |async def |class )", answer, re.MULTILINE)
    if start:
        yield _Candidate(answer[start.start() :], ("prose stripped",))


def _strip_language(text: str) -> str:
    lines = text.strip("\n").splitlines()
    if lines and lines[0].strip().lower() in _LANGUAGES:
        lines = lines[1:]
    return textwrap.dedent("\n".join(lines))


def _clean(candidate: _Candidate, entry_point: str) -> Extraction | None:
    lines = candidate.text.splitlines()
    for end in range(len(lines), max(0, len(lines) - _MAX_CUT_LINES), -1):
        if end < len(lines) and not starts_statement(lines[end]):
            continue
        source = "\n".join(lines[:end])
        tree = parse(source)
        if tree is not None:
            if not defines(tree, entry_point) or _uses(tree, lines[end:]):
                return None
            cut = ("end that does not parse dropped",) if end < len(lines) else ()
            return Extraction(_program_statements(source, tree, entry_point), candidate.repairs + cut)
    return None


def _uses(tree: ast.Module, cut: list[str]) -> bool:
    """Whether the program needs a function or class that was cut away."""
    lost = {match[1] for match in map(_DEFINITION.match, cut) if match}
    return any(_loaded_names(node) & lost for node in tree.body)


def starts_statement(line: str) -> bool:
    """Whether a line stands at the left margin and does not go on with the statement above."""
    return bool(line.strip()) and not line[0].isspace() and not _CONTINUES.match(line)


def _program_statements(source: str, tree: ast.Module, entry_point: str) -> str:
    lines = source.splitlines()
    example_names = {entry_point}
    seen_entry = False
    parts: list[str] = []
    for node in tree.body:
        if _is_main_block(node) or isinstance(node, ast.Assert) or _is_print(node):
            continue
        names = _bound_names(node)
        definition = isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
        )
        if seen_entry and not definition and _loaded_names(node) & example_names:
            example_names |= names
            continue
        seen_entry = seen_entry or entry_point in names
        parts.append("\n".join(lines[_first_line(node) - 1 : node.end_lineno]))
    return "\n".join(parts) + "\n"


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _is_main_block(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
    )


def _is_print(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id in ("print", "input")
    )


def _bound_names(node: ast.stmt) -> set[str]:
    """Names that a statement binds in its own scope."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    names: set[str] = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            names |= _bound_names(child)
        elif isinstance(child, ast.ExceptHandler):
            names |= {name for statement in child.body for name in _bound_names(statement)}
        else:
            stored = (part for part in ast.walk(child) if isinstance(part, ast.Name | ast.alias))
            names |= {_stored_name(part) for part in stored} - {""}
    return names


def _stored_name(node: ast.Name | ast.alias) -> str:
    if isinstance(node, ast.alias):
        return node.asname or node.name.split(".")[0]
    return node.id if isinstance(node.ctx, ast.Store) else ""


def _loaded_names(node: ast.stmt) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
