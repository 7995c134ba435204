"""Arithmetic, element by element with NumPy's broadcasting, and the matrix product."""

from __future__ import annotations

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, array_module
from .convert import (
    TensorLike,
    as_float,
    as_operands,
    broadcast_operands,
    in_float16,
    in_float32,
    is_half_with_number,
)
from .elementwise import Elementwise, sum_to_inputs
from .shape import transpose


class Add(Elementwise):
    keeps = "nothing"

    def forward(self, a: Array, b: Array) -> Array:
        return a + b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return sum_to_inputs(self, lambda: grad, lambda: grad)


def add(a: TensorLike, b: TensorLike) -> Tensor:
    """``a + b``, broadcast.

    >>> mc.ops.add(mc.tensor([[1.0], [2.0]]), mc.tensor([10.0, 20.0]))
    tensor([[11., 21.],
            [12., 22.]])
    """
    return Add.apply(*broadcast_operands("add", a, b))


class Sub(Elementwise):
    keeps = "nothing"

    def forward(self, a: Array, b: Array) -> Array:
        return a - b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return sum_to_inputs(self, lambda: grad, lambda: -grad)


def sub(a: TensorLike, b: TensorLike) -> Tensor:
    """``a - b``, broadcast.

    >>> mc.ops.sub(1, mc.tensor([0.25, 0.5]))
    tensor([0.75, 0.5 ])
    """
    return Sub.apply(*broadcast_operands("sub", a, b))


class Mul(Elementwise):
    def forward(self, a: Array, b: Array) -> Array:
        return a * b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.inputs
        return sum_to_inputs(self, lambda: grad * b, lambda: grad * a)


def mul(a: TensorLike, b: TensorLike) -> Tensor:
    """``a * b``, broadcast.

    >>> mc.ops.mul(mc.tensor([[1.0], [2.0]]), mc.tensor([10.0, 20.0]))
    tensor([[10., 20.],
            [20., 40.]])
    """
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) and is_half_with_number(a, b):
        return in_float16(mul, a, b)
    return Mul.apply(*broadcast_operands("mul", a, b))


class Div(Elementwise):
    def forward(self, a: Array, b: Array) -> Array:
        return a / b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.inputs
        # grad / b may be infinite where a and the gradient to b are 0, a / b² where grad is tiny.
        return sum_to_inputs(self, lambda: grad / b, lambda: -(grad * (a / b)) / b)


def div(a: TensorLike, b: TensorLike) -> Tensor:
    """``a / b``, broadcast; integers are divided as float32.

    >>> mc.ops.div(mc.tensor([1, 2, 3]), 2)
    tensor([0.5, 1. , 1.5])
    """
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) and is_half_with_number(a, b):
        return in_float16(div, a, b)
    a, b = broadcast_operands("div", a, b)
    return Div.apply(as_float("div", a), as_float("div", b))


class Neg(Elementwise):
    keeps = "nothing"

    def forward(self, x: Array) -> Array:
        return -x

    def backward(self, grad: Tensor) -> Tensor:
        return -grad


def neg(x: Tensor) -> Tensor:
    """``-x``

    >>> mc.ops.neg(mc.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """
    return Neg.apply(x)


class Pow(Elementwise):
    """x ** p with a constant number p, for which NumPy has short cuts (square, root)."""

    def forward(self, x: Array, *, exponent: float) -> Array:
        return x**exponent

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        p = self.options["exponent"]
        return grad * (p * x ** (p - 1) if p else 0.0)  # d(x**0)/dx is 0 at x = 0 too


class PowTensor(Elementwise):
    keeps = "both"

    def forward(self, x: Array, exponent: Array) -> Array:
        return x**exponent

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, p = self.inputs
        zero_base = Tensor(((x.data == 0) & (p.data >= 0)).astype(x.dtype))
        # 1 / x is infinite or NaN: at 0, at NaN and at the smallest numbers.
        has_no_inverse = ~(array_module(x.data).abs(x.data) > 1 / float(np.finfo(x.dtype).max))
        zero_exponent = Tensor(((p.data == 0) & has_no_inverse).astype(p.dtype))
        return sum_to_inputs(
            self,
            # Where p = 0 the gradient is 0; x ** (p - 1) would be infinite or NaN there.
            lambda: grad * (p * x ** (p - 1 + zero_exponent)),
            # 0 ** p does not change with p >= 0; log(x) would be infinite there.
            lambda: grad * self.output * log(x + zero_base),
        )


