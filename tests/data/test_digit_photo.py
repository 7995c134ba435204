"""Images of digits brought into the form of MNIST."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.data.digit_photo import read_digit, to_mnist_image

image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

from support.drawn_digits import KINDS, draw_ink, on_paper, picture_of  # noqa: E402


def stroke(height: int, width: int, top: int, left: int, tall: int, wide: int) -> Any:
    """A dark bar on light paper."""
    paper = np.full((height, width), 220, np.uint8)
    paper[top : top + tall, left : left + wide] = 30
    return paper


def centre(x: Any) -> tuple[float, float]:
    weights = x / x.sum()
    return weights.sum(1) @ (np.arange(28) + 0.5), weights.sum(0) @ (np.arange(28) + 0.5)


@pytest.mark.parametrize(
    "case", [(90, 70, 5, 8, 60, 9), (40, 300, 10, 200, 8, 70), (28,) * 2 + (4, 4, 20, 3)]
)
def test_the_longer_side_is_20_and_the_mass_in_the_middle(case: Any) -> None:
    x = to_mnist_image(stroke(*case))
    assert (x.shape, x.dtype) == ((28, 28), np.float32)
    rows, columns = np.flatnonzero(x.max(1) > 0.5), np.flatnonzero(x.max(0) > 0.5)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    np.testing.assert_allclose(centre(x), 14, atol=0.51)
    assert x.min() >= 0
    assert x.max() <= 1


def test_light_on_dark_is_the_same_as_dark_on_light() -> None:
    dark = stroke(60, 60, 10, 10, 30, 6)
    np.testing.assert_allclose(to_mnist_image(dark), to_mnist_image(255 - dark), atol=0.02)


def test_lopsided_ink_is_moved_to_the_middle_and_stays_whole() -> None:
    paper = np.zeros((40, 40), np.uint8)
    paper[5:35, 5:8] = 255
    paper[5:15, 5:35] = 255  # a heavy top
    x = to_mnist_image(paper)
    np.testing.assert_allclose(centre(x), 14, atol=1.1)  # as far as the edge lets it
    assert np.flatnonzero(x.max(1) > 0.5).size == 20


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_image_is_refused(level: int) -> None:
    with pytest.raises(mc.data.DataError, match=r"empty\.png: shows no digit"):
        to_mnist_image(np.full((30, 20), level, np.uint8), "empty.png")


def test_a_digit_of_mnist_stays_what_it_is() -> None:
    images, _ = mc.data.load("digits", "test")[:]
    digit = np.kron(images[0, 0], np.ones((3, 3)))
    again = to_mnist_image(np.uint8(np.rint(to_mnist_image(np.uint8(255 * digit)) * 255)))
    assert np.corrcoef(again.ravel(), to_mnist_image(np.uint8(255 * digit)).ravel())[0, 1] > 0.97


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16"])
def test_files_of_every_mode(tmp_path: Path, mode: str) -> None:
    gray = image.fromarray(np.where(stroke(60, 60, 10, 10, 30, 6) > 99, 255, 0).astype(np.uint8))
    deep = image.fromarray(np.asarray(gray, np.uint16) * 257)
    (deep if mode == "I;16" else gray.convert(mode)).save(tmp_path / "digit.png")
    expected = to_mnist_image(np.asarray(gray))
    np.testing.assert_allclose(read_digit(tmp_path / "digit.png"), expected, atol=0.02)


@pytest.mark.parametrize("suffix", ["bmp", "gif", "webp", "tiff", "pgm"])
def test_files_of_every_format(tmp_path: Path, suffix: str) -> None:
    paper = stroke(60, 60, 10, 10, 30, 6)
    image.fromarray(paper).save(tmp_path / f"digit.{suffix}")
    digit = read_digit(tmp_path / f"digit.{suffix}")
    np.testing.assert_allclose(digit, to_mnist_image(paper), atol=0.05)


def test_a_photograph_taken_upright_is_turned(tmp_path: Path) -> None:
    exif = image.Exif()
    exif[0x0112] = 6
    paper = stroke(60, 60, 10, 10, 30, 6)
    image.fromarray(paper).save(tmp_path / "digit.png", exif=exif)
    expected = to_mnist_image(np.rot90(paper, -1))
    np.testing.assert_allclose(read_digit(tmp_path / "digit.png"), expected, atol=0.02)


def test_what_is_transparent_shows_paper(tmp_path: Path) -> None:
    pixels = np.zeros((60, 60, 4), np.uint8)  # black, and transparent
    pixels[10:40, 10:16, 3] = 255
    image.fromarray(pixels).save(tmp_path / "digit.png")
    expected = to_mnist_image(stroke(60, 60, 10, 10, 30, 6))
    np.testing.assert_allclose(read_digit(tmp_path / "digit.png"), expected, atol=0.02)


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for name in ("text.png", "missing.png"):
        with pytest.raises(mc.data.DataError, match=rf"{name}: cannot be read \(.+\)"):
            read_digit(tmp_path / name)


def test_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIL", "PIL.Image"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(mc.data.DataError, match=r"needs Pillow: pip install Pillow"):
        read_digit(tmp_path / "digit.png")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "turned by 12 degrees"])
def test_however_it_was_written_the_image_is_the_same(kind: str) -> None:
    for digit in range(10):
        found, expected = (to_mnist_image(picture_of(k, digit)) for k in (kind, "pen"))
        # The centre of mass may be rounded to the next pixel.
        moved = [np.roll(found, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        alike = max(np.corrcoef(x.ravel(), expected.ravel())[0, 1] for x in moved)
        # Thicker pens cover more of the same image, and few pixels give a coarser one.
        coarser = {"40 px pen on 300 px": 0.75, "small on a page": 0.8}
        assert alike > coarser.get(kind, 0.9), digit


def test_strokes_are_as_wide_as_on_the_forms_of_mnist() -> None:
    for side, pen in ((1000, 2 / 600), (400, 4 / 240), (300, 0.1)):
        x = to_mnist_image(on_paper(draw_ink(1, side, pen)).astype(np.uint8))
        assert 1.2 < x[14:20].sum(1).mean() < 4
        assert x.max() == 1


@pytest.mark.parametrize("numbers", [(3, 5), (1, 1), (7, 4)])
def test_several_digits_are_refused(numbers: tuple[int, int]) -> None:
    both = np.hstack([picture_of("pen", number) for number in numbers])
    with pytest.raises(mc.data.DataError, match=r"two\.png: shows 2 digits next to each other"):
        to_mnist_image(both, "two.png")


def test_a_digit_that_touches_the_edge_is_kept() -> None:
    x = to_mnist_image(picture_of("pen", 7)[60:240, 100:200])
    assert np.flatnonzero(x.max(1) > 0.5).size == 20


def test_noise_alone_shows_nothing() -> None:
    paper = np.random.default_rng(0).normal(200, 4, (200, 200)).astype(np.uint8)
    with pytest.raises(mc.data.DataError, match="shows no digit"):
        to_mnist_image(paper)


@pytest.mark.parametrize("line", [np.s_[20], np.s_[:, 20]])
def test_a_line_from_edge_to_edge_is_no_digit(line: Any) -> None:
    grey = np.full((40, 40), 255, np.uint8)
    grey[line] = 0
    with pytest.raises(mc.data.DataError, match="shows no digit, only lines from edge to edge"):
        to_mnist_image(grey)
