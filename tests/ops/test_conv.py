"""Convolution beyond its loops: what it is the adjoint of, linearity, padding forms and modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.devices import moved

import minicnn as mc
from minicnn import ops
from minicnn.backend import geometry
from minicnn.backend.vectorised import convolution
from minicnn.testing import gradcheck, gradgradcheck, strategies

close = np.testing.assert_allclose


def dot(a: mc.Tensor, b: mc.Tensor) -> float:
    return (a * b).sum().item()


def normal(*shape: int, seed: int = 0, **options: Any) -> mc.Tensor:
    return mc.tensor(np.random.default_rng(seed).standard_normal(shape), **options)


@given(strategies.conv2d_cases(), st.integers(0, 99))
def test_conv_transpose2d_is_the_adjoint_of_conv2d(device: str, case: Any, seed: int) -> None:
    """<conv(a), b> = <a, conv_transpose(b)>, with the rows that a stride rounds away restored."""
    x, weight, _, options = moved(device, case)
    y = ops.conv2d(x, weight, **options)
    b = normal(*y.shape, seed=seed, device=device)
    transposed = options | {"padding": _sides(x, y, weight, options)}
    stride = options["stride"]
    missing = _rounded_away(x, y, weight, transposed)
    limits = [
        max(s, options["dilation"])
        for s in (stride if isinstance(stride, tuple) else (stride,) * 2)
    ]
    if any(m >= limit for m, limit in zip(missing, limits, strict=True)):
        with pytest.raises(ValueError, match="output_padding .* must be smaller than stride"):
            ops.conv_transpose2d(b, weight, **transposed, output_padding=missing)
        return
    a = ops.conv_transpose2d(b, weight, **transposed, output_padding=missing)
    assert a.shape == x.shape
    close(dot(y, b), dot(x, a), rtol=1e-9, atol=1e-9)


def _rounded_away(
    x: mc.Tensor, y: mc.Tensor, weight: mc.Tensor, options: dict[str, Any]
) -> tuple[int, int]:
    """The rows and columns of x that conv_transpose2d returns only with output_padding."""
    stride = options["stride"]
    missing = []
    for axis in (0, 1):
        step = stride[axis] if isinstance(stride, tuple) else stride
        before, after = geometry.sides(options["padding"])[axis]
        span = options["dilation"] * (weight.shape[2 + axis] - 1) + 1
        without = (y.shape[2 + axis] - 1) * step - before - after + span
        missing.append(x.shape[2 + axis] - without)
    return missing[0], missing[1]


def _sides(x: mc.Tensor, y: mc.Tensor, weight: mc.Tensor, options: dict[str, Any]) -> Any:
    """The padding as numbers, since conv_transpose2d does not take strings."""
    if options["padding"] == "valid":
        return 0
    if options["padding"] != "same":
        return options["padding"]
    stride = options["stride"]
    strides = stride if isinstance(stride, tuple) else (stride, stride)
    totals = [
        max((o - 1) * s + options["dilation"] * (k - 1) + 1 - i, 0)
        for i, o, s, k in zip(x.shape[2:], y.shape[2:], strides, weight.shape[2:], strict=True)
    ]
    return tuple((t // 2, t - t // 2) for t in totals)


@given(strategies.conv2d_cases())
def test_conv2d_is_linear_in_each_argument(device: str, case: Any) -> None:
    x, weight, _, options = moved(device, case)
    x2, w2 = normal(*x.shape, seed=1, device=device), normal(*weight.shape, seed=2, device=device)
    conv = lambda a, b: ops.conv2d(a, b, **options).numpy()  # noqa: E731
    close(conv(x + x2 * 3, weight), conv(x, weight) + 3 * conv(x2, weight), atol=1e-9)
    close(conv(x, weight + w2 * 3), conv(x, weight) + 3 * conv(x, w2), atol=1e-9)


@given(strategies.conv2d_cases())
def test_conv2d_is_a_matrix_product_of_im2col(device: str, case: Any) -> None:
    x, weight, bias, options = moved(device, case)
    if options.pop("groups") > 1:
        return
    columns = ops.im2col(x, weight.shape[2:], **options)
    expected = weight.reshape(weight.shape[0], -1) @ columns
    y = ops.conv2d(x, weight, bias, **options)
    if bias is not None:
        expected = expected + bias.reshape(-1, 1)
    close(y.reshape(*expected.shape).numpy(), expected.numpy(), atol=1e-9)


@given(strategies.images(max_size=6), st.integers(1, 4), st.integers(1, 3), st.integers(1, 2))
def test_same_gives_a_ceiling(
    device: str, x: mc.Tensor, k: int, stride: int, dilation: int
) -> None:
    x = moved(device, x)
    y = ops.conv2d(x, normal(2, x.shape[1], k, k, device=device), None, stride, "same", dilation)
    assert y.shape[2:] == tuple(-(-n // stride) for n in x.shape[2:])


def test_same_puts_the_odd_pixel_at_the_bottom_and_right(device: str) -> None:
    x = mc.tensor([[[[1.0, 2.0], [3.0, 4.0]]]], device=device)
    kernel = mc.tensor([[[[1.0, 10.0], [100.0, 1000.0]]]], device=device)
    y = ops.conv2d(x, kernel, padding="same")
    assert y.numpy().tolist() == [[[[4321.0, 402.0], [43.0, 4.0]]]]


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [1, (1, 2), ((0, 2), (1, 0)), "valid", "same"])
def test_padding_modes(device: str, mode: str, padding: Any) -> None:
    x = normal(2, 2, 5, 6, requires_grad=True, device=device)
    weight = normal(3, 2, 3, 3, requires_grad=True, device=device)
    sides = (
        {"valid": 0, "same": ((1, 1), (1, 1))}.get(padding, padding)
        if isinstance(padding, str)
        else padding
    )
    y = ops.conv2d(x, weight, padding=padding, padding_mode=mode)
    expected = ops.conv2d(ops.pad2d(x, sides, mode), weight)
    close(y.numpy(), expected.numpy(), atol=1e-12)
    call = lambda *a: ops.conv2d(*a, padding=padding, padding_mode=mode)  # noqa: E731
    assert gradcheck(call, [x, weight])
    assert gradgradcheck(call, [x, weight])


def test_groups_see_only_their_channels(device: str) -> None:
    x, weight = normal(1, 4, 3, 3, device=device), normal(6, 2, 2, 2, device=device)
    y = ops.conv2d(x, weight, groups=2).numpy()
    for g in range(2):
        separate = ops.conv2d(x[:, 2 * g : 2 * g + 2], weight[3 * g : 3 * g + 3])
        close(y[:, 3 * g : 3 * g + 3], separate.numpy(), atol=1e-12)


@pytest.mark.parametrize("size", [(64, 65), (96, 96), (89, 97), (2, 4099)])
@pytest.mark.parametrize("groups", [1, 2])
def test_weight_gradients_over_many_places(device: str, size: tuple[int, int], groups: int) -> None:
    """A long sum over all places is computed in pieces, and is still the whole sum."""
    x, g = normal(1, 2, *size, device=device), normal(1, 4, *size, seed=1, device=device)
    weight = normal(4, 2 // groups, 1, 1, requires_grad=True, device=device)
    ops.conv2d(x, weight, groups=groups).backward(g)
    per_pixel = np.einsum("nohw,nchw->oc", g.numpy(), x.numpy())  # (O, C)
    if groups == 2:
        per_pixel = per_pixel[[0, 1, 2, 3], [0, 0, 1, 1], None]
    assert weight.grad is not None
    close(weight.grad.numpy()[:, :, 0, 0], per_pixel, atol=1e-9)


@pytest.mark.parametrize("groups", [np.int64(2), 2])
def test_numpy_integers_are_integers(groups: Any) -> None:
    x, weight = normal(1, 2, 3, 3), normal(2, 1, np.int64(2), 2)
    assert ops.conv2d(x, weight, stride=np.int32(1), groups=groups).shape == (1, 2, 2, 2)


@pytest.mark.parametrize("case", ["conv2d", "conv_transpose2d", "im2col", "col2im", "linear"])
def test_empty_batches_have_gradients_of_zero(device: str, case: str) -> None:
    x = mc.tensor(np.zeros((0, 2, 4, 4)), requires_grad=True, device=device)
    weight = normal(2, 2, 3, 3, requires_grad=True, device=device)
    y = {
        "conv2d": lambda: ops.conv2d(x, weight, normal(2, device=device)),
        "conv_transpose2d": lambda: ops.conv_transpose2d(x, weight, normal(2, device=device)),
        "im2col": lambda: ops.im2col(x, 3),
        "col2im": lambda: ops.col2im(ops.im2col(x, 3), 4, 3),
        "linear": lambda: ops.linear(x.reshape(0, 32), weight.reshape(1, 36)[:, :32]),
    }[case]()
    assert y.shape[0] == 0
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
    if weight.grad is not None:
        assert not weight.grad.numpy().any()


def test_col2im_adds_overlaps(device: str) -> None:
    ones = mc.tensor(np.ones((1, 4, 4)), device=device)
    assert ops.col2im(ones, 3, 2).numpy().tolist() == [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]


@given(strategies.conv2d_cases())
def test_nan_stays_in_its_window(device: str, case: Any) -> None:
    """A NaN pixel affects only the places that see it, in its own image."""
    x, weight, _, options = moved(device, case)
    clean = ops.conv2d(x, weight, **options).numpy()
    data = x.numpy().copy()
    data[0, 0, 0, 0] = np.nan
    with np.errstate(invalid="ignore"):
        y = ops.conv2d(mc.tensor(data, device=device), weight, **options).numpy()
    spoilt = mc.tensor(np.isnan(data) * 1.0, device=device)
    seen = ops.conv2d(spoilt, weight * 0 + 1, **options).numpy() > 0
    np.testing.assert_array_equal(np.isnan(y), seen)
    close(y[~seen], clean[~seen], atol=1e-9)


@pytest.mark.parametrize(
    ("stride", "padding"), [(1, 0), (2, ((1, 0), (1, 0))), (2, ((0, 1), (1, 0))), (1, "same")]
)
def test_a_1x1_kernel_may_skip_im2col_only_where_pixels_stay_in_place(
    device: str, stride: int, padding: Any
) -> None:
    """A stride and a padding that leave the size unchanged still move the pixels."""
    x = mc.tensor(np.arange(4.0).reshape(1, 1, 2, 2), device=device)
    weight = mc.tensor(np.full((1, 1, 1, 1), 2.0), device=device)
    padded = ops.pad2d(x, padding if padding != "same" else 0)
    expected = 2 * padded.numpy()[..., ::stride, ::stride]
    np.testing.assert_array_equal(ops.conv2d(x, weight, None, stride, padding).numpy(), expected)


def _case(height: int, kernel: int, padding: Any) -> tuple[Any, ...]:
    """A column of pixels, of which the first bands may see every row."""
    x = mc.tensor(np.arange(1.0, height + 1).reshape(1, 1, height, 1), requires_grad=True)
    weight = mc.tensor(np.arange(1.0, kernel + 1).reshape(1, 1, kernel, 1), requires_grad=True)
    return x, weight, None, {"padding": padding}


@given(strategies.conv2d_cases(min_batch=0))
@example(_case(2, 2, "same"))
@example(_case(3, 3, 1))
@example(_case(3, 3, ((3, 3), (0, 0))))
def test_columns_in_bands_of_one_row_give_the_same(case: Any) -> None:
    """Bands that begin, end or lie wholly in the padding too; results and all gradients."""
    x, weight, bias, options = case
    inputs = [t for t in (x, weight, bias) if t is not None]

    def everything() -> list[Any]:
        y = ops.conv2d(*inputs, **options)
        v = mc.Tensor(np.random.default_rng(0).standard_normal(y.shape), requires_grad=True)
        first = mc.grad(y, inputs, v, create_graph=True)
        weights = [np.random.default_rng(1).standard_normal(t.shape) for t in inputs]
        return [y, *first, *mc.grad(first, [*inputs, v], weights, allow_unused=True)]

    whole = everything()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution._numpy, "column_bytes", 1)
        patch.setattr(convolution._numpy, "column_length", 1)
        for a, b in zip(whole, everything(), strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-9)
