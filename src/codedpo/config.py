"""YAML and `key=value` overrides in, a validated Config out; errors name the key and what to write instead."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, cast, get_args, get_type_hints

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from codedpo.ablations import Ablations
from codedpo.benchmarks import Problem
from codedpo.benchmarks.fetching import with_local_files
from codedpo.checks import require_at_least
from codedpo.decontaminate import Decontamination
from codedpo.errors import ConfigError
from codedpo.evaluate import Evaluate
from codedpo.executors.local import LocalExecutor
from codedpo.executors.ray import RayExecutor
from codedpo.llms.llamacpp import LlamaCpp
from codedpo.llms.openai import OpenAIServer
from codedpo.llms.transformers import Transformers
from codedpo.llms.vllm import VLLM
from codedpo.models import default_cache
from codedpo.pipeline import (
    ChoosePairs,
    CrossExecute,
    ExtractSeeds,
    LeaveUntimed,
    RankSolutions,
    SampleTasks,
    TimeSolutions,
    WriteTasks,
)
from codedpo.plugins import did_you_mean
from codedpo.sandbox import SandboxSettings
from codedpo.train.settings import Train

_DEFAULT_KINDS = {"llm": "llamacpp", "executor": "local"}


@dataclass(frozen=True)
class Config:
    """Everything that decides a run. Stages are configured by their own fields."""

    run_folder: str
    llm: Annotated[LlamaCpp | OpenAIServer | VLLM | Transformers, Field(discriminator="kind")]
    seed: int = 0
    """All randomness of the run follows from it."""
    limit: int | None = None
    """At most this many rows enter the first stage."""
    shard_size: int = 64
    """Rows per shard: the unit of work and of resume."""
    workers: int = 0
    """Sandbox processes; 0 means one per core."""
    executor: Annotated[LocalExecutor | RayExecutor, Field(discriminator="kind")] = LocalExecutor()
    """Who makes the shards of the stages that ask no LLM."""
    shards_in_flight: int = 4
    """Shards that ask the LLM at once, so that its queue does not run dry at a shard's end."""
    overlap: bool = True
    """Run what is generated while more is generated, where the LLM runs elsewhere (kind openai)."""
    cache: str = ""
    """Folder for models and packages; empty means the user's cache folder."""
    local_folder: str = ""
    """Folder on this machine for lock, logs, answers and checkpoints; empty means the run folder, or one in `cache`."""
    decontamination: Decontamination = Decontamination()
    sandbox: SandboxSettings = SandboxSettings()
    seeds: ExtractSeeds = ExtractSeeds()
    tasks: WriteTasks = WriteTasks()
    samples: SampleTasks = SampleTasks()
    executions: CrossExecute = CrossExecute()
    rankings: RankSolutions = RankSolutions()
    timings: TimeSolutions | None = TimeSolutions()
    """None: nothing is timed."""
    pairs: ChoosePairs = ChoosePairs()
    train: Train | None = None
    """None: build data only."""
    evaluate: Evaluate | None = field(default=None)
    """None: no pass@1 before and after."""
    benchmarks: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Fields of benchmarks by their names, such as {humaneval_plus: {path: HumanEvalPlus.jsonl.gz}}."""
    rounds: int = 1
    """Times that the model is trained; from the second on it has written the solutions and tests itself."""
    ablations: Ablations = Ablations()

    def __post_init__(self) -> None:
        require_at_least(self, "", shard_size=1, workers=0, shards_in_flight=1, rounds=1)
        if self.run_folder.startswith("memory:") and not self.executor.shares_memory:
            raise ConfigError(
                "run_folder: other processes cannot see memory://; take a path or s3://, or set executor.processes=0"
            )
        if self.limit is not None:
            require_at_least(self, "", limit=1)

    @property
    def stages(self) -> tuple[Any, ...]:
        """The seven stages in order."""
        timings = self.timings or LeaveUntimed()
        return (self.seeds, self.tasks, self.samples, self.executions, self.rankings, timings, self.pairs)

    @property
    def llm_is_elsewhere(self) -> bool:
        """Whether the LLM takes nothing from this machine's processors, and several threads may ask it."""
        return self.llm.kind not in ("llamacpp", "transformers")

    @property
    def overlaps(self) -> bool:
        """Whether stages run side by side."""
        return self.overlap and self.llm_is_elsewhere

    def problems(self, settings: Evaluate | None = None) -> list[Problem]:
        """The problems of these settings, or of `evaluate`; none without that section."""
        chosen = settings or self.evaluate
        defaults = {"cache": str(self.cache_folder), "allow_weaker": self.sandbox.allow_weaker}
        return chosen.problems(with_local_files(self.benchmarks, self.cache_folder), defaults) if chosen else []

    @property
    def cache_folder(self) -> Path:
        return Path(self.cache) if self.cache else default_cache()


