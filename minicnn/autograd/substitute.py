"""Tensors whose arrays are seen in another way for a while: the same memory, another type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ..backend import Array
from .tensor import Tensor


@contextmanager
def arrays_seen_as(tensors: Iterable[Tensor], see: Callable[[Array], Array]) -> Iterator[None]:
    """Inside the block the array of each Tensor is ``see(array)``."""
    every = list({id(tensor): tensor for tensor in tensors}.values())
    before = [tensor._array for tensor in every]
    seen = [see(array) for array in before]
    for tensor, array in zip(every, seen, strict=True):
        tensor._array = array
    try:
        yield
    finally:
        for tensor, array, own in zip(every, seen, before, strict=True):
            if tensor._array is array:  # otherwise it has been given another one
                tensor._array = own
