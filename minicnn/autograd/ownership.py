"""Whether a gradient is the only one to refer to its memory: then a leaf need not copy it."""

from __future__ import annotations

from sys import getrefcount
from typing import Any

import numpy as np

from ..backend.arrays import memory_owner
from .tensor import Tensor


def take_last(grads: dict[Any, Tensor]) -> tuple[Any, Tensor, bool]:
    """Remove the last entry, and whether nothing else can see what is written into its array.

    A backward may return the same array for several inputs, a view of something larger, or an array
    that the graph or the caller still has. Python's reference counts tell, as PyTorch's own do for
    the gradients of its leaves.
    """
    leaf, grad, counts = _take_and_count(grads)
    return leaf, grad, counts in _UNSHARED


def _take_and_count(grads: dict[Any, Tensor]) -> tuple[Any, Tensor, tuple[Any, ...]]:
    """Remove the last entry; how many refer to it, to its array, and to the owner of its memory."""
    leaf, grad = grads.popitem()
    owner = memory_owner(grad._array)
    is_whole = owner.base is None and owner.nbytes == grad._array.nbytes
    is_owner = owner is grad._array
    counts = is_whole, is_owner, getrefcount(grad), getrefcount(grad._array), getrefcount(owner)
    return leaf, grad, counts


# What is counted without any other reference depends on how the interpreter passes arguments.
_UNSHARED = {
    _take_and_count({None: Tensor(np.empty((2, 3)))})[2],
    _take_and_count({None: Tensor(np.empty((2, 3)).T)})[2],
}
