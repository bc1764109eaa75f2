"""Kernel restrictions that the zygote puts on itself before it runs untrusted code. Linux, standard library only.

Each is used where this kernel and this user have it; codedpo.sandbox.layers says what each is for. On systems other
than Linux none is there. What they do not cover: side channels and kernel bugs.
"""

import ctypes
import os
import platform
import resource
import struct
import sys

_NEWNS, _NEWUSER, _NEWPID, _NEWNET, _NEWIPC, _NEWUTS = 1 << 17, 1 << 28, 1 << 29, 1 << 30, 1 << 27, 1 << 26
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_KEPT_FLAGS = 2 | 4 | 8 | 1024 | 2048  # nosuid nodev noexec noatime nodiratime: same bits in statvfs and mount
_ST_RELATIME, _MS_RELATIME = 4096, 1 << 21
_MNT_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_STRANGE_UID = 0x70000000
_WORK = "/scratch"

# Landlock: file access rights by bit, and the first ABI that knows them.
_READ_FILE, _READ_DIR, _WRITE_RIGHTS = 1 << 2, 1 << 3, (1 << 1) | sum(1 << bit for bit in range(4, 15))
_LANDLOCK_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_SCOPES = 3  # ABI 6: no abstract sockets and no signals outside

_LINUX = sys.platform.startswith("linux")
_libc = ctypes.CDLL(None, use_errno=True)


def enter_namespaces():
    """Put this process (its next child, for process ids) into namespaces of its own; False where refused."""
    if not _LINUX:
        return False
    own = _NEWPID | _NEWNET | _NEWIPC | _NEWUTS
    if os.getuid() == 0 and _libc.unshare(own) == 0:
        return True
    uid, gid = os.getuid(), os.getgid()
    if _libc.unshare(own | _NEWUSER):
        return False
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    except OSError:
        pass  # then nothing can be mounted, and the layers that need it are missing
    return True


def build_root(readable, devices, scratch, memory_mb):
    """Replace the file system by one that holds `readable` (read-only), `devices` and a work folder in memory.

    Returns:
        The work folder's path; None where mounting is refused, and then nothing has changed.
    """
    if _libc.unshare(_NEWNS) or _mount("none", "/", None, _MS_REC | _MS_PRIVATE):
        return None
    if _mount("tmpfs", scratch, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,nr_inodes=4096,mode=755"):
        return None
    there = [path for path in (*readable, *devices) if os.path.exists(path)]
    for path in sorted(map(os.path.realpath, there), key=len):  # a folder before what is inside it
        _show(path, scratch)
    for path in sorted(there, key=len):
        _link(path, scratch)
    _name_executable(scratch)
    work = scratch + _WORK
    os.mkdir(work)
    if _mount("tmpfs", work, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={memory_mb}m,nr_inodes=2048,mode=777"):
        return None
    if not os.path.lexists(scratch + "/tmp"):  # it is there where Python itself lies below it
        os.symlink(_WORK, scratch + "/tmp")
    _mount(None, scratch, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)
    os.chdir(scratch)
    if _libc.syscall(_PIVOT_ROOT.get(platform.machine(), -1), b".", b"."):
        return None
    _libc.umount2(b".", _MNT_DETACH)
    os.chdir("/")
    return _WORK


def _mount(source, target, kind, flags, options=None):
    return _libc.mount(*(part and os.fsencode(part) for part in (source, target, kind)), ctypes.c_ulong(flags),
                       options and options.encode())  # fmt: skip


def _show(path, root):
    """Bind-mount `path` below `root`, read-only."""
    target = root + path
    if os.path.lexists(target):
        return
    if os.path.isdir(path):
        os.makedirs(target)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT))
    if _mount(path, target, None, _MS_BIND | _MS_REC) == 0:
        now = os.statvfs(target).f_flag
        kept = now & _KEPT_FLAGS | (_MS_RELATIME if now & _ST_RELATIME else 0)
        device = 0 if path.startswith("/dev/") else _MS_RDONLY | _MS_NODEV
        _mount(None, target, None, _MS_REMOUNT | _MS_BIND | _MS_NOSUID | device | kept)


def _name_executable(root):
    """Name a program where /proc would, and nothing else of it: TensorFlow aborts where no program is named.

    It is not Python's name, for then it goes on to read the command line.
    """
    os.makedirs(root + "/proc/self")
    os.symlink("/program", root + "/proc/self/exe")


def _link(path, root):
    """Where `path` goes through symbolic links, make it reachable by that name too."""
    link = (root + path).rstrip("/")
    os.makedirs(os.path.dirname(link), exist_ok=True)
    if not os.path.lexists(link):
        os.symlink(os.path.realpath(path), link)


def become_nobody(work):
    """As root, take a user id that owns nothing but the folder `work`; False where that is impossible.

    It is impossible where we are not root, may not, or where that user could not read the standard library.
    """
    if os.getuid() != 0:
        return False
    strange = _STRANGE_UID + os.getpid() % 0xFFFFFF
    child = os.fork()
    if child == 0:
        os._exit(0 if _change_user(strange) and os.access(os.__file__, os.R_OK) else 1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        return False
    os.chown(work, strange, strange)
    return _change_user(strange)


def _change_user(uid):
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError:
        return False
    return True


def die_with_parent():
    """Have the kernel kill this process when its parent ends."""
    if _LINUX:
        _libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def drop_privileges():
    """No capabilities, and none to be gained by executing anything; False where refused."""
    if not _LINUX:
        return False
    header = struct.pack("=Ii", 0x20080522, 0)
    dropped = _libc.capset(header, struct.pack("=6I", 0, 0, 0, 0, 0, 0)) == 0
    return _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and dropped


def restrict_files(readable, writable):
    """Allow reading below `readable` and everything below `writable`, nothing else; False without landlock."""
    if not _LINUX:
        return False
    abi = _libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if abi < 1:
        return False
    handled = _LANDLOCK_RIGHTS[min(abi, 3)]
    attribute = struct.pack("=QQQ", handled, 0, _SCOPES) if abi >= 6 else struct.pack("=Q", handled)
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


def limit_resources(memory_mb):
    """Hard limits on address space, file size and open files, for this process and all below it."""
    limits = {
        resource.RLIMIT_AS: memory_mb << 20,
        resource.RLIMIT_FSIZE: 16 << 20,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
    }
    for name, value in limits.items():
        try:
            resource.setrlimit(name, (value, value))
        except (OSError, ValueError):
            if _LINUX:
                raise  # other systems know some of them by name only
