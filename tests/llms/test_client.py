"""The client against a real server whose faults follow a script."""

import email.utils
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from faults import FaultServer, Reply

from codedpo.errors import ConfigError, LLMError
from codedpo.llms import Request, Sampling
from codedpo.llms.budget import Budget, Meter
from codedpo.llms.client import OpenAIClient
from codedpo.llms.openai import OpenAIServer
from codedpo.llms.sending import seconds_to_wait

REQUESTS = [
    Request(({"role": "user", "content": f"q{i}"},), Sampling(0.7, 0.9, 5, 99, ("END",), 1.1), seed=10 * i, n=3)
    for i in range(5)
]


def client(server: Any, meter: Meter | None = None, **settings: Any) -> OpenAIClient:
    defaults = {"max_retries": 2, "retry_seconds": 0.01, "timeout_seconds": 5.0}
    return OpenAIClient(OpenAIServer("m", base_url=server.base_url, **(defaults | settings)), meter=meter)


def ask(server: Any, requests: list[Request] = REQUESTS, meter: Meter | None = None, **settings: Any) -> list[Any]:
    with client(server, meter, **settings) as llm:
        return llm.generate(requests, lambda *_: None)


def texts(answers: list[Any]) -> list[list[str]]:
    return [[completion.text for completion in completions] for completions in answers]


EXPECTED = [[f"q{i} {10 * i} {index}" for index in range(3)] for i in range(5)]


def test_answers_come_in_the_order_of_the_requests() -> None:
    seen: list[int] = []
    with FaultServer() as server, client(server) as llm:
        assert texts(llm.generate(REQUESTS, lambda index, _: seen.append(index))) == EXPECTED
    assert sorted(seen) == [0, 1, 2, 3, 4]


def test_sampling_parameters_are_always_sent() -> None:
    with FaultServer() as server:
        ask(server, REQUESTS[1:2])
    expected = {"model": "m", "temperature": 0.7, "top_p": 0.9, "top_k": 5, "max_tokens": 99, "stop": ["END"]}
    expected |= {"seed": 10, "n": 3, "repetition_penalty": 1.1, "repeat_penalty": 1.1}
    assert {key: server.requests[0][key] for key in expected} == expected
    assert server.paths == ["/v1/chat/completions"]


def test_only_standard_parameters_where_the_server_knows_no_others() -> None:
    with FaultServer() as server:
        ask(server, REQUESTS[:1], extended=False)
    assert not {"top_k", "repetition_penalty", "repeat_penalty"} & set(server.requests[0])


def test_a_server_that_ignores_n_is_asked_for_the_rest_with_other_seeds() -> None:
    with FaultServer(lambda *_: Reply(choices=1)) as server:
        answers = ask(server)
    assert texts(answers) == [[f"q{i} {10 * i + index} 0" for index in range(3)] for i in range(5)]
    assert len(server.requests) == 15


def test_too_few_choices_are_made_up_for_and_too_many_are_cut() -> None:
    with FaultServer([Reply(choices=2), Reply(), Reply(choices=7)]) as server:
        answers = ask(server, REQUESTS[:2], concurrency=1)
    assert texts(answers) == [["q0 0 0", "q0 0 1", "q0 2 0"], EXPECTED[1]]
    assert [payload["n"] for payload in server.requests] == [3, 1, 3]


