"""The process that solutions are forked from: it started before the first task came, so it knows no test.

A solution's process is a copy of its parent's memory. Were that the zygote, the copy would hold the expected values.
Commands come over a socket, each with what it needs; only trusted code runs here and only until the fork.
"""

import functools
import os
import signal
import socket
import struct

import caller
import inside
import processes
import solver

_SOLVE, _THREADED, _INSIDE, _CALL, _BURY, _SWEEP = range(6)
_COMMAND, _ANSWER = struct.Struct("=ii"), struct.Struct("=iid")


class Nursery:
    """The zygote's handle.

    Args:
        confine: a `processes.Confinement`.
    """

    def __init__(self, confine):
        self._socket, theirs = socket.socketpair()
        if os.fork() == 0:
            self._socket.close()
            try:
                _serve(theirs, confine)
            finally:
                os._exit(0)
        theirs.close()

    def fork_solver(self, fd, threads):
        """Start a solution's process at the end of the channel `fd`; its process id."""
        return self._ask(_THREADED if threads else _SOLVE, 0, fd)[0]

    def fork_inside(self, fd):
        """Start a process that judges itself (inside.py); its process id."""
        return self._ask(_INSIDE, 0, fd)[0]

    def fork_caller(self, fd):
        """Start a process that calls a program's function (caller.py); its process id."""
        return self._ask(_CALL, 0, fd)[0]

    def bury(self, child):
        """Kill a child; (exit status, processor seconds)."""
        return self._ask(_BURY, child)[1:]

    def sweep(self):
        """Kill every process of the namespace but this one and the zygote."""
        self._ask(_SWEEP, 0)

    def _ask(self, command, number, *fds):
        socket.send_fds(self._socket, [_COMMAND.pack(command, number)], fds)
        answer = self._socket.recv(_ANSWER.size)
        if len(answer) != _ANSWER.size:
            raise RuntimeError("the process that solutions are forked from has ended")
        return _ANSWER.unpack(answer)


def _serve(control, confine):
    processes.hide_ourselves()
    keep = control.fileno()
    os.closerange(3, keep)
    os.closerange(keep + 1, processes.MAX_FDS)
    bodies = {
        _SOLVE: (solver.serve, False),
        _THREADED: (solver.serve, True),
        _INSIDE: (inside.serve, True),
        _CALL: (caller.serve, True),
    }
    while True:
        data, fds, _, _ = socket.recv_fds(control, _COMMAND.size, 1)
        if not data:
            return
        command, number = _COMMAND.unpack(data)
        child, status, seconds = 0, 0, 0.0
        if command in bodies:
            body, threads = bodies[command]
            child = processes.fork(functools.partial(body, fds[0]), fds, functools.partial(confine, threads))
            os.close(fds[0])
        elif command == _BURY:
            status, seconds = processes.bury(number, group=not confine.holds)
        else:
            _kill_all(confine.alone)
        control.sendall(_ANSWER.pack(child, status, seconds))


def _kill_all(alone):
    if alone:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
    while True:
        try:
            if os.waitpid(-1, 0 if alone else os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
