"""One reader for all pictures: every mode and format, turned, transparent, huge and damaged."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.data import picture_file

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

RAMP = np.linspace(0, 255, 48).round().astype(np.uint8).reshape(6, 8)


def write(path: Path, picture: Any, **options: Any) -> Path:
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "levels", "tolerance"),
    [
        ("a.png", RAMP, 0),
        ("a.png", RAMP.astype(np.uint16) * 257, 0),
        ("a.tif", RAMP.astype(np.uint16) * 257, 0),
        ("a.tif", (RAMP / 255).astype(np.float32), 0.002),
        ("a.tif", RAMP.astype(np.float32), 0.002),
        ("a.tif", RAMP.astype(np.float32) * 257, 0.002),
    ],
)
def test_grey_levels_of_every_depth(tmp_path: Path, name: str, levels: Any, tolerance: Any) -> None:
    image = mc.data.read_image(write(tmp_path / name, levels))
    assert (image.shape, image.dtype) == ((1, 6, 8), np.float32)
    np.testing.assert_allclose(image[0], RAMP / np.float32(255), atol=tolerance + 1e-7)
    assert mc.data.read_image(tmp_path / name, channels=3).shape == (3, 6, 8)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "YCbCr", "LAB", "HSV"])
def test_colours_of_every_mode(tmp_path: Path, mode: str) -> None:
    colours = np.zeros((4, 4, 3), np.uint8) + np.array([200, 40, 90], np.uint8)
    picture = Image.fromarray(colours)
    if mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
    else:
        picture = picture.quantize() if mode == "P" else picture.convert(mode)
    suffix = {"RGB": "png", "RGBA": "png", "P": "gif"}.get(mode, "tif")
    if mode == "HSV":
        suffix, picture = "png", picture.convert("RGB")
    found = mc.data.read_image(write(tmp_path / f"a.{suffix}", picture))
    assert found.shape == (3, 4, 4)
    np.testing.assert_allclose(found[:, 1, 1] * 255, [200, 40, 90], atol=12)


def test_one_bit_and_alpha_on_white(tmp_path: Path) -> None:
    checks = Image.fromarray(np.eye(4, dtype=bool))
    np.testing.assert_array_equal(
        mc.data.read_image(write(tmp_path / "a.png", checks))[0], np.eye(4)
    )
    grey = Image.new("LA", (3, 2), (0, 51))  # black ink, a fifth of it, on nothing
    np.testing.assert_allclose(mc.data.read_image(write(tmp_path / "b.png", grey)), 0.8, atol=0.01)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_as_the_camera_was(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write(tmp_path / "a.png", RAMP, exif=exif)
    turns: dict[int, Any] = {
        1: RAMP, 2: RAMP[:, ::-1], 3: RAMP[::-1, ::-1], 4: RAMP[::-1], 5: RAMP.T,
        6: np.rot90(RAMP, -1), 7: RAMP[::-1, ::-1].T, 8: np.rot90(RAMP),
    }  # fmt: skip
    np.testing.assert_allclose(mc.data.read_image(path)[0] * 255, turns[orientation], atol=1e-4)


def test_a_size_is_the_same_for_all_readers(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    for suffix in ("png", "jpg"):
        (tmp_path / suffix / "a").mkdir(parents=True)
        path = write(tmp_path / suffix / "a" / f"x.{suffix}", noise)
        found = mc.data.read_image(path, (20, 31))
        folder = mc.data.ImageFolder(tmp_path / suffix, (20, 31))
        np.testing.assert_array_equal(folder[0][0], found)
        np.testing.assert_array_equal(folder.in_memory()[0][0], found)


def test_a_large_jpeg_is_decoded_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smooth = np.linspace(0, 255, 1600).astype(np.uint8)
    path = write(tmp_path / "a.jpg", np.tile(smooth, (1200, 1)))
    whole = mc.data.read_image(path)
    assert whole.shape == (1, 1200, 1600)
    monkeypatch.setattr(picture_file, "MOST_PIXELS", 1600 * 1200 // 3)
    small = mc.data.read_image(path, 30)
    expected = whole[0, :, 200:1400].reshape(30, 40, 30, 40).mean((1, 3))
    np.testing.assert_allclose(small[0], expected, atol=0.03)
    with pytest.raises(
        mc.data.DataError, match=r"a\.jpg: has 1600 x 1200 pixels, expected at most"
    ):
        mc.data.read_image(path)


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (20_000, 20_000)).save(path)
    with pytest.raises(
        mc.data.DataError, match=r"huge\.png: is too large \(Image size \(400000000 p"
    ):
        mc.data.read_image(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tif", "webp", "ppm"])
def test_damaged_files_are_named(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    whole = write(tmp_path / f"a.{suffix}", noise).read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(60):
        content = bytearray(whole[: rng.integers(len(whole))])
        for place in rng.integers(0, max(len(content), 1), 5) * bool(content):
            if content:
                content[place] = rng.integers(256)
        (tmp_path / f"b.{suffix}").write_bytes(content)
        with contextlib.suppress(mc.data.DataError):
            assert mc.data.read_image(tmp_path / f"b.{suffix}").ndim == 3
    (tmp_path / f"b.{suffix}").write_bytes(whole[:8])
    with pytest.raises(mc.data.DataError, match=rf"b\.{suffix}: cannot be read"):
        mc.data.read_image(tmp_path / f"b.{suffix}")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"channels": 2}, ValueError, "read_image: channels: got 2, expected 1 or 3"),
        ({"channels": "L"}, TypeError, "read_image: channels: got 'L'"),
        ({"size": 0}, ValueError, "read_image: size: got 0"),
        ({"size": "big"}, TypeError, "read_image: size: got 'big'"),
    ],
)
def test_other_arguments_are_refused(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mc.data.read_image("a.png", **options)


def test_a_text_named_png_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(mc.data.DataError, match=r"a\.png: cannot be read \(cannot identify"):
        mc.data.read_image(tmp_path / "a.png")


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"quality": 1}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (300, 7), (5, 16383)])
def test_the_size_of_a_webp_picture_is_known_before_pillow_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], mode: str, options: Any
) -> None:
    path = tmp_path / "a.webp"
    Image.new(mode, size, "red").save(path, **options)
    assert mc.data.read_image(path).shape == (3, size[1], size[0])
    monkeypatch.setattr(picture_file, "MOST_PIXELS", size[0] * size[1] - 1)
    monkeypatch.setattr(Image, "open", None)
    with pytest.raises(
        mc.data.DataError, match=f"has {size[0]} x {size[1]} pixels, expected at most"
    ):
        mc.data.read_image(path)
