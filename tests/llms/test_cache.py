"""Answers that were paid for, against a real server that counts what it is asked."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from faults import FaultServer, Reply

from codedpo.errors import LLMError, RecordError
from codedpo.llms import Completion, Request, Sampling
from codedpo.llms.answers import AnswerFolder, key_of
from codedpo.llms.budget import Meter
from codedpo.llms.cache import CachedLLM
from codedpo.llms.client import OpenAIClient
from codedpo.llms.offsets import Offsets
from codedpo.llms.openai import OpenAIServer

REQUESTS = [Request(({"role": "user", "content": f"q{i}"},), Sampling(), seed=10 * i, n=2) for i in range(4)]


def ask(
    server: Any, folder: Path, requests: list[Request] = REQUESTS, weights: str = "w", on_answer: Any = lambda *_: None, **settings: Any
) -> list[list[Completion]]:  # fmt: skip
    settings = {"max_retries": 0, "timeout_seconds": 5.0, **settings}
    openai = OpenAIServer("m", base_url=server.base_url, weights=weights, **settings)
    with OpenAIClient(openai) as client, AnswerFolder(folder) as answers:
        return CachedLLM(client, answers).generate(requests, on_answer)


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    seen: list[int] = []
    with FaultServer() as server:
        first = ask(server, tmp_path)
        assert first == ask(server, tmp_path, on_answer=lambda index, _: seen.append(index))
        assert len(server.requests) == 4
    assert seen == [0, 1, 2, 3]
    assert not first[0][0].cached


def test_other_weights_sampling_or_seeds_are_other_answers(tmp_path: Path) -> None:
    messages = REQUESTS[0].messages
    others = [Request(messages, Sampling(), 1), Request(messages, Sampling(repetition_penalty=1.1), 0)]
    with FaultServer() as server:
        ask(server, tmp_path, REQUESTS[:1])
        ask(server, tmp_path, REQUESTS[:1], weights="other")
        ask(server, tmp_path, others)
        assert len(server.requests) == 4


def test_a_larger_n_asks_for_the_additional_samples_alone(tmp_path: Path) -> None:
    def of(n: int) -> list[Request]:
        return [Request(({"role": "user", "content": "q"},), Sampling(), seed=5, n=n)]

    with FaultServer() as server:
        few = ask(server, tmp_path, of(2))
        many = ask(server, tmp_path, of(5))
        assert [(payload["n"], payload["seed"]) for payload in server.requests] == [(2, 5), (3, 7)]
        assert ask(server, tmp_path, of(4)) == [many[0][:4]]
        assert len(server.requests) == 2
    assert many[0][:2] == few[0]
    assert [completion.cached for completion in many[0]] == [True, True, False, False, False]


def test_equal_requests_of_one_call_are_asked_once(tmp_path: Path) -> None:
    with FaultServer() as server:
        answers = ask(server, tmp_path, [REQUESTS[0]] * 5)
        assert len(server.requests) == 1
    assert all(row == answers[0] for row in answers)


def test_equal_requests_of_several_threads_are_asked_once(tmp_path: Path) -> None:
    results: list[Any] = []
    with (
        FaultServer(lambda *_: Reply(seconds=0.05)) as server,
        OpenAIClient(OpenAIServer("m", base_url=server.base_url)) as client,
        AnswerFolder(tmp_path) as answers,
    ):
        llm = CachedLLM(client, answers)

        def work(turn: int) -> None:
            requests = REQUESTS[turn:] + REQUESTS[:turn]
            rows = llm.generate(requests, lambda *_: None)
            results.append(rows[4 - turn :] + rows[: 4 - turn] if turn else rows)

        threads = [threading.Thread(target=work, args=(number % 4,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.requests) == 4
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("damage", ["cut", "flip", "no newline", "zeros"])
def test_a_damaged_line_is_asked_again_and_the_others_are_not(damage: str, tmp_path: Path) -> None:
    with FaultServer() as server:
        first = ask(server, tmp_path)
        (segment,) = tmp_path.glob("*.jsonl")
        data = segment.read_bytes()
        broken = {
            "cut": data[:-9],
            "flip": data[:-30] + b"X" + data[-29:],
            "no newline": data[:-1],
            "zeros": data[:-40] + bytes(40),
        }
        segment.write_bytes(broken[damage])
        assert ask(server, tmp_path) == first
        assert len(server.requests) == 5
        assert ask(server, tmp_path) == first
        assert len(server.requests) == 5


def test_answers_before_a_failure_are_kept_and_a_rerun_asks_for_the_rest_alone(tmp_path: Path) -> None:
    requests = [Request(({"role": "user", "content": f"q{i}"},), Sampling(), seed=i) for i in range(50)]

    def faulty(payload: dict[str, Any], _: int) -> Reply:
        kinds = (Reply(500, b""), Reply(drop="middle"), Reply(body=b'{"choi'), Reply(choices=0), Reply(seconds=0.7))
        return kinds[payload["seed"] // 10] if payload["seed"] % 10 == 3 else Reply()

    with FaultServer(faulty) as server, pytest.raises(LLMError, match="5 of 50 requests got no answer"):
        ask(server, tmp_path, requests, timeout_seconds=0.4)
    with FaultServer() as server:
        assert [row[0].text for row in ask(server, tmp_path, requests)] == [f"q{i} {i} 0" for i in range(50)]
        assert sorted(payload["seed"] for payload in server.requests) == [3, 13, 23, 33, 43]


def test_single_answers_of_a_server_that_ignores_n_are_kept_one_by_one(tmp_path: Path) -> None:
    requests = [Request(({"role": "user", "content": "q"},), Sampling(), seed=0, n=5)]

    def faulty(payload: dict[str, Any], _: int) -> Reply:
        return Reply(500, b"") if payload["seed"] == 3 else Reply(choices=1)

    with FaultServer(faulty) as server, pytest.raises(LLMError, match="1 of 1 requests"):
        ask(server, tmp_path, requests, concurrency=1)
    with FaultServer(lambda *_: Reply(choices=1)) as server:
        assert len(ask(server, tmp_path, requests)[0]) == 5
        assert sorted(payload["seed"] for payload in server.requests) == [3, 4]


def test_a_refusal_is_told_but_not_kept(tmp_path: Path) -> None:
    with FaultServer(
        lambda payload, _: Reply(400, b"too long") if payload["messages"][0]["content"] == "q0" else Reply()
    ) as server:
        assert [row[0].finish_reason for row in ask(server, tmp_path, REQUESTS[:2])] == ["refused", "stop"]
    with FaultServer() as server:
        assert [row[0].finish_reason for row in ask(server, tmp_path, REQUESTS[:2])] == ["stop", "stop"]
        assert [payload["messages"][0]["content"] for payload in server.requests] == ["q0"]


def test_choices_before_a_filtered_one_are_kept(tmp_path: Path) -> None:
    def choice(index: int, reason: str) -> str:
        return f'{{"index": {index}, "message": {{"content": "{index}"}}, "finish_reason": "{reason}"}}'

    choices = ",".join([choice(0, "stop"), choice(1, "stop"), choice(2, "content_filter"), choice(3, "stop")])
    request = Request(REQUESTS[0].messages, Sampling(), seed=0, n=4)
    with FaultServer([Reply(body=f'{{"choices": [{choices}]}}'.encode())]) as server:
        assert [c.finish_reason for c in ask(server, tmp_path, [request])[0]] == ["stop", "stop", "refused", "stop"]
        again = ask(server, tmp_path, [request])[0]
        assert [(payload["n"], payload["seed"]) for payload in server.requests] == [(4, 0), (2, 2)]
    assert [c.text for c in again] == ["0", "1", "q0 2 0", "q0 2 1"]


FILLER = """
import resource, signal, sys
from pathlib import Path
from codedpo.errors import RecordError
from codedpo.llms import Completion
from codedpo.llms.answers import AnswerFolder, key_of
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
with AnswerFolder(Path(sys.argv[1])) as answers:
    for turn in ("full", "half full", "room again"):
        try:
            for number in range(9):
                answers.write(key_of(turn, number), 0, [Completion("x" * 3000, "stop", 3, 4)])
        except RecordError as error:
            print(number, error)
        if turn == "half full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def test_a_full_disk_is_told_and_what_was_written_before_and_after_is_kept(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", FILLER, str(tmp_path)], capture_output=True, text=True, check=True)
    full, half_full = ended.stdout.splitlines()
    assert full.startswith("6 ")
    assert "cannot be written: the disk is full; make room and run again" in full
    with AnswerFolder(tmp_path) as answers:
        for turn, count in (("full", 6), ("half full", int(half_full[0])), ("room again", 9)):
            assert [answers.count(key_of(turn, n), 0, 1) for n in range(9)] == [1] * count + [0] * (9 - count)


