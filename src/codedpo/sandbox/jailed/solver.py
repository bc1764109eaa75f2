"""The solution's process: loads the compiled solution afresh for each test and answers the judge's calls.

Nothing that it says is believed except as a value: the verdict is the judge's. What runs here runs after a fork, where
each page of memory that is written to is copied first: few modules, few objects, no detours.
"""

import builtins
import marshal
import os
import random
import sys
import time
import types
import typing

import codec

_MAX_TEXT = 300
_PART = 1 << 16
_BUILTINS = dict(vars(builtins))
_EXCEPTIONS = {kind for kind in _BUILTINS.values() if isinstance(kind, type) and issubclass(kind, BaseException)}
_PLAIN = frozenset({int, float, str, bool, type(None)})


def serve(fd):
    """Answer the judge's calls until it closes the channel.

    Messages come marshalled behind 4 bytes of length: (code, seed, request); code is None where the solution stays
    the same. A request is (test, names to look for, calls), a call (test, function, returns_arguments, coded,
    arguments, keywords).
    """
    code, namespaces, objects = None, {}, []
    while (message := _receive(fd)) is not None:
        new, seed, request = message
        if new is not None:
            for namespace in namespaces.values():
                namespace.clear()  # its functions hold it and it holds them
            code, namespaces, objects = new, {}, []
            if seed is not None:
                random.seed(seed)
        _send(fd, _answer(code, request, namespaces, objects))


def _answer(code, request, namespaces, objects):
    """[names that the solution defines, replies], or [failure of loading the solution]."""
    test, look, calls = request
    clock = time.process_time
    start = clock()
    try:
        if test not in namespaces:
            namespaces[test] = load(code)
        first = namespaces[test]
    except BaseException as error:
        return [describe(error)]
    replies = []
    for test, function, returns_arguments, coded, arguments, keywords in calls:
        try:
            namespace = namespaces.get(test)
            if namespace is None:
                namespace = namespaces[test] = load(code)
            if coded:
                arguments = [codec.decode(value, objects.__getitem__) for value in arguments]
                keywords = {name: codec.decode(value, objects.__getitem__) for name, value in keywords.items()}
            called = namespace.get(function) or _find(function, objects)
            value = called(*arguments, **keywords)
            if type(value) not in _PLAIN:
                value = codec.encode(value, lambda value: _reference(value, objects))
            elif type(value) is int:
                value = codec.encode_int(value)
            back = None
            if returns_arguments:
                back = [codec.encode(value, lambda value: _reference(value, objects)) for value in arguments]
            reply = ["value", value, back, 0.0]
        except BaseException as error:
            reply = ["raised", *describe(error), 0.0]
        end = clock()
        reply[-1] = end - start
        start = end
        replies.append(reply)
    return [[name for name in look if name in first], replies]


def load(code):
    """The solution's namespace, new."""
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    namespace = module.__dict__
    namespace["__builtins__"] = builtins
    exec(code, namespace)
    return namespace


def drop_caches():
    """Have `typing` remember nothing: what a solution asks it for, another one's question could give back."""
    kinds = [kind for kind in vars(typing).values() if isinstance(kind, type) and kind.__module__ == "typing"]
    for kind in kinds:
        for name, method in list(vars(kind).items()):
            of_class = type(method) in (classmethod, staticmethod)
            caching = method.__func__ if of_class else method
            if hasattr(caching, "__wrapped__"):
                plain = caching.__wrapped__
                setattr(kind, name, type(method)(plain) if of_class else plain)


def _find(function, objects):
    if isinstance(function, int):
        return objects[function]
    if function in _BUILTINS:
        return _BUILTINS[function]
    raise NameError(f"name {function!r} is not defined")


def _reference(value, objects):
    objects.append(value)
    return {"reference": [len(objects) - 1, type(value).__name__[:80], callable(value)]}


def describe(error):
    """[name of the nearest built-in class, own class name, text, errno] of an exception; never fails."""
    kind = type(error)
    base = next((parent.__name__ for parent in kind.__mro__ if parent in _EXCEPTIONS), "Exception")
    try:
        text = str(error)[:_MAX_TEXT]
    except BaseException:
        text = ""
    number = getattr(error, "errno", None)
    return [base, str(kind.__name__)[:80], text, number if type(number) is int else 0]


def _send(fd, answer):
    try:
        data = codec.dumps(answer)
    except BaseException as error:  # too deep, or no data after all
        data = codec.dumps([[], [["raised", *describe(error), 0.0] for _ in answer[-1]]])
    data = len(data).to_bytes(4, "little") + data
    while data:
        data = data[os.write(fd, data) :]


def _receive(fd):
    data = os.read(fd, _PART)
    size = int.from_bytes(data[:4], "little") + 4
    if len(data) < size:
        parts = [data]
        have = len(data)
        while have < size:
            part = os.read(fd, _PART)
            if not part:
                return None
            parts.append(part)
            have += len(part)
        data = b"".join(parts)
    return marshal.loads(data[4:]) if len(data) > 4 else None
