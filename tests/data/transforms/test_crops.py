from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.data.transforms import (
    CenterCrop,
    PadTo,
    RandomCrop,
    RandomHorizontalFlip,
    RandomShift,
    TenCrop,
)

IMAGES = np.random.default_rng(0).standard_normal((4, 3, 5, 6)).astype(np.float32)
MANY = 4000
# Pixel (i, j) of every image has the value 10 + 10 i + j: it says where it was.
PLACES = np.broadcast_to(
    10 + 10 * np.arange(5.0)[:, None] + np.arange(6.0), (MANY, 2, 5, 6)
).astype(np.float32)


def even(counts: np.ndarray) -> bool:
    """Whether these counts are as even as those of fair draws: none is off by 5 deviations."""
    mean = counts.mean()
    return bool((np.abs(counts - mean) < 5 * math.sqrt(mean)).all())


def test_center_crop_loses_the_odd_pixel_at_the_bottom_right() -> None:
    np.testing.assert_array_equal(CenterCrop((2, 3))(IMAGES), IMAGES[:, :, 1:3, 1:4])
    np.testing.assert_array_equal(CenterCrop((5, 6))(IMAGES), IMAGES)


@pytest.mark.parametrize("size", [(5, 6), (8, 7), (9, 10)])
def test_center_crop_undoes_pad_to(size: tuple[int, int]) -> None:
    np.testing.assert_array_equal(CenterCrop((5, 6))(PadTo(size)(IMAGES)), IMAGES)


def test_ten_crop_is_corners_and_centre_and_mirror_images() -> None:
    result = TenCrop((3, 4))(IMAGES)
    assert result.shape == (40, 3, 3, 4)
    rows = [slice(0, 3), slice(0, 3), slice(2, 5), slice(2, 5), slice(1, 4)]
    columns = [slice(0, 4), slice(2, 6), slice(0, 4), slice(2, 6), slice(1, 5)]
    for n in range(4):
        for crop in range(5):
            there = slice(None), rows[crop], columns[crop]
            straight, mirrored = IMAGES[n], IMAGES[n, :, :, ::-1]
            np.testing.assert_array_equal(result[4 * crop + n], straight[there])
            np.testing.assert_array_equal(result[4 * (crop + 5) + n], mirrored[there])


@pytest.mark.parametrize(
    ("padding", "border"),
    [
        (0, ((0, 0), (0, 0))),
        (1, ((1, 1), (1, 1))),
        ((2, 0), ((2, 2), (0, 0))),
        (((0, 1), (2, 1)), ((0, 1), (2, 1))),
    ],
)
def test_random_crop_takes_every_place_equally_often(padding: Any, border: Any) -> None:
    result = RandomCrop((4, 3), padding, fill=-1.0)(PLACES)
    assert result.shape == (MANY, 2, 4, 3)
    padded = np.pad(PLACES[0], ((0, 0), *border), constant_values=-1.0)  # (2, H, W)
    down, right = padded.shape[1] - 4 + 1, padded.shape[2] - 3 + 1
    counts = np.zeros((down, right))
    for top in range(down):
        for left in range(right):
            crop = padded[:, top : top + 4, left : left + 3]
            counts[top, left] = (result == crop).all(axis=(1, 2, 3)).sum()
    assert counts.sum() == MANY
    assert even(counts)


def test_random_crop_keeps_the_images_apart() -> None:
    marked = np.arange(50, dtype=np.float32).reshape(50, 1, 1, 1) + np.zeros((1, 3, 7, 7), "f4")
    result = RandomCrop(5)(marked)
    np.testing.assert_array_equal(result, marked[:, :, :5, :5])


def test_random_crop_of_the_whole_changes_nothing() -> None:
    np.testing.assert_array_equal(RandomCrop((5, 6))(IMAGES), IMAGES)
    np.testing.assert_array_equal(RandomCrop([5, 6])(IMAGES), IMAGES)  # type: ignore[arg-type]


