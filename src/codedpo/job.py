"""The main job: a configuration in; data, a trained model, pass@1 before and after and a report out."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import json
import logging
import platform
import sys
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import codedpo
from codedpo.config import Config, dump_config
from codedpo.decontaminate.overlap import Overlap, overlap
from codedpo.engine import Engine
from codedpo.errors import ConfigError, ModelError, RecordError
from codedpo.llms.llamacpp import LlamaCpp
from codedpo.models import locate
from codedpo.places import Place, Remote, place, remove_drafts
from codedpo.progress import Observer, Silent
from codedpo.report import RunSummary, write_report
from codedpo.rounds import Improvement, Round, check_rounds, improve
from codedpo.store import write_text
from codedpo.tools import RunTools
from codedpo.train.arguments import check_arguments
from codedpo.train.processes import check_devices
from codedpo.train.reporting import check_report_to
from codedpo.trial import Workshop

_LONG = ("curves", "likelihoods", "chosen_gains", "rejected_gains")
TRAIN = "train"
"""What `until` may name beside the stages."""


@dataclass(frozen=True)
class RunResult:
    """What a run made."""

    folder: Place
    report: Place
    rows: dict[str, int]
    """Rows per stage."""
    improvement: Improvement | None
    """None where nothing was trained."""
    overlap: Overlap | None = None
    """Of the training pairs with the problems of the benchmark; None where none were asked."""


def run(config: Config, *, observer: Observer | None = None, until: str | None = None) -> RunResult:
    """Do the main job, or what is left of it; a finished run does nothing twice.

    Args:
        until: stop after this stage, or after `train`; no evaluation then.

    Raises:
        CodeDPOError: what went wrong and what to do; everything done so far is kept.
    """
    observer = observer or Silent()
    folder, local = place(config.run_folder), local_folder(config)
    if until in (None, TRAIN):
        require_what_comes_last(config)
    with locked(local), RunTools(config, local) as tools:
        _write_config(config, folder)
        started = time.time()
        if isinstance(config.llm, LlamaCpp) and until != "seeds":
            observer.started("model", None)
            found = locate(config.llm.model, config.cache_folder)
            observer.finished("model", f"{found.name}, SHA-256 {found.sha256[:12]}")
        results = Engine(config, folder, tools, observer).run(None if until == TRAIN else until)
        tools.stop_llm()
        improvement = None
        if until in (None, TRAIN) and config.train is not None:
            shop = Workshop(config, local, tools, observer)
            improvement = improve(shop, folder, results, evaluates=until is None)
        summary = RunSummary(config, results, improvement, _overlap(config, improvement))
        _write_manifest(config, folder, tools, summary, started)
        report = write_report(summary, folder / "report.html")
    rows = {name: result.row_count() for name, result in results.items()}
    return RunResult(folder, report, rows, improvement, summary.overlap)


def _overlap(config: Config, improvement: Improvement | None) -> Overlap | None:
    """What the training pairs give away of the problems that were asked."""
    if improvement is None or improvement.before is None:
        return None
    rounds = [round.results["pairs"] for round in improvement.rounds]
    pairs = itertools.chain.from_iterable(result.rows() for result in rounds)
    return overlap(pairs, sum(result.row_count() for result in rounds), config.problems())


def require_what_comes_last(config: Config) -> None:
    """Training comes hours after the start: say now if it cannot work."""
    if config.train is None:
        if config.evaluate is not None:
            raise ConfigError(
                "evaluate: a run measures before and after training; add a `train` section, or measure the model as it "
                "is with `codedpo evaluate`"
            )
        return
    if config.evaluate is not None and config.evaluate.samples > 1:
        raise ConfigError("evaluate.samples: a run takes one answer to a problem; `codedpo evaluate` takes more")
    missing = [name for name in ("torch", "transformers", "trl", "peft", "gguf") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"train: {', '.join(missing)} is not installed: pip install 'codedpo[train]', or build the pairs alone "
            "with `codedpo data`"
        )
    check_report_to(config.train.report_to)
    check_devices(config.train)
    if getattr(config.llm, "adapter", ""):
        raise ConfigError(
            "llm.adapter: training starts from the model without it, so before and after could not be compared; merge "
            "it into the model, or leave it out"
        )
    name = config.train.model or config.llm.model
    try:
        locate(name, config.cache_folder)
    except ModelError as error:
        raise ConfigError(f"train.model: {error}") from error
    check_rounds(config)
    check_arguments(config.train)
    config.problems()


def local_folder(config: Config) -> Path:
    """Where lock, logs, answers and checkpoints lie: they need a file system."""
    folder = place(config.run_folder)
    if config.local_folder:
        return Path(config.local_folder)
    if isinstance(folder, Path):
        return folder
    return config.cache_folder / "runs" / hashlib.sha256(folder.url.encode()).hexdigest()[:16]


def _write_config(config: Config, folder: Place) -> None:
    """The first thing that is written: a store that refuses it ends the run here."""
    try:
        write_text(folder / "config.yaml", dump_config(config))
    except ConfigError:
        raise
    except Exception as error:  # each store behind fsspec has exceptions of its own
        if not isinstance(folder, Remote):
            raise
        raise ConfigError(
            f"run_folder: cannot write to {folder}: {error}; check the address, the endpoint and the credentials"
        ) from error


@contextlib.contextmanager
def locked(folder: Path) -> Generator[None]:
    """One process per run folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "run.lock").open("a")
    except OSError as error:
        raise ConfigError(f"run_folder: cannot write to {folder}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RecordError(f"{folder}: another codedpo process works in this run folder; wait for it") from error
        except OSError as error:
            raise ConfigError(
                f"local_folder: {folder} cannot be locked: {error.strerror}; choose one on a disk of this machine"
            ) from error
        remove_drafts(folder)
        log = logging.FileHandler(folder / "run.log")
        log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logging.getLogger("codedpo").addHandler(log)
        logging.getLogger("codedpo").setLevel(logging.INFO)
        try:
            yield
        finally:
            logging.getLogger("codedpo").removeHandler(log)
            log.close()


def _write_manifest(config: Config, folder: Place, tools: RunTools, summary: RunSummary, started: float) -> None:
    stages: dict[str, Any] = {
        name: {
            "rows": result.row_count(),
            "shards": [f"{name}/{shard.path.name}" for shard in result.shards],
        }
        for name, result in summary.results.items()
    }
    manifest: dict[str, Any] = {
        "codedpo": codedpo.__version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "config": hashlib.sha256(dump_config(config).encode()).hexdigest(),
        "seed": config.seed,
        "model": {"name": config.llm.model, "weights": config.llm.weights},
        "asked_since_last_start": {**asdict(tools.meter.usage), "cost_of_all_starts": round(tools.meter.cost, 4)},
        "sandbox_layers": tools.sandbox().layers,
        "seconds_of_last_start": round(time.time() - started, 1),
        "stages": stages,
    }
    if summary.improvement is not None:
        manifest["training"] = _trained(summary.improvement.best)
        manifest["rounds"] = [_trained(round) for round in summary.improvement.rounds]
        for rate in (summary.improvement.before, *(round.rate for round in summary.improvement.rounds)):
            if rate is not None:
                manifest[f"pass@1 {rate.label}"] = {"passed": rate.passed, "problems": len(rate.verdicts)}
    if summary.overlap is not None:
        manifest["contamination"] = asdict(summary.overlap)
    write_text(folder / "manifest.json", json.dumps(manifest, indent=1))


def _trained(round: Round) -> dict[str, Any]:
    """What the manifest tells of a round: all but the curves, and where the model lies."""
    told = {k: v for k, v in asdict(round.trained.result).items() if k not in _LONG}
    return {"round": round.number, "folder": str(round.trained.folder), **told}
