"""What lies at named paths is told apart by what it is, not by where it is."""

from __future__ import annotations

import os
import platform
import sys
import venv
from pathlib import Path

import pytest

from codedpo.errors import SandboxError
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


def test_a_link_that_leads_elsewhere_is_told(tmp_path: Path) -> None:
    for name in ("v1", "v2"):
        (tmp_path / name).mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "current").symlink_to(tmp_path / "v1")
    first = surroundings("", [str(tmp_path / "data")])
    (tmp_path / "data" / "current").unlink()
    (tmp_path / "data" / "current").symlink_to(tmp_path / "v2")
    assert surroundings("", [str(tmp_path / "data")]) != first


def test_an_interpreter_that_fails_is_an_error_and_runs_nothing_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SandboxError, match=r"sandbox\.python: /bin/false does not tell its version"):
        surroundings("/bin/false", ())
    (tmp_path / "platform.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "python").symlink_to(sys.executable)
    assert surroundings("./python", ()) == surroundings(str(tmp_path / "python"), ())
    assert platform.python_version() in str(surroundings("./python", ()))
    assert platform.python_version() in str(surroundings(sys.executable, ()))


def test_what_is_missing_is_empty(tmp_path: Path) -> None:
    assert surroundings(str(tmp_path / "python"), [str(tmp_path / "data")]) == ["", [[]]]
