"""A training goes on from what was written whole, on a full disk too."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest
from forked import in_fork
from jobs import make_job, make_pair, make_settings, run_job

from codedpo.errors import ModelError
from codedpo.train.checkpoints import last_checkpoint
from codedpo.train.job import TrainJob
from codedpo.train.result import TrainResult
from codedpo.train.trainer import train
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend
SETTINGS = make_settings(steps=6, save_steps=2)
PAIRS = [make_pair(n) for n in range(3)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def whole(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """What an undisturbed training comes to."""
    return run_job(make_job(SETTINGS, tiny, PAIRS, tmp_path_factory.mktemp("whole") / "out"))


def steps_of(job: TrainJob) -> tuple[list[int], TrainResult]:
    """The steps that are still done, and the result."""
    steps: list[int] = []
    result = train(job, on_step=lambda step, _: steps.append(step))
    return steps, result


# The model has 130 kB, the optimiser's state twice that: what cannot be written is the one or the other.
@pytest.mark.parametrize("largest", [100_000, 200_000], ids=["weights", "optimiser"])
def test_a_checkpoint_for_which_there_is_no_space_leaves_the_one_before_it(
    tiny: Path, tmp_path: Path, whole: TrainResult, largest: int
) -> None:
    job = make_job(SETTINGS, tiny, PAIRS, tmp_path / "out")

    def limit(step: int, _: int) -> None:
        if step == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def work() -> None:
        try:
            train(job, on_step=limit)
        except ModelError as error:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            (tmp_path / "error").write_text(str(error))

    assert in_fork(work) == 0
    text = (tmp_path / "error").read_text()
    assert text.startswith("train: checkpoint-4 could not be written (")
    assert "checkpoint-2 is kept. See to it that there is space in" in text
    assert "run the same command again" in text
    assert [path.name for path in (tmp_path / "out" / "0-rpo").glob("checkpoint-*")] == ["checkpoint-2"]
    steps, result = steps_of(job)
    assert steps == [3, 4, 5, 6]
    assert result.final_loss == pytest.approx(whole.final_loss, rel=1e-5)


def test_a_disk_that_is_full_at_the_end_leaves_the_last_checkpoint(
    tiny: Path, tmp_path: Path, whole: TrainResult
) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    size = "size=850k"  # two checkpoints of 410 kB, and no third
    command = ["mount", "-t", "tmpfs", "-o", size, "none", str(mount)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
        pytest.skip("a small file system can only be mounted by root")
    try:
        job = make_job(SETTINGS, tiny, PAIRS, mount / "out")
        with pytest.raises(ModelError, match=r"could not be written \(.*\); checkpoint-\d is kept"):
            train(job, on_step=lambda *_: None)
        assert last_checkpoint(mount / "out" / "0-rpo") is not None
        subprocess.run(["mount", "-o", "remount,size=20m", str(mount)], check=True)
        assert run_job(job).final_loss == pytest.approx(whole.final_loss, rel=1e-5)
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_a_checkpoint_that_is_not_marked_whole_is_never_gone_on_from(
    tiny: Path, tmp_path: Path, whole: TrainResult
) -> None:
    job = make_job(SETTINGS, tiny, PAIRS, tmp_path / "out")

    def kill(step: int, _: int) -> None:
        if step == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_fork(lambda: train(job, on_step=kill)) == -signal.SIGKILL
    part = tmp_path / "out" / "0-rpo"
    assert last_checkpoint(part) == part / "checkpoint-4"
    (part / "checkpoint-4" / "whole").unlink()
    (part / "checkpoint-4" / "optimizer.pt").write_bytes(b"half")
    (part / "checkpoint-99").mkdir()
    assert last_checkpoint(part) == part / "checkpoint-2"
    steps, result = steps_of(job)
    assert steps == [3, 4, 5, 6]
    assert result.final_loss == pytest.approx(whole.final_loss, rel=1e-5)


def test_a_training_that_ended_before_its_result_was_written_takes_no_step_too_many(tiny: Path, tmp_path: Path) -> None:
    settings = make_settings(steps=5, save_steps=2)  # ends within an epoch
    pairs = [make_pair(n) for n in range(3)]
    job = make_job(settings, tiny, pairs, tmp_path / "out")
    part = tmp_path / "out" / "0-rpo"
    part.mkdir(parents=True)
    (part / "final").write_text("in the way")  # so that the model cannot be written
    with pytest.raises(ModelError):
        run_job(job)
    assert last_checkpoint(part) == part / "checkpoint-5"
    (part / "final").unlink()
    steps, result = steps_of(job)
    assert steps == [5]  # from checkpoint-4
    assert result.steps == 5
    whole = run_job(make_job(settings, tiny, pairs, tmp_path / "whole"))
    losses = [[entry["loss"] for entry in found.curves if "loss" in entry] for found in (result, whole)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_two_checkpoints_are_kept_and_none_when_all_is_done(tiny: Path, tmp_path: Path) -> None:
    job = make_job(make_settings(steps=6, save_steps=1), tiny, PAIRS, tmp_path / "out")
    seen: list[list[str]] = []

    def look(_: int, __: int) -> None:
        seen.append(sorted(path.name for path in (tmp_path / "out" / "0-rpo").glob("checkpoint-*")))

    train(job, on_step=look)
    assert seen[-1] == ["checkpoint-4", "checkpoint-5"]
    assert max(map(len, seen)) == 2
    look(0, 0)
    assert seen[-1] == []
