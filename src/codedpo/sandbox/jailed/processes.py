"""Bodies in, jailed child processes out; their clocks, their end, and nothing left of them."""

import functools
import os
import select
import signal
import time

import jail
import seccomp
from solver import serve

_MAX_FDS = 256
_MIN_WALL_SECONDS = 2.0


class Children:
    """Forks, watches and buries the processes that run untrusted code.

    Args:
        scratch: the folder that they may write to.
        requests: the pipe from the supervisor, whose end ends us.
        layers: what holds here, see `jail.LAYERS`.

    `confined` tells whether children cannot start processes, so that one to kill is all there is.
    """

    def __init__(self, scratch, requests, layers):
        self._scratch = scratch
        self._requests = requests
        self._alone = "namespaces" in layers
        self.confined = "seccomp" in layers
        self.wall_factor = 25.0
        self._filter = seccomp.child_filter()
        self._threadless_filter = seccomp.child_filter(threads=False)
        self._poll = select.poll()
        self._poll.register(requests, select.POLLHUP)

    def fork(self, body, keep, threads=False):
        """Start `body()` in a jailed child that has no descriptors but `keep`; its process id.

        Args:
            threads: whether it may start threads.
        """
        child = os.fork()
        if child:
            return child
        try:
            last = 2
            for fd in sorted(keep):
                os.closerange(last + 1, fd)
                last = fd
            os.closerange(last + 1, _MAX_FDS)
            self._confine(threads)
            body()
        finally:
            os._exit(0)

    def fork_solver(self, fd, threads=False):
        """`fork` for a solution's process, at the end of the channel `fd`."""
        return self.fork(functools.partial(serve, fd), (fd,), threads)

    def _confine(self, threads):
        if not self._alone:
            jail.die_with_parent()
        (self._filter if threads else self._threadless_filter).install(os.getpid())

    def wait(self, fd, cpu_seconds, child, judge=None):
        """Whether `fd` can be read before the child (and the judge, from now on) used `cpu_seconds` together."""
        poll = self._poll
        poll.register(fd, select.POLLIN)
        try:
            before = processor_seconds(child) + processor_seconds(judge)
            deadline = time.monotonic() + max(_MIN_WALL_SECONDS, self.wall_factor * cpu_seconds)
            left = cpu_seconds
            while left > 0 and (wall := deadline - time.monotonic()) > 0:
                events = poll.poll(1000 * min(left, wall) + 1)
                if events:
                    if any(ready == self._requests for ready, _ in events):
                        os._exit(1)  # our supervisor is gone
                    return True
                left = cpu_seconds - (processor_seconds(child) + processor_seconds(judge) - before)
            return False
        finally:
            poll.unregister(fd)

    def bury(self, child):
        """Kill a child and all that may have come of it, empty the scratch folder; (exit status, processor seconds)."""
        os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
        if not self.confined:
            self._kill_all()
        if os.listdir(self._scratch):
            empty(self._scratch)
        return status, usage.ru_utime + usage.ru_stime

    def _kill_all(self):
        if self._alone:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while True:
            try:
                if os.waitpid(-1, 0 if self._alone else os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break


def processor_seconds(process):
    """Processor time that a process of ours has used, all its threads; 0 for None."""
    if process is None:
        return 0.0
    try:
        return time.clock_gettime(~process << 3 | 2)
    except OSError:
        return 0.0


def empty(folder):
    """Remove all that is in a folder, however deep and whatever its modes; no recursion, no long paths."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    depth = 0
    while True:
        inner = None
        for entry in list(os.scandir(".")):
            if entry.is_dir(follow_symlinks=False):
                inner = entry.name
                break
            os.unlink(entry.name)
        if inner is not None:
            os.chmod(inner, 0o700)
            try:
                os.rmdir(inner)
            except OSError:
                os.chdir(inner)
                depth += 1
        elif depth:
            os.chdir("..")
            depth -= 1
        else:
            break
    os.fchdir(here)
    os.close(here)
