# pyright: basic
# (jailed/codec.py carries no types)
"""Programs whose function is called on many inputs, and scripts: what is asked, and what each call gave.

What a program returns comes back as plain data (jailed/codec.py) and is compared here, in a process that runs none of
its code; what is expected of it never reaches the program's process.
"""

from __future__ import annotations

import base64
import pickle
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from codedpo.records import Outcome
from codedpo.sandbox.jailed import codec, packed
from codedpo.sandbox.jailed.outcomes import REFUSALS

DIGEST_BYTES: int = codec.DIGEST_BYTES
_VALUE, _RAISED = b'["value",', b'["raised",'
"""How the JSON of a reply begins that carries a value, and of one that tells of an exception."""
_FLOAT_FIRST = re.compile(rb'\["value",(\[|\{"tuple":\[)?(-?[0-9]+[.e]|-?Infinity|NaN)|m[\[(].{4}g', re.DOTALL)
"""How the content of a frame begins, in JSON or packed, that gives a float or begins a list with one."""
_LOADED = b'["loaded"]'
_HEAD = struct.Struct("<Idd")
"""Of a frame: length, seconds of the call, seconds with writing its value, as in jailed/caller.py."""


@dataclass(frozen=True)
class Inputs:
    """Arguments of each call, and how long it may take."""

    arguments: tuple[tuple[Any, ...], ...] = field(repr=False)
    """Plain built-in data."""
    cpu_seconds: tuple[float, ...] = field(repr=False)
    """Of processor time, by call."""
    total_seconds: float
    """Of processor time for all calls."""

    @cached_property
    def encoded(self) -> str:
        """The arguments as they travel."""
        return base64.b64encode(pickle.dumps(list(self.arguments), protocol=4)).decode("ascii")

    def only(self, index: int) -> Inputs:
        """One call by itself; its total only bounds the clock on the wall, twice as far as for all calls together."""
        seconds = self.cpu_seconds[index]
        return Inputs((self.arguments[index],), (seconds,), 2 * seconds)


@dataclass(frozen=True)
class Calls:
    """A program and what to call of it."""

    program: str = field(repr=False)
    function: str
    """An expression that gives the function, such as `f` or `Solution().f`. Empty: the program is a script, which is
    run for each text as its standard input, and gives what it writes on its standard output, 16 MB at most."""
    inputs: Inputs
    seed: int = 0
    """Of `random`, before the program is loaded."""


@dataclass(frozen=True)
class Reply:
    """What one call gave."""

    outcome: Outcome
    """PASSED where it returned; else EXCEPTION, OUT_OF_MEMORY or BLOCKED."""
    value: Any
    text: str
    """Of the exception."""


@dataclass(frozen=True)
class CheckedCalls:
    """Calls whose values are compared as they come; the first that is wrong ends the program."""

    calls: Calls
    digests: bytes = field(repr=False)
    """Of the expected values, one after the other (`digest`): what has them is right."""
    most_bytes: tuple[int, ...] = field(repr=False)
    """Of each value: one that takes more and has not the expected digest is wrong unseen."""
    is_same: Callable[[int, Reply], bool]
    """Asked about every other reply, with the index of its call."""
    again: Inputs
    """The same arguments with the limits of a second run, where one of the first was reached."""

    def parts(self) -> list[CheckedCalls]:
        """What has a process of its own: all calls of a function; each run of a script, which may leave things."""
        n_calls = len(self.calls.inputs.arguments)
        return [self] if self.calls.function or not n_calls else [self._only(index) for index in range(n_calls)]

    def _only(self, index: int) -> CheckedCalls:
        return CheckedCalls(
            calls=replace(self.calls, inputs=self.calls.inputs.only(index)),
            digests=self.digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES],
            most_bytes=(self.most_bytes[index],),
            is_same=lambda _, reply: self.is_same(index, reply),
            again=self.again.only(index),
        )


class Frame(NamedTuple):
    """What a call gave."""

    content: bytes
    """The JSON of the reply, or a packed value (jailed/packed.py)."""
    seconds: float
    """Processor time of the call, as the program's own process read it."""
    told_seconds: float
    """The same with writing the reply, which limits count too."""


