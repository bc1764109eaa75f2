"""Values in, JSON out, and back: what may travel between the judge and the solution, and nothing else.

Exact built-in data types travel as themselves: JSON's own as JSON, the others as an object with one key, the tag.
Both sides only ever build data: no code, no classes, no callbacks, so that a hostile peer can send any *value* and
nothing more. `encode` is lenient (it runs beside the solution and speaks for it: a subclass of int travels as the int
that it is); `decode` is strict and raises ValueError on whatever `encode` would not have written.
What is not data (functions, generators, instances of the solution's classes) is left to `reference`, which
may give a number that stands for the object.
"""

import collections
import datetime
import decimal
import fractions
import hashlib
import json
import os

MAX_BYTES = 32 << 20
"""Longest frame, bytes."""
DIGEST_BYTES = 16
_LARGEST = 16 << 20
_MAX_ITEMS = 10_000  # of an iterator, which may be endless


def _no_default(value):
    raise TypeError(f"{type(value).__name__} is not data")


_SCALARS = frozenset({int, float, str, bool, type(None)})
_BIG = 1 << 62
_DATES = {
    "date": (datetime.date, ("year", "month", "day")),
    "time": (datetime.time, ("hour", "minute", "second", "microsecond")),
    "datetime": (datetime.datetime, ("year", "month", "day", "hour", "minute", "second", "microsecond")),
    "timedelta": (datetime.timedelta, ("days", "seconds", "microseconds")),
}


_write = json.encoder.c_make_encoder(
    None, _no_default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
)  # what json.dumps makes anew for each call


def dumps(message):
    """JSON bytes of a message whose values were encoded; TypeError or RecursionError where that is impossible."""
    return "".join(_write(message, 0)).encode("ascii")


def loads(data):
    """The message in JSON bytes; ValueError on garbage."""
    try:
        return json.loads(data)
    except (RecursionError, UnicodeDecodeError) as error:
        raise ValueError("not a message") from error


