"""Arithmetic and activations."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from .case import Array, Call, Draw, F, OpCase, axis_of, binary, numbers, shape_of, torch, unary

POSITIVE = (0.1, 3)


def power(draw: Draw) -> Call:
    """A tensor to the power of a tensor or of a number."""
    if draw(st.booleans()):
        return binary(POSITIVE)(draw)
    return unary(POSITIVE, exponent=[0, 1, 2, 3, -1, 0.5, -1.5, 2.0, True])(draw)


def along_an_axis(draw: Draw) -> Call:
    shape = shape_of(draw, 1)
    return [numbers(draw, shape, (-5, 5))], {"axis": axis_of(draw, shape)}


def elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(x))


def gelu(x: Array, approximate: str) -> Array:
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    erf = np.vectorize(math.erf, otypes=[float])
    return x * (1 + (np.tanh(inner) if approximate == "tanh" else erf(x / math.sqrt(2)))) / 2


def softmax(x: Array, axis: int) -> Array:
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


CASES = [
    OpCase("abs", unary(), np.abs, torch.abs),
    OpCase("add", binary(), np.add, torch.add),
    OpCase("div", binary((0.5, 3)), np.divide, torch.div),
    OpCase("exp", unary(), np.exp, torch.exp),
    OpCase("log", unary(POSITIVE), np.log, torch.log),
    OpCase("mul", binary(), np.multiply, torch.mul),
    OpCase("neg", unary(), np.negative, torch.neg),
    OpCase("pow", power, lambda x, exponent: x**exponent, torch.pow),
    OpCase("sqrt", unary(POSITIVE), np.sqrt, torch.sqrt),
    OpCase("sub", binary(), np.subtract, torch.sub),
    # activations
    OpCase("elu", unary(alpha=[0.7, 1.0, 1.5]), elu, F.elu),
    OpCase("gelu", unary(approximate=["none", "tanh"]), gelu, F.gelu),
    OpCase(
        "hardtanh",
        unary(min_val=[-1.0, -0.5], max_val=[1.0, 2.0]),
        lambda x, min_val, max_val: np.clip(x, min_val, max_val),
        F.hardtanh,
    ),
    OpCase(
        "leaky_relu",
        unary(negative_slope=[0.01, 0.2]),
        lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
        F.leaky_relu,
    ),
    OpCase(
        "log_softmax",
        along_an_axis,
        lambda x, axis: np.log(softmax(x, axis)),
        lambda x, axis: F.log_softmax(x, dim=axis),
    ),
    OpCase("relu", unary(), lambda x: np.maximum(x, 0), F.relu),
    OpCase(
        "scaled_tanh",
        unary(),
        lambda x: 1.7159 * np.tanh(2 * x / 3),
        lambda x: 1.7159 * torch.tanh(x * 2 / 3),
    ),
    OpCase(
        "selu",
        unary(),
        lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
        F.selu,
    ),
    OpCase("sigmoid", unary(), lambda x: 1 / (1 + np.exp(-x)), torch.sigmoid),
    OpCase("silu", unary(), lambda x: x / (1 + np.exp(-x)), F.silu),
    OpCase("softmax", along_an_axis, softmax, lambda x, axis: F.softmax(x, dim=axis)),
    OpCase(
        "softplus",
        unary(beta=[1.0, 2.0]),
        lambda x, beta: np.log(1 + np.exp(beta * x)) / beta,
        F.softplus,
    ),
    OpCase("tanh", unary(), np.tanh, torch.tanh),
]
