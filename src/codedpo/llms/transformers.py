# pyright: basic, reportPrivateUsage=false, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""A transformers model in this process as an LLM: the engine for models that llama.cpp cannot serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codedpo.llms import Completion, OnAnswer, Request

_PADDING_CHUNK = 16


@dataclass(frozen=True)
class TransformersLLM:
    """Generates with loaded weights, in batches of requests of similar length."""

    model: str
    weights: str
    network: Any
    """The transformers model, or a PEFT model around it."""
    tokenizer: Any

    def generate(self, requests: Sequence[Request], on_answer: OnAnswer) -> list[list[Completion]]:
        prompts = [
            self.tokenizer.apply_chat_template(list(request.messages), tokenize=False, add_generation_prompt=True)
            for request in requests
        ]
        # One batch shares its sampling parameters; similar lengths waste little padding.
        order = sorted(range(len(requests)), key=lambda index: (repr(requests[index].sampling), len(prompts[index])))
        answers: dict[int, list[Completion]] = {index: [] for index in order}
        places = [index for index in order for _ in range(requests[index].n)]
        for start in range(0, len(places), _PADDING_CHUNK):
            self._batch(requests, prompts, places[start : start + _PADDING_CHUNK], answers)
        for index in order:
            on_answer(index, answers[index])
        return [answers[index] for index in range(len(requests))]

    def _batch(
        self, requests: Sequence[Request], prompts: list[str], places: list[int], answers: dict[int, list[Completion]]
    ) -> None:
        groups = {requests[index].sampling for index in places}
        if len(groups) > 1:
            for sampling in sorted(groups, key=repr):
                self._batch(requests, prompts, [i for i in places if requests[i].sampling == sampling], answers)
            return
        for index, completion in zip(places, self._complete(requests, prompts, places), strict=True):
            answers[index].append(completion)

    def _complete(self, requests: Sequence[Request], prompts: list[str], places: list[int]) -> list[Completion]:
        import torch

        sampling = requests[places[0]].sampling
        self.tokenizer.padding_side = "left"
        encoded = self.tokenizer(
            [prompts[i] for i in places], return_tensors="pt", padding=True, add_special_tokens=False
        )
        encoded = encoded.to(self.network.device)
        torch.manual_seed(sum(requests[index].seed for index in places) + len(places))
        arguments: dict[str, Any] = {"do_sample": sampling.temperature > 0}
        if arguments["do_sample"]:
            arguments |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
        output = self.network.generate(
            **encoded,
            **arguments,
            repetition_penalty=1.0,
            max_new_tokens=sampling.max_tokens,
            stop_strings=list(sampling.stop) or None,
            tokenizer=self.tokenizer,
        )
        prompt_length = encoded["input_ids"].shape[1]
        return [self._completion(row[prompt_length:].tolist(), prompt_length, sampling.stop) for row in output]

    def _completion(self, ids: list[int], prompt_tokens: int, stop: tuple[str, ...]) -> Completion:
        ends = {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}
        length = next((position for position, token in enumerate(ids) if token in ends), len(ids))
        text = self.tokenizer.decode(ids[:length], skip_special_tokens=True)
        stopped = [text.find(word) for word in stop if word in text]
        finished = length < len(ids) or bool(stopped)
        return Completion(
            text[: min(stopped)] if stopped else text, "stop" if finished else "length", prompt_tokens, length
        )
