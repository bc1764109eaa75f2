"""Package metadata, licence files and file headers in, SPDX licence expressions out; which of them a list allows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from email.message import Message

LICENCE_FILES = frozenset(
    f"{stem}{suffix}"
    for stem in ("LICENSE", "LICENCE", "COPYING", "UNLICENSE", "License", "license")
    for suffix in ("", ".txt", ".md", ".rst")
)
_IDENTIFIER = re.compile(r"[A-Za-z0-9.+-]+")
_VAGUE = frozenset(("BSD", "APACHE", "GPL", "LGPL", "UNKNOWN", "PROPRIETARY", "PUBLIC", "NONE", "PYTHON", "PSF"))
"""Words that authors write for a licence and that name no single one."""
_TEXTS = (
    ("Apache-2.0", ("Apache License", "Version 2.0")),
    ("MIT", ("Permission is hereby granted, free of charge", "The above copyright notice and this permission notice")),
    ("BSD-3-Clause", ("Redistribution and use in source and binary forms", "endorse or promote products")),
    ("BSD-2-Clause", ("Redistribution and use in source and binary forms", "IN NO EVENT SHALL")),
    ("ISC", ("Permission to use, copy, modify, and/or distribute this software for any purpose", "above copyright")),
    ("0BSD", ("Permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("Unlicense", ("This is free and unencumbered software released into the public domain",)),
    ("PSF-2.0", ("PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2",)),
    ("MPL-2.0", ("Mozilla Public License Version 2.0",)),
    ("LGPL-3.0-only", ("GNU LESSER GENERAL PUBLIC LICENSE", "Version 3")),
    ("AGPL-3.0-only", ("GNU AFFERO GENERAL PUBLIC LICENSE",)),
    ("GPL-3.0-only", ("GNU GENERAL PUBLIC LICENSE", "Version 3")),
    ("GPL-2.0-only", ("GNU GENERAL PUBLIC LICENSE", "Version 2")),
)
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
_INNERMOST = re.compile(r"\(([^()]*)\)")
_OR = re.compile(r"\s+OR\s+", re.IGNORECASE)
_FULFILLED = "+"
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
    """The `SPDX-License-Identifier` in the first lines of a source file, or an empty string."""
    match = _HEADER.search(text[:_HEADER_CHARACTERS]) if "SPDX" in text[:_HEADER_CHARACTERS] else None
    return match["expression"] if match else ""


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
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
    flat = " ".join(text.split())
    return next((name for name, marks in _TEXTS if all(mark in flat for mark in marks)), "")
