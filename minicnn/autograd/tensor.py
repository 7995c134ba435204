"""Tensor: an array, and the record of how it was computed. What it can do is defined in ops/."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np

from ..backend import Array, device_of, is_array, resolve_device, to_device
from .display import tensor_html, tensor_text

if TYPE_CHECKING:
    from .function import Function


_Unary = Callable[["Tensor"], "Tensor"]
_Binary = Callable[["Tensor", Any], "Tensor"]
_Method = Callable[..., "Tensor"]


class Tensor:
    """An array, and if asked for, the record of how it was computed.

    ``data`` is the NumPy (or CuPy) array with the shape that users see; ``grad`` is filled by
    ``backward()`` on tensors made with ``requires_grad=True`` (leaves); ``function`` is the
    Function that made a result, None for a leaf.
    """

    __slots__ = ("__weakref__", "data", "function", "grad", "requires_grad")

    __array_ufunc__ = None  # so that ndarray + Tensor asks Tensor.__radd__ instead of looping

    # Defined in ops/ (backward: in engine.py) and attached by the table in ops/methods.py.
    __add__: ClassVar[_Binary]
    __radd__: ClassVar[_Binary]
    __sub__: ClassVar[_Binary]
    __rsub__: ClassVar[_Binary]
    __mul__: ClassVar[_Binary]
    __rmul__: ClassVar[_Binary]
    __truediv__: ClassVar[_Binary]
    __rtruediv__: ClassVar[_Binary]
    __pow__: ClassVar[_Binary]
    __rpow__: ClassVar[_Binary]
    __matmul__: ClassVar[_Binary]
    __rmatmul__: ClassVar[_Binary]
    __neg__: ClassVar[_Unary]
    __abs__: ClassVar[_Unary]
    __getitem__: ClassVar[_Binary]
    __eq__: ClassVar[_Binary]  # type: ignore[assignment]
    __ne__: ClassVar[_Binary]  # type: ignore[assignment]
    __lt__: ClassVar[_Binary]
    __le__: ClassVar[_Binary]
    __gt__: ClassVar[_Binary]
    __ge__: ClassVar[_Binary]
    sum: ClassVar[_Method]
    mean: ClassVar[_Method]
    var: ClassVar[_Method]
    max: ClassVar[_Method]
    min: ClassVar[_Method]
    argmax: ClassVar[_Method]
    argmin: ClassVar[_Method]
    exp: ClassVar[_Unary]
    log: ClassVar[_Unary]
    sqrt: ClassVar[_Unary]
    abs: ClassVar[_Unary]
    clip: ClassVar[_Method]
    reshape: ClassVar[_Method]
    flatten: ClassVar[_Method]
    transpose: ClassVar[_Method]
    permute: ClassVar[_Method]
    split: ClassVar[Callable[..., tuple[Tensor, ...]]]
    to: ClassVar[_Method]
    backward: ClassVar[Callable[..., None]]

    def __init__(self, data: Array, requires_grad: bool = False) -> None:
        if isinstance(data, np.generic):  # what NumPy makes of arrays without axes
            data = np.asarray(data)
        if not is_array(data):
            raise TypeError(f"Tensor: got a {type(data).__name__}, expected an array; see tensor()")
        if requires_grad and data.dtype.kind != "f":
            raise TypeError(f"requires_grad: only floats have gradients, the data is {data.dtype}")
        self.data = data
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.function: Function | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type."""
        return self.data.dtype

    @property
    def device(self) -> str:
        """Where the data lies: "cpu", "cuda:0", ..."""
        return device_of(self.data)

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's and PyTorch's name
        """The tensor with its axes in reverse order."""
        return self.permute(*reversed(range(self.ndim)))

    def numpy(self) -> Array:
        """The data as a NumPy array (shared when it is one); see detach() for a Tensor."""
        return to_device(self.data, "cpu")

    def item(self) -> float | int | bool:
        """The only element as a Python number. Raises ValueError when there is not exactly one."""
        if self.size != 1:
            raise ValueError(f"item: one element is needed, the shape is {self.shape}")
        value: float | int | bool = self.data.item()
        return value

    def detach(self) -> Tensor:
        """The same data, outside the graph."""
        return Tensor(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy() if dtype is None else self.numpy().astype(dtype, copy=False)
        if copy is False and array is not self.data:
            raise ValueError("a copy cannot be avoided: another dtype or device was asked for")
        return array.copy() if copy else array

    __hash__ = object.__hash__  # == compares elements, so a tensor's identity is its key

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"the truth of a tensor of shape {self.shape} is ambiguous")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a tensor without axes")
        return self.shape[0]

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "a tensor is not written into, since a graph may need its elements; make a new one "
            "with ops.where or ops.concatenate, or write into its array: x.data[index] = value"
        )

    def __iter__(self) -> Iterator[Tensor]:
        return iter([self[i] for i in range(len(self))])

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        return tensor_text(self)

    def _repr_html_(self) -> str:
        return tensor_html(self)


class Parameter(Tensor):
    """A Tensor that a Module learns: a leaf with ``requires_grad=True``.

    The array is not copied and belongs to the parameter from now on, which is written into.
    """

    __slots__ = ()

    def __init__(self, data: Array, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)


def tensor(
    array_like: Any,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A new leaf from a number, nested lists, an array or a Tensor, always copied.

    Python floats become float32; arrays keep their dtype. Raises TypeError for what is no number.
    """
    source = array_like.data if isinstance(array_like, Tensor) else array_like
    has_dtype = hasattr(source, "dtype")
    try:
        copied = source.copy(order="K") if is_array(source) else np.array(source)
        dtype = None if dtype is None else np.dtype(dtype)
    except ValueError as error:
        raise TypeError(f"tensor: the data is no regular array ({error})") from error
    for kind in (copied.dtype, dtype or copied.dtype):
        if kind.kind not in "fiub":
            raise TypeError(f"tensor: got {kind} data, expected floats, integers or booleans")
    if dtype is None and not has_dtype and copied.dtype == np.float64:
        dtype = np.dtype(np.float32)
    data = copied if dtype is None else copied.astype(dtype, copy=False)
    return Tensor(to_device(data, resolve_device(device)), requires_grad)
