"""System-call filters (seccomp, classic BPF): one that the zygote and all below it obey, a second for its children.

`common_filter` refuses what nobody in the jail needs: executing programs, sockets, other processes' memory and
settings, namespaces and mounts, kernel interfaces, and the changes to files that landlock does not see.
`child_filter` refuses what only the zygote needs: starting processes and signalling others.
"""

import ctypes
import platform
import struct
import sys

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_SECCOMP = 22
_ALLOW, _REFUSE, _MISSING, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _BITS, _GIVE = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST = 0, 4, 16  # offsets in struct seccomp_data
_CLONE_THREAD = 0x00010000

# execve execveat ptrace process_vm_readv process_vm_writev setns mount umount2 pivot_root chroot socket
# io_uring_setup bpf perf_event_open userfaultfd add_key keyctl request_key shmget semget msgget mq_open
# pidfd_send_signal open_by_handle_at fsopen move_mount process_madvise unshare. Files: chmod fchmod fchmodat
# fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat setxattr lsetxattr fsetxattr removexattr
# lremovexattr fremovexattr truncate. Settings: setpriority ioprio_set sched_setparam sched_setscheduler sched_setattr
# sched_setaffinity. memfd_create, memfd_secret: memory that no limit counts.
_CALLS = {
    "x86_64": {
        "arch": 0xC000003E,
        "common": (59, 322, 101, 310, 311, 308, 165, 166, 155, 161, 41, 425, 321, 298, 323, 248, 250, 249, 29, 64, 68)
        + (240, 424, 304, 430, 429, 440, 272, 268, 452, 92, 93, 94, 260, 132, 235, 261, 280, 188, 189, 190)
        + (197, 198, 199, 76, 141, 251, 142, 144, 314, 203, 319, 447),
        "chmod": (90, 91),
        # fork vfork setsid rt_sigqueueinfo rt_tgsigqueueinfo tkill
        "child": (57, 58, 112, 129, 297, 200),
        "prlimit": 302,
        "clone": 56,
        "clone3": 435,
        "kill": 62,
        "tgkill": 234,
    },
    "aarch64": {
        "arch": 0xC00000B7,
        "common": (221, 281, 117, 270, 271, 268, 40, 39, 41, 51, 198, 425, 280, 241, 282, 217, 219, 218, 194, 190, 186)
        + (180, 424, 265, 430, 429, 440, 97, 452, 54, 55, 88, 5, 6, 7, 14, 15, 16, 45, 140, 30, 118, 119, 274)
        + (122, 279, 447),
        "chmod": (52, 53),
        "child": (157, 138, 240, 130),
        "prlimit": 261,
        "clone": 220,
        "clone3": 435,
        "kill": 129,
        "tgkill": 131,
    },
}


class Filter:
    """A compiled filter; `pid_slots` are where it holds the number of the process that it is for."""

    def __init__(self, lines, pid_slots=()):
        self._program = bytearray(b"".join(struct.pack("HBBI", *line) for line in lines))
        self._slots = [8 * slot + 4 for slot in pid_slots]
        self._buffer = (ctypes.c_char * len(self._program)).from_buffer(self._program)
        self._prog = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(self._buffer))

    def install(self, pid):
        """Put the filter on this process for good; False where the kernel refuses."""
        for slot in self._slots:
            struct.pack_into("=I", self._program, slot, pid)
        return _libc.prctl(_PR_SET_SECCOMP, 2, self._prog, 0, 0) == 0


class _NoFilter:
    def install(self, pid):
        return False


def _calls():
    return _CALLS.get(platform.machine()) if sys.platform.startswith("linux") else None


def _head(calls):
    """Another architecture, or a 32-bit call, kills."""
    return [
        (_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, calls["arch"]), (_GIVE, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, 0x40000000), (_GIVE, 0, 0, _KILL),
    ]  # fmt: skip


def _refuse(numbers, verdict=_REFUSE):
    return [line for number in numbers for line in ((_EQUAL, 0, 1, number), (_GIVE, 0, 0, verdict))]


def common_filter():
    """What the zygote obeys with all below it."""
    calls = _calls()
    if calls is None:
        return _NoFilter()
    lines = _head(calls) + _refuse(calls["common"])
    # Limits: prlimit of process 0, which is the caller.
    lines += [(_EQUAL, 0, 4, calls["prlimit"]), (_LOAD, 0, 0, _FIRST), (_EQUAL, 1, 0, 0), (_GIVE, 0, 0, _REFUSE)]
    lines += [(_GIVE, 0, 0, _ALLOW), (_GIVE, 0, 0, _ALLOW)]
    return Filter(lines)


def child_filter(threads=True):
    """What a child obeys besides.

    Args:
        threads: whether it may start threads; a process whose run time is measured may not.
    """
    calls = _calls()
    if calls is None:
        return _NoFilter()
    lines = _head(calls) + _refuse(calls["child"]) + _refuse(calls["chmod"])
    # clone3's flags lie in memory that a filter cannot read: say that it does not exist, threads then use clone.
    lines += _refuse([calls["clone3"]], _MISSING)
    if threads:
        lines += [(_EQUAL, 0, 4, calls["clone"]), (_LOAD, 0, 0, _FIRST), (_BITS, 1, 0, _CLONE_THREAD)]
        lines += [(_GIVE, 0, 0, _REFUSE), (_GIVE, 0, 0, _ALLOW)]
    else:
        lines += _refuse([calls["clone"]])
    slots = []
    for call in (calls["kill"], calls["tgkill"]):
        lines += [(_EQUAL, 0, 4, call), (_LOAD, 0, 0, _FIRST)]
        slots.append(len(lines))
        lines += [(_EQUAL, 1, 0, 0), (_GIVE, 0, 0, _REFUSE), (_GIVE, 0, 0, _ALLOW)]
    return Filter([*lines, (_GIVE, 0, 0, _ALLOW)], slots)