def digest(data):
    """What stands for a message's bytes: `DIGEST_BYTES` of them."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def shortened(content):
    """What to send: in place of more than 16 MB their digest, which nobody knows who has not made the value."""
    if len(content) <= _LARGEST:
        return content
    return dumps(["digest", digest(content).hex(), len(content)])


def encode(value, reference):
    """A JSON value that stands for `value`.

    Args:
        reference: called with what is not data; gives a JSON value, or raises TypeError.
    """
    kind = type(value)
    if kind is int:
        return encode_int(value)
    if kind in _SCALARS:
        return value
    if kind is list:
        return _encode_list(value, reference)
    if kind is tuple:
        return {"tuple": _items(value, reference)}
    if kind is dict:
        return {"dict": _pairs(value, reference)}
    writer = _WRITERS.get(kind)
    return writer(value, reference) if writer else _encode_kin(value, reference)


def encode_int(value):
    """An int; in hexadecimal where JSON's decimal digits could hit Python's limit."""
    return value if -_BIG < value < _BIG else {"int": hex(value)}


def _encode_list(values, reference):
    """Flat lists and tuples in a list, of which there may be millions, are written by the JSON encoder alone."""
    kinds = set(map(type, values))
    if kinds in ({tuple}, {list}) and _are_json([item for inner in values for item in inner]):
        return {"tuples": values} if tuple in kinds else values
    return _items(values, reference)


def _items(values, reference):
    return list(values) if _are_json(values) else [encode(value, reference) for value in values]


def _are_json(values):
    """Whether each value travels as it is."""
    kinds = set(map(type, values))
    if int in kinds and kinds <= _SCALARS:
        return all(-_BIG < value < _BIG for value in values if type(value) is int)
    return kinds <= _SCALARS


def _pairs(mapping, reference):
    return [[encode(key, reference), encode(value, reference)] for key, value in dict.items(mapping)]


def _date_writer(tag, fields):
    def write(value, reference):
        if getattr(value, "tzinfo", None) is not None:
            return reference(value)
        return {tag: [getattr(value, field) for field in fields]}

    return write


def _write_iterator(value, reference):
    items, end = [], None
    try:
        for item in value:
            if len(items) == _MAX_ITEMS:
                end = "more"
                break
            items.append(encode(item, reference))
    except Exception as error:
        end = type(error).__name__
    return {"iterator": [items, end]}


_WRITERS = {
    set: lambda value, reference: {"set": _items(value, reference)},
    frozenset: lambda value, reference: {"frozenset": _items(value, reference)},
    bytes: lambda value, reference: {"bytes": value.hex()},
    bytearray: lambda value, reference: {"bytearray": value.hex()},
    complex: lambda value, reference: {"complex": [value.real, value.imag]},
    range: lambda value, reference: {"range": _items((value.start, value.stop, value.step), reference)},
    type(Ellipsis): lambda value, reference: {"ellipsis": []},
    collections.Counter: lambda value, reference: {"Counter": _pairs(value, reference)},
    collections.OrderedDict: lambda value, reference: {"OrderedDict": _pairs(value, reference)},
    collections.defaultdict: lambda value, reference: {"defaultdict": _pairs(value, reference)},
    collections.deque: lambda value, reference: {"deque": [_items(value, reference), value.maxlen]},
    fractions.Fraction: lambda value, reference: {"Fraction": [hex(value.numerator), hex(value.denominator)]},
    decimal.Decimal: lambda value, reference: {"Decimal": str(value)},
    **{kind: _date_writer(tag, fields) for tag, (kind, fields) in _DATES.items()},
    type({}.keys()): lambda value, reference: {"keys": _items(value, reference)},
    type({}.values()): lambda value, reference: {"values": _items(value, reference)},
    type({}.items()): lambda value, reference: {"items": [_items(pair, reference) for pair in value]},
}  # fmt: skip
_ITERATORS = (
    type(x for x in ()),
    map,
    zip,
    filter,
    enumerate,
    reversed,
    type(iter([])),
    type(iter(())),
    type(iter("")),
)
_ITERATORS += (type(iter({})), type(iter(set())), type(iter(range(0))), type(reversed([])))
_WRITERS.update(dict.fromkeys(_ITERATORS, _write_iterator))
_KIN = (bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset)


def _encode_kin(value, reference):
    """A subclass's instance as the plain value inside it; a numpy scalar as Python's; the rest is no data."""
    kind = type(value)
    if kind.__module__ == "numpy" and hasattr(kind, "item") and not hasattr(kind, "__array_finalize__"):
        return encode(kind.item(value), reference)
    for parent in _KIN:
        if issubclass(kind, parent):
            return encode(_plain(value, parent), reference)
    if kind.__module__ == "itertools" and hasattr(kind, "__next__"):
        return _write_iterator(value, reference)
    return reference(value)


def _plain(value, parent):
    if parent is str:
        return str.__str__(value)
    if parent is int:
        return int.__int__(value)
    if parent is float:
        return float.__float__(value)
    if parent is dict:
        return dict(dict.items(value))
    if parent is complex:
        return complex.__complex__(value) if hasattr(complex, "__complex__") else complex(value.real, value.imag)
    return parent(parent.__iter__(value))


def decode(value, dereference):
    """The value that `encode` wrote.

    Args:
        dereference: gives the object that a reference stands for; raises ValueError on one that it does not know.

    Raises:
        ValueError: not what `encode` writes.
    """
    kind = type(value)
    if kind is list:
        return _list(value, dereference)
    if kind is not dict:
        return value
    if len(value) != 1:
        raise ValueError("not one tag")
    ((tag, content),) = value.items()
    if tag == "reference":
        return dereference(content)
    reader = _READERS.get(tag)
    if reader is None:
        raise ValueError("unknown tag")
    try:
        return reader(content, dereference)
    except (TypeError, ArithmeticError, KeyError, AttributeError) as error:
        raise ValueError(f"not a {tag}") from error


def _list(content, dereference):
    if type(content) is not list:
        raise ValueError("not a list")
    kinds = set(map(type, content))
    if list not in kinds and dict not in kinds:
        return content
    return [decode(item, dereference) for item in content]


def _tuples(content, dereference):
    if type(content) is not list or set(map(type, content)) != {list}:
        raise ValueError("not lists")
    return [tuple(_list(item, dereference)) for item in content]


def _dict(content, dereference):
    return {decode(key, dereference): decode(value, dereference) for key, value in content}


def _ints(content):
    if type(content) is not list or any(type(item) is not int for item in content):
        raise ValueError("not integers")
    return content


def _text(content):
    if type(content) is not str:
        raise ValueError("not a text")
    return content


def _read_deque(content, dereference):
    items, longest = content
    if longest is not None and type(longest) is not int:
        raise ValueError("not a length")
    return collections.deque(_list(items, dereference), longest)


def _read_complex(content, _):
    real, imaginary = content
    if type(real) is not float or type(imaginary) is not float:
        raise ValueError("not a complex")
    return complex(real, imaginary)


def _read_fraction(content, _):
    numerator, denominator = content
    return fractions.Fraction(int(_text(numerator), 16), int(_text(denominator), 16))


def _read_iterator(content, dereference):
    items, end = content
    return _replay(_list(items, dereference), end if end is None else _text(end))


def _replay(items, end):
    yield from items
    if end == "more":
        raise RuntimeError(f"the iterator gave more than the {_MAX_ITEMS} items that can leave its process")
    if end is not None:
        raise RuntimeError(f"the iterator raised {end}")


_READERS = {
    "int": lambda content, dereference: int(_text(content), 16),
    "tuple": lambda content, dereference: tuple(_list(content, dereference)),
    "tuples": _tuples,
    "dict": _dict,
    "set": lambda content, dereference: set(_list(content, dereference)),
    "frozenset": lambda content, dereference: frozenset(_list(content, dereference)),
    "bytes": lambda content, dereference: bytes.fromhex(_text(content)),
    "bytearray": lambda content, dereference: bytearray.fromhex(_text(content)),
    "complex": _read_complex,
    "range": lambda content, dereference: range(*_list(content, dereference)),
    "ellipsis": lambda content, dereference: Ellipsis,
    "Counter": lambda content, dereference: collections.Counter(_dict(content, dereference)),
    "OrderedDict": lambda content, dereference: collections.OrderedDict(_dict(content, dereference)),
    "defaultdict": lambda content, dereference: collections.defaultdict(None, _dict(content, dereference)),
    "deque": _read_deque,
    "Fraction": _read_fraction,
    "Decimal": lambda content, dereference: decimal.Decimal(_text(content)),
    **{tag: (lambda content, _, kind=kind: kind(*_ints(content))) for tag, (kind, _) in _DATES.items()},
    "keys": lambda content, dereference: dict.fromkeys(_list(content, dereference)).keys(),
    "values": lambda content, dereference: dict(enumerate(_list(content, dereference))).values(),
    "items": lambda content, dereference: _dict(content, dereference).items(),
    "iterator": _read_iterator,
}  # fmt: skip


class Channel:
    """The judge's end of a solution's channel: requests out (marshalled), answers in (JSON); see solver.serve."""

    def __init__(self, fd):
        self._fd = fd
        self._buffer = b""

    def send(self, data):
        """Write one marshalled message; OSError where the peer is gone."""
        write_all(self._fd, len(data).to_bytes(4, "little") + data)

    def receive(self):
        """The next answer; None at the end of the stream, ValueError on garbage."""
        if not self._fill(4):
            return None
        size = int.from_bytes(self._buffer[:4], "little")
        if size > MAX_BYTES:
            raise ValueError(f"a message of {size} bytes")
        if not self._fill(size + 4):
            return None
        data, self._buffer = self._buffer[4 : size + 4], self._buffer[size + 4 :]
        return loads(data)

    def _fill(self, size):
        if len(self._buffer) >= size:
            return True
        parts, have = [self._buffer], len(self._buffer)
        while have < size:
            part = os.read(self._fd, 1 << 16)
            if not part:
                return False
            parts.append(part)
            have += len(part)
        self._buffer = b"".join(parts)
        return True


def write_all(fd, data):
    """Write all of `data`."""
    while data:
        data = data[os.write(fd, data) :]
