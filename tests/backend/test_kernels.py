"""The kernels of images on every device against the plain loops, over drawn windows."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from minicnn.backend import (
    cuda_kernels,
    device_of,
    kernels_for,
    numpy_kernels,
    reference_kernels,
    to_device,
)
from minicnn.backend.geometry import Window, pixel_counts, window
from minicnn.backend.sources import pad_sources, region_sources
from minicnn.testing.strategies import padding_forms

Array = NDArray[Any]
ALL = reference_kernels.__all__
TWINS = (numpy_kernels, cuda_kernels)
POOLS = ("max_pool", "min_pool")
ROUNDING = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


@st.composite
def windows(draw: st.DrawFn, every_window_sees_a_pixel: bool = False) -> Window:
    """Any window that fits: padding may exceed the kernel, and a window may see padding alone."""
    size = st.integers(1, 6)
    while True:
        try:
            slide = window(
                "test",
                draw(st.tuples(size, size)),
                draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
                draw(st.tuples(st.integers(1, 5), st.integers(1, 5))),
                draw(padding_forms(largest=4)),
                draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
                draw(st.booleans()),
            )
        except ValueError:
            continue
        blind = any(0 in counts for counts in pixel_counts(slide))
        if not (every_window_sees_a_pixel and blind):
            return slide


NAN, LEAST = np.nan, -np.inf
SPECIAL = {"normal": (), "ties": (), "nan": (NAN,), "-inf": (LEAST,), "mixed": (NAN, LEAST)}


@st.composite
def arrays(
    draw: st.DrawFn, size: tuple[int, ...], kinds: tuple[str, ...] = ("normal",), dtype: Any = None
) -> Array:
    """An array (C, *size, N), N = 0 too, of float32 or float64 numbers of a drawn kind."""
    shape = (draw(st.integers(1, 3)), *size, draw(st.integers(0, 3)))
    dtype = dtype or draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(kinds))
    x = rng.standard_normal(shape) if kind == "normal" else rng.integers(-1, 2, shape) * 1.0
    for value in SPECIAL[kind]:
        x[rng.random(shape) < draw(st.sampled_from([0.1, 0.5, 1.0]))] = value
    return x.astype(dtype)


def like(x: Array, size: tuple[int, ...], seed: int = 1) -> Array:
    """Normal numbers of x's channels, batch and dtype under another size."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((x.shape[0], *size, x.shape[-1])).astype(x.dtype)


def computed(device: str, name: str, *arguments: Any) -> Array:
    """A device's kernel on copies of the arrays there, which it leaves as they are."""
    moved = [to_device(a, device) if isinstance(a, np.ndarray) else a for a in arguments]
    result = getattr(kernels_for(moved[0]), name)(*moved)
    assert device_of(result) == device
    for argument, copy in zip(arguments, moved, strict=True):
        if isinstance(argument, np.ndarray):
            np.testing.assert_array_equal(to_device(copy, "cpu"), argument)
    return to_device(result, "cpu")


def check_twins(device: str, name: str, *arguments: Any) -> Array:
    """Both kernels on read-only arrays: the same numbers, dtype and shape, in storage order."""
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            argument.flags.writeable = False
    expected = getattr(reference_kernels, name)(*arguments)
    got = computed(device, name, *arguments)
    assert got.dtype == expected.dtype
    assert got.flags.c_contiguous
    assert got.flags.writeable
    np.testing.assert_allclose(got, expected, rtol=0, atol=20 * ROUNDING[got.dtype])
    return got


@pytest.mark.parametrize("name", ALL)
def test_kernel_modules_share_parameters(name: str) -> None:
    signatures = [
        inspect.signature(getattr(module, name)) for module in (reference_kernels, *TWINS)
    ]
    assert signatures == [signatures[0]] * 3


def test_kernel_modules_share_names_and_order() -> None:
    constants = [name for name in numpy_kernels.__all__ if name.isupper()]
    assert constants == ["COLUMN_BYTES", "COLUMN_LENGTH", "PRODUCT_LENGTH", "UPDATED_AT_ONCE"]
    for module in TWINS:
        assert module.__all__ == [*constants, *ALL]
    for module in (reference_kernels, *TWINS):
        homes = {name: getattr(module, name).__module__ for name in ALL}
        parts = [module.__name__.replace("_kernels", p) for p in ("_any_shape", "_updates")]
        assert set(homes.values()) == {module.__name__, *parts}
        for part in parts:
            defined = [name for name in ALL if homes[name] == part]
            assert defined == [n for n in sys.modules[part].__all__ if n.islower()]


