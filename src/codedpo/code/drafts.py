"""A model's answer in, a task draft out: three labelled lines, checked by rule."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from dataclasses import dataclass

from codedpo.code.extract import parse

_LABEL = r"^[\s#>*`-]*{}[\s*`]*:[\s*`]*"
_PARTS = re.compile(
    _LABEL.format("TASK") + r"(?P<text>.+?)" + _LABEL.format("SIGNATURE") + r"(?:```\w*\s*)?(?P<signature>def [^\n]+)"
    r"(?:.*?" + _LABEL.format("EXAMPLE") + r"(?P<example>[^\n]+))?",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
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
    """A task as the model wrote it."""

    text: str
    signature: str
    entry_point: str
    example: str


def parse_concepts(answer: str) -> tuple[str, ...]:
    """The concepts of an answer, at most four short phrases."""
    phrases = (part.strip(" \t-*0123456789.`\"'") for part in re.split(r"[;\n]", answer))
    return tuple(dict.fromkeys(phrase for phrase in phrases if 0 < len(phrase.split()) <= 14))[:4]


def parse_draft(answer: str) -> Draft | str:
    """The draft in an answer, or the reason why it is none."""
    match = _PARTS.search(answer)
    if match is None:
        return "a labelled part is missing"
    text = " ".join(match["text"].split()).strip("*` ")
    signature = match["signature"].strip().strip("`").strip()
    example = (match["example"] or "").strip("`* ")
    function = _signature(signature)
    if function is None:
        return "signature does not parse"
    reason = _signature_problem(function) or _text_problem(text)
    if reason is not None:
        return reason
    if not _uses(example, function.name):
        return "example does not call the function"
    header = ast.unparse(function).splitlines()[0].removesuffix(" pass")
    return Draft(text=text, signature=header, entry_point=function.name, example=example)


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


def signature_name(line: str) -> str | None:
    """The function's name in a signature line, or None where the line is none."""
    function = _signature(line)
    return function.name if function else None
