from pathlib import Path

import pytest

from codedpo.errors import LLMError
from codedpo.llms import Request, Sampling
from codedpo.llms.cache import CachedLLM
from codedpo.llms.client import OpenAIClient
from loopback import LoopbackLLM

REQUESTS = [Request(({"role": "user", "content": f"def f{i}():"},), Sampling(), seed=i, n=2) for i in range(4)]


def cached(server: LoopbackLLM, folder: Path, weights: str = "w") -> CachedLLM:
    return CachedLLM(OpenAIClient(server.base_url, "m", weights, max_retries=0), folder)


def test_nothing_is_asked_twice(loopback: LoopbackLLM, tmp_path: Path) -> None:
    first = cached(loopback, tmp_path).generate(REQUESTS, lambda *_: None)
    counted: list[int] = []
    second = cached(loopback, tmp_path).generate(REQUESTS, lambda index, _: counted.append(index))
    assert first == second
    assert counted == [0, 1, 2, 3]
    assert len(loopback.requests) == 4


def test_other_weights_or_seeds_are_other_answers(loopback: LoopbackLLM, tmp_path: Path) -> None:
    cached(loopback, tmp_path).generate(REQUESTS[:1], lambda *_: None)
    cached(loopback, tmp_path, "other").generate(REQUESTS[:1], lambda *_: None)
    cached(loopback, tmp_path).generate(REQUESTS[:2], lambda *_: None)
    assert len(loopback.requests) == 3


def test_a_line_torn_by_a_crash_is_asked_again(loopback: LoopbackLLM, tmp_path: Path) -> None:
    first = cached(loopback, tmp_path).generate(REQUESTS[:2], lambda *_: None)
    (segment,) = tmp_path.glob("*.jsonl")
    segment.write_bytes(segment.read_bytes()[:-9])
    assert sorted(map(str, cached(loopback, tmp_path).generate(REQUESTS[:2], lambda *_: None))) == sorted(
        map(str, first)
    )
    assert len(loopback.requests) == 3


def test_answers_before_a_failure_are_kept(tmp_path: Path) -> None:
    with LoopbackLLM() as server:
        cached(server, tmp_path).generate(REQUESTS[:3], lambda *_: None)
    with pytest.raises(LLMError):
        cached(server, tmp_path).generate(REQUESTS, lambda *_: None)
    with LoopbackLLM() as server:
        cached(server, tmp_path).generate(REQUESTS, lambda *_: None)
        assert len(server.requests) == 1


def test_a_refusal_is_told_but_not_kept(tmp_path: Path) -> None:
    with LoopbackLLM("400", faults=1) as server:
        first = cached(server, tmp_path).generate(REQUESTS[:1], lambda *_: None)
        second = cached(server, tmp_path).generate(REQUESTS[:1], lambda *_: None)
    assert first[0][0].finish_reason == "refused"
    assert second[0][0].finish_reason == "stop"
