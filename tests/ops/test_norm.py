"""Normalisation: what it remembers, what it is accurate to, and the formulas of the papers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.devices import moved

import minicnn as mc
from minicnn import ops
from minicnn.testing.strategies import in_order

SHAPES = [(6, 3), (4, 3, 5), (2, 3, 4, 5)]
TWO_VALUES = [(2, 3), (2, 3, 1), (1, 3, 1, 2)]


def numbers(*shape: int, dtype: Any = np.float64, scale: float = 1.0) -> np.ndarray:
    return (scale * np.random.default_rng(1).standard_normal(shape)).astype(dtype)


def running(
    channels: int = 3, dtype: Any = np.float64, device: str = "cpu"
) -> tuple[mc.Tensor, mc.Tensor]:
    mean, var = np.linspace(-1, 2, channels), np.linspace(0.5, 3, channels)
    return mc.tensor(mean, dtype, device), mc.tensor(var, dtype, device)


def over_batch(x: np.ndarray) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


# Batch normalisation


@pytest.mark.parametrize("shape", [*SHAPES, *TWO_VALUES])
@pytest.mark.parametrize("momentum", [0, 0.1, 0.75, 1])
def test_running_statistics_move_towards_the_unbiased_ones_of_the_batch(
    device: str, shape: tuple[int, ...], momentum: float
) -> None:
    x, (mean, var) = numbers(*shape), running(device=device)
    before, arrays = [v.numpy().copy() for v in (mean, var)], [mean.data, var.data]
    ops.batch_norm(mc.tensor(x, device=device), mean, var, training=True, momentum=momentum)
    batch = x.mean(over_batch(x)), x.var(over_batch(x), ddof=1)
    for value, old, new in zip((mean, var), before, batch, strict=True):
        np.testing.assert_allclose(value.numpy(), (1 - momentum) * old + momentum * new, rtol=1e-12)
    assert mean.data is arrays[0]  # written in place, where the buffers of a layer are
    assert var.data is arrays[1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_momentum_none_is_the_mean_over_all_batches(device: str, dtype: Any) -> None:
    mean, var = (mc.tensor(np.full(3, 99), dtype, device) for _ in range(2))
    count, batches = mc.tensor(np.array(0), device=device), numbers(4, 5, 3) + 1
    for n, x in enumerate(batches, 1):
        given = mc.tensor(x, dtype, device)
        ops.batch_norm(given, mean, var, training=True, momentum=None, num_batches_tracked=count)
        assert count.numpy() == n
        atol = 4 * np.finfo(dtype).eps
        np.testing.assert_allclose(mean.numpy(), batches[:n].mean((0, 1)), atol=atol)
        variance = batches[:n].var(1, ddof=1).mean(0)
        np.testing.assert_allclose(var.numpy(), variance, atol=atol, rtol=atol)
    ops.batch_norm(given, mean, var, momentum=None, num_batches_tracked=count)
    assert count.numpy() == 4  # evaluation counts nothing


@pytest.mark.parametrize("training", [True, False])
def test_running_statistics_in_a_part_of_a_larger_array(device: str, training: bool) -> None:
    x = mc.tensor(numbers(4, 3, 2, 2), device=device)
    apart = [mc.Tensor(mc.tensor(np.ones((3, 2)), device=device).data[:, 0]) for _ in range(2)]
    plain = [mc.tensor(np.ones(3), device=device) for _ in range(2)]
    y, expected = (ops.batch_norm(x, *stored, training=training) for stored in (apart, plain))
    np.testing.assert_array_equal(y.numpy(), expected.numpy())
    for got, wanted in zip(apart, plain, strict=True):
        np.testing.assert_array_equal(got.numpy(), wanted.numpy())


@pytest.mark.torch
@pytest.mark.parametrize("shape", SHAPES)
def test_running_statistics_move_as_pytorchs(shape: tuple[int, ...], torch: Any) -> None:
    mean, var = running(dtype=np.float32)
    theirs = [torch.tensor(v.numpy().copy()) for v in (mean, var)]
    for step in range(5):
        x = (numbers(*shape) * (step + 1) + step).astype(np.float32)
        ops.batch_norm(mc.Tensor(x), mean, var, training=True, momentum=0.3)
        torch.nn.functional.batch_norm(torch.tensor(x), *theirs, training=True, momentum=0.3)
    for ours, expected in zip((mean, var), theirs, strict=True):
        np.testing.assert_allclose(ours.numpy(), expected.numpy(), rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_batch_gets_mean_0_and_variance_1(device: str, shape: tuple[int, ...]) -> None:
    x = numbers(*shape) * 5 + 3
    for stored in ((None, None), running(device=device)):
        y = ops.batch_norm(mc.tensor(x, device=device), *stored, training=True, eps=1e-12).numpy()
        np.testing.assert_allclose(y.mean(over_batch(x)), 0, atol=1e-12)
        np.testing.assert_allclose(y.var(over_batch(x)), 1, rtol=1e-9)
    without = ops.batch_norm(mc.tensor(x, device=device), None, None, training=False, eps=1e-12)
    np.testing.assert_array_equal(without.numpy(), y)  # nothing is remembered, so the batch's


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("affine", [True, False])
def test_evaluation_uses_the_running_statistics(
    device: str, shape: tuple[int, ...], affine: bool
) -> None:
    x, (mean, var) = numbers(*shape), running(device=device)
    before = [v.numpy().copy() for v in (mean, var)]
    weight, bias = (
        (mc.tensor(numbers(3) + 2, device=device), mc.tensor(numbers(3), device=device))
        if affine
        else (None, None)
    )
    beside = (3, *[1] * (x.ndim - 2))
    m, v = (a.reshape(beside) for a in before)
    w, b = (weight.numpy(), bias.numpy()) if affine else (np.ones(3), np.zeros(3))
    y = ops.batch_norm(mc.tensor(x, device=device), mean, var, weight, bias, eps=0.5)
    expected = (x - m) / np.sqrt(v + 0.5) * w.reshape(beside) + b.reshape(beside)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)
    for value, old in zip((mean, var), before, strict=True):
        np.testing.assert_array_equal(value.numpy(), old)


@pytest.mark.parametrize("training", [True, False])
def test_running_statistics_get_no_gradient(device: str, training: bool) -> None:
    x = mc.tensor(numbers(2, 3, 4, 4), requires_grad=True, device=device)
    stored = [mc.tensor(v, requires_grad=True, device=device) for v in running()]
    y = ops.batch_norm(x, *stored, training=training)
    (y * y * y).sum().backward()
    assert [v.grad for v in stored] == [None, None]
    assert x.grad is not None


def test_what_was_computed_is_safe_from_later_batches(device: str) -> None:
    """The running statistics are written in place; gradients of an earlier call stay right."""
    x = mc.tensor(numbers(2, 3, 4, 4), requires_grad=True, device=device)
    mean, var = running(device=device)
    y = ops.batch_norm(x, mean, var)
    ops.batch_norm(
        mc.tensor(numbers(2, 3, 4, 4, scale=99), device=device), mean, var, training=True
    )
    (gradient,) = mc.grad(y.sum(), x)
    expected = (running()[1].numpy() + 1e-5) ** -0.5
    np.testing.assert_allclose(gradient.numpy()[0, :, 0, 0], expected)


@pytest.mark.parametrize("training", [True, False])
def test_arguments_are_never_written_to(training: bool) -> None:
    x, weight, bias = (mc.Tensor(numbers(*s), requires_grad=True) for s in ((4, 3), (3,), (3,)))
    mean, var = running()
    for value in (x, weight, bias, *(() if training else (mean, var))):
        value.data.flags.writeable = False
    y = ops.batch_norm(x, mean, var, weight, bias, training)
    mc.grad((y * y).sum(), [x, weight, bias], create_graph=True)


@pytest.mark.parametrize("value", [0.0, 7.0, -1e4])
def test_constant_channels_become_0_and_have_gradient_0(device: str, value: float) -> None:
    x = mc.tensor(np.full((4, 3, 2, 2), value, np.float32), requires_grad=True, device=device)
    mean, var = running(dtype=np.float32, device=device)
    y = ops.batch_norm(x, mean, var, training=True, momentum=1)
    (gradient,) = mc.grad((y * y).sum(), x)
    assert not y.numpy().any()
    assert not gradient.numpy().any()
    assert mean.numpy().tolist() == [value] * 3
    assert var.numpy().tolist() == [0] * 3
    assert not ops.layer_norm(x, (2, 2)).numpy().any()


@pytest.mark.parametrize("order", ["batch-last", "C", "strided"])
@pytest.mark.parametrize("shape", [(64, 3, 28, 28), (3, 16, 32, 32)])
def test_float32_is_accurate_far_from_0(device: str, shape: tuple[int, ...], order: str) -> None:
    """The pixels themselves are exact to 5e-4 there, half a step of float32."""
    x = (1e4 + numbers(*shape)).astype(np.float32)
    exact = x.astype(np.float64)
    stored = [mc.tensor(np.zeros(shape[1], np.float32), device=device) for _ in range(2)]
    given = moved(device, mc.Tensor(in_order(x, order)))
    batch = lambda **o: ops.batch_norm(given, *stored, **o).numpy()  # noqa: E731
    layer = ops.layer_norm(given, shape[1:]).numpy()
    for y, axes in ((batch(training=True, momentum=1), (0, 2, 3)), (layer, (1, 2, 3))):
        deviation = exact - exact.mean(axes, keepdims=True)
        expected = deviation / np.sqrt(exact.var(axes, keepdims=True) + 1e-5)
        np.testing.assert_allclose(y, expected, atol=1e-3)
    np.testing.assert_allclose(stored[0].numpy(), exact.mean((0, 2, 3)), atol=6e-4)
    np.testing.assert_allclose(stored[1].numpy(), exact.var((0, 2, 3), ddof=1), rtol=1e-5)
    mean, var = (v.numpy().astype(np.float64).reshape(-1, 1, 1) for v in stored)
    np.testing.assert_allclose(batch(), (exact - mean) / np.sqrt(var + 1e-5), atol=1e-5)


def test_the_gradient_does_not_change_mean_or_scale(device: str) -> None:
    """y does not change when x is shifted or scaled, so the gradient is orthogonal to both."""
    x = mc.tensor(numbers(5, 3, 4, 4) * 7 + 2, requires_grad=True, device=device)
    seed = numbers(5, 3, 4, 4) ** 2
    for norm, axes in (
        (lambda x: ops.batch_norm(x, None, None, eps=1e-14), (0, 2, 3)),
        (lambda x: ops.layer_norm(x, (3, 4, 4), eps=1e-14), (1, 2, 3)),
    ):
        (gradient,) = mc.grad(norm(x), x, seed)
        assert np.abs(gradient.numpy()).max() > 0.01
        np.testing.assert_allclose(gradient.numpy().sum(axes), 0, atol=1e-12)
        np.testing.assert_allclose((gradient.numpy() * x.numpy()).sum(axes), 0, atol=1e-11)


# Layer normalisation


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
@pytest.mark.parametrize("shape", [5, (5,), [4, 5], (3, 4, 5)])
def test_layer_norm(device: str, lead: tuple[int, ...], shape: Any) -> None:
    own = (shape,) if isinstance(shape, int) else tuple(shape)
    x, axes = numbers(*lead, *own) * 3 + 1, tuple(range(-len(own), 0))
    y = ops.layer_norm(mc.tensor(x, device=device), shape, eps=1e-12).numpy()
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axes), 1, rtol=1e-9)
    weight, bias = numbers(*own) + 2, numbers(*own)
    affine = ops.layer_norm(
        mc.tensor(x, device=device),
        shape,
        mc.tensor(weight, device=device),
        mc.tensor(bias, device=device),
        eps=1e-12,
    )
    np.testing.assert_allclose(affine.numpy(), y * weight + bias, rtol=1e-12)


def test_samples_do_not_see_each_other(device: str) -> None:
    x = numbers(3, 4, 5)
    alone = [ops.layer_norm(mc.tensor(row, device=device), (4, 5)).numpy() for row in x]
    np.testing.assert_allclose(
        ops.layer_norm(mc.tensor(x, device=device), (4, 5)).numpy(), alone, rtol=1e-12
    )


def test_one_element_is_its_own_mean(device: str) -> None:
    x = mc.tensor(numbers(3, 1), requires_grad=True, device=device)
    y = ops.layer_norm(x, 1)
    (gradient,) = mc.grad(y.sum(), x)
    assert not y.numpy().any()
    assert not gradient.numpy().any()


# Local response normalisation


def activity(x: np.ndarray, before: int, after: int) -> np.ndarray:
    y = np.zeros_like(x)
    for c in range(x.shape[1]):
        for other in range(max(0, c - before), min(x.shape[1], c + after + 1)):
            y[:, c] += x[:, other] ** 2
    return y


@pytest.mark.parametrize("n", [1, 3, 5, 7])
def test_the_formula_of_the_2012_paper(device: str, n: int) -> None:
    """b = a / (k + alpha · sum of a² from i - n/2 to i + n/2)^beta, alpha not divided by n."""
    a, alpha, beta, k = numbers(2, 8, 3, 3, scale=20), 1e-2, 0.75, 2.0
    expected = a / (k + alpha * activity(a, n // 2, n // 2)) ** beta
    ours = ops.local_response_norm(mc.tensor(a, device=device), n, alpha * n, beta, k)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("size", [2, 4, 6])
def test_even_sizes_see_one_channel_more_in_front(device: str, size: int) -> None:
    x = numbers(2, 8, 3, 3, scale=20)
    expected = x / (1 + 1e-2 / size * activity(x, size // 2, size // 2 - 1)) ** 0.75
    ours = ops.local_response_norm(mc.tensor(x, device=device), size, 1e-2)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_sizes_beyond_the_channels_see_all_of_them(device: str, channels: int) -> None:
    x = mc.tensor(numbers(2, channels, 3, 3), requires_grad=True, device=device)
    for size in (2 * channels + 1, 100):
        y = ops.local_response_norm(x, size, alpha=float(size), beta=1.0)
        total = 1 + (x.numpy() ** 2).sum(1, keepdims=True)
        np.testing.assert_allclose(y.numpy(), x.numpy() / total, rtol=1e-12)
        assert np.isfinite(mc.grad(y.sum(), x)[0].numpy()).all()


@pytest.mark.parametrize("value", [0.0, 1e4, -1e4, 1e15])
def test_local_response_norm_of_extremes(device: str, value: float) -> None:
    x = mc.tensor(np.full((2, 6, 2, 2), value, np.float32), requires_grad=True, device=device)
    y = ops.local_response_norm(x, 5, k=2)
    (gradient,) = mc.grad(y.sum(), x, create_graph=True)
    (second,) = mc.grad(gradient.sum(), x)
    exact = np.float64(value) / (2 + 2e-5 * 5 * np.float64(value) ** 2) ** 0.75
    np.testing.assert_allclose(y.numpy()[:, 2:4], exact, rtol=1e-5)
    assert np.isfinite(gradient.numpy()).all()
    assert np.isfinite(second.numpy()).all()


def test_another_width_names_the_channels_before_the_dtype() -> None:
    x = mc.tensor(np.zeros((2, 16, 3, 3)))  # float64
    weight = mc.tensor(np.ones(6, np.float32))
    message = r"weight has shape \(6,\), expected \(16,\), the channels of x \(2, 16, 3, 3\)"
    with pytest.raises(ValueError, match=message):
        ops.batch_norm(x, None, None, weight, training=True)
    with pytest.raises(TypeError, match="weight is float32 but x is float64"):
        ops.batch_norm(x[:, :6], None, None, weight, training=True)
    with pytest.raises(ValueError, match=r"running_mean has shape \(6,\), expected \(16,\)"):
        mc.nn.BatchNorm2d(6)(x)
