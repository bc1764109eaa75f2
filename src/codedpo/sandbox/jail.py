"""Kernel restrictions that a process puts on itself before it runs untrusted code. Linux, standard library only.

Layers, each used where this kernel and this user have it, and reported by name:

    namespaces   own user, network (with no interface), process-id, ipc and uts namespace
    landlock     files: read the standard library and system libraries, write the scratch folder, nothing else
    seccomp      no new processes, no exec, no sockets, no ptrace, no signals to others, no nested namespaces
    no_new_privs and dropped capabilities, always

What it does not cover: side channels, kernel bugs, and `stat` of files that cannot be opened.
"""

import ctypes
import os
import platform
import resource
import struct

_libc = ctypes.CDLL(None, use_errno=True)

_NAMESPACES = 0x10000000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000  # user, pid, net, ipc, uts
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38

# Landlock: file access rights by bit, and the first ABI that knows them.
_READ_FILE, _READ_DIR, _WRITE_RIGHTS = 1 << 2, 1 << 3, (1 << 1) | sum(1 << bit for bit in range(4, 15))
_LANDLOCK_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446

# Refused system calls. Processes and kernel interfaces:
# fork vfork execve execveat ptrace process_vm_readv process_vm_writev unshare setns mount
# umount2 pivot_root chroot socket io_uring_setup bpf perf_event_open userfaultfd add_key keyctl request_key shmget
# semget msgget mq_open setsid pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo tkill open_by_handle_at fsopen
# move_mount process_madvise. Files, where landlock does not see them: chmod fchmod fchmodat fchmodat2 chown fchown
# lchown fchownat utime utimes futimesat utimensat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
# truncate. Other processes' settings: setpriority ioprio_set sched_setparam sched_setscheduler sched_setattr
# sched_setaffinity.
_SYSCALLS = {
    "x86_64": {
        "arch": 0xC000003E,
        "refused": (57, 58, 59, 322, 101, 310, 311, 272, 308, 165, 166, 155, 161, 41, 425, 321, 298, 323, 248, 250, 249)
        + (29, 64, 68, 240, 112, 424, 129, 297, 200, 304, 430, 429, 440)
        + (90, 91, 268, 452, 92, 93, 94, 260, 132, 235, 261, 280, 188, 189, 190, 197, 198, 199, 76)
        + (141, 251, 142, 144, 314, 203),
        "prlimit": 302,
        "clone": 56,
        "clone3": 435,
        "kill": 62,
        "tgkill": 234,
    },
    "aarch64": {
        "arch": 0xC00000B7,
        "refused": (221, 281, 117, 270, 271, 97, 268, 40, 39, 41, 51, 198, 425, 280, 241, 282, 217, 219, 218)
        + (194, 190, 186, 180, 157, 424, 138, 240, 130, 265, 430, 429, 440)
        + (52, 53, 452, 54, 55, 88, 5, 6, 7, 14, 15, 16, 45, 140, 30, 118, 119, 274, 122),
        "prlimit": 261,
        "clone": 220,
        "clone3": 435,
        "kill": 129,
        "tgkill": 131,
    },
}


def enter_namespaces():
    """Move this process (the next child for process ids) into namespaces of its own; False where refused."""
    return _libc.unshare(_NAMESPACES) == 0


def die_with_parent():
    """Have the kernel kill this process when its parent ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def drop_privileges():
    """No capabilities, and none to be gained by executing anything."""
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = struct.pack("=Ii", 0x20080522, 0)
    _libc.capset(header, struct.pack("=6I", 0, 0, 0, 0, 0, 0))


def restrict_files(readable, writable):
    """Allow reading below `readable` and everything below `writable`, nothing else; False without landlock."""
    abi = _libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if abi < 1:
        return False
    handled = _LANDLOCK_RIGHTS[min(abi, 3)]
    attribute = struct.pack("=Q", handled)
    ruleset = _libc.syscall(_LANDLOCK_CREATE, attribute, ctypes.c_size_t(len(attribute)), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    for path in readable:
        _allow(ruleset, path, _READ_FILE | _READ_DIR)
    for path in writable:
        _allow(ruleset, path, handled & (_READ_FILE | _READ_DIR | _WRITE_RIGHTS))
    restricted = _libc.syscall(_LANDLOCK_RESTRICT, ruleset, ctypes.c_uint32(0)) == 0
    os.close(ruleset)
    return restricted


def _allow(ruleset, path, rights):
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # a library folder that this system does not have
    if not os.path.isdir(path):
        rights &= _READ_FILE | (1 << 1) | (1 << 14)
    rule = struct.pack("=Qi", rights, fd)
    _libc.syscall(_LANDLOCK_ADD, ruleset, ctypes.c_int(1), rule, ctypes.c_uint32(0))
    os.close(fd)


def limit_resources(cpu_seconds, memory_mb):
    """Hard limits on processor time (None: no limit), address space, file size and open files."""
    if cpu_seconds is not None:
        whole = max(1, -int(-cpu_seconds // 1))
        resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 20, 16 << 20))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def restrict_system_calls():
    """Install the seccomp filter on this process; False where seccomp or this architecture is missing."""
    table = _SYSCALLS.get(platform.machine())
    if table is None:
        return False
    program = _filter_program(table, os.getpid())
    buffer = ctypes.create_string_buffer(program, len(program))
    prog = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    return _libc.prctl(_PR_SET_SECCOMP, 2, prog, 0, 0) == 0


def _filter_program(table, pid):
    """Classic BPF: another architecture or 32-bit call kills; the tables above decide the rest."""
    load, equal, bit, give = 0x20, 0x15, 0x45, 0x06
    allow, refuse, missing, kill = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
    number, arch, arg0 = 0, 4, 16
    lines = [(load, 0, 0, arch), (equal, 1, 0, table["arch"]), (give, 0, 0, kill), (load, 0, 0, number)]
    lines += [(0x35, 0, 1, 0x40000000), (give, 0, 0, kill)]  # the x32 calls
    for call in table["refused"]:
        lines += [(equal, 0, 1, call), (give, 0, 0, refuse)]
    # clone3's flags lie in memory that a filter cannot read: say that it does not exist, threads then use clone.
    lines += [(equal, 0, 1, table["clone3"]), (give, 0, 0, missing)]
    lines += [(equal, 0, 4, table["clone"]), (load, 0, 0, arg0), (bit, 1, 0, 0x00010000), (give, 0, 0, refuse)]
    lines += [(give, 0, 0, allow)]
    # Signals to itself only, limits (prlimit of process 0 is the caller) likewise.
    for call, allowed in ((table["kill"], pid), (table["tgkill"], pid), (table["prlimit"], 0)):
        lines += [(equal, 0, 4, call), (load, 0, 0, arg0), (equal, 1, 0, allowed), (give, 0, 0, refuse)]
        lines += [(give, 0, 0, allow)]
    lines += [(give, 0, 0, allow)]
    return b"".join(struct.pack("HBBI", *line) for line in lines)
