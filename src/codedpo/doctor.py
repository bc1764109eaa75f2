"""This machine in, the layers of isolation that hold on it out: what `codedpo doctor` prints."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from codedpo.errors import SandboxError
from codedpo.sandbox import Sandbox
from codedpo.sandbox.layers import LAYERS, missing_vital


@dataclass(frozen=True)
class Diagnosis:
    """What was found on this machine."""

    layers: tuple[str, ...]
    """Names of the layers that hold."""
    fault: str
    """Why no sandbox could be started; empty where one was."""
    is_root: bool

    @property
    def is_sound(self) -> bool:
        """Whether untrusted code may run here."""
        return not self.fault and not missing_vital(self.layers)

    @property
    def verdict(self) -> str:
        """One line: may untrusted code run here, and if not, what to do."""
        if self.fault:
            return f"[red]no sandbox:[/] {escape(self.fault)}"
        if missing := missing_vital(self.layers):
            return (
                f"[red]not sound:[/] {'; '.join(missing)} is missing. Runs are refused unless the configuration says "
                "sandbox.allow_weaker: true, which is for code that you trust."
            )
        return "[green]sound:[/] untrusted code may run here."

    def table(self) -> Table:
        """A row per layer: whether it holds, and what that means."""
        table = Table("layer", "", "what it means", title=f"{platform.system()} {platform.release()}", box=None)
        for layer in LAYERS:
            if layer.name in self.layers:
                table.add_row(layer.name, "[green]holds[/]", layer.holds)
            elif layer.name == "uid" and not self.is_root:
                table.add_row(layer.name, "not needed", "codedpo does not run as root")
            else:
                table.add_row(layer.name, "[red]missing[/]", layer.missing)
        return table


def examine() -> Diagnosis:
    """Start a sandbox, weak as it may be, and ask which layers hold."""
    is_root = os.geteuid() == 0
    try:
        with Sandbox(allow_weaker=True) as sandbox:
            return Diagnosis(sandbox.layers, "", is_root)
    except SandboxError as error:
        return Diagnosis((), str(error), is_root)