def shifted(image: np.ndarray, down: int, right: int, fill: float) -> np.ndarray:
    """The definition, pixel by pixel."""
    result = np.full_like(image, fill)
    _, height, width = image.shape
    for i in range(height):
        for j in range(width):
            if 0 <= i - down < height and 0 <= j - right < width:
                result[:, i, j] = image[:, i - down, j - right]
    return result


@pytest.mark.parametrize("pixels", [1, 2, 6])
def test_random_shift_is_the_plain_loops_for_every_shift_equally_often(pixels: int) -> None:
    result = RandomShift(pixels, fill=9.0)(PLACES)
    reach = range(-pixels, pixels + 1)
    seen: dict[bytes, int] = {}
    for down in reach:
        for right in reach:
            expected = shifted(PLACES[0], down, right, 9.0)
            count = int((result == expected).all(axis=(1, 2, 3)).sum())
            seen[expected.tobytes()] = count  # shifts out of sight look alike
    assert sum(seen.values()) == MANY
    if pixels < 5:
        assert len(seen) == len(reach) ** 2
        assert even(np.array(list(seen.values())))


def test_a_shift_of_no_pixels_changes_nothing() -> None:
    np.testing.assert_array_equal(RandomShift(0)(IMAGES), IMAGES)


@pytest.mark.parametrize("p", [0, 0.2, 0.5, 1])
def test_flip_mirrors_a_share_of_the_images(p: float) -> None:
    result = RandomHorizontalFlip(p)(PLACES)
    mirrored = (result == PLACES[:, :, :, ::-1]).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(result[~mirrored], PLACES[~mirrored])
    assert abs(mirrored.sum() - p * MANY) <= 5 * math.sqrt(p * (1 - p) * MANY)


def test_the_background_and_size_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="RandomCrop: fill: got nan, expected a finite number"):
        RandomCrop(3, fill=math.nan)
    with pytest.raises(TypeError, match="RandomShift: fill: got None, expected a finite number"):
        RandomShift(3, fill=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="RandomCrop: padding: got -1, expected 0 or more"):
        RandomCrop(3, padding=-1)
    with pytest.raises(TypeError, match=r"CenterCrop: size: got \(3,\), expected an integer or a"):
        CenterCrop((3,))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="TenCrop: size: got 0, expected 1 or more"):
        TenCrop(0)
    with pytest.raises(TypeError, match="RandomCrop: size: got 2.0, expected"):
        RandomCrop(2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("pixels", [-1, 1.0, True, None, (1, 2)])
def test_shift_refuses(pixels: Any) -> None:
    error = ValueError if pixels == -1 else TypeError
    with pytest.raises(error, match="RandomShift: pixels: got .*, expected an integer of 0 or"):
        RandomShift(pixels)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan, "1", True])
def test_flip_refuses(p: Any) -> None:
    error = ValueError if isinstance(p, float) else TypeError
    with pytest.raises(error, match="RandomHorizontalFlip: p: got .*, expected a number from 0 to"):
        RandomHorizontalFlip(p)


@pytest.mark.parametrize("size", [(6, 6), (5, 7)])
@pytest.mark.parametrize("kind", [CenterCrop, TenCrop, RandomCrop])
def test_smaller_images_are_refused(kind: Any, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"{kind.__name__}\(.*\): the images are smaller, 5x6"):
        kind(size)(IMAGES)
    if kind is RandomCrop:
        assert kind(size, padding=1)(IMAGES).shape == (4, 3, *size)


@pytest.mark.parametrize("transform", [RandomCrop(3), RandomShift(2), RandomHorizontalFlip()])
def test_fits_a_loader_and_an_epoch_can_be_repeated(transform: Any) -> None:
    train = mc.data.ArrayDataset(IMAGES, np.zeros(4, int))
    batches = mc.data.DataLoader(train, 3, shuffle=True, transform=transform)
    epochs = []
    for seed in (5, 5, 6):
        mc.manual_seed(seed)
        epochs.append(np.concatenate([images.numpy() for images, _ in batches]))
    np.testing.assert_array_equal(epochs[0], epochs[1])
    assert (epochs[0] != epochs[2]).any()
