"""Bodies in, jailed child processes out; their clocks, their end, and nothing left of them."""

import os
import resource
import select
import signal
import sys
import time
import types

import jail
import seccomp

MAX_FDS = 256
_MIN_WALL_SECONDS = 2.0


class Confinement:
    """What a child puts on itself before it runs untrusted code.

    Args:
        layers: what holds here, see codedpo.sandbox.layers.
    """

    def __init__(self, layers):
        self.alone = "namespaces" in layers
        self.holds = "seccomp" in layers  # then a child cannot start processes: the one to kill is all there is
        self._filter = seccomp.child_filter()
        self._threadless_filter = seccomp.child_filter(threads=False)

    def __call__(self, threads):
        if not self.alone:
            jail.die_with_parent()
        if self.holds:
            (self._filter if threads else self._threadless_filter).install(os.getpid())
            return
        os.setsid()  # so that what it starts can be found again, unless it takes pains
        if not threads:
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))  # does not bind root


class Children:
    """Forks, watches and buries processes that run untrusted code.

    Args:
        scratch: the folder that they may write to.
        requests: the pipe from the supervisor, whose end ends us.
        confinement: a `Confinement`.
        nursery: a `nursery.Nursery`, for processes that must not know the tests.
    """

    def __init__(self, scratch, requests, confinement, nursery):
        self._scratch = scratch
        self._requests = requests
        self._confinement = confinement
        self._nursery = nursery
        self.wall_factor = 25.0
        self._poll = select.poll()
        self._poll.register(requests, select.POLLHUP)

    @property
    def confined(self):
        """Whether children cannot start processes; if they can, burying one ends all others too."""
        return self._confinement.holds

    def fork(self, body, keep, threads=False):
        """Start `body()` in a jailed child that has no descriptors but `keep`, and knows the task; its process id.

        Args:
            threads: whether it may start threads.
        """
        return fork(body, keep, lambda: self._confinement(threads))

    def fork_solver(self, fd, threads=False):
        """Start a solution's process, which does not know the task, at the end of the channel `fd`; its process id."""
        return self._nursery.fork_solver(fd, threads)

    def fork_inside(self, fd):
        """Start a process that judges itself, and learns of one test only, over `fd`; its process id."""
        return self._nursery.fork_inside(fd)

    def fork_caller(self, fd):
        """Start a process that calls a program's function and knows nothing else, over `fd`; its process id."""
        return self._nursery.fork_caller(fd)

    def wait(self, fd, cpu_seconds, child, judge=None, deadline=None):
        """Whether `fd` can be read before the child (and the judge, from now on) used `cpu_seconds` together.

        Args:
            deadline: by the monotonic clock; None takes it from `wall_factor`.
        """
        poll = self._poll
        poll.register(fd, select.POLLIN)
        try:
            before = processor_seconds(child) + processor_seconds(judge)
            if deadline is None:
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
        """Kill a child of `fork`, clean up behind it; (exit status, processor seconds)."""
        found = bury(child, group=not self.confined)
        self._clean()
        return found

    def bury_solver(self, child):
        """Kill a child that the nursery forked, clean up behind it; (exit status, processor seconds)."""
        found = self._nursery.bury(child)
        self._clean()
        return found

    def _clean(self):
        if not self.confined:
            self._nursery.sweep()
        if os.listdir(self._scratch):
            empty(self._scratch)


def fork(body, keep, confine):
    """Start `body()` in a child that has no descriptors but `keep`, after `confine()`; its process id."""
    child = os.fork()
    if child:
        return child
    try:
        last = 2
        for fd in sorted(keep):
            os.closerange(last + 1, fd)
            last = fd
        os.closerange(last + 1, MAX_FDS)
        confine()
        body()
    finally:
        os._exit(0)


def hide_ourselves():
    """Take our modules from what `import` finds: untrusted code must not meet one by a name that it asks for."""
    folder = os.path.dirname(__file__)
    sys.path[:] = [path for path in sys.path if path != folder]
    for name, module in list(sys.modules.items()):
        if os.path.dirname(getattr(module, "__file__", None) or "") == folder:
            del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")


def bury(child, group):
    """Kill and reap a child, with the group that it leads where asked; (exit status, processor seconds)."""
    if group:
        try:
            os.killpg(child, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it leads none yet
    try:
        os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
    except (ProcessLookupError, ChildProcessError):  # a sweep was here before
        return 0, 0.0
    return status, usage.ru_utime + usage.ru_stime


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
