"""Generation in this process, on a real, tiny, random model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codedpo.errors import LLMError
from codedpo.llms import Request, Sampling
from codedpo.llms.answers import AnswerFolder
from codedpo.llms.budget import Budget, Meter
from codedpo.llms.cache import CachedLLM
from codedpo.llms.transformers import Transformers
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend
SAMPLING = Sampling(temperature=1.0, top_p=0.95, top_k=50, max_tokens=12)
REQUESTS = [Request(({"role": "user", "content": "q" * (i % 4 + 1)},), SAMPLING, seed=100 * i, n=3) for i in range(4)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("tiny")))


def ask(model: str, tmp_path: Path, requests: list[Request], **settings: Any) -> list[list[str]]:
    with Transformers(model, **settings).open(cache=tmp_path, log=tmp_path / "log") as llm:
        return [[c.text for c in row] for row in llm.generate(requests, lambda *_: None)]


def test_samples_differ_and_come_again_with_the_same_seed(model: str, tmp_path: Path) -> None:
    first = ask(model, tmp_path, REQUESTS)
    assert first == ask(model, tmp_path, REQUESTS)
    assert len({text for row in first for text in row}) == 12


def test_the_batch_does_not_decide_the_answer(model: str, tmp_path: Path) -> None:
    together = ask(model, tmp_path, REQUESTS)
    alone = [ask(model, tmp_path, [request], batch_size=1)[0] for request in REQUESTS]
    assert together == alone
    assert ask(model, tmp_path, [replace(REQUESTS[1], first=1, n=2)]) == [together[1][1:]]


def test_greedy_answers_are_all_alike(model: str, tmp_path: Path) -> None:
    request = Request(({"role": "user", "content": "q"},), Sampling(temperature=0.0, max_tokens=8), seed=1, n=2)
    first, second = ask(model, tmp_path, [request])[0]
    assert first == second


def test_stops_are_looked_for_in_the_answer_alone(model: str, tmp_path: Path) -> None:
    plain = [text for row in ask(model, tmp_path, REQUESTS) for text in row]
    across = tuple(f"\n{text[0]}" for text in plain)  # the prompts end in a newline
    assert not any(stop in text for stop in across for text in plain)
    stopped = [replace(request, sampling=replace(SAMPLING, stop=across)) for request in REQUESTS]
    assert [text for row in ask(model, tmp_path, stopped) for text in row] == plain


def test_an_answer_ends_at_its_first_stop_and_no_other_in_the_batch(model: str, tmp_path: Path) -> None:
    plain = [text for row in ask(model, tmp_path, REQUESTS) for text in row]
    early = next(text for text in plain if text[:3].isascii())
    for stop in (early[0], early[1:3]):
        requests = [replace(request, sampling=replace(SAMPLING, stop=(stop,))) for request in REQUESTS]
        with Transformers(model).open(cache=tmp_path, log=tmp_path / "log") as llm:
            found = [completion for row in llm.generate(requests, lambda *_: None) for completion in row]
        assert [completion.text for completion in found] == [text.split(stop)[0] for text in plain]
        ended = found[plain.index(early)]
        assert (ended.completion_tokens, ended.finish_reason) == (len(ended.text) + len(stop), "stop")


def test_answers_are_reported_as_they_come_and_cached(model: str, tmp_path: Path) -> None:
    meter = Meter(Budget(max_tokens_total=60))
    with Transformers(model, batch_size=3).open(cache=tmp_path, log=tmp_path / "log", meter=meter) as llm:
        with (
            AnswerFolder(tmp_path / "a") as answers,
            pytest.raises(LLMError, match=r"budget is spent.*requests got no answer"),
        ):
            CachedLLM(llm, answers).generate(REQUESTS, lambda *_: None)
        answered = meter.usage.requests
        assert 0 < answered < 4
    whole = Meter()
    with (
        Transformers(model).open(cache=tmp_path, log=tmp_path / "log", meter=whole) as llm,
        AnswerFolder(tmp_path / "a") as answers,
    ):
        rows = CachedLLM(llm, answers).generate(REQUESTS, lambda *_: None)
    assert whole.usage.requests == 4 - answered
    assert [[c.text for c in row] for row in rows] == ask(model, tmp_path, REQUESTS)
    assert all(c.prompt_tokens > 0 and 0 < c.completion_tokens <= 12 for row in rows for c in row)
