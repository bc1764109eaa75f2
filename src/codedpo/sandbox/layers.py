"""The layers of isolation: what each is for, what its absence means, which of them are vital."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """One kernel restriction that the jail puts on untrusted code."""

    name: str
    holds: str
    """What it does."""
    missing: str
    """What is so without it."""


LAYERS = (
    Layer(
        "namespaces",
        "no network interface, no view of other processes, no shared memory with them",
        "code that seccomp lets through could see other processes; needs user namespaces or CAP_SYS_ADMIN",
    ),
    Layer(
        "root",
        "of the file system only Python and the system libraries can be seen, read-only",
        "landlock alone guards files, and names and sizes of others can be asked for; needs namespaces",
    ),
    Layer(
        "scratch",
        "the folder for its files is in memory, with bounds on bytes and on the number of files",
        "code could fill the disk that holds the temporary folder; needs namespaces",
    ),
    Layer(
        "uid",
        "runs as a user id that owns nothing (only where codedpo runs as root)",
        "runs as you: files and signals of yours are kept from it by the other layers only",
    ),
    Layer("privileges", "no capabilities, and none to be gained", "a set-user-id program could raise its rights"),
    Layer(
        "landlock",
        "reads the libraries, writes the scratch folder, nothing else",
        "`root` alone guards files; needs Linux 5.13 with landlock switched on",
    ),
    Layer(
        "seccomp",
        "no new processes, programs, sockets, ptrace or kernel interfaces",
        "untrusted code can start processes and use the network: only for code that you trust",
    ),
)
"""In the order in which the jail puts them on."""

VITAL = (("seccomp",), ("root", "landlock"))
"""Of each group one layer at least must hold, or the sandbox refuses to run unless told otherwise."""


def missing_vital(layers: Sequence[str]) -> list[str]:
    """Groups of `VITAL` of which no layer holds, such as `root or landlock`."""
    return [" or ".join(group) for group in VITAL if not set(group) & set(layers)]
