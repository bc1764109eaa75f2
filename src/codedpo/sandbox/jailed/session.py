"""One run of one test, with stubs in place of the solution: what it calls goes to the solution's process."""

import builtins
import marshal

import codec
from outcomes import BLOCKED, EXCEPTION, OUT_OF_MEMORY, PASSED, REFUSALS, UNSENDABLE, WRONG

_EXCEPTIONS = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException) and not issubclass(kind, UnicodeError)
}


class _Planned(BaseException):
    pass


class _Lost(BaseException):
    pass


class Session:
    """One run of one test.

    Args:
        channel: to the solution's process; None to find out only what the test's first call will be (`planned`).
        test: a `judge.Test`.
        first: the reply to the test's first call, where that has been made.

    lost: the solution's process broke off. unsendable: the test hands over what cannot travel.
    """

    def __init__(self, channel, test, first):
        self._channel = channel
        self._test = test
        self._first = first
        self._returns = test.returns_arguments
        self._raised = None
        self._handles = {}  # by identity: the number of each object that stays there, and what stands for it here
        self.cpu = 0.0
        self.lost = False
        self.unsendable = False
        self.planned = None

    def run(self, present):
        """[outcome, processor seconds that the solution says it used, text]."""
        test = self._test
        if test.absent and not test.absent.isdisjoint(present):
            return [UNSENDABLE, 0.0, ""]
        namespace = {"__name__": "test", "__builtins__": builtins}
        for name in test.modules:
            if name in present:
                namespace[name] = test.modules[name]
        for name in test.calls:
            namespace[name] = self._stub(name)
        for name in present:
            if name in test.builtins:
                namespace[name] = self._stub(name)
        try:
            exec(test.code, namespace)
        except BaseException as error:
            return self._verdict(error)
        finally:
            self._raised = None  # it holds the frames that hold us
        return [UNSENDABLE if self.unsendable else PASSED, self.cpu, ""]

    def _verdict(self, error):
        if self.unsendable:
            return [UNSENDABLE, self.cpu, ""]
        if self._raised is not None and error is self._raised[0]:
            return failed(self._raised[1], self.cpu)
        outcome = WRONG if isinstance(error, AssertionError) else EXCEPTION
        if isinstance(error, MemoryError):
            outcome = OUT_OF_MEMORY
        try:
            text = str(error)[:300]
        except BaseException:
            text = ""
        if outcome == WRONG and not text:
            return [WRONG, self.cpu, ""]
        return [outcome, self.cpu, f"{type(error).__name__}: {text}"]

    def _stub(self, function):
        def stub(*arguments, **keywords):
            return self._call(function, arguments, keywords)

        return stub

    def _call(self, function, arguments, keywords):
        if self._channel is None:
            self._plan(function, arguments, keywords)
        if self._first is not None:
            reply, self._first = self._first, None
        else:
            reply = self._ask(self._request(function, arguments, keywords))
        try:
            if reply[0] == "value":
                _, value, back, seconds = reply
                self.cpu += float(seconds)
                if back is not None and self._returns:
                    for argument, content in zip(arguments, back):
                        _give_back(argument, codec.decode(content, self._dereference))
                return codec.decode(value, self._dereference)
            _, base, name, text, number, seconds = reply
            self.cpu += float(seconds)
        except (ValueError, TypeError, IndexError, KeyError, RecursionError):
            base, name, text, number = "RuntimeError", "RuntimeError", "the solution's process sent garbage", 0
        error = _rebuilt(str(base), str(text), number)
        self._raised = (error, [base, name, text, number])
        try:
            raise error
        finally:
            del error  # it holds this frame

    def _request(self, function, arguments, keywords):
        coded = not _is_native([arguments, keywords])
        if coded:
            try:
                arguments = [codec.encode(value, self._refer) for value in arguments]
                keywords = {name: codec.encode(value, self._refer) for name, value in keywords.items()}
            except (TypeError, RecursionError):
                self.unsendable = True
                raise
        return (self._test.index, function, self._returns, coded, arguments, keywords)

    def _plan(self, function, arguments, keywords):
        if self.planned is None:
            self.planned = self._request(function, arguments, keywords)
        raise _Planned

    def _ask(self, call):
        if not self.lost:
            try:
                self._channel.send(marshal.dumps((None, None, (self._test.index, [], [call]))))
                answer = self._channel.receive()
                if answer is not None:
                    return answer[1][0]
            except (OSError, ValueError, IndexError, TypeError):
                pass
            self.lost = True
        raise _Lost

    def _refer(self, value):
        handle = self._handles.get(id(value))
        if handle is None:
            raise TypeError(f"a {type(value).__name__} cannot travel to the solution's process")
        return {"reference": handle[0]}

    def _dereference(self, content):
        number, name, is_callable = content
        if type(number) is not int or type(name) is not str:
            raise ValueError("not a reference")
        thing = self._stub(number) if is_callable else _Object()
        self._handles[id(thing)] = (number, thing)
        return thing


class _Object:
    """Stands for an object that cannot travel: it equals nothing else, and has no content."""

    __slots__ = ()


_NATIVE = frozenset({int, float, complex, str, bytes, bool, type(None)})


def _is_native(value):
    """Whether marshal carries a value as it is: exact types that it knows, no deeper than a program writes them."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return _NATIVE.issuperset(map(type, value)) or all(map(_is_native, value))
    if kind is dict:
        return all(map(_is_native, value)) and all(map(_is_native, value.values()))
    return kind in _NATIVE


def failed(described, seconds):
    """The verdict on a solution that raised what `solver.describe` described."""
    base, name, text, number = described
    outcome = EXCEPTION
    if base == "MemoryError":
        outcome = OUT_OF_MEMORY
    elif number in REFUSALS and issubclass(_EXCEPTIONS.get(base, Exception), OSError):
        outcome = BLOCKED
    return [outcome, seconds, f"{name}: {text}"[:400]]


def _rebuilt(base, text, number):
    kind = _EXCEPTIONS.get(base, Exception)
    try:
        return kind(number, text) if issubclass(kind, OSError) else kind(text)
    except Exception:
        return Exception(text)


def _give_back(argument, content):
    """Change an argument in place to what the solution made of its copy."""
    if type(argument) is not type(content):
        return
    if isinstance(argument, list | bytearray):
        argument[:] = content
    elif isinstance(argument, dict | set):
        argument.clear()
        argument.update(content)
