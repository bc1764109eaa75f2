"""Each test adversarially checks one promise of the sandbox."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import codedpo
from codedpo.errors import ConfigError, SandboxError
from codedpo.records import Outcome
from codedpo.sandbox import Limits, Sandbox

LIMITS = Limits(cpu_seconds=1, memory_mb=256, wall_factor=5)
GOOD = "def f(x):\n    return x + 1\n"
TEST = "assert f(1) == 2"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, limits=LIMITS) as pool:
        yield pool


def outcome(sandbox: Sandbox, solution: str, test: str = TEST) -> Outcome:
    """The verdict, after checking that the next solution is none the worse."""
    execution = next(sandbox.execute_many([((solution, GOOD), (test,))]))
    if test == TEST:
        assert execution.outcomes[1, 0] == Outcome.PASSED
    return Outcome(execution.outcomes[0, 0])


CASES = {
    "right": (GOOD, Outcome.PASSED),
    "wrong": ("def f(x): return x", Outcome.WRONG),
    "generic class": (
        "from typing import Generic, Protocol, TypeVar\nT = TypeVar('T')\nclass A(Generic[T]): pass\n"
        "class B(A[int]): pass\nclass C(Protocol[T]): pass\ndef f(x): return x + 1", Outcome.PASSED),
    "raises": ("def f(x): raise ValueError", Outcome.EXCEPTION),
    "syntax": ("def f(x:", Outcome.EXCEPTION),
    "nul byte": ("def f(x):\0 return 2", Outcome.EXCEPTION),
    "lone surrogate": ("def f(x): return '\ud800'", Outcome.EXCEPTION),
    "missing function": ("g = 1", Outcome.EXCEPTION),
    "missing package": ("import numpy", Outcome.EXCEPTION),
    "deep source": ("f = " + "(" * 100_000, Outcome.EXCEPTION),
    "keyboard interrupt": ("def f(x): raise KeyboardInterrupt", Outcome.EXCEPTION),
    "generator exit": ("def f(x): raise GeneratorExit", Outcome.EXCEPTION),
    "system exit": ("def f(x): raise SystemExit(0)", Outcome.EXCEPTION),
    "reads input": ("def f(x): return int(input())", Outcome.EXCEPTION),
    "hostile repr of the error": (
        "class E(Exception):\n    def __str__(self): raise SystemExit\ndef f(x): raise E", Outcome.EXCEPTION),
    "recursion": ("import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return f(x)", None),
    "infinite loop": ("def f(x):\n    while True: pass", Outcome.TIMEOUT),
    "loop that swallows everything": (
        "def f(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass", Outcome.TIMEOUT),
    "loop in C": ("def f(x): return 10**10**9", None),
    "regular expression": ("import re\ndef f(x): return re.match(r'(a+)+$', 'a' * 40 + 'b')", Outcome.TIMEOUT),
    "sleeps": ("import time\ndef f(x): time.sleep(1e6)", Outcome.TIMEOUT),
    "deadlock": ("import threading\ndef f(x):\n    l = threading.Lock(); l.acquire(); l.acquire()", Outcome.TIMEOUT),
    "ignores signals": (
        "import signal\nfor s in (signal.SIGALRM, signal.SIGXCPU, signal.SIGTERM): signal.signal(s, signal.SIG_IGN)\n"
        "def f(x):\n    while True: pass", Outcome.TIMEOUT),
    "exits": ("import os\ndef f(x): os._exit(0)", Outcome.CRASH),
    "aborts": ("import os\ndef f(x): os.abort()", Outcome.CRASH),
    "reads address 0": ("import ctypes\ndef f(x): ctypes.string_at(0)", Outcome.CRASH),
    "kills itself": ("import os\ndef f(x): os.kill(os.getpid(), 9)", Outcome.CRASH),
    "huge allocation": ("def f(x): return bytearray(1 << 40)", Outcome.OUT_OF_MEMORY),
    "leak": ("def f(x):\n    a = []\n    while True: a.append(bytearray(1 << 20))", None),
    "threads work": (
        "import threading\ndef f(x):\n    t = threading.Thread(target=print); t.start(); t.join(); return x + 1", Outcome.PASSED),
    "thread outlives the test": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1e6,)).start()\n" + GOOD, Outcome.PASSED),
    "endless output": ("def f(x):\n    while True: print('x' * 10**6)", Outcome.TIMEOUT),
    "writes to every descriptor": (
        "import os\ndef f(x):\n    for fd in range(64):\n        try: os.write(fd, b'passed')\n        except OSError: pass\n    return 0", Outcome.CRASH),
    "huge message": ("def f(x): raise ValueError('x' * 10**8)", None),
    "daemon": ("import os\ndef f(x):\n    if os.fork() == 0:\n        os.setsid()\n        while True: pass\n    return x + 1", Outcome.BLOCKED),
    "starts a program": ("import subprocess\ndef f(x): return subprocess.run(['/bin/true'])", Outcome.BLOCKED),
    "kills its parent": ("import os\ndef f(x): os.kill(os.getppid(), 9)", Outcome.BLOCKED),
    "kills everything": ("import os\ndef f(x): os.kill(-1, 9)", Outcome.BLOCKED),
    "reads a host file": ("def f(x): return open('/etc/passwd').read()", Outcome.EXCEPTION),
    "reads the environment of another process": ("def f(x): return open('/proc/1/environ').read()", Outcome.EXCEPTION),
    "lists the home folder": ("import os\ndef f(x): return os.listdir('/root' if os.path.exists('/root') else '/home')", Outcome.BLOCKED),
    "writes elsewhere": ("def f(x): open('/usr/codedpo-was-here', 'w')", None),
    "opens a socket": ("import socket\ndef f(x): return socket.socket()", Outcome.BLOCKED),
    "switches the timer off": (
        "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nsignal.setitimer(signal.ITIMER_PROF, 0)\ndef f(x):\n    while True: pass", Outcome.TIMEOUT),
    "long product": ("import itertools\ndef f(x): return sum(1 for _ in itertools.product(range(9), repeat=12))", Outcome.TIMEOUT),
    "reads all input": ("import sys\ndef f(x): return len(sys.stdin.read())", Outcome.WRONG),
    "a finaliser that loops": ("class A:\n    def __del__(self):\n        while True: pass\ndef f(x):\n    A()\n    return 2", Outcome.TIMEOUT),
    "a representation that loops": (
        "class E(Exception):\n    def __repr__(self):\n        while True: pass\n    __str__ = __repr__\ndef f(x): raise E", Outcome.TIMEOUT),
    "fork bomb": ("import os\ndef f(x):\n    while True: os.fork()", Outcome.BLOCKED),
    "fork by another name": ("import posix\ndef f(x): return posix.fork()", Outcome.BLOCKED),
    "fork in C": (
        "import _posixsubprocess, os\ndef f(x):\n    r, w = os.pipe()\n    return _posixsubprocess.fork_exec([b'/bin/true'], [b'/bin/true'], True, (), "
        "None, None, -1, -1, -1, -1, -1, -1, r, w, False, False, 0, None, None, None, -1, None, False)", None),
    "ten thousand threads": (
        "import threading, time\ndef f(x):\n    for _ in range(10000): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()", None),
    "a message of a gigabyte": ("def f(x): raise ValueError('x' * 10**9)", Outcome.OUT_OF_MEMORY),
    "a value of a gigabyte": ("def f(x): return 'x' * 10**9", Outcome.OUT_OF_MEMORY),
    "a value too big to send": ("def f(x): return ['x' * 10**6] * 40", None),
    "huge file": ("def f(x):\n    with open('a', 'wb') as file:\n        while True: file.write(bytes(1 << 20))", None),
    "a million files": ("def f(x):\n    for k in range(10**6): open(str(k), 'w').close()", Outcome.EXCEPTION),
    "every descriptor": ("import os\ndef f(x):\n    while True: os.dup(1)", Outcome.EXCEPTION),
    "digits beyond the limit": ("def f(x): return str(10**5000)", Outcome.EXCEPTION),
    "shared memory": ("from multiprocessing import shared_memory\ndef f(x): return shared_memory.SharedMemory(create=True, size=9)", None),
    "a semaphore": ("import multiprocessing\ndef f(x): return multiprocessing.Semaphore()", None),
    "memory of another process": ("def f(x): return open('/proc/1/mem', 'rb').read(1)", Outcome.EXCEPTION),
    "keys of the user": ("import os\ndef f(x): return os.listdir(os.path.expanduser('~root/.ssh'))", Outcome.EXCEPTION),
    "ptrace": ("import ctypes\ndef f(x): return 2 if ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0 else 0", Outcome.WRONG),
    "io_uring": ("import ctypes\ndef f(x): return 2 if ctypes.CDLL(None).syscall(425, 8, bytes(999)) >= 0 else 0", Outcome.WRONG),
    "nested namespaces": ("import ctypes\ndef f(x): return 2 if ctypes.CDLL(None).unshare(0x10000000) == 0 else 0", Outcome.WRONG),
    "mounts": ("import ctypes\ndef f(x): return 2 if ctypes.CDLL(None).mount(b'a', b'/scratch', b'tmpfs', 0, 0) == 0 else 0", Outcome.WRONG),
    "link-local network": ("import socket\ndef f(x): return socket.create_connection(('169.254.169.254', 80), 1)", Outcome.BLOCKED),
    "abstract socket": ("import socket\ndef f(x): return socket.socket(socket.AF_UNIX)", Outcome.BLOCKED),
    "changes its own limits": ("import resource\ndef f(x): resource.setrlimit(resource.RLIMIT_AS, (-1, -1))", Outcome.EXCEPTION),
    "dataclasses work": (
        "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\ndef f(x): return A(x).x + 1",
        Outcome.PASSED),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_case_has_a_definite_outcome(sandbox: Sandbox, name: str) -> None:
    solution, expected = CASES[name]
    verdict = outcome(sandbox, solution)
    assert verdict != Outcome.PASSED if expected is None else verdict == expected


def test_tests_are_as_hostile_as_solutions(sandbox: Sandbox) -> None:
    assert outcome(sandbox, GOOD, "import os; os._exit(0)") == Outcome.CRASH
    assert outcome(sandbox, GOOD, "f(1)\nwhile True: pass") == Outcome.TIMEOUT
    assert outcome(sandbox, GOOD) == Outcome.PASSED


def test_no_state_passes_from_one_test_to_the_next(sandbox: Sandbox) -> None:
    solution = "calls = []\ndef f(x):\n    calls.append(x)\n    return len(calls)"
    execution = next(sandbox.execute_many([((solution,), ("assert f(0) == 1",) * 3)]))
    assert execution.passed.all()


def test_files_do_not_outlive_a_cell(sandbox: Sandbox) -> None:
    writes = "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').write('x')\nos.mkdir('z', 0)\n" + GOOD
    looks = "import os\ndef f(x): return 2 if os.listdir('.') == [] else 0"
    execution = next(sandbox.execute_many([((writes, looks), (TEST,))]))
    assert execution.passed.all()


def test_hash_order_and_random_numbers_are_the_same_each_time(sandbox: Sandbox) -> None:
    show = "import random\ndef f(x): raise ValueError(repr((list({'a', 'b', 'c', 'd'}), random.random())))"
    with Sandbox(limits=LIMITS) as other:
        texts = {next(pool.execute_many([((show,), (TEST,))])).reasons[0].text for pool in (sandbox, other, sandbox)}
    assert len(texts) == 1


def test_a_hanging_solution_is_given_up_after_three_timeouts() -> None:
    with Sandbox(limits=Limits(cpu_seconds=0.2, max_timeouts=2)) as sandbox:
        execution = next(
            sandbox.execute_many(
                [(("def f(x):\n    while x: pass\n    return 2",), ("assert f(0) == 2", *(TEST,) * 4))]
            )
        )
    assert [Outcome(value).name for value in execution.outcomes[0]] == [
        "PASSED",
        "TIMEOUT",
        "TIMEOUT",
        "NOT_RUN",
        "NOT_RUN",
    ]
    assert np.isnan(execution.cpu_seconds[0, 3:]).all()


def test_reasons_name_the_exception(sandbox: Sandbox) -> None:
    execution = next(sandbox.execute_many([(("def f(x): return {}[x]",), (TEST,))]))
    assert [(r.solution, r.test, r.text) for r in execution.reasons] == [(0, 0, "KeyError: 1")]


def test_a_listening_server_on_this_machine_is_out_of_reach(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket\ndef f(x): socket.create_connection(('127.0.0.1', {port}), 1); return x + 1"
        assert outcome(sandbox, code) == Outcome.BLOCKED


def test_the_host_environment_is_not_seen(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    with Sandbox(limits=LIMITS) as fresh:
        code = "import os\ndef f(x): return 2 if 'SECRET' not in os.environ else 0"
        assert outcome(fresh, code) == Outcome.PASSED


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = (set(os.listdir("/proc/self/fd")), threading.active_count())
    with Sandbox(workers=2, limits=LIMITS) as sandbox:
        outcome(sandbox, "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()\n" + GOOD)
        processes = [seat.first.pid for seat in sandbox._seats]  # pyright: ignore
    assert list(tmp_path.iterdir()) == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes)
    assert (set(os.listdir("/proc/self/fd")), threading.active_count()) == before


def test_a_dead_worker_is_replaced_and_the_task_done_again() -> None:
    with Sandbox(limits=LIMITS) as sandbox:
        sandbox._seats[0].first._process.kill()  # pyright: ignore
        assert outcome(sandbox, GOOD) == Outcome.PASSED


def test_results_come_in_the_order_of_the_tasks() -> None:
    tasks = [((f"def f(x): return {k}",), ("assert f(0) == 0", "assert f(0) == 1")) for k in (0, 1, 2) * 5]
    results = list(codedpo.cross_execute_many(tasks, workers=2, limits=LIMITS))
    assert [result.passed[0].tolist() for result in results] == [[True, False], [False, True], [False, False]] * 5


def test_an_empty_matrix_is_no_error() -> None:
    assert codedpo.cross_execute([], [TEST]).outcomes.shape == (0, 1)
    assert codedpo.cross_execute([GOOD], []).passed.shape == (1, 0)


def test_another_system_is_refused_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(
        SandboxError, match=r"the sandbox needs Linux \(this is darwin\): run codedpo in a Linux machine"
    ):
        Sandbox()


def test_limits_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"sandbox\.cpu_seconds: 0 must be greater than 0"):
        Limits(cpu_seconds=0)


@pytest.mark.parametrize(
    "attack",
    [
        "os.chmod(victim, 0)",
        "os.utime(victim, (0, 0))",
        "os.truncate(victim, 0)",
        "os.setxattr(victim, 'user.a', b'1')",
        "os.chown(victim, 1, 1)",
        "resource.prlimit(os.getppid(), resource.RLIMIT_AS, (1 << 20, 1 << 20))",
    ],
)
def test_what_landlock_does_not_see_is_refused(sandbox: Sandbox, tmp_path: Path, attack: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    before = victim.stat()
    code = f"import os, resource\nvictim = {str(victim)!r}\ndef f(x):\n    {attack}\n    return 2"
    assert outcome(sandbox, code) == Outcome.BLOCKED
    assert (victim.stat().st_mode, victim.stat().st_mtime, victim.read_text()) == (
        before.st_mode,
        before.st_mtime,
        "mine",
    )


def test_a_very_deep_folder_is_cleaned_away(sandbox: Sandbox) -> None:
    digs = "import os\ndef f(x):\n    for _ in range(1500):\n        os.mkdir('d'); os.chdir('d')\n    return 2"
    looks = "import os\ndef f(x): return 2 if os.listdir('.') == [] else 0"
    execution = next(sandbox.execute_many([((digs, looks), (TEST,))]))
    assert execution.passed.all()


def test_a_reason_that_no_file_format_can_hold_is_stored(sandbox: Sandbox, tmp_path: Path) -> None:
    from codedpo.records import Execution
    from codedpo.store import read_records, write_records

    execution = next(sandbox.execute_many([(("def f(x): raise ValueError('\\ud800')",), (TEST,))]))
    write_records(tmp_path / "a.parquet", Execution, [execution])
    assert read_records(tmp_path / "a.parquet", Execution)[0].reasons[0].text == "ValueError: \\ud800"


def test_solutions_define_generic_classes_and_protocols(sandbox: Sandbox) -> None:
    """What `typing` is made to forget (docs/sandbox.md) leaves its class methods what they were."""
    solution = """
from typing import Annotated, Generic, NamedTuple, Protocol, TypedDict, TypeVar

T = TypeVar("T")

class Box(Generic[T]):
    def __init__(self, item: T): self.item = item

class Sized(Protocol[T]):
    def size(self) -> int: ...

class Named(NamedTuple):
    item: Annotated[int, "a number"]

class Keyed(TypedDict):
    item: int

class Whole(Box[int]): pass

def f(x): return Whole(Named(x).item).item + 1
"""
    assert outcome(sandbox, solution) == Outcome.PASSED
