# pyright: basic
# (Ray ships partial types)
"""Shards in, made as tasks of a Ray cluster: one that runs already, or one started here for the run.

Ray only carries the work and tries again where a worker or a node dies. The run folder alone says what is done.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
from collections.abc import Generator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from codedpo.checks import require_at_least
from codedpo.context import Advance, Tools
from codedpo.errors import ConfigError, RecordError
from codedpo.executors import Executor, here
from codedpo.executors.worker import Share, WorkerTools, make_or_tell
from codedpo.sandbox import SandboxSettings
from codedpo.shards import Made, Shard, Work

_OBJECT_STORE_BYTES = 100 * 2**20
"""Rows travel through the run folder, so Ray needs room for next to nothing."""
_ANSWER_SECONDS = 10.0
_NODE_SECONDS = 24 * 3600.0
"""Longest wait for a node: the other shards' threads hold them all, unless they died."""
_TOOLS: dict[Share, WorkerTools] = {}
"""A worker's sandbox, kept from task to task; it ends with the worker."""


@dataclass(frozen=True)
class RayExecutor:
    """Make shards on a Ray cluster; the run folder must be one that all its nodes reach."""

    kind: Literal["ray"] = "ray"
    address: str = ""
    """`auto` or `host:port` of a cluster; empty starts one on this machine."""
    workers: int = 0
    """Cores of the cluster that is started here; 0 means all."""
    cores_per_shard: int = 1
    """Cores, and sandbox processes, that one shard has to itself."""
    retries: int = 3
    """New attempts at a shard whose worker or node died."""

    def __post_init__(self) -> None:
        require_at_least(self, "executor", workers=0, cores_per_shard=1, retries=0)
        if self.address and self.workers:
            raise ConfigError(
                "executor.workers: is for a cluster started here; leave it out or leave executor.address out"
            )

    @property
    def shares_memory(self) -> bool:
        """Whether shards are made in the driver's own process."""
        return False

    @contextlib.contextmanager
    def open(self, sandbox: SandboxSettings, workers: int, tools: Tools) -> Generator[Executor]:
        """The executor, for as long as the context lasts; `workers` and `tools` belong to the driver and stay there.

        Raises:
            ConfigError: Ray is not installed, or there is no cluster at the address.
        """
        with self._cluster() as ray:
            share = Share(sandbox, self.cores_per_shard)
            task = ray.remote(_make).options(
                num_cpus=self.cores_per_shard, max_retries=self.retries, retry_exceptions=False, name="codedpo"
            )

            def make(work: Work, advance: Advance) -> Made:
                try:
                    answer = ray.get(task.remote(_absolute(work), share))
                except ray.exceptions.RayError as error:
                    problem = f"its Ray task failed {self.retries + 1} times: {str(error)[:300]}"
                    raise RecordError(f"{work.shard.path}: {problem}. Run again") from error
                return _told(answer, advance)

            slots = max(1, int(ray.cluster_resources().get("CPU", 1)) // self.cores_per_shard)
            # One more than the cluster holds, so that no core waits for the driver to notice.
            yield Executor("ray", slots + 1, make)

    @contextlib.contextmanager
    def open_quiet(self, sandbox: SandboxSettings, tools: Tools) -> Generator[Executor]:
        """The executor for shards that measure time: each has a whole node to itself. The same errors.

        On a cluster that is started here the driver makes them: it is one machine.
        """
        if not self.address:
            yield here("quiet", 1, tools)
            return
        with self._cluster() as ray:
            nodes = WholeNodes(ray, sandbox, self.retries)
            yield Executor("quiet", nodes.count, nodes.make)

    @contextlib.contextmanager
    def _cluster(self) -> Generator[Any]:
        """Ray, connected; disconnected at the end where it was not before."""
        if find_spec("ray") is None:
            raise ConfigError("executor: ray is not installed: pip install 'codedpo[ray]'")
        _require_answer(self.address)
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray
        import ray.exceptions

        started = not ray.is_initialized()
        if started:
            self._connect()
        try:
            yield ray
        finally:
            if started:
                ray.shutdown()

    def _connect(self) -> None:
        import ray

        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        try:
            if self.address:
                ray.init(address=self.address, **quiet)
                return
            ray.init(
                address="local",
                num_cpus=self.workers or None,
                num_gpus=0,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                _node_ip_address="127.0.0.1",
                **quiet,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"executor.address: no Ray cluster at '{self.address or 'this machine'}': {error}"
            ) from error


class WholeNodes:
    """The nodes of a cluster, each for one shard at a time that takes all its cores: nothing of Ray runs beside."""

    def __init__(self, ray: Any, sandbox: SandboxSettings, retries: int):
        self._ray, self._share, self._retries = ray, Share(sandbox, 1), retries
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
        for node in nodes:
            self._free.put(node)
        self.count = max(1, len(nodes))

    def make(self, work: Work, advance: Advance) -> Made:
        """Make one shard on a node that is free; on another one where it died."""
        ray, problem = self._ray, "no node of the cluster has a core"
        for _ in range(self._retries + 1):
            try:
                node = self._free.get(timeout=_NODE_SECONDS)
            except queue.Empty:
                break
            try:
                answer = ray.get(self._task(node).remote(_absolute(work), self._share))
            except ray.exceptions.RayError as error:
                problem = str(error)[:300]
                if any(known["NodeID"] == node["NodeID"] and known["Alive"] for known in ray.nodes()):
                    self._free.put(node)
                continue
            self._free.put(node)
            return _told(answer, advance)
        raise RecordError(f"{work.shard.path}: was not made on any node of the Ray cluster: {problem}. Run again")

    def _task(self, node: Any) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return self._ray.remote(_make).options(
            num_cpus=node["Resources"]["CPU"],
            max_retries=0,
            name="codedpo",
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        )


def _told(answer: Made | Exception, advance: Advance) -> Made:
    if isinstance(answer, Exception):
        raise answer
    advance(rows=answer.read)
    return answer


def _require_answer(address: str) -> None:
    """Ray itself tries a dead address for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except OSError as error:
        raise ConfigError(f"executor.address: no Ray cluster at '{address}': {error}") from error


def _absolute(work: Work) -> Work:
    """The same with full paths: workers of a cluster that ran already have another working directory."""

    def absolute(shard: Shard) -> Shard:
        return replace(shard, path=shard.path.absolute()) if isinstance(shard.path, Path) else shard

    return replace(work, above=absolute(work.above), shard=absolute(work.shard), cache=work.cache.absolute())


def _make(work: Work, share: Share) -> Made | Exception:
    """One Ray task."""
    return make_or_tell(work, _TOOLS.setdefault(share, WorkerTools(share)))
