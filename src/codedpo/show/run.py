"""The address of a run folder in, the shards of each stage out that are there; finished or under way."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import yaml

from codedpo.errors import ConfigError, RecordError
from codedpo.pipeline import STAGES
from codedpo.places import Place, Remote, modified, names_in, place
from codedpo.shards import Shard

_SHARD = re.compile(r"(\d{5,})-([0-9a-f]{16})\.parquet")
_SOURCE_DROPS = re.compile(r"index-[0-9a-f]{16}\.dropped\.parquet")
TASK_IDS = {
    "tasks": "id",
    "samples": "task.id",
    "executions": "samples.task.id",
    "rankings": "execution.samples.task.id",
    "timings": "ranking.execution.samples.task.id",
    "pairs": "task_id",
}
"""The column of each stage that holds a task's id."""
MAKES: Mapping[str, type] = {stage.NAME: stage.MAKES for stage in STAGES}


@dataclass(frozen=True)
class Run:
    """What a run folder holds."""

    folder: Place
    shards: Mapping[str, Mapping[int, Shard]]
    """Of each stage that has some, by index: the shards of one index, across stages, hold the same tasks."""
    dropped: Mapping[str, Mapping[int, Place]]
    """What was left out on the way to each shard; that on the way to a first stage's shards has the index -1."""
    form: str
    """How the model is asked, as in `llm.form`."""
    is_mixed: bool
    """Whether settings have changed since the run ended last: rows may be of those before."""

    @property
    def task_stage(self) -> str:
        """The first stage with rows of tasks.

        Raises:
            RecordError: there is none yet.
        """
        for name in TASK_IDS:
            if name in self.shards:
                return name
        raise RecordError(f"{self.folder}: holds no tasks yet, only {', '.join(self.shards)}; try again later")


def open_run(address: str) -> Run:
    """Look at a run folder, a path or a URL; reads names, settings and the manifest, no rows.

    Raises:
        ConfigError: it is no run folder, or cannot be reached.
    """
    folder = place(address)
    try:
        names = {stage.NAME: names_in(folder / stage.NAME) for stage in STAGES}
        manifest, settings = _read(folder / "manifest.json"), _read(folder / "config.yaml")
    except ConfigError:
        raise
    except Exception as error:  # each store behind fsspec has exceptions of its own
        if isinstance(folder, Remote) or isinstance(error, OSError):
            raise ConfigError(f"{address}: cannot be read: {error}; check the address and the credentials") from error
        raise
    if not any(names.values()):
        raise ConfigError(f"{address}: is not a run folder, it holds no {', '.join(names)}; give what run_folder says")
    ended = _ended(folder, manifest, settings)
    wanted = {name: ended.stages.get(name, here) for name, here in names.items()}
    shards = {name: _shards(folder / name, wanted[name], here) for name, here in names.items()}
    return Run(
        folder,
        {name: found for name, found in shards.items() if found},
        {name: _dropped(folder / name, shards[name], here) for name, here in names.items()},
        _form(folder / "config.yaml", settings),
        ended.settings_changed,
    )


@dataclass(frozen=True)
class _Ended:
    """How the run ended last."""

    stages: Mapping[str, Iterable[str]]
    """Names of each stage's shards; nothing where it has not ended, or with other settings."""
    settings_changed: bool


def _ended(folder: Place, manifest: str, settings: str) -> _Ended:
    try:
        values = cast(dict[str, Any], json.loads(manifest or "{}"))
    except ValueError as error:
        raise RecordError(f"{folder / 'manifest.json'}: is not JSON: {error}; run again to write it anew") from error
    changed = "config" in values and values["config"] != hashlib.sha256(settings.encode()).hexdigest()
    stages: dict[str, Any] = {} if changed else values.get("stages", {})
    return _Ended(
        {name: [path.rpartition("/")[2] for path in stage["shards"]] for name, stage in stages.items()}, changed
    )


def _shards(folder: Place, wanted: Iterable[str], there: set[str]) -> dict[int, Shard]:
    """The shards of a stage by index; of several with one index the one that was written last."""
    found: defaultdict[int, list[Shard]] = defaultdict(list)
    for name in sorted(wanted):
        if (match := _SHARD.fullmatch(name)) and name in there:
            found[int(match[1])].append(Shard(match[2], folder / name))
    return {index: _latest(shards) for index, shards in sorted(found.items())}


def _latest(shards: list[Shard]) -> Shard:
    return shards[0] if len(shards) == 1 else max(shards, key=lambda shard: modified(shard.path))


def _dropped(folder: Place, shards: Mapping[int, Shard], there: set[str]) -> dict[int, Place]:
    sources = [folder / name for name in there if _SOURCE_DROPS.fullmatch(name)]
    source = {-1: sources[0] if len(sources) == 1 else max(sources, key=modified)} if sources else {}
    return source | {index: shard.dropped for index, shard in shards.items() if shard.dropped.name in there}


def _form(path: Place, settings: str) -> str:
    try:
        values = cast(dict[str, Any], yaml.safe_load(settings) or {})
    except yaml.YAMLError as error:
        raise RecordError(f"{path}: is not YAML: {error}; run again to write it anew") from error
    return values.get("llm", {}).get("form", "chat")


def _read(path: Place) -> str:
    """A file's text; empty where it does not exist."""
    return path.read_text() if path.exists() else ""
