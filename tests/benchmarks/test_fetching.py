"""Benchmark files by their address: fetched once from a real server, kept, and named where they cannot be had."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codedpo.benchmarks.fetching import with_local_files
from codedpo.errors import RecordError


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "data.jsonl").write_text("one\ntwo\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/data.jsonl"
        server.shutdown()


def test_a_file_is_fetched_once_and_other_fields_stay(address: str, tmp_path: Path) -> None:
    options = {"a": {"path": address, "compatible": True}, "b": {"path": "local.jsonl"}, "c": {"every": 2}}
    found = with_local_files(options, tmp_path / "cache")
    assert (found["a"]["compatible"], found["b"], found["c"]) == (True, {"path": "local.jsonl"}, {"every": 2})
    file = Path(found["a"]["path"])
    assert (file.name, file.read_text()) == ("data.jsonl", "one\ntwo\n")
    (tmp_path / "published" / "data.jsonl").unlink()
    assert with_local_files(options, tmp_path / "cache") == found


@pytest.mark.parametrize("wrong", ["{address}x", "nonsense://x/y"])
def test_what_cannot_be_fetched_is_named(wrong: str, address: str, tmp_path: Path) -> None:
    url = wrong.format(address=address)
    with pytest.raises(RecordError, match=r"benchmarks\.a\.path: .* cannot be read: .*name a local file"):
        with_local_files({"a": {"path": url}}, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
