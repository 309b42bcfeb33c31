"""What a process gives up before it reads the bytes of a stranger.

It can write, start and open nothing: no file, no socket, no other process. Where Linux, or its
processor, is another than those named here, only the bounds hold (docs/adr/0011).
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Mapping
from typing import Final

NOTHING: Final = (
    resource.RLIMIT_CORE,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NPROC,  # which root is not held to
)

# Of <linux/audit.h>, and of <asm/unistd.h>: socket, connect, clone, fork, vfork, execve, kill,
# ptrace, rt_sigqueueinfo, tkill, tgkill, rt_tgsigqueueinfo, process_vm_readv and _writev, execveat.
SYSTEM_CALLS: Final[Mapping[str, tuple[int, tuple[int, ...]]]] = {
    "x86_64": (
        0xC000003E,
        (41, 42, 56, 57, 58, 59, 62, 101, 129, 200, 234, 297, 310, 311, 322),
    ),
    "aarch64": (
        0xC00000B7,
        (198, 203, 220, 221, 129, 117, 138, 130, 131, 240, 270, 271, 281),  # no fork, no vfork
    ),
}
# The same everywhere: pidfd_send_signal, io_uring_setup (which opens sockets), pidfd_open, clone3,
# pidfd_getfd.
NEWER_CALLS: Final = (424, 425, 434, 435, 438)
OTHER_CALLS_FROM: Final = 0x4000_0000  # x32's, by other numbers

NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2
LOAD, EQUAL, NOT_LESS, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF_0000, 0x0005_0001  # with EPERM

CREATE_RULESET, RESTRICT_SELF = 444, 446
# To open, make, rename, remove or run a file; since the second version to link, the third to cut.
FILE_RIGHTS: Final = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def confine(bounds: Mapping[int, int]) -> None:
    """`bounds`: further ones, by resource. For a process that has imported all that it needs."""
    if sys.platform == "linux":
        system = ctypes.CDLL(None)
        system.prctl(NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
        _open_no_file(system)
        _call_nobody(system)
    for bound, most in {**dict.fromkeys(NOTHING, 0), **bounds}.items():
        resource.setrlimit(bound, (most, most))


def _open_no_file(system: ctypes.CDLL) -> None:
    # https://docs.kernel.org/userspace-api/landlock.html
    version = system.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    if version < 1:
        return
    handled = struct.pack("Q", FILE_RIGHTS[min(version, 3)])
    rules = system.syscall(CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), ctypes.c_uint(0))
    if rules >= 0:
        system.syscall(RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint(0))
        os.close(rules)


def _call_nobody(system: ctypes.CDLL) -> None:
    # https://docs.kernel.org/userspace-api/seccomp_filter.html
    if platform.machine() not in SYSTEM_CALLS or sys.maxsize < 1 << 32:
        return
    processor, calls = SYSTEM_CALLS[platform.machine()]
    refused = [(EQUAL, call) for call in (*calls, *NEWER_CALLS)]
    tests = [(NOT_LESS, OTHER_CALLS_FROM), *refused]
    # A jump is so many instructions further if it is so, and so many if it is not.
    code = [(LOAD, 0, 0, 4), (EQUAL, 0, len(tests) + 2, processor), (LOAD, 0, 0, 0)]
    code += [(test, len(tests) - at, 0, value) for at, (test, value) in enumerate(tests)]
    code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    program = _Program(len(code), b"".join(struct.pack("HBBI", *line) for line in code))
    system.prctl(SET_SECCOMP, ctypes.c_ulong(FILTER), ctypes.byref(program))
