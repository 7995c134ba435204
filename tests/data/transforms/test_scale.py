from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from minicnn.data.transforms import Compose, Normalize, PadTo, Resize

IMAGES = np.random.default_rng(0).standard_normal((4, 3, 5, 6)).astype(np.float32)
ALL = [Normalize(0.5, 2.0), Normalize([0.1, 0.2, 0.3], [1.0, 2.0, 3.0]), PadTo(9), Resize((7, 3))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("transform", [*ALL, Compose(ALL)], ids=repr)
def test_result_is_fresh_batch_last_and_keeps_the_type(
    transform: Any, order: Any, dtype: type
) -> None:
    images = IMAGES.astype(dtype, order=order)
    before = images.copy()
    result = transform(images)
    assert result.dtype == dtype
    assert result.transpose(1, 2, 3, 0).flags.c_contiguous
    assert not np.shares_memory(result, images)
    np.testing.assert_array_equal(images, before)


def test_normalize_with_one_number_for_all_channels() -> None:
    np.testing.assert_allclose(Normalize(0.5, 2)(IMAGES), (IMAGES - 0.5) / 2, rtol=1e-6)


def test_normalize_with_a_number_for_each_channel() -> None:
    mean, std = [0.1, 0.2, 0.3], [1.0, 2.0, 3.0]
    result = Normalize(mean, std)(IMAGES)
    for channel in range(3):
        expected = (IMAGES[:, channel] - mean[channel]) / std[channel]
        np.testing.assert_allclose(result[:, channel], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        (0.5, 0, "std: got 0, expected a number above 0"),
        (0.5, -1.0, "std: got -1.0, expected a number above 0"),
        (0.5, math.nan, "std: got nan"),
        (math.inf, 1, "mean: got inf, expected a finite number"),
        ([0.5, 0.5], [1, 0], "std: got 0, expected a number above 0"),
        ([0.5, 0.5], [1], r"mean, std: got \[0.5, 0.5\] and \[1\], expected two numbers or two"),
        ([0.5, 0.5], 1, "expected two numbers or two lists"),
        ([[0.5]], [[1]], "expected two numbers or two lists"),
    ],
)
def test_normalize_refuses(mean: Any, std: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"Normalize: .*{message}"):
        Normalize(mean, std)


@pytest.mark.parametrize("mean", ["0.5", None, True, [0.5, "1"]])
def test_normalize_refuses_what_is_not_a_number(mean: Any) -> None:
    with pytest.raises(TypeError, match="Normalize: mean: got .*, expected a finite number"):
        Normalize(mean, 1.0)


@pytest.mark.parametrize("form", [np.float32, np.array, lambda number: [number] * 3])
def test_normalize_takes_numbers_of_every_kind(form: Any) -> None:
    result = Normalize(form(0.5), form(2.0))(IMAGES)
    np.testing.assert_array_equal(result, Normalize(0.5, 2.0)(IMAGES))


@pytest.mark.parametrize("count", [1, 2])
def test_normalize_refuses_other_channels(count: int) -> None:
    with pytest.raises(ValueError, match=f"has {count} channels, the images have 3"):
        Normalize([0.0] * count, [1.0] * count)(IMAGES)


def test_pad_to_centres_and_puts_the_odd_pixel_at_the_bottom_right() -> None:
    result = PadTo((8, 6))(IMAGES)
    assert result.shape == (4, 3, 8, 6)
    np.testing.assert_array_equal(result[:, :, 1:6], IMAGES)
    assert (result[:, :, :1] == 0).all()
    assert (result[:, :, 6:] == 0).all()
    assert PadTo(32)(np.ones((1, 1, 28, 28)))[0, 0, 2:30, 2:30].all()
    np.testing.assert_array_equal(PadTo((5, 9))(IMAGES)[..., 1:7], IMAGES)


@pytest.mark.parametrize("size", [(4, 9), (9, 5), 5])
def test_pad_to_refuses_larger_images(size: Any) -> None:
    with pytest.raises(ValueError, match=r"PadTo\(.*\): the images are larger, 5x6"):
        PadTo(size)(IMAGES)


