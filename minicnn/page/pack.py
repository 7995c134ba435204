"""Arrays as JSON holds them: their numbers in base64."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import to_device

Packed = dict[str, Any]


def pack(array: Any) -> Packed:
    """An array as JSON: its shape, and its float32 numbers in base64."""
    values = np.ascontiguousarray(to_device(array, "cpu"), dtype="<f4")
    return {"shape": list(values.shape), "numbers": _base64(values)}


def pack_bytes(images: Any) -> str:
    """Images from 0 to 1 as bytes in base64, which is exact for those of the data sets."""
    return _base64(np.rint(np.asarray(images) * 255).astype(np.uint8))


def as_halves(packed: Packed) -> Packed:
    """The array in half the space if float16 holds its numbers exactly, else as it is."""
    values = np.frombuffer(base64.b64decode(packed["numbers"]), "<f4")
    with np.errstate(over="ignore"):  # then it is not equal
        halves = values.astype("<f2")
    if not np.array_equal(values, halves.astype(np.float32)):
        return packed
    return {"shape": packed["shape"], "halves": _base64(halves)}


def is_packed(value: Any) -> bool:
    """Whether a value of the JSON is what ``pack`` returns."""
    return isinstance(value, dict) and "numbers" in value


def _base64(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")
