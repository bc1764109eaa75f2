"""Package metadata, licence files and file headers in, SPDX licence expressions out; which of them a list allows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from email.message import Message
from functools import lru_cache

LICENCE_FILES = frozenset(
    f"{stem}{suffix}"
    for stem in ("LICENSE", "LICENCE", "COPYING", "UNLICENSE", "License", "license")
    for suffix in ("", ".txt", ".md", ".rst")
)
_IDENTIFIER = re.compile(r"[A-Za-z0-9.+-]+")
_VAGUE = frozenset(("BSD", "APACHE", "GPL", "LGPL", "UNKNOWN", "PROPRIETARY", "PUBLIC", "NONE", "PYTHON", "PSF"))
"""Words that authors write for a licence and that name no single one."""
_BSD = "Redistribution and use in source and binary forms"
_ISC = "Permission to use, copy, modify, and/or distribute this software for any purpose"
_TEXTS = (
    (("Apache-2.0", ("Apache License", "Version 2.0")),),
    (
        (
            "MIT",
            ("Permission is hereby granted, free of charge", "The above copyright notice and this permission notice"),
        ),
    ),
    (("BSD-3-Clause", (_BSD, "endorse or promote products")), ("BSD-2-Clause", (_BSD, "IN NO EVENT SHALL"))),
    (("ISC", (_ISC, "above copyright")), ("0BSD", (_ISC,))),
    (("Unlicense", ("This is free and unencumbered software released into the public domain",)),),
    (("PSF-2.0", ("PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2",)),),
    (("MPL-2.0", ("Mozilla Public License Version 2.0",)),),
    (("LGPL-3.0-only", ("GNU LESSER GENERAL PUBLIC LICENSE", "Version 3")),),
    (("AGPL-3.0-only", ("GNU AFFERO GENERAL PUBLIC LICENSE",)),),
    (
        ("GPL-3.0-only", ("GNU GENERAL PUBLIC LICENSE", "Version 3")),
        ("GPL-2.0-only", ("GNU GENERAL PUBLIC LICENSE", "Version 2")),
    ),
)
"""Families of licences with their marks; of a family the first one is meant."""
_CLASSIFIERS = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "ISC License (ISCL)": "ISC",
    "Zero-Clause BSD (0BSD)": "0BSD",
    "The Unlicense (Unlicense)": "Unlicense",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
}
"""Those that name exactly one licence; `BSD License` and `Apache Software License` do not."""
_HEADER = re.compile(r"^[#\s]*SPDX-License-Identifier:\s*(?P<expression>[A-Za-z0-9.+()\- ]+?)\s*$", re.MULTILINE)
_HEADER_CHARACTERS = 4_000
_NOTICES = (
    ("LicenseRef-AGPL", "gnu affero general public license"),
    ("LicenseRef-LGPL", "gnu lesser general public license"),
    ("LicenseRef-LGPL", "gnu library general public license"),
    ("LicenseRef-GPL", "gnu general public license"),
    ("MPL-2.0", "mozilla public license, v. 2.0"),
    ("Apache-2.0", "licensed under the apache license, version 2.0"),
    ("MIT", "permission is hereby granted, free of charge"),
)
"""What a file's leading comments say where there is no SPDX line; which version of the GPL is not read."""
_LEADING_COMMENTS = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")
_SPEAKS_OF_ONE = re.compile(r"licen[sc]e|hereby granted", re.IGNORECASE)
_INNERMOST = re.compile(r"\(([^()]*)\)")
_OR = re.compile(r"\s+OR\s+", re.IGNORECASE)
_FULFILLED = "\0"
"""Stands for a part in brackets that is fulfilled; no licence has this name."""


def declared_licence(metadata: Message) -> str:
    """What a package's METADATA or PKG-INFO says: its licence expression, its licence name, or a classifier."""
    expression = str(metadata.get("License-Expression") or "").strip()
    name = str(metadata.get("License") or "").strip()
    if expression:
        return expression
    if _IDENTIFIER.fullmatch(name) and name.upper() not in _VAGUE:
        return name
    classifiers = (str(value).rsplit(" :: ", 1)[-1] for value in metadata.get_all("Classifier", []))
    return _joined(_CLASSIFIERS.get(classifier, "") for classifier in classifiers)


def licence_of_texts(texts: Iterable[str]) -> str:
    """The licence that the texts of licence files name; several are joined with AND, since all may apply."""
    return _joined(map(_licence_of_text, texts))


def licence_in_header(text: str) -> str:
    """The `SPDX-License-Identifier` in the first lines of a source file, else the licence that its comments name."""
    header = text[:_HEADER_CHARACTERS]
    expressions = _HEADER.findall(header) if "SPDX" in header else []
    if expressions:
        return expressions[0] if len(expressions) == 1 else " AND ".join(f"({part})" for part in expressions)
    leading = _LEADING_COMMENTS.match(header)
    comments = (
        " ".join(leading[0].replace("#", " ").lower().split()) if leading and _SPEAKS_OF_ONE.search(leading[0]) else ""
    )
    return next((licence for licence, notice in _NOTICES if notice in comments), "")


@lru_cache(maxsize=4096)
def is_allowed(expression: str, allowed: tuple[str, ...]) -> bool:
    """Whether an SPDX expression can be fulfilled with allowed licences: all parts of an AND, one of an OR."""
    known = {name.lower() for name in allowed} | {_FULFILLED}
    while "(" in expression:
        inner, count = _INNERMOST.subn(lambda part: _FULFILLED if _is_fulfilled(part[1], known) else "-", expression)
        if not count:
            return False
        expression = inner
    return _is_fulfilled(expression, known)


def _is_fulfilled(expression: str, known: Collection[str]) -> bool:
    choices = (re.split(r"\s+AND\s+", choice, flags=re.IGNORECASE) for choice in _OR.split(expression))
    return any(all(" ".join(part.split()).lower() in known for part in parts) for parts in choices)


def _joined(licences: Iterable[str]) -> str:
    return " AND ".join(sorted({licence for licence in licences if licence}))


def _licence_of_text(text: str) -> str:
    """One text may hold several licences, of parts that come from elsewhere."""
    flat = " ".join(text.split())
    found = (next((name for name, marks in family if all(mark in flat for mark in marks)), "") for family in _TEXTS)
    return _joined(found)
