# pyright: basic
# (torch is only partly typed)
"""The environment that torchrun sets in, which of how many processes this one is out."""

from __future__ import annotations

import os
from dataclasses import dataclass

from codedpo.errors import ModelError


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
