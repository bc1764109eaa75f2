"""The launcher against a stand-in for the `vllm` program, which speaks the same protocol on loopback."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codedpo.errors import LLMError
from codedpo.llms import Request, Sampling
from codedpo.llms.vllm import VLLM

STAND_IN = Path(__file__).with_name("stand_in_vllm.py")
REQUEST = Request(({"role": "user", "content": "q"},), Sampling(), seed=3, n=2)


@pytest.fixture
def command(tmp_path: Path) -> str:
    """A program named vllm in an environment of its own."""
    program = tmp_path / "environment" / "bin" / "vllm"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')  # the path may hold a space
    program.chmod(0o755)
    return str(program)


def is_alive(process: int) -> bool:
    """Whether a process runs; one that ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(process: int) -> bool:
    for _ in range(200):
        if not is_alive(process):
            return True
        time.sleep(0.05)
    return False


def test_the_server_is_started_asked_and_stopped_with_its_workers(command: str, tmp_path: Path) -> None:
    settings = VLLM("org/model", command=command, arguments=("--worker", str(tmp_path / "worker")))
    with settings.open(cache=tmp_path, log=tmp_path / "logs" / "llm.log") as llm:
        answers = llm.generate([REQUEST], lambda *_: None)
        worker = int((tmp_path / "worker").read_text())
        assert is_alive(worker)
        assert (llm.model, llm.weights) == ("org/model", settings.weights)
    assert [completion.text for completion in answers[0]] == ["org/model org/model 3"] * 2
    assert wait_until_gone(worker)


def test_a_killed_run_leaves_no_server_behind(command: str, tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom codedpo.llms.vllm import VLLM\n"
        "folder = Path(sys.argv[2])\n"
        "settings = VLLM('m', command=sys.argv[1], arguments=('--worker', str(folder / 'worker')))\n"
        "with settings.open(cache=folder, log=folder / 'log'):\n    print('ready', flush=True)\n    time.sleep(60)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code, command, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    assert wait_until_gone(int((tmp_path / "worker").read_text()))


def test_a_missing_program_is_named_with_what_to_do(tmp_path: Path) -> None:
    missing = pytest.raises(LLMError, match=r"llm\.command: there is no program '/none/vllm'\. Install vLLM in an env")
    with missing, VLLM("m", command="/none/vllm").open(cache=tmp_path, log=tmp_path / "log"):
        pass


def test_a_server_that_ends_at_once_is_quoted(command: str, tmp_path: Path) -> None:
    settings = VLLM("m", command=command, arguments=("--fail",))
    failed = pytest.raises(LLMError, match=r"vLLM did not start with m: CUDA out of memory \(its log: .*log\)")
    with failed, settings.open(cache=tmp_path, log=tmp_path / "log"):
        pass


def test_a_server_that_never_gets_ready_is_stopped(command: str, tmp_path: Path) -> None:
    worker = tmp_path / "worker"
    settings = VLLM("m", command=command, arguments=("--never-ready", "--worker", str(worker)), start_seconds=2)
    failed = pytest.raises(LLMError, match=r"vLLM is not ready after llm\.start_seconds = 2")
    with failed, settings.open(cache=tmp_path, log=tmp_path / "log"):
        pass
    assert wait_until_gone(int(worker.read_text()))
