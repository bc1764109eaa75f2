"""Folders give their Python files; git checkouts their commit; every file the nearest licence."""

import os
import subprocess
from pathlib import Path

import pytest

from codedpo.errors import RecordError
from codedpo.sources import Folder, SourceFile

MIT = "Permission is hereby granted, free of charge ... The above copyright notice and this permission notice ..."


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


def read(folder: Path, **settings: str) -> dict[str, SourceFile]:
    return {file.path: file for file in Folder(path=str(folder), **settings).files(folder)}


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_files_come_without_hidden_folders(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"b.py": "", "a/c.py": "", ".venv/d.py": "", "e.txt": ""})
    assert list(read(folder)) == ["b.py", "a/c.py"]
    assert read(folder)["b.py"].source == "mine"
    assert read(folder)["b.py"].version == ""


def test_the_nearest_licence_counts(tmp_path: Path) -> None:
    files = {
        "LICENSE": MIT,
        "a.py": "",
        "x/b.py": "",
        "vendored/LICENSE": "All rights reserved.",
        "vendored/c/d.py": "",
    }
    files["spdx.py"] = "# SPDX-License-Identifier: Apache-2.0\n"
    licences = {path: file.licence for path, file in read(write(tmp_path, files)).items()}
    assert licences == {"a.py": "MIT", "spdx.py": "Apache-2.0", "x/b.py": "MIT", "vendored/c/d.py": ""}


def test_metadata_and_settings_stand_in_for_a_licence_file(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a.py": "", "pyproject.toml": '[project]\nlicense = "ISC"\n'})
    assert read(folder)["a.py"].licence == "ISC"
    (folder / "pyproject.toml").unlink()
    assert read(folder, licence="MIT")["a.py"].licence == "MIT"


def test_a_checkout_gives_its_commit_and_says_when_files_differ(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a.py": "x = 1\n", "sub/b.py": ""})
    git(folder, "init", "-q")
    assert read(folder)["a.py"].version == ""
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    commit = git(folder, "rev-parse", "HEAD")
    assert {file.version for file in read(folder).values()} == {commit}
    assert read(folder / "sub")["b.py"].version == commit
    write(folder, {"notes.txt": ""})
    assert read(folder)["a.py"].version == commit
    write(folder, {"a.py": "x = 2\n"})
    assert read(folder)["a.py"].version == f"{commit}-dirty"


def test_a_checkout_that_git_cannot_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "", ".git": "gitdir: nowhere"})
    with pytest.raises(RecordError, match="git cannot read the checkout .*: .*nowhere"):
        read(tmp_path)


def test_a_declared_encoding_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes("# coding: latin-1\nx = 'é'\n".encode("latin-1"))
    (tmp_path / "b.py").write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    (tmp_path / "c.py").write_bytes(b"x = '\xff'\n")
    files = read(tmp_path)
    assert "é" in files["a.py"].text
    assert files["b.py"].text == "x = 1\n"
    assert files["c.py"].text == "x = '\ufffd'\n"


def checkout(folder: Path) -> str:
    """A git checkout with one commit."""
    write(folder, {"a.py": "x = 1\n"})
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return git(folder, "rev-parse", "HEAD")


def test_a_detached_head_has_a_commit_too(tmp_path: Path) -> None:
    commit = checkout(tmp_path)
    write(tmp_path, {"b.py": ""})
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "two")
    git(tmp_path, "checkout", "-q", "--detach", commit)
    assert read(tmp_path)["a.py"].version == commit


def test_a_checkout_without_any_commit_has_no_version(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": ""})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    assert read(tmp_path)["a.py"].version == ""


def test_without_git_only_a_checkout_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout(tmp_path / "checkout")
    write(tmp_path / "plain", {"a.py": ""})
    monkeypatch.setenv("PATH", "")
    assert read(tmp_path / "plain")["a.py"].version == ""
    with pytest.raises(RecordError, match="git cannot read the checkout .*: .*'git'; .* take its .git away"):
        read(tmp_path / "checkout")


def test_the_repository_of_a_git_hook_is_not_taken_for_the_folders_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = checkout(tmp_path / "one")
    (tmp_path / "two").mkdir()
    write(tmp_path / "two", {"b.py": ""})
    checkout(tmp_path / "two")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "two" / ".git"))
    assert read(tmp_path / "one")["a.py"].version == commit


@pytest.mark.parametrize("codec", ["punycode", "undefined", "rot13", "no-such-codec"])
def test_a_declared_encoding_that_cannot_be_read_is_taken_for_utf8(tmp_path: Path, codec: str) -> None:
    (tmp_path / "a.py").write_bytes(f"# coding: {codec}\nx = 'é\xff'\n".encode())
    assert read(tmp_path)["a.py"].text == f"# coding: {codec}\nx = 'é\xff'\n"


def test_a_file_name_that_is_no_utf8_can_be_written_down(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).write_text("")
    assert list(read(tmp_path)) == ["?.py"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to("/proc/self/mem")
    with pytest.raises(RecordError, match=r"a\.py: cannot be read: .*; make it readable or take it away"):
        read(tmp_path)
