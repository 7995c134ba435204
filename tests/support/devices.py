"""Drawn inputs on the device of a test, and what is refused beside tensors of the CPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

import minicnn as mc

__all__ = ["moved", "two_devices_are_refused"]


def moved(device: str, value: Any) -> Any:
    """A leaf on the device, or a case with all its tensors there; other values stay.

    On the CPU a tensor is itself, whose memory may have gaps.
    """
    if isinstance(value, mc.Tensor):
        if device == "cpu":
            return value
        return mc.tensor(value, device=device, requires_grad=value.requires_grad)
    return [moved(device, v) for v in value] if isinstance(value, tuple) else value


def two_devices_are_refused(device: str) -> AbstractContextManager[Any]:
    """An error that names this device and the CPU; none where it is the CPU."""
    if device == "cpu":
        return nullcontext()
    return pytest.raises(mc.DeviceError, match=f"(cpu, but .*{device}|{device}, but .*cpu)")
