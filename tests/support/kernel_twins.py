"""A kernel on a device against the plain loops of ``reference/``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minicnn.backend import device_of, kernels_for, reference, to_device

Array = NDArray[Any]
ROUNDING = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


def computed(device: str, name: str, *arguments: Any) -> Array:
    """A device's kernel on copies of the arrays there, which it leaves as they are."""
    moved = [to_device(a, device) if isinstance(a, np.ndarray) else a for a in arguments]
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    result = getattr(kernels_for(moved[0]), name)(*moved)
    assert device_of(result) == device
    for argument, copy in zip(before, moved, strict=True):
        if isinstance(argument, np.ndarray):
            np.testing.assert_array_equal(to_device(copy, "cpu"), argument)
    return to_device(result, "cpu")


def check_twins(device: str, name: str, *arguments: Any) -> Array:
    """Both kernels on read-only arrays: the same numbers, dtype and shape, in storage order."""
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            argument.flags.writeable = False
    expected = getattr(reference, name)(*arguments)
    got = computed(device, name, *arguments)
    assert got.dtype == expected.dtype
    assert got.flags.c_contiguous or name == "convolve_weight_gradient"
    assert got.flags.writeable
    np.testing.assert_allclose(got, expected, rtol=0, atol=20 * ROUNDING[got.dtype])
    return got
