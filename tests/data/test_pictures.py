"""One reader for all pictures: every mode and format, turned, transparent, huge and damaged."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.data import picture_file, pictures

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
    monkeypatch.setattr(pictures, "MOST_PIXELS", 1600 * 1200 // 3)
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
    monkeypatch.setattr(picture_file, "MOST_WEBP_PIXELS", size[0] * size[1] - 1)
    monkeypatch.setattr(Image, "open", None)
    with pytest.raises(
        mc.data.DataError, match=f"has {size[0]} x {size[1]} pixels, expected at most"
    ):
        mc.data.read_image(path)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "1", "LA", "I;16", "F"])
def test_tiles_leave_no_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (31, 43, 4), dtype=np.uint8)
    kinds = {"I;16": noise[..., 0].astype(np.uint16) * 200, "F": noise[..., 0] / np.float32(3)}
    kinds["F"][-1, -1] = 60_000  # white is 65535 then, for all tiles
    picture = Image.fromarray(kinds.get(mode, noise))
    picture = picture if mode in kinds else picture.convert(mode)
    for orientation in (1, 6, 7):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = write(
            tmp_path / f"{orientation}.{'tif' if mode == 'F' else 'png'}", picture, exif=exif
        )
        whole = mc.data.read_image(path), mc.data.read_image(path, 9, 3)
        with monkeypatch.context() as patch:
            patch.setattr(pictures, "TILE", 8)
            np.testing.assert_array_equal(mc.data.read_image(path), whole[0])
            np.testing.assert_array_equal(mc.data.read_image(path, 9, 3), whole[1])


@pytest.mark.parametrize("factor", [1, 3])
@pytest.mark.parametrize("size", [(9000, 9000), (12, 4_000_000), (4_000_000, 12), (1, 1), (300, 7)])
def test_tiles_are_few_and_small_in_pictures_of_every_shape(
    size: tuple[int, int], factor: int
) -> None:
    wide, high = pictures._tile(*size, factor)
    assert (wide % factor, high % factor) == (0, 0)
    assert min(wide, size[0]) * min(high, size[1]) <= pictures.TILE**2
    tiles = -(-size[0] // wide) * -(-size[1] // high)
    assert tiles < 1.1 * size[0] * size[1] / pictures.TILE**2 + 1


def test_a_large_picture_is_averaged_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = np.mgrid[0:1:211j, 0:1:317j]
    path = write(tmp_path / "a.png", (255 * y * x).astype(np.uint8))
    exact = mc.data.read_image(path, (20, 25))
    monkeypatch.setattr(pictures, "LARGE", 6000)
    with Image.open(path) as picture:
        assert pictures._factor(picture, (20, 25)) == 3
        assert pictures._factor(picture, (200, 250)) == 1
    for tile in (8, 256):
        monkeypatch.setattr(pictures, "TILE", tile)
        np.testing.assert_allclose(mc.data.read_image(path, (20, 25)), exact, atol=0.02)


def test_all_threads_together_decode_no_more_than_one_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    for k in range(12):
        write(tmp_path / "a" / f"{k}.png", np.full((10 + 5 * (k % 3), 10), 9, np.uint8))
    decode, lock, now, most = pictures._decode, threading.Lock(), [0], [0]

    def watched(picture: Any, *rest: Any) -> Any:
        with lock:
            now[0] += picture.width * picture.height
            most[0] = max(most[0], now[0])
        time.sleep(0.005)
        with lock:
            now[0] -= picture.width * picture.height
        return decode(picture, *rest)

    monkeypatch.setattr(pictures, "_decode", watched)
    monkeypatch.setattr(pictures, "_in_work", pictures._Budget(250))
    folder = mc.data.ImageFolder(tmp_path, 8, workers=6)
    assert len(folder.in_memory()) == 12
    assert 200 <= most[0] <= 250


EIGHT = """
import re, sys
from pathlib import Path
import minicnn as mc
from minicnn.data import pictures
from PIL import Image

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

where = Path(sys.argv[1], "a")
where.mkdir()
for k in range(8):
    Image.new("RGB", (2500, 2500)).save(where / f"{k}.png", compress_level=1)
pictures._in_work = pictures._Budget(2500 * 2500)
before = peak()
mc.data.ImageFolder(where.parent, 28, workers=8).in_memory()
print((peak() - before) / 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_more_threads_take_little_more_memory(tmp_path: Path) -> None:
    """A picture of 2500 x 2500 takes 24 MiB; eight at a time would take 190."""
    command = [sys.executable, "-c", EIGHT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert float(done.stdout) < 90


def test_a_header_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    for k in range(60):
        texts.add_text(f"comment {k}", "a" * 50)
    path = write(tmp_path / "a.png", RAMP, pnginfo=texts)
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    webp = write(tmp_path / "a.webp", noise, lossless=True)
    assert mc.data.read_image(path).shape == (1, 6, 8)
    for name, most in (("MOST_READS", 100), ("MOST_HEADER", 1000)):
        with monkeypatch.context() as patch:
            patch.setattr(picture_file, name, most)
            with pytest.raises(mc.data.DataError, match=r"a\.png: cannot be read \(its header is "):
                mc.data.read_image(path)
            with pytest.raises(mc.data.DataError, match=r"a\.png: cannot be read \(its header is "):
                pictures.look_at(path)
            assert mc.data.read_image(webp).shape == (3, 30, 40)  # its header is the whole file
    monkeypatch.setattr(picture_file, "MOST_BYTES", 1000)
    with pytest.raises(mc.data.DataError, match=r"\(it has [\d,]+ bytes, expected at most 1,000\)"):
        mc.data.read_image(path)


def test_a_jpeg_of_many_scans_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scan of a few bytes goes over all pixels: 300 of them took 30 seconds."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    path = write(tmp_path / "a.jpg", noise, progressive=True)
    whole, marker = path.read_bytes(), picture_file.START_OF_SCAN
    *_, last = whole.split(marker)
    scan = marker + last[: -len(b"\xff\xd9")]
    with_comment = whole[:2] + b"\xff\xfe" + (2002).to_bytes(2, "big") + 1000 * marker + whole[2:]
    for scans in (1, 30):
        path.write_bytes(with_comment[:-2] + scans * scan + b"\xff\xd9")
        assert mc.data.read_image(path).shape == (3, 60, 80)
    path.write_bytes(whole[:-2] + 64 * scan + b"\xff\xd9")
    for most in (64, 20):
        with pytest.raises(mc.data.DataError, match=rf"a\.jpg: .*\(it has more than {most} scans"):
            mc.data.read_image(path)
        monkeypatch.setattr(picture_file, "MOST_SCANNED", 20 * 60 * 80)  # of many pixels: fewer


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(mc.data.DataError, match=r"empty\.png: cannot be read \(it is empty\)"):
        mc.data.read_image(tmp_path / "empty.png")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(mc.data.DataError, match=r"pipe\.png: cannot be read \(it is not a f"):
            mc.data.read_image(tmp_path / "pipe.png")


def test_without_memory_the_picture_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    path = write(tmp_path / "a.png", RAMP)
    monkeypatch.setattr(pictures, "_decode", fail)
    with pytest.raises(MemoryError, match=r"a\.png: decoding 8 x 6 pixels"):
        mc.data.read_image(path)
