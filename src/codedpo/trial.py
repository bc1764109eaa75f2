"""Pairs in; a model trained on them and its pass@1 out: what a run does once, rounds do again and ablations often."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from codedpo.config import Config
from codedpo.evaluate import PassRate, evaluate
from codedpo.llms import LLM, Completion
from codedpo.llms.llamacpp import LlamaCpp
from codedpo.models import Model, locate, weights_in
from codedpo.progress import Observer
from codedpo.prompting import template
from codedpo.records import Pair, Timing
from codedpo.tools import RunTools
from codedpo.train import VERSION
from codedpo.train.job import TrainJob
from codedpo.train.launch import run_training
from codedpo.train.likelihood import Probe, probes_of
from codedpo.train.methods import method_of
from codedpo.train.result import TrainResult
from codedpo.train.settings import Train
from codedpo.train.split import hold_out


@dataclass(frozen=True)
class Material:
    """What there is to train on and to follow the training with."""

    pairs: tuple[Pair, ...]
    held_out: frozenset[str]
    """Tasks that are not trained on."""
    probes: tuple[Probe, ...] = field(repr=False, default=())


@dataclass(frozen=True)
class Trained:
    """A trained model."""

    result: TrainResult
    folder: Path
    """Holds the weights or the adapter."""

    @property
    def key(self) -> str:
        """Stands for its weights, beside the hash of the base."""
        return self.folder.parent.name


@dataclass(frozen=True)
class Workshop:
    """Where and with what trials are made."""

    config: Config
    folder: Path
    """On this machine: `training/`, `evaluation/`."""
    tools: RunTools
    observer: Observer

    @functools.cached_property
    def model(self) -> Model:
        """The model that is trained; a file is hashed once."""
        assert self.config.train is not None
        return locate(self.config.train.model or self.config.llm.model, self.config.cache_folder)


def gather(
    pairs: Iterable[Pair],
    timings: Callable[[], Iterable[Timing]],
    settings: Train,
    held_out: frozenset[str] | None = None,
) -> Material:
    """Split the tasks, by a hash of their names before any pair is looked at, and choose what is followed.

    Args:
        timings: gives the rows that the pairs were made from, as often as it is asked.
        settings: say how many tasks are held out, and of how many the solutions are followed.
        held_out: those of an earlier round, which stay so.
    """
    if held_out is None:
        tasks = (row.ranking.execution.samples.task for row in timings())
        held_out = hold_out((task.id for task in tasks if task), settings.held_out)
    return Material(tuple(pairs), held_out, tuple(probes_of(timings(), held_out, most_tasks=settings.likelihood_tasks)))


def train_model(shop: Workshop, material: Material, label: str = "train", start: Trained | None = None) -> Trained:
    """Train on the material, or read what an earlier training with the same recipe left.

    Raises:
        ModelError: see `train.trainer.train`.
    """
    settings = shop.config.train
    assert settings is not None
    folder = shop.folder / "training" / _key(shop, material, start)
    shop.observer.started(label, None)
    done = 0

    def on_step(steps: int, total: int) -> None:
        nonlocal done
        shop.observer.expected(label, total)
        shop.observer.advanced(label, rows=max(0, steps - done))
        done = steps

    job = TrainJob(
        settings=settings,
        model=shop.model,
        pairs=material.pairs,
        held_out=material.held_out,
        probes=material.probes,
        folder=folder,
        references=shop.folder / "training" / "references",
        seed=shop.config.seed,
        start=start.folder if start else None,
    )
    result = run_training(job, on_step, lambda lines: shop.observer.noted(label, lines))
    shop.observer.finished(
        label, f"{result.steps} steps on {result.trained_pairs} pairs, last loss {result.final_loss:.3f}"
    )
    return Trained(result, folder / "final")


def pass_rate(shop: Workshop, trained: Trained | None, label: str) -> PassRate | None:
    """pass@1 of the model, or of the trained one; both through the same engine and the same weights."""
    settings = shop.config.evaluate
    if settings is None:
        return None
    step = f"evaluate {label}"
    problems = shop.config.problems()
    shop.observer.started(step, len(problems))

    def on_answer(_: int, completions: Sequence[Completion]) -> None:
        tokens = sum(completion.completion_tokens for completion in completions if not completion.cached)
        shop.observer.advanced(step, rows=1, answers=1, tokens=tokens)

    engine = "llamacpp" if _is_served(shop) else "transformers"
    rate = evaluate(
        settings,
        problems,
        f"{engine}:{_weights(shop, trained)}",
        lambda: _open_model(shop, trained),
        shop.tools.court(shop.folder / "evaluation"),
        label=label,
        on_answer=on_answer,
    )
    shop.observer.finished(step, f"{rate.passed} of {len(rate.verdicts)} solved")
    return rate


def _key(shop: Workshop, material: Material, start: Trained | None) -> str:
    settings = shop.config.train
    assert settings is not None
    chosen = {f.name: getattr(settings, f.name) for f in fields(settings) if f.metadata.get("key", True)}
    if any(method_of(name).estimates_kl for name in settings.chain):
        chosen["world"] = settings.launch.world  # KTO's estimates span the processes
    recipe: list[Any] = [VERSION, chosen, _weights(shop, None), shop.config.seed, sorted(material.held_out)]
    recipe.append(asdict(template("base")))  # what a base model's chat template shows first
    recipe += [start.key] if start else []
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True, default=str).encode())
    for pair in material.pairs:
        digest.update(json.dumps(asdict(pair), sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def _weights(shop: Workshop, trained: Trained | None) -> str:
    """Stands for the weights: hashes, and for a folder's files their names, sizes and times."""
    return "+".join([shop.model.sha256, *weights_in(shop.model.path), *([trained.key] if trained else [])])


def _is_served(shop: Workshop) -> bool:
    """Whether llama.cpp serves this model before and, with its LoRA as an adapter, after."""
    config = shop.config
    assert config.train is not None
    same = config.train.model in ("", config.llm.model)
    return isinstance(config.llm, LlamaCpp) and shop.model.is_gguf and same and config.train.lora_rank > 0


@contextlib.contextmanager
def _open_model(shop: Workshop, trained: Trained | None) -> Generator[LLM]:
    """llama.cpp with the LoRA as a GGUF adapter where the run generates there; else transformers."""
    if _is_served(shop):
        with shop.tools.open_llm(gguf_adapter(shop, trained) if trained else None) as llm:
            yield llm
        return
    from codedpo.llms.loading import free_memory, load_tokenizer, load_trained
    from codedpo.llms.transformers import TransformersLLM

    model = shop.model
    network = load_trained(model, trained.folder if trained else None)
    yield shop.tools.cached(TransformersLLM(model.name, _weights(shop, trained), network, load_tokenizer(model)))
    del network
    free_memory()


def gguf_adapter(shop: Workshop, trained: Trained) -> Path:
    """The trained LoRA as llama.cpp reads it."""
    from codedpo.train.adapter import write_gguf_adapter

    adapter = trained.folder / "adapter.gguf"
    return adapter if adapter.exists() else write_gguf_adapter(trained.folder, shop.model, adapter)
