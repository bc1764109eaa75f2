"""What the page shows of a training: the check, warnings, curves, and how likely each class of solutions became."""

from __future__ import annotations

import re
from pathlib import Path

from codedpo.config import make_config
from codedpo.job import RunResult
from codedpo.report import RunSummary, write_report
from codedpo.report.training import training_view
from codedpo.report.training_figures import (
    compared_likelihoods_figure,
    lengths_figure,
    likelihood_figure,
    training_figure,
)
from codedpo.rounds import Improvement, Round
from codedpo.summary import closing_lines
from codedpo.train.check import check
from codedpo.train.result import TrainResult
from codedpo.train.settings import Train
from codedpo.trial import Trained
from training_results import follow, make_result


def texts(svg: str) -> list[str]:
    """What a figure says: matplotlib keeps each text as a comment beside its outlines."""
    assert svg.startswith("<svg")
    return [text.strip() for text in re.findall(r"<!--(.*?)-->", svg, re.S)]


def improvement(result: TrainResult) -> Improvement:
    return Improvement(None, (Round(1, {}, Trained(result, Path("final")), None),))


def page(folder: Path, result: TrainResult, method: str | list[str] = "rpo") -> str:
    config = make_config({"run_folder": "r", "llm": {"model": "smollm2-135m"}, "train": {"method": method}})
    path = folder / "report.html"
    write_report(RunSummary(config, {}, improvement(result)), path)
    return path.read_text()


def test_the_page_shows_the_check_as_a_table_and_a_histogram(tmp_path: Path) -> None:
    text = page(tmp_path, make_result())
    assert "<h3>The check before training</h3>" in text
    assert "<td>trained on</td><td>2 of 4 (50.0%)</td>" in text
    assert "<td>of these efficiency</td><td>1 of 2 (50.0%)</td>" in text
    assert "<td>longer than train.max_length, dropped whole</td><td>1 of 4 (25.0%)</td>" in text
    assert "programs labelled good" not in text
    assert text.count("<svg") == 3  # lengths, curves, likelihoods
    assert "RPO, 2 steps on 2 pairs" in text


def test_labels_of_single_programs_are_shown() -> None:
    found = check([1], ["trained on"], ["correctness"])
    labelled = make_result(check=type(found)(**{**vars(found), "positives": 3, "negatives": 1}))
    view = training_view(Train(method="kto", device_batch_size=2), labelled)
    assert view is not None
    assert ("programs labelled good", "3 of 4 (75.0%)") in [(line.name, line.value) for line in view.check]


def test_a_chain_is_named_in_order(tmp_path: Path) -> None:
    assert "SFT, then RPO, 2 steps" in page(tmp_path, make_result(), ["sft", "rpo"])


def test_warnings_stand_on_the_page_and_in_the_closing_lines(tmp_path: Path) -> None:
    result = make_result(warnings=("chosen programs <fell>",))
    assert '<p class="warning">Warning: chosen programs &lt;fell&gt;.</p>' in page(tmp_path, result)
    lines = closing_lines(RunResult(tmp_path, tmp_path / "report.html", {"pairs": 4}, improvement(result)))
    assert "warning: chosen programs <fell>" in lines


def test_what_was_not_held_out_is_not_shown_as_nan(tmp_path: Path) -> None:
    nan = float("nan")
    result = make_result(held_out_pairs=0, held_out_accuracy_before=nan, held_out_accuracy_after=nan, likelihoods=())
    text = page(tmp_path, result)
    assert "nan" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.S)
    assert "No pair was held out." in text
    assert text.count("<svg") == 2
    lines = closing_lines(RunResult(tmp_path, tmp_path / "report.html", {}, improvement(result)))
    assert not any("nan" in line for line in lines)


def test_likelihoods_are_drawn_as_they_are_and_as_they_changed() -> None:
    shown = texts(likelihood_figure(follow((-0.5, -0.9), (-0.4, -1.2))))
    assert "log-probability per token (nats)" in shown
    assert "change since step 0 (nats per token)" in shown
    assert shown.count("correct (3)") == shown.count("incorrect (3)") == 2
    assert "fast (3)" not in shown
    assert likelihood_figure(()) == ""
    assert likelihood_figure(follow((), ())) == ""  # nothing to follow


def test_methods_are_drawn_side_by_side_on_one_scale() -> None:
    sft = make_result(likelihoods=follow((-0.5, -0.9, -0.6, -0.7), (-0.3, -0.6, -0.4, -0.5)))
    rpo = make_result(likelihoods=follow((-0.5, -0.9, -0.6, -0.7), (-0.4, -2.1, -0.5, -1.9)))
    shown = texts(compared_likelihoods_figure({"SFT": sft, "RPO": rpo, "none": make_result(likelihoods=())}))
    assert [text for text in shown if text in ("SFT", "RPO", "none")] == ["SFT", "RPO"]
    assert shown.count("slow (3)") == 2
    # One scale: SFT's panel reaches down to where RPO pushed the slow ones, -1.2.
    assert len([text for text in shown if "1.2" in text]) == 2
    assert compared_likelihoods_figure({"none": make_result(likelihoods=())}) == ""


def test_only_panels_with_curves_are_drawn() -> None:
    assert texts(training_figure([{"step": 1.0, "loss": 1.0}, {"step": 2.0, "loss": 0.5}])).count("optimiser step") == 1
    assert texts(training_figure(make_result().curves)).count("optimiser step") == 2
    assert training_figure([]) == ""


def test_the_histogram_has_a_bar_for_each_range_of_lengths() -> None:
    assert "tokens of prompt and longer completion" in texts(lengths_figure(make_result().check))
    assert lengths_figure(check([], [], [])) == ""
