"""Tokenised pairs in, rows for TRL's trainers out: pairs for DPO, labelled programs for KTO, answers for SFT."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from codedpo.train.data import PromptCompletion, TokenisedPair
from codedpo.train.methods import Method

Row = Mapping[str, object]
"""A row of a dataset, by TRL's names of columns."""
Scores = Mapping[str, float]
"""Log-probabilities under the reference model, by key; empty where the trainer asks the model itself."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A program, whether it is a good one, and another prompt's program to estimate the KL divergence from."""

    sequence: PromptCompletion
    is_good: bool
    other: PromptCompletion
    """The same prompt with a program that belongs to another."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Labelled programs in the order in which they are trained on."""

    rows: tuple[Labelled, ...]
    unfilled: int
    """Programs at the end that fill no forward pass."""


def best_of_each_task(pairs: Sequence[TokenisedPair]) -> list[PromptCompletion]:
    """For SFT: of each task the chosen program with the highest score; of those one that is known to be faster."""
    best: dict[str, TokenisedPair] = {}
    for pair in pairs:
        rival = best.get(pair.pair.task_id)
        if rival is None or _merit(pair) > _merit(rival):
            best[pair.pair.task_id] = pair
    return [pair.sequences[0] for pair in best.values()]


def label(pairs: Sequence[TokenisedPair], *, rows: int, seed: int, max_length: int) -> Labels:
    """For KTO: programs one by one, each once, good and bad in turn and shuffled otherwise.

    So every forward pass of `rows` rows, over all processes, holds both labels as far as there are enough of both.
    TRL's own way of unpairing puts all good ones first, and its trainer keeps the order, so that batches would hold
    one label alone.
    """
    order = random.Random(seed)
    good = _distinct(pair.sequences[0] for pair in pairs)
    bad = _distinct(pair.sequences[1] for pair in pairs)
    order.shuffle(good)
    order.shuffle(bad)
    mixed = sorted(
        [((index + 0.5) / len(part), is_good, sequence) for part, is_good in ((good, True), (bad, False))
         for index, sequence in enumerate(part)],
        key=lambda entry: entry[:2],
    )  # fmt: skip
    whole = len(mixed) // rows * rows  # a row alone would estimate from itself
    labelled: list[Labelled] = []
    for start in range(0, whole, rows):
        sequences = [sequence for _, _, sequence in mixed[start : start + rows]]
        for index, (_, is_good, sequence) in enumerate(mixed[start : start + rows]):
            labelled.append(Labelled(sequence, is_good, _other(sequences, index, max_length)))
    return Labels(tuple(labelled), len(mixed) - whole)


def dpo_rows(pairs: Sequence[TokenisedPair], scores: Scores) -> Iterator[Row]:
    """Rows for DPOTrainer."""
    for pair in pairs:
        row: dict[str, object] = {"prompt_ids": pair.prompt, "chosen_ids": pair.chosen, "rejected_ids": pair.rejected}
        if scores:
            chosen, rejected = pair.sequences
            row |= {"ref_chosen_logps": scores[chosen.key], "ref_rejected_logps": scores[rejected.key]}
        yield row | {"length": pair.length}


def kto_rows(labelled: Sequence[Labelled], scores: Scores) -> Iterator[Row]:
    """Rows for KTOTrainer, in batches of the rows that `label` was given."""
    for entry in labelled:
        sequence, other = entry.sequence, entry.other
        row: dict[str, object] = {"prompt_ids": sequence.prompt, "completion_ids": sequence.completion}
        row |= {"KL_completion_ids": other.completion, "label": entry.is_good}
        if scores:
            row |= {"ref_logps": scores[sequence.key], "ref_KL_logps": scores[other.key]}
        yield row


def sft_rows(sequences: Sequence[PromptCompletion]) -> Iterator[Row]:
    """Rows for SFTTrainer: the loss is of the answer's tokens alone."""
    for sequence in sequences:
        ids = [*sequence.prompt.tolist(), *sequence.completion.tolist()]
        yield {
            "input_ids": ids,
            "labels": [-100] * len(sequence.prompt) + sequence.completion.tolist(),
            "length": len(ids),
        }


def sequences_to_score(
    method: Method, pairs: Sequence[TokenisedPair], labelled: Sequence[Labelled]
) -> list[PromptCompletion]:
    """All that the reference model is asked about."""
    if method.trainer == "kto":
        return [sequence for entry in labelled for sequence in (entry.sequence, entry.other)]
    return [sequence for pair in pairs for sequence in pair.sequences] if method.trainer == "dpo" else []


def _merit(pair: TokenisedPair) -> tuple[float, bool]:
    return pair.pair.chosen_score, pair.pair.kind == "efficiency"


def _other(sequences: Sequence[PromptCompletion], index: int, max_length: int) -> PromptCompletion:
    """The prompt of one with the completion of the nearest before it, in a circle, that has another prompt.

    It is cut to `max_length` tokens in all, as TRL would: policy and reference must score the same ones.
    """
    prompt = sequences[index].prompt
    before = [*sequences[:index][::-1], *sequences[:index:-1]] or [sequences[index]]
    strangers = [sequence for sequence in before if not np.array_equal(sequence.prompt, prompt)]
    return PromptCompletion(prompt, (strangers or before)[0].completion[: max_length - len(prompt)])


def _distinct(sequences: Iterable[PromptCompletion]) -> list[PromptCompletion]:
    return list({sequence.key: sequence for sequence in sequences}.values())
