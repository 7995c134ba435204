"""float16: every op against float64 on the same numbers, also where sums and counts are large.

A float16 holds 11 binary digits, integers up to 2048 exactly and nothing above 65504. The ops add
up and count in float32, and round once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.op_cases import CASES, DIFFERENTIABLE

import minicnn as mc
from minicnn import ops
from minicnn.models import lenet5

CALLS = settings.default.max_examples // 3 + 1
PRECISION = 2.0**-11
FACTORS = 8 * PRECISION
"""Of formulas whose steps are rounded one by one."""


def gradients(op: Callable[..., Any], inputs: list[mc.Tensor]) -> tuple[Any, list[Any]]:
    """The result and the gradients of a weighted sum of it."""
    y = op(*inputs)
    y = ops.concatenate([piece.flatten() for piece in y]) if isinstance(y, tuple) else y
    weights = np.random.default_rng(0).standard_normal(y.shape).astype(np.float16)
    weights = mc.Tensor(np.asarray(weights)).to(y.device).to(y.dtype)
    return y, list(mc.grad(y, inputs, weights, allow_unused=True))


def compare(got: mc.Tensor, expected: mc.Tensor, tolerance: float) -> None:
    assert got.dtype == np.float16
    scale = np.abs(expected.data).max(initial=1.0)
    np.testing.assert_allclose(
        got.numpy().astype(float), expected.data, rtol=tolerance, atol=tolerance * scale
    )


def check(op: Callable[..., Any], inputs: list[Any], device: str, tolerance: float) -> None:
    halves = [x.data.astype(np.float16, order="K") for x in inputs]
    ours = [mc.tensor(x, device=device, requires_grad=True) for x in halves]
    exact = [mc.tensor(x.astype(np.float64), requires_grad=True) for x in halves]
    y, grads = gradients(op, ours)
    assert y.device == device or not inputs
    expected, exact_grads = gradients(op, exact)
    for a, b in zip([y, *grads], [expected, *exact_grads], strict=True):
        compare(a, b, tolerance)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@settings(max_examples=CALLS)
@given(data=st.data())
def test_every_op(name: str, device: str, data: st.DataObject) -> None:
    inputs, options = data.draw(CASES[name].calls())
    check(partial(CASES[name].op, **options), inputs, device, FACTORS)


@pytest.mark.parametrize("name", [name for name in CASES if name not in DIFFERENTIABLE])
@settings(max_examples=CALLS)
@given(data=st.data())
def test_a_result_without_gradients(name: str, device: str, data: st.DataObject) -> None:
    inputs, options = data.draw(CASES[name].calls())
    halves = [x.data.astype(np.float16) for x in inputs]
    got = CASES[name].op(*[mc.tensor(x, device=device) for x in halves], **options)
    expected = CASES[name].op(*[mc.Tensor(x.astype(np.float64)) for x in halves], **options)
    np.testing.assert_array_equal(got.numpy(), expected.data)


CLASSES = np.random.default_rng(1).integers(0, 10, 9000)
IMAGES = (128, 1, 28, 28)
LONG: dict[str, tuple[tuple[int, ...] | list[tuple[int, ...]], Callable[..., Any]]] = {
    "sum": ((60, 500), lambda x: ops.sum(x, 1)),
    "sum per channel": ((16, 3, 8, 9), lambda x: ops.sum(x, (0, 2, 3))),
    "sum_to": ((6000, 4), lambda x: ops.sum_to(x, (1, 4))),
    "broadcast_to": ((1, 4), lambda x: ops.broadcast_to(x, (6000, 4))),
    "add": ([(3000, 4), (4,)], ops.add),
    "mean": (IMAGES, ops.mean),
    "mean over axes": (IMAGES, lambda x: ops.mean(x, (0, 2, 3))),
    "var": (IMAGES, ops.var),
    "softmax": ((2, 5000), ops.softmax),
    "log_softmax": ((2, 5000), ops.log_softmax),
    "matmul": ([(2, 5000), (5000, 2)], ops.matmul),
    "linear": ([(2, 5000), (3, 5000), (3,)], ops.linear),
    "einsum": ([(2, 5000), (5000, 2)], lambda a, b: ops.einsum("ij,jk->ik", a, b)),
    "conv2d": ([(2, 64, 9, 9), (2, 64, 9, 9), (2,)], ops.conv2d),
    "conv2d of many": ([(99, 1, 9, 9), (2, 1, 3, 3), (2,)], ops.conv2d),
    "avg_pool2d": ((1, 1, 60, 60), lambda x: ops.avg_pool2d(x, 59, 1)),
    "avg_pool2d's divisor": ((1, 1, 4, 4), lambda x: ops.avg_pool2d(x, 2, divisor_override=1e5)),
    "global_avg_pool2d": ((1, 2, 70, 70), ops.global_avg_pool2d),
    "adaptive_avg_pool2d": ((1, 2, 70, 70), lambda x: ops.adaptive_avg_pool2d(x, 1)),
    "lp_pool2d": ((1, 1, 60, 60), lambda x: ops.lp_pool2d(x, 6, 30)),
    "col2im": ((1, 36 * 36, 25), lambda x: ops.col2im(x, 40, 36)),
    "batch_norm": ((64, 2, 9, 9), lambda x: ops.batch_norm(100 * x, None, None, training=True)),
    "layer_norm": ((2, 9000), lambda x: ops.layer_norm(100 * x, 9000)),
    "local_response_norm": ((1, 9, 2, 2), lambda x: ops.local_response_norm(300 * x, 5)),
    "getitem": ((3,), lambda x: ops.getitem(x, np.zeros(5000, int))),
    "mse_loss": ((9000,), lambda x: ops.mse_loss(300 * x, np.zeros(9000))),
    "l1_loss": ((9000,), lambda x: ops.l1_loss(300 * x, np.zeros(9000))),
    "huber_loss": ((9000,), lambda x: ops.huber_loss(300 * x, np.zeros(9000), delta=200.0)),
    "hinge_loss": ((9000, 10), lambda x: ops.hinge_loss(x, CLASSES)),
    "cross_entropy": ((9000, 10), lambda x: ops.cross_entropy(x, CLASSES)),
    "nll_loss": ((9000, 10), lambda x: ops.nll_loss(x, CLASSES, weight=np.arange(1.0, 11))),
    "binary_cross_entropy_with_logits": (
        (9000,),
        lambda x: ops.binary_cross_entropy_with_logits(x, np.zeros(9000)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_many_elements(name: str) -> None:
    shapes, op = LONG[name]
    rng = np.random.default_rng(0)
    shapes = shapes if isinstance(shapes, list) else [shapes]
    inputs = [mc.Tensor(np.asarray(rng.uniform(0.1, 1.1, shape))) for shape in shapes]
    check(op, inputs, "cpu", 2.5 * PRECISION)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (lambda: ops.mean(ones(128, 1, 28, 28)), 1.0),
        (lambda: ops.mean(mc.tensor(np.float16([40000] * 3))), 40000.0),
        (lambda: ops.mse_loss(ones(128, 1, 28, 28), np.zeros(IMAGES)), 1.0),
        (lambda: ops.var(mc.tensor(np.float16([0, 300])), correction=0), 22500.0),
        (lambda: ops.sum(ones(5000)), 5000.0),
    ],
)
def test_numbers_that_float16_cannot_count(
    result: Callable[[], mc.Tensor], expected: float
) -> None:
    assert result().dtype == np.float16
    assert result().item() == pytest.approx(expected, rel=PRECISION)


def ones(*shape: int) -> mc.Tensor:
    return mc.tensor(np.ones(shape, np.float16))


def test_the_first_argument_by_name() -> None:
    x = mc.tensor(np.float16([300.0, 0.0]))
    assert ops.mse_loss(target=np.zeros(2), input=x, reduction="mean").item() == 44992.0
    with pytest.raises(TypeError, match="mse_loss: input is a float, expected a Tensor"):
        ops.mse_loss(1.0, 2.0)  # type: ignore[arg-type]


def test_dtypes_that_differ_are_still_told() -> None:
    weight = mc.tensor(np.ones((1, 1, 2, 2), np.float32))
    with pytest.raises(TypeError, match="conv2d: weight is float32 but x is float16"):
        ops.conv2d(ones(1, 1, 3, 3), weight)


def trained(dtype: str, optimizer: Any, **options: Any) -> tuple[list[float], mc.nn.Module]:
    mc.manual_seed(0)
    model = lenet5().to(dtype)
    rng = np.random.default_rng(0)
    x = mc.tensor(rng.random((64, 1, 28, 28)).astype(dtype))
    target = rng.integers(0, 10, 64)
    steps = optimizer(model.parameters(), **options)
    losses = []
    for _ in range(5):
        steps.zero_grad()
        loss = ops.cross_entropy(model(x), target)
        loss.backward()
        mc.optim.clip_grad_norm(model.parameters(), 10.0)
        steps.step()
        losses.append(loss.item())
    return losses, model


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (mc.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        (mc.optim.Adam, {}),
        (mc.optim.AdamW, {}),
        (mc.optim.RMSprop, {"lr": 1e-3}),
        (mc.optim.Adagrad, {}),
        (mc.optim.Adadelta, {}),
    ],
)
def test_lenet_learns_as_in_float32(optimizer: Any, options: dict[str, Any]) -> None:
    half, model = trained("float16", optimizer, **options)
    single, _ = trained("float32", optimizer, **options)
    np.testing.assert_allclose(half, single, rtol=0.02)
    for parameter in model.parameters():
        assert parameter.dtype == np.float16
        assert np.isfinite(parameter.data).all()


def test_the_state_of_an_optimizer_is_float32() -> None:
    p = mc.Parameter(np.ones(3, np.float16))
    optimizer = mc.optim.Adam([p])
    (p * mc.tensor(np.float16([1e-4, 1.0, 0.0]))).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(p.data, np.float16([0.999, 0.999, 1.0]), atol=1e-3)
    state = optimizer.state_dict()
    assert state["state"][0]["exp_avg_sq"].dtype == np.float32
    other = mc.optim.Adam([mc.Parameter(np.ones(3, np.float16))])
    other.load_state_dict(state)
    np.testing.assert_array_equal(
        other.state_dict()["state"][0]["exp_avg_sq"], state["state"][0]["exp_avg_sq"]
    )


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x: x / 70000, 1e-3 / 70000),
        (lambda x: x * 70000, 70.0),
        (lambda x: 70000 * x, 70.0),
        (lambda x: (x / 1e-8) * 1e-8, np.inf),  # the first result does not fit
        (lambda x: x * np.float64(70000), 70.0),
        (lambda x: 1e-7 / x, 1e-4),
    ],
)
def test_numbers_that_do_not_fit_into_float16(call, expected):
    x = mc.tensor(np.array([1e-3], np.float16), requires_grad=True)
    with np.errstate(over="ignore"):  # the gradient 70000 is infinite in float16
        y = call(x)
        y.backward()
    assert (y.dtype, x.grad.dtype) == (np.float16, np.float16)
    np.testing.assert_allclose(y.numpy(), [expected], rtol=2e-3, atol=1e-7)


def test_a_mean_by_hand():
    x = mc.tensor(np.full((300, 300), 0.05, np.float16))
    assert ((x**2).sum() / 90000).item() == pytest.approx(0.0025, rel=2e-3)
