"""A run's settings in, the run killed at some point out: with its whole process tree; and which answers it had kept."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from codedpo.errors import LLMError
from codedpo.llms import Request, Sampling
from codedpo.llms.answers import AnswerFolder
from codedpo.llms.cache import CachedLLM
from codedpo.llms.client import OpenAIClient
from codedpo.llms.openai import OpenAIServer


def run_until(settings: Path, scratch: Path, is_time: Callable[[], bool], until: str = "") -> bool:
    """Start `codedpo data`, up to the stage `until`; kill it with SIGKILL, and all below it, as soon as `is_time`.

    False where it ended before.
    """
    command = [sys.executable, "-m", "codedpo", "data", "-c", str(settings)]
    command += ["--until", until] if until else []
    environment = {**os.environ, "TMPDIR": str(scratch)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    while process.poll() is None and not is_time():
        time.sleep(0.005)
    for pid in [process.pid, *descendants(process.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    errors = process.communicate()[1].decode()
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode != 0


def descendants(pid: int) -> list[int]:
    """Processes below this one."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for above in found:
        found += [child for child, parent in parents.items() if parent == above]
    return found[1:]


def kept_answers(cache: Path, payloads: Iterable[dict[str, Any]]) -> set[str]:
    """Those requests, as text, whose answers a run's cache holds."""
    nobody = OpenAIServer("m", base_url="http://127.0.0.1:9/v1", max_retries=0)
    kept: set[str] = set()
    with OpenAIClient(nobody) as client, AnswerFolder(cache) as answers:
        llm = CachedLLM(client, answers)
        for payload in payloads:
            with contextlib.suppress(LLMError):  # not kept, so it asked for it
                llm.generate([_request(payload)], lambda *_: None)
                kept.add(text_of(payload))
    return kept


def text_of(payload: dict[str, Any]) -> str:
    return json.dumps(payload, sort_keys=True)


def _request(payload: dict[str, Any]) -> Request:
    names = ("temperature", "top_p", "top_k", "max_tokens")
    sampling = Sampling(**{name: payload[name] for name in names}, stop=tuple(payload.get("stop", ())))
    return Request(tuple(payload["messages"]), sampling, payload["seed"], payload["n"])
