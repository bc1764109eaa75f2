# pyright: basic
# (torch is only partly typed)
"""The environment that torchrun sets in, which of how many processes this one is out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from codedpo.errors import ConfigError, ModelError
from codedpo.train.settings import Train


@dataclass(frozen=True)
class Processes:
    """This process among those that train together; alone by default."""

    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes and tells."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        if self.world > 1:
            import torch

            torch.distributed.barrier()

    def agree(self, value: str | None) -> str:
        """What the first process that has something to say says."""
        if self.world == 1:
            return value or ""
        import torch

        told: list[str | None] = [None] * self.world
        torch.distributed.all_gather_object(told, value)
        return next((one for one in told if one), "")


def check_devices(settings: Train) -> None:
    """See to it that the GPUs of this machine, where it has any, fit the processes that are to train.

    Raises:
        ConfigError: more or fewer GPUs than processes, or one that knows no bfloat16.
    """
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return
    import torch

    gpus, processes = torch.cuda.device_count(), settings.launch.processes
    if gpus and gpus != processes:
        raise ConfigError(
            f"train.launch.processes: {processes} to train, but {gpus} GPUs are visible: set it to {gpus} (--nproc "
            f"{gpus}), or make {processes} of them visible with CUDA_VISIBLE_DEVICES"
        )
    if gpus and settings.args.get("bf16") is not False and not torch.cuda.is_bf16_supported():
        raise ConfigError("train.args: this GPU knows no bfloat16; set train.args={bf16: false, fp16: true}")


def join_processes(expected: int) -> Processes:
    """Meet the other processes that torchrun started.

    Raises:
        ModelError: there are not as many as expected: each would train alone, silently.
    """
    import torch

    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world != expected:
        raise ModelError(
            f"train.launch: {expected} processes should train together, but the launcher started {world}; start them "
            "with `codedpo train --nproc`"
        )
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if world > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    return Processes(int(os.environ.get("RANK", "0")), world)
