"""Tables and data sets of the hub's form: rows become files, what is missing is named with its place."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codedpo.errors import RecordError
from codedpo.sources import Hub, Table
from codedpo.sources.columns import Columns

ROWS = [{"content": f"x = {number}\n", "repo": "a/b", "license": ["MIT", "ISC"], "path": None} for number in range(600)]
COLUMNS = Columns(repo="repo", licence="license", path="path")
STACK = [
    {
        "content": "x = 1\n",
        "max_stars_repo_name": "anna/tiny",
        "max_stars_repo_head_hexsha": "0f3a",
        "max_stars_repo_path": f"src/{name}.py",
        "max_stars_repo_licenses": ["MIT"],
        "size": 6,
    }
    for name in "abc"
]


def write_json(path: Path, rows: list[dict]) -> str:
    text = "\n".join(map(json.dumps, rows)) + "\n\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.parquet"])
def test_every_row_is_a_file(tmp_path: Path, name: str) -> None:
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / name)
    else:
        write_json(tmp_path / name, ROWS)
    files = list(Table(paths=(str(tmp_path / "t.*"),), columns=COLUMNS).files(tmp_path))
    assert [file.text for file in files] == [row["content"] for row in ROWS]
    assert {(file.source, file.path, file.licence) for file in files} == {("a/b", "", "ISC AND MIT")}


def test_what_a_table_does_not_say_comes_from_the_settings(tmp_path: Path) -> None:
    path = write_json(tmp_path / "mine.jsonl", [{"content": "x = 1\n"}])
    (file,) = Table(paths=(path,), licence="MIT").files(tmp_path)
    assert (file.source, file.licence, file.version) == ("mine", "MIT", "")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"content": ', r"t\.jsonl, row 2: not JSON"),
        ("[1]", r"t\.jsonl, row 2: must be a JSON object"),
        (
            '{"code": "x"}',
            r"t\.jsonl, row 2: there is no column 'content'; it holds code; name the right one under `columns`",
        ),
        ("[" * 100_000, r"t\.jsonl, row 2: not JSON"),
        ('{"content": 3}', r"t\.jsonl, row 2: column 'content' must be text, got 3"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, error: str) -> None:
    (tmp_path / "t.jsonl").write_text(f'{{"content": ""}}\n{line}\n')
    with pytest.raises(RecordError, match=error):
        list(Table(paths=(str(tmp_path / "t.jsonl"),)).files(tmp_path))


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_text("no")
    (tmp_path / "t.jsonl").write_bytes(b"\xff")
    pq.write_table(pa.table({"other": [1]}), tmp_path / "u.parquet")
    for name, error in (
        ("t.parquet", "as Parquet"),
        ("t.jsonl", "as UTF-8 text"),
        ("u.parquet", "no column 'content'"),
    ):
        with pytest.raises(RecordError, match=error):
            list(Table(paths=(str(tmp_path / name),)).files(tmp_path))
    with pytest.raises(RecordError, match=r"seeds\.sources: no file is called '.*/none\*'"):
        list(Table(paths=(str(tmp_path / "none*"),)).files(tmp_path))


def test_a_data_set_of_the_stacks_form_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "stack" / "data" / "python"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(STACK), folder / "train-00000-of-00001.parquet")
    source = Hub(dataset=str(tmp_path / "stack"), data_dir="data/python", rows=2)
    files = list(source.files(tmp_path))
    assert [file.path for file in files] == ["src/a.py", "src/b.py"]
    assert {(file.source, file.version, file.licence) for file in files} == {("anna/tiny", "0f3a", "MIT")}


def test_a_data_set_that_is_not_there_is_named(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    with pytest.raises(RecordError, match=r"seeds\.sources: '.*/none' cannot be read"):
        list(Hub(dataset=str(tmp_path / "none")).files(tmp_path))


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b'\xef\xbb\xbf{"content": "x = 1"}\r\n{"content": "y = 2"}\r\n')
    files = Table(paths=(str(tmp_path / "t.jsonl"),)).files(tmp_path)
    assert [file.text for file in files] == ["x = 1", "y = 2"]


def test_a_file_is_found_by_its_name_even_if_that_is_a_pattern_too(tmp_path: Path) -> None:
    path = write_json(tmp_path / "t[1].jsonl", [{"content": "x = 1"}])
    assert len(list(Table(paths=(path,)).files(tmp_path))) == 1


def test_damaged_files_are_named(tmp_path: Path) -> None:
    write_json(tmp_path / "t.jsonl.gz", ROWS)
    whole = (tmp_path / "t.jsonl.gz").read_bytes()
    (tmp_path / "t.jsonl.gz").write_bytes(whole[:500] + b"\xff" * 100 + whole[600:])
    content = pa.StringArray.from_buffers(1, pa.array([0, 1], pa.int32()).buffers()[1], pa.py_buffer(b"\xff"))
    pq.write_table(pa.table({"content": content}), tmp_path / "t.parquet")
    for name, error in (("t.jsonl.gz", "cannot be read as UTF-8 text"), ("t.parquet", "cannot be read as Parquet")):
        with pytest.raises(RecordError, match=error):
            list(Table(paths=(str(tmp_path / name),)).files(tmp_path))


def test_half_a_surrogate_pair_in_a_row_can_be_written_down(tmp_path: Path) -> None:
    path = write_json(tmp_path / "t.jsonl", [{"content": "x = 1", "path": "\ud800.py", "repo": "", "license": "MIT"}])
    (file,) = Table(paths=(path,), columns=COLUMNS).files(tmp_path)
    assert file.path == "?.py"
