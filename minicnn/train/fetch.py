"""Numbers from a GPU: many at once, since each copy waits until the GPU has come so far."""

from __future__ import annotations

from typing import Any

from ..backend import Array, array_module, on_device_of, to_device


def fetch(numbers: list[Array]) -> list[Any]:
    """Arrays without axes, all on one device, as Python numbers."""
    if len(numbers) < 2:
        return [x.item() for x in numbers]
    with on_device_of(numbers[0]):
        together = array_module(numbers[0]).stack(numbers)
    values: list[Any] = to_device(together, "cpu").tolist()
    return values
