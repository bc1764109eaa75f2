"""The command as a user meets it: exit codes, error texts, dry runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from codedpo.cli import _load_measured
from conftest import run_settings
from loopback import LoopbackLLM


def codedpo(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "codedpo", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def settings(tmp_path: Path, source_folder: Path, loopback: LoopbackLLM) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(run_settings(tmp_path / "run", source_folder, loopback.base_url)))
    return path


def test_a_run_ends_with_0_and_names_what_it_made(settings: Path) -> None:
    result = codedpo("run", "-c", str(settings), cwd=settings.parent)
    assert result.returncode == 0, result.stderr
    last = result.stdout.strip().splitlines()[-1]
    assert f"run {settings.parent / 'run'}" in last
    assert "report.html" in last
    assert "pairs" in last
    assert "pass@1 not measured" in last
    assert (settings.parent / "run" / "report.html").read_text().startswith("<!doctype html>")
    assert {"config.yaml", "manifest.json", "dropped.parquet", "run.log", "llm_cache"} <= set(
        os.listdir(settings.parent / "run")
    )


def test_until_and_limit_stop_early(settings: Path) -> None:
    result = codedpo("data", "-c", str(settings), "--until", "tasks", "--limit", "3", cwd=settings.parent)
    assert result.returncode == 0, result.stderr
    assert "seeds 3  tasks 3" in result.stdout
    assert not (settings.parent / "run" / "samples").exists()


def test_a_dry_run_prints_the_plan_and_writes_nothing(settings: Path) -> None:
    result = codedpo("run", "-c", str(settings), "--dry-run", "--limit", "10", cwd=settings.parent)
    assert result.returncode == 0, result.stderr
    assert "about 20 requests" in result.stdout
    assert "tokens" in result.stdout
    assert not (settings.parent / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["run"], 2, "Missing option"),
        (["walk"], 2, "No such command"),
        (["run", "-c", "none.yaml"], 2, "none.yaml: cannot be read"),
        (["run", "-c", "a.yaml", "sampels.n_tests=1"], 2, "sampels: unknown key; did you mean 'samples'?"),
        (["run", "-c", "a.yaml", "--until", "pears"], 2, "'pears' is not a stage; did you mean 'pairs'?"),
        (
            ["run", "-c", "a.yaml", "seeds.sources=[]"],
            1,
            "seeds: no sources; name some under seeds.sources",
        ),
        (
            ["run", "-c", "a.yaml", "seeds.sources=[{kind: folder, path: nowhere}]"],
            1,
            "seeds.sources: 'nowhere' is not a folder",
        ),
        (
            ["run", "-c", "a.yaml", "seeds.min_lines=50"],
            1,
            "seeds: no rows are left, so there is nothing to go on with (10 x too short)",
        ),
        (["run", "-c", "a.yaml", "llm.base_url=http://127.0.0.1:9/v1"], 1, "http://127.0.0.1:9/v1: no connection"),
        (["run", "-c", "a.yaml", "tasks.path=none.jsonl"], 1, "none.jsonl: cannot be read"),
        (["run", "-c", "a.yaml", "run_folder=/proc/nowhere"], 2, "run_folder: cannot write to /proc/nowhere"),
        (["init", "a.yaml"], 2, "a.yaml exists already"),
        (["evaluate"], 2, "evaluate: name a configuration with --config, a --benchmark, or"),
        (["evaluate", "--compare", "a", "b", "llm.knd=openai"], 2, "llm.knd: unknown key"),
        (["evaluate", "llm.kind=openai"], 2, "llm.model: is required"),
    ],
)
def test_bad_input_gets_a_clear_error_and_its_exit_code(
    settings: Path, arguments: list[str], code: int, text: str
) -> None:
    result = codedpo(*arguments, cwd=settings.parent)
    assert text in " ".join(result.stderr.split()), result.stderr
    assert result.returncode == code
    assert "Traceback" not in result.stderr


def test_without_a_file_each_model_has_a_run_folder_of_its_own() -> None:
    def folder(*overrides: str) -> str:
        return _load_measured(None, list(overrides)).run_folder

    assert folder() == "runs/evaluate/qwen2.5-coder-0.5b"
    assert folder("llm.model=models/My model.gguf") == "runs/evaluate/models-My-model.gguf"
    assert folder("run_folder=runs/evaluate") == "runs/evaluate"


def test_ctrl_c_ends_cleanly_with_a_hint(tmp_path: Path, source_folder: Path) -> None:
    with LoopbackLLM("slow") as server:
        path = tmp_path / "a.yaml"
        path.write_text(yaml.safe_dump(run_settings(tmp_path / "run", source_folder, server.base_url)))
        process = subprocess.Popen(
            [sys.executable, "-m", "codedpo", "run", "-c", str(path)],
            stderr=subprocess.PIPE,
            text=True,
            # A background job of a script ignores SIGINT, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        deadline = time.monotonic() + 60
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.01)  # the signal is sent when the first request has come, whenever that is
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "interrupted; run the same command again to go on" in errors


def test_a_full_disk_is_named_and_a_second_run_goes_on(tmp_path: Path, settings: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60k", "none", str(mount)], check=False).returncode
    ):
        pytest.skip("a small file system can only be mounted by root")
    try:
        result = codedpo("run", "-c", str(settings), f"run_folder={mount}/run", cwd=tmp_path)
        assert result.returncode == 1
        assert "the disk is full: free some space, then run the same command again" in result.stderr
        subprocess.run(["mount", "-o", "remount,size=60m", str(mount)], check=True)
        assert codedpo("run", "-c", str(settings), f"run_folder={mount}/run", cwd=tmp_path).returncode == 0
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_init_writes_a_configuration_that_is_valid(tmp_path: Path) -> None:
    assert codedpo("init", cwd=tmp_path).returncode == 0
    result = codedpo("run", "-c", "codedpo.yaml", "--dry-run", cwd=tmp_path)
    assert result.returncode == 0, result.stderr


def test_two_processes_do_not_share_a_run_folder(tmp_path: Path, source_folder: Path) -> None:
    with LoopbackLLM("slow") as server:
        path = tmp_path / "a.yaml"
        path.write_text(yaml.safe_dump(run_settings(tmp_path / "run", source_folder, server.base_url)))
        first = subprocess.Popen([sys.executable, "-m", "codedpo", "run", "-c", str(path)], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        second = codedpo("run", "-c", str(path), cwd=tmp_path)
        first.kill()
        first.wait()
    assert second.returncode == 1
    assert "another codedpo process works in this run folder" in second.stderr
