import time
from dataclasses import replace

import pytest

from codedpo.errors import LLMError
from codedpo.llms import Request, Sampling
from codedpo.llms.client import OpenAIClient
from loopback import LoopbackLLM

REQUESTS = [
    Request(({"role": "user", "content": f"def f{i}():"},), Sampling(0.7, 0.9, 5, 99, ("END",)), seed=i, n=3)
    for i in range(5)
]


def client(server: LoopbackLLM, **changes: object) -> OpenAIClient:
    return replace(OpenAIClient(server.base_url, "m", max_retries=2, retry_seconds=0.01), **changes)


def texts(answers: list) -> list[list[str]]:
    return [[completion.text for completion in completions] for completions in answers]


def test_answers_come_in_the_order_of_the_requests(loopback: LoopbackLLM) -> None:
    seen: list[int] = []
    answers = client(loopback).generate(REQUESTS, lambda index, completions: seen.append(index))
    assert sorted(seen) == [0, 1, 2, 3, 4]
    assert all("f%d" % i in str(row) or "rather not" in str(row) for i, row in enumerate(texts(answers)))
    assert [len(row) for row in answers] == [3] * 5


def test_sampling_parameters_are_always_sent(loopback: LoopbackLLM) -> None:
    client(loopback).generate(REQUESTS[1:2], lambda *_: None)
    sent = loopback.requests[0]
    expected = {"temperature": 0.7, "top_p": 0.9, "top_k": 5, "max_tokens": 99, "stop": ["END"], "seed": 1, "n": 3}
    assert {key: sent[key] for key in expected} == expected
    assert sent["repetition_penalty"] == 1.0


def test_only_standard_parameters_where_the_server_knows_no_others(loopback: LoopbackLLM) -> None:
    client(loopback, extended=False).generate(REQUESTS[:1], lambda *_: None)
    assert not {"top_k", "repetition_penalty"} & set(loopback.requests[0])


def test_a_server_that_ignores_n_is_asked_for_the_rest() -> None:
    with LoopbackLLM(ignores_n=True) as server:
        answers = client(server).generate(REQUESTS[:1], lambda *_: None)
        assert len(answers[0]) == 3
        assert sorted(payload["seed"] for payload in server.requests) == [0, 1, 2]


@pytest.mark.parametrize("fault", ["500", "garbage", "drop", "empty"])
def test_a_passing_fault_is_retried(fault: str) -> None:
    with LoopbackLLM(fault, faults=2) as server:
        answers = client(server).generate(REQUESTS[:1], lambda *_: None)
        assert len(answers[0]) == 3
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("500", r"HTTP 500.*out of order.* \(3 attempts\)\. Check that the server runs"),
        ("garbage", "its answer is not a chat completion"),
        ("empty", "its answer is not a chat completion: no choices"),
        ("drop", "no connection"),
        ("slow", r"no answer within llm\.timeout_seconds"),
    ],
)
def test_a_lasting_fault_ends_with_a_clear_error(fault: str, text: str) -> None:
    with LoopbackLLM(fault) as server, pytest.raises(LLMError, match=text):
        client(server, timeout_seconds=0.3).generate(REQUESTS[:2], lambda *_: None)


def test_a_refusal_is_not_retried() -> None:
    with LoopbackLLM("401") as server:
        with pytest.raises(LLMError, match="refused a request: HTTP 401: .*bad key"):
            client(server).generate(REQUESTS[:1], lambda *_: None)
        assert len(server.requests) == 1


def test_an_unreachable_server_is_named() -> None:
    with LoopbackLLM() as server:
        pass
    start = time.monotonic()
    with pytest.raises(LLMError, match=r"http://127\.0\.0\.1:\d+/v1: no connection .*llm\.base_url"):
        client(server).generate(REQUESTS[:1], lambda *_: None)
    assert time.monotonic() - start < 30


def test_a_request_that_the_server_refuses_is_an_answer_with_its_reason() -> None:
    with LoopbackLLM("400") as server:
        answers = client(server).generate(REQUESTS[:1], lambda *_: None)
        assert [(c.text, c.finish_reason) for c in answers[0]] == [("", "refused")] * 3
        assert "too long" in answers[0][0].problem
        assert len(server.requests) == 1
