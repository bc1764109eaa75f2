"""Finished pairs in; a model trained on them, and on pairs of its own making in later rounds, out.

One round trains and measures. With `rounds: k` the trained model then writes new solutions and tests for the same
tasks, which are executed, ranked, timed and paired as before, and training goes on from it with itself as the
reference (as in iterative preference optimisation, arXiv 2404.19733); the paper leaves this open. Where pass@1 no
longer rises, the rounds end, and the best model is the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from codedpo.config import Config
from codedpo.engine import Engine
from codedpo.errors import ConfigError
from codedpo.evaluate import PassRate
from codedpo.llms.llamacpp import LlamaCpp
from codedpo.llms.transformers import Transformers
from codedpo.places import Place
from codedpo.results import StageResult
from codedpo.train.card import add_pass_rates
from codedpo.trial import Material, Trained, Workshop, gather, gguf_adapter, pass_rate, train_model


@dataclass(frozen=True)
class Round:
    """One time through sampling, training and measuring."""

    number: int
    """From 1."""
    results: dict[str, StageResult]
    """Of the data stages."""
    trained: Trained
    rate: PassRate | None
    """After it; None without evaluation."""


@dataclass(frozen=True)
class Improvement:
    """What training came to."""

    before: PassRate | None
    rounds: tuple[Round, ...]

    @property
    def best(self) -> Round:
        """The round whose model is the result: the first with the highest pass@1; the last one without evaluation."""
        rates = [round.rate.value if round.rate else 0.0 for round in self.rounds]
        return self.rounds[rates.index(max(rates))] if self.rounds[-1].rate else self.rounds[-1]


def still_gains(last: PassRate | None, new: PassRate | None) -> bool:
    """Whether another round is worth it: pass@1 has risen, or is not measured."""
    return last is None or new is None or new.value > last.value


def check_rounds(config: Config) -> None:
    """Say at the start if later rounds cannot work.

    Raises:
        ConfigError: names the key and what to write instead.
    """
    train, llm = config.train, config.llm
    if config.rounds == 1 or train is None:
        return
    if train.launch.nodes > 1:
        raise ConfigError("rounds: other machines join one training alone; take train.launch.nodes: 1, or rounds: 1")
    if config.samples.path:
        raise ConfigError("rounds: later rounds sample for the same tasks, so they need tasks; samples.path has none")
    if isinstance(llm, LlamaCpp) and not train.lora_rank:
        raise ConfigError("rounds: llama.cpp takes a trained adapter, not whole weights; set train.lora_rank above 0")
    if not isinstance(llm, LlamaCpp | Transformers):
        raise ConfigError(
            f"rounds: a server that runs elsewhere (llm.kind: {llm.kind}) cannot be given new weights; take llm.kind "
            "llamacpp or transformers"
        )
    if isinstance(llm, LlamaCpp) and train.model not in ("", llm.model):
        raise ConfigError(
            "rounds: the model that is trained samples next; leave train.model empty, or take transformers"
        )


def improve(shop: Workshop, place: Place, results: dict[str, StageResult], *, evaluates: bool) -> Improvement:
    """Train on the pairs and measure before and after; once, or in rounds.

    Args:
        place: the run folder.
        results: of the data stages.
        evaluates: whether pass@1 is measured, where the configuration says so.
    """
    before = pass_rate(shop, None, "before") if evaluates else None
    rounds: list[Round] = []
    for round in _rounds(shop, place, results, evaluates=evaluates):
        rounds.append(round)
        if shop.config.evaluate is not None and before is not None and round.rate is not None:
            for folder in (round.trained.folder, round.trained.folder.parent / "merged"):
                if folder.exists():
                    add_pass_rates(folder, shop.config.evaluate.title, before, round.rate)
        if not still_gains(rounds[-2].rate if len(rounds) > 1 else before, round.rate):
            break
    return Improvement(before, tuple(rounds))


def _rounds(shop: Workshop, place: Place, results: dict[str, StageResult], *, evaluates: bool) -> Iterator[Round]:
    trained: Trained | None = None
    held_out: frozenset[str] | None = None
    first = results
    for number in range(1, shop.config.rounds + 1):
        if trained is not None:
            results = _sample_again(shop, place, first["tasks"], trained, number)
        material = _material(shop, results, held_out)
        held_out = material.held_out
        name = f" {number}" if shop.config.rounds > 1 else ""
        trained = train_model(shop, material, f"train{name}", trained)
        yield Round(number, results, trained, pass_rate(shop, trained, f"after{name}") if evaluates else None)


def _material(shop: Workshop, results: dict[str, StageResult], held_out: frozenset[str] | None) -> Material:
    assert shop.config.train is not None
    return gather(results["pairs"].rows(), results["timings"].rows, shop.config.train, held_out)


def _sample_again(
    shop: Workshop, place: Place, tasks: StageResult, trained: Trained, number: int
) -> dict[str, StageResult]:
    """The data stages from samples on, with the trained model as the LLM."""
    config = _asking(shop, trained)
    shop.tools.change_llm(config)
    results = Engine(config, place, shop.tools, shop.observer, f"dropped-round-{number}.parquet").run(after=tasks)
    shop.tools.stop_llm()
    return results


def _asking(shop: Workshop, trained: Trained) -> Config:
    """The configuration, with the trained model in place of the LLM."""
    config, llm = shop.config, shop.config.llm
    assert config.train is not None
    name = config.train.model or llm.model
    if isinstance(llm, LlamaCpp):
        return replace(config, llm=replace(llm, adapter=str(gguf_adapter(shop, trained))))
    assert isinstance(llm, Transformers)
    if config.train.lora_rank:
        return replace(config, llm=replace(llm, model=name, adapter=str(trained.folder)))
    return replace(config, llm=replace(llm, model=str(trained.folder)))
