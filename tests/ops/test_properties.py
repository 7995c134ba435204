"""Relations between ops, beyond gradients: linearity, adjoints, symmetry, covariance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.devices import moved

import minicnn as mc
from minicnn import ops
from minicnn.backend.geometry import make_window, pixel_counts
from minicnn.testing import strategies

Array = NDArray[Any]
CONVOLUTIONS = strategies.conv2d_cases(min_batch=0)
IMAGES = strategies.images(min_batch=0)


def like(x: mc.Tensor, seed: int = 0) -> mc.Tensor:
    return mc.tensor(np.random.default_rng(seed).standard_normal(x.shape), device=x.device)


def inner(a: mc.Tensor, b: mc.Tensor) -> float:
    return float(np.sum(a.numpy() * b.numpy()))


def same(a: mc.Tensor, b: mc.Tensor) -> None:
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-9)


@given(CONVOLUTIONS, st.floats(-3, 3))
def test_convolution_is_linear_in_the_image_and_in_the_weight(
    device: str, case: Any, a: float
) -> None:
    x, weight, _, options = moved(device, case)
    other, another = like(x), like(weight)
    conv = lambda x, w: ops.conv2d(x, w, **options)  # noqa: E731
    same(conv(x * a + other, weight), conv(x, weight) * a + conv(other, weight))
    same(conv(x, weight * a + another), conv(x, weight) * a + conv(x, another))


@given(CONVOLUTIONS)
def test_conv_transpose2d_is_the_adjoint_of_conv2d(device: str, case: Any) -> None:
    """<conv(x), y> = <x, conv_T(y)> for every stride, padding, dilation and number of groups."""
    x, weight, _, options = moved(device, case)
    window = make_window("conv2d", x.shape[2:], weight.shape[2:],
                   **{k: v for k, v in options.items() if k != "groups"})  # fmt: skip
    y = like(ops.conv2d(x, weight, **options))
    lost = [
        n - ((o - 1) * s - before - after + d * (k - 1) + 1)
        for n, o, s, (before, after), d, k in zip(
            x.shape[2:], window.output_size, window.stride, window.padding,
            window.dilation, window.kernel_size, strict=True,
        )
    ]  # fmt: skip
    assume(
        all(
            0 <= e < max(s, d) for e, s, d in zip(lost, window.stride, window.dilation, strict=True)
        )
    )
    back = ops.conv_transpose2d(
        y,
        weight,
        None,
        window.stride,
        window.padding,
        tuple(lost),
        options["groups"],
        window.dilation,
    )
    assert back.shape == x.shape
    np.testing.assert_allclose(
        inner(ops.conv2d(x, weight, **options), y), inner(x, back), rtol=1e-9, atol=1e-9
    )


@given(strategies.pool2d_cases(min_batch=0))
def test_col2im_is_the_adjoint_of_im2col(device: str, case: Any) -> None:
    x, kernel, options = moved(device, case)
    del options["ceil_mode"]
    columns = ops.im2col(x, kernel, **options)
    y = like(columns)
    back = ops.col2im(y, x.shape[2:], kernel, **options)
    np.testing.assert_allclose(inner(columns, y), inner(x, back), rtol=1e-9, atol=1e-9)


@given(CONVOLUTIONS)
def test_convolution_is_a_matrix_product_of_columns(device: str, case: Any) -> None:
    x, weight, _, options = moved(device, case)
    assume(options.pop("groups") == 1)
    y = ops.conv2d(x, weight, **options)
    columns = ops.unfold(x, weight.shape[2:], **options)
    same(y.reshape(*y.shape[:2], y.shape[2] * y.shape[3]), weight.flatten(1) @ columns)


@given(CONVOLUTIONS)
def test_groups_are_convolutions_side_by_side(device: str, case: Any) -> None:
    x, weight, bias, options = moved(device, case)
    groups = options.pop("groups")
    parts = zip(
        ops.split(x, x.shape[1] // groups, 1), ops.split(weight, len(weight) // groups), strict=True
    )
    separate = ops.concatenate([ops.conv2d(a, w, **options) for a, w in parts], 1)
    separate = separate if bias is None else separate + bias.reshape(1, -1, 1, 1)
    same(ops.conv2d(x, weight, bias, **options, groups=groups), separate)


@given(CONVOLUTIONS)
def test_dilation_is_a_kernel_with_holes(device: str, case: Any) -> None:
    x, weight, _, options = moved(device, case)
    d = options.pop("dilation")
    o, c, kh, kw = weight.shape
    holes = np.zeros((o, c, d * (kh - 1) + 1, d * (kw - 1) + 1))
    holes[:, :, ::d, ::d] = weight.numpy()
    same(
        ops.conv2d(x, weight, **options, dilation=d),
        ops.conv2d(x, mc.tensor(holes, device=device), **options),
    )


@given(strategies.pool2d_cases(min_batch=0))
def test_minimum_pooling_is_the_mirror_image_of_maximum_pooling(device: str, case: Any) -> None:
    x, kernel, options = moved(device, case)
    y, indices = ops.min_pool2d(x, kernel, **options, return_indices=True)
    mirrored, its_indices = ops.max_pool2d(-x, kernel, **options, return_indices=True)
    np.testing.assert_array_equal(y.numpy(), -mirrored.numpy())
    np.testing.assert_array_equal(indices.numpy(), its_indices.numpy())
    v = like(y)
    (ours,), (theirs,) = mc.grad(y, x, v), mc.grad(-mirrored, x, v)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@given(strategies.images(), st.integers(1, 3), st.integers(1, 3))
def test_average_pooling_keeps_the_mean_when_windows_tile(
    device: str, x: mc.Tensor, kh: int, kw: int
) -> None:
    x = moved(device, x)
    tiled = mc.tensor(np.tile(x.numpy(), (1, 1, kh, kw)), device=device)
    pooled = ops.avg_pool2d(tiled, (kh, kw))
    np.testing.assert_allclose(pooled.numpy().mean((2, 3)), tiled.numpy().mean((2, 3)), atol=1e-12)


@pytest.mark.parametrize("keepdim", [False, True])
@given(IMAGES)
def test_global_pooling_is_one_window_and_one_region(
    device: str, keepdim: bool, x: mc.Tensor
) -> None:
    x = moved(device, x)
    size = x.shape[2:]
    shape = (*x.shape[:2], 1, 1) if keepdim else x.shape[:2]
    for whole, windowed in (
        (ops.global_max_pool2d, ops.max_pool2d(x, size)),
        (ops.global_min_pool2d, ops.min_pool2d(x, size)),
        (ops.global_avg_pool2d, ops.avg_pool2d(x, size)),
        (ops.global_max_pool2d, ops.adaptive_max_pool2d(x, 1)),
        (ops.global_avg_pool2d, ops.adaptive_avg_pool2d(x, 1)),
    ):
        y = whole(x, keepdim)
        same(y, windowed.reshape(*shape))
        v = like(y)
        (ours,) = mc.grad(y, x, v)
        (theirs,) = mc.grad(windowed, x, v.reshape(*windowed.shape))
        same(ours, theirs)


@given(strategies.images(distinct=False))
def test_global_pools_give_ties_to_the_same_pixel_as_windows(device: str, x: mc.Tensor) -> None:
    x = moved(device, x)
    for whole, windowed in (
        (ops.global_max_pool2d, ops.max_pool2d),
        (ops.global_min_pool2d, ops.min_pool2d),
    ):
        (ours,) = mc.grad(whole(x).sum(), x)
        (theirs,) = mc.grad(windowed(x, x.shape[2:]).sum(), x)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("mode", ["zeros", "constant", "reflect", "replicate", "circular"])
@given(x=IMAGES, padding=st.tuples(*[st.integers(0, 4)] * 4))
def test_padding_then_cropping_is_the_identity(
    device: str, mode: str, x: mc.Tensor, padding: tuple[int, ...]
) -> None:
    x = moved(device, x)
    most = [n - 1 if mode == "reflect" else n for n in x.shape[2:]]
    top, bottom = (min(p, most[0]) for p in padding[:2])
    left, right = (min(p, most[1]) for p in padding[2:])
    padded = ops.pad2d(x, ((top, bottom), (left, right)), mode, 7.0)
    back = ops.pad2d(padded, ((-top, -bottom), (-left, -right)))
    np.testing.assert_array_equal(back.numpy(), x.numpy())


@given(strategies.images(), st.integers(0, 7), st.integers(0, 7), st.data())
def test_circular_convolution_commutes_with_translation(
    device: str, x: mc.Tensor, down: int, right: int, data: st.DataObject
) -> None:
    """Shifting the image shifts the result: the symmetry that makes it a convolution."""
    x = moved(device, x)
    kernel = [data.draw(st.sampled_from([k for k in (1, 3) if k // 2 <= n])) for n in x.shape[2:]]
    weight = mc.tensor(
        np.random.default_rng(0).standard_normal((2, x.shape[1], *kernel)), device=device
    )
    conv = lambda x: ops.conv2d(x, weight, padding="same", padding_mode="circular")  # noqa: E731
    shift = lambda x: mc.tensor(np.roll(x.numpy(), (down, right), (2, 3)), device=device)  # noqa: E731
    same(conv(shift(x)), shift(conv(x)))


@given(strategies.pool2d_cases(dilation=False))
def test_pools_of_a_constant_are_that_constant(device: str, case: Any) -> None:
    x, kernel, options = moved(device, case)
    flat = mc.tensor(np.full(x.shape, 2.5), device=device)
    assert (ops.max_pool2d(flat, kernel, **options).numpy() == 2.5).all()
    assert (ops.min_pool2d(flat, kernel, **options).numpy() == 2.5).all()
    mean = ops.avg_pool2d(flat, kernel, **options, count_include_pad=False)
    np.testing.assert_allclose(mean.numpy(), 2.5, rtol=1e-12)


@given(strategies.pool2d_cases())
def test_the_mean_lies_between_the_extremes(device: str, case: Any) -> None:
    x, kernel, options = moved(device, case)
    assume(options.pop("dilation") == 1)
    mean = ops.avg_pool2d(x, kernel, **options, count_include_pad=False).numpy()
    assert (mean >= ops.min_pool2d(x, kernel, **options).numpy() - 1e-9).all()
    assert (mean <= ops.max_pool2d(x, kernel, **options).numpy() + 1e-9).all()


@given(strategies.pool2d_cases(dilation=False, ceil_mode=False))
def test_a_large_p_norm_tends_to_the_maximum(device: str, case: Any) -> None:
    x, kernel, options = moved(device, case)
    x = mc.tensor(np.abs(x.numpy()) + 1, device=device)
    (rows, columns) = pixel_counts(make_window("test", x.shape[2:], kernel, **options))
    y = ops.lp_pool2d(x, 64, kernel, **options).numpy()
    largest = ops.max_pool2d(x, kernel, **options).numpy()
    assert (y >= largest * (1 - 1e-12)).all()
    assert (y <= largest * (max(rows) * max(columns)) ** (1 / 64) * (1 + 1e-12)).all()


@given(strategies.pool2d_cases(dilation=False))
def test_unpooling_is_undone_by_pooling_where_windows_tile(device: str, case: Any) -> None:
    x = mc.tensor(np.abs(case.x.numpy()) + 0.5, device=device)
    kernel = tuple(min(k, n) for k, n in zip(case.kernel_size, x.shape[2:], strict=True))
    y, indices = ops.max_pool2d(x, kernel, return_indices=True)
    back = ops.max_unpool2d(y, indices, kernel, output_size=x.shape[2:])
    same(ops.max_pool2d(back, kernel), y)
    winners = back.numpy() != 0
    np.testing.assert_array_equal(back.numpy()[winners], x.numpy()[winners])


@given(st.integers(2, 5), st.integers(1, 4), st.lists(st.integers(1, 3), max_size=2))
def test_batch_norm_standardises(device: str, n: int, c: int, rest: list[int]) -> None:
    x = mc.tensor(5 + 3 * np.random.default_rng(0).standard_normal((n, c, *rest)), device=device)
    y = ops.batch_norm(x, None, None, training=True, eps=1e-12).numpy()
    axes = (0, *range(2, x.ndim))
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axes), 1, atol=1e-9)


@given(IMAGES, st.integers(1, 7))
def test_response_normalisation_without_weight_on_neighbours_divides_by_k(
    device: str, x: mc.Tensor, size: int
) -> None:
    x = moved(device, x)
    same(ops.local_response_norm(x, size, alpha=0.0, beta=2.0, k=2.0), x / 4.0)
