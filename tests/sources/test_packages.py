"""Packages are fetched through pip as data: from a folder of hand-made archives, without an index."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from codedpo.errors import RecordError
from codedpo.packages import fetch_source_archive
from codedpo.sources import Packages

METADATA = "Metadata-Version: 2.1\nName: Tiny\nVersion: 1.2\nLicense-Expression: MIT\n"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip takes for its index, in this test."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def write_wheel(folder: Path) -> None:
    with zipfile.ZipFile(folder / "tiny-1.2-py3-none-any.whl", "w") as archive:
        archive.writestr("tiny/a.py", "x = 1\r\n")
        archive.writestr("tiny-1.2.dist-info/METADATA", METADATA)
        archive.writestr("tiny-1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.2.dist-info/RECORD", "")


def write_source_archive(folder: Path, witness: Path) -> None:
    files = {
        "PKG-INFO": METADATA,
        "setup.py": f"open({str(witness)!r}, 'w').close()\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "setup"\nbackend-path = ["."]\n',
        "src/tiny/a.py": "y = 2\n",
        "src/tiny/b.py": "# SPDX-License-Identifier: ISC\nz = 3\n",
    }
    with tarfile.open(folder / "tiny-1.2.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"tiny-1.2/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))


def test_a_wheel_is_read_with_version_and_licence(index: Path, tmp_path: Path) -> None:
    write_wheel(index)
    (file,) = Packages(names=("tiny==1.2",)).files(tmp_path / "cache")
    assert (file.source, file.version, file.path, file.licence) == ("Tiny", "1.2", "tiny/a.py", "MIT")
    assert file.text == "x = 1\n"


@pytest.mark.parametrize("archive", ["any", "source"])
def test_a_source_archive_is_read_and_nothing_in_it_runs(index: Path, tmp_path: Path, archive: str) -> None:
    write_source_archive(index, tmp_path / "witness")
    files = list(Packages(names=("tiny",), archive=archive).files(tmp_path / "cache"))  # pyright: ignore
    assert [(file.path, file.version, file.licence) for file in files] == [
        ("setup.py", "1.2", "MIT"),
        ("src/tiny/a.py", "1.2", "MIT"),
        ("src/tiny/b.py", "1.2", "ISC"),
    ]
    assert not (tmp_path / "witness").exists()


def test_an_archive_that_is_there_is_not_fetched_again(index: Path, tmp_path: Path) -> None:
    write_source_archive(index, tmp_path / "witness")
    first = fetch_source_archive("tiny==1.2", tmp_path / "cache")
    (index / "tiny-1.2.tar.gz").unlink()
    assert fetch_source_archive("Tiny==1.2", tmp_path / "cache") == first


def test_an_archive_that_is_neither_is_named(index: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"pip could not download 'tiny==9': .*; .* no source archive of tiny==9"):
        list(Packages(names=("tiny==9",)).files(tmp_path / "cache"))


def test_a_broken_archive_is_named(index: Path, tmp_path: Path) -> None:
    (index / "tiny-1.2.tar.gz").write_bytes(b"no archive")
    with pytest.raises(RecordError, match=r"tiny-1\.2\.tar\.gz: cannot be read as an archive"):
        list(Packages(names=("tiny",), archive="source").files(tmp_path / "cache"))


def test_an_archive_without_metadata_is_named(index: Path, tmp_path: Path) -> None:
    with tarfile.open(index / "tiny-1.2.tar.gz", "w:gz"):
        pass
    with pytest.raises(RecordError, match="holds no PKG-INFO or METADATA"):
        list(Packages(names=("tiny",), archive="source").files(tmp_path / "cache"))


@pytest.mark.network
@pytest.mark.parametrize("archive", ["wheel", "source"])
def test_a_real_package_is_fetched_as_data(tmp_path: Path, archive: str) -> None:
    files = list(Packages(names=("toolz==1.2.0",), archive=archive).files(tmp_path))  # pyright: ignore
    assert {(file.source, file.version, file.licence) for file in files} == {("toolz", "1.2.0", "BSD-3-Clause")}
    assert any(file.path == "toolz/itertoolz.py" for file in files)
