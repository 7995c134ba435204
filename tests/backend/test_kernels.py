"""The kernels of images on every device against the plain loops, over drawn windows."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.kernel_twins import check_twins, computed

from minicnn.backend import cuda, reference, vectorised
from minicnn.backend.geometry import Window, make_window, pixel_counts
from minicnn.backend.kernels import Kernels
from minicnn.backend.padding import padding_map, region_map
from minicnn.backend.reference import pooling
from minicnn.testing.strategies import padding_forms

Array = NDArray[Any]
ALL = [name for name in vars(Kernels) if not name.startswith("_")]
TWINS = (reference, vectorised, cuda)
POOLS = ("max_pool", "min_pool")


@st.composite
def windows(draw: st.DrawFn, every_window_sees_a_pixel: bool = False) -> Window:
    """Any window that fits: padding may exceed the kernel, and a window may see only padding."""
    size = st.integers(1, 6)
    while True:
        try:
            window = make_window(
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
        blind = any(0 in counts for counts in pixel_counts(window))
        if not (every_window_sees_a_pixel and blind):
            return window


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


@pytest.mark.parametrize("module", TWINS)
@pytest.mark.parametrize("name", ALL)
def test_the_parameters_of_the_contract(name: str, module: ModuleType) -> None:
    contract = list(inspect.signature(getattr(Kernels, name)).parameters.values())[1:]
    assert list(inspect.signature(getattr(module, name)).parameters.values()) == contract


def test_every_kernel_of_the_contract_in_its_order() -> None:
    assert [module.__all__ for module in TWINS] == [ALL] * 3
    assert all(inspect.getdoc(getattr(Kernels, name)) for name in ALL)


def test_files_of_the_same_names() -> None:
    """So that a reader opens three files of one name side by side."""
    folders = [Path(module.__file__).parent for module in TWINS]
    names = [{path.stem for path in folder.glob("*.py")} for folder in folders]
    helpers: list[set[str]] = [
        {"places"}, set(),
        {"arguments", "cublas", "graph", "launch", "nvrtc", "pieces", "runs", "source",
         "tiles", "updates"},
    ]  # fmt: skip
    shared = [found - own for found, own in zip(names, helpers, strict=True)]
    assert shared[0] == shared[1] == shared[2]
    sources = {path.stem for path in folders[2].glob("*.cu")}
    assert sources <= names[2]


@pytest.mark.parametrize("groups", [1, 2])
@given(st.data(), windows())
def test_convolution_and_its_gradients(
    device: str, groups: int, data: st.DataObject, window: Window
) -> None:
    """The three kernels against the plain loops, and <convolve(x, w), y> three ways."""
    n, c, o = (data.draw(st.integers(least, 2)) for least in (0, 1, 1))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x, y = (
        rng.standard_normal((k * groups, *size, n)).astype(dtype)
        for k, size in ((c, window.input_size), (o, window.output_size))
    )
    weight = rng.standard_normal((o * groups, c, *window.kernel_size)).astype(dtype)
    bias = rng.standard_normal(o * groups).astype(dtype)
    check_twins(device, "convolve", x, weight, bias, window, groups)
    forward = check_twins(device, "convolve", x, weight, None, window, groups)
    to_input = check_twins(device, "convolve_input_gradient", y, weight, window, groups)
    to_weight = check_twins(device, "convolve_weight_gradient", x, y, window, groups)
    expected = np.vdot(forward, y)
    for found in (np.vdot(to_input, x), np.vdot(to_weight, weight)):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@given(st.data(), windows())
def test_im2col(device: str, data: st.DataObject, window: Window) -> None:
    check_twins(device, "im2col", data.draw(arrays(window.input_size, ("normal", "mixed"))), window)


@given(st.data(), windows())
def test_col2im(device: str, data: st.DataObject, window: Window) -> None:
    check_twins(
        device, "col2im", data.draw(arrays((*window.kernel_size, *window.output_size))), window
    )


@pytest.mark.parametrize("name", POOLS)
@given(st.data(), windows())
def test_extreme_pools(device: str, name: str, data: st.DataObject, window: Window) -> None:
    got = check_twins(device, name, data.draw(arrays(window.input_size, tuple(SPECIAL))), window)
    assert got.shape[1:3] == window.output_size


@pytest.mark.parametrize("pool", POOLS)
@given(st.data(), windows(every_window_sees_a_pixel=True))
def test_winner_scatter_and_gather(
    device: str, pool: str, data: st.DataObject, window: Window
) -> None:
    x = data.draw(arrays(window.input_size, tuple(SPECIAL)))
    y = getattr(reference, pool)(x, window)
    values, others = like(x, window.output_size), like(x, window.input_size, seed=2)
    scattered = check_twins(device, "winner_scatter", values, x, y, window)
    gathered = check_twins(device, "winner_gather", others, x, y, window)
    np.testing.assert_allclose(
        np.vdot(scattered, others), np.vdot(values, gathered), rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("pool", POOLS)
@given(st.data(), windows(every_window_sees_a_pixel=True))
def test_winner_gather_of_positions(
    device: str, pool: str, data: st.DataObject, window: Window
) -> None:
    """The positions of winners are gathered too, and they are int64; a winning NaN has one too."""
    x = data.draw(arrays(window.input_size, ("ties", "normal", "nan")))
    y = getattr(reference, pool)(x, window)
    positions = np.arange(x.size).reshape(x.shape)
    gathered = computed(device, "winner_gather", positions, x, y, window)
    assert gathered.dtype == np.int64
    np.testing.assert_array_equal(x.ravel()[gathered], y)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", ["winner_scatter", "winner_gather"])
def test_infinite_values_stay_with_the_winner(device: str, name: str, stride: int) -> None:
    """inf · 0 is NaN: a kernel that multiplies by a mask spoils the losers."""
    window = make_window("test", (4, 4), 2, stride)
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    y = reference.max_pool(x, window)
    values = np.full(y.shape if name == "winner_scatter" else x.shape, np.inf)
    got = computed(device, name, values, x, y, window)
    np.testing.assert_array_equal(got, getattr(reference, name)(values, x, y, window))


@given(st.data(), windows())
def test_avg_pool_and_its_adjoint(device: str, data: st.DataObject, window: Window) -> None:
    x = data.draw(arrays(window.input_size))
    y = like(x, window.output_size)
    divisor = np.arange(1, 1 + np.prod(window.output_size)).reshape(window.output_size)
    divisor = divisor.astype(x.dtype)
    pooled = check_twins(device, "avg_pool", x, window, divisor)
    spread = check_twins(device, "avg_pool_adjoint", y, window, divisor)
    np.testing.assert_allclose(np.vdot(pooled, y), np.vdot(x, spread), rtol=1e-4, atol=1e-3)


@given(st.data(), windows())
def test_im2col_and_col2im_are_adjoint(device: str, data: st.DataObject, window: Window) -> None:
    x = data.draw(arrays(window.input_size, dtype=np.float64))
    columns = like(x, (*window.kernel_size, *window.output_size))
    left = np.vdot(computed(device, "im2col", x, window), columns)
    right = np.vdot(x, computed(device, "col2im", columns, window))
    np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-10)


@given(st.data())
def test_pad_and_its_adjoint(device: str, data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(["zeros", "constant", "reflect", "replicate", "circular"]))
    size = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    x = data.draw(arrays(size, ("normal",)))
    limit = {"reflect": -1, "circular": 0}
    rows, columns = (
        padding_map(n, *data.draw(_before_after(n, n + limit.get(mode, 3), mode)), mode)
        for n in size
    )
    padded = check_twins(device, "pad", x, rows, columns, 0.0)
    y = like(x, (len(rows), len(columns)))
    back = check_twins(device, "pad_adjoint", y, rows, columns, size)
    np.testing.assert_allclose(np.vdot(padded, y), np.vdot(x, back), rtol=1e-4, atol=1e-3)
    for value in (2.5, -np.inf, np.nan):
        check_twins(device, "pad", x, rows, columns, value)


def _before_after(size: int, most: int, mode: str) -> st.SearchStrategy[tuple[int, int]]:
    """Padding on two sides, negative too, that leaves at least one pixel (circular: to wrap)."""

    def is_possible(sides: tuple[int, int]) -> bool:
        left = size + sum(min(side, 0) for side in sides)
        return size + sum(sides) >= 1 and (mode != "circular" or max(sides) <= left)

    p = st.integers(-size + 1, most)
    return st.tuples(p, p).filter(is_possible)


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
def test_sum_over_neighbour_channels_and_its_adjoint(
    device: str, data: st.DataObject, before: int, after: int
) -> None:
    x = data.draw(arrays((2, 3)))
    y = like(x, (2, 3))
    summed = check_twins(device, "sum_over_neighbour_channels", x, before, after)
    back = check_twins(device, "sum_over_neighbour_channels", y, after, before)
    np.testing.assert_allclose(np.vdot(summed, y), np.vdot(x, back), rtol=1e-4, atol=1e-3)


@given(st.data())
def test_pad_lays_out_regions(device: str, data: st.DataObject) -> None:
    size, regions = (data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7))) for _ in range(2))
    x = data.draw(arrays(size))
    rows, columns = (region_map(n, k)[0] for n, k in zip(size, regions, strict=True))
    check_twins(device, "pad", x, rows, columns, -np.inf)
    check_twins(device, "pad_adjoint", like(x, (len(rows), len(columns))), rows, columns, size)


def test_pad_fills_an_axis_without_pixels(device: str) -> None:
    check_twins(device, "pad", np.zeros((2, 0, 3, 1)), (-1, -1), (0, 1, 2), 7.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_max_pool_of_minus_infinity_under_padding(device: str, dtype: Any) -> None:
    """Windows that hold nothing but -inf and padding are -inf, and their first pixel wins."""
    window = make_window("test", (3, 3), 2, 2, 1)
    x = np.full((1, 3, 3, 1), -np.inf, dtype)
    y = check_twins(device, "max_pool", x, window)
    assert (y == -np.inf).all()
    scattered = check_twins(device, "winner_scatter", np.ones_like(y), x, y, window)
    np.testing.assert_array_equal(scattered[0, :, :, 0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


def test_ties_go_to_the_first_pixel_in_row_order(device: str) -> None:
    window = make_window("test", (3, 3), 2, 1)
    x = np.zeros((1, 3, 3, 1))
    y = np.zeros((1, 2, 2, 1))
    scattered = check_twins(device, "winner_scatter", np.ones_like(y), x, y, window)
    np.testing.assert_array_equal(scattered[0, :, :, 0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]])


def test_reference_winner_refuses_a_wrong_maximum() -> None:
    window = make_window("test", (2, 2), 2)
    with pytest.raises(ValueError, match="no pixel under the window at"):
        pooling.winner(np.zeros((1, 2, 2, 1)), np.ones((1, 1, 1, 1)), window, 0, 0, 0, 0)
