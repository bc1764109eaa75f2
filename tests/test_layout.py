"""The floors of docs/architecture.md: import direction, no circles, nothing heavy at start."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import codedpo

SOURCE = Path(codedpo.__file__).parent
FLOORS = (
    ("errors", "plugins", "checks"),
    ("records", "places", "store", "packages", "rows", "source_archive"),
    (
        "code",
        "prompting",
        "models",
        "sources",
        "rules",
        "candidates",
        "decontaminate",
        "rankers",
        "sandbox",
        "llms",
        "benchmarks",
        "efficiency",
    ),
    (
        "context",
        "credible",
        "shards",
        "evaluate",
        "scores",
        "pairing",
        "train",
        "imports",
        "train_split",
        "repeats",
        "ablations",
    ),
    ("stages", "executors"),
    ("pipeline",),
    ("config",),
    ("progress", "tools"),
    ("results", "schedule"),
    ("engine", "trial"),
    ("rounds",),
    ("report",),
    ("job", "plan", "doctor", "show", "bench", "ablate", "measure"),
    ("summary",),
    ("cli",),
)
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}


def imports(path: Path) -> set[str]:
    """Top-level parts of codedpo that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("codedpo."):
            found.add((node.module or "").split(".")[1])
    return found


def files() -> list[Path]:
    return [
        p for p in sorted(SOURCE.rglob("*.py")) if p.relative_to(SOURCE).parts[0] not in ("__init__.py", "__main__.py")
    ]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_downward_only(path: Path) -> None:
    part = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    above = {other for other in imports(path) - {part} if FLOOR[other] > FLOOR[part]}
    assert not above, f"{path.name} imports from a floor above its own: {above}"


def test_no_stage_imports_another() -> None:
    names = {path.stem for path in (SOURCE / "stages").glob("*.py")} - {"__init__", "asking"}
    for path in (SOURCE / "stages").glob("*.py"):
        modules = {
            n.module for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom) and n.module
        }
        assert not modules & {f"codedpo.stages.{name}" for name in names}


def test_no_circles_between_modules() -> None:
    graph = {path.relative_to(SOURCE).parts[0].removesuffix(".py"): set() for path in files()}
    for path in files():
        graph[path.relative_to(SOURCE).parts[0].removesuffix(".py")] |= imports(path)
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"a circle: {' -> '.join([*above, name])}"
        if name not in done:
            for other in graph[name] - {name}:
                visit(other, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    "command", [["--help"], ["run", "--help"], ["bench", "rankers", "--help"], ["ablate", "--help"]]
)
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys\nfrom codedpo.cli import app\n"
        f"try: app({command!r})\nexcept SystemExit: pass\n"
        "heavy = {'torch','trl','transformers','datasets','peft','ray','vllm','numpy','pyarrow','aiohttp',"
        "'matplotlib','xllamacpp'} & set(sys.modules)\nprint('HEAVY', sorted(heavy))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.rstrip().endswith("HEAVY []")


def test_a_job_starts_without_what_it_may_never_need() -> None:
    code = (
        "import sys, codedpo.job, codedpo.engine\n"
        "print({'torch', 'transformers', 'trl', 'xllamacpp', 'aiohttp', 'matplotlib'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_public_names_are_pinned() -> None:
    assert sorted(codedpo.__all__) == [
        "Config", "Execution", "Limits", "Outcome", "RANKERS", "Scores", "cross_execute", "cross_execute_many",
        "load_config", "pass_at_k", "rank", "rank_many", "run",
    ]  # fmt: skip
    assert all(getattr(codedpo, name) is not None for name in codedpo.__all__)


RUNNING = {"exec", "eval", "compile", "__import__"}
RUNNING_MODULES = {"runpy", "code", "codeop", "imp"}
STARTING = {
    "system",
    "popen",
    "execv",
    "execve",
    "execvp",
    "execvpe",
    "execl",
    "execle",
    "execlp",
    "posix_spawn",
    "fork",
}
STARTING_OUR_OWN = {
    "executors/local.py": "codedpo's own worker",
    "llms/guarded_process.py": "the command that our own launchers name",
    "llms/llamacpp.py": "codedpo's own server process",
    "llms/vllm.py": "the `vllm` that the configuration names",
    "packages.py": "pip, to fetch a package without installing it",
    "sources/folder.py": "git, to list a repository's files",
    "train/launch.py": "torchrun",
}
"""Modules outside sandbox/ that start processes, and what they start."""


def test_generated_code_is_run_by_the_sandbox_alone() -> None:
    starting: set[str] = set()
    for path in files():
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith("sandbox/"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Name | ast.Attribute):
                called = node.id if isinstance(node, ast.Name) else node.attr
                owner = getattr(getattr(node, "value", None), "id", "builtins")
                assert not (owner == "builtins" and called in RUNNING), f"{path}:{node.lineno}: {called}"
                assert not (owner == "os" and called in STARTING), f"{path}:{node.lineno}: os.{called}"
            elif isinstance(node, ast.Import | ast.ImportFrom):
                modules = {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module or ""}
                assert not modules & RUNNING_MODULES, f"{path}:{node.lineno}: {modules}"
                if modules & {"subprocess", "multiprocessing", "pty"}:
                    starting.add(name)
    assert starting == STARTING_OUR_OWN.keys()


def test_no_problem_of_a_benchmark_is_treated_by_its_id() -> None:
    ids = re.compile(r"\b(?:HumanEval|Mbpp|DS-1000)/\d+|\babc\d{3}_[a-h]\b")
    for path in files():
        if path.name == "rules.py":  # upstream's own special oracles, by function and cited
            continue
        tree = ast.parse(path.read_text())
        texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts:
                assert not ids.search(node.value), f"{path}:{node.lineno}: {node.value[:60]}"