def load_config(path: str | Path | None, overrides: Sequence[str] = ()) -> Config:
    """Read a YAML file, apply overrides such as `samples.n_tests=20`, validate.

    Args:
        path: None: overrides say all.

    Raises:
        ConfigError: missing file, bad YAML, unknown key (with the nearest known one), wrong type.
    """
    try:
        data = _plain_yaml(Path(path).read_text(encoding="utf-8")) if path else {}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if data is None:
        raise ConfigError(f"{path}: must hold `key: value` lines")
    for override in overrides:
        _apply(data, override)
    return make_config(data)


def make_config(data: dict[str, Any]) -> Config:
    """Validate a nested dict; the same errors as `load_config`."""
    named = {**data, "llm": data.get("llm", {})}
    for section, kind in _DEFAULT_KINDS.items():
        if isinstance(named.get(section), dict):
            named[section] = {"kind": kind, **named[section]}
    try:
        config = TypeAdapter(Config).validate_json(json.dumps(named, default=_date_text), strict=True, extra="forbid")
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(problem) for problem in error.errors())) from error
    except TypeError as error:
        raise ConfigError(f"the configuration holds a value that YAML should not: {error}") from error
    config.rankings.make()
    return config


def dump_config(config: Config) -> str:
    """The resolved configuration as YAML: every key with its value."""
    return yaml.safe_dump(json.loads(json.dumps(dataclasses.asdict(config))), sort_keys=False)


def _date_text(value: Any) -> str:
    """What YAML takes for a date, as it stands there."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__}")


def _plain_yaml(text: str) -> dict[str, Any] | None:
    """The mapping in a YAML text; None where it holds something else."""
    data: Any = yaml.safe_load(text)
    return cast(dict[str, Any], data) if isinstance(data, dict) else {} if data is None else None


def _apply(data: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise ConfigError(f"'{override}': an override reads key=value, such as samples.n_tests=20")
    *parents, last = key.split(".")
    place = data
    for parent in parents:
        section: Any = place.setdefault(parent, {})
        if not isinstance(section, dict):
            raise ConfigError(f"'{override}': {parent} is a value, not a section")
        place = cast(dict[str, Any], section)
    try:
        place[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"'{override}': the value is not valid YAML") from error


def _explain(problem: Any) -> str:
    place = _place(problem["loc"])
    if problem["type"] == "unexpected_keyword_argument":
        return f"{place.where}: unknown key{did_you_mean(str(problem['loc'][-1]), place.known)}"
    if problem["type"] in ("missing", "missing_argument"):
        return f"{place.where}: is required"
    return f"{place.where}: {problem['msg']}, got {json.dumps(problem.get('input'), default=str)[:80]}"


@dataclass(frozen=True)
class _Place:
    """Where in a configuration a mistake is."""

    where: str
    known: tuple[str, ...]
    """The keys that exist in that section."""


def _place(location: Sequence[str | int]) -> _Place:
    """The place that pydantic names; among the keys it gives the kind of a section that has several."""
    shown: list[str] = []
    sections: list[Any] = [Config]
    around: list[Any] = []
    for part in location:
        kinds = [section for section in sections if getattr(section, "kind", None) == part]
        if kinds and len(sections) > 1:
            sections = kinds
            continue
        shown.append(str(part))
        if isinstance(part, str):
            around = sections
            sections = _sections_in(get_type_hints(sections[0]).get(part)) if sections else []
    known = tuple(field.name for field in dataclasses.fields(around[0])) if around else ()
    return _Place(".".join(shown), known)


def _sections_in(hint: Any) -> list[Any]:
    """The dataclasses that a type names."""
    if dataclasses.is_dataclass(hint):
        return [hint]
    return [section for part in get_args(hint) for section in _sections_in(part)]
