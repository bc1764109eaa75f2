"""Each layer of isolation may be missing: less holds then, nothing breaks, and what is vital is asked for."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import codedpo
from codedpo.doctor import Diagnosis, examine
from codedpo.errors import ConfigError, SandboxError
from codedpo.records import Outcome
from codedpo.sandbox import Limits, Sandbox, SandboxSettings
from codedpo.sandbox.layers import LAYERS, missing_vital

from .conftest import LIMITS, run

NAMES = [layer.name for layer in LAYERS]
GOOD = "def f(x): return x + 1"
SOLUTIONS = [
    GOOD,
    "def f(x): return x",
    "import os\ndef f(x): os._exit(0)",
    "def f(x):\n    while True: pass",
    "import os\ndef f(x):\n    if os.fork() == 0:\n        while True: pass\n    return 2",
]
TESTS = ["assert f(1) == 2", "import collections\nassert f(1) == 2", "assert f(1) == 2 and f.__name__"]


def left_over(folder: Path) -> list[str]:
    """Command lines of processes that name a folder."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            text = (entry / "cmdline").read_bytes().decode() if entry.name.isdigit() else ""
            found += [text] if str(folder) in text else []
    return found


@pytest.mark.parametrize("without", [[name] for name in NAMES] + [["namespaces", "seccomp"], NAMES], ids="-".join)
def test_the_sandbox_works_without_a_layer(without: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Sandbox(limits=LIMITS, allow_weaker=True, without=without) as sandbox:
        assert not set(sandbox.layers) & set(without) - {"scratch", "privileges"}
        execution = run(sandbox, SOLUTIONS, TESTS)
    expected = [Outcome.PASSED, Outcome.WRONG, Outcome.CRASH, Outcome.TIMEOUT]
    assert execution.outcomes[:4].tolist() == [[outcome] * 3 for outcome in expected]
    assert execution.judged_outside.all(axis=0).tolist() == [True, True, False]
    deadline = time.monotonic() + 5  # without a namespace the last one ends a moment after the first
    while left_over(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left_over(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_vital_is_refused_unless_allowed() -> None:
    with pytest.raises(SandboxError, match=r"lacks vital isolation: seccomp\. `codedpo doctor` tells what that means"):
        Sandbox(without=["seccomp"])
    with pytest.raises(SandboxError, match=r"lacks vital isolation: root or landlock"):
        Sandbox(without=["root", "landlock"])
    assert missing_vital(NAMES) == []


def test_another_system_runs_only_where_weaker_isolation_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(SandboxError, match=r"the sandbox needs Linux \(this is darwin\)"):
        Sandbox()
    with Sandbox(allow_weaker=True, without=NAMES, limits=LIMITS) as sandbox:
        assert run(sandbox, [GOOD], TESTS[:1]).passed.all()


def test_doctor_says_what_each_missing_layer_means() -> None:
    diagnosis = examine()
    assert diagnosis.is_sound == (not missing_vital(diagnosis.layers))
    weak = Diagnosis(("namespaces", "root"), "", is_root=False)
    assert not weak.is_sound
    assert "seccomp is missing" in weak.verdict
    assert "allow_weaker" in weak.verdict
    cells = [list(column.cells) for column in weak.table().columns]
    assert cells[0] == NAMES
    assert cells[1][NAMES.index("uid")] == "not needed"
    assert "missing" in str(cells[1][NAMES.index("landlock")])


def test_the_command_doctor_prints_every_layer() -> None:
    done = subprocess.run([sys.executable, "-m", "codedpo", "doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == (0 if examine().is_sound else 1)
    assert all(name in done.stdout for name in NAMES)


def test_settings_of_the_sandbox_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"sandbox\.wall_factor: 2 must be at least 5, or load decides verdicts"):
        Limits(wall_factor=2)
    with pytest.raises(ConfigError, match=r"sandbox\.max_timeouts: 0 must be greater than 0"):
        SandboxSettings(max_timeouts=0)


def test_a_python_that_does_not_start_is_named() -> None:
    with pytest.raises(SandboxError, match="a sandbox process of /nowhere/python ended at once"):
        Sandbox(python="/nowhere/python")
    with pytest.raises(SandboxError, match="No module named 'nowhere'"):
        Sandbox(preload=["nowhere"])


def test_programs_read_the_folders_that_are_named_and_write_none(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "table.csv").write_text("1,2")
    table = str(tmp_path / "data" / "table.csv")
    solutions = [f"def f(): return open({table!r}).read()", f"def f(): return open({table!r}, 'w').write('3')"]
    with Sandbox(limits=LIMITS, readable=[str(tmp_path / "data")]) as sandbox:
        assert run(sandbox, solutions, ["assert f() == '1,2'"]).passed.ravel().tolist() == [True, False]
    with Sandbox(limits=LIMITS) as sandbox:
        assert not run(sandbox, solutions, ["assert f() == '1,2'"]).passed.any()
    assert Path(table).read_text() == "1,2"


def test_folders_are_read_by_the_names_that_were_given(tmp_path: Path) -> None:
    """Through links on the way and at the end, with a slash behind, and one folder inside another's."""
    (tmp_path / "real" / "deep" / "data").mkdir(parents=True)
    (tmp_path / "real" / "deep" / "data" / "a").write_text("1")
    (tmp_path / "real" / "b").write_text("1")
    (tmp_path / "way").symlink_to(tmp_path / "real" / "deep")
    (tmp_path / "end").symlink_to(tmp_path / "way" / "data")
    named = ["way/data", "way/../deep/data", "end/"]
    readable = [f"{tmp_path}/{name}" for name in named]
    opened = [*(f"{folder}/a" for folder in readable), f"{tmp_path}/real/deep/data/a"]
    solutions = [f"def f(): return open({path!r}).read()" for path in [*opened, f"{tmp_path}/real/b"]]
    with Sandbox(limits=LIMITS, readable=readable) as sandbox:
        assert run(sandbox, solutions, ["assert f() == '1'"]).passed.ravel().tolist() == [True] * 4 + [False]
    with Sandbox(limits=LIMITS, readable=[*readable, str(tmp_path / "real")]) as sandbox:
        assert run(sandbox, solutions, ["assert f() == '1'"]).passed.all()


def test_of_proc_nothing_is_shown_but_a_link_that_leads_nowhere() -> None:
    solution = "import os\ndef f(): return os.readlink('/proc/self/exe'), os.path.exists('/proc/self/maps')"
    with Sandbox(limits=LIMITS) as sandbox:
        if "root" not in sandbox.layers:
            pytest.skip("no root of its own can be made here")
        assert run(sandbox, [solution], ["assert f() == ('/program', False)"]).passed.all()


SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin")


@pytest.mark.skipif(SYSTEM_PYTHON is None or os.getuid() != 0, reason="needs root and a Python that others may run")
def test_an_ordinary_user_gets_the_same(tmp_path: Path) -> None:
    source = Path(codedpo.__file__).parent
    shutil.copytree(source / "sandbox" / "jailed", tmp_path / "jailed")
    script = tmp_path / "jailed" / "zygote.py"
    scratch = Path("/tmp") / f"codedpo-test-{os.getpid()}"
    scratch.mkdir()
    os.chown(scratch, 54321, 54321)
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == "root" and path.is_relative_to("/tmp") and path != Path("/tmp"):
            path.chmod(0o755)
    driver = (
        "import json, struct, subprocess, sys\n"
        f"config = dict(scratch={str(scratch)!r}, memory_mb=512, preload=[], readable=[], without=[], core=None)\n"
        f"p = subprocess.Popen([sys.executable, '-s', '-S', '-B', {str(script)!r}, json.dumps(config)], stdin=-1, stdout=-1)\n"
        "def read():\n"
        "    a, b = struct.unpack('=II', p.stdout.read(8))\n"
        "    return p.stdout.read(a).decode(), p.stdout.read(b)\n"
        "print(read()[0])\n"
        "limits = dict(cpu_seconds=1, min_cpu_seconds=.2, median_factor=50, wall_factor=25, row_seconds=.1, max_timeouts=3)\n"
        f"request = dict(solutions={SOLUTIONS!r}, tests={TESTS!r}, skip=[], seed=0, judge='auto', tasks_per_process=50, limits=limits)\n"
        "data = json.dumps(request).encode()\n"
        "p.stdin.write(struct.pack('=I', len(data)) + data); p.stdin.flush()\n"
        "header, tail = read()\n"
        "print(list(tail[:15]) if tail else header)\n"
        "p.stdin.close(); p.wait()\n"
    )
    assert SYSTEM_PYTHON is not None
    try:
        done = subprocess.run(
            [SYSTEM_PYTHON, "-c", driver], capture_output=True, text=True, check=False, user=54321, group=54321,
            extra_groups=[], env={},
        )  # fmt: skip
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stderr + done.stdout
    assert "seccomp" in lines[0]
    assert lines[1] == str([0, 0, 0, 1, 1, 1, 5, 5, 5, 3, 3, 3, 6, 6, 6]), lines


@pytest.mark.slow
@pytest.mark.network
def test_another_environment_with_numpy_and_pandas_preloaded(tmp_path: Path) -> None:
    environment = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = str(environment / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "numpy", "pandas"], check=True)
    solutions = [
        "import numpy as np\ndef f(x): return np.int64(x) + 1",
        "import pandas as pd\ndef f(x): return int(pd.Series([x, 1]).sum())",
        "import numpy as np\ndef f(x): return np.array([x + 1])[0] * 1.0",
        "import codedpo\ndef f(x): return 2",
    ]
    limits = Limits(memory_mb=2048)
    with Sandbox(python=python, preload=("numpy", "pandas"), limits=limits) as sandbox:
        execution = run(sandbox, solutions, ["assert f(1) == 2", "import numpy as np\nassert np.isclose(f(1), 2)"])
        assert missing_vital(sandbox.layers) == []
    assert execution.passed.tolist() == [[True, True], [True, True], [True, True], [False, False]], execution.reasons
    assert execution.judged_outside[:, 0].all()
    assert np.isfinite(execution.cpu_seconds[:3]).all()


def test_numpy_is_told_to_do_without_what_few_machines_have() -> None:
    program = "import os\ndef f(): return os.environ['NPY_DISABLE_CPU_FEATURES'].split()"
    with Sandbox() as sandbox:
        execution = run(sandbox, [program], ["assert 'AVX512F' in f() and 'AVX2' not in f()"])
    assert execution.passed.tolist() == [[True]], execution.reasons


def test_without_namespaces_and_capabilities_the_other_layers_hold() -> None:
    """As in a container without privileges: no new namespaces, no capabilities, none to be gained."""
    if shutil.which("unshare") is None or shutil.which("setpriv") is None:
        pytest.skip("needs unshare and setpriv (util-linux)")
    code = (
        "import codedpo\nfrom codedpo.sandbox import Sandbox\n"
        "programs = ['def f(x): return x + 1', 'import os\\ndef f(x): return os.fork()']\n"
        "print(codedpo.cross_execute(programs, ['assert f(1) == 2']).outcomes.ravel().tolist())\n"
        "with Sandbox(workers=1) as sandbox:\n    print(*sandbox.layers)"
    )
    inside = (
        "echo 0 > /proc/sys/user/max_user_namespaces && "
        'exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"'
    )
    command = ["unshare", "-Ur", "sh", "-c", inside, "sh", sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if "unshare:" in result.stderr or "max_user_namespaces" in result.stderr:
        pytest.skip("this machine allows no user namespace to be made and bounded")
    passed, blocked = Outcome.PASSED, Outcome.BLOCKED
    assert result.stdout == f"[{int(passed)}, {int(blocked)}]\nprivileges landlock seccomp\n", result.stderr
