"""Who makes the shards changes nothing but measured columns; a worker that dies loses only its shard in flight."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from odd_stages import Asks, Breaks, Dies, Sleeps

from codedpo.config import make_config
from codedpo.context import Dropped
from codedpo.errors import ConfigError, LLMError, RecordError
from codedpo.executors.local import LocalExecutor
from codedpo.executors.ray import RayExecutor
from codedpo.executors.worker import Share, WorkerTools
from codedpo.job import run
from codedpo.pipeline import STAGE_NAMES
from codedpo.places import Place
from codedpo.progress import Silent
from codedpo.sandbox import SandboxSettings
from codedpo.shards import Made, Shard, Work
from codedpo.store import read_records, write_records
from comparing import drops, rows
from conftest import run_settings, write_source
from killing import descendants
from loopback import LoopbackLLM


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, LoopbackLLM]]:
    """A run whose shards the driver made itself, its source and its server; one row a shard."""
    folder = tmp_path_factory.mktemp("local")
    source = write_source(folder / "source")
    with LoopbackLLM() as server:
        run(make_config({**run_settings(folder / "run", source, server.base_url), "shard_size": 1}))
        yield folder / "run", source, server


class KillsWorker(Silent):
    """Kills a process that makes shards, once, when the first shard of executions is there."""

    def __init__(self, words: bytes):
        self.words, self.killed = words, 0

    def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
        if step != "executions" or self.killed:
            return
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError):
                if self.words in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "):
                    os.kill(pid, signal.SIGKILL)
                    self.killed = pid
                    return


def assert_same_rows(folder: Place, expected: Place) -> None:
    for stage in STAGE_NAMES:
        assert rows(folder, stage) == rows(expected, stage), stage
    assert drops(folder) == drops(expected)


def settings_like(local: tuple[Path, Path, LoopbackLLM], folder: Path, executor: dict[str, Any]) -> dict[str, Any]:
    _, source, server = local
    return {**run_settings(folder, source, server.base_url), "shard_size": 1, "executor": executor}


def test_processes_make_the_same_rows_though_one_is_killed(local: Any, tmp_path: Path) -> None:
    observer = KillsWorker(b"codedpo.executors.worker")
    run(make_config(settings_like(local, tmp_path / "run", {"processes": 2})), observer=observer)
    assert observer.killed
    assert_same_rows(tmp_path / "run", local[0])
    assert not [
        pid
        for pid in descendants(os.getpid())
        if b"codedpo.executors.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


@pytest.mark.timeout(200)
@pytest.mark.filterwarnings("ignore")
def test_ray_makes_the_same_rows_though_a_worker_is_killed(local: Any, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    observer = KillsWorker(b"ray::codedpo")
    executor = {"kind": "ray", "workers": 2}
    run(make_config(settings_like(local, tmp_path / "run", executor)), observer=observer)
    assert observer.killed
    assert_same_rows(tmp_path / "run", local[0])


def make_with_process(folder: Path, stage: Any) -> Made:
    """Make one shard of this stage in a process of its own."""
    (folder / "deaths").mkdir()
    above, shard = Shard("a", folder / "above.parquet"), Shard("b", folder / "below.parquet")
    write_records(above.path, Dropped, [Dropped("seeds", "row", "1", "too short", "")])
    work = Work(stage, Dropped, above, shard, 0, folder)
    tools = WorkerTools(Share(SandboxSettings(), 1))  # not used: the process has its own
    with LocalExecutor(processes=1).open(SandboxSettings(), 1, tools) as executor:
        return executor.submit(work, lambda **_: None).result()


def test_a_process_that_dies_in_a_shard_is_replaced_and_the_shard_made_again(tmp_path: Path) -> None:
    made = make_with_process(tmp_path, Dies(str(tmp_path / "deaths"), times=2))
    assert made == Made(read=1, rows=1, dropped=0)
    assert len(list((tmp_path / "deaths").iterdir())) == 2
    assert read_records(tmp_path / "below.parquet", Dropped)[0].reason == "too short"
    assert not (tmp_path / "deaths" / str(os.getpid())).exists()


def test_a_shard_that_kills_each_process_ends_the_run_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"below\.parquet: the process that made it died 3 times"):
        make_with_process(tmp_path, Dies(str(tmp_path / "deaths"), times=9))
    assert not (tmp_path / "below.parquet").exists()


def test_busy_processes_are_all_ended_when_the_run_stops(tmp_path: Path) -> None:
    (tmp_path / "deaths").mkdir()
    tools = WorkerTools(Share(SandboxSettings(), 1))
    above = Shard("a", tmp_path / "above.parquet")
    write_records(above.path, Dropped, [])
    works = [
        Work(
            Sleeps(str(tmp_path / "deaths"), times=0),
            Dropped,
            above,
            Shard("b", tmp_path / f"{n}.parquet"),
            0,
            tmp_path,
        )
        for n in range(3)
    ]
    with LocalExecutor(processes=3).open(SandboxSettings(), 3, tools) as executor:
        made = [executor.submit(work, lambda **_: None) for work in works]
        while len(list((tmp_path / "deaths").iterdir())) < 3:
            time.sleep(0.05)
        executor.close(wait=False)
    for future in made:
        with pytest.raises(RecordError, match="was not made, since the run stopped"):
            future.result(10)
    for path in (tmp_path / "deaths").iterdir():
        assert not Path(f"/proc/{path.name}").exists()


@pytest.mark.timeout(200)
@pytest.mark.filterwarnings("ignore")
def test_a_ray_worker_that_dies_in_a_shard_is_replaced_and_the_shard_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its task runs a second and a third time; the run folder is a relative path."""
    pytest.importorskip("ray")
    (tmp_path / "deaths").mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)]))
    monkeypatch.chdir(tmp_path)
    above, shard = Shard("a", Path("above.parquet")), Shard("b", Path("below.parquet"))
    write_records(above.path, Dropped, [Dropped("seeds", "row", "1", "too short", "")])
    work = Work(Dies(str(tmp_path / "deaths"), times=2), Dropped, above, shard, 0, Path("cache"))
    tools = WorkerTools(Share(SandboxSettings(), 1))
    with RayExecutor(workers=1).open(SandboxSettings(), 1, tools) as executor:
        assert executor.submit(work, lambda **_: None).result() == Made(read=1, rows=1, dropped=0)
    assert len(list((tmp_path / "deaths").iterdir())) == 2
    assert read_records(tmp_path / "below.parquet", Dropped)[0].reason == "too short"


