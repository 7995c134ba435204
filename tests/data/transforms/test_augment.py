from __future__ import annotations

import math
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.backend.random import generator
from minicnn.data.transforms import (
    CenterCrop,
    PCALighting,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    RandomShift,
    TenCrop,
    augment,
)

IMAGES = np.random.default_rng(0).standard_normal((4, 3, 5, 6)).astype(np.float32)
AFFINE = RandomAffine(40, (0.2, 0.3), (0.7, 1.5), 25, fill=0.5)
RANDOM = [
    RandomCrop((4, 3), padding=1),
    RandomHorizontalFlip(),
    RandomShift(2, fill=-1.0),
    RandomRotation(30),
    AFFINE,
    PCALighting().fit(IMAGES),
]
ALL = [*RANDOM, CenterCrop(3), TenCrop((2, 3))]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F", "batch last"])
@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_result_is_fresh_batch_last_and_keeps_the_type(
    transform: Any, order: Any, dtype: type
) -> None:
    images = IMAGES.astype(dtype, order=order if order in ("C", "F") else "C")
    if order == "batch last":
        images = np.ascontiguousarray(images.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    before = images.copy()
    images.flags.writeable = False
    result = transform(images)
    assert result.dtype == dtype
    assert result.transpose(1, 2, 3, 0).flags.c_contiguous
    assert result.flags.writeable
    assert not np.shares_memory(result, images)
    np.testing.assert_array_equal(images, before)
    mc.manual_seed(0)
    again = transform(np.ascontiguousarray(before))  # whatever the memory order was
    np.testing.assert_array_equal(again, result)


@pytest.mark.parametrize("transform", RANDOM, ids=repr)
def test_each_call_and_each_image_draws_anew_and_a_seed_repeats(transform: Any) -> None:
    alike = np.repeat(IMAGES[:1], 50, axis=0)
    mc.manual_seed(3)
    first, second = transform(alike), transform(alike)
    assert (first != second).any()
    assert (first != first[:1]).any()
    mc.manual_seed(3)
    np.testing.assert_array_equal(transform(alike), first)
    np.testing.assert_array_equal(transform(alike), second)


@pytest.mark.parametrize("transform", ALL, ids=repr)
@pytest.mark.parametrize(
    ("images", "error"),
    [
        (IMAGES[0], ValueError),
        (IMAGES.astype(np.uint8), TypeError),
        ([1.0], TypeError),
        (None, TypeError),
    ],
)
def test_other_images_are_refused(transform: Any, images: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"\(.*\): got .*, expected a float array \(N, C, H, W\)"):
        transform(images)


@pytest.mark.parametrize(
    ("transform", "text"),
    [
        (CenterCrop(3), "CenterCrop((3, 3))"),
        (TenCrop((2, 3)), "TenCrop((2, 3))"),
        (RandomCrop(3, 1), "RandomCrop((3, 3), padding=((1, 1), (1, 1)), fill=0.0)"),
        (RandomHorizontalFlip(0.25), "RandomHorizontalFlip(p=0.25)"),
        (RandomShift(2), "RandomShift(2, fill=0.0)"),
        (RandomRotation(15), "RandomRotation(15.0, fill=0.0)"),
        (
            AFFINE,
            "RandomAffine(degrees=40.0, translate=(0.2, 0.3), scale=(0.7, 1.5), shear=25.0, "
            "fill=0.5)",
        ),
        (PCALighting(0.2), "PCALighting(std=0.2)"),
    ],
)
def test_repr_is_the_call_that_makes_it(transform: Any, text: str) -> None:
    assert repr(transform) == text
    assert repr(eval(text)) == text


def inverse_maps(transform: RandomAffine, height: int, width: int, count: int) -> np.ndarray:
    """(N, 2, 3), from the definition: new (x, y) about the centre -> old; draws as it will."""
    turn, lean, right, down = generator().uniform(-1, 1, (4, count))
    scales = generator().uniform(*transform.scale, count)
    result = []
    for n in range(count):
        a, b = math.radians(transform.degrees * turn[n]), math.radians(transform.shear * lean[n])
        rotation = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
        inverse = np.linalg.inv(scales[n] * rotation @ np.array([[1, math.tan(b)], [0, 1]]))
        shift = transform.translate[0] * width * right[n], transform.translate[1] * height * down[n]
        result.append(np.column_stack([inverse, -inverse @ shift]))
    return np.array(result)


def bilinear(image: np.ndarray, y: float, x: float, fill: float) -> float:
    """One place of (H, W), with `fill` for each neighbour that is outside."""

    def pixel(i: int, j: int) -> float:
        inside = 0 <= i < image.shape[0] and 0 <= j < image.shape[1]
        return float(image[i, j]) if inside else fill

    i, j = math.floor(y), math.floor(x)
    upper = (1 - (x - j)) * pixel(i, j) + (x - j) * pixel(i, j + 1)
    lower = (1 - (x - j)) * pixel(i + 1, j) + (x - j) * pixel(i + 1, j + 1)
    return (1 - (y - i)) * upper + (y - i) * lower


TURNS = [
    RandomRotation(180, fill=-2.0),
    RandomAffine(translate=(0.5, 1.0)),
    RandomAffine(scale=(0.1, 3.0), fill=1.0),
    RandomAffine(shear=80),
    AFFINE,
]


@pytest.mark.parametrize("transform", TURNS, ids=repr)
@pytest.mark.parametrize("size", [(5, 6), (7, 2), (1, 1), (1, 9)])
@pytest.mark.parametrize("band", [1, 30, 1 << 15])
def test_affine_is_the_plain_loops(
    transform: RandomAffine, size: tuple[int, int], band: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(augment, "_BAND", band)
    height, width = size
    images = np.random.default_rng(1).standard_normal((5, 2, *size)).astype(np.float32)
    maps = inverse_maps(transform, height, width, 5)
    expected = np.empty_like(images)
    for n, c, i, j in np.ndindex(images.shape):
        x, y = maps[n] @ (j - (width - 1) / 2, i - (height - 1) / 2, 1)
        y, x = y + (height - 1) / 2, x + (width - 1) / 2
        expected[n, c, i, j] = bilinear(images[n, c], y, x, transform.fill)
    mc.manual_seed(0)
    np.testing.assert_allclose(transform(images), expected, atol=2e-4)


@pytest.mark.torch
@pytest.mark.parametrize("transform", TURNS, ids=repr)
def test_affine_is_pytorchs_grid_sample(transform: RandomAffine, torch: ModuleType) -> None:
    images = np.random.default_rng(1).standard_normal((16, 3, 28, 20)).astype(np.float32)
    theta = inverse_maps(transform, 28, 20, 16)
    # PyTorch measures from -1 to 1 over the height and over the width.
    theta *= np.array([[1, 28 / 20, 2 / 20], [20 / 28, 1, 2 / 28]])
    grid = torch.nn.functional.affine_grid(
        torch.tensor(theta, dtype=torch.float32), images.shape, align_corners=False
    )
    # Its outside is always 0.
    expected = torch.nn.functional.grid_sample(
        torch.tensor(images - np.float32(transform.fill)), grid, align_corners=False
    )
    mc.manual_seed(0)
    np.testing.assert_allclose(transform(images), expected.numpy() + transform.fill, atol=5e-4)


@pytest.mark.parametrize("transform", [RandomRotation(0), RandomAffine()])
@pytest.mark.parametrize("size", [(28, 28), (5, 6), (1, 3)])
def test_the_identity_changes_not_a_bit(transform: Any, size: tuple[int, int]) -> None:
    images = np.random.default_rng(2).standard_normal((3, 2, *size)).astype(np.float32)
    np.testing.assert_array_equal(transform(images), images)


@pytest.fixture
def always_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every uniform number is the largest that could be drawn."""
    fixed = SimpleNamespace(uniform=lambda low, high, size: np.full(size, float(high)))
    monkeypatch.setattr(augment, "generator", lambda: fixed)


@pytest.mark.usefixtures("always_most")
@pytest.mark.parametrize("degrees", [90, 180, 270, 360])
def test_right_angles_only_move_pixels(degrees: int) -> None:
    square = IMAGES[..., :5]
    expected = np.rot90(square, -degrees // 90, axes=(2, 3))
    np.testing.assert_allclose(RandomRotation(degrees)(square), expected, atol=1e-5)


@pytest.mark.usefixtures("always_most")
def test_translate_is_first_to_the_right_then_down() -> None:
    result = RandomAffine(translate=(1 / 6, 2 / 5), fill=7.0)(IMAGES)
    np.testing.assert_allclose(result[:, :, 2:, 1:], IMAGES[:, :, :-2, :-1], atol=1e-5)
    np.testing.assert_allclose(result[:, :, :2], 7)
    np.testing.assert_allclose(result[:, :, :, 0], 7)


@pytest.mark.usefixtures("always_most")
def test_scale_enlarges_about_the_centre() -> None:
    bar = np.zeros((1, 1, 15, 15))
    bar[0, 0, 7, 6:9] = 1  # 3 pixels wide
    np.testing.assert_allclose(RandomAffine(scale=(1, 3))(bar)[0, 0, 7].sum(), 9, atol=1e-5)


def test_angles_and_scales_are_even() -> None:
    count = 5000
    maps = RandomAffine(30, scale=(0.5, 2.0))._draw_inverse(8, 8, count)  # (2, 3, N)
    scale = 1 / np.hypot(maps[0, 0], maps[0, 1])
    angle = np.degrees(np.arctan2(-maps[0, 1], maps[0, 0]))
    assert abs(np.corrcoef(scale, angle)[0, 1]) < 0.07
    for values, least, most in ((angle, -30, 30), (scale, 0.5, 2)):
        position = np.sort((values - least) / (most - least))
        # Kolmogorov and Smirnov: of fair draws one in 30,000 differs by more than 2.3 / sqrt(n).
        assert np.abs(position - (np.arange(count) + 0.5) / count).max() < 2.3 / math.sqrt(count)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"degrees": -1}, ValueError, "degrees: got -1, expected a number of 0 or more"),
        ({"degrees": math.inf}, ValueError, "degrees: got inf"),
        ({"degrees": (0, 10)}, TypeError, r"degrees: got \(0, 10\), expected a number"),
        ({"translate": 0.1}, TypeError, "translate: got 0.1, expected a pair of numbers"),
        ({"translate": (0.1, 2)}, ValueError, r"translate\[1\]: got 2, expected a number from 0"),
        ({"scale": (0, 1)}, ValueError, r"scale\[0\]: got 0, expected a number above 0"),
        ({"scale": (1.1, 0.9)}, ValueError, r"scale: got \(1.1, 0.9\), expected \(least, most\)"),
        ({"scale": (1, math.nan)}, ValueError, r"scale\[1\]: got nan"),
        ({"shear": -1}, ValueError, "shear: got -1, expected a number of 0 or more"),
        ({"shear": 90}, ValueError, "shear: got 90, expected at most 89 degrees"),
        ({"fill": "white"}, TypeError, "fill: got 'white', expected a finite number"),
    ],
)
def test_affine_refuses(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"RandomAffine: {message}"):
        RandomAffine(**arguments)


def test_rotation_refuses_under_its_own_name() -> None:
    with pytest.raises(TypeError, match="RandomRotation: degrees: got True, expected a number"):
        RandomRotation(True)


@pytest.mark.parametrize("shape", [(6, 3, 4, 5), (3, 2, 1024, 1024), (5, 1, 3, 3)])
def test_lighting_finds_the_principal_components(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(4).random(shape, np.float32) + np.float32(2)
    images[:, -1] += 3 * images[:, 0]
    lighting = PCALighting().fit(images)
    assert lighting.eigenvalues is not None
    assert lighting.eigenvectors is not None
    pixels = images.transpose(1, 0, 2, 3).reshape(shape[1], -1).astype(np.float64)
    expected = np.cov(pixels, bias=True).reshape(shape[1], shape[1])
    vectors = lighting.eigenvectors
    np.testing.assert_allclose(vectors @ np.diag(lighting.eigenvalues) @ vectors.T, expected)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(shape[1]), atol=1e-12)
    assert (vectors.max(axis=0) == np.abs(vectors).max(axis=0)).all()


def test_lighting_reads_bytes_as_the_data_sets_do() -> None:
    source = np.random.default_rng(5).integers(0, 256, (7, 3, 4, 4), dtype=np.uint8)
    from_bytes, from_floats = PCALighting().fit(source), PCALighting().fit(source / 255)
    np.testing.assert_allclose(from_bytes.eigenvalues, from_floats.eigenvalues, rtol=1e-5)


def test_lighting_adds_one_colour_of_the_right_spread_to_each_image() -> None:
    lighting = PCALighting(0.3).fit(IMAGES)
    images = np.zeros((20_000, 3, 2, 2), np.float32)
    added = lighting(images)
    np.testing.assert_array_equal(added, np.broadcast_to(added[:, :, :1, :1], added.shape))
    colours = added[:, :, 0, 0].astype(np.float64)  # (N, 3)
    np.testing.assert_allclose(colours.mean(axis=0), 0, atol=0.02)
    assert lighting.eigenvectors is not None
    amounts = colours @ lighting.eigenvectors / lighting.eigenvalues  # (N, 3), each N(0, 0.3^2)
    np.testing.assert_allclose(np.cov(amounts.T), np.eye(3) * 0.09, atol=0.005)
    np.testing.assert_array_equal(PCALighting(0).fit(IMAGES)(IMAGES), IMAGES)


def test_lighting_refuses() -> None:
    with pytest.raises(RuntimeError, match=r"PCALighting\(std=0.1\): has no components yet, call"):
        PCALighting()(IMAGES)
    with pytest.raises(ValueError, match="PCALighting: std: got -0.1, expected a number of 0"):
        PCALighting(-0.1)
    with pytest.raises(ValueError, match="has 3 channels, the images have 2"):
        PCALighting().fit(IMAGES)(IMAGES[:, :2])
    errors: list[tuple[Any, type[Exception], str]] = [
        (IMAGES[0], ValueError, r"got shape \(3, 5, 6\), expected \(N, C, H, W\) with pixels"),
        (IMAGES[:0], ValueError, r"got shape \(0, 3, 5, 6\), expected"),
        ([[1.0]], TypeError, "got list, expected an array"),
        (IMAGES.astype(int), TypeError, "got int64, expected uint8 or float"),
    ]
    for images, error, message in errors:
        with pytest.raises(error, match=rf"PCALighting\(std=0.1\).fit: {message}"):
            PCALighting().fit(images)
