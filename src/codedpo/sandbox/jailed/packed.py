"""Long lists and tuples of numbers in, bytes out, and back: writing floats as JSON takes eight times as long.

They are marshalled, in version 2 of that format, which writes equal numbers of equal types alike. Python does not
promise to survive marshalled bytes that somebody forged, so they are read here.
"""

import marshal
import math
import struct

_MARK = b"m"
"""No JSON begins with it."""
_LEAST_ITEMS, _MOST_BYTES = 1000, 16 << 20
_BIG = 1 << 62
_VERSION = 2
_KINDS = {b"[": list, b"(": tuple}
_SIZE, _FLOAT = struct.Struct("<i"), struct.Struct("<d")
_START = len(_MARK) + 1 + _SIZE.size
_ALIKE = {b"g": struct.Struct("<xd"), b"i": struct.Struct("<xi")}
"""Numbers of one kind, and so of one size, are read all at once."""


def pack(value):
    """The bytes of an exact list or tuple of at least 1,000 exact ints and floats; none for every other value.

    None either with nan, of which there are several, with what is beyond 2 ** 62, or where they take more than 16 MB,
    of which only a digest would be sent (`codec.shortened`).
    """
    if type(value) not in (list, tuple) or len(value) < _LEAST_ITEMS or not set(map(type, value)) <= {int, float}:
        return b""
    if min(value) <= -_BIG or max(value) >= _BIG or math.isnan(sum(value)):
        return b""
    content = _MARK + marshal.dumps(value, _VERSION)
    return content if len(content) <= _MOST_BYTES else b""


def is_packed(content):
    """Whether this is of `pack`."""
    return content.startswith(_MARK)


def unpack(content):
    """The value of `pack`; ValueError where these bytes hold no list or tuple of numbers."""
    kind = _KINDS.get(content[len(_MARK) : len(_MARK) + 1])
    if kind is None or len(content) < _START:
        raise ValueError("no list or tuple")
    count = _SIZE.unpack_from(content, _START - _SIZE.size)[0]
    try:
        numbers = list(_numbers(content, count))
    except struct.error as error:
        raise ValueError("it breaks off") from error
    if len(numbers) != count:
        raise ValueError(f"{len(numbers)} numbers of {count}")
    return kind(numbers)


def _numbers(content, count):
    for sign, one in _ALIKE.items():
        if len(content) - _START == count * one.size and content[_START :: one.size] == count * sign:
            return (number for (number,) in one.iter_unpack(memoryview(content)[_START:]))
    return _mixed(content)


def _mixed(content):
    place = _START
    while place < len(content):
        sign, place = content[place], place + 1
        if sign == ord("g"):
            yield _FLOAT.unpack_from(content, place)[0]
            place += _FLOAT.size
            continue
        size = _SIZE.unpack_from(content, place)[0]
        place += _SIZE.size
        if sign == ord("i"):
            yield size
        elif sign == ord("l") and 0 < abs(size) <= 5:  # digits of 15 bits, the least first
            digits = struct.unpack_from(f"<{abs(size)}H", content, place)
            number = sum(digit << 15 * index for index, digit in enumerate(digits))
            yield -number if size < 0 else number
            place += 2 * len(digits)
        else:
            raise ValueError("no number")
