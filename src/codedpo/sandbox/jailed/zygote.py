"""The process that runs untrusted code: jails itself once, then forks judges and solutions. Standard library only.

Started by worker.py as `python -s -S -B zygote.py CONFIG`, CONFIG being JSON: scratch, memory_mb, preload, readable
(folders), without (names of layers to leave out), core (number of the one to stay on, or null). It speaks frames on its
standard input and output: 4 bytes of length, JSON, and in answers a binary tail. One request is one task, or one step
of a timing.
"""

import os

# Modules may ask for work in each forked child: `random` reseeds itself, which costs more than all the rest of a fork.
# Children are seeded where that matters, so nothing that is imported from here on gets its wish.
os.register_at_fork = lambda **hooks: None

import builtins
import collections
import datetime
import decimal
import functools
import gc
import heapq
import importlib
import itertools
import json
import math
import random
import re
import string
import struct
import sys
import traceback
import typing

import jail  # Python puts the folder of the script first on the path
import nursery
import processes
import seccomp
import solver

_PRELOADED = (builtins, collections, datetime, decimal, functools, heapq, itertools, math, random, re, string, typing)
_SYSTEM_FILES = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def main(config):
    requests, answers = _private_pipes()
    without = set(config["without"])
    scratch = config["scratch"]
    layers = []
    _stay_on(config["core"])
    if "namespaces" not in without and jail.enter_namespaces():
        layers.append("namespaces")
    child = os.fork()
    if child:
        os.close(requests)
        os.close(answers)
        _, status = os.waitpid(child, 0)
        _leave_nothing(scratch)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    try:
        _live(config, without, layers, requests, answers)
    except BaseException:
        _send(answers, {"fault": traceback.format_exc()})  # ours, not the untrusted code's
    os._exit(0)


def _live(config, without, layers, requests, answers):
    for name in config["preload"]:
        importlib.import_module(name)
    work = _enter_jail(config, layers, without)
    os.environ["HOME"] = os.environ["TMPDIR"] = work
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None  # it may have looked before there was a jail
    gc.set_threshold(100_000, 50, 100)  # collecting means writing to each object, and that means copying its page
    gc.collect()
    gc.freeze()
    solver.drop_caches()
    confinement = processes.Confinement(layers)
    children = processes.Children(work, requests, confinement, nursery.Nursery(confinement))
    serving = importlib.import_module("serving")  # after the nursery has started: it needs none of this
    clerk, kept = serving.Clerk(children), serving.Kept(children)
    processes.hide_ourselves()
    gc.collect()
    gc.freeze()
    _send(answers, {"layers": layers})

    def consult(index, tail):
        _send(answers, {"consult": index}, tail)
        return _receive(requests)["go_on"]

    while (request := _receive(requests)) is not None:
        _send(answers, *serving.serve(request, kept, clerk, consult))


def _enter_jail(config, layers, without):
    """Put on every layer that is to be had; the folder for the untrusted code's files."""
    scratch, memory_mb = config["scratch"], config["memory_mb"]
    places = (os.path.dirname(os.__file__), *sys.path, *_SYSTEM_FILES, *config["readable"])
    readable = [path for path in dict.fromkeys(places) if path]
    work = None
    if "root" not in without and "namespaces" in layers:
        work = jail.build_root(readable, _DEVICES, scratch, memory_mb=64)
        layers += ["root", "scratch"] if work else []
    work = work or scratch
    os.chdir(work)
    if "uid" not in without and jail.become_nobody(work):
        layers.append("uid")
    jail.die_with_parent()
    if jail.drop_privileges():
        layers.append("privileges")
    if "landlock" not in without and jail.restrict_files((*readable, *_DEVICES), (work, "/dev/null")):
        layers.append("landlock")
    jail.limit_resources(memory_mb)
    if "seccomp" not in without and seccomp.common_filter().install(0):
        layers.append("seccomp")
    return work


def _stay_on(core):
    try:
        if core is not None:
            os.sched_setaffinity(0, {core})
    except OSError:
        pass  # slower, no more


def _leave_nothing(scratch):
    """Our supervisor removes the scratch folder; where it was killed, this does."""
    try:
        processes.empty(scratch)
        os.rmdir(scratch)
        os.rmdir(os.path.dirname(scratch))
    except OSError:
        pass  # gone already, or another worker's folder is still there


def _private_pipes():
    """Our request and answer pipes on other descriptors; 0, 1, 2 become /dev/null."""
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    return requests, answers


def _send(fd, header, tail=b""):
    text = json.dumps(header).encode("ascii")
    data = struct.pack("=II", len(text), len(tail)) + text + tail
    while data:
        data = data[os.write(fd, data) :]


def _receive(fd):
    header = _read_exactly(fd, 4)
    return None if header is None else json.loads(_read_exactly(fd, struct.unpack("=I", header)[0]))


def _read_exactly(fd, size):
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
