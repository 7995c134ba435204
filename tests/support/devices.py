"""Drawn inputs on the device of a test, and the error of tensors on two devices."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

import minicnn as mc


def moved(device: str, value: Any) -> Any:
    """The tensor on the device, or a case with all its tensors there; other values are unchanged.

    On the CPU a tensor stays as it is, since its memory may have gaps.
    """
    if isinstance(value, mc.Tensor):
        if device == "cpu":
            return value
        return mc.tensor(value, device=device, requires_grad=value.requires_grad)
    return [moved(device, v) for v in value] if isinstance(value, tuple) else value


def two_devices_are_refused(device: str) -> AbstractContextManager[Any]:
    """Expect an error that names this device and the CPU, unless it is the CPU."""
    if device == "cpu":
        return nullcontext()
    return pytest.raises(mc.DeviceError, match=f"(cpu, but .*{device}|{device}, but .*cpu)")
