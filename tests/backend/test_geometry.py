"""Where windows lie, against a naive enumeration, TensorFlow's rule and PyTorch's shapes."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minicnn.backend import geometry
from minicnn.backend.geometry import make_window, pixel_counts, sides, taps
from minicnn.backend.vectorised import im2col

small = st.integers(1, 5)


def visited(size: int, kernel: int, stride: int, before: int, after: int, dilation: int) -> int:
    """Count the places by walking: as long as the last tap is inside the padded axis."""
    place = 0
    while place * stride + (kernel - 1) * dilation < before + size + after:
        place += 1
    return place


@given(st.integers(1, 12), small, small, st.integers(0, 4), st.integers(0, 4), small)
def test_output_size(
    size: int, k: int, stride: int, before: int, after: int, dilation: int
) -> None:
    expected = visited(size, k, stride, before, after, dilation)
    padding = ((before, after), (0, 0))
    if expected == 0:
        with pytest.raises(ValueError, match=f"the padded input is {size + before + after}x1"):
            make_window("op", (size, 1), (k, 1), (stride, 1), padding, dilation)
    else:
        window = make_window("op", (size, 1), (k, 1), (stride, 1), padding, dilation)
        assert window.output_size == (expected, 1)
        assert window.padding == padding


@given(st.integers(1, 12), st.integers(1, 12), small, small, st.integers(1, 3))
def test_same_is_the_rule_of_tensorflow(h: int, w: int, k: int, stride: int, dilation: int) -> None:
    window = make_window("op", (h, w), k, stride, "same", dilation)
    for size, outputs, (before, after) in zip(
        (h, w), window.output_size, window.padding, strict=True
    ):
        assert outputs == int(np.ceil(size / stride))
        span = (k - 1) * dilation + 1
        excess = span - stride if size % stride == 0 else span - size % stride
        assert before + after == max(excess, 0)
        assert after - before in (0, 1)


@given(st.integers(1, 12), small, small, st.integers(0, 2), st.integers(1, 3), st.booleans())
def test_pool_sizes_are_those_of_torch(
    torch: ModuleType, size: int, k: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> None:
    assume(2 * padding <= k and size + 2 * padding >= dilation * (k - 1) + 1)
    x = torch.zeros(1, 1, size, size + 3)
    pooled = torch.nn.functional.max_pool2d(x, k, stride, padding, dilation, ceil_mode)
    window = make_window("op", (size, size + 3), k, stride, padding, dilation, ceil_mode)
    assert window.output_size == tuple(pooled.shape[2:])


@given(st.data())
def test_taps_visit_every_pixel_under_every_window(data: st.DataObject) -> None:
    pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
    size, kernel = data.draw(st.tuples(st.integers(4, 7), st.integers(4, 7))), data.draw(pairs)
    window = make_window("op", size, kernel, data.draw(pairs), data.draw(st.integers(0, 12)))
    counts = np.zeros(window.output_size, int)
    pixels = np.arange(size[0] * size[1]).reshape(1, *size)
    for tap in taps(window):
        seen = np.full((1, *window.output_size), -1)
        seen[tap.output] = pixels[tap.input]
        counts += seen[0] >= 0
        assert tap.complete == bool((seen >= 0).all())
        for oh, ow in np.ndindex(*window.output_size):
            ih = oh * window.stride[0] + tap.kh - window.padding[0][0]
            iw = ow * window.stride[1] + tap.kw - window.padding[1][0]
            inside = 0 <= ih < size[0] and 0 <= iw < size[1]
            assert seen[0, oh, ow] == (ih * size[1] + iw if inside else -1)
    np.testing.assert_array_equal(np.outer(*pixel_counts(window)), counts)


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "expected"),
    [(2, 2, 1, False), (3, 2, 1, True), (2, 2, 2, True), (1, 1, 1, False), ((1, 3), 2, 1, True)],
)
def test_overlaps(kernel: Any, stride: Any, dilation: Any, expected: bool) -> None:
    assert make_window("op", (8, 8), kernel, stride, 0, dilation).overlaps is expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        ([1, 2], ((1, 1), (2, 2))),
        (((1, 2), (3, 4)), ((1, 2), (3, 4))),
        (np.int64(3), ((3, 3), (3, 3))),
    ],
)
def test_padding_forms(form: Any, expected: geometry.Sides) -> None:
    assert sides(form) == expected
    assert make_window("op", (9, 9), 1, padding=form).padding == expected
    assert all(type(n) is int for axis in sides(form) for n in axis)


def test_valid_is_no_padding() -> None:
    assert make_window("op", (9, 9), 3, padding="valid").padding == ((0, 0), (0, 0))


@pytest.mark.parametrize(
    "value",
    [2.0, "3", None, True, False, (1, 2, 3), (), (1, 2.0), (1, True), {1, 2}, 1 + 0j, ((1, 2),),
     np.array([2.0, 2.0]), np.ones(3, int), float("nan"), b"2"],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("name", ["kernel_size", "stride", "dilation", "padding"])
def test_what_is_no_pair_of_integers(name: str, value: Any) -> None:
    arguments = {"kernel_size": 1} | {name: value}
    with pytest.raises((TypeError, ValueError), match=f"{name}: got {re.escape(repr(value))}"):
        make_window("op", (9, 9), **arguments)


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [
        ("kernel_size", 0, 1),
        ("kernel_size", (3, -1), 1),
        ("stride", 0, 1),
        ("stride", (1, -2), 1),
        ("dilation", 0, 1),
        ("padding", -1, 0),
        ("padding", (0, -1), 0),
    ],
)
def test_too_small(name: str, value: Any, least: int) -> None:
    arguments = {"kernel_size": 1} | {name: value}
    message = f"{name}: got {re.escape(repr(value))}, expected {least} or more"
    with pytest.raises(ValueError, match=message):
        make_window("op", (9, 9), **arguments)


def test_negative_side() -> None:
    with pytest.raises(ValueError, match=r"padding: got \(\(0, -1\), \(0, 0\)\), expected 0"):
        make_window("op", (9, 9), 1, padding=((0, -1), (0, 0)))


@pytest.mark.parametrize("form", ["SAME", "full", "", "circular"])
def test_unknown_padding_string(form: str) -> None:
    with pytest.raises(ValueError, match=f'padding: got {form!r}, expected "valid", "same"'):
        make_window("op", (9, 9), 3, padding=form)


def test_strings_where_numbers_are_needed() -> None:
    with pytest.raises(ValueError, match="padding: got 'same', expected numbers here"):
        sides("same")


@pytest.mark.parametrize("form", [((1, 2), (3, 4), (5, 6)), ((1, 2),)])
def test_wrong_number_of_sides(form: Any) -> None:
    with pytest.raises(TypeError, match="padding: got .* expected"):
        sides(form)


@pytest.mark.parametrize(
    ("size", "kernel", "options", "message"),
    [
        ((8, 8), 5, {"dilation": 2},
         "conv2d: a 5x5 kernel with dilation 2 spans 9 pixels, but the padded input is 8x8"),
        ((4, 6), (5, 2), {}, "a 5x2 kernel does not fit.* the padded input is 4x6"),
        ((4, 4), 7, {"padding": ((1, 1), (0, 2))}, r"is 6x6 \(unpadded 4x4\)"),
        ((9, 9), (2, 5), {"dilation": (1, 3)}, "dilation 1x3 spans 2x13 pixels"),
        ((0, 5), 1, {}, "input is 0x5"),
        ((0, 5), 1, {"padding": 3}, "unpadded 0x5"),
    ],
)  # fmt: skip
def test_a_window_that_does_not_fit_shows_the_arithmetic(
    size: Any, kernel: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_window("conv2d", size, kernel, **options)


@given(st.data(), st.integers(1, 4))
def test_bands_see_the_same_pixels_as_the_whole_window(data: st.DataObject, rows: int) -> None:
    size, kernel, stride, dilation = (data.draw(st.tuples(small, small)) for _ in range(4))
    padding = data.draw(st.tuples(*[st.tuples(*[st.integers(0, 7)] * 2)] * 2))
    try:
        window = make_window("test", size, kernel, stride, padding, dilation)
    except ValueError:
        assume(False)
    x = np.arange(1, 1 + size[0] * size[1]).reshape(1, *size, 1)
    parts = []
    for band in geometry.bands(window, rows):
        assert band.output.stop - band.output.start <= rows
        parts.append(im2col(x[:, band.input], band.window))
    np.testing.assert_array_equal(np.concatenate(parts, axis=3), im2col(x, window))
