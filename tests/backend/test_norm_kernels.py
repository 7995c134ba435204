"""The kernels of normalisation on every device against the plain loops, and their accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.kernel_twins import check_twins, computed

from minicnn.backend import kernels_for, reference, to_device
from minicnn.backend.cuda import norm

Array = NDArray[Any]
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
EPS = 1e-5
# (B, L, A): one number, one line, lines side by side and one after the other, several pieces of a
# line, several blocks of lines, no lines.
SHAPES = [
    (1, 1, 1), (3, 1, 2), (1, 700, 1), (5, 37, 1), (2, 300, 1), (1, 150, 3), (2, 9, 33),
    (3, 2, 70), (1, 20, 40), (40, 2, 9), (2, 3, 0),
]  # fmt: skip
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU small arrays are cut into two pieces, of which a thread takes one number or more."""
    for name in ("ON_GPU", "ON_CPU"):
        monkeypatch.setattr(norm, name, getattr(norm, name)._replace(share=1))
    monkeypatch.setattr(norm, "MOST_PIECES", 2)


def numbers(seed: int, shape: tuple[int, ...], dtype: Any = np.float64) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def weights(shape: tuple[int, ...], form: str, dtype: Any) -> list[Array | None]:
    """A weight and a bias of a form: None, one number for each b, one for each place of a line."""
    before, length, _ = shape
    size = {"line": (before, 1, 1), "place": (1, length, 1)}
    given = [numbers(seed, size[part], dtype) if part in size else None
             for seed, part in ((8, form), (9, form))]  # fmt: skip
    return [given[0], None if form == "only weight" else given[1]]


def close(got: Array, expected: Array, dtype: Any, scale: float = 1.0) -> None:
    np.testing.assert_allclose(got, expected, rtol=0, atol=scale * 40 * np.finfo(dtype).eps)


@pytest.mark.usefixtures("short_pieces")
@dtypes
@shapes
def test_line_statistics(device: str, shape: tuple[int, ...], dtype: Any) -> None:
    x = numbers(0, shape, dtype) * 2 + 1
    got = computed(device, "line_statistics", x, EPS)
    assert (got.dtype, got.shape) == (np.float64, (3, shape[0], shape[2]))
    expected = reference.line_statistics(x, EPS)
    np.testing.assert_allclose(got[:2], expected[:2], rtol=1e-5 if dtype == np.float32 else 1e-12)
    np.testing.assert_allclose(got[2], (got[1] + EPS) ** -0.5, rtol=1e-14)


@pytest.mark.parametrize("shape", [(3, 5000, 1), (1, 5000, 3), (1, 600, 40), (3, 1, 2)], ids=str)
@pytest.mark.parametrize("centre", [1e4, -1e6])
def test_statistics_far_from_0_are_exact(
    device: str, shape: tuple[int, ...], centre: float
) -> None:
    """A float32 near 1e6 is rounded to 0.03, but the statistics of such numbers need not be."""
    x = (numbers(0, shape) + centre).astype(np.float32)
    mean, var, _ = computed(device, "line_statistics", x, EPS)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(1), rtol=1e-11)
    np.testing.assert_allclose(var, exact.var(1), rtol=1e-5)
    y = computed(device, "standardise", x, np.stack([mean, var, (var + EPS) ** -0.5]), None, None)
    expected = (exact - exact.mean(1, keepdims=True)) / np.sqrt(exact.var(1, keepdims=True) + EPS)
    np.testing.assert_allclose(y, expected, atol=5e-6 * max(1.0, np.abs(y).max(initial=0)))


def test_one_number_far_from_the_others(device: str) -> None:
    """The first number of a line may be anything: it is no measure of the others."""
    x = np.full((2, 3000, 1), 1e6) + numbers(0, (2, 3000, 1))
    x[0, 0] = 0.0
    for dtype, rtol in ((np.float32, 1e-4), (np.float64, 1e-10)):
        mean, var, _ = computed(device, "line_statistics", x.astype(dtype), EPS)
        exact = x.astype(dtype).astype(np.float64)
        np.testing.assert_allclose(mean, exact.mean(1), rtol=1e-9)
        np.testing.assert_allclose(var, exact.var(1), rtol=rtol)


def test_constant_lines_have_variance_0(device: str) -> None:
    for value in (0.0, 7.0, -1e4, 0.1):
        x = np.full((2, 5000, 3), value, np.float32)
        mean, var, scale = computed(device, "line_statistics", x, EPS)
        assert (mean == np.float32(value)).all()
        assert not var.any()
        np.testing.assert_allclose(scale, EPS**-0.5)


