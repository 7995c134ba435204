"""np.seterr(all="raise"): no op raises for what it computes on the way, nor for what rounds to 0.

A result that is infinite or NaN is the user's: then NumPy may raise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.op_cases import CASES, DIFFERENTIABLE

import minicnn as mc
from minicnn import ops

CLASSES = np.array([0, 2])


def results(op: Callable[..., Any], arrays: list[Any]) -> list[Any]:
    """The result and the first and second gradients."""
    inputs = [mc.Tensor(x, requires_grad=True) for x in arrays]
    y = op(*inputs)
    y = ops.concatenate([piece.flatten() for piece in y]) if isinstance(y, tuple) else y
    ones = np.ones(y.shape, y.dtype)
    first = mc.grad(y, inputs, ones, create_graph=True, allow_unused=True)
    linked = [g for g in first if g.requires_grad]
    second = mc.grad(linked, inputs, [g.detach() for g in linked], allow_unused=True)
    return [t.data for t in (y, *first, *(second if linked else ()))]


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(
    data=st.data(),
    scale=st.sampled_from([1e-30, 1e-10, 60.0, 200.0, 1e4]),
    dtype=st.sampled_from(["float32", "float64", "float16"]),
)
def test_every_op(name: str, data: st.DataObject, scale: float, dtype: str) -> None:
    inputs, options = data.draw(CASES[name].calls())
    with np.errstate(all="ignore"):
        if dtype == "float64":
            scale = data.draw(st.sampled_from([scale, scale**10]))
        elif dtype == "float16":  # also for the running variance, which is not a result
            scale = min(scale, 60.0)
        arrays = [(x.data * scale).astype(dtype, order="K") for x in inputs]
        if name == "binary_cross_entropy_with_logits":  # its target is from 0 to 1
            arrays[1] = arrays[1] / max(scale, 1)
        op = partial(CASES[name].op, **options)
        expected = results(op, arrays)
    are_finite = all(np.isfinite(x).all() for x in [*arrays, *expected])
    strictly = {"all": "raise"} if are_finite else {"all": "ignore", "under": "raise"}
    with np.errstate(**strictly):  # type: ignore[arg-type]
        got = results(op, arrays)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [80.0, 200.0, 1e4, 1e30])
@pytest.mark.parametrize(
    "op",
    [
        ops.softmax,
        ops.log_softmax,
        ops.sigmoid,
        ops.softplus,
        ops.silu,
        ops.gelu,
        ops.tanh,
        ops.elu,
        ops.selu,
        partial(ops.cross_entropy, target=CLASSES),
        partial(ops.cross_entropy, target=CLASSES, label_smoothing=0.1),
        partial(ops.hinge_loss, target=CLASSES),
        partial(ops.binary_cross_entropy_with_logits, target=np.eye(3)[:2]),
        partial(ops.huber_loss, target=np.eye(3)[:2]),
    ],
)
def test_large_numbers(op: Callable[..., Any], size: float, dtype: Any) -> None:
    x = np.array([[size, -size, 0.0], [-size, 1e-30, 2 * size]], dtype)
    with np.errstate(all="raise"):
        assert all(np.isfinite(y).all() for y in results(op, [x]))


def test_a_division_by_zero_is_still_told() -> None:
    with np.errstate(all="raise"):
        with pytest.raises(FloatingPointError, match="divide by zero"):
            ops.div(mc.tensor([1.0]), mc.tensor([0.0]))
        with pytest.raises(FloatingPointError, match="divide by zero"):
            ops.log(mc.tensor([0.0]))
        with pytest.raises(FloatingPointError, match="overflow"):
            ops.exp(mc.tensor([1000.0]))


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta"])
def test_a_step_with_tiny_gradients(kind: str) -> None:
    x = mc.tensor(np.float32([1e-30, 1e-44, 0.0]))
    layer = mc.nn.BatchNorm1d(3)
    layer.running_var.data[...] = 1e-44  # type: ignore[union-attr]
    with np.errstate(all="raise"):
        p = mc.Parameter(np.ones(3, np.float32))
        optimizer = getattr(mc.optim, kind)([p], lr=1e-3)
        for _ in range(2):
            (p * x).sum().backward()
            optimizer.step()
            mc.optim.clip_grad_norm([p], 1e-32)
        layer(mc.tensor(np.full((2, 3), 1e-30, np.float32)))
        tiny = mc.Parameter(np.ones(1))
        (tiny * 1e-200).sum().backward()
        mc.optim.clip_grad_norm([tiny], 1.0)
    assert np.isfinite(p.data).all()