@given(st.data(), windows())
def test_im2col(device: str, data: st.DataObject, slide: Window) -> None:
    check_twins(device, "im2col", data.draw(arrays(slide.input_size, ("normal", "mixed"))), slide)


@given(st.data(), windows())
def test_col2im(device: str, data: st.DataObject, slide: Window) -> None:
    check_twins(
        device, "col2im", data.draw(arrays((*slide.kernel_size, *slide.output_size))), slide
    )


@pytest.mark.parametrize("name", POOLS)
@given(st.data(), windows())
def test_extreme_pools(device: str, name: str, data: st.DataObject, slide: Window) -> None:
    got = check_twins(device, name, data.draw(arrays(slide.input_size, tuple(SPECIAL))), slide)
    assert got.shape[1:3] == slide.output_size


@pytest.mark.parametrize("pool", POOLS)
@given(st.data(), windows(every_window_sees_a_pixel=True))
def test_winner_scatter_and_gather(
    device: str, pool: str, data: st.DataObject, slide: Window
) -> None:
    x = data.draw(arrays(slide.input_size, tuple(SPECIAL)))
    y = getattr(reference_kernels, pool)(x, slide)
    values, others = like(x, slide.output_size), like(x, slide.input_size, seed=2)
    scattered = check_twins(device, "winner_scatter", values, x, y, slide)
    gathered = check_twins(device, "winner_gather", others, x, y, slide)
    np.testing.assert_allclose(
        np.vdot(scattered, others), np.vdot(values, gathered), rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("pool", POOLS)
@given(st.data(), windows(every_window_sees_a_pixel=True))
def test_winner_gather_of_positions(
    device: str, pool: str, data: st.DataObject, slide: Window
) -> None:
    """The positions of winners are gathered too, and they are int64; a winning NaN has one too."""
    x = data.draw(arrays(slide.input_size, ("ties", "normal", "nan")))
    y = getattr(reference_kernels, pool)(x, slide)
    positions = np.arange(x.size).reshape(x.shape)
    gathered = computed(device, "winner_gather", positions, x, y, slide)
    assert gathered.dtype == np.int64
    np.testing.assert_array_equal(x.ravel()[gathered], y)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", ["winner_scatter", "winner_gather"])
def test_infinite_values_stay_with_the_winner(device: str, name: str, stride: int) -> None:
    """inf · 0 is NaN: a kernel that multiplies by a mask spoils the losers."""
    slide = window("test", (4, 4), 2, stride)
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    y = reference_kernels.max_pool(x, slide)
    values = np.full(y.shape if name == "winner_scatter" else x.shape, np.inf)
    got = computed(device, name, values, x, y, slide)
    np.testing.assert_array_equal(got, getattr(reference_kernels, name)(values, x, y, slide))


@given(st.data(), windows())
def test_avg_pool_and_its_adjoint(device: str, data: st.DataObject, slide: Window) -> None:
    x = data.draw(arrays(slide.input_size))
    y = like(x, slide.output_size)
    divisor = np.arange(1, 1 + np.prod(slide.output_size)).reshape(slide.output_size)
    divisor = divisor.astype(x.dtype)
    pooled = check_twins(device, "avg_pool", x, slide, divisor)
    spread = check_twins(device, "avg_pool_adjoint", y, slide, divisor)
    np.testing.assert_allclose(np.vdot(pooled, y), np.vdot(x, spread), rtol=1e-4, atol=1e-3)


@given(st.data(), windows())
def test_im2col_and_col2im_are_adjoint(device: str, data: st.DataObject, slide: Window) -> None:
    x = data.draw(arrays(slide.input_size, dtype=np.float64))
    columns = like(x, (*slide.kernel_size, *slide.output_size))
    left = np.vdot(computed(device, "im2col", x, slide), columns)
    right = np.vdot(x, computed(device, "col2im", columns, slide))
    np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-10)


