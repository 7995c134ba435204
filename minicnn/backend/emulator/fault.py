"""What went wrong in a kernel, as the emulator's ``fault.h`` describes it, as an exception."""

from __future__ import annotations

import ctypes
from enum import IntEnum, auto
from pathlib import Path

SOME_THREAD = 2**32 - 1


class Kind(IntEnum):
    """The enum Kind of fault.h."""

    OUTSIDE = 0
    READ_UNWRITTEN = auto()
    NEVER_WRITTEN = auto()
    READ_OF_WRITTEN = auto()
    WRITE_OF_WRITTEN = auto()
    WRITE_OF_READ = auto()
    WAITS_FOR = auto()
    OWN_LANE_MISSING = auto()
    SOURCE_MISSING = auto()


class Site(ctypes.Structure):
    """The struct Site of fault.h."""

    _fields_ = (("call", ctypes.c_char_p), ("file", ctypes.c_char_p), ("line", ctypes.c_int))

    def __str__(self) -> str:
        if self.call is None:
            return "has returned"
        return f"waits at {self.call.decode()}() ({Path(self.file.decode()).name}:{self.line})"


class Fault(ctypes.Structure):
    """The struct Fault of fault.h."""

    _fields_ = (
        ("kind", ctypes.c_int),
        ("argument", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("index", ctypes.c_longlong),
        ("size", ctypes.c_longlong),
        ("thread", ctypes.c_uint),
        ("block", ctypes.c_uint),
        ("other_thread", ctypes.c_uint),
        ("other_block", ctypes.c_uint),
        ("site", Site),
        ("other_site", Site),
        ("mask", ctypes.c_uint),
    )


def kernel_error(fault: Fault, kernel: str, parameters: list[str]) -> Exception:
    """The exception for a fault: IndexError for an index outside an array, else RuntimeError.

    kernel: what the message begins with; parameters: the names of the kernel's parameters.
    """
    name = fault.name.decode() if fault.name else parameters[fault.argument]
    element, mask = f"{name}[{fault.index}]", f"0x{fault.mask:08x}"
    thread, other = f"thread {fault.thread} of block {fault.block}", _other(fault)
    race = "with no synchronisation between them"
    text = {
        Kind.OUTSIDE: f"{thread} asks for {element}, but {name} has {fault.size} elements",
        Kind.READ_UNWRITTEN: f"{thread} reads {element}, which was never written",
        Kind.NEVER_WRITTEN: f"no thread has written {element}",
        Kind.READ_OF_WRITTEN: f"{thread} reads {element}, which {other} writes, {race}",
        Kind.WRITE_OF_WRITTEN: f"{thread} writes {element}, which {other} writes too, {race}",
        Kind.WRITE_OF_READ: f"{thread} writes {element}, which {other} reads, {race}",
        Kind.WAITS_FOR: f"{thread} {fault.site}, but {other} {fault.other_site}",
        Kind.OWN_LANE_MISSING: f"{thread} {fault.site}, but its lane {fault.thread % 32} is not in "
        f"the mask {mask}",
        Kind.SOURCE_MISSING: f"{thread} {fault.site} for the value of lane {fault.other_thread}, "
        f"which is not in the mask {mask}",
    }[Kind(fault.kind)]
    return (IndexError if fault.kind == Kind.OUTSIDE else RuntimeError)(f"{kernel}: {text}")


def _other(fault: Fault) -> str:
    if fault.other_thread == SOME_THREAD:
        return "another thread" if fault.other_block == fault.block else "a thread of another block"
    block = f" of block {fault.other_block}" if fault.other_block != fault.block else ""
    return f"thread {fault.other_thread}{block}"
