# pyright: basic, reportPrivateUsage=false, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""A transformers model in this process as an LLM: the engine for models that llama.cpp cannot serve."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from codedpo.checks import require_at_least
from codedpo.errors import LLMError
from codedpo.llms import Completion, OnAnswer, Request, Sampling
from codedpo.llms.budget import Budget, Meter
from codedpo.llms.loading import begins_with_bos, text_stops
from codedpo.models import locate, weights_hash
from codedpo.prompting import TextPrompt


@dataclass(frozen=True)
class Transformers:
    """Generate in this process with a model in the transformers layout (or a GGUF file, dequantised)."""

    model: str
    """A packaged model's name, a GGUF file, a folder or a hub id."""
    kind: Literal["transformers"] = "transformers"
    batch_size: int = 16
    """Completions generated together."""
    adapter: str = ""
    """Folder of a PEFT adapter for the model."""
    budget: Budget = Budget()

    def __post_init__(self) -> None:
        require_at_least(self, "llm", batch_size=1)

    @property
    def weights(self) -> str:
        """The hash that stands for the model's weights, and the adapter's."""
        if not self.adapter:
            return weights_hash(self.model)
        return f"{weights_hash(self.model)}+{weights_hash(str(Path(self.adapter) / 'adapter_model.safetensors'))}"

    @contextlib.contextmanager
    def open(
        self, *, cache: Path, log: Path, adapter: Path | None = None, meter: Meter | None = None
    ) -> Generator[TransformersLLM]:
        """Load the model. `log` is not used.

        Raises:
            ModelError: the model cannot be had or loaded.
            LLMError: torch and transformers are not installed, or an adapter in GGUF was given.
        """
        if adapter is not None:
            raise LLMError("a LoRA adapter in GGUF cannot be loaded into transformers")
        model = locate(self.model, cache)
        try:
            from codedpo.llms.loading import load_tokenizer, load_trained

            network = load_trained(model, Path(self.adapter) if self.adapter else None)
            tokenizer = load_tokenizer(model)
        except ModuleNotFoundError as error:
            raise LLMError(f"llm.kind: transformers needs {error.name}: pip install 'codedpo[train]'") from error
        network.eval()
        yield TransformersLLM(self.model, self.weights, network, tokenizer, self.batch_size, meter or Meter())


@dataclass(frozen=True)
class _Row:
    """One completion to be generated."""

    position: int
    """Of its request."""
    prompt: str
    begun: str
    """The end of the prompt that belongs to the answer."""
    sampling: Sampling
    seed: int


