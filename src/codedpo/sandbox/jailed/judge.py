"""The judge's process: runs a task's tests against stubs of the solution, and says what came of them.

It is jailed like a solution, for a test may be hostile too. A test that could leave something behind for the next
one (`plain.ALONE`) gets a judge of its own each time; the tests that share a judge cannot, by their syntax.
"""

import builtins
import importlib
import marshal
import os
import socket

import codec
from outcomes import BLOCKED, EXCEPTION, OUT_OF_MEMORY, PASSED, REFUSALS, UNSENDABLE, WRONG

_EXCEPTIONS = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException) and not issubclass(kind, UnicodeError)
}


class Judge:
    """The compiled tests and solutions of one task.

    Args:
        code: what `clerk.Clerk.prepare` gave.
        tests: indices of those to judge here.
        seed: of the solutions' random numbers.
        page: a `clerk.Page`.
    """

    def __init__(self, code, tests, seed, page):
        codes = marshal.loads(code)
        self._tests = {index: _Test(index, *codes["tests"][index]) for index in tests}
        self._codes = codes["solutions"]
        self._seed = seed
        self._page = page
        self._batched, self._request = None, None

    def plan(self):
        """Find out each test's first call; the indices of those that hand over what cannot travel."""
        for test in self._tests.values():
            self._page.busy(test.index)
            test.plan_first_call()
        return [test.index for test in self._tests.values() if test.unsendable]

    def row(self, channel, solution, indices):
        """Judge one solution on several shared tests, with all their first calls in one message.

        Returns:
            ["verdicts", [...]], ["failure", verdict] where the solution does not load, or ["again", why] where the row
            must be done with one process per test.
        """
        channel.send(self._first_request(solution, self._batch(indices)))
        reply = channel.receive()
        if reply is None:
            return ["again", "lost"]
        if len(reply) == 1:
            return ["failure", _failed(reply[0], 0.0)]
        present, replies = reply
        replies = iter(replies)
        verdicts = []
        for index in indices:
            test = self._tests[index]
            self._page.busy(index)
            session = _Session(channel, test, next(replies) if test.first else None)
            verdicts.append(session.run(present))
            if session.lost:
                return ["again", "lost"]
            if verdicts[-1][0] == OUT_OF_MEMORY:
                return ["again", "memory"]  # it may have been the tests before that filled it
        return ["verdicts", verdicts]

    def _batch(self, indices):
        if indices != self._batched:
            tests = [self._tests[index] for index in indices]
            look = sorted(set().union(*(test.modules.keys() | test.absent for test in tests)))
            calls = [test.first for test in tests if test.first]
            self._batched, self._request = indices, (calls[0][0] if calls else indices[0], look, calls)
        return self._request

    def _first_request(self, solution, request):
        """Code, seed and request, marshalled."""
        code, seeded = self._codes[solution]
        return marshal.dumps((code, self._seed if seeded else None, request))

    def cell(self, channel, solution, index):
        """Judge one solution on one test, in a process of its own; answers as `row` does."""
        test = self._tests[index]
        self._page.busy(index)
        look = sorted(test.builtins | test.modules.keys() | test.absent)
        channel.send(self._first_request(solution, (index, look, [])))
        reply = channel.receive()
        if reply is None:
            return ["again", "lost"]
        if len(reply) == 1:
            return ["failure", _failed(reply[0], 0.0)]
        session = _Session(channel, test, None)
        verdict = session.run(reply[0])
        return ["again", "lost"] if session.lost else ["verdicts", [verdict]]


def serve(control, code, tests, seed, page):
    """The judge's life: plan, then judge rows and cells until the zygote ends it.

    What it says are lines of JSON: first the tests that must be judged inside, then an answer per command: to `cell`
    one, to `rows` a list, which ends early with the row that must be done again.

    Args:
        control: socket to the zygote; each command brings the channel to a solution's process with it.
        code, tests, seed, page: as for `Judge`.
    """
    judge = Judge(code, tests, seed, page)
    say(control, judge.plan())
    while True:
        data, fds, _, _ = socket.recv_fds(control, 1 << 16, 1)
        if not data:
            return
        kind, what, which = codec.loads(data)
        channel = codec.Channel(fds[0])
        if kind == "cell":
            say(control, _judged(judge.cell, channel, what, which))
        else:
            answers = []
            for solution in what:
                answers.append(_judged(judge.row, channel, solution, which))
                if answers[-1][0] == "again":
                    break
                page.done(len(answers))
            say(control, answers)
        os.close(fds[0])


def _judged(method, channel, solution, tests):
    try:
        return method(channel, solution, tests)
    except (OSError, ValueError, TypeError, IndexError, StopIteration):
        return ["again", "lost"]  # the solution's process broke off, or sent what is no message


def say(control, message):
    """Write one line of JSON."""
    codec.write_all(control.fileno(), codec.dumps(message) + b"\n")


class _Test:
    def __init__(self, index, code, needs):
        self.index = index
        self.code = code
        self.calls, modules, self.builtins, self.absent, self.returns_arguments = needs
        self.modules = {name: importlib.import_module(name) for name in modules}
        self.first = None
        self.unsendable = False

    def plan_first_call(self):
        """Find out what the test's first call will be: nothing of the solution can have had a say in it."""
        session = _Session(None, self, None)
        session.run(self.modules)
        self.first, self.unsendable = session.planned, session.unsendable


class _Planned(BaseException):
    pass


class _Lost(BaseException):
    pass


class _Session:
    """One run of one test."""

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
        return [UNSENDABLE if self.unsendable else PASSED, self.cpu, ""]

    def _verdict(self, error):
        if self.unsendable:
            return [UNSENDABLE, self.cpu, ""]
        if self._raised is not None and error is self._raised[0]:
            return _failed(self._raised[1], self.cpu)
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
        raise error

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


def _failed(described, seconds):
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