@pytest.mark.usefixtures("short_pieces")
@dtypes
@pytest.mark.parametrize("form", ["none", "line", "place"])
@shapes
def test_standardise_and_its_gradients(
    device: str, shape: tuple[int, ...], form: str, dtype: Any
) -> None:
    x, grad = numbers(0, shape, dtype) * 2 + 1, numbers(1, shape, dtype)
    weight, bias = weights(shape, form, dtype)
    statistics = reference.line_statistics(x, EPS)
    largest = max(float(statistics[2].max(initial=0)), 1.0)  # lines of one number: 1 / sqrt(eps)
    for affine in ((weight, bias), (weight, None), (None, bias)):
        given = (x, statistics, *affine)
        y = computed(device, "standardise", *given)
        assert (y.dtype, y.flags.c_contiguous, y.flags.writeable) == (dtype, True, True)
        close(y, reference.standardise(*given), dtype, scale=10)
    sums = computed(device, "line_sums", grad, x, statistics, weight)
    assert (sums.dtype, sums.shape) == (dtype, (2, shape[0], shape[2]))
    expected = reference.line_sums(grad, x, statistics, weight)
    close(sums, expected, dtype, scale=shape[1] ** 0.5 * 3)
    given = (grad, x, statistics, weight, expected)
    result = computed(device, "standardise_grad", *given)
    assert (result.dtype, result.flags.c_contiguous) == (dtype, True)
    close(result, reference.standardise_grad(*given), dtype, scale=2 * largest)


@pytest.mark.usefixtures("short_pieces")
@dtypes
@shapes
def test_sums_across_lines(device: str, shape: tuple[int, ...], dtype: Any) -> None:
    x, grad = numbers(0, shape, dtype) * 2 + 1, numbers(1, shape, dtype)
    statistics = reference.line_statistics(x, EPS)
    sums = computed(device, "sums_across_lines", grad, x, statistics)
    assert (sums.dtype, sums.shape) == (dtype, (2, shape[1]))
    lines = shape[0] * shape[2]
    close(sums, reference.sums_across_lines(grad, x, statistics), dtype, scale=lines**0.5 + 1)


@pytest.mark.parametrize("form", ["none", "line", "place"])
@pytest.mark.parametrize("shape", [(2, 300, 1), (2, 20, 9)], ids=str)  # a thread takes several
@pytest.mark.parametrize("size", [1e20, 3.4e38])
def test_lines_of_the_largest_numbers(
    device: str, size: float, shape: tuple[int, ...], form: str
) -> None:
    """The squares of float32 are infinite above 1e19, and differences above half of the largest.

    One line of ordinary numbers lies among them.
    """
    signs = np.where(np.random.default_rng(0).random(shape) < 0.2, 1, -1)
    x = (signs * size * (1 - numbers(1, shape) ** 2 / 100).clip(0.5)).astype(np.float32)
    x[0, :, -1] = numbers(3, shape)[0, :, -1]
    grad, (weight, bias) = numbers(2, shape, np.float32), weights(shape, form, np.float32)
    expected = reference.line_statistics(x, EPS)
    statistics = computed(device, "line_statistics", x, EPS)
    largest = np.abs(x).max(1) * 1e-6
    assert (np.abs(statistics[0] - expected[0]) <= largest).all()
    np.testing.assert_allclose(statistics[1:], expected[1:], rtol=1e-5)
    y = computed(device, "standardise", x, statistics, weight, bias)
    close(y, reference.standardise(x, statistics, weight, bias), np.float32, scale=10)
    sums = computed(device, "line_sums", grad, x, statistics, weight)
    rounding = shape[1] ** 0.5 * 3
    close(sums, reference.line_sums(grad, x, statistics, weight), np.float32, scale=rounding)
    across = computed(device, "sums_across_lines", grad, x, statistics)
    close(across, reference.sums_across_lines(grad, x, statistics), np.float32, scale=20)
    given = (grad, x, statistics, weight, sums)
    result = computed(device, "standardise_grad", *given)
    scale = 2 * statistics[2][:, None]
    wanted = reference.standardise_grad(*given)
    close(result / scale, wanted / scale, np.float32, scale=20)


