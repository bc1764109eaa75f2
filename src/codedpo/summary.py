"""A finished run in, the closing lines of the terminal out: what was made, whatever it is."""

from __future__ import annotations

from codedpo.job import RunResult
from codedpo.scores import compare


def closing_lines(result: RunResult) -> list[str]:
    """The last one names the run folder, the report, the pairs, and pass@1 before and after."""
    lines = ["  ".join(f"{name} {rows}" for name, rows in result.rows.items())]
    improvement = result.improvement
    training = improvement.best.trained.result if improvement else None
    if training is not None:
        lines += [f"warning: {text}" for text in training.warnings]
    if training is not None and training.held_out_pairs:
        lines.append(
            f"held-out pairs ({training.held_out_pairs}): preference accuracy "
            f"{training.held_out_accuracy_before:.2f} -> {training.held_out_accuracy_after:.2f}, "
            f"chosen gained more than rejected in {training.held_out_reward_accuracy:.2f} "
            f"(margin {training.held_out_margin_gain:+.2f} nats)"
        )
    score = "pass@1 not measured"
    after = improvement.best.rate if improvement else None
    if improvement is not None and improvement.before is not None and after is not None:
        before = improvement.before
        change = compare(before, after)
        lines.append(
            f"noise: {len(before.verdicts)} problems, difference {100 * change.difference:+.1f} points with 95% "
            f"interval {100 * change.low:+.1f} to {100 * change.high:+.1f}"
        )
        score = f"pass@1 {100 * before.value:.1f}% -> {100 * after.value:.1f}%"
    if result.overlap is not None:
        lines.append(f"contamination: {result.overlap.describe()}")
    pairs = f"{result.rows['pairs']} pairs" if "pairs" in result.rows else "no pairs yet"
    lines.append(f"run {result.folder}  report {result.report}  {pairs}  {score}")
    return lines
