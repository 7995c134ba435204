"""Labels of any dtype and shape, and tuples of several inputs or labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autograd import Tensor
from ..backend import Array
from ..backend.arrays import memory_span, to_array
from ..backend.layout import as_chwn, as_nchw
from ..checks import check_integer, is_integer
from ..ops.convert import as_tensor

_READ_AS = {"b": np.dtype(np.bool_), "i": np.dtype(np.int64), "u": np.dtype(np.int64)}


def is_several(value: Any) -> bool:
    """Whether the value is a tuple of several inputs or labels, rather than of numbers."""
    return isinstance(value, tuple) and not all(isinstance(part, Real) for part in value)


def map_parts(function: Callable[..., Any], value: Any) -> Any:
    """The function of the value, or of each part if it is a tuple, which may hold tuples."""
    if isinstance(value, tuple):
        return tuple(map_parts(function, part) for part in value)
    return function(value)


def first_part(value: Any) -> Any:
    """The value, or the first part of a tuple."""
    return first_part(value[0]) if isinstance(value, tuple) else value


def is_same_memory(a: Any, b: Any) -> bool:
    """Whether both are one object, or views of the same numbers: images[:, 0] makes a new one."""
    if a is b or not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        return a is b
    return _memory(a) == _memory(b)


def _memory(array: NDArray[Any]) -> tuple[Any, ...]:
    axes = zip(array.shape, array.strides, strict=True)
    return array.dtype, memory_span(array), [axis for axis in axes if axis[0] > 1]


def check_not_bytes(name: str, labels: Array, images: Iterable[Any]) -> None:
    """Raise ValueError for labels that may be either images of bytes or numbers.

    Labels that are the images themselves are read like these, and do not come here.
    """
    shapes = [getattr(x, "shape", None) for x in images]
    is_like_images = labels.dtype == np.uint8 and labels.ndim > 1 and labels.shape in shapes
    if is_like_images and labels.max(initial=0) > 1:  # 0 and 1 are a mask
        raise ValueError(
            f"{name}: got uint8 in the shape of the images, {labels.shape}, which may be images or "
            "numbers; write labels / np.float32(255) for images, labels.astype('int64') for numbers"
        )


def read_labels(labels: Array) -> Array:
    """The labels (N, ...) as batches hold them: int64, float32 or bool; (N, C, H, W) batch-last."""
    labels = labels.astype(_read_dtype(labels.dtype), copy=False)
    return as_nchw(as_chwn(labels)) if labels.ndim == 4 else labels


def place_labels(labels: Any, device: str) -> Any:
    """The labels, or each part of a tuple, as a Tensor on the device, or on the CPU if integers."""
    if is_several(labels):
        return tuple(place_labels(part, device) for part in labels)
    tensor = as_tensor(labels)
    if tensor.dtype.kind in "iu":
        return tensor  # losses check class indices, which would make them wait for a GPU
    if tensor.ndim == 4:
        tensor = Tensor(as_nchw(as_chwn(tensor.data)))  # free if they are batch-last
    return tensor.to(device)


def check_numbers(name: str, labels: Any) -> NDArray[Any]:
    """The labels as an array of numbers or booleans. Raises TypeError, ValueError if ragged."""
    try:
        array = to_array(name, labels)
    except ValueError as error:
        raise ValueError(f"{name}: expected numbers in one shape ({error})") from error
    if array.dtype.kind not in "biuf":
        got = array.dtype if hasattr(labels, "dtype") else type(labels).__name__
        hint = "; np.unique(labels, return_inverse=True) numbers them"
        raise TypeError(
            f"{name}: got {got}, expected numbers or booleans, or a tuple of several labels"
            f"{hint if array.dtype.kind in 'UST' else ''}"
        )
    return array


def check_labels(name: str, labels: Any, count: int) -> NDArray[Any]:
    """The labels as an array (N, ...), class indices (N,) as int64.

    Raises TypeError unless they are numbers, ValueError for another length or negative classes.
    """
    array = check_numbers(name, labels)
    if array.ndim == 0 or len(array) != count or array.size == 0:
        raise ValueError(
            f"{name}: got shape {array.shape}, expected ({count},) or ({count}, ...), one per image"
        )
    if not is_classes(array):
        return array
    if array.min() < 0:
        raise ValueError(
            f"{name}: got {array.min()}, expected integers of 0 or more, the classes; write other "
            "numbers as floats"
        )
    return array.astype(np.int64)


def is_classes(labels: Any) -> bool:
    """Whether labels are one class index for each image: integers (N,)."""
    return not isinstance(labels, tuple) and labels.ndim == 1 and labels.dtype.kind in "iu"


def check_classes(
    classes: Sequence[str] | int | None, labels: Any
) -> tuple[tuple[str, ...] | None, int | None]:
    """The names of the classes, and their number; None where unknown."""
    largest = int(labels.max()) if is_classes(labels) else None
    if classes is None:
        return None, None if largest is None else largest + 1
    is_number = is_integer(classes)  # an array without axes is an Iterable too
    names = tuple(classes) if isinstance(classes, Iterable) and not is_number else None
    count = check_integer("classes", classes, least=1) if names is None else len(names)
    if largest is not None:
        if count <= largest:
            raise ValueError(f"classes: got {count}, but the largest label is {largest}")
    elif isinstance(labels, tuple) or labels.ndim == 1:
        raise ValueError(
            f"classes: got {count}, but the labels are {describe(labels)}, expected no classes"
        )
    elif not _may_be_masks(labels) and count != labels.shape[1]:
        raise ValueError(
            f"classes: got {count}, but labels of shape {labels.shape} hold {labels.shape[1]} "
            "for each image"
        )
    return names, count


def describe(labels: Any, inputs: Sequence[Array] = ()) -> str:
    """What each label is: "float32", "bool 4", "int64 8x8", "(the images, float32 2)"."""
    if isinstance(labels, tuple):
        return f"({', '.join(describe(part, inputs) for part in labels)})"
    if any(labels is images for images in inputs):
        return "the images"
    shape = "x".join(str(size) for size in labels.shape[1:])
    return f"{_read_dtype(labels.dtype)} {shape}".rstrip()


def map_named(function: Callable[[str, Any], Any], name: str, value: Any) -> Any:
    """The function of name and value, or of each part of a tuple, with the names name[0], ..."""
    if isinstance(value, tuple):
        return tuple(map_named(function, f"{name}[{i}]", part) for i, part in enumerate(value))
    return function(name, value)


def stack_parts(names: list[str], values: list[Any], as_images: bool = False) -> Any:
    """Arrays of one shape as one array, images batch-last; of tuples a tuple of arrays."""
    for name, value in zip(names, values, strict=True):
        if _kind(value) != _kind(values[0]):
            raise (TypeError if _shape(value) == _shape(values[0]) else ValueError)(
                f"{name}: got {_kind(value)}, but {names[0]} in the same batch is "
                f"{_kind(values[0])}"
            )
    if isinstance(values[0], tuple):
        return tuple(
            stack_parts([f"{name}[{i}]" for name in names], list(part), as_images)
            for i, part in enumerate(zip(*values, strict=True))
        )
    if not as_images:
        return read_labels(np.stack(values))
    pixels = np.empty((*values[0].shape, len(values)), np.float32)
    np.stack(values, axis=-1, out=pixels)  # (C, H, W, K)
    return as_nchw(pixels)


def _shape(value: Any) -> Any:
    return len(value) if isinstance(value, tuple) else value.shape


def _kind(value: Any) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"{_read_dtype(value.dtype)} {value.shape or ''}".rstrip()


def _may_be_masks(labels: NDArray[Any]) -> bool:
    """Whether labels may be a class index for each pixel."""
    return labels.ndim > 2 and labels.dtype.kind in "iu"


def _read_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return _READ_AS.get(dtype.kind, np.dtype(np.float32))