def test_a_folder_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path) -> None:
    with AnswerFolder(tmp_path / "answers") as answers:
        (tmp_path / "answers").rmdir()
        with pytest.raises(RecordError, match=r"answers/.*jsonl: cannot be written: No such file or directory"):
            answers.write(key_of("k"), 0, [Completion("t", "stop", 1, 1)])


def test_answers_without_usage_still_count_at_the_next_start(tmp_path: Path) -> None:
    meter = Meter()
    with (
        FaultServer(lambda *_: Reply(usage=False)) as server,
        OpenAIClient(OpenAIServer("m", base_url=server.base_url), meter=meter) as llm,
        AnswerFolder(tmp_path) as kept,
    ):
        CachedLLM(llm, kept).generate(REQUESTS, lambda *_: None)
    assert meter.usage.completion_tokens > 0
    with AnswerFolder(tmp_path) as kept:
        assert kept.completion_tokens == meter.usage.completion_tokens


WRITER = """
import sys
from pathlib import Path
from codedpo.llms import Completion
from codedpo.llms.answers import AnswerFolder, key_of
with AnswerFolder(Path(sys.argv[1])) as answers:
    for number in range(10**9):
        answers.write(key_of(sys.argv[2], number), 0, [Completion("x" * 5000 + str(number), "stop", 3, 4)])
        print(number, flush=True)
"""


