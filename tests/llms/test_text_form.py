"""A base model is asked for the continuation of one text, through `/completions`."""

import json

from faults import FaultServer, Reply

from codedpo.llms import Request, Sampling
from codedpo.llms.client import OpenAIClient
from codedpo.llms.openai import OpenAIServer
from codedpo.prompting import text_prompt

REQUEST = Request(({"role": "user", "content": "Add one."},), Sampling(stop=("END",)), seed=3, n=2)


def continuation(*texts: str) -> Reply:
    choices = [{"index": index, "text": text, "finish_reason": "stop"} for index, text in enumerate(texts)]
    return Reply(body=json.dumps({"choices": choices, "usage": {"prompt_tokens": 4, "completion_tokens": 6}}).encode())


def test_a_chat_goes_out_as_one_text_with_an_example_and_stops() -> None:
    server = FaultServer([continuation("a", "b")])
    settings = OpenAIServer("m", base_url=server.base_url, weights="w", form="text")
    with server, OpenAIClient(settings) as llm:
        ((first, second),) = llm.generate([REQUEST], lambda *_: None)
        # The cache's key holds it: what was answered to a chat is no answer here.
        assert llm.weights == "w asked in the form text"
    assert [(first.text, first.completion_tokens), (second.text, second.prompt_tokens)] == [("a", 3), ("b", 4)]
    assert server.paths == ["/v1/completions"]
    (payload,) = server.requests
    prompt = text_prompt(REQUEST.messages)
    assert payload["prompt"] == prompt.text
    assert "messages" not in payload
    assert prompt.text.endswith("Add one.\n\n### Response:\n")
    assert prompt.text.count("### Response:") == 2
    assert payload["stop"] == ["END", *prompt.stop]
