"""Every op of ``minicnn.ops.__all__`` against an oracle, with first and second gradients.

CASES is a table op -> case, a part of which is in tests/support/*_cases.py. A case draws the inputs
of a call; the tests compare it with its oracle, in float32 too, and check its gradients and theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support import image_cases, layer_cases, loss_cases, tensor_cases
from support.devices import moved
from support.image_cases import numbers

import minicnn as mc
from minicnn import ops
from minicnn.testing import gradcheck, gradgradcheck

Array = NDArray[Any]


Draw = st.DrawFn
Range = tuple[float, float]
Case = tuple[list[mc.Tensor], Callable[..., mc.Tensor], Callable[..., Any]]


def shapes(least: int = 0, most: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(1, 4), min_size=least, max_size=most).map(tuple)


def unary(op: Any, oracle: Any, within: Range = (-2, 2)) -> Callable[[Draw], Case]:
    return lambda draw: ([numbers(draw, draw(shapes()), within)], op, oracle)


def binary(op: Any, oracle: Any, within: Range = (-2, 2)) -> Callable[[Draw], Case]:
    """Two shapes that broadcast: axes of length 1 and missing leading axes."""

    def case(draw: Draw) -> Case:
        full = draw(shapes())
        a, b = (
            tuple(1 if draw(st.booleans()) else n for n in full)[draw(st.integers(0, len(full))) :]
            for _ in range(2)
        )
        return ([numbers(draw, a, within), numbers(draw, b, within)], op, oracle)

    return case


def reduction(name: str, oracle: Any, least: int = 1) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        shape = draw(shapes(1))
        axes = draw(st.lists(st.integers(0, len(shape) - 1), unique=True, min_size=1))
        axes = [a - len(shape) if draw(st.booleans()) else a for a in axes]
        axis = draw(st.sampled_from([None, axes[0], tuple(axes)]))
        keep = draw(st.booleans())
        count = math.prod(
            np.array(shape)[list(axes if isinstance(axis, tuple) else [axis])]
            if axis is not None
            else shape
        )
        if count < least:
            shape, axis = (*shape, 2), None
        op = getattr(ops, name)
        return (
            [numbers(draw, shape)],
            lambda x: op(x, axis=axis, keepdim=keep),
            lambda x: oracle(x, axis=axis, keepdims=keep),
        )

    return case


def matmul(draw: Draw) -> Case:
    n, k, m = draw(st.tuples(*[st.integers(1, 3)] * 3))
    lead = draw(st.sampled_from([((), ()), ((2,), (2,)), ((2,), (1,)), ((), (3,)), ((2, 1), (3,))]))
    a, b = (*lead[0], n, k), (*lead[1], k, m)
    a = draw(st.sampled_from([a, (k,)]))
    b = draw(st.sampled_from([b, (k,)]))
    return ([numbers(draw, a), numbers(draw, b)], ops.matmul, np.matmul)


def with_argument(
    name: str, make: Callable[[Draw, tuple[int, ...]], Any], oracle: Any, least: int = 0
) -> Callable[[Draw], Case]:
    """An op of one tensor and something drawn for its shape."""

    def case(draw: Draw) -> Case:
        shape = draw(shapes(least))
        argument, op = make(draw, shape), getattr(ops, name)
        return ([numbers(draw, shape)], lambda x: op(x, *argument), lambda x: oracle(x, *argument))

    return case


def new_shape(draw: Draw, shape: tuple[int, ...]) -> tuple[Any, ...]:
    size = math.prod(shape)
    divisor = draw(st.sampled_from([d for d in range(1, size + 1) if size % d == 0]))
    return draw(
        st.sampled_from([((-1, divisor),), (size // divisor, divisor), (size,), ([size, 1],)])
    )


def index(draw: Draw, shape: tuple[int, ...]) -> tuple[Any]:
    n = shape[0]
    entries = st.integers(-n, n - 1)
    kinds: list[Any] = [
        entries, st.lists(entries, min_size=1, max_size=5).map(np.array), st.slices(n),
        st.just(...), st.just((None, ...)), st.tuples(st.slices(n), st.just(...)),
        st.just(np.arange(n) % 2 == 0), st.lists(entries, min_size=1, max_size=3),
    ]  # fmt: skip
    return (draw(st.one_of(kinds)),)


def broadcast(draw: Draw, shape: tuple[int, ...]) -> tuple[Any]:
    larger = tuple(draw(st.integers(1, 3)) if n == 1 else n for n in shape)
    return ((*draw(shapes(0, 2)), *larger),)


def smaller(draw: Draw, shape: tuple[int, ...]) -> tuple[Any]:
    kept = tuple(1 if draw(st.booleans()) else n for n in shape)
    return (kept[draw(st.integers(0, len(shape))) :],)


def first_axis(draw: Draw, shape: tuple[int, ...]) -> tuple[int]:
    return (draw(st.integers(-len(shape), len(shape) - 1)),)


def two_axes(draw: Draw, shape: tuple[int, ...]) -> tuple[int, int]:
    return first_axis(draw, shape) + first_axis(draw, shape)


def axes_in_any_order(draw: Draw, shape: tuple[int, ...]) -> list[int]:
    n = len(shape)
    return [axis - draw(st.sampled_from([0, n])) for axis in draw(st.permutations(range(n)))]


def flatten(x: Array, start: int) -> Array:
    return x.reshape(*x.shape[: start % x.ndim], -1)


def sum_to(x: Array, shape: tuple[int, ...]) -> Array:
    total = np.zeros(shape)
    for position in np.ndindex(*x.shape):
        tail = position[x.ndim - len(shape) :]
        total[tuple(0 if n == 1 else i for i, n in zip(tail, shape, strict=True))] += x[position]
    return total


def linear(draw: Draw) -> Case:
    lead, i, o = draw(shapes(0, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    inputs = [numbers(draw, (*lead, i)), numbers(draw, (o, i)), numbers(draw, (o,))]
    return (inputs[: draw(st.integers(2, 3))], ops.linear, lambda x, w, b=0: x @ w.T + b)


def softmax(op: Any, after: Any) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        shape = draw(shapes(1))
        axis = draw(st.integers(-len(shape), len(shape) - 1))
        return (
            [numbers(draw, shape, (-5, 5))],
            lambda x: op(x, axis),
            lambda x: after(np.exp(x) / np.exp(x).sum(axis, keepdims=True)),
        )

    return case


def elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(x))


def gelu(draw: Draw) -> Case:
    form = draw(st.sampled_from(["none", "tanh"]))
    u = lambda x: math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)  # noqa: E731
    gates = {
        "none": lambda x: np.vectorize(math.erf)(x / math.sqrt(2)),
        "tanh": lambda x: np.tanh(u(x)),
    }
    return unary(lambda x: ops.gelu(x, form), lambda x: x * (1 + gates[form](x)) / 2)(draw)


def power(draw: Draw) -> Case:
    p = draw(st.sampled_from([0, 1, 2, 3, -1, 0.5, -1.5, 2.0, True]))
    return draw(
        st.sampled_from(
            [
                binary(ops.pow, np.power, (0.1, 2)),
                unary(lambda x: ops.pow(x, p), lambda x: x**p, (0.1, 2)),
            ]
        )
    )(draw)


CASES: dict[str, Callable[[Draw], Case]] = {
    **image_cases.CASES,
    **layer_cases.CASES,
    **loss_cases.CASES,
    **tensor_cases.CASES,
    "abs": unary(ops.abs, np.abs),
    "add": binary(ops.add, np.add),
    "clip": unary(lambda x: ops.clip(x, -1, 1), lambda x: np.clip(x, -1, 1)),
    "div": binary(ops.div, np.divide, (0.5, 2)),
    "exp": unary(ops.exp, np.exp),
    "log": unary(ops.log, np.log, (0.1, 3)),
    "matmul": matmul,
    "mul": binary(ops.mul, np.multiply),
    "neg": unary(ops.neg, np.negative),
    "pow": power,
    "sqrt": unary(ops.sqrt, np.sqrt, (0.1, 3)),
    "sub": binary(ops.sub, np.subtract),
    "broadcast_to": with_argument("broadcast_to", broadcast, np.broadcast_to),
    "flatten": with_argument("flatten", first_axis, flatten, 1),
    "getitem": with_argument("getitem", index, lambda x, i: x[i], 1),
    "permute": with_argument("permute", axes_in_any_order, lambda x, *axes: x.transpose(axes)),
    "reshape": with_argument("reshape", new_shape, lambda x, *s: x.reshape(*s)),
    "sum_to": with_argument("sum_to", smaller, sum_to),
    "transpose": with_argument("transpose", two_axes, np.swapaxes, 1),
    "max": reduction("max", np.max),
    "mean": reduction("mean", np.mean),
    "min": reduction("min", np.min),
    "sum": reduction("sum", np.sum),
    "var": reduction("var", lambda x, **options: np.var(x, ddof=1, **options), least=2),
    "linear": linear,
    "elu": unary(lambda x: ops.elu(x, 1.5), lambda x: elu(x, 1.5)),
    "gelu": gelu,
    "hardtanh": unary(ops.hardtanh, lambda x: np.clip(x, -1, 1)),
    "leaky_relu": unary(lambda x: ops.leaky_relu(x, 0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
    "log_softmax": softmax(ops.log_softmax, np.log),
    "relu": unary(ops.relu, lambda x: np.maximum(x, 0)),
    "scaled_tanh": unary(ops.scaled_tanh, lambda x: 1.7159 * np.tanh(2 * x / 3)),
    "selu": unary(ops.selu, lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772)),
    "sigmoid": unary(ops.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "silu": unary(ops.silu, lambda x: x / (1 + np.exp(-x))),
    "softmax": softmax(ops.softmax, lambda p: p),
    "softplus": unary(lambda x: ops.softplus(x, 2), lambda x: np.log(1 + np.exp(2 * x)) / 2),
    "tanh": unary(ops.tanh, np.tanh),
}  # fmt: skip
ALIASES = {"fold": "col2im", "unfold": "im2col"}
NOT_DIFFERENTIABLE = {
    "accuracy",
    "one_hot",
    "topk_accuracy",
    "argmax",
    "argmin",
}  # tested in test_metric.py, test_reduce.py


def test_every_op_has_a_case() -> None:
    assert sorted({*CASES, *ALIASES, *NOT_DIFFERENTIABLE}) == sorted(ops.__all__)
    for alias, name in ALIASES.items():
        assert getattr(ops, alias) is getattr(ops, name)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_forward(name: str, device: str, data: st.DataObject) -> None:
    inputs, op, oracle = data.draw(st.composite(CASES[name])())
    before = [x.data.copy() for x in inputs]
    expected = np.asarray(oracle(*[x.data for x in inputs]))
    for dtype, tolerance in (("float64", 1e-10), ("float32", 1e-4)):
        got = op(*[mc.Tensor(x.data.astype(dtype, order="K")).to(device) for x in inputs])
        assert (got.dtype, got.shape, got.device) == (dtype, expected.shape, device)
        np.testing.assert_allclose(got.numpy(), expected, rtol=tolerance, atol=tolerance)
        assert not got.requires_grad
    for x, copy in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x.data, copy)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_gradients(name: str, device: str, data: st.DataObject) -> None:
    inputs, op, _ = data.draw(st.composite(CASES[name])())
    inputs = [moved(device, x) for x in inputs]
    constant = data.draw(st.integers(-3, len(inputs) - 1))
    if len(inputs) > 1 and constant >= 0:  # not every input has to require a gradient
        inputs[constant] = inputs[constant].detach()
    assert gradcheck(op, inputs, atol=1e-4)
    assert gradgradcheck(op, inputs, atol=1e-3)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_gradients_are_where_the_inputs_are(name: str, device: str, data: st.DataObject) -> None:
    inputs, op, _ = data.draw(st.composite(CASES[name])())
    inputs = [moved(device, x) for x in inputs]
    free = [x for x in inputs if x.requires_grad]
    for gradient in mc.grad(op(*inputs).sum(), free, allow_unused=True):
        assert gradient.device == device