@pytest.mark.usefixtures("short_pieces")
def test_several_turns_of_a_block(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a GPU had one block only, which then takes all lines and pieces in turn."""
    monkeypatch.setattr("minicnn.backend.cuda.launch.MOST_BLOCKS", 1)
    for shape in ((3, 600, 1), (2, 20, 40)):
        for form in ("line", "place"):
            test_standardise_and_its_gradients(device, shape, form, np.float64)
        test_line_statistics(device, shape, np.float64)
        test_sums_across_lines(device, shape, np.float64)


@pytest.mark.usefixtures("short_pieces")
def test_wide_indices(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minicnn.backend.cuda.launch.INT_LIMIT", 1)
    test_standardise_and_its_gradients(device, (2, 70, 3), "place", np.float64)
    test_line_statistics(device, (2, 70, 3), np.float64)
    test_sums_across_lines(device, (2, 70, 3), np.float64)
    test_update_running(device, None, np.float64)


@dtypes
def test_known_statistics(device: str, dtype: Any) -> None:
    mean, var = numbers(0, (300,), dtype), numbers(1, (300,), dtype) ** 2
    got = computed(device, "known_statistics", mean, var, EPS)
    assert (got.dtype, got.shape) == (np.float64, (3, 300, 1))
    np.testing.assert_allclose(got, reference.known_statistics(mean, var, EPS), rtol=1e-14)


@dtypes
@pytest.mark.parametrize("momentum", [None, 0.0, 0.3, 1.0])
def test_update_running(device: str, momentum: float | None, dtype: Any) -> None:
    """In place, in a part of a larger array, too; for more channels than a block has threads."""
    statistics = numbers(2, (3, 300, 1))
    expected = [numbers(0, (300,), dtype), numbers(1, (300,), dtype), np.array(4)]
    apart = to_device(np.zeros((300, 2), dtype), device)[:, 0]
    apart[...] = to_device(expected[0], device)
    given = [apart, *[to_device(a.copy(), device) for a in expected[1:]]]
    arrays, statistics_there = list(given), to_device(statistics, device)
    kernels_for(apart).update_running(*given, statistics_there, momentum, 1.5)
    reference.update_running(*expected, statistics, momentum, 1.5)
    for got, array, wanted in zip(given, arrays, expected, strict=True):
        assert got is array
        np.testing.assert_allclose(to_device(got, "cpu"), wanted, rtol=3 * np.finfo(dtype).eps,
                                   atol=np.finfo(dtype).eps)  # fmt: skip
    assert int(to_device(given[2], "cpu")) == 5


@given(st.data(), st.integers(0, 5), st.integers(0, 5), st.sampled_from([0.5, 0.75, 1.0, -0.5]))
def test_response_norm_and_its_gradient(
    device: str, data: st.DataObject, before: int, after: int, beta: float
) -> None:
    shape = (data.draw(st.integers(1, 6)), 2, 3, data.draw(st.integers(0, 3)))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    x, grad = numbers(data.draw(st.integers(0, 99)), shape, dtype), numbers(100, shape, dtype)
    options = (before, after, 0.3, beta, 1.5)
    check_twins(device, "response_norm", x, *options)
    check_twins(device, "response_norm_grad", grad, x, *options)


def test_the_gradient_of_response_norm_is_that_of_small_steps() -> None:
    """Of the plain loops, which the others are compared with."""
    x, grad, step = numbers(0, (5, 1, 2, 2)), numbers(1, (5, 1, 2, 2)), numbers(2, (5, 1, 2, 2))
    options = (2, 1, 0.3, 0.75, 1.5)
    found = np.vdot(reference.response_norm_grad(grad, x, *options), step)
    h = 1e-5
    plus, minus = (reference.response_norm(x + sign * h * step, *options) for sign in (1, -1))
    np.testing.assert_allclose(found, np.vdot(grad, plus - minus) / (2 * h), rtol=1e-8)


def test_the_gradient_of_standardise_is_that_of_small_steps() -> None:
    """Of the plain loops, which the others are compared with."""
    shape = (2, 5, 3)
    x, grad, step = (numbers(seed, shape) for seed in range(3))
    weight, _ = weights(shape, "place", np.float64)

    def y(x: Array) -> Array:
        return reference.standardise(x, reference.line_statistics(x, 0.1), weight, None)

    statistics, h = reference.line_statistics(x, 0.1), 1e-5
    sums = reference.line_sums(grad, x, statistics, weight)
    found = np.vdot(reference.standardise_grad(grad, x, statistics, weight, sums), step)
    expected = np.vdot(grad, y(x + h * step) - y(x - h * step)) / (2 * h)
    np.testing.assert_allclose(found, expected, rtol=1e-7)
