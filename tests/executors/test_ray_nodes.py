"""A Ray cluster of two nodes on one machine: one of them dies in the middle of a run, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codedpo.config import make_config
from codedpo.job import run
from codedpo.pipeline import STAGE_NAMES
from codedpo.progress import Silent
from comparing import drops, rows
from conftest import run_settings, write_source
from loopback import LoopbackLLM

NODE = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 * 2**20}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = Cluster(initialize_head=True, head_node_args=NODE)
    yield cluster
    cluster.shutdown()


class LosesNode(Silent):
    """Ends a node, with all that runs on it, when the first shard of a stage is there."""

    def __init__(self, cluster: Any, stage: str):
        self.cluster, self.stage = cluster, stage
        self.node = cluster.add_node(**NODE)
        self.lost = False

    def advanced(self, step: str, *, rows: int = 0, answers: int = 0, tokens: int = 0) -> None:
        if step == self.stage and not self.lost:
            self.lost = True
            self.cluster.remove_node(self.node, allow_graceful=False)


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stage", ["executions", pytest.param("timings", marks=pytest.mark.slow)])
def test_a_node_that_dies_loses_no_row(cluster: Any, stage: str, tmp_path: Path) -> None:
    source = write_source(tmp_path / "source")
    with LoopbackLLM() as server:
        alone = {**run_settings(tmp_path / "alone", source, server.base_url), "shard_size": 1, "limit": 4}
        run(make_config(alone))
        executor = {"kind": "ray", "address": cluster.address}
        observer = LosesNode(cluster, stage)
        run(make_config({**alone, "run_folder": str(tmp_path / "run"), "executor": executor}), observer=observer)
    assert observer.lost
    for name in STAGE_NAMES:
        assert rows(tmp_path / "run", name) == rows(tmp_path / "alone", name), name
    assert drops(tmp_path / "run") == drops(tmp_path / "alone")
