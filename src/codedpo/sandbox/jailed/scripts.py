"""A program that is a script: run as `__main__` on a text as its standard input; what it writes is its value.

Both lie in files without a name on descriptors 0 and 1, as where a shell redirects them, so that all ways to read and
write work; the limit on files bounds what it can write. What a Python process does at its end is done here.
"""

import atexit
import builtins
import os
import sys
import types

_READ, _WRITTEN = ".stdin", ".stdout"
_PART = 1 << 20


def run(code, text):
    """What a script writes on its standard output when it reads this text.

    Args:
        code: of the whole script, compiled.

    Raises:
        BaseException: what the script raises; SystemExit only where it says that something went wrong.
    """
    _take_descriptors()
    _open_input(text.encode("utf-8", "surrogatepass"))
    written = os.open(_WRITTEN, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    os.unlink(_WRITTEN)
    os.dup2(written, 1)
    stdout = _fresh_process()
    module = types.ModuleType("__main__")
    module.__builtins__ = builtins
    sys.modules["__main__"] = module
    try:
        exec(code, module.__dict__)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
    _end(module, stdout)
    return _content(written).decode("utf-8", "replace")


def _take_descriptors():
    """Have 0 and 1 open, which the last script may have closed, so that no file of ours is put there."""
    while (fd := os.open(os.devnull, os.O_RDWR)) < 2:
        pass
    os.close(fd)


def _open_input(data):
    fd = os.open(_READ, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.close(fd)
    fd = os.open(_READ, os.O_RDONLY)
    os.unlink(_READ)
    os.dup2(fd, 0)
    os.close(fd)


def _fresh_process():
    """What a new Python process finds; its standard output."""
    atexit._clear()
    builtins.exit = builtins.quit = sys.exit  # `site`, which gives them, is not loaded here
    sys.argv = ["solution.py"]
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    return sys.stdout


def _end(module, stdout):
    """Wait for threads, do what was left for the end, and have all that is buffered written."""
    threading = sys.modules.get("threading")
    if threading:
        for hook in reversed(threading._threading_atexits):  # tells the workers of thread pools to end
            hook()
        own = threading.current_thread()
        while left := [thread for thread in threading.enumerate() if thread is not own and not thread.daemon]:
            left[0].join()
    atexit._run_exitfuncs()
    _flush(sys.stdout, stdout)
    module.__dict__.clear()  # files of its own are written when nothing holds them any more
    _flush(stdout)


def _flush(*streams):
    for stream in streams:
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()


def _content(fd):
    parts = []
    os.lseek(fd, 0, os.SEEK_SET)
    while part := os.read(fd, _PART):
        parts.append(part)
    os.close(fd)
    return b"".join(parts)
