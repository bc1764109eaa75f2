"""A request in, the JSON that OpenAI-compatible servers read out; their JSON in, completions out."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from codedpo.llms import Completion, Request
from codedpo.prompting import text_prompt

Form = Literal["chat", "text"]
"""How a model is asked: with a chat, or with one text that it goes on with."""

_MOST_TOKENS = 2**31
_MOST_STOPS = 4
"""That OpenAI's own API takes."""
_UNFINISHED = ("abort", "aborted", "cancelled", "error")
"""Finish reasons of an answer that broke off at the server's own fault: it must not be kept as a whole one."""


class InvalidAnswerError(ValueError):
    """What came is not a chat completion; it is asked for again."""


def encode(request: Request, model: str, *, form: Form = "chat", extended: bool, prefill: bool = False) -> bytes:
    """The body of a request to `/chat/completions` or `/completions`, in ASCII: a lone surrogate can be sent too.

    Args:
        extended: with the parameters that OpenAI's own API does not know.
        prefill: let the server go on with how the answer begins.
    """
    sampling, asked = request.sampling, asked_of(request, form, prefill)
    payload: dict[str, Any] = {
        "model": model,
        **asked.payload,
        "n": request.n,
        "seed": request.seed + request.first,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
    }
    if asked.stop:
        payload["stop"] = asked.stop if extended else asked.stop[:_MOST_STOPS]
    if extended:
        penalty = sampling.repetition_penalty  # vLLM's name, then llama.cpp's
        payload |= {"top_k": sampling.top_k, "repetition_penalty": penalty, "repeat_penalty": penalty}
    return json.dumps(payload).encode()


@dataclass(frozen=True)
class Asked:
    """A request in one of the two forms."""

    payload: dict[str, Any]
    stop: tuple[str, ...]
    """Where the answer ends."""
    begun: str
    """The part of the answer that is sent, so that the server gives only what follows it."""

    def whole(self, given: Completion) -> Completion:
        """The answer that a server's text makes; llama.cpp repeats how it began, and OpenAI knows four stops only."""
        if given.finish_reason == "refused":
            return given
        text = given.text.removeprefix(self.begun)
        if ends := [text.find(stop) for stop in self.stop if stop in text]:
            return replace(given, text=self.begun + text[: min(ends)], finish_reason="stop")
        return replace(given, text=self.begun + text)


def asked_of(request: Request, form: Form, prefill: bool) -> Asked:
    """What is sent for a request.

    Args:
        prefill: let the server go on with how the answer begins.
    """
    stop = request.sampling.stop
    if form == "text":
        prompt = request.text or text_prompt(request.messages)
        return Asked({"prompt": prompt.text}, (*stop, *prompt.stop), request.text.text if request.text else "")
    if not (prefill and request.begun):
        return Asked({"messages": list(request.messages)}, stop, "")
    messages = [*request.messages, {"role": "assistant", "content": request.begun.text}]
    told = {"continue_final_message": True, "add_generation_prompt": False}  # vLLM, SGLang; llama.cpp sees it itself
    return Asked({"messages": messages, **told}, (*stop, *request.begun.stop), request.begun.text)


def decode(body: bytes) -> list[Completion]:
    """The completions in a server's answer, in the order of their indices.

    Raises:
        InvalidAnswerError: it is not a chat completion; says what is wrong.
    """
    try:
        reply: Any = json.loads(body)
        if reply.get("error") and not reply.get("choices"):
            raise InvalidAnswerError(error_text(body))
        choices = cast(list[Any], reply["choices"])
        usage = cast(dict[str, Any], reply.get("usage") or {})
        if not choices:
            raise InvalidAnswerError("no choices")
        ordered = sorted(choices, key=lambda choice: choice.get("index") or 0)
        prompt, generated = _tokens(usage.get("prompt_tokens")), _tokens(usage.get("completion_tokens"))
        # The server tells one sum: shared out evenly, the first ones take what is left over.
        share, rest = divmod(generated, len(ordered))
        return [_completion(choice, prompt, share + (index < rest)) for index, choice in enumerate(ordered)]
    except InvalidAnswerError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidAnswerError(f"{type(error).__name__}: {error}"[:200]) from error


def _completion(choice: Any, prompt_tokens: int, completion_tokens: int) -> Completion:
    text = choice["message"].get("content") if "message" in choice else choice["text"]
    finish = choice.get("finish_reason") or "stop"
    if text is not None and not isinstance(text, str):
        raise InvalidAnswerError("a choice whose content is not text")
    if finish in _UNFINISHED:
        raise InvalidAnswerError(f"an answer that broke off, finish reason {finish}")
    if finish == "content_filter" or (text is None and finish != "length"):
        problem = f"an answer without text, finish reason {finish}"
        return Completion("", "refused", prompt_tokens, completion_tokens, problem)
    return Completion(
        _valid_text(text or ""), "length" if finish == "length" else "stop", prompt_tokens, completion_tokens
    )


def _tokens(told: Any) -> int:
    """A count that can be one; 0, as where none is told, for anything else."""
    return int(told) if isinstance(told, int | float) and 0 <= told < _MOST_TOKENS else 0


def _valid_text(text: str) -> str:
    """The text with lone surrogates, which no file can hold, replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def error_text(body: bytes) -> str:
    """What a server says in the body of an error."""
    text = body.decode("utf-8", "replace")
    try:
        reply: Any = json.loads(text)
        text = str(reply["error"]["message"])
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return " ".join(text.split())[:300]
