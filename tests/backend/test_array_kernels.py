"""The kernels of arrays of any shape on every device against the plain loops, or NumPy itself."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.kernel_twins import ROUNDING, computed

from minicnn.backend import array_module, kernels_for, reference, to_device

Array = NDArray[Any]
FLOATS = st.sampled_from([np.float32, np.float64])
SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)
SPECIAL = {"normal": (), "infinite": (np.inf, -np.inf), "any": (np.nan, np.inf, -np.inf)}
KEYS = st.integers(0, 2**64 - 1)


@st.composite
def arrays(draw: st.DrawFn, shape: tuple[int, ...], kinds: Iterable[str] = ("normal",)) -> Array:
    """Numbers of a drawn size, dtype and kind, their axes in any order in memory, or with gaps."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.standard_normal(shape) * draw(st.sampled_from([1, 200]))
    for value in SPECIAL[draw(st.sampled_from(list(kinds)))]:
        x = np.where(rng.random(shape) < draw(st.sampled_from([0.2, 0.7])), value, x)
    return draw(in_any_order(np.asarray(x, draw(FLOATS))))


@st.composite
def in_any_order(draw: st.DrawFn, x: Array) -> Array:
    """The same numbers, with the axes in another order in memory, or with gaps between them."""
    order = draw(st.permutations(range(x.ndim)))
    stored = x.transpose(order).copy()
    if x.ndim and draw(st.booleans()):
        stored = np.repeat(stored, 2, axis=-1)[..., ::2]
    return stored.transpose(sorted(range(x.ndim), key=order.__getitem__))


def check_twins(device: str, name: str, *arguments: Any) -> Array:
    """A kernel and the plain loops give the same numbers, dtype and shape."""
    expected = getattr(reference, name)(*arguments)
    got = computed(device, name, *arguments)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(got, expected, rtol=0, atol=20 * ROUNDING[got.dtype])
    return got


def keeps_order(y: Array, x: Array) -> bool:
    """Whether y fills its memory in the order in which the axes of x lie there."""
    steps = [
        [stride for stride, n in zip(a.strides, a.shape, strict=True) if n > 1]
        for a in (y, np.empty_like(x))
    ]
    return steps[0] == steps[1] or x.size == 0


@given(st.lists(st.floats(-7, 7) | st.floats(width=32), max_size=20), FLOATS)
def test_erf(device: str, numbers: list[float], dtype: Any) -> None:
    x = np.array([*numbers, 0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30], dtype)
    got = check_twins(device, "erf", x)
    expected = reference.erf(x)
    np.testing.assert_allclose(got, expected, rtol=0, atol=3e-16 if dtype == np.float64 else 1e-7)
    np.testing.assert_array_equal(np.signbit(got[:-3]), np.signbit(x[:-3]))


def test_erf_is_precise_between_and_at_its_nodes(device: str) -> None:
    x = np.concatenate([np.linspace(-6.5, 6.5, 20001), np.arange(7 * 1024) / 2048])
    expected = reference.erf(x)
    np.testing.assert_allclose(computed(device, "erf", x), expected, rtol=1e-14, atol=3e-16)


@given(st.data(), SHAPES)
def test_erf_keeps_the_memory_order(device: str, data: st.DataObject, shape: Any) -> None:
    x = data.draw(arrays(shape))
    assert keeps_order(check_twins(device, "erf", x), x)