def bilinear(image: np.ndarray, new_height: int, new_width: int) -> np.ndarray:
    """The definition, pixel by pixel in Python floats."""
    height, width = image.shape
    result = np.empty((new_height, new_width))
    for i in range(new_height):
        for j in range(new_width):
            y = min(max((i + 0.5) * height / new_height - 0.5, 0), height - 1)
            x = min(max((j + 0.5) * width / new_width - 0.5, 0), width - 1)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            top = image[y0, x0] * (1 - (x - x0)) + image[y0, x1] * (x - x0)
            bottom = image[y1, x0] * (1 - (x - x0)) + image[y1, x1] * (x - x0)
            result[i, j] = top * (1 - (y - y0)) + bottom * (y - y0)
    return result


@pytest.mark.parametrize("size", [(5, 6), (10, 12), (7, 3), (1, 1), (2, 17), (13, 1), (3, 3)])
@pytest.mark.parametrize("source", [(5, 6), (1, 4), (6, 1), (1, 1)])
def test_resize_is_the_plain_loops(source: tuple[int, int], size: tuple[int, int]) -> None:
    images = np.random.default_rng(1).standard_normal((2, 3, *source))
    result = Resize(size)(images)
    expected = [[bilinear(channel, *size) for channel in image] for image in images]
    np.testing.assert_allclose(result, expected, atol=1e-12)


def test_resize_to_the_same_size_changes_nothing() -> None:
    np.testing.assert_array_equal(Resize((5, 6))(IMAGES), IMAGES)


def test_resize_keeps_a_constant_and_an_integer_is_a_square() -> None:
    result = Resize(11)(np.full((1, 2, 4, 9), 3.0))
    assert result.shape == (1, 2, 11, 11)
    np.testing.assert_allclose(result, 3.0)


@pytest.mark.torch
@pytest.mark.parametrize("size", [(28, 28), (4, 5), (3, 20)])
def test_resize_is_pytorchs_interpolate(size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    expected = torch.nn.functional.interpolate(
        torch.tensor(IMAGES), size=size, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(Resize(size)(IMAGES), expected.numpy(), atol=1e-5)


def test_compose_applies_from_left_to_right() -> None:
    both = Compose([Normalize(1.0, 2.0), PadTo(9)])
    np.testing.assert_array_equal(both(IMAGES), PadTo(9)(Normalize(1.0, 2.0)(IMAGES)))
    assert Compose([])(IMAGES) is IMAGES
    with pytest.raises(TypeError, match="transforms: got 3, expected callables"):
        Compose([3])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("transform", "text"),
    [
        (Normalize(0.1307, 0.3081), "Normalize(mean=0.1307, std=0.3081)"),
        (PadTo(32), "PadTo((32, 32))"),
        (Resize((4, 5)), "Resize((4, 5))"),
        (Compose([PadTo(2), Resize(3)]), "Compose([PadTo((2, 2)), Resize((3, 3))])"),
    ],
)
def test_repr_is_the_call_that_makes_it(transform: Any, text: str) -> None:
    assert repr(transform) == text


@pytest.mark.parametrize("size", [(3,), (1, 2, 3), 2.5, (2.0, 2), "ab", True])
@pytest.mark.parametrize("kind", [PadTo, Resize])
def test_other_sizes_are_refused(kind: Any, size: Any) -> None:
    with pytest.raises(TypeError, match=f"{kind.__name__}: size: got .*, expected an integer or a"):
        kind(size)


@pytest.mark.parametrize("size", [0, -1, (3, 0)])
@pytest.mark.parametrize("kind", [PadTo, Resize])
def test_empty_sizes_are_refused(kind: Any, size: Any) -> None:
    with pytest.raises(ValueError, match=f"{kind.__name__}: size: got .*, expected 1 or more"):
        kind(size)


@pytest.mark.parametrize(
    ("images", "error"),
    [
        (IMAGES[0], ValueError),
        (IMAGES.astype(np.uint8), TypeError),
        ([1.0], TypeError),
        (None, TypeError),
    ],
)
@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_other_images_are_refused(transform: Any, images: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"\(.*\): got .*, expected a float array \(N, C, H, W\)"):
        transform(images)
