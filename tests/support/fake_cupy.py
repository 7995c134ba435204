"""A stand-in for CuPy: memory that claims to lie on a GPU, and kernels that the emulator runs.

It shows that CuPy is called correctly, not that a GPU computes correctly, and is as strict as CuPy
14 where a program for NumPy goes wrong: results are stored in the order of their axes, arrays are
not converted to NumPy silently, and everything happens on the current device. ``GPU`` counts what
a GPU would be asked to do: kernels, products, copies and fills, and how often the program waits.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from minicnn.backend import devices, uploads
from minicnn.backend.cuda import nvrtc
from minicnn.backend.cuda.arguments import divisor_array, index_array
from minicnn.backend.cuda.source import DIRECTORY, PIECES
from minicnn.backend.emulator import run as emulator
from minicnn.backend.emulator.array import EmulatorArray
from minicnn.backend.emulator.run import ArrayArgument, PiecesArgument
from minicnn.ops import convert


class GPU:
    """What all GPUs of the process share: which is the current one, and what was asked of them."""

    current = 0
    operations: ClassVar[Counter[str]] = Counter()
    waits: ClassVar[list[str]] = []
    may_wait = True
    follows = True
    """Whether ``Device.use()`` changes the current GPU; False: as if the program used another."""

    @classmethod
    def reset(cls) -> None:
        cls.current, cls.follows, cls.may_wait, cls.waits = 0, True, True, []
        cls.operations = Counter()

    @classmethod
    @contextmanager
    def counting(cls) -> Iterator[Counter[str]]:
        """The operations inside the ``with`` statement, by kind and name: "kernel im2col"."""
        before, cls.operations = cls.operations, Counter()
        try:
            yield cls.operations
        finally:
            cls.operations = before + cls.operations

    @classmethod
    @contextmanager
    def without_waiting(cls) -> Iterator[None]:
        """An error for whatever would wait for the GPU, as cupyx.allow_synchronize(False)."""
        before, cls.may_wait = cls.may_wait, False
        try:
            yield
        finally:
            cls.may_wait = before

    @classmethod
    def wait(cls, why: str) -> None:
        if not cls.may_wait:
            raise RuntimeError(f"{why}: waits for the GPU")
        cls.waits.append(why)


class FakeDevice:
    """One of the GPUs; a context that makes it the current one."""

    def __init__(self, number: int | None = None) -> None:
        self.id, self.mem_info = GPU.current if number is None else number, (1 << 20, 1 << 30)

    def __enter__(self) -> None:
        self.before, GPU.current = GPU.current, self.id

    def __exit__(self, *error: object) -> None:
        GPU.current = self.before

    def use(self) -> None:
        if GPU.follows:
            GPU.current = self.id

    def synchronize(self) -> None:
        GPU.wait("Device.synchronize")


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
            return lambda *args, **options: _call(name, getattr(np, name), self, *args, **options)
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
            _ask("copy", "reshape", self)
            return FakeArray(result)
        return FakeArray(result, self)

    def ravel(self) -> FakeArray:
        return self.reshape(-1)

    # Copies

    def copy(self, order: str = "C") -> FakeArray:
        """On the current device, also from another one."""
        GPU.operations["copy copy"] += 1
        return FakeArray(self.memory.copy(order))  # type: ignore[call-overload]

    def astype(self, dtype: Any, order: str = "K", copy: bool = True) -> FakeArray:
        if not copy and np.dtype(dtype) == self.dtype:
            return self
        _ask("elementwise", "astype", self)
        return FakeArray(self.memory.astype(dtype, order))  # type: ignore[arg-type]

    def fill(self, value: Any) -> None:
        _ask("fill", "fill", self)
        is_zero = value == 0 and self.memory.flags.c_contiguous
        self.memory.fill(0 if is_zero else value)  # a memset: the sign of -0.0 is lost

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
            _ask("copy", "to the GPU")
        _ask("elementwise", "take", self, index)
        return FakeArray(np.asarray(np.ascontiguousarray(self.memory[_memory(index)])))

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.ndim:
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        part = self.memory[_memory(index)]
        _ask("copy" if isinstance(value, FakeArray) else "fill", "setitem", self, index, value)
        if part.size:
            self.memory[_memory(index)] = _memory(value)

    # Operators

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any
    ) -> Any:
        known = (FakeArray, np.generic, int, float, bool)
        allowed = [isinstance(x, known) or getattr(x, "ndim", 1) == 0 for x in inputs]
        if method != "__call__" or not all(allowed):
            return NotImplemented
        return _call(ufunc.__name__, ufunc, *inputs, out=out and out[0], **options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _call(function.__name__, function, *args, **kwargs)


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
    return _call(ufunc.__name__, ufunc, *inputs, out=out)


_add_operators()


def _arrays(value: Any) -> Iterator[FakeArray]:
    if isinstance(value, FakeArray):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _arrays(part)


def _ask(kind: str, name: str, *values: Any) -> None:
    """Count an operation; all arrays must be on the current device."""
    arrays = list(_arrays(values))
    for x in arrays:
        if x.number != GPU.current:
            raise ValueError(
                f"{name}: the device where the array resides ({x.number}) is different from the "
                f"current device ({GPU.current}). Peer access is unavailable"
            )
    if not arrays or any(x.size for x in arrays):
        GPU.operations[f"{kind} {name}"] += 1


def _memory(value: Any) -> Any:
    """The NumPy memory of arrays, also inside lists and tuples."""
    if isinstance(value, list | tuple):
        return type(value)(map(_memory, value))
    return value.memory if isinstance(value, FakeArray) else value


def on_gpu(result: Any) -> Any:
    """A result of NumPy as arrays of the current GPU, stored in the order of their axes."""
    if isinstance(result, list | tuple):
        return type(result)(map(on_gpu, result))
    if not isinstance(result, np.ndarray | np.generic):
        return result
    return FakeArray(np.ascontiguousarray(result).reshape(np.shape(result)))


def _call(name: str, function: Any, *args: Any, out: Any = None, **options: Any) -> Any:
    """A function of NumPy on the memory of the arrays, counted."""
    if name in VIEWS:
        (owner, *_) = _arrays(args)
        return FakeArray(function(*_memory(args), **options), owner)
    for x in _arrays([*args, *options.values()]):
        if x.number != GPU.current:
            _ask("", name, x)
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
        _ask(kind, name, *args, *options.values())
    keywords = {key: _memory(value) for key, value in options.items()}
    if name in ("argmax", "argmin"):
        function = partial(_last_nan, function)
    if out is not None:
        function(*_memory(args), out=out.memory, **keywords)
        return out
    result = function(*_memory(args), **keywords)
    if name == "empty_like":  # as CuPy in the memory order of its argument
        return FakeArray(result)
    return on_gpu(result)


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


def _call_at(ufunc: Any, x: FakeArray, index: Any, values: Any) -> None:
    _ask("elementwise", "at", x, index, values)
    ufunc.at(x.memory, _memory(index), _memory(values))


def _count_product(a: FakeArray, b: FakeArray) -> None:
    """cuBLAS takes a matrix or its transpose, and batches of matrices only as they are."""
    for x in (a, b):
        ready = x.flags.c_contiguous or (x.ndim < 3 and x.flags.f_contiguous)
        if x.size and not ready:
            _ask("copy", "matmul", x)
    _ask("product", "matmul", a, b)


def _count_concatenation(arrays: Any, *rest: Any) -> None:
    """One kernel; for pieces of different lengths, three lists are uploaded first."""
    if len({x.shape for x in arrays}) > 1 or not all(x.flags.c_contiguous for x in arrays):
        GPU.operations["copy concatenate"] += 3
    _ask("elementwise", "concatenate", *arrays)


class FakeModule:
    """RawModule: records in ``asked`` what it is called with."""

    asked: list[dict[str, Any]]

    def __init__(self, **asked: Any) -> None:
        self.asked.append(asked)
        self.source = next(
            path.name for path in DIRECTORY.glob("*.cu") if path.read_text("utf-8") == asked["code"]
        )

    def get_function(self, expression: str) -> Any:
        kernel, source = expression.split("<")[0], self.source

        def start(grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
            assert all(isinstance(n, tuple) for n in (grid, block, arguments))
            _ask("kernel", kernel, *arguments)
            memory = [_argument(x, position) for position, x in enumerate(arguments)]
            emulator.run(source, expression, grid[0], block[0], memory)

        return start


def _argument(value: Any, position: int) -> Any:
    """An argument of a kernel as the emulator takes it."""
    if isinstance(value, FakeArray):
        return value.memory.view(EmulatorArray)
    if isinstance(value, np.void) and value.nbytes == 16 * PIECES:
        addresses, ends = np.frombuffer(value.tobytes(), np.int64).reshape(2, PIECES).tolist()
        sizes = np.diff([0, *ends]).tolist()
        pieces = [ArrayArgument(a, n, position) for a, n in zip(addresses, sizes, strict=True)]
        return PiecesArgument(tuple(pieces), tuple(ends))
    return value


class FakeCupy(ModuleType):
    """The module, with this many GPUs, a driver and a toolkit of these versions."""

    ndarray = FakeArray

    def __init__(self, gpus: int = 2, driver: int = 13000, toolkit: int = 13000) -> None:
        super().__init__("cupy")
        GPU.reset()
        runtime = SimpleNamespace(
            CUDARuntimeError=type("CUDARuntimeError", (RuntimeError,), {}),
            driverGetVersion=lambda: driver,
            runtimeGetVersion=lambda: toolkit,
            getDeviceCount=lambda: gpus,
            getDevice=lambda: GPU.current,
        )
        self.out_of_memory = type("OutOfMemoryError", (MemoryError,), {})
        self.broken = type("CompileException", (Exception,), {})
        self.cuda = SimpleNamespace(
            Device=FakeDevice,
            runtime=runtime,
            memory=SimpleNamespace(OutOfMemoryError=self.out_of_memory),
            compiler=SimpleNamespace(CompileException=self.broken),
        )
        self.RawModule = type("RawModule", (FakeModule,), {"asked": []})

    def get_default_memory_pool(self) -> Any:
        return SimpleNamespace(used_bytes=lambda: 3 << 20, free_bytes=lambda: 5 << 20)

    def asnumpy(self, x: Any) -> Any:
        assert isinstance(x, FakeArray)
        _ask("copy", "to the CPU")
        host: Any = x.get()
        return host

    def array(self, x: Any, dtype: Any = None) -> Any:
        if isinstance(x, FakeArray):
            return x.copy("K") if dtype is None else x.astype(dtype)
        made = FakeArray(np.array(x, dtype))
        if made.ndim:
            order: Any = "F" if made.memory.flags.f_contiguous else "C"  # no other is kept
            made.memory = np.asarray(made.memory, order=order)
            _ask("copy", "to the GPU")
        else:
            made.fill(made.memory.copy())
        return made

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        if isinstance(x, FakeArray):
            return x if dtype is None else x.astype(dtype, copy=False)
        return self.array(x, dtype)

    def ascontiguousarray(self, x: FakeArray) -> FakeArray:
        return x if x.flags.c_contiguous else x.copy()

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found) or name in ON_HOST:
            return found

        def function(*args: Any, **options: Any) -> Any:
            return _call(name, found, *args, **options)

        function.at = partial(_call_at, found)  # type: ignore[attr-defined]
        return function


@contextmanager
def standing_in(**versions: int) -> Iterator[FakeCupy]:
    """CuPy is the stand-in inside the ``with`` statement, with nothing remembered from before."""
    remembered = (
        devices._count_gpus, nvrtc._compiled, index_array, divisor_array, convert._constant
    )  # fmt: skip

    def forget() -> None:
        uploads._latest.clear()
        for function in remembered:
            function.cache_clear()

    before, follows = sys.modules.get("cupy"), GPU.follows
    sys.modules["cupy"] = fake = FakeCupy(**versions)
    forget()
    try:
        yield fake
    finally:
        del sys.modules["cupy"]
        if before is not None:
            sys.modules["cupy"] = before
        GPU.reset()
        GPU.follows = follows
        forget()
