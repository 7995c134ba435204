"""``minicnn.tensor``: a new leaf from what users have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..backend import on_device_of, resolve_device, to_device
from ..backend.arrays import plain_array
from .tensor import Tensor


def tensor(
    array_like: ArrayLike | Tensor,
    dtype: DTypeLike | None = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A new leaf from a number, nested lists, an array or a Tensor, always copied.

    Python floats become float32; arrays keep their dtype. Raises TypeError for data that is not
    numeric.

    >>> mc.tensor([[1, 2], [3, 4]]) @ mc.tensor([[0.5], [1.0]])
    tensor([[2.5], [5.5]])
    """
    source: Any = array_like.data if isinstance(array_like, Tensor) else array_like
    has_dtype = hasattr(source, "dtype")
    try:
        plain = plain_array("tensor", source)
        source = np.array(source) if plain is None else plain
        dtype = None if dtype is None else np.dtype(dtype)
    except ValueError as error:
        raise TypeError(f"tensor: the data is not a regular array ({error})") from error
    for kind in (source.dtype, dtype or source.dtype):
        if kind.kind not in "fiub":
            raise TypeError(f"tensor: got {kind} data, expected floats, integers or booleans")
    if dtype is None and not has_dtype and source.dtype == np.float64:
        dtype = np.dtype(np.float32)
    # Under np.seterr(all="raise") too, 1e-50 is 0 in float32.
    with on_device_of(source), np.errstate(under="ignore"):
        data = source.astype(dtype or source.dtype, order="K")  # a copy in each case
    return Tensor(to_device(data, resolve_device(device)), requires_grad)
