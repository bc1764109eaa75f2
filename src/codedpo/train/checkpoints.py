# pyright: basic
# (transformers is only partly typed)
"""A folder of checkpoints in; the last one that was written whole out. A half-written one is never gone on from."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

from codedpo.errors import CodeDPOError, ModelError
from codedpo.store import write_text
from codedpo.train.processes import Processes

_WHOLE, _FORM = "whole", "checkpoints.form"


def last_checkpoint(folder: Path, *, unfinished: bool = False) -> Path | None:
    """The newest checkpoint that was written whole.

    Args:
        unfinished: not that of the last step: transformers would go one step too far from there.
    """
    whole = [path for path in _all(folder) if (path / _WHOLE).exists()]
    return max((path for path in whole if not (unfinished and _is_last(path))), key=_step, default=None)


def remove_checkpoints(folder: Path) -> None:
    """Remove all checkpoints; the training is done."""
    for path in _all(folder):
        shutil.rmtree(path)


def remove_checkpoint(folder: Path, step: int) -> None:
    """Remove the checkpoint of one step, where there is one."""
    shutil.rmtree(folder / f"checkpoint-{step}", ignore_errors=True)


def forget_other_forms(folder: Path, form: str) -> bool:
    """Remove checkpoints that were written in another form, as sharded weights are; whether there were any."""
    note = folder / _FORM
    others = note.exists() and note.read_text() != form and bool(_all(folder))
    if others:
        remove_checkpoints(folder)
    write_text(note, form)
    return others


def mark_whole(processes: Processes) -> Any:
    """A callback for transformers' trainers: marks each checkpoint once all processes have written their part."""
    from transformers import TrainerCallback

    class Mark(TrainerCallback):
        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            processes.wait()
            if processes.is_first:
                write_text(Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE, "")

    return Mark()


@contextlib.contextmanager
def keep_the_last(folder: Path) -> Generator[None]:
    """Where a checkpoint cannot be written, as on a full disk, take away what there is of it and say so.

    Raises:
        ModelError: names the checkpoint; the one before it is kept.
    """
    _remove_halves(folder)  # of a training that was killed
    try:
        yield
    except CodeDPOError:
        raise
    except Exception as error:  # each library that writes a part of a checkpoint has exceptions of its own
        halves = _remove_halves(folder)
        if not halves:
            raise
        raise ModelError(_not_written(max(halves, key=_step).name, folder, error)) from error


@contextlib.contextmanager
def writing(what: str, folder: Path) -> Generator[None]:
    """For what is written when the steps are done.

    Raises:
        ModelError: it could not be written; the last checkpoint is kept.
    """
    try:
        yield
    except CodeDPOError:
        raise
    except Exception as error:  # each library has exceptions of its own
        raise ModelError(_not_written(what, folder, error)) from error


def _remove_halves(folder: Path) -> list[Path]:
    """Remove, and name, the checkpoints that were not written whole."""
    halves = [path for path in _all(folder) if not (path / _WHOLE).exists()]
    for path in halves:
        shutil.rmtree(path, ignore_errors=True)
    return halves


def _not_written(what: str, folder: Path, error: Exception) -> str:
    kept = last_checkpoint(folder)
    return (
        f"train: {what} could not be written ({error}); {kept.name if kept else 'no checkpoint'} is kept. See to it "
        f"that there is space in {folder}, then run the same command again"
    )


def _all(folder: Path) -> list[Path]:
    return [path for path in folder.glob("checkpoint-*") if path.name.split("-")[1].isdigit()]


def _is_last(path: Path) -> bool:
    state = json.loads((path / "trainer_state.json").read_text())
    return state["global_step"] >= state["max_steps"]


def _step(path: Path) -> int:
    return int(path.name.split("-")[1])