def test_a_mistake_in_a_stage_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(
        RecordError, match=r"(?s)below\.parquet: dies failed:.*odd_stages\.py.*ZeroDivisionError: as planned"
    ):
        make_with_process(tmp_path, Breaks(str(tmp_path / "deaths"), times=0))


def test_a_process_has_no_llm(tmp_path: Path) -> None:
    with pytest.raises(LLMError, match="must declare NEEDS = 'llm'"):
        make_with_process(tmp_path, Asks(str(tmp_path / "deaths"), times=0))


def test_processes_claim_different_cores() -> None:
    code = (
        "import os, sys\nfrom codedpo.executors.worker import claim_cores\n"
        "claim_cores(1)\nprint(sorted(os.sched_getaffinity(0)), flush=True)\nsys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", code], **pipes) for _ in range(2)]
    found = [json.loads(process.stdout.readline()) for process in processes]
    for process in processes:
        process.communicate()
    cores = sorted(os.sched_getaffinity(0))
    single = [mine[0] for mine in found if len(mine) == 1]
    assert len(set(single)) == len(single)  # one that found none free keeps them all
    assert all(set(mine) <= set(cores) for mine in found)


def test_ray_without_a_cluster_at_the_address_is_an_error() -> None:
    pytest.importorskip("ray")
    tools = WorkerTools(Share(SandboxSettings(), 1))
    with (
        pytest.raises(ConfigError, match=r"executor\.address: no Ray cluster at '127\.0\.0\.1:1'"),
        RayExecutor(address="127.0.0.1:1").open(SandboxSettings(), 1, tools),
    ):
        pass
