"""A model's answer in, a task draft out: three labelled lines, checked by rule."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from dataclasses import dataclass

from codedpo.code.extract import parse, without_reasoning

_LABEL = r"^[\s#>*`-]*(?:{})[\s*`]*:[\s*]*(?:```\w*\s+|`)?"
_PARTS = re.compile(
    _LABEL.format("TASK|TASK DESCRIPTION|PROBLEM|DESCRIPTION")
    + r"(?P<text>.+?)"
    + _LABEL.format("SIGNATURE|FUNCTION SIGNATURE")
    + r"(?P<signature>(?:def )?\w+ ?\([^\n]+)"
    + r"(?:.*?"
    + _LABEL.format("EXAMPLES?")
    + r"(?P<example>[^\n]+(?:\n[^\n]+)?))?",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_ARROW = re.compile(r"\s*(?:->|=>|==>|→|#|\breturns\b|\bgives\b|(?<![=!<>])=(?!=)|\n)\s*")
_PLAIN_TYPES = frozenset(
    ("int", "float", "bool", "str", "bytes", "list", "tuple", "dict", "set", "frozenset", "None", "Any")
    + ("List", "Tuple", "Dict", "Set", "Optional", "Union", "Sequence", "Iterable")
)
_UNSUITED = re.compile(
    r"\b(random(ly)?|shuffle|print(s|ed|ing)?|files?|url|database|class|generator|iterator|coroutine"
    r"|current (time|date))\b",
    re.IGNORECASE,
)
_MIN_WORDS, _MAX_WORDS, _MAX_EQUAL_SENTENCES = 8, 160, 1


@dataclass(frozen=True)
class Draft:
    """A task as the model wrote it, and the rules that were needed to read it."""

    text: str
    signature: str
    entry_point: str
    example: str
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Part:
    """A part of a draft as it should stand, and the rule that was needed, or an empty text."""

    text: str
    repair: str = ""


def parse_concepts(answer: str, *, cut: bool = False) -> tuple[str, ...]:
    """The concepts of an answer, at most four short phrases.

    Args:
        cut: the answer ended at the token limit: its last phrase is left out.
    """
    said = re.sub(r"^\W*concepts\W*:", "", without_reasoning(answer).strip(), flags=re.IGNORECASE)
    phrases = [part.strip(" \t-*0123456789.`\"'") for part in re.split(r"[;\n]", said)]
    phrases = phrases[:-1] if cut else phrases
    return tuple(dict.fromkeys(p for p in phrases if 0 < len(p.split()) <= 14 and not p.endswith(":")))[:4]


def parse_draft(answer: str, *, cut: bool = False) -> Draft | str:
    """The draft in an answer, or the reason why it is none.

    Args:
        cut: the answer ended at the token limit: its last line is left out.
    """
    said = without_reasoning(answer)
    kept = said[: said.rfind("\n") + 1] if cut and not said.endswith("\n") else said
    match = _PARTS.search(kept)
    if match is None:
        return "a labelled part is missing"
    text = " ".join(match["text"].split()).strip("*` ")
    header = _plain_header(match["signature"].strip().strip("`").strip())
    function = _signature(header.text)
    if function is None:
        return "signature does not parse"
    reason = _signature_problem(function) or _text_problem(text)
    if reason is not None:
        return reason
    example = _plain_example(match["example"] or "", function.name)
    if example is None:
        return "example does not call the function"
    repairs = (
        "reasoning stripped" if said != answer else "",
        "unfinished last line dropped" if kept != said else "",
        header.repair,
        example.repair,
    )
    header_line = ast.unparse(function).splitlines()[0].removesuffix(" pass")
    return Draft(text, header_line, function.name, example.text, tuple(name for name in repairs if name))


def _plain_header(line: str) -> _Part:
    """The header with its `def`, without a body on the same line."""
    if not line.startswith("def "):
        return _Part(f"def {line}", "def added to the signature")
    tree = parse(line)
    if tree is not None and len(tree.body) == 1 and isinstance(tree.body[0], ast.FunctionDef):
        function = tree.body[0]
        function.body = [ast.Pass()]
        return _Part(ast.unparse(function).splitlines()[0], "body cut from the signature")
    return _Part(line)


def _plain_example(lines: str, name: str) -> _Part | None:
    """The example as `call == value`; `f(1) -> 2`, `assert f(1) == 2` and a doctest are read as such."""
    text = lines.strip("`* \n").removeprefix(">>> ").removeprefix("assert ")
    first = text.split("\n")[0].strip("`* ")
    if _is_comparison(first, name):
        return _Part(first, "" if lines.strip("`* ").startswith(first) else "example rewritten as a comparison")
    for match in _ARROW.finditer(text):
        call, value = text[: match.start()].strip("` "), text[match.end() :].split("\n")[0].strip("`* ")
        if _uses(call, name) and _is_literal(value):
            return _Part(f"{call} == {value}", "example rewritten as a comparison")
    return _Part(first) if _uses(first, name) else None


def _is_comparison(text: str, name: str) -> bool:
    tree = parse(text)
    return _uses(text, name) and tree is not None and isinstance(getattr(tree.body[0], "value", None), ast.Compare)


def _is_literal(text: str) -> bool:
    tree = parse(text)
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return False
    try:
        ast.literal_eval(tree.body[0].value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _signature(line: str) -> ast.FunctionDef | None:
    tree = parse(f"{line.rstrip().rstrip(':')}: pass")
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        return None
    return tree.body[0]


def _signature_problem(function: ast.FunctionDef) -> str | None:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    if function.args.vararg or function.args.kwarg or not arguments:
        return "signature without plain arguments"
    names = [function.name, *(argument.arg for argument in arguments)]
    if any(name in dir(builtins) or keyword.issoftkeyword(name) for name in names):
        return "signature shadows a builtin"
    if function.name in ("name", "function", "function_name", "func", "solution"):
        return "signature without a name of its own"
    annotations = [argument.annotation for argument in arguments] + [function.returns]
    if any(annotation is None for annotation in annotations):
        return "signature without types"
    used = {part.id for note in annotations if note for part in ast.walk(note) if isinstance(part, ast.Name)}
    if not used <= _PLAIN_TYPES or any(
        isinstance(p, ast.BoolOp) for note in annotations if note for p in ast.walk(note)
    ):
        return "types that are not plain values"
    if isinstance(function.returns, ast.Constant) and function.returns.value is None:
        return "function returns nothing"
    return None


def _text_problem(text: str) -> str | None:
    words = text.split()
    if not _MIN_WORDS <= len(words) <= _MAX_WORDS:
        return "text too short" if len(words) < _MIN_WORDS else "text too long"
    if "def " in text or "```" in text or ("return " in text and ":\n" in text):
        return "an implementation in the text"
    if _UNSUITED.search(text):
        return "text asks for something that no test can check"
    sentences = [sentence.strip() for sentence in text.split(". ") if sentence.strip()]
    if len(sentences) - len(set(sentences)) > _MAX_EQUAL_SENTENCES:
        return "text repeats itself"
    return None


def _uses(example: str, name: str) -> bool:
    tree = parse(example)
    return tree is not None and any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(tree)
    )


def header_problem(line: str) -> str | None:
    """Why a signature line is not one of plain, typed arguments with a result, or None."""
    function = _signature(line)
    return "signature does not parse" if function is None else _signature_problem(function)


def signature_name(line: str) -> str | None:
    """The function's name in a signature line, or None where the line is none."""
    function = _signature(line)
    return function.name if function else None