@dataclass(frozen=True)
class Replies:
    """What a program's calls gave, all of them."""

    ended: Outcome
    """PASSED where each call returned or raised; else why there are fewer replies than calls."""
    text: str
    """Why, where it did not."""
    frames: bytes = field(repr=False)
    """As jailed/caller.py writes them."""
    seconds: float
    """Processor time of the process, read from outside."""

    def values(self) -> Iterator[Frame]:
        """By call."""
        return (part for place, part in enumerate(self._parts()) if place)  # the first says that it is loaded

    @property
    def load_error(self) -> str:
        """What loading the program raised; empty where it was loaded."""
        first = next(self._parts(), Frame(_LOADED, 0.0, 0.0)).content
        return "" if first == _LOADED else reply_of(first).text

    def _parts(self) -> Iterator[Frame]:
        position, view = 0, memoryview(self.frames)
        while position + _HEAD.size <= len(view):
            start = position + _HEAD.size
            size, seconds, told = _HEAD.unpack_from(view, position)
            position = start + size
            if position <= len(view):
                yield Frame(bytes(view[start:position]), seconds, told)


@dataclass(frozen=True)
class Checked:
    """What became of checked calls."""

    outcome: Outcome
    """PASSED where every value is right; WRONG where one is not; else what the call or the process came to."""
    calls: int
    """Right ones; also the index of the one that was not."""
    reply: Reply | None
    """The one that was not right, where there is one."""
    text: str
    """What became of the process, where that decides."""
    is_loaded: bool
    """Whether it came to calls."""
    seconds: float
    """Processor time of the process, read from outside."""


def joined(parts: Iterable[Checked]) -> Checked:
    """What became of calls that are checked in parts, one after the other up to the first that is not right."""
    whole = Checked(Outcome.PASSED, 0, None, "", True, 0.0)
    for part in parts:
        whole = replace(part, calls=whole.calls + part.calls, seconds=whole.seconds + part.seconds)
        if whole.outcome != Outcome.PASSED:
            break
    return whole


def digest(content: bytes) -> bytes:
    """What stands for the content of a frame, for `CheckedCalls.digests`."""
    return codec.digest(content)


def value_content(value: Any) -> bytes:
    """The content of the frame of a call that gives this plain value."""
    return codec.shortened(packed.pack(value) or codec.dumps(["value", codec.encode(value, _refuse)]))


def _refuse(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is no plain data")


def is_raised(content: bytes) -> bool:
    """Whether a frame tells of an exception, without reading the rest of it."""
    return content.startswith(_RAISED)


def is_value(content: bytes) -> bool:
    """Whether a frame gives a value, without reading it."""
    return content.startswith(_VALUE) or packed.is_packed(content)


def may_be_floats(content: bytes) -> bool:
    """Whether a frame may give a float, or a list or tuple of nothing else, without reading all of it."""
    return _FLOAT_FIRST.match(content) is not None


def reply_of(content: bytes) -> Reply:
    """What a frame says; one that a program forged says nothing."""
    try:
        if packed.is_packed(content):
            return Reply(Outcome.PASSED, packed.unpack(content), "")
        match codec.loads(content):
            case ["value", value]:
                return Reply(Outcome.PASSED, codec.decode(value, _no_data), "")
            case ["digest", str(), int() as size]:
                return Reply(Outcome.PASSED, _NoData(f"a value of {size:,} bytes"), "")
            case ["raised", str() as kind, str() as name, str() as text, number]:
                said = f"{name}: {text}".encode("utf-8", "backslashreplace").decode()  # a lone surrogate is no text
                return Reply(_outcome(kind, number), None, said)
            case _:
                pass
    except (ValueError, TypeError, RecursionError, OverflowError, MemoryError):
        pass
    return Reply(Outcome.EXCEPTION, None, "it gave what cannot be read")


def _outcome(kind: str, number: object) -> Outcome:
    if kind == "MemoryError":
        return Outcome.OUT_OF_MEMORY
    return Outcome.BLOCKED if number in REFUSALS else Outcome.EXCEPTION


class _NoData:
    """In place of a returned value that is no plain data: equal to nothing but itself."""

    def __init__(self, kind: str):
        self._kind = kind

    def __repr__(self) -> str:
        return f"<{self._kind}>"


def _no_data(content: Any) -> _NoData:
    return _NoData(str(content[1]) if isinstance(content, list) and len(content) == 3 else "object")