@pytest.mark.parametrize(
    "fault",
    [
        Reply(500, b'{"error": {"message": "out of order"}}'),
        Reply(429, b"{}", {"Retry-After": "0"}),
        Reply(body=b'{"choices": [{"mess'),
        Reply(body=b'{"choices": []}'),
        Reply(body=b'{"choices": [{"message": null}]}'),
        Reply(body=b'{"choices": [{"message": {"content": 7}}]}'),
        Reply(body=b"\xff\xfe[\x00"),
        Reply(body=b"[" * 100_000),
        Reply(body=b"null"),
        Reply(body=b'{"error": {"message": "upstream is down"}}'),
        Reply(body=b'{"choices": [{"message": {"content": "def f"}, "finish_reason": "abort"}]}'),
        Reply(headers={"content-encoding": "gzip"}),
        Reply(headers={"transfer-encoding": "chunked"}),
        Reply(drop="before"),
        Reply(drop="middle"),
        Reply(seconds=1.0),
    ],
    ids=lambda reply: f"{reply.status}-{reply.drop}-{(reply.body or b'')[:40]!r}",
)
def test_a_passing_fault_is_retried(fault: Reply) -> None:
    with FaultServer([fault, fault]) as server:
        meter = Meter()
        assert texts(ask(server, REQUESTS[:1], meter, timeout_seconds=0.5)) == EXPECTED[:1]
        assert len(server.requests) == 3
        assert (meter.usage.requests, meter.usage.retries, meter.usage.answers) == (1, 2, 3)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (
            Reply(500, b'{"error": {"message": "out of order"}}'),
            r"HTTP 500: out of order \(3 attempts\), 2 times\. Check",
        ),
        (Reply(body=b'{"choices": [{"mess'), "its answer is not a chat completion: JSONDecodeError"),
        (Reply(body=b'{"choices": []}'), "its answer is not a chat completion: no choices"),
        (Reply(drop="before"), "no connection"),
        (Reply(seconds=0.6), r"no answer within llm\.timeout_seconds"),
    ],
)
def test_a_lasting_fault_ends_with_a_clear_error(fault: Reply, text: str) -> None:
    with FaultServer(lambda *_: fault) as server, pytest.raises(LLMError, match=text) as raised:
        ask(server, REQUESTS[:2], timeout_seconds=0.3)
    assert "2 of 2 requests got no answer; the others are kept" in str(raised.value)
    assert "llm.base_url is right" in str(raised.value)


def test_one_lost_request_does_not_stop_the_others() -> None:
    def fault(payload: dict[str, Any], _: int) -> Reply:
        return Reply(500, b"") if payload["messages"][0]["content"] == "q2" else Reply()

    seen: dict[int, list[str]] = {}
    lost = pytest.raises(LLMError, match=r"1 of 5 requests got no answer")
    with FaultServer(fault) as server, client(server) as llm, lost:
        llm.generate(REQUESTS, lambda index, part: seen.update({index: [c.text for c in part]}))
    assert seen == {index: EXPECTED[index] for index in (0, 1, 3, 4)}


def test_a_server_that_is_gone_is_given_up() -> None:
    requests = [Request(({"role": "user", "content": "q"},), Sampling(), seed=i) for i in range(100)]
    with FaultServer(lambda *_: Reply(503, b"")) as server, pytest.raises(LLMError, match="100 of 100 requests"):
        ask(server, requests, max_retries=0, concurrency=4)
    assert len(server.requests) < 20


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_is_refused_for_all_is_not_retried(status: int) -> None:
    with FaultServer(lambda *_: Reply(status, b'{"error": {"message": "bad key"}}')) as server:
        with pytest.raises(LLMError, match=rf"refused a request: HTTP {status}: bad key"):
            ask(server, concurrency=1)
        assert len(server.requests) == 1


def test_a_request_that_the_server_refuses_is_an_answer_with_its_reason() -> None:
    def too_long(payload: dict[str, Any], _: int) -> Reply:
        is_first = payload["messages"][0]["content"] == "q0"
        return Reply(400, b'{"error": {"message": "prompt is too long"}}') if is_first else Reply()

    with FaultServer(too_long) as server:
        answers = ask(server, REQUESTS[:2], concurrency=1)
    assert [(c.text, c.finish_reason) for c in answers[0]] == [("", "refused")] * 3
    assert "too long" in answers[0][0].problem
    assert texts(answers[1:]) == EXPECTED[1:2]


def test_a_server_that_refuses_n_is_asked_for_one_at_a_time() -> None:
    def picky(payload: dict[str, Any], _: int) -> Reply:
        return Reply(400, b'{"error": {"message": "n must be 1"}}') if payload["n"] > 1 else Reply()

    with FaultServer(picky) as server:
        answers = ask(server, concurrency=1)
    assert texts(answers) == [[f"q{i} {10 * i + index} 0" for index in range(3)] for i in range(5)]
    assert len(server.requests) == 16


@pytest.mark.parametrize("n", [1, 3])
def test_a_server_that_refuses_everything_ends_the_run_instead_of_dropping_every_row(n: int) -> None:
    seen: list[int] = []
    text = r"refuses every request, even the shortest: HTTP 400: no such model\. 5 of 5 requests got no"
    with (
        FaultServer(lambda *_: Reply(400, b'{"error": {"message": "no such model"}}')) as server,
        client(server, concurrency=1) as llm,
        pytest.raises(LLMError, match=text),
    ):
        llm.generate([replace(request, n=n) for request in REQUESTS], lambda index, _: seen.append(index))
    assert not seen
    assert len(server.requests) <= 3


