"""Curves go where the user asks, and what is missing for that is told at the start, not after hours."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from jobs import make_job, make_pair, make_settings, run_job

from codedpo.config import make_config
from codedpo.errors import ConfigError
from codedpo.job import run
from codedpo.train.reporting import check_report_to
from conftest import run_settings
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend


@pytest.mark.parametrize("name", ["tensorboard", "trackio", "wandb"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(name: str) -> None:
    if find_spec(name) or (name == "tensorboard" and find_spec("tensorboardX")):
        check_report_to(name)
        return
    with pytest.raises(ConfigError, match=f"train.report_to: {name} is not installed: pip install {name}"):
        check_report_to(name)


def test_a_place_that_nobody_knows_is_an_error() -> None:
    check_report_to("none")
    with pytest.raises(ConfigError, match=r"train\.report_to: 'tensorbord' is unknown; did you mean 'tensorboard'\?"):
        check_report_to("tensorbord")


def test_a_run_tells_it_before_it_asks_the_model(tmp_path: Path, source_folder: Path) -> None:
    settings = run_settings(tmp_path / "run", source_folder, "http://127.0.0.1:9/v1")  # nobody listens there
    with pytest.raises(ConfigError, match=r"train\.report_to: 'nowhere' is unknown"):
        run(make_config({**settings, "train": {"report_to": "nowhere"}}))


@pytest.mark.skipif(not (find_spec("tensorboard") or find_spec("tensorboardX")), reason="no tensorboard here")
def test_tensorboard_gets_the_curves(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    run_job(make_job(make_settings(steps=1, report_to="tensorboard"), tiny, [make_pair(1)], tmp_path / "out"))
    assert list((tmp_path / "out").rglob("events.out.tfevents.*"))
