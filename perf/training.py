"""Training against bare TRL, same pairs, same arguments: `python perf/training.py [--model M] [--pairs N]`.

Pairs are those of perf/data/qwen05b_pairs.parquet (by Qwen2.5-Coder-0.5B, see perf/mbpp.yaml). Each case is run by both
in turn, each time in a process of its own: loading, tokenising, reference, training and saving. Printed are
tokens per second of processor time and of wall time (prompt, chosen and rejected of each step), the largest resident
memory, and the ratios codedpo / TRL, medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PAIRS = Path(__file__).parent / "data" / "qwen05b_pairs.parquet"


@dataclass(frozen=True)
class Case:
    """What is compared."""

    name: str
    epochs: int = 1
    lora_rank: int = 8
    device_batch_size: int = 1
    precomputed: bool = False
    """The reference's scores are there already, as in the second arm of an ablation."""


CASES = (
    Case("LoRA, 1 epoch"),
    Case("LoRA, 3 epochs", epochs=3),
    Case("LoRA, 1 epoch, scores kept from before", precomputed=True),
    Case("LoRA, 1 epoch, 4 pairs a pass", device_batch_size=4),
    Case("all weights, 1 epoch", lora_rank=0),
)


@dataclass(frozen=True)
class Cost:
    """What one training took."""

    tokens: float
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


def settings_of(case: Case) -> Any:
    from codedpo.train.settings import Train

    return Train(
        learning_rate=1e-5, warmup_ratio=0, epochs=case.epochs, batch_size=4,
        device_batch_size=case.device_batch_size, lora_rank=case.lora_rank, max_length=1024, likelihood_points=0,
        save_steps=1000,
    )  # fmt: skip


def train_ours(case: Case, model: Path, n_pairs: int, folder: Path) -> float:
    """Tokens of all steps."""
    from codedpo.models import locate
    from codedpo.records import Pair
    from codedpo.store import read_records
    from codedpo.train.job import TrainJob
    from codedpo.train.trainer import train

    pairs = read_records(PAIRS, Pair)[:n_pairs]
    references = model.parent / "references" if case.precomputed else folder / "references"
    job = TrainJob(
        settings_of(case), locate(str(model), folder), tuple(pairs), frozenset(), (), folder / "ours", references, 0
    )
    return train(job, on_step=lambda *_: None).curves[-2]["num_tokens"]


def train_bare(case: Case, model: Path, n_pairs: int, folder: Path) -> float:
    """The same with nothing but TRL, as its documentation shows it."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    from codedpo.records import Pair
    from codedpo.store import read_records

    settings = settings_of(case)
    rows = [
        {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected}
        for pair in read_records(PAIRS, Pair)[:n_pairs]
    ]
    linear = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype="float32"),
        args=DPOConfig(
            output_dir=str(folder / "bare"), loss_type=["sigmoid", "sft"], loss_weights=[1.0, settings.sft_weight],
            beta=settings.beta, learning_rate=settings.learning_rate, lr_scheduler_type="linear",
            num_train_epochs=settings.epochs, per_device_train_batch_size=settings.device_batch_size,
            gradient_accumulation_steps=settings.batch_size // settings.device_batch_size,
            max_length=settings.max_length, use_cpu=True, bf16=False, gradient_checkpointing=False, logging_steps=1,
            save_strategy="no", report_to="none", disable_tqdm=True, seed=0,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=LoraConfig(r=case.lora_rank, lora_alpha=32, target_modules=linear, task_type="CAUSAL_LM")
        if case.lora_rank
        else None,
    )  # fmt: skip
    trainer.train()
    trainer.save_model(str(folder / "bare" / "final"))
    return max(entry.get("num_tokens", 0.0) for entry in trainer.state.log_history)


def work(how: str, case: Case, model: Path, n_pairs: int) -> None:
    """In a process of its own: train once, print the cost."""
    import peft
    import trl  # imported outside the clock

    assert peft and trl
    with tempfile.TemporaryDirectory() as name:
        wall, cpu = time.monotonic(), time.process_time()
        tokens = (train_ours if how == "codedpo" else train_bare)(case, model, n_pairs, Path(name))
        cost = Cost(
            tokens,
            time.monotonic() - wall,
            time.process_time() - cpu,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )
    print("COST", json.dumps(asdict(cost)), flush=True)


def measured(how: str, case: Case, options: argparse.Namespace, model: Path) -> Cost:
    command = [sys.executable, __file__, "--worker", how, "--case", case.name, "--folder", str(model)]
    command += ["--pairs", str(options.pairs)]
    environment = {**os.environ, "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_OFFLINE": "1"}
    output = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    lines = [line for line in output.stdout.splitlines() if line.startswith("COST ")]
    if not lines:
        sys.exit(f"{how}, {case.name}: {output.stderr[-2000:]}")
    return Cost(**json.loads(lines[-1].removeprefix("COST ")))


def compare(case: Case, options: argparse.Namespace, model: Path) -> None:
    """Both in turn; prints a row."""
    if case.precomputed:
        measured("codedpo", case, options, model)  # leaves the scores
    costs: dict[str, list[Cost]] = {"codedpo": [], "trl": []}
    for _ in range(options.rounds):
        for how, found in costs.items():
            found.append(measured(how, case, options, model))

    def ratio(value: Any) -> float:
        return statistics.median(value(a) / value(b) for a, b in zip(costs["codedpo"], costs["trl"], strict=True))

    ours = costs["codedpo"][0]
    per_cpu, per_second = ours.tokens / ours.cpu_seconds, ours.tokens / ours.wall_seconds
    print(
        f"{case.name:40} {ours.tokens:7.0f} {per_cpu:7.1f} {per_second:7.1f}"
        f" {ours.peak_mb:7.0f} {ratio(lambda c: c.tokens / c.cpu_seconds):9.2f}"
        f" {ratio(lambda c: c.tokens / c.wall_seconds):9.2f} {ratio(lambda c: c.peak_mb):9.2f}",
        flush=True,
    )


def unpacked(name: str, folder: Path) -> Path:
    """The model in the transformers layout, which bare TRL needs."""
    from codedpo.llms.loading import load_tokenizer, load_weights
    from codedpo.models import default_cache, locate

    model = locate(name, default_cache())
    if not model.is_gguf:
        return model.path
    load_weights(model).save_pretrained(folder / "model")
    load_tokenizer(model).save_pretrained(folder / "model")
    return folder / "model"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", default="", help="only this one")
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    cases = [case for case in CASES if options.case in ("", case.name)]
    if options.worker:
        work(options.worker, cases[0], options.folder, options.pairs)
        return
    with tempfile.TemporaryDirectory() as name:
        model = unpacked(options.model, Path(name))
        print(f"{options.model}, {options.pairs} pairs, {options.rounds} rounds; tokens and MB: codedpo's first round")
        print(f"{'':40}  tokens   /cpu s       /s      MB  x per cpu s  x per s  x memory")
        for case in cases:
            compare(case, options, model)


if __name__ == "__main__":
    main()
