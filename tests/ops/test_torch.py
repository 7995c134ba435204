"""The same calls in PyTorch: results, first and second gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops
from minicnn.testing import strategies

torch = pytest.importorskip("torch", reason="torch is not installed")
F = torch.nn.functional

pytestmark = pytest.mark.torch


def check(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray) -> None:
    """Compare the results, the gradients of a weighting v of them, and those of the gradients."""
    mine = [mc.Tensor(x, requires_grad=True) for x in arrays]
    other = [torch.tensor(np.ascontiguousarray(x), requires_grad=True) for x in arrays]
    y, z = ours(*mine), theirs(*other)
    compare(y, z)
    rng = np.random.default_rng(0)
    v = mc.Tensor(rng.standard_normal(y.shape), requires_grad=True)
    w = torch.tensor(v.data, requires_grad=True)
    first = mc.grad(y, mine, v, create_graph=True)
    expected = torch.autograd.grad(z, other, w, create_graph=True)
    for a, b in zip(first, expected, strict=True):
        compare(a, b)
    weights = [rng.standard_normal(x.shape) for x in arrays]
    second = mc.grad(first, [*mine, v], weights, allow_unused=True)
    theirs_of = [torch.tensor(weight) for weight in weights]
    options = {"allow_unused": True, "materialize_grads": True}
    for a, b in zip(
        second, torch.autograd.grad(expected, [*other, w], theirs_of, **options), strict=True
    ):
        compare(a, b)


def compare(ours: mc.Tensor, theirs: Any) -> None:
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(
        ours.numpy(), theirs.detach().numpy(force=True), rtol=1e-9, atol=1e-9
    )


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def numeric(options: dict[str, Any]) -> bool:
    """Whether PyTorch takes this padding: numbers, the same on both sides."""
    padding = options["padding"]
    return not isinstance(padding, str) and not (
        isinstance(padding, tuple) and isinstance(padding[0], tuple)
    )


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@given(strategies.conv2d_cases())
def test_conv2d(case: Any) -> None:
    x, weight, bias, options = case
    stride = options["stride"]
    assume(numeric(options) or options["padding"] == "valid" or
           (options["padding"] == "same" and stride in (1, (1, 1))))  # fmt: skip
    arrays = [t.data for t in (x, weight, bias) if t is not None]
    check(lambda *a: ops.conv2d(*a, **options), lambda *a: F.conv2d(*a, **options), *arrays)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [1, (2, 1)])
def test_conv2d_padding_modes(mode: str, padding: Any) -> None:
    layer = torch.nn.Conv2d(2, 3, 3, padding=padding, padding_mode=mode, bias=False).double()

    def theirs(x: Any, weight: Any) -> Any:
        return torch.func.functional_call(layer, {"weight": weight}, (x,))

    ours = lambda x, w: ops.conv2d(x, w, padding=padding, padding_mode=mode)  # noqa: E731
    check(ours, theirs, normal(2, 2, 5, 6), normal(3, 2, 3, 3))


@given(st.data())
def test_conv_transpose2d(data: st.DataObject) -> None:
    def pair(low: int, high: int) -> Any:
        return data.draw(st.tuples(st.integers(low, high), st.integers(low, high)))

    groups, (n, c), (o, _), size, kernel = data.draw(st.integers(1, 2)), *[pair(1, 3)] * 4
    size, kernel, stride, dilation = pair(1, 4), pair(1, 3), pair(1, 3), pair(1, 2)
    extra = tuple(
        data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
    )
    padding = pair(0, 2)
    for i, s, p, d, k, e in zip(size, stride, padding, dilation, kernel, extra, strict=True):
        assume((i - 1) * s - 2 * p + d * (k - 1) + 1 + e >= 1)
    options = {"stride": stride, "padding": padding, "output_padding": extra,
               "groups": groups, "dilation": dilation}  # fmt: skip
    check(
        lambda *a: ops.conv_transpose2d(*a, **options),
        lambda *a: F.conv_transpose2d(*a, **options),
        normal(n, c * groups, *size), normal(c * groups, o, *kernel), normal(o * groups),
    )  # fmt: skip


@given(strategies.pool2d_cases())
def test_max_pool2d(case: Any) -> None:
    x, kernel, options = case
    assume(_pool_of_torch(kernel, options))
    check(
        lambda x: ops.max_pool2d(x, kernel, **options),
        lambda x: F.max_pool2d(x, kernel, **options),
        x.data,
    )
    _, indices = ops.max_pool2d(x, kernel, **options, return_indices=True)
    _, expected = F.max_pool2d(torch.tensor(x.data), kernel, **options, return_indices=True)
    np.testing.assert_array_equal(indices.numpy(), expected.numpy())


@given(strategies.pool2d_cases(distinct=False))
def test_max_pool2d_gives_ties_to_the_same_pixel(case: Any) -> None:
    x, kernel, options = case
    assume(_pool_of_torch(kernel, options))
    _, indices = ops.max_pool2d(x, kernel, **options, return_indices=True)
    _, expected = F.max_pool2d(torch.tensor(x.data), kernel, **options, return_indices=True)
    np.testing.assert_array_equal(indices.numpy(), expected.numpy())


@given(strategies.pool2d_cases(dilation=False), st.booleans(), st.sampled_from([None, 3, -2]))
def test_avg_pool2d(case: Any, include: bool, divisor: int | None) -> None:
    x, kernel, options = case
    assume(_pool_of_torch(kernel, options))
    options = options | {"count_include_pad": include, "divisor_override": divisor}
    check(
        lambda x: ops.avg_pool2d(x, kernel, **options),
        lambda x: F.avg_pool2d(x, kernel, **options),
        x.data,
    )


def _pool_of_torch(kernel: tuple[int, int], options: dict[str, Any]) -> bool:
    """PyTorch pools with symmetric numeric padding of at most half the kernel."""
    padding = options["padding"]
    both = padding if isinstance(padding, tuple) else (padding, padding)
    return numeric(options) and all(2 * p <= k for p, k in zip(both, kernel, strict=True))


@pytest.mark.parametrize("mode", ["zeros", "constant", "reflect", "replicate", "circular"])
@given(sides=st.tuples(*[st.integers(0, 3)] * 4), value=st.floats(-2, 2))
def test_pad2d(mode: str, sides: tuple[int, ...], value: float) -> None:
    top, bottom, left, right = sides
    name = "constant" if mode == "zeros" else mode
    fill = {"constant": value, "zeros": 0.0}.get(mode)
    check(
        lambda x: ops.pad2d(x, ((top, bottom), (left, right)), mode, value),
        lambda x: F.pad(x, (left, right, top, bottom), name, fill),
        normal(2, 2, 4, 5),
    )


@given(strategies.pool2d_cases())
def test_im2col_and_col2im(case: Any) -> None:
    x, kernel, options = case
    del options["ceil_mode"]
    assume(numeric(options))
    columns = F.unfold(torch.tensor(x.data), kernel, **options)
    check(
        lambda x: ops.unfold(x, kernel, **options), lambda x: F.unfold(x, kernel, **options), x.data
    )
    check(
        lambda c: ops.fold(c, x.shape[2:], kernel, **options),
        lambda c: F.fold(c, x.shape[2:], kernel, **options),
        normal(*columns.shape),
    )


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "exp", "abs", "neg", "log", "sqrt"])
def test_elementwise(name: str) -> None:
    x = np.abs(normal(3, 4)) + 0.1 if name in ("log", "sqrt") else 3 * normal(3, 4)
    check(getattr(ops, name), getattr(torch, name), x)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name: str, axis: int) -> None:
    check(
        lambda x: getattr(ops, name)(x, axis), lambda x: getattr(F, name)(x, axis), normal(2, 3, 4)
    )


@pytest.mark.parametrize("axis", [0, 1, (0, 2), (-1, 1), (0, 1, 2)])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("name", ["sum", "mean", "var", "amax", "amin"])
def test_reductions(name: str, axis: Any, keepdim: bool) -> None:
    ours = getattr(ops, name.removeprefix("a"))
    check(
        lambda x: ours(x, axis=axis, keepdim=keepdim),
        lambda x: getattr(torch, name)(x, dim=axis, keepdim=keepdim),
        normal(2, 3, 4),
    )


@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_linear(lead: tuple[int, ...]) -> None:
    check(ops.linear, F.linear, normal(*lead, 3), normal(5, 3), normal(5))


@given(st.data())
def test_cross_entropy(data: st.DataObject) -> None:
    seed, rest = data.draw(st.integers(0, 99)), data.draw(st.sampled_from([(), (2,), (2, 3)]))
    rng = np.random.default_rng(seed)
    reduction = data.draw(st.sampled_from(["mean", "sum", "none"]))
    smoothing = data.draw(st.sampled_from([0.0, 0.1, 1.0]))
    weight = data.draw(st.sampled_from([None, rng.uniform(0.5, 2, 4)]))
    if data.draw(st.booleans()):
        target = np.moveaxis(rng.dirichlet(np.ones(4), (3, *rest)), -1, 1)
        ignored: dict[str, int] = {}
    else:
        target = rng.integers(0, 4, (3, *rest))
        target.flat[0] = 1
        ignored = {"ignore_index": data.draw(st.sampled_from([-100, 0, 2]))}
    options = {"reduction": reduction, "label_smoothing": smoothing, **ignored}
    theirs = {"weight": None if weight is None else torch.tensor(weight)}
    check(
        lambda x: ops.cross_entropy(x, target, weight=weight, **options),
        lambda x: F.cross_entropy(x, torch.tensor(target), **theirs, **options),
        3 * rng.standard_normal((3, 4, *rest)),
    )
