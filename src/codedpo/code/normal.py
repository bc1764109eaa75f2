"""Programs and tasks in, normal forms out: what counts as the same program, what as the same task."""

from __future__ import annotations

import ast
import functools
import hashlib
import re

from codedpo.code.extract import parse
from codedpo.code.syntax import syntax_tree


def normal_form(program: str) -> str:
    """The program without comments, docstrings and layout; the text itself where it does not parse."""
    tree = parse(program)
    if tree is None:
        return program.strip()
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


@functools.lru_cache(maxsize=4096)
def fingerprint(program: str) -> str:
    """A short hash of the normal form: equal for programs that differ in layout, comments or docstrings only."""
    return hashlib.sha256(normal_form(program).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def count_duplicates(programs: tuple[str, ...]) -> int:
    """How many programs equal an earlier one in normal form."""
    return len(programs) - len({fingerprint(program) for program in programs})


def task_fingerprint(text: str, signature: str) -> str:
    """A short hash of a task: equal for tasks that differ in names, capitals, layout or punctuation only."""
    header = syntax_tree(f"{signature.rstrip().rstrip(':')}: pass").body[0]
    assert isinstance(header, ast.FunctionDef)
    arguments = [*header.args.posonlyargs, *header.args.args, *header.args.kwonlyargs]
    types = [ast.unparse(note) if note else "" for note in (*(a.annotation for a in arguments), header.returns)]
    words = " ".join(re.findall(r"[^\W_]+|[-+*/%<>=]", text.replace(header.name, "").casefold()))
    return hashlib.sha256(f"{types}\n{words}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
