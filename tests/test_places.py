"""A run folder may be a URL: the same rows, nothing done twice, nothing half written."""

from __future__ import annotations

import gc
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codedpo.config import make_config
from codedpo.errors import ConfigError, RecordError
from codedpo.job import run
from codedpo.pipeline import STAGE_NAMES
from codedpo.places import Place, Remote, modified, names_in, place, whole_file
from codedpo.records import Seed
from codedpo.show import open_run, task_lines, task_page
from codedpo.store import count_rows, read_records, write_records, write_text
from comparing import drops, rows
from conftest import run_settings, write_source
from loopback import LoopbackLLM

SEED = Seed("s", "f", "def f(): ...", "doc", "pkg", "1.0", "a.py", 3, "MIT")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, LoopbackLLM]]:
    """A run on disk, its source and its server."""
    folder = tmp_path_factory.mktemp("local")
    source = write_source(folder / "source")
    with LoopbackLLM() as server:
        run(make_config(run_settings(folder / "run", source, server.base_url)))
        yield folder / "run", source, server


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a real S3 protocol server on loopback."""
    s3fs, moto = pytest.importorskip("s3fs"), pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("FSSPEC_S3_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    import fsspec.config

    monkeypatch.setattr(fsspec.config, "conf", {})
    fsspec.config.set_conf_env(fsspec.config.conf)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().makedirs("bucket", exist_ok=True)
    yield "s3://bucket"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def assert_same_rows(folder: Place, expected: Place) -> None:
    for stage in STAGE_NAMES:
        assert rows(folder, stage) == rows(expected, stage), stage
    assert drops(folder) == drops(expected)


def settings_at(local: Any, address: str, folder: Path, **more: Any) -> dict[str, Any]:
    _, source, server = local
    return {**run_settings(folder, source, server.base_url), "run_folder": address, **more}


def test_a_run_in_memory_has_the_same_rows_and_does_nothing_twice(local: Any, tmp_path: Path) -> None:
    settings = make_config(settings_at(local, "memory://one/run", tmp_path / "run"))
    result = run(settings)
    assert str(result.report) == "memory://one/run/report.html"
    assert_same_rows(result.folder, local[0])
    asked = len(local[2].requests)
    assert run(settings).rows == result.rows
    assert len(local[2].requests) == asked


@pytest.mark.filterwarnings("ignore")
def test_a_run_in_a_bucket_has_the_same_rows_and_does_nothing_twice(local: Any, bucket: str, tmp_path: Path) -> None:
    settings = settings_at(local, f"{bucket}/run", tmp_path / "run", executor={"processes": 1})
    result = run(make_config(settings))
    assert_same_rows(result.folder, local[0])
    asked = len(local[2].requests)
    assert run(make_config(settings)).rows == result.rows
    assert len(local[2].requests) == asked
    assert {"config.yaml", "manifest.json", "report.html", "dropped.parquet"} <= names_in(place(f"{bucket}/run"))
    *_, task, total = task_lines(open_run(f"{bucket}/run"))
    assert total.startswith(f"{len(rows(local[0], 'tasks'))} tasks; ")
    assert "-- Prompt" in "\n".join(str(line) for line in task_page(open_run(f"{bucket}/run"), task.split()[1], 80))


@pytest.mark.filterwarnings("ignore")
def test_every_place_tells_when_a_file_was_written(bucket: str, tmp_path: Path) -> None:
    for folder in (tmp_path, place("memory://when"), place(f"{bucket}/when")):
        write_text(folder / "a.txt", "a")
        assert abs(modified(folder / "a.txt") - time.time()) < 3600  # seconds since 1970, in UTC


@pytest.mark.filterwarnings("ignore")
def test_a_bucket_that_is_not_there_is_an_error(local: Any, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run_folder: cannot write to s3://none/run: .*check the address"):
        run(make_config(settings_at(local, "s3://none/run", tmp_path / "run")))


def test_a_protocol_that_nobody_knows_is_an_error(local: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run_folder: nowhere://run.* cannot be used here"):
        run(make_config(settings_at(local, "nowhere://run", tmp_path / "run")))


def test_what_needs_a_file_system_stays_here(local: Any, tmp_path: Path) -> None:
    settings = settings_at(local, "memory://two/run", tmp_path / "run", local_folder=str(tmp_path / "here"))
    run(make_config(settings), until="tasks")
    assert {path.name for path in (tmp_path / "here").iterdir()} >= {"run.lock", "run.log", "llm_cache"}


@pytest.mark.parametrize("where", ["memory://three", "disk"])
def test_a_failed_write_leaves_what_was_there(where: str, tmp_path: Path) -> None:
    folder = tmp_path if where == "disk" else place(where)
    write_text(folder / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), whole_file(folder / "a.txt") as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert (folder / "a.txt").read_text() == "old"
    assert names_in(folder) == {"a.txt"}
    assert names_in(folder / "none") == set()


class BreaksOff(io.BytesIO):
    """A file of 40 MB of which the second half cannot be read."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= 20_000_000:
            raise KeyboardInterrupt
        return super().read(size)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_put_that_breaks_off_leaves_what_was_there(before: bytes | None, bucket: str) -> None:
    target = place(f"{bucket}/{before}") / "a b+ü%41#x?.bin"
    assert isinstance(target, Remote)
    if before is not None:
        target.put(io.BytesIO(before))
    with pytest.raises(KeyboardInterrupt):
        target.put(BreaksOff(bytes(40_000_000)))
    gc.collect()
    assert target.exists() == (before is not None)
    assert names_in(place(target.url.rpartition("/")[0])) == ({target.name} if before else set())
    whole = bytes(range(256)) * 160_000
    target.put(io.BytesIO(whole))
    assert target.read_bytes() == whole


def test_records_in_memory_come_back() -> None:
    target = place("memory://four/a.parquet")
    assert write_records(target, Seed, [SEED] * 3) == count_rows(target) == 3
    assert read_records(target, Seed) == [SEED] * 3
    with pytest.raises(RecordError, match="memory://four/b.parquet: cannot be read as Parquet"):
        read_records(place("memory://four/b.parquet"), Seed)


def test_a_remote_path_reads_like_a_path() -> None:
    path = place("s3://bucket/run/") / "seeds" / "00000-a.parquet"
    assert isinstance(path, Remote)
    assert (str(path), path.name) == ("s3://bucket/run/seeds/00000-a.parquet", "00000-a.parquet")
    assert str(path.with_suffix(".dropped.parquet")) == "s3://bucket/run/seeds/00000-a.dropped.parquet"