def pow(x: TensorLike, exponent: TensorLike) -> Tensor:
    """``x ** exponent``, broadcast when the exponent is a tensor.

    >>> mc.ops.pow(mc.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if isinstance(exponent, np.generic):
        exponent = exponent.item()
    if isinstance(x, Tensor) and isinstance(exponent, int | float):
        x = as_float("pow", x) if isinstance(exponent, float) else x
        return Pow.apply(x, exponent=exponent)
    return PowTensor.apply(*broadcast_operands("pow", x, exponent))


class Exp(Elementwise):
    keeps = "output"

    def forward(self, x: Array) -> Array:
        return array_module(x).exp(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad * self.output


def exp(x: Tensor) -> Tensor:
    """``e ** x``

    >>> mc.ops.exp(mc.tensor([0.0, 1.0])).numpy().round(3)
    array([1.   , 2.718], dtype=float32)
    """
    return Exp.apply(as_float("exp", x))


class Log(Elementwise):
    def forward(self, x: Array) -> Array:
        return array_module(x).log(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        return grad / x


def log(x: Tensor) -> Tensor:
    """The natural logarithm.

    >>> mc.ops.log(mc.tensor([1.0, 2.0])).numpy().round(3)
    array([0.   , 0.693], dtype=float32)
    """
    return Log.apply(as_float("log", x))


class Sqrt(Elementwise):
    keeps = "output"

    def forward(self, x: Array) -> Array:
        return array_module(x).sqrt(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad / (2 * self.output)


def sqrt(x: Tensor) -> Tensor:
    """The square root.

    >>> mc.ops.sqrt(mc.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return Sqrt.apply(as_float("sqrt", x))


class Abs(Elementwise):
    def forward(self, x: Array) -> Array:
        return array_module(x).abs(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        xp = array_module(x.data)
        sign = xp.subtract(x.data > 0, x.data < 0, dtype=x.dtype)  # unlike xp.sign 0 for NaN
        return grad * Tensor(sign)


def abs(x: Tensor) -> Tensor:
    """The absolute value; its gradient at 0 and NaN is 0.

    >>> mc.ops.abs(mc.tensor([-2.0, 0.0, 3.0]))
    tensor([2., 0., 3.])
    """
    return Abs.apply(x)


class MatMul(Function):
    def forward(self, a: Array, b: Array) -> Array:
        return a @ b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.inputs
        return sum_to_inputs(
            self, lambda: grad @ transpose(b, -1, -2), lambda: transpose(a, -1, -2) @ grad
        )


_matmul = in_float32(MatMul.apply)


def matmul(a: TensorLike, b: TensorLike) -> Tensor:
    """The matrix product (..., n, k) @ (..., k, m) -> (..., n, m), leading axes broadcast.

    A one-dimensional a counts as a row, a one-dimensional b as a column, as in NumPy.
    Raises ValueError when the inner lengths differ.

    >>> mc.ops.matmul(mc.tensor([[1.0, 2.0], [3.0, 4.0]]), mc.tensor([1.0, 10.0]))
    tensor([21., 43.])
    """
    a, b = as_operands(a, b)
    if not _fit_together(a.shape, b.shape):
        raise ValueError(f"matmul: shapes {a.shape} @ {b.shape} do not fit together")
    if a.ndim > 1 and b.ndim > 1:
        return _matmul(a, b)
    row = a.reshape(1, -1) if a.ndim == 1 else a
    column = b.reshape(-1, 1) if b.ndim == 1 else b
    product = _matmul(row, column)
    shape = product.shape[:-2] + (() if a.ndim == 1 else product.shape[-2:-1])
    return product.reshape(*shape, *(() if b.ndim == 1 else product.shape[-1:]))


def _fit_together(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether matrices of these shapes can be multiplied, their leading axes broadcast."""
    if not a or not b or a[-1] != b[-2 if len(b) > 1 else 0]:
        return False
    leading = zip(reversed(a[:-2]), reversed(b[:-2]), strict=False)  # the shorter one is repeated
    return all(n == m or 1 in (n, m) for n, m in leading)
