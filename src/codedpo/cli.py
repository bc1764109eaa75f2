"""Command line: parse, build, call. Verbs only; nothing heavy is imported until a verb needs it."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import itertools
import os
import pydoc
import re
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(
    help="From source code and any language model to a better code model (CodeDPO, arXiv 2410.05605).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

bench = typer.Typer(help="Measure parts of codedpo on data of known truth.", no_args_is_help=True)
app.add_typer(bench, name="bench")

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="YAML file of the run.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Overrides, such as samples.n_tests=20.")
]
Limit = Annotated[int | None, typer.Option(help="At most this many rows enter the first stage.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")]


@app.command()
def run(
    config: ConfigPath,
    overrides: Overrides = None,
    limit: Limit = None,
    until: Annotated[str | None, typer.Option(help="Stop after this stage.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Do the main job: data, training, pass@1 before and after, report."""
    _run(_load(config, overrides, limit), until, dry_run)


@app.command()
def data(
    config: ConfigPath,
    overrides: Overrides = None,
    limit: Limit = None,
    until: Annotated[str, typer.Option(help="Stop after this stage.")] = "pairs",
    dry_run: DryRun = False,
) -> None:
    """Build preference pairs only: no training, no evaluation."""
    _run(_load(config, overrides, limit), until, dry_run)


@app.command()
def train(
    config: ConfigPath,
    overrides: Overrides = None,
    limit: Limit = None,
    nproc: Annotated[int | None, typer.Option(help="Processes on this machine, such as one for each GPU.")] = None,
    nnodes: Annotated[int | None, typer.Option(help="Machines that train together.")] = None,
    node_rank: Annotated[int | None, typer.Option(help="Which of them this is, from 0.")] = None,
    master: Annotated[str | None, typer.Option(help="host:port of machine 0.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Train on the pairs of a run, made first where they are missing; several processes start through torchrun."""
    launch = {"processes": nproc, "nodes": nnodes, "node_rank": node_rank, "master": master}
    told = [f"train.launch.{key}={value}" for key, value in launch.items() if value is not None]
    found = _load(config, [*(overrides or ()), *told], limit)
    if found.train is None:
        _fail(2, "train: the configuration has no `train` section")
    if found.train.launch.node_rank and not dry_run:
        from codedpo.train.launch import join_training

        with _errors_to_exit_codes(found.run_folder):
            from codedpo.job import local_folder

            log = local_folder(found) / "logs" / f"machine-{found.train.launch.node_rank}.log"
            join_training(found.train.launch, log)
        return
    _run(found, "train", dry_run)


@app.command()
def ablate(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="What is varied: rankers, methods, data, pairs or models.")
    ],
    config: ConfigPath,
    overrides: Overrides = None,
    limit: Limit = None,
    dry_run: DryRun = False,
) -> None:
    """Vary one thing, hold all else equal: train and measure each arm, one table and one figure (docs/ablations.md)."""
    from rich.console import Console

    settings, console = _load(config, overrides, limit), Console()
    with _errors_to_exit_codes(settings.run_folder), _quiet_libraries():
        from codedpo.sandbox import require_linux

        require_linux(allow_weaker=settings.sandbox.allow_weaker)
        from codedpo.ablate.command import ablate, describe_ablation  # imports modules that other systems lack

        if dry_run:
            console.print(describe_ablation(settings, kind), highlight=False, soft_wrap=True)
            return
        ablate(settings, kind, console)


@app.command()
def evaluate(
    overrides: Overrides = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="YAML file with the model to measure; without it overrides name all."),
    ] = None,
    benchmark: Annotated[list[str] | None, typer.Option(help="Name of a benchmark; may be given again.")] = None,
    programs: Annotated[
        Path | None, typer.Option(help="JSONL with task_id and solution, judged in place of a model's answers.")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="A B", help="Compare two folders that this command wrote; with a configuration, time programs too."
        ),
    ] = None,
) -> None:
    """Measure a model, or programs of a file, on benchmarks; or compare two measurements (docs/evaluation.md)."""
    from rich.console import Console

    console = Console()
    if compare is not None:
        with _errors_to_exit_codes():
            from codedpo.measure.command import compare_folders

            chosen = _load_measured(config, overrides) if config or overrides else None
            compare_folders(*compare, chosen, console)
        return
    if config is None and not (overrides or programs or benchmark):
        _fail(2, "evaluate: name a configuration with --config, a --benchmark, or two folders with --compare")
    settings = _load_measured(config, overrides)
    with _errors_to_exit_codes(settings.run_folder), _quiet_libraries():
        from codedpo.sandbox import require_linux

        require_linux(allow_weaker=settings.sandbox.allow_weaker)
        from codedpo.measure.command import evaluate_benchmarks

        evaluate_benchmarks(settings, benchmark or (), programs, console)


@app.command()
def init(path: Annotated[Path, typer.Argument(help="File to write.")] = Path("codedpo.yaml")) -> None:
    """Write a configuration to start from."""
    from codedpo.errors import ConfigError
    from codedpo.plan import starting_config

    with _errors_to_exit_codes():
        if path.exists():
            raise ConfigError(f"{path} exists already; name another file or remove it")
        path.write_text(starting_config(), encoding="utf-8")
    typer.echo(f"{path} written. Edit it, then: codedpo run --config {path} --dry-run")


@app.command()
def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run folder, a path or a URL.")],
    task: Annotated[
        str | None, typer.Argument(metavar="[TASK]", help="A task's id, its beginning, or its number as in '#12'.")
    ] = None,
) -> None:
    """Show one task with all that became of it, or the list of a run's tasks."""
    from rich.console import Console

    from codedpo.show import open_run, task_lines, task_page

    console = Console()
    with _errors_to_exit_codes(run):
        output: Any = sys.stdout
        output.reconfigure(errors="backslashreplace")  # letters that the terminal has no code for
        found = open_run(run)
        if task is None:
            _print_list(task_lines(found), console)
            return
        for line in task_page(found, task, console.width):
            console.print(line, soft_wrap=True)