@given(st.data(), SHAPES)
@pytest.mark.parametrize("name", ["sigmoid", "gelu", "gelu_grad"])
def test_activations(device: str, name: str, data: st.DataObject, shape: Any) -> None:
    x = data.draw(arrays(shape))
    grads = [data.draw(arrays(shape)).astype(x.dtype)] if name.endswith("grad") else []
    assert keeps_order(check_twins(device, name, *grads, x), x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_far_from_0(device: str, dtype: Any) -> None:
    top = np.sqrt(np.finfo(dtype).max)
    x = np.array([-np.inf, -top, -100, 100, top, np.inf, np.nan], dtype)
    ends = [0, 0, 0, 1, 1, 1, np.nan]
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(computed(device, "sigmoid", x).round(30), ends)
        np.testing.assert_array_equal(computed(device, "gelu", x), [0, 0, 0, *x[3:]])
        np.testing.assert_array_equal(computed(device, "gelu_grad", np.ones_like(x), x), ends)


@given(st.data(), st.lists(SHAPES, max_size=4))
def test_join(device: str, data: st.DataObject, shapes: list[Any]) -> None:
    """More arrays than one launch takes, of any shapes, some of them empty."""
    pieces = [data.draw(arrays(shape)).astype(np.float32) for shape in shapes] * 12
    out = np.full(sum(piece.size for piece in pieces) + 2, 7, np.float32)
    expected = out.copy()
    reference.join(pieces, expected[1:-1])
    there = to_device(out, device)
    kernels_for(there).join([to_device(piece, device) for piece in pieces], there[1:-1])
    np.testing.assert_array_equal(to_device(there, "cpu"), expected)


@given(st.data(), st.integers(0, 4), st.integers(1, 5))
def test_cross_entropy(device: str, data: st.DataObject, n: int, num_classes: int) -> None:
    """With a gradient for each place, and one number for all, as a mean has it."""
    rest = data.draw(st.lists(st.integers(0, 3), max_size=2))
    scores = data.draw(arrays((n, num_classes, *rest)))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    classes = data.draw(in_any_order(rng.integers(0, num_classes, (n, *rest))))
    check_twins(device, "cross_entropy", scores, classes)
    grads = data.draw(arrays((n, *rest))).astype(scores.dtype)
    check_twins(device, "cross_entropy_grad", grads, scores, classes)
    largest = computed(device, "is_largest", scores, classes)
    np.testing.assert_array_equal(largest, reference.is_largest(scores, classes))
    quarter = to_device(np.array(0.25, scores.dtype), device)
    there, places = to_device(scores, device), to_device(classes, device)
    shared = array_module(there).broadcast_to(quarter, classes.shape)
    got = to_device(kernels_for(there).cross_entropy_grad(shared, there, places), "cpu")
    expected = reference.cross_entropy_grad(np.full(classes.shape, 0.25), scores, classes)
    np.testing.assert_allclose(got, expected, rtol=0, atol=ROUNDING[scores.dtype])


@given(st.data(), st.integers(1, 4))
def test_the_largest_among_few_numbers(device: str, data: st.DataObject, n: int) -> None:
    """With equal scores, infinities, and several NaN."""
    numbers = st.sampled_from([0.0, -0.0, 1.0, np.inf, -np.inf, np.nan])
    rows = data.draw(st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=n, max_size=n))
    scores, classes = np.array(rows, np.float32), np.arange(n) % 3
    got = computed(device, "is_largest", scores, classes)
    np.testing.assert_array_equal(got, scores.argmax(1) == classes)
    np.testing.assert_array_equal(got, reference.is_largest(scores, classes))


@given(st.data(), SHAPES)
def test_mask_keeps_the_memory_order(device: str, data: st.DataObject, shape: Any) -> None:
    """The condition may lie in another order, or be broadcast."""
    x = data.draw(arrays(shape, SPECIAL))
    is_broadcast = shape and data.draw(st.booleans())
    kept_shape = (1, *shape[1:]) if is_broadcast else shape
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    kept = data.draw(in_any_order(np.asarray(rng.random(kept_shape) < 0.5)))
    kept = np.broadcast_to(kept, shape)
    got = computed(device, "keep", x, kept)
    np.testing.assert_array_equal(got, reference.keep(x, kept))
    assert got.dtype == x.dtype
    if not is_broadcast and keeps_order(kept, x):
        assert keeps_order(got, x)


@given(st.data(), SHAPES)
def test_gate(device: str, data: st.DataObject, shape: Any) -> None:
    """0 lets nothing through, not even infinity; what is NaN passes everything on."""
    x = data.draw(arrays(shape, SPECIAL))
    y = np.asarray(data.draw(arrays(shape, SPECIAL)), x.dtype)
    y = np.maximum(y, 0, where=~np.isnan(y), out=y.copy(order="K"))
    got, expected = computed(device, "relu_grad", x, y), reference.relu_grad(x, y)
    np.testing.assert_array_equal(got, expected, strict=True)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@given(st.data(), st.lists(st.integers(1, 4), min_size=1, max_size=4), st.booleans())