def test_a_server_that_gives_all_but_one_choice_goes_on_being_asked_for_several() -> None:
    with FaultServer(lambda payload, _: Reply(choices=min(2, payload["n"]))) as server:
        ask(server, concurrency=1)
    assert [payload["n"] for payload in server.requests] == [3, 1] * 5


@pytest.mark.parametrize("moment", range(8))
def test_a_client_that_is_stopped_lets_nobody_wait(moment: int) -> None:
    errors: list[LLMError] = []

    def work(llm: OpenAIClient) -> None:
        with pytest.raises(LLMError, match="stopped") as raised:
            while True:
                llm.generate(REQUESTS[:1], lambda *_: None)
        errors.append(raised.value)

    with FaultServer() as server:
        with client(server) as llm:
            threads = [threading.Thread(target=work, args=(llm,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(moment / 200)
        for thread in threads:
            thread.join(10)
    assert len(errors) == 4


def test_a_call_that_is_cancelled_before_its_first_step_ends() -> None:
    held, release = threading.Event(), threading.Event()
    with FaultServer() as server:
        llm = client(server).__enter__()
        llm._loop.call_soon_threadsafe(lambda: (held.set(), release.wait(10)))
        assert held.wait(10)

        def work() -> None:
            with pytest.raises(LLMError, match="stopped"):
                llm.generate(REQUESTS, lambda *_: None)

        ended = threading.Thread(target=work)
        ended.start()
        time.sleep(0.05)  # the call waits for the loop now
        stopped = threading.Thread(target=llm.__exit__)
        stopped.start()
        time.sleep(0.05)
        release.set()
        for thread in (ended, stopped):
            thread.join(10)
            assert not thread.is_alive()


def test_a_choice_without_text_is_a_refusal() -> None:
    body = b'{"choices": [{"message": {"content": null}, "finish_reason": "content_filter"}]}'
    with FaultServer([Reply(body=body)] * 3) as server:
        answers = ask(server, REQUESTS[:1])
    assert {c.finish_reason for c in answers[0]} == {"refused"}
    assert "content_filter" in answers[0][0].problem


@pytest.mark.parametrize("told", ["1e999", "-1e999", "-5", "NaN", '"7"', "[]", "1" + "0" * 400])
def test_a_count_of_tokens_that_cannot_be_is_as_good_as_none(told: str) -> None:
    body = f'{{"choices": [{{"message": {{"content": "x"}}}}], "usage": {{"completion_tokens": {told}}}}}'
    with FaultServer([Reply(body=body.encode())]) as server:
        ((completion,),) = ask(server, [Request(REQUESTS[0].messages, Sampling(), seed=0)])
    assert (completion.text, completion.completion_tokens) == ("x", 0)


def test_an_error_in_the_body_of_a_200_is_told() -> None:
    fault = Reply(body=b'{"error": {"message": "upstream is down"}}')
    with FaultServer(lambda *_: fault) as server, pytest.raises(LLMError, match="completion: upstream is down"):
        ask(server, REQUESTS[:1])


def test_an_unreachable_server_is_named() -> None:
    with FaultServer() as server:
        pass
    with pytest.raises(LLMError, match=r"http://127\.0\.0\.1:\d+/v1: no connection .*llm\.base_url"):
        ask(server, REQUESTS[:1])


def test_a_storm_of_429_ends_complete_and_retry_after_holds_back_all() -> None:
    requests = [Request(({"role": "user", "content": f"q{i}"},), Sampling(), seed=i) for i in range(40)]

    def storm(_: dict[str, Any], before: int) -> Reply:
        return Reply(429, b"slow down", {"Retry-After": "0.3"}) if before == 0 else Reply()

    with FaultServer(storm) as server:
        answers = ask(server, requests, concurrency=8)
    assert all(len(row) == 1 for row in answers)
    assert len(server.requests) == 80
    gaps = [later - earlier for earlier, later in zip(server.times, server.times[1:], strict=False)]
    assert sum(gap > 0.25 for gap in gaps) >= 4  # 5 rounds of 8: between two nobody sent


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("1.5", 1.5), ("-4", 0.0), ("", None), ("soon", None), ("nan", None)]
    + [(email.utils.formatdate(1_000_000_010, usegmt=True), 10.0), (email.utils.formatdate(5, usegmt=True), 0.0)],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str, seconds: float | None) -> None:
    assert seconds_to_wait(header, 1_000_000_000.0) == seconds


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("a\\ud800b", "a\ufffdb"),
        ("\\ud83d\\ude00", "\U0001f600"),
        ("a\\u0000b", "a\0b"),
        ("\\u202e\u0e01\u0301", "\u202e\u0e01\u0301"),
    ],
)
def test_odd_unicode_comes_through_as_text_that_files_can_hold(sent: str, text: str) -> None:
    with FaultServer([Reply(text=sent)]) as server:
        answers = ask(server, REQUESTS[:1])
    assert {c.text for c in answers[0]} == {text}
    assert text.encode()