@app.command()
def doctor() -> None:
    """Tell which layers of isolation hold on this machine, and what each missing one means."""
    from rich.console import Console

    from codedpo.doctor import examine

    with _errors_to_exit_codes():
        diagnosis = examine()
        Console().print(diagnosis.table(), diagnosis.verdict, highlight=False, soft_wrap=True)
    raise typer.Exit(0 if diagnosis.is_sound else 1)


@bench.command()
def rankers(
    paths: Annotated[list[Path], typer.Argument(help="Labelled samples (JSONL), or folders of finished runs.")],
    benchmark: Annotated[str, typer.Option(help="Whose problems the tasks of runs are, such as humaneval.")] = "",
    draws: Annotated[int, typer.Option(help="Sub-matrices drawn from each task.")] = 100,
    shape: Annotated[str, typer.Option(help="Solutions x tests of a draw.")] = "15x15",
    rankers: Annotated[str, typer.Option(help="Names or package.module:Class, with commas; all where empty.")] = "",
    seed: Annotated[int, typer.Option(help="Of draws and resamples.")] = 0,
    output: Annotated[Path, typer.Option(help="Folder for results.json, tables.md, rankers.svg.")] = Path(
        "runs/bench-rankers"
    ),
) -> None:
    """Tell how well each ranker tells right solutions from wrong ones, with intervals (docs/rankers.md)."""
    from rich.console import Console

    with _errors_to_exit_codes():
        from codedpo.bench.command import RankerBenchmark, bench_rankers, parse_shape
        from codedpo.bench.comparing import Comparison
        from codedpo.rankers import RANKERS

        names = tuple(name.strip() for name in rankers.split(",")) if rankers else tuple(RANKERS)
        comparison = Comparison(rankers=names, shape=parse_shape(shape), draws=draws, seed=seed)
        bench_rankers(RankerBenchmark(tuple(paths), benchmark, comparison, output), Console())


def main() -> None:
    """Entry point of the command `codedpo`: exit code 0 done, 1 failed, 2 usage."""
    app(prog_name="codedpo")


def _load(path: Path | None, overrides: list[str] | None, limit: int | None) -> Any:
    from codedpo.config import load_config

    with _errors_to_exit_codes():
        return load_config(path, [*(overrides or ()), *([f"limit={limit}"] if limit is not None else [])])


def _load_measured(path: Path | None, overrides: list[str] | None) -> Any:
    """As `_load`; without a file each model has a run folder of its own, unless an override names one."""
    is_named = bool(path) or any(override.startswith("run_folder=") for override in overrides or ())
    found = _load(path, [*([] if is_named else ["run_folder=runs/evaluate"]), *(overrides or ())], None)
    if is_named:
        return found
    name = re.sub(r"[^\w.-]+", "-", found.llm.model).strip("-.")
    return dataclasses.replace(found, run_folder=f"runs/evaluate/{name}")


def _print_list(lines: Iterator[str], console: Any) -> None:
    """Through the user's pager where a terminal does not hold them all."""
    start = list(itertools.islice(lines, console.height))
    if console.is_terminal and len(start) == console.height:
        pydoc.pager("\n".join([*start, *lines]))
        return
    try:
        for line in itertools.chain(start, lines):
            typer.echo(line)
    except BrokenPipeError:  # whoever reads has enough, as in `| head`
        os._exit(1)


def _run(config: Any, until: str | None, dry_run: bool) -> None:
    from rich.console import Console

    from codedpo.errors import ConfigError
    from codedpo.pipeline import STAGE_NAMES
    from codedpo.plan import describe_plan
    from codedpo.plugins import did_you_mean
    from codedpo.progress import Panel
    from codedpo.sandbox import require_linux

    console = Console()
    with _errors_to_exit_codes(config.run_folder):
        require_linux(allow_weaker=config.sandbox.allow_weaker)
        from codedpo.job import run  # imports modules that other systems lack
        from codedpo.summary import closing_lines

        if until is not None and until not in (*STAGE_NAMES, "train"):
            raise ConfigError(f"--until: '{until}' is not a stage{did_you_mean(until, STAGE_NAMES)}")
        if dry_run:
            console.print(describe_plan(config, until), highlight=False)
            return
        with _quiet_libraries(), Panel(console) as panel:
            result = run(config, observer=panel, until=until)
        for line in closing_lines(result):
            console.print(line, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def _errors_to_exit_codes(run_folder: str = "") -> Generator[None]:
    """The one place where exceptions become exit codes."""
    from codedpo.errors import CodeDPOError, ConfigError

    again = "run the same command again to go on; nothing that was done is lost"
    try:
        yield
    except ConfigError as error:
        _fail(2, str(error))
    except CodeDPOError as error:
        _fail(1, str(error))
    except KeyboardInterrupt:
        _fail(1, f"interrupted; {again}")
    except OSError as error:
        causes = {errno.ENOSPC: "the disk is full: free some space", errno.EDQUOT: "the disk quota is used up"}
        where = error.filename or run_folder
        _fail(1, f"{where}: {causes.get(error.errno or 0, error.strerror or str(error))}, then {again}")


def _fail(code: int, text: str) -> NoReturn:
    typer.echo(f"error: {text}", err=True)
    # Not sys.exit: a library's non-daemon thread must not hold an interrupted run.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextlib.contextmanager
def _quiet_libraries() -> Generator[None]:
    """Progress bars and warnings of libraries would be printed over the panel."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