def test_what_two_killed_processes_wrote_is_all_there(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name], stdout=subprocess.PIPE, text=True)
        for name in "ab"
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "0\n"
    time.sleep(0.3)
    for writer in writers:
        os.kill(writer.pid, signal.SIGKILL)
    told = [int(writer.communicate()[0].strip().splitlines()[-1]) for writer in writers]
    with AnswerFolder(tmp_path) as answers:
        for name, last in zip("ab", told, strict=True):
            assert all(answers.count(key_of(name, number), 0, 1) for number in range(last + 1))
            (completion,) = answers.read(key_of(name, last), 0, 1)
            assert completion.text.endswith(f"x{last}")


def test_what_another_process_writes_meanwhile_is_seen(tmp_path: Path) -> None:
    with AnswerFolder(tmp_path) as ours, AnswerFolder(tmp_path) as theirs:
        theirs.write(key_of("k"), 0, [Completion("t", "stop", 1, 2)])
        assert ours.count(key_of("k"), 0, 1) == 0
        ours.refresh()
        assert ours.read(key_of("k"), 0, 1)[0].text == "t"
        assert (ours.prompt_tokens, ours.completion_tokens) == (1, 2)


def test_any_text_comes_back_as_it_was(tmp_path: Path) -> None:
    texts = ["", "a\0b", "\n\r\u2028\x85", "\U0001f600\u202e", "\ud800", '"}\n{"crc"', "x" * 100_000]
    with AnswerFolder(tmp_path) as answers:
        answers.write(key_of("k"), 0, [Completion(text, "length", 1, 2) for text in texts])
        assert [completion.text for completion in answers.read(key_of("k"), 0, 99)] == texts
    with AnswerFolder(tmp_path) as answers:
        assert [completion.text for completion in answers.read(key_of("k"), 2, 2)] == []
        assert [completion.text for completion in answers.read(key_of("k"), 0, 99)] == texts
    for segment in tmp_path.glob("*.jsonl"):
        assert json.loads(segment.read_text())["n"] == 7


def test_a_folder_with_more_segments_than_open_files_can_be_read(tmp_path: Path) -> None:
    for number in range(100):
        with AnswerFolder(tmp_path) as answers:
            answers.write(key_of(number), 0, [Completion(str(number), "stop", 1, 1)])
    before = len(os.listdir("/proc/self/fd"))
    with AnswerFolder(tmp_path) as answers:
        assert [answers.read(key_of(number), 0, 1)[0].text for number in range(100)] == list(map(str, range(100)))
        assert len(os.listdir("/proc/self/fd")) < before + 70


def test_a_segment_that_vanished_is_named(tmp_path: Path) -> None:
    with AnswerFolder(tmp_path) as answers:
        answers.write(key_of("k"), 0, [Completion("t", "stop", 1, 1)])
    with AnswerFolder(tmp_path) as answers:
        (segment,) = tmp_path.glob("*.jsonl")
        segment.unlink()
        assert not answers.refresh()
        with pytest.raises(RecordError, match=rf"{segment.name}: cannot be read any more.*leave llm_cache alone"):
            answers.read(key_of("k"), 0, 1)


def test_the_compact_index_equals_a_dict() -> None:
    places, plain = Offsets(), {}
    for number in range(200_000):
        key, value = (number * 0x9E3779B97F4A7C15) % (1 << 64) >> (number % 3), number
        places.put(key, value)
        plain[key] = value
    assert all(places.get(key) == value for key, value in plain.items())
    assert places.get(1) == plain.get(1)
    assert (places.get((1 << 64) - 1), places.get(0)) == (plain.get((1 << 64) - 1), plain.get(0))
