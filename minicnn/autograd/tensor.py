"""Tensor: an array and the record of how it was computed. Its operations are defined in ops/."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..backend import Array, device_of, is_array, resolve_device, to_device
from .display import tensor_html, tensor_text

if TYPE_CHECKING:
    from .function import Function


# Only the types of methods: importing minicnn.ops puts the real ones in their place.


def _unary(x: Tensor) -> Tensor:
    raise NotImplementedError


def _binary(x: Tensor, other: Any) -> Tensor:
    raise NotImplementedError


def _method(x: Tensor, *args: Any, **options: Any) -> Tensor:
    raise NotImplementedError


class Tensor:
    """An array and, with ``requires_grad``, the record of how it was computed.

    ``data`` is the NumPy (or CuPy) array with the shape that users see; ``grad`` is filled by
    ``backward()`` on tensors created with ``requires_grad=True`` (leaves); ``function`` is the
    Function that computed a result, None for a leaf.

    >>> x = mc.tensor([[1.0, 2.0]], requires_grad=True)
    >>> (x**2).sum().backward()
    >>> x.grad
    tensor([[2., 4.]])
    """

    __slots__ = ("__weakref__", "data", "function", "grad", "requires_grad")

    __array_ufunc__ = None  # so that ndarray + Tensor asks Tensor.__radd__ instead of looping

    # Declared here for type checkers; defined in ops/ and attached by the table in ops/methods.py.
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _binary
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _binary
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _binary
    __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = _binary
    __eq__ = __ne__ = _binary  # type: ignore[assignment]
    __neg__ = __abs__ = __invert__ = exp = log = sqrt = abs = _unary
    sum = mean = var = max = min = argmax = argmin = _method
    clip = reshape = flatten = transpose = permute = to = _method
    split: ClassVar[Callable[..., tuple[Tensor, ...]]]
    backward: ClassVar[Callable[..., None]]

    def __init__(self, data: Array, requires_grad: bool = False) -> None:
        if isinstance(data, np.generic):  # NumPy's results for arrays without axes
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
        """The device that holds the data: "cpu", "cuda:0", ..."""
        return device_of(self.data)

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's and PyTorch's name
        """The tensor with its axes in reverse order."""
        return self.permute(*reversed(range(self.ndim)))

    def numpy(self) -> Array:
        """The data as a NumPy array, not copied if it is one; detach() returns a Tensor."""
        return to_device(self.data, "cpu")

    def item(self) -> float | int | bool:
        """The only element as a Python number. Raises ValueError unless there is exactly one."""
        if self.size != 1:
            raise ValueError(f"item: got a tensor of shape {self.shape}, expected one element")
        value: float | int | bool = self.data.item()
        return value

    def detach(self) -> Tensor:
        """The same data, outside the graph."""
        return Tensor(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy() if dtype is None else self.numpy().astype(dtype, copy=False)
        if copy is False and array is not self.data:
            raise ValueError(
                "copy=False: another dtype or device was requested, which needs a copy"
            )
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
            raise TypeError("len(): the tensor has no axes")
        return self.shape[0]

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "tensors are immutable: the graph may still need their values; create a new one with "
            "ops.where or ops.concatenate, or write into the array: x.data[index] = value"
        )

    def __iter__(self) -> Iterator[Tensor]:
        return iter([self[i] for i in range(len(self))])

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        return tensor_text(self.data, self._made_by(), self.requires_grad)

    def _repr_html_(self) -> str:
        kind = type(self).__name__
        return tensor_html(self.data, self._made_by(), self.requires_grad, kind)

    def _made_by(self) -> str:
        return type(self.function).__name__ if self.function else ""


class Parameter(Tensor):
    """A Tensor that a Module learns: a leaf with ``requires_grad=True``.

    The array is not copied and belongs to the parameter from now on: optimizers write into it.

    >>> mc.Parameter(np.ones(2, np.float32))
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Array, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)


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
        copied = source.copy(order="K") if is_array(source) else np.array(source)
        dtype = None if dtype is None else np.dtype(dtype)
    except ValueError as error:
        raise TypeError(f"tensor: the data is not a regular array ({error})") from error
    for kind in (copied.dtype, dtype or copied.dtype):
        if kind.kind not in "fiub":
            raise TypeError(f"tensor: got {kind} data, expected floats, integers or booleans")
    if dtype is None and not has_dtype and copied.dtype == np.float64:
        dtype = np.dtype(np.float32)
    data = copied if dtype is None else copied.astype(dtype, copy=False)
    return Tensor(to_device(data, resolve_device(device)), requires_grad)
