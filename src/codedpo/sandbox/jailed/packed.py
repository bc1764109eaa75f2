"""Large values of exact built-in data in, bytes out, and back: a twentieth of the work of JSON.

They are marshalled in version 2 of that format, which writes equal values of equal types alike, however their parts are
shared. Python does not promise to survive marshalled bytes that somebody forged, so they are read here.
"""

import marshal
import struct

_MARK = b"m"
"""No JSON begins with it."""
_LEAST = 1 << 12
_VERSION = 2
_SIZE, _FLOAT, _COMPLEX = struct.Struct("<i"), struct.Struct("<d"), struct.Struct("<dd")
_CONSTANTS = {b"N": None, b"T": True, b"F": False, b".": Ellipsis}
_ITEMS = {b"[": list, b"(": tuple, b"<": set, b">": frozenset}
_ALIKE = {b"g": struct.Struct("<xd"), b"i": struct.Struct("<xi")}
"""Items of one size, of which there may be millions: all of them are read at once."""


def pack(value):
    """The bytes of a large value of nothing but exact built-in data; none where it is small or anything else.

    A bytearray or memoryview, which equals its bytes, arrives as such.
    """
    try:
        data = marshal.dumps(value, _VERSION)
        # whatever gives access to its memory is marshalled as bytes: an array of numpy, and each of its numbers
        is_exact = len(data) >= _LEAST and (marshal.loads(data) == value) is True
    except Exception:  # no such data, too deep, or no plain answer of ==
        return b""
    return _MARK + data if is_exact else b""


def is_packed(content):
    """Whether this is of `pack`."""
    return content.startswith(_MARK)


def unpack(content):
    """The value of `pack`; ValueError where it did not write this."""
    try:
        value, end = _read(content, len(_MARK))
    except (struct.error, TypeError, RecursionError, MemoryError) as error:
        raise ValueError("not a packed value") from error
    if end != len(content):
        raise ValueError("more than a packed value")
    return value


def _read(data, start):
    """(value, where it ends)"""
    kind, start = data[start : start + 1], start + 1
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], start
    if kind == b"g":
        return _FLOAT.unpack_from(data, start)[0], start + 8
    if kind == b"y":
        return complex(*_COMPLEX.unpack_from(data, start)), start + 16
    if kind == b"{":
        return _read_dict(data, start)
    size, start = _SIZE.unpack_from(data, start)[0], start + 4
    if kind == b"i":
        return size, start
    end = start + (2 * abs(size) if kind == b"l" else size)
    if not start <= end <= len(data):  # each item takes a byte at least
        raise ValueError("it breaks off")
    if kind in _ITEMS:
        items, end = _read_items(data, start, size)
        return _ITEMS[kind](items), end
    part = data[start:end]
    if kind == b"l":
        return _read_int(part, size < 0), end
    if kind == b"u":
        return part.decode("utf-8", "surrogatepass"), end
    if kind == b"s":
        return part, end
    raise ValueError(f"unknown kind {kind}")


def _read_items(data, start, count):
    alike = _ALIKE.get(data[start : start + 1])
    if alike is not None:
        end = start + count * alike.size
        part = data[start:end]
        if len(part) == end - start and part[:: alike.size] == count * data[start : start + 1]:
            return [item for (item,) in alike.iter_unpack(part)], end
    items = []
    for _ in range(count):
        item, start = _read(data, start)
        items.append(item)
    return items, start


def _read_dict(data, start):
    found = {}
    while data[start : start + 1] != b"0":
        key, start = _read(data, start)
        found[key], start = _read(data, start)
    return found, start + 1


def _read_int(part, is_negative):
    """Digits of 15 bits in two bytes each, the least first."""
    bits = "".join(f"{digit:015b}" for (digit,) in reversed(list(struct.iter_unpack("<H", part))))
    return -int(bits, 2) if is_negative else int(bits, 2)
