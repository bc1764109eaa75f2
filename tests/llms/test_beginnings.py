"""Answers that have begun (a prefill), and texts that a base model goes on with: what is sent, and what comes back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from faults import FaultServer, Reply

from codedpo.benchmarks.humaneval import HumanEval
from codedpo.llms import Request, Sampling
from codedpo.llms.answers import AnswerFolder
from codedpo.llms.cache import CachedLLM
from codedpo.llms.client import OpenAIClient
from codedpo.llms.openai import OpenAIServer
from codedpo.llms.transformers import Transformers
from codedpo.prompting import TextPrompt
from tiny_model import save_tiny_model

BEGUN, TEXT = TextPrompt("Here:\n```python\n", ("\n```\n",)), TextPrompt("def f(x):\n", ("\ndef ",))
REQUEST = Request(({"role": "user", "content": "Add."},), Sampling(stop=("END",)), seed=3, begun=BEGUN, text=TEXT)


def said(text: str) -> Reply:
    choices = [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}]
    return Reply(body=json.dumps({"choices": choices, "usage": {"completion_tokens": 6}}).encode())


@pytest.mark.parametrize(
    "answer", ["x = 1", BEGUN.text + "x = 1"], ids=["goes on", "repeats the beginning, as llama.cpp"]
)
def test_a_server_that_can_goes_on_with_the_answer(answer: str) -> None:
    server = FaultServer([said(answer)])
    with server, OpenAIServer("m", base_url=server.base_url, prefill=True).open(cache=Path(), log=Path()) as llm:
        ((found,),) = llm.generate([REQUEST], lambda *_: None)
        assert llm.weights == "with prefill"
    assert found.text == BEGUN.text + "x = 1"
    (payload,) = server.requests
    assert payload["messages"] == [REQUEST.messages[0], {"role": "assistant", "content": BEGUN.text}]
    assert (payload["continue_final_message"], payload["add_generation_prompt"]) == (True, False)
    assert payload["stop"] == ["END", "\n```\n"]


def test_another_server_gets_the_chat_alone() -> None:
    server = FaultServer([said("```python\nx = 1\n```")])
    with server, OpenAIClient(OpenAIServer("m", base_url=server.base_url)) as llm:
        ((found,),) = llm.generate([REQUEST], lambda *_: None)
    assert found.text == "```python\nx = 1\n```"
    (payload,) = server.requests
    assert (payload["messages"], payload["stop"]) == ([REQUEST.messages[0]], ["END"])
    assert "continue_final_message" not in payload


def test_stops_that_a_hosted_server_does_not_take_end_the_answer_here() -> None:
    sampling = Sampling(stop=("1", "2", "3", "4", "5"))
    server = FaultServer([said("a5b6")])
    with server, OpenAIClient(OpenAIServer("m", base_url=server.base_url, extended=False)) as llm:
        ((found,),) = llm.generate([replace(REQUEST, sampling=sampling)], lambda *_: None)
    assert found.text == "a"
    assert server.requests[0]["stop"] == ["1", "2", "3", "4"]


def test_a_refusal_is_no_answer_that_has_begun() -> None:
    choices = [{"index": 0, "text": "", "finish_reason": "content_filter"}]
    server = FaultServer([Reply(body=json.dumps({"choices": choices}).encode())])
    with server, OpenAIClient(OpenAIServer("m", base_url=server.base_url, form="text")) as llm:
        ((found,),) = llm.generate([REQUEST], lambda *_: None)
    assert (found.finish_reason, found.text) == ("refused", "")


def test_a_base_model_goes_on_with_its_text() -> None:
    choices = [{"index": 0, "text": "    return x", "finish_reason": "stop"}]
    server = FaultServer([Reply(body=json.dumps({"choices": choices}).encode())])
    with server, OpenAIClient(OpenAIServer("m", base_url=server.base_url, form="text", prefill=True)) as llm:
        ((found,),) = llm.generate([REQUEST], lambda *_: None)
    assert found.text == "def f(x):\n    return x"
    assert (server.requests[0]["prompt"], server.requests[0]["stop"]) == (TEXT.text, ["END", "\ndef "])


def test_other_beginnings_are_other_questions(tmp_path: Path) -> None:
    server = FaultServer([said("a"), said("b"), said("c")])
    settings = OpenAIServer("m", base_url=server.base_url, prefill=True)
    with server, OpenAIClient(settings) as llm, AnswerFolder(tmp_path) as answers:
        cached = CachedLLM(llm, answers)
        for request in (REQUEST, replace(REQUEST, begun=None), replace(REQUEST, begun=None, text=None), REQUEST):
            cached.generate([request], lambda *_: None)
    assert len(server.requests) == 3


@pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend
def test_transformers_go_on_with_the_answer(tmp_path: Path) -> None:
    model = str(save_tiny_model(tmp_path / "tiny"))
    sampling = Sampling(temperature=0, max_tokens=6)
    with Transformers(model).open(cache=tmp_path, log=tmp_path / "log") as llm:
        plain, begun = (
            llm.generate([replace(REQUEST, sampling=sampling, begun=given)], lambda *_: None)[0][0]
            for given in (None, BEGUN)
        )
    assert begun.text.startswith(BEGUN.text) and not plain.text.startswith(BEGUN.text)
    assert begun.prompt_tokens > plain.prompt_tokens
    assert begun.completion_tokens <= 6


def test_problems_are_asked_as_evalplus_asks() -> None:
    request = HumanEval().problems()[0].request(Sampling(), 0, 1)
    (message,) = request.messages
    prompt = HumanEval().problems()[0].prompt.strip()
    assert message["content"] == (
        "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
        f"\n```\n{prompt}\n```\n"
    )
    assert request.begun and request.begun.text == (
        "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:"
        "\n```python\n"
    )
    assert request.begun.stop == ("\n```\n",)
    assert request.text == TextPrompt(f"{prompt}\n", ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert "))
    assert request.sampling.stop[:3] == ("<|endoftext|>", "<|endofmask|>", "</s>")