@given(st.data())
def test_pad_and_its_adjoint(device: str, data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(["zeros", "constant", "reflect", "replicate", "circular"]))
    size = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    x = data.draw(arrays(size, ("normal",)))
    limit = {"reflect": -1, "circular": 0}
    rows, columns = (
        pad_sources(n, *data.draw(_before_after(n, n + limit.get(mode, 3))), mode) for n in size
    )
    padded = check_twins(device, "pad", x, rows, columns, 0.0)
    y = like(x, (len(rows), len(columns)))
    back = check_twins(device, "pad_adjoint", y, rows, columns, size)
    np.testing.assert_allclose(np.vdot(padded, y), np.vdot(x, back), rtol=1e-4, atol=1e-3)
    for value in (2.5, -np.inf, np.nan):
        check_twins(device, "pad", x, rows, columns, value)


def _before_after(size: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    """Padding on two sides, negative too, that leaves at least one pixel."""
    p = st.integers(-size + 1, most)
    return st.tuples(p, p).filter(lambda sides: size + sum(sides) >= 1)


@given(st.data(), st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_unpool_and_its_adjoint(device: str, data: st.DataObject, size: tuple[int, int]) -> None:
    """Positions that come twice keep the last value; where none does, the two are adjoint."""
    outputs = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    values = data.draw(arrays(outputs))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    positions = rng.integers(0, size[0] * size[1], values.shape)
    check_twins(device, "unpool", values, positions, size)
    x = like(values, size)
    check_twins(device, "unpool_adjoint", x, positions)
    if outputs[0] * outputs[1] <= size[0] * size[1]:
        places = np.broadcast_to(np.arange(outputs[0] * outputs[1])[:, None], (values.shape[0],
                                 outputs[0] * outputs[1], values.shape[-1]))  # fmt: skip
        distinct = np.ascontiguousarray(places).reshape(values.shape)
        back = computed(device, "unpool", values, distinct, size)
        picked = computed(device, "unpool_adjoint", x, distinct)
        np.testing.assert_allclose(np.vdot(back, x), np.vdot(values, picked), rtol=1e-4, atol=1e-4)


@given(st.data(), st.integers(0, 5), st.integers(0, 5))
def test_channel_sum_and_its_adjoint(
    device: str, data: st.DataObject, before: int, after: int
) -> None:
    x = data.draw(arrays((2, 3)))
    y = like(x, (2, 3))
    summed = check_twins(device, "channel_sum", x, before, after)
    back = check_twins(device, "channel_sum", y, after, before)
    np.testing.assert_allclose(np.vdot(summed, y), np.vdot(x, back), rtol=1e-4, atol=1e-3)


@given(st.data())
def test_pad_lays_out_regions(device: str, data: st.DataObject) -> None:
    size, regions = (data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7))) for _ in range(2))
    x = data.draw(arrays(size))
    rows, columns = (region_sources(n, k)[0] for n, k in zip(size, regions, strict=True))
    check_twins(device, "pad", x, rows, columns, -np.inf)
    check_twins(device, "pad_adjoint", like(x, (len(rows), len(columns))), rows, columns, size)


def test_pad_fills_an_axis_without_pixels(device: str) -> None:
    check_twins(device, "pad", np.zeros((2, 0, 3, 1)), (-1, -1), (0, 1, 2), 7.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_max_pool_of_minus_infinity_under_padding(device: str, dtype: Any) -> None:
    """Windows that hold nothing but -inf and padding are -inf, and their first pixel wins."""
    slide = window("test", (3, 3), 2, 2, 1)
    x = np.full((1, 3, 3, 1), -np.inf, dtype)
    y = check_twins(device, "max_pool", x, slide)
    assert (y == -np.inf).all()
    scattered = check_twins(device, "winner_scatter", np.ones_like(y), x, y, slide)
    np.testing.assert_array_equal(scattered[0, :, :, 0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


def test_ties_go_to_the_first_pixel_in_row_order(device: str) -> None:
    slide = window("test", (3, 3), 2, 1)
    x = np.zeros((1, 3, 3, 1))
    y = np.zeros((1, 2, 2, 1))
    scattered = check_twins(device, "winner_scatter", np.ones_like(y), x, y, slide)
    np.testing.assert_array_equal(scattered[0, :, :, 0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


def test_reference_winner_refuses_a_wrong_maximum() -> None:
    slide = window("test", (2, 2), 2)
    with pytest.raises(ValueError, match="no pixel under the window at"):
        reference_kernels.winner(np.zeros((1, 2, 2, 1)), np.ones((1, 1, 1, 1)), slide, 0, 0, 0, 0)
