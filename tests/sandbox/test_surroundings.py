"""What lies at named paths is told apart by what it is, not by where it is."""

from __future__ import annotations

import os
import venv
from pathlib import Path

from codedpo.sandbox.surroundings import surroundings


def test_packages_that_come_and_change_are_told(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    python = str(tmp_path / "env" / "bin" / "python")
    (packages,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    (packages / "demo-1.0.dist-info").mkdir()
    first = surroundings(python, ())
    assert "demo-1.0" in str(first)
    assert surroundings(python, ()) == first
    (packages / "demo-1.0.dist-info").rename(packages / "demo-1.1.dist-info")
    assert surroundings(python, ()) != first


def test_files_that_change_are_told_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    file = tmp_path / "a" / "b" / "table.csv"
    file.write_text("1,2")
    (tmp_path / "a" / "nowhere").symlink_to(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    first = surroundings("", [str(tmp_path / "a")])
    assert surroundings("", [str(tmp_path / "link")]) == first
    os.utime(file, ns=(0, 0))
    touched = surroundings("", [str(tmp_path / "a")])
    file.rename(tmp_path / "a" / "table.csv")
    assert len({str(found) for found in (first, touched, surroundings("", [str(tmp_path / "a")]))}) == 3


def test_what_is_missing_is_empty(tmp_path: Path) -> None:
    assert surroundings(str(tmp_path / "python"), [str(tmp_path / "data")]) == ["", [[]]]
