"""Asks the kernel to refuse this process every system call but a few harmless ones, from now on and for good.

An allow-list for Linux on x86-64 and arm64: reading, memory, time, ending. No sockets, no new processes or threads, no
change of any file: opening is allowed for reading only. Needs no privilege. A file with few imports, because it is read
by a process without site packages; it knows nothing of what runs afterwards.
"""

import ctypes
import os
import platform
import struct

_ALLOWED = {
    "x86_64": (
        *(0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21),  # read ... access
        *(24, 25, 28, 32, 35, 36, 38, 39, 60, 63, 72, 79, 89, 96, 98, 99, 100),  # sched_yield ... times
        *(102, 104, 107, 108, 131, 186, 202, 204, 217, 228, 229, 230, 231, 262, 273, 318, 332, 334),  # getuid ... rseq
    ),
    "aarch64": (
        *(17, 23, 25, 29, 48, 57, 61, 62, 63, 64, 65, 66, 67, 73, 78, 79, 80, 93, 94, 98, 99, 101),
        *(113, 114, 115, 123, 124, 132, 134, 135, 139, 153, 160, 165, 169, 172, 174, 175, 176, 177, 178, 179),
        *(214, 215, 216, 222, 226, 233, 278, 291, 293),
    ),
}
_OPENING = {"x86_64": {2: 24, 257: 32}, "aarch64": {56: 32}}
"""open and openat: the offset of their flags in what a filter sees."""
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _MACHINE = 0, 4  # offsets in seccomp_data
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2


def confine() -> bool:
    """True if the kernel has taken the filter; False where there is none for this machine."""
    machine = platform.machine()
    if machine not in _ALLOWED or not hasattr(os, "O_CLOEXEC"):
        return False
    steps = _program(machine)
    code = ctypes.create_string_buffer(b"".join(steps), len(steps) * 8)
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_SET_SECCOMP, _FILTER, ctypes.c_char_p(program), 0, 0) == 0)


def _program(machine: str) -> list[bytes]:
    """The filter: another machine's calls are refused, then call by call, and at the end everything is."""
    steps = [_step(_LOAD, _MACHINE), _step(_EQUAL, _ARCHITECTURE[machine], 1, 0), _step(_RETURN, _REFUSE)]
    steps.append(_step(_LOAD, _NUMBER))
    for number, flags in _OPENING[machine].items():
        steps.append(_step(_EQUAL, number, 0, 4))  # another call: over these four
        steps += [_step(_LOAD, flags), _step(_ANY_BIT, _WRITING, 0, 1), _step(_RETURN, _REFUSE), _step(_RETURN, _ALLOW)]
    for number in _ALLOWED[machine]:
        steps += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    return [*steps, _step(_RETURN, _REFUSE)]


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)
