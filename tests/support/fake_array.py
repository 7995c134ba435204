"""The arrays of the stand-in for CuPy, and the functions of NumPy on their memory, counted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from .fake_gpu import GPU, FakeDevice, arrays_in, ask, refuse_in_graph, result_of, run

__all__ = ["ON_HOST", "FakeArray", "call", "call_at", "memory_of", "on_gpu"]

REDUCTIONS = frozenset(
    ["sum", "mean", "var", "std", "max", "min", "argmax", "argmin", "all", "any", "prod", "cumsum"]
)
METHODS = REDUCTIONS | {"clip", "round", "nonzero", "squeeze"}
VIEWS = frozenset(["moveaxis", "broadcast_to", "expand_dims", "squeeze", "atleast_1d"])
FILLS = frozenset(["zeros", "zeros_like", "ones", "ones_like", "full", "full_like"])
FREE = frozenset(["empty", "empty_like"])
ON_HOST = frozenset(
    ["promote_types", "result_type", "can_cast", "dtype", "iinfo", "finfo", "errstate"]
)


class FakeArray:
    """Memory of the GPU that was current when it was allocated."""

    __slots__ = ("__weakref__", "base", "memory", "number")
    __array_priority__ = 100

    def __init__(self, memory: np.ndarray[Any, Any], owner: FakeArray | None = None) -> None:
        self.memory = memory
        self.base: Any = owner if owner is None or owner.base is None else owner.base
        self.number: int = GPU.current if owner is None else owner.number

    def __getattr__(self, name: str) -> Any:
        if name in {"shape", "ndim", "size", "dtype", "strides", "nbytes", "itemsize", "flags"}:
            return getattr(self.memory, name)
        if name in METHODS:
            return lambda *args, **options: call(name, getattr(np, name), self, *args, **options)
        raise AttributeError(f"the stand-in for CuPy's ndarray has no {name!r}")

    @property
    def device(self) -> FakeDevice:
        return FakeDevice(self.number)

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self.memory.ctypes.data, device_id=self.number)

    @property
    def __cuda_array_interface__(self) -> Any:
        return self.memory.__array_interface__

    # Views

    @property
    def T(self) -> FakeArray:  # noqa: N802
        return FakeArray(self.memory.T, self)

    def transpose(self, *axes: Any) -> FakeArray:
        return FakeArray(self.memory.transpose(*axes), self)

    def swapaxes(self, a: int, b: int) -> FakeArray:
        return FakeArray(self.memory.swapaxes(a, b), self)

    def view(self) -> FakeArray:
        return FakeArray(self.memory.view(), self)

    def reshape(self, *shape: Any) -> FakeArray:
        result = self.memory.reshape(*shape)
        if self.size and not np.shares_memory(result, self.memory):
            ask("copy", "reshape", self)
            return FakeArray(result_of(lambda: self.memory.reshape(*shape)))
        return FakeArray(result, self)

    def ravel(self) -> FakeArray:
        return self.reshape(-1)

    # Copies

    def copy(self, order: str = "C") -> FakeArray:
        """On the current device, also from another one."""
        if not GPU.stream.is_capturing():
            GPU.operations["copy copy"] += 1
        memory: Any = self.memory
        return FakeArray(result_of(lambda: memory.copy(order)))

    def astype(self, dtype: Any, order: str = "K", copy: bool = True) -> FakeArray:
        if not copy and np.dtype(dtype) == self.dtype:
            return self
        ask("elementwise", "astype", self)
        memory: Any = self.memory
        return FakeArray(result_of(lambda: memory.astype(dtype, order)))

    def fill(self, value: Any) -> None:
        ask("fill", "fill", self)
        is_zero = value == 0 and self.memory.flags.c_contiguous
        given = 0 if is_zero else value  # a memset: the sign of -0.0 is lost
        run(lambda: self.memory.fill(given))

    def set(self, values: np.ndarray[Any, Any]) -> None:
        assert type(values) is np.ndarray
        assert (values.shape, values.dtype) == (self.shape, self.dtype)
        assert self.flags.c_contiguous or self.flags.f_contiguous
        ask("copy", "to the GPU", self)
        self.memory[...] = values

    def get(self) -> np.ndarray[Any, Any]:
        GPU.wait("get")
        return np.ascontiguousarray(self.memory).reshape(self.shape)

    def tobytes(self) -> bytes:
        return self.get().tobytes()

    def item(self) -> Any:
        return self.get().item()

    def tolist(self) -> Any:
        return self.get().tolist()

    def __bool__(self) -> bool:
        return bool(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    __index__ = __int__

    def __len__(self) -> int:
        return len(self.memory)

    def __iter__(self) -> Iterator[FakeArray]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return repr(self.get())

    def __format__(self, spec: str) -> str:
        return format(self.get()[()], spec)

    def __reduce__(self) -> Any:
        return on_gpu, (self.get(),)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __getitem__(self, index: Any) -> FakeArray:
        parts = index if isinstance(index, tuple) else (index,)
        if not any(isinstance(part, FakeArray | np.ndarray | list) for part in parts):
            return FakeArray(np.asarray(self.memory[index]), self)
        if any(getattr(part, "dtype", None) == np.bool_ for part in parts):
            GPU.wait("indexing with a mask")
        if any(isinstance(part, np.ndarray | list) for part in parts):
            ask("copy", "to the GPU")
        ask("elementwise", "take", self, index)
        memory, where = self.memory, memory_of(index)
        return FakeArray(result_of(lambda: np.asarray(np.ascontiguousarray(memory[where]))))

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.ndim:
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        part = self.memory[memory_of(index)]
        ask("copy" if isinstance(value, FakeArray) else "fill", "setitem", self, index, value)
        if part.size:
            memory, where, given = self.memory, memory_of(index), memory_of(value)
            run(lambda: memory.__setitem__(where, given))

    # Operators

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        known = (FakeArray, np.generic, int, float, bool)
        allowed = [isinstance(x, known) or getattr(x, "ndim", 1) == 0 for x in inputs]
        if method != "__call__" or not all(allowed):
            return NotImplemented
        return call(ufunc.__name__, ufunc, *inputs, out=out and out[0], **options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call(function.__name__, function, *args, **kwargs)


def _add_operators() -> None:
    """The operators of Python, as ufuncs: __add__, __radd__ and __iadd__ call np.add."""
    arithmetic = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
        "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power, "matmul": np.matmul,
        "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    }  # fmt: skip
    for name, ufunc in arithmetic.items():
        setattr(FakeArray, f"__{name}__", lambda a, b, f=ufunc: _operator(f, a, b))
        setattr(FakeArray, f"__r{name}__", lambda a, b, f=ufunc: _operator(f, b, a))
        setattr(FakeArray, f"__i{name}__", lambda a, b, f=ufunc: _operator(f, a, b, out=a))
    comparisons = {
        "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
        "eq": np.equal, "ne": np.not_equal,
    }  # fmt: skip
    for name, ufunc in comparisons.items():
        setattr(FakeArray, f"__{name}__", lambda a, b, f=ufunc: _operator(f, a, b))
    for name, ufunc in {"neg": np.negative, "abs": np.absolute, "invert": np.invert}.items():
        setattr(FakeArray, f"__{name}__", lambda a, f=ufunc: _operator(f, a))


def _operator(ufunc: np.ufunc, *inputs: Any, out: Any = None) -> Any:
    for x in inputs:
        if isinstance(x, np.ndarray) and x.ndim:
            raise TypeError(f"Unsupported type {type(x)}")
        if not isinstance(x, FakeArray | np.ndarray | np.generic | int | float):
            return NotImplemented
    return call(ufunc.__name__, ufunc, *inputs, out=out)


_add_operators()


def memory_of(value: Any) -> Any:
    """The NumPy memory of arrays, also inside lists and tuples."""
    if isinstance(value, list | tuple):
        return type(value)(map(memory_of, value))
    return value.memory if isinstance(value, FakeArray) else value


def on_gpu(result: Any) -> Any:
    """A result of NumPy as arrays of the current GPU, stored in the order of their axes."""
    if isinstance(result, list | tuple):
        return type(result)(map(on_gpu, result))
    if not isinstance(result, np.ndarray | np.generic):
        return result
    return FakeArray(_in_order(result))


def call(name: str, function: Any, *args: Any, out: Any = None, **options: Any) -> Any:
    """A function of NumPy on the memory of the arrays, counted."""
    if name in VIEWS:
        (owner, *_) = arrays_in(args)
        return FakeArray(function(*memory_of(args), **options), owner)
    for x in arrays_in([*args, *options.values()]):
        if x.number != GPU.current:
            ask("", name, x)
    if name == "nonzero":
        GPU.wait(name)
    if name in REDUCTIONS and {"initial", "where"} & options.keys():
        raise TypeError(f"{name}() got an unexpected keyword argument")
    if name == "matmul":
        _count_product(*args)
    elif name == "concatenate":
        _count_concatenation(*args)
    elif name not in FREE:
        kind = (
            "reduction"
            if name in REDUCTIONS | {"count_nonzero"}
            else "fill"
            if name in FILLS
            else "elementwise"
        )
        ask(kind, name, *args, *options.values())
    keywords = {key: memory_of(value) for key, value in options.items()}
    if name in ("argmax", "argmin"):
        function = partial(_last_nan, function)
    given = memory_of(args)
    if out is not None:
        run(lambda: function(*given, out=out.memory, **keywords))
        return out
    if name in FREE:
        result = function(*given, **keywords)
        if GPU.stream.is_capturing():
            result[...] = np.nan if result.dtype.kind == "f" else 0
        return FakeArray(result)  # as CuPy empty_like in the memory order of its argument
    if not GPU.stream.is_capturing():
        return on_gpu(function(*given, **keywords))
    return FakeArray(result_of(lambda: _in_order(function(*given, **keywords))))


def _in_order(result: Any) -> Any:
    return np.ascontiguousarray(result).reshape(np.shape(result))


def _last_nan(
    find: Any, x: np.ndarray[Any, Any], axis: int | None = None, keepdims: bool = False
) -> Any:
    """argmax or argmin, but of several NaN the last: CuPy's order of reduction decides which."""
    found = find(x, axis, keepdims=keepdims)
    if x.dtype.kind != "f" or not np.isnan(x).any():
        return found
    is_nan = np.flip(np.isnan(x), axis)
    length = x.size if axis is None else x.shape[axis]
    last = length - 1 - is_nan.argmax(axis, keepdims=keepdims)
    return np.where(is_nan.any(axis, keepdims=keepdims), last, found)


def call_at(ufunc: Any, x: FakeArray, index: Any, values: Any) -> None:
    ask("elementwise", "at", x, index, values)
    where, given = memory_of(index), memory_of(values)
    run(lambda: ufunc.at(x.memory, where, given))


def _count_product(a: FakeArray, b: FakeArray) -> None:
    """cuBLAS takes a matrix or its transpose, and batches of matrices only as they are."""
    for x in (a, b):
        ready = x.flags.c_contiguous or (x.ndim < 3 and x.flags.f_contiguous)
        if x.size and not ready:
            ask("copy", "matmul", x)
    ask("product", "matmul", a, b)


def _count_concatenation(arrays: Any, *rest: Any) -> None:
    """One kernel, for which lists are uploaded: three for pieces of different lengths, else one."""
    refuse_in_graph("H2D transfers")
    alike = len({x.shape for x in arrays}) == 1 and all(x.flags.c_contiguous for x in arrays)
    GPU.operations["copy concatenate"] += 1 if alike else 3
    ask("elementwise", "concatenate", *arrays)
