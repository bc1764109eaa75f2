"""A function's code in, the same code without secrets and e-mail addresses out, and what was replaced.

Only strings and comments are touched. A private key or a token of a known form, and a string of high entropy that is
assigned to a name, become `SECRET`; an e-mail address becomes `name@example.com`.
"""

from __future__ import annotations

import io
import math
import re
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_EMAIL = re.compile(r"(?<![\w/.+-])[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_EXAMPLE = re.compile(r"@(?:[\w-]+\.)*example\.(?:com|org|net)$")


@dataclass(frozen=True)
class _Form:
    """Secrets of one known form."""

    kind: str
    marks: tuple[str, ...]
    """One of these is in every such secret: looking for them first saves most of the time."""
    pattern: re.Pattern[str]


def _form(kind: str, marks: str, pattern: str) -> _Form:
    return _Form(kind, tuple(marks.split()), re.compile(pattern))


_FORMS = (
    _form(
        "private key", "-----BEGIN", r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----(?s:.*?)(?:-----END [A-Z ]*-----|\Z)"
    ),
    _form("AWS key", "AKIA ASIA ABIA ACCA", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    _form("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
    _form("GitHub token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{50,}"),
    _form("GitLab token", "glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    _form("Slack token", "xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    _form("Google key", "AIza", r"\bAIza[A-Za-z0-9_-]{35}"),
    _form("Stripe key", "k_live_ k_test_", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _form("hub token", "hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    _form("API key", "sk-", r"\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{32,}"),
    _form("package registry token", "pypi-AgE npm_", r"\b(?:pypi-AgE[A-Za-z0-9_-]{50,}|npm_[A-Za-z0-9]{36})"),
    _form("web token", "eyJ", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    _form("password in an address", "://", r"(?<=://)[^\s:/@'\"]{1,64}:[^\s:/@'\"]{3,64}(?=@)"),
)
_STRING = re.compile(r"""(["'])(?=[^"'\s0-9]*[0-9])(?P<value>[A-Za-z0-9+/=_.~-]{8,})\1""")
"""What may be a secret has a digit: looking for it first saves most of the time."""
_ASSIGNED_TO = re.compile(r"""(?P<name>[A-Za-z_]\w*)["']?\]?\s*(?::\s*\w+\s*=|[:=])\s*[bru]{0,2}$""")
_ASSIGNED = re.compile(r"[:=]\s*[bru]{0,2}$")
_BEFORE = 80
"""Characters before a string in which the name that it is assigned to is looked for."""
_AT = re.compile(r"[A-Za-z0-9_%+-]@[A-Za-z0-9-]+\.")
_SECRET_NAME = re.compile(r"secret|token|passw|passphrase|api_?key|access_?key|auth_?key|credential|private_?key", re.I)
_MIN_NAMED_ENTROPY, _MIN_HEX_ENTROPY, _MIN_ENTROPY = 3.0, 3.0, 4.3
"""Bits per character: of a string whose name speaks of a secret, of hexadecimal digits, of any other."""
_MIN_LENGTH = 32
"""Of a string whose name does not speak of a secret."""


@dataclass(frozen=True)
class Redacted:
    """Code and what was replaced in it."""

    code: str
    secrets: tuple[str, ...]
    """Kinds, such as `AWS key`, one entry per place."""
    emails: int


def redact(code: str) -> Redacted:
    """Replace secrets and e-mail addresses; code without any comes back as it is.

    Raises:
        ValueError: something was found, but the code cannot be read as tokens.
    """
    forms = [form for form in _FORMS if any(mark in code for mark in form.marks) and form.pattern.search(code)]
    suspects = list(_suspects(code))
    if not forms and not suspects and not ("@" in code and _AT.search(code)):
        return Redacted(code, (), 0)
    secrets: list[str] = []
    emails: list[str] = []

    def clean(text: str) -> str:
        for form in forms:
            text = form.pattern.sub(_noting(secrets, form.kind, "SECRET"), text)
        for value in suspects:
            text = re.sub(re.escape(value), _noting(secrets, "string of high entropy", "SECRET"), text)
        return _EMAIL.sub(lambda match: _address(match, emails), text)

    return Redacted(_in_text_tokens(code, clean), tuple(secrets), len(emails))


def _suspects(code: str) -> Iterator[str]:
    """The strings of high entropy that are assigned to a name."""
    for string in _STRING.finditer(code):
        before = code[max(0, string.start() - _BEFORE) : string.start()]
        name = _ASSIGNED_TO.search(before) if _ASSIGNED.search(before) else None
        if name is not None and _is_secret(name["name"], string["value"]):
            yield string["value"]


def _noting(found: list[str], kind: str, replacement: str) -> Callable[[re.Match[str]], str]:
    def replace(_: re.Match[str]) -> str:
        found.append(kind)
        return replacement

    return replace


def _address(match: re.Match[str], emails: list[str]) -> str:
    if _EXAMPLE.search(match[0]):
        return match[0]
    emails.append(match[0])
    return "name@example.com"


def _is_secret(name: str, value: str) -> bool:
    if len(set(value)) == len(value) or "://" in value:  # an alphabet
        return False
    if _SECRET_NAME.search(name):
        return entropy(value) >= _MIN_NAMED_ENTROPY and any(c.isdigit() for c in value)
    if len(value) < _MIN_LENGTH or not (any(c.isdigit() for c in value) and any(c.isalpha() for c in value)):
        return False
    hexadecimal = re.fullmatch(r"[0-9a-fA-F]+", value) is not None
    return entropy(value) >= (_MIN_HEX_ENTROPY if hexadecimal else _MIN_ENTROPY)


def entropy(text: str) -> float:
    """Shannon entropy of the characters, in bits per character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def _in_text_tokens(code: str, clean: Callable[[str], str]) -> str:
    """The code with `clean` applied to its strings and comments."""
    lines = code.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    parts: list[str] = []
    end = 0
    kinds = (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type in kinds:
                start, stop = (starts[row - 1] + column for row, column in (token.start, token.end))
                parts += [code[end:start], clean(code[start:stop])]
                end = stop
    except (tokenize.TokenError, SyntaxError) as error:
        raise ValueError(f"the code cannot be read as tokens: {error}") from error
    return "".join([*parts, code[end:]])
