"""A model is trained, asked and measured in one form: its chat template, or the one text of a base model."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from jobs import make_pair

from codedpo.llms import Request, Sampling
from codedpo.llms.llamacpp import LlamaCpp
from codedpo.llms.loading import load_tokenizer, load_weights
from codedpo.llms.transformers import TransformersLLM
from codedpo.models import default_cache, has_chat_template, locate
from codedpo.prompting import completion, solution_prompt, template, text_prompt
from codedpo.records import Message
from codedpo.train.data import ChatTokenizer
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend
ASKED = solution_prompt("Add one.", "def add(x: int) -> int:")
VALUES = {"text": "T", "signature": "S", "code": "C", "concepts": "N", "arguments": "A", "count": "5"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without a chat template."""
    folder = save_tiny_model(tmp_path_factory.mktemp("base"))
    (folder / "chat_template.jinja").unlink()
    return folder


class Spy:
    """Weights that keep what they are given."""

    def __init__(self, weights: Any):
        self.weights, self.device, self.given = weights, weights.device, []

    def generate(self, **arguments: Any) -> Any:
        self.given.append(arguments)
        return self.weights.generate(**arguments)


def fed(folder: Path, messages: Sequence[Message]) -> dict[str, Any]:
    """What generation gives the model."""
    model = locate(str(folder), folder)
    spy = Spy(load_weights(model))
    llm = TransformersLLM("m", "w", spy, load_tokenizer(model))
    llm.generate([Request(tuple(messages), Sampling(max_tokens=1), seed=0)], lambda *_: None)
    return spy.given[0]


def chat_of(folder: Path) -> ChatTokenizer:
    model = locate(str(folder), folder)
    return ChatTokenizer.of(load_tokenizer(model), load_weights(model))


@pytest.mark.parametrize("name", ["tiny", "base"])
def test_training_asks_with_the_tokens_that_generation_feeds(name: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(name)
    assert chat_of(folder).ask(ASKED).tolist() == fed(folder, ASKED)["input_ids"][0].tolist()


def test_a_base_model_stops_where_another_turn_would_begin(tiny: Path, base: Path) -> None:
    given = fed(base, ASKED)
    tokenizer = load_tokenizer(locate(str(base), base))
    for answer, ends in (("x\n### Instruction", True), ("x\n### Response", True), ("x\n### Instr", False)):
        ids = tokenizer(answer, add_special_tokens=False, return_tensors="pt")["input_ids"]
        assert tokenizer.decode(ids[0]) == answer
        row = torch.cat([given["input_ids"], ids], dim=1)
        assert given["stopping_criteria"](row, None).tolist() == [ends]
    assert len(fed(tiny, ASKED)["stopping_criteria"]) == 0


@pytest.mark.parametrize("name", ["solution", "tests", "concepts", "task", "inputs", "judge"])
def test_a_base_model_reads_the_one_text_that_servers_are_sent(name: str, base: Path) -> None:
    tokenizer = load_tokenizer(locate(str(base), base))
    messages = list(template(name).render(**VALUES))
    shown = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert shown == text_prompt(messages).text


def test_a_base_model_learns_to_end_its_answer_to_that_text(base: Path) -> None:
    chat = chat_of(base)
    answer = completion("def add(x):\n    return x + 1")
    row = chat.answer(ASKED, [answer])
    assert chat.tokenizer.decode(row.prompt) == text_prompt(ASKED).text
    assert chat.tokenizer.decode(row.completion) == answer["content"] + "<end>"
    pair = make_pair(1)
    assert chat.answer(pair.prompt, pair.rejected).prompt.tolist() == chat.ask(pair.prompt).tolist()


def test_a_base_model_whose_texts_begin_with_a_token_is_trained_on_texts_that_do(base: Path, tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    start = tokenizer.convert_tokens_to_ids("<start>")
    tokenizer.bos_token = "<start>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<start> $A", special_tokens=[("<start>", start)]
    )
    tokenizer.save_pretrained(tmp_path)
    assert tokenizer("a")["input_ids"][0] == start
    again = load_tokenizer(replace(locate(str(base), base), path=tmp_path))
    chat = replace(chat_of(base), tokenizer=again)
    assert chat.ask(ASKED).tolist() == tokenizer(text_prompt(ASKED).text)["input_ids"]


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("name", ["smollm2-135m", "qwen2.5-coder-0.5b"])
def test_llama_cpp_feeds_the_tokens_that_training_asks_with(name: str, tmp_path: Path) -> None:
    model = locate(name, default_cache())
    chat = ChatTokenizer(load_tokenizer(model), frozenset())
    with LlamaCpp(model=name).open(cache=default_cache(), log=tmp_path / "log") as llm:
        rendered = post(llm, "/apply-template", {"messages": list(ASKED)})["prompt"]
        tokens = post(llm, "/tokenize", {"content": rendered, "add_special": True, "parse_special": True})["tokens"]
        ((answer,),) = llm.generate([Request(ASKED, Sampling(max_tokens=1), seed=0)], lambda *_: None)
    assert rendered == chat.tokenizer.apply_chat_template(list(ASKED), tokenize=False, add_generation_prompt=True)
    assert tokens == chat.ask(ASKED).tolist()
    assert answer.prompt_tokens == len(tokens)


@pytest.mark.slow
@pytest.mark.network
def test_llama_cpp_asks_a_base_model_with_the_text_that_it_is_trained_on(tmp_path: Path) -> None:
    content = locate("smollm2-135m", default_cache()).path.read_bytes()
    path = tmp_path / "base.gguf"
    path.write_bytes(content.replace(b"tokenizer.chat_template", b"tokenizer.chat_templatx"))  # a name nobody knows
    assert not has_chat_template(path)
    chat = ChatTokenizer(load_tokenizer(locate(str(path), tmp_path)), frozenset())
    with LlamaCpp(model=str(path)).open(cache=tmp_path, log=tmp_path / "log") as llm:
        content = {"content": text_prompt(ASKED).text, "add_special": True, "parse_special": True}
        tokens = post(llm, "/tokenize", content)["tokens"]
        ((answer,),) = llm.generate([Request(ASKED, Sampling(max_tokens=1), seed=0)], lambda *_: None)
    assert tokens == chat.ask(ASKED).tolist()
    assert answer.prompt_tokens == len(tokens)


def post(llm: Any, path: str, body: dict[str, Any]) -> Any:
    """Ask the server that a client speaks to."""
    address = llm._server.base_url.removesuffix("/v1")
    headers = {"Authorization": f"Bearer {llm._api_key}", "Content-Type": "application/json"}
    request = urllib.request.Request(address + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)
