"""A faulty server under a run: it ends complete or says exactly what is missing, and a rerun asks only for that."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "llms"))

from faults import FaultServer, Reply

from codedpo.config import make_config
from codedpo.errors import LLMError
from codedpo.job import run
from comparing import drops, rows
from conftest import run_settings, write_source
from killing import kept_answers, text_of
from loopback import LoopbackLLM

STAGES = ("seeds", "tasks", "samples")
FAULTS = {
    "drops before": Reply(drop="before"),
    "drops in the middle": Reply(drop="middle"),
    "429": Reply(429, b"{}", {"Retry-After": "0.05"}),
    "429 with an odd Retry-After": Reply(429, b"{}", {"Retry-After": "-nan"}),
    "500": Reply(500, b"out of order"),
    "half a JSON": Reply(body=b'{"choices": [{"mess'),
    "never answers": Reply(seconds=1.0),
    "no choices": Reply(choices=0),
    "garbage": Reply(body=b"\xff\xfe[\x00\xd8\x00"),
    "garbage for numbers": Reply(body=b'{"choices": [], "usage": {"prompt_tokens": -1e999}}'),
    "broken off": Reply(body=b'{"choices": [{"message": {"content": "def"}, "finish_reason": "abort"}]}'),
}
Script = Callable[[dict[str, Any], int], Reply]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A run whose server had no fault, and its source."""
    folder = tmp_path_factory.mktemp("reference")
    source = write_source(folder / "source")
    with LoopbackLLM() as server:
        run(make_config(run_settings(folder / "run", source, server.base_url)), until="samples")
    return folder / "run", source


def sound(payload: dict[str, Any], choices: int | None = None) -> Reply:
    """What a server without faults answers; `choices` of those asked for."""
    answer = LoopbackLLM.answer(_PLAIN, payload)
    return Reply(body=json.dumps({**answer, "choices": answer["choices"][:choices]}).encode())


_PLAIN = LoopbackLLM.__new__(LoopbackLLM)
_PLAIN.ignores_n = False


def is_hit(payload: dict[str, Any]) -> bool:
    """One request in four."""
    return payload["seed"] % 4 == 0


def settings_of(folder: Path, source: Path, server: FaultServer, fault: Reply = Reply()) -> dict[str, Any]:
    settings = run_settings(folder, source, server.base_url)
    llm = {"timeout_seconds": 0.6 if fault.seconds else 20.0, "max_retries": 2, "retry_seconds": 0.01}
    return {**settings, "llm": {**settings["llm"], **llm}, "shards_in_flight": 1}


def assert_equal(folder: Path, expected: Path) -> None:
    for stage in STAGES:
        assert rows(folder, stage) == rows(expected, stage), stage
    assert drops(folder) == drops(expected)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_passing_fault_leaves_no_trace_in_the_rows(fault: Reply, reference: Any, tmp_path: Path) -> None:
    def script(payload: dict[str, Any], before: int) -> Reply:
        return fault if is_hit(payload) and before == 0 else sound(payload)

    with FaultServer(script) as server:
        run(make_config(settings_of(tmp_path / "run", reference[1], server, fault)), until="samples")
        assert any(is_hit(payload) for payload in server.requests)
    assert_equal(tmp_path / "run", reference[0])


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_lasting_fault_tells_what_is_missing_and_a_rerun_asks_for_that_alone(
    fault: Reply, reference: Any, tmp_path: Path
) -> None:
    with FaultServer(lambda payload, _: fault if is_hit(payload) else sound(payload)) as server:
        settings = settings_of(tmp_path / "run", reference[1], server, fault)
        with pytest.raises(LLMError, match=r"\d+ of \d+ requests got no answer; the others are kept") as raised:
            run(make_config(settings), until="samples")
        asked = {text_of(payload): payload for payload in server.requests}
    kept = kept_answers(tmp_path / "run" / "llm_cache", asked.values())
    lost = {text for text, payload in asked.items() if is_hit(payload)}
    assert kept == asked.keys() - lost
    told = re.search(r"(\d+) of \d+ requests got no answer", str(raised.value))
    assert told is not None
    assert int(told[1]) == len(lost)
    with FaultServer(lambda payload, _: sound(payload)) as server:
        run(make_config(settings_of(tmp_path / "run", reference[1], server)), until="samples")
        again = [text_of(payload) for payload in server.requests]
    assert len(set(again)) == len(again)
    assert lost <= set(again)
    assert not kept & set(again)
    assert_equal(tmp_path / "run", reference[0])


def test_too_many_choices_leave_no_trace_in_the_rows(reference: Any, tmp_path: Path) -> None:
    with FaultServer(lambda payload, _: sound({**payload, "n": payload["n"] + 2})) as server:
        run(make_config(settings_of(tmp_path / "run", reference[1], server)), until="samples")
    assert_equal(tmp_path / "run", reference[0])


@pytest.mark.parametrize("choices", [1, 3])
def test_too_few_choices_are_made_up_for_and_never_asked_again(choices: int, reference: Any, tmp_path: Path) -> None:
    with FaultServer(lambda payload, _: sound(payload, choices)) as server:
        settings = make_config(settings_of(tmp_path / "run", reference[1], server))
        run(settings, until="samples")
        asked = len(server.requests)
        for shard in (tmp_path / "run" / "samples").glob("0*.parquet"):
            shard.unlink()
        run(settings, until="samples")
        assert len(server.requests) == asked
    assert len(rows(tmp_path / "run", "tasks")) == len(rows(reference[0], "tasks"))


def test_a_server_that_refuses_everything_drops_no_row_and_the_next_run_goes_on(reference: Any, tmp_path: Path) -> None:
    refused = pytest.raises(LLMError, match="refuses every request, even the shortest: HTTP 400: no such model")
    with FaultServer(lambda *_: Reply(400, b'{"error": {"message": "no such model"}}')) as server, refused:
        run(make_config(settings_of(tmp_path / "run", reference[1], server)), until="samples")
    with FaultServer(lambda payload, _: sound(payload)) as server:
        run(make_config(settings_of(tmp_path / "run", reference[1], server)), until="samples")
    assert_equal(tmp_path / "run", reference[0])
