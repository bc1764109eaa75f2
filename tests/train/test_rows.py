"""Rows for KTO: programs one by one, both labels in a forward pass, each with a program of another prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from jobs import make_job, make_pair, make_settings, run_job

from codedpo.train.data import Ids, TokenisedPair
from codedpo.train.rows import label
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")


def row(task: int, chosen: int, rejected: int) -> TokenisedPair:
    """A pair whose programs are one token each."""

    def ids(*values: int) -> Ids:
        return np.array(values, dtype=np.int32)

    return TokenisedPair(make_pair(task), ids(1000 + task), ids(chosen), ids(rejected))


@pytest.mark.parametrize("rows", [2, 4, 8])
def test_every_forward_pass_holds_both_labels(rows: int) -> None:
    labelled = label([row(n, n, 100 + n) for n in range(20)], rows=rows, seed=0, max_length=2048).rows
    assert len(labelled) == 40
    for start in range(0, 40, rows):
        assert sum(entry.is_good for entry in labelled[start : start + rows]) == rows / 2
    tasks = [int(entry.sequence.prompt[0]) for entry in labelled]
    assert tasks != sorted(tasks)


def test_a_program_of_several_pairs_comes_once_and_the_labels_stay_mixed() -> None:
    # One chosen program each in 4 tasks, against three rejected ones: 4 good, 12 bad.
    labelled = label(
        [row(n, n, 100 + 10 * n + k) for n in range(4) for k in range(3)], rows=4, seed=0, max_length=2048
    ).rows
    assert len(labelled) == 16
    for start in range(0, 16, 4):
        assert sum(entry.is_good for entry in labelled[start : start + 4]) == 1


def test_the_program_that_the_divergence_is_estimated_from_belongs_to_another_prompt() -> None:
    labelled = label([row(n, n, 100 + n) for n in range(20)], rows=4, seed=3, max_length=2048).rows
    for entry in labelled:
        own = int(entry.sequence.prompt[0]) - 1000
        assert entry.other.prompt[0] == entry.sequence.prompt[0]
        assert int(entry.other.completion[0]) not in (own, 100 + own)


def test_what_the_divergence_is_estimated_from_is_no_longer_than_what_is_trained_on() -> None:
    long = [row(n, n, 100 + n) for n in range(20)]
    whole = label(long, rows=4, seed=3, max_length=2048).rows
    most = max(entry.other.length for entry in whole) - 1
    cut = label(long, rows=4, seed=3, max_length=most).rows
    assert max(entry.other.length for entry in cut) == most
    assert [entry.sequence.key for entry in cut] == [entry.sequence.key for entry in whole]


def test_programs_that_fill_no_forward_pass_are_counted(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    settings = make_settings(method="kto", batch_size=4, device_batch_size=4)
    result = run_job(make_job(settings, tiny, [make_pair(n) for n in range(3)], tmp_path / "out"))
    assert (result.trained_pairs, result.trained_rows) == (3, 4)
    assert (result.check.positives, result.check.negatives) == (2, 2)
    assert result.check.unfilled == 2
    assert "labels: 2 good, 2 bad; 2 left out to fill forward passes" in list(result.check.lines())