def test_odd_unicode_in_a_prompt_is_sent() -> None:
    request = Request(({"role": "user", "content": "a\ud800\0\U0001f600"},), Sampling(), seed=0)
    with FaultServer() as server:
        ask(server, [request])
    assert server.requests[0]["messages"][0]["content"] == "a\ud800\0\U0001f600"


def test_length_finishes_and_tokens_are_counted() -> None:
    body = b'{"choices": [{"message": {"content": "x"}, "finish_reason": "length"}], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}'
    meter = Meter()
    with FaultServer([Reply(body=body), Reply()]) as server:
        ask(server, [Request(REQUESTS[0].messages, Sampling(), seed=i) for i in range(2)], meter, concurrency=1)
    used = meter.usage
    assert (used.requests, used.answers, used.cut, used.prompt_tokens, used.completion_tokens) == (2, 2, 1, 20, 12)


def test_a_budget_of_tokens_stops_the_asking_and_keeps_what_was_answered() -> None:
    seen: list[int] = []
    meter = Meter(Budget(max_tokens_total=90))  # a request costs 10 + 3 * 7
    with (
        FaultServer() as server,
        client(server, meter, concurrency=1) as llm,
        pytest.raises(LLMError, match=r"the budget is spent: 93 tokens of llm\.budget\.max_tokens_total = 90\. 2 of 5"),
    ):
        llm.generate(REQUESTS, lambda index, _: seen.append(index))
    assert seen == [0, 1, 2]
    assert len(server.requests) == 3


def test_a_budget_of_money_counts_earlier_starts() -> None:
    meter = Meter(Budget(max_cost=1.0, prompt_price=10_000, completion_price=20_000))
    meter.start_with(10, 20)  # 0.1 + 0.4; a request costs 0.1 + 0.42
    with FaultServer() as server, pytest.raises(LLMError, match=r"1\.02 of llm\.budget\.max_cost = 1\. 4 of 5"):
        ask(server, meter=meter, concurrency=1)
    assert len(server.requests) == 1


def test_a_server_that_reports_no_usage_still_spends_the_budget() -> None:
    meter = Meter(Budget(max_tokens_total=4))
    with FaultServer(lambda *_: Reply(usage=False)) as server, pytest.raises(LLMError, match="budget is spent"):
        ask(server, meter=meter, concurrency=1)
    assert len(server.requests) == 1


def test_a_price_is_needed_for_a_budget_of_money() -> None:
    with pytest.raises(ConfigError, match=r"llm\.budget\.max_cost: needs llm\.budget\.prompt_price"):
        Budget(max_cost=1)


def test_threads_share_the_slots_and_each_gets_its_own_answers() -> None:
    results: dict[int, list[list[str]]] = {}
    with FaultServer(lambda *_: Reply(seconds=0.02)) as server, client(server, concurrency=4) as llm:

        def work(number: int) -> None:
            requests = [Request(({"role": "user", "content": f"t{number}"},), Sampling(), seed=i) for i in range(6)]
            results[number] = texts(llm.generate(requests, lambda *_: None))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {number: [[f"t{number} {i} 0"] for i in range(6)] for number in range(5)}
    assert server.most_at_once <= 4
    assert len(server.requests) == 30


def test_an_error_in_on_answer_reaches_the_caller_and_ends_the_call() -> None:
    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    with FaultServer(lambda *_: Reply(seconds=0.05)) as server, client(server, concurrency=1) as llm:
        with pytest.raises(KeyboardInterrupt):
            llm.generate(REQUESTS, fail)
        time.sleep(0.3)
        assert len(server.requests) <= 2
        assert texts(llm.generate(REQUESTS[:1], lambda *_: None)) == EXPECTED[:1]


def test_a_base_url_without_a_scheme_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"llm\.base_url: 'localhost:1' must start with http"):
        OpenAIServer("m", base_url="localhost:1")
