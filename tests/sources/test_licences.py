"""Licences as SPDX expressions: where they are found, and which ones a list allows."""

from email.message import Message

import pytest

from codedpo.sources.licences import declared_licence, is_allowed, licence_in_header, licence_of_texts

MIT = "Permission is hereby granted, free of charge ... The above copyright notice and this permission notice ..."


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-3.0-only", False),
        ("", False),
        ("+", False),
        ("()", False),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("MIT AND ISC", True),
        ("MIT AND (GPL-3.0-only OR ISC)", True),
        ("MIT AND (GPL-3.0-only OR LGPL-3.0-only)", False),
        ("(MIT)", True),
        ("(MIT", False),
        ("MIT OR GPL-3.0-only AND ISC", True),
        ("MIT WITH Some-exception", False),
        ("GPL-2.0-only WITH Class-exception OR ISC", True),
    ],
)
def test_an_expression_must_be_fulfilled(expression: str, allowed: bool) -> None:
    assert is_allowed(expression, ("MIT", "ISC")) is allowed


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ([("License-Expression", "MIT OR ISC"), ("License", "BSD")], "MIT OR ISC"),
        ([("License", "Apache-2.0")], "Apache-2.0"),
        ([("License", "BSD")], ""),
        ([("License", "The MIT licence")], ""),
        ([("Classifier", "License :: OSI Approved :: MIT License"), ("Classifier", "Topic :: Text")], "MIT"),
        ([("Classifier", "License :: OSI Approved :: BSD License")], ""),
    ],
)
def test_metadata_count_where_they_name_one_licence(headers: list[tuple[str, str]], licence: str) -> None:
    metadata = Message()
    for name, value in headers:
        metadata[name] = value
    assert declared_licence(metadata) == licence


def test_several_licence_files_all_apply() -> None:
    texts = [MIT, "Apache License\n Version 2.0, January 2004", "All rights reserved."]
    assert licence_of_texts(texts) == "Apache-2.0 AND MIT"
    assert licence_of_texts(["GNU LESSER GENERAL PUBLIC LICENSE\n Version 3"]) == "LGPL-3.0-only"


def test_a_header_line_names_the_licence_of_a_file() -> None:
    assert licence_in_header("#!/usr/bin/python\n# SPDX-License-Identifier: MIT OR Apache-2.0\n") == "MIT OR Apache-2.0"
    assert licence_in_header("x = 'SPDX-License-Identifier: MIT'\n") == ""


def test_a_file_of_two_licences_falls_under_both() -> None:
    bundle = f"{MIT}\nBundled: GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007\n"
    assert licence_of_texts([bundle]) == "GPL-3.0-only AND MIT"


def test_two_header_lines_apply_both() -> None:
    header = "# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: GPL-2.0-only OR ISC\n"
    assert licence_in_header(header) == "(MIT) AND (GPL-2.0-only OR ISC)"
    assert is_allowed(licence_in_header(header), ("MIT", "ISC"))


@pytest.mark.parametrize(
    ("notice", "licence"),
    [
        ("# ... it under the terms of the GNU General\n#  Public License as published by ...\n", "LicenseRef-GPL"),
        ("# under the GNU Lesser General Public License\n", "LicenseRef-LGPL"),
        ("#!/usr/bin/python\n\n# Licensed under the Apache License, Version 2.0 (the 'License');\n", "Apache-2.0"),
        ("# See the LICENSE file.\n", ""),
        ("x = 1\n# This finds the GNU General Public License.\n", ""),
    ],
)
def test_a_notice_in_the_leading_comments_goes_before_the_folders_licence(notice: str, licence: str) -> None:
    assert licence_in_header(notice) == licence
