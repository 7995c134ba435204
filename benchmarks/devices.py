"""The two devices of a CPU: "cpu", which computes with NumPy, and "native", which compiles."""

from __future__ import annotations

from typing import Any

__all__ = ["PROGRAMS", "REFERENCE", "compiled", "copy_to", "programs"]

PROGRAMS = {"minicnn": "cpu", "minicnn native": "native"}
"""The names of the devices in the tables."""
REFERENCE = "minicnn native"
"""The program whose time is divided by that of the others."""


def compiled() -> str:
    """The name of the device "native".

    Raises ImportError where it is not available: then a contest leaves the program out.
    """
    from minicnn.backend import DeviceError, resolve_device

    try:
        return resolve_device("native")
    except DeviceError as error:
        raise ImportError(str(error)) from error


def programs() -> dict[str, str]:
    """The PROGRAMS that are available here."""
    try:
        compiled()
    except ImportError as error:
        print(f"without the device native: {error}")
        return {name: device for name, device in PROGRAMS.items() if device != "native"}
    return PROGRAMS


def copy_to(device: str, x: Any) -> Any:
    """A copy of the array, in memory as the device allocates it."""
    from minicnn.backend import array_module, to_device

    placed = to_device(x, device)
    copy = array_module(placed).empty_like(placed)
    copy[...] = placed
    return copy
