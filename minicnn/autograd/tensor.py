"""Tensor: an array and the record of how it was computed. Its operations are defined in ops/."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np

from ..backend import Array, device_of, to_device
from ..backend.arrays import plain_array
from .display import tensor_html, tensor_text
from .in_place import NEVER, changes

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
    Function that computed a result, None for a leaf. ``x += 1`` changes x in place, unless it is
    recorded: then it is a new tensor in the graph, or an error for a leaf that requires a gradient.

    >>> x = mc.tensor([[1.0, 2.0]], requires_grad=True)
    >>> (x**2).sum().backward()
    >>> x.grad
    tensor([[2., 4.]])
    """

    __slots__ = ("__weakref__", "_array", "_grad", "_replaced", "function", "requires_grad")

    # Declared here for type checkers; defined in ops/ and attached by the table in ops/methods.py.
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _binary
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _binary
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _binary
    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imatmul__ = _binary
    __iand__ = __ior__ = __ixor__ = _binary
    __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = _binary
    __eq__ = __ne__ = _binary  # type: ignore[assignment]
    __neg__ = __abs__ = __invert__ = exp = log = sqrt = abs = _unary
    sum = mean = var = max = min = argmax = argmin = _method
    clip = reshape = flatten = transpose = permute = to = _method
    split: ClassVar[Callable[..., tuple[Tensor, ...]]]
    backward: ClassVar[Callable[..., None]]
    __array_ufunc__: ClassVar[Callable[..., Any]]
    __array_function__: ClassVar[Callable[..., Any]]

    def __init__(self, data: Array, requires_grad: bool = False) -> None:
        if type(data) is not np.ndarray:
            data = _plain("Tensor", data)
        if requires_grad and data.dtype.kind != "f":
            raise TypeError(f"requires_grad: only floats have gradients, the data is {data.dtype}")
        self._array = data
        self._replaced = NEVER
        self.requires_grad = requires_grad
        self._grad: Tensor | None = None
        self.function: Function | None = None

    @property
    def data(self) -> Array:
        """The NumPy or CuPy array; may be set to another one, or to the data of a Tensor.

        Raises TypeError for anything else and for another dtype, ValueError for another shape.
        What is written into the array itself (``x.data[0] = 1``) is not noticed by backward().
        """
        return self._array

    @data.setter
    def data(self, value: Array | Tensor) -> None:
        new = value._array if isinstance(value, Tensor) else _plain("data", value)
        if new.shape != self._array.shape:
            raise ValueError(
                f"data: got shape {new.shape}, expected {self._array.shape}, that of the tensor"
            )
        if new.dtype != self._array.dtype:
            raise TypeError(
                f"data: got {new.dtype}, expected {self._array.dtype}, that of the tensor; "
                f"convert it with .astype('{self._array.dtype}')"
            )
        if new is self._array:  # x.data -= ... has written into it
            changes.record(new, "an assignment to .data")
        else:
            self._replace(new, "an assignment to .data")

    def _replace(self, new: Array, by: str) -> None:
        """Take another array; by: for the message of a graph that needs the one before."""
        if new is not self._array:
            self._array, self._replaced = new, (changes.next(), by)

    @property
    def grad(self) -> Tensor | None:
        """What ``backward()`` added up on a leaf; None before, and always for other tensors."""
        if self._grad is None and self.function is not None:
            warnings.warn(
                f"grad: this tensor is the result of {self._made_by()}, and backward() fills .grad "
                "of leaves only; minicnn.grad(loss, x) returns the gradient to any tensor x",
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: got a {type(value).__name__}, expected a Tensor or None")
            if value.shape != self.shape:
                raise ValueError(
                    f"grad: got shape {value.shape}, expected {self.shape}, that of the tensor"
                )
        self._grad = value

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type."""
        return self._array.dtype

    @property
    def device(self) -> str:
        """The device that holds the data: "cpu", "cuda:0", ..."""
        return device_of(self._array)

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
        if self.requires_grad:
            raise RuntimeError(
                "NumPy got a tensor that requires a gradient, which the array would not have; "
                "use an op of minicnn, or x.detach().numpy() where only the values count"
            )
        array = self.numpy() if dtype is None else self.numpy().astype(dtype, copy=False)
        if copy is False and array is not self.data:
            raise ValueError(
                "copy=False: another dtype or device was requested, which needs a copy"
            )
        return array.copy() if copy else array

    def __reduce__(self) -> tuple[Any, ...]:
        """What copy and pickle take: the data, the gradient, and attributes of a subclass.

        Raises RuntimeError for a result in a graph, which would lose the record of how it was made.
        """
        if self.function is not None:
            raise RuntimeError(
                f"a tensor of shape {self.shape} made by {self._made_by()} cannot be copied or "
                "pickled, since the graph is not; use x.detach(), or mc.tensor(x) for a copy"
            )
        more = getattr(self, "__dict__", None)
        return _restored, (type(self), self.data, self.requires_grad, self.grad, self.device), more

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
            "ops.where or ops.concatenate, or write into the array, which backward() does not "
            "notice: x.data[index] = value"
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


def _plain(name: str, value: Any) -> Array:
    """The array, of a subclass of NumPy's as a plain one. Raises TypeError for anything else."""
    array = plain_array(name, value)
    if array is None:
        module, kind = type(value).__module__, type(value).__qualname__
        got = kind if module == "builtins" else f"{module}.{kind}"  # torch.Tensor is not ours
        raise TypeError(f"{name}: got a {got}, expected an array; see minicnn.tensor()")
    return array


class Parameter(Tensor):
    """A Tensor that a Module learns: a leaf with ``requires_grad=True``.

    The array is not copied, unless its bytes are in the order of another machine, and belongs to
    the parameter from now on: optimizers write into it.

    >>> mc.Parameter(np.ones(2, np.float32))
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Array, requires_grad: bool = True) -> None:
        super().__init__(_plain("Parameter", data), requires_grad)


def _restored(
    kind: type[Tensor], data: Array, requires_grad: bool, grad: Tensor | None, device: str = ""
) -> Tensor:
    made = kind.__new__(kind)  # the __init__ of a subclass may take other arguments
    if device.startswith("cuda"):  # CuPy restores an array on the current GPU
        data = to_device(data, device)
    Tensor.__init__(made, data, requires_grad)
    made.grad = grad
    return made