@dataclass(frozen=True)
class TransformersLLM:
    """Generates with loaded weights, in batches of requests of similar length.

    Each completion draws from a generator of its own, seeded by its request and index, so that the batch it falls into
    does not decide it (rounding aside, which padding changes in the last digits).
    """

    model: str
    weights: str
    network: Any
    """The transformers model, or a PEFT model around it."""
    tokenizer: Any
    batch_size: int = 16
    meter: Meter = field(default_factory=Meter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def generate(self, requests: Sequence[Request], on_answer: OnAnswer) -> list[list[Completion]]:
        answers: list[list[Completion]] = [[] for _ in requests]
        with self._lock:
            for batch in self._batches(requests):
                if reason := self.meter.stop_reason():
                    missing = sum(len(answer) < request.n for answer, request in zip(answers, requests, strict=True))
                    raise LLMError(
                        f"{reason}. {missing} of {len(requests)} requests got no answer; the others are kept"
                    )
                completions = zip(batch, self._complete(batch), strict=True)
                for position, group in itertools.groupby(completions, key=lambda pair: pair[0].position):
                    part = [completion for _, completion in group]
                    answers[position] += part
                    self.meter.answered(part)
                    on_answer(position, part)
        return answers

    def _batches(self, requests: Sequence[Request]) -> Iterator[list[_Row]]:
        """Rows of equal sampling parameters, sorted by length so that little is wasted on padding."""
        asked = [self._asked(request) for request in requests]
        order = sorted(range(len(requests)), key=lambda index: (repr(asked[index].sampling), len(asked[index].prompt)))
        rows = [
            replace(asked[position], position=position, seed=request.seed + request.first + index)
            for position in order
            for request in (requests[position],)
            for index in range(request.n)
        ]
        for _, group in itertools.groupby(rows, key=lambda row: row.sampling):
            yield from (list(batch) for batch in _chunks(list(group), self.batch_size))

    def _asked(self, request: Request) -> _Row:
        """What the model reads and where its answer ends; a base model reads the request's own text, if it has one."""
        sampling, stops = request.sampling, text_stops(self.tokenizer)
        if stops and request.text:
            start = self.tokenizer.bos_token if begins_with_bos(self.tokenizer) else ""
            begun = request.text
        else:
            start = self.tokenizer.apply_chat_template(
                list(request.messages), tokenize=False, add_generation_prompt=True
            )
            begun = request.begun or TextPrompt("")
            sampling = replace(sampling, stop=(*sampling.stop, *stops))
        sampling = replace(sampling, stop=(*sampling.stop, *begun.stop))
        return _Row(0, start + begun.text, begun.text, sampling, 0)

    def _complete(self, rows: Sequence[_Row]) -> list[Completion]:
        sampling = rows[0].sampling
        self.tokenizer.padding_side = "left"
        encoded = self.tokenizer(
            [row.prompt for row in rows], return_tensors="pt", padding=True, add_special_tokens=False
        ).to(self.network.device)
        output = self.network.generate(
            **encoded,
            do_sample=False,  # the draw is made by the last processor
            logits_processor=_processors(sampling, [row.seed for row in rows]),
            repetition_penalty=sampling.repetition_penalty,
            max_new_tokens=sampling.max_tokens,
            stopping_criteria=self._criteria(sampling.stop, encoded["input_ids"].shape[1]),
        )
        prompt_tokens = encoded["attention_mask"].sum(dim=1).tolist()
        generated = output[:, encoded["input_ids"].shape[1] :].tolist()
        return [
            self._completion(row, ids, tokens) for row, ids, tokens in zip(rows, generated, prompt_tokens, strict=True)
        ]

    def _criteria(self, stops: Sequence[str], prompt_width: int) -> Any:
        """Where answers end beside the end tokens; `stop_strings` of `generate` may begin in the prompt."""
        from transformers import StoppingCriteriaList, StopStringCriteria

        if not stops:
            return StoppingCriteriaList()
        found = StopStringCriteria(self.tokenizer, list(stops))
        return StoppingCriteriaList([lambda ids, scores, **_: found(ids[:, prompt_width:], scores)])

    def _completion(self, row: _Row, ids: list[int], prompt_tokens: int) -> Completion:
        ends = {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}
        length = next((position for position, token in enumerate(ids) if token in ends), len(ids))
        text = self.tokenizer.decode(ids[:length], skip_special_tokens=True)
        stopped = [text.find(word) for word in row.sampling.stop if word in text]
        finished = length < len(ids) or bool(stopped)
        text = text[: min(stopped)] if stopped else text
        return Completion(row.begun + text, "stop" if finished else "length", prompt_tokens, length)


def _chunks(rows: list[_Row], size: int) -> Iterator[list[_Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _processors(sampling: Sampling, seeds: Sequence[int]) -> Any:
    """What turns logits into a draw at argmax; nothing where the temperature is 0."""
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    processors: Any = LogitsProcessorList()
    if sampling.temperature > 0:
        processors.append(TemperatureLogitsWarper(float(sampling.temperature)))
        if sampling.top_k > 0:
            processors.append(TopKLogitsWarper(sampling.top_k))
        if sampling.top_p < 1:
            processors.append(TopPLogitsWarper(sampling.top_p))
        processors.append(_GumbelNoise(seeds))
    return processors


class _GumbelNoise:
    """Adds Gumbel noise to logits: their argmax is then a draw from the softmax (the Gumbel-max trick).

    One generator per row, so that a row's draws do not depend on the rows beside it.
    """

    def __init__(self, seeds: Sequence[int]):
        self._seeds = seeds
        self._generators: list[Any] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        if not self._generators:
            self._generators = [torch.Generator(scores.device).manual_seed(seed) for seed in self._seeds]
        waits = torch.empty_like(scores, dtype=torch.float32)
        for row, generator in zip(waits, self._generators, strict=True):
            row.exponential_(generator=generator)
        return scores - waits.log()