def test_softmax(device: str, name: str, data: st.DataObject, shape: Any, empty: bool) -> None:
    """Rows that hold NaN or infinity are NaN in the same places; another axis may be empty."""
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    if empty and len(shape) > 1:
        shape[(axis + 1) % len(shape)] = 0
    with np.errstate(invalid="ignore"):
        got = check_twins(device, name, data.draw(arrays(tuple(shape), SPECIAL)), axis)
    if name == "softmax":
        sums = got.sum(axis)
        np.testing.assert_allclose(sums[~np.isnan(sums)], 1, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_of_large_numbers(device: str, dtype: Any) -> None:
    top = np.finfo(dtype).max / 4
    x = np.array([[top, 0, -top], [-top, -top, -top], [700, -700, 699]], dtype)
    np.testing.assert_array_equal(check_twins(device, "softmax", x, 1)[:2, 0], [1, dtype(1) / 3])
    expected = [0, -top, -2 * top]
    np.testing.assert_allclose(computed(device, "log_softmax", x, 1)[0], expected, rtol=1e-6)


@given(st.data(), st.integers(0, 4), st.integers(1, 5))
def test_pick_and_put_back(device: str, data: st.DataObject, n: int, num_classes: int) -> None:
    """Exactly the numbers of the loops, from classes of any integer type; the two are adjoint."""
    rest = data.draw(st.lists(st.integers(0, 3), max_size=2))
    scores = data.draw(arrays((n, num_classes, *rest)))
    values = data.draw(arrays((n, *rest)))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    classes = rng.integers(0, num_classes, (n, *rest))
    classes = classes.astype(data.draw(st.sampled_from([np.int64, np.int32, np.uint8])))
    classes = data.draw(in_any_order(classes))
    picked = check_twins(device, "gather_class", scores, classes)
    np.testing.assert_array_equal(picked, reference.gather_class(scores, classes))
    back = check_twins(device, "scatter_class", values, classes, num_classes)
    np.testing.assert_array_equal(back, reference.scatter_class(values, classes, num_classes))
    size = max(1, math.sqrt(scores.size)) * 1e5
    np.testing.assert_allclose(np.vdot(picked, values), np.vdot(scores, back), atol=size * 1e-5)


@pytest.mark.parametrize("name", ["gather_class", "scatter_class"])
def test_infinite_scores_stay_with_their_class(device: str, name: str) -> None:
    classes = np.array([1, 0, 2])
    if name == "gather_class":
        scores = np.array([[np.inf, 1, np.nan], [2, np.nan, np.nan], [np.nan, -np.inf, 3]])
        np.testing.assert_array_equal(computed(device, name, scores, classes), [1, 2, 3])
    else:
        back = computed(device, name, np.array([np.inf, np.nan, -np.inf]), classes, 3)
        np.testing.assert_array_equal(back, [[0, np.inf, 0], [np.nan, 0, 0], [0, 0, -np.inf]])


@given(st.integers(0, 40) | st.integers(2030, 2060), KEYS)
def test_uniform_has_the_bits_of_philox(device: str, count: int, key: int) -> None:
    got = computed(device, "uniform", np.zeros(1), count, key)
    expected = np.random.Generator(np.random.Philox(key=key)).random(count, np.float32)
    assert (got.shape, got.dtype) == ((count,), np.float32)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(reference.uniform(np.zeros(1), count, key), expected)


@pytest.mark.parametrize("key", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_uniform_takes_every_key_of_64_bits(device: str, key: int) -> None:
    got = computed(device, "uniform", np.zeros(1), 1001, key)
    expected = np.random.Generator(np.random.Philox(key=key)).random(1001, np.float32)
    np.testing.assert_array_equal(got, expected)
    assert 0 <= got.min() < 0.01 < 0.99 < got.max() < 1


@given(st.data(), st.tuples(*[st.integers(0, 6)] * 3))
def test_channel_totals(device: str, data: st.DataObject, rest: tuple[int, ...]) -> None:
    x = np.ascontiguousarray(data.draw(arrays((data.draw(st.integers(1, 4)), *rest))))
    got = computed(device, "sum_per_channel", x)
    assert (got.shape, got.dtype) == (x.shape[:1], x.dtype)
    atol = 200 * 10 * ROUNDING[x.dtype]
    np.testing.assert_allclose(got, reference.sum_per_channel(x), rtol=0, atol=atol)


@pytest.mark.parametrize("length", [255, 256, 257, 8191, 8193, 70001])
def test_channel_totals_of_long_channels(device: str, length: int) -> None:
    """Whole numbers add up exactly, in whatever order."""
    x = np.arange(2.0 * length).reshape(2, 1, length, 1)
    np.testing.assert_array_equal(computed(device, "sum_per_channel", x), x.sum((1, 2, 3)))
