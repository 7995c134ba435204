"""Arithmetic, element by element with NumPy's broadcasting, and the matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, array_module
from .convert import as_float, binary_operands, broadcast_operands
from .shape import sum_to, transpose


class Add(Function):
    elementwise = True
    keeps = "nothing"

    def forward(self, a: Array, b: Array) -> Array:
        return a + b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a_shape, b_shape = self.shapes
        return (
            sum_to(grad, a_shape) if self.needs_grad[0] else None,
            sum_to(grad, b_shape) if self.needs_grad[1] else None,
        )


def add(a: Any, b: Any) -> Tensor:
    """``a + b``, broadcast."""
    return Add.apply(*broadcast_operands("add", a, b))


class Sub(Function):
    elementwise = True
    keeps = "nothing"

    def forward(self, a: Array, b: Array) -> Array:
        return a - b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a_shape, b_shape = self.shapes
        return (
            sum_to(grad, a_shape) if self.needs_grad[0] else None,
            sum_to(-grad, b_shape) if self.needs_grad[1] else None,
        )


def sub(a: Any, b: Any) -> Tensor:
    """``a - b``, broadcast."""
    return Sub.apply(*broadcast_operands("sub", a, b))


class Mul(Function):
    elementwise = True

    def forward(self, a: Array, b: Array) -> Array:
        return a * b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.inputs
        return (
            sum_to(grad * b, a.shape) if self.needs_grad[0] else None,
            sum_to(grad * a, b.shape) if self.needs_grad[1] else None,
        )


def mul(a: Any, b: Any) -> Tensor:
    """``a * b``, broadcast."""
    return Mul.apply(*broadcast_operands("mul", a, b))


class Div(Function):
    elementwise = True

    def forward(self, a: Array, b: Array) -> Array:
        return a / b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.inputs
        grad_a = grad / b
        return (
            sum_to(grad_a, a.shape) if self.needs_grad[0] else None,
            sum_to(-grad_a * (a / b), b.shape) if self.needs_grad[1] else None,
        )


def div(a: Any, b: Any) -> Tensor:
    """``a / b``, broadcast; integers are divided as float32."""
    a, b = broadcast_operands("div", a, b)
    return Div.apply(as_float("div", a), as_float("div", b))


class Neg(Function):
    elementwise = True
    keeps = "nothing"

    def forward(self, x: Array) -> Array:
        return -x

    def backward(self, grad: Tensor) -> Tensor:
        return -grad


def neg(x: Tensor) -> Tensor:
    """``-x``"""
    return Neg.apply(x)


class Pow(Function):
    """x ** p with a constant number p, for which NumPy has short cuts (square, root)."""

    elementwise = True

    def forward(self, x: Array, *, exponent: float) -> Array:
        self.exponent = exponent
        return x**exponent

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        p = self.exponent
        return grad * (p * x ** (p - 1) if p else 0.0)  # d(x**0)/dx is 0 at x = 0 too


class PowTensor(Function):
    elementwise = True
    keeps = "both"

    def forward(self, x: Array, exponent: Array) -> Array:
        return x**exponent

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, exponent = self.inputs
        grad_x = grad_exponent = None
        if self.needs_grad[0]:
            is_zero = Tensor(((exponent.data == 0) & (x.data == 0)).astype(exponent.dtype))
            # Where p = 0 the gradient is 0; x ** (p - 1) would be infinite for x = 0.
            grad_x = sum_to(grad * exponent * x ** (exponent - 1 + is_zero), x.shape)
        if self.needs_grad[1]:
            is_zero = Tensor((x.data == 0).astype(x.dtype))
            # 0 ** p does not change with p > 0; log(x) would be infinite there.
            grad_exponent = sum_to(grad * self.output * log(x + is_zero), exponent.shape)
        return grad_x, grad_exponent


def pow(x: Any, exponent: Any) -> Tensor:
    """``x ** exponent``, broadcast when the exponent is a tensor."""
    if isinstance(exponent, np.generic):
        exponent = exponent.item()
    if isinstance(x, Tensor) and isinstance(exponent, int | float):
        x = as_float("pow", x) if isinstance(exponent, float) else x
        return Pow.apply(x, exponent=exponent)
    return PowTensor.apply(*broadcast_operands("pow", x, exponent))


class Exp(Function):
    elementwise = True
    keeps = "output"

    def forward(self, x: Array) -> Array:
        return array_module(x).exp(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad * self.output


def exp(x: Tensor) -> Tensor:
    """``e ** x``"""
    return Exp.apply(as_float("exp", x))


class Log(Function):
    elementwise = True

    def forward(self, x: Array) -> Array:
        return array_module(x).log(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        return grad / x


def log(x: Tensor) -> Tensor:
    """The natural logarithm."""
    return Log.apply(as_float("log", x))


class Sqrt(Function):
    elementwise = True
    keeps = "output"

    def forward(self, x: Array) -> Array:
        return array_module(x).sqrt(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad / (2 * self.output)


def sqrt(x: Tensor) -> Tensor:
    """The square root."""
    return Sqrt.apply(as_float("sqrt", x))


class Abs(Function):
    elementwise = True

    def forward(self, x: Array) -> Array:
        return array_module(x).abs(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        return grad * Tensor(array_module(x.data).sign(x.data))


def abs(x: Tensor) -> Tensor:
    """The absolute value; its gradient at 0 is 0."""
    return Abs.apply(x)


class MatMul(Function):
    def forward(self, a: Array, b: Array) -> Array:
        return a @ b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.inputs
        return (
            sum_to(grad @ transpose(b, -1, -2), a.shape) if self.needs_grad[0] else None,
            sum_to(transpose(a, -1, -2) @ grad, b.shape) if self.needs_grad[1] else None,
        )


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product (..., n, k) @ (..., k, m) -> (..., n, m), leading axes broadcast.

    A one-dimensional a counts as a row, a one-dimensional b as a column, as in NumPy.
    Raises ValueError when the inner lengths differ.
    """
    a, b = binary_operands(a, b)
    if not _fit_together(a.shape, b.shape):
        raise ValueError(f"matmul: shapes {a.shape} @ {b.shape} do not fit together")
    if a.ndim > 1 and b.ndim > 1:
        return MatMul.apply(a, b)
    row = a.reshape(1, -1) if a.ndim == 1 else a
    column = b.reshape(-1, 1) if b.ndim == 1 else b
    product = MatMul.apply(row, column)
    shape = product.shape[:-2] + (() if a.ndim == 1 else product.shape[-2:-1])
    return product.reshape(*shape, *(() if b.ndim == 1 else product.shape[-1:]))


def _fit_together(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether matrices of these shapes can be multiplied, their leading axes broadcast."""
    if not a or not b or a[-1] != b[-2 if len(b) > 1 else 0]:
        return False
    leading = zip(reversed(a[:-2]), reversed(b[:-2]), strict=False)  # the shorter one is repeated
    return all(n == m or 1 in (n, m) for n, m in leading)
