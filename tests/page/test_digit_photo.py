"""Pictures as the page prepares them for a network, against minicnn's own preparation."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import minicnn as mc
from minicnn.data.components import components
from minicnn.data.digit_photo import read_digit, to_mnist_image

image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")

from support.drawn_digits import KINDS, draw_ink, on_paper, picture_of  # noqa: E402
from support.strokes import STROKES  # noqa: E402

from .conftest import OpenPage, OpenPageOf, from_base64, to_base64  # noqa: E402

Pixels = NDArray[np.uint8]
MOST_SENT = 4_000_000  # bytes in one message to the browser
DECODE = """
    const { decodeBytes } = modules['network/values.js'];
    const asPicture = ({ bytes, height, width }) =>
        ({ data: new Uint8ClampedArray(decodeBytes(bytes)), height, width });
"""

like_pillow = pytest.mark.skipif(
    int(image.__version__.split(".")[0]) < 13,
    reason="Pillow before 13 resizes the rows first, also of pictures that become much lower",
)


@pytest.fixture(scope="module")
def page(open_shared_page: OpenPageOf) -> OpenPage:
    return open_shared_page(*mc.models.load("lenet5-mnist"))


def run_on(
    page: OpenPage, pictures: list[Pixels], script: str, options: list[Any]
) -> Iterator[Any]:
    """What a script returns for each `picture`, (H, W) or (H, W, 4), and its `option`."""
    waiting: list[Any] = []

    def send() -> list[Any]:
        call = f"given.map(([sent, option]) => {{ const picture = asPicture(sent); {script} }})"
        results = page.run(f"(() => {{ {DECODE} return {call}; }})()", *waiting)
        waiting.clear()
        return list(results)

    size = 0
    for pixels, option in zip(pictures, options, strict=True):
        if size + pixels.size > MOST_SENT:
            yield from send()
            size = 0
        height, width = pixels.shape[:2]
        text = to_base64(pixels, "u1")
        waiting.append([{"bytes": text, "height": height, "width": width}, option])
        size += pixels.size
    yield from send()


def as_rgba(pixels: Pixels) -> Pixels:
    """Pixels (H, W) or (H, W, 3) as a canvas has them."""
    colours = np.broadcast_to(pixels.reshape(*pixels.shape[:2], -1), (*pixels.shape[:2], 3))
    return np.dstack([colours, np.full(pixels.shape[:2], 255, np.uint8)])


def digits_on(page: OpenPage, pictures: list[Pixels], side: int = 28, box: int = 20) -> list[Any]:
    """The digit in each picture, or why there is none."""
    script = """
        try {
            const { digitFromPicture } = modules['network/digit_photo.js'];
            return { image: encode(digitFromPicture(picture, ...option).data) };
        } catch (error) {
            return { problem: error.message };
        }"""
    found = run_on(page, list(map(as_rgba, pictures)), script, [[side, box]] * len(pictures))
    return [
        from_base64(one["image"]).reshape(side, side) if "image" in one else one["problem"]
        for one in found
    ]


def digit_or_problem(picture: Pixels, side: int = 28, box: int = 20) -> Any:
    """What minicnn makes of a picture, in the form of ``digits_on``."""
    try:
        return to_mnist_image(picture, "picture", side, box)
    except mc.data.DataError as error:
        words = str(error).split()
        return f"several:{words[2]}" if "digits" in words else "nothing"


def check_digits(
    page: OpenPage, pictures: list[Pixels], side: int = 28, box: int = 20
) -> list[Any]:
    found = digits_on(page, pictures, side, box)
    for number, (ours, picture) in enumerate(zip(found, pictures, strict=True)):
        theirs = digit_or_problem(picture, side, box)
        assert type(ours) is type(theirs), (number, ours, theirs)
        np.testing.assert_array_equal(ours, theirs, err_msg=f"picture {number}")
    return found


def scribble(rng: np.random.Generator) -> Pixels:
    """A few lines in any light on paper of any size, blurred and noisy."""
    from PIL import ImageDraw, ImageFilter

    height, width = map(int, rng.integers(1, 340, 2))
    drawn = image.new("L", (width, height), 220)
    for _ in range(rng.integers(1, 4)):
        points = [(float(x) * width, float(y) * height) for x, y in rng.random((4, 2))]
        ImageDraw.Draw(drawn).line(points, int(rng.integers(0, 120)), int(rng.integers(1, 20)))
    pixels = np.asarray(drawn.filter(ImageFilter.GaussianBlur(float(rng.random()))), np.float64)
    pixels = pixels + rng.normal(0, 6 * rng.random(), pixels.shape)
    pixels *= 1 - 0.4 * rng.random() * np.linspace(0, 1, height)[:, None] ** 2
    pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return pixels if rng.random() < 0.7 else 255 - pixels


@like_pillow
@pytest.mark.parametrize("first", [0, 5])
def test_digits_of_every_kind_are_the_same(page: OpenPage, first: int) -> None:
    pictures = [picture_of(kind, (first + k) % 10, angle=k - 6) for k, kind in enumerate(KINDS)]
    assert not any(isinstance(found, str) for found in check_digits(page, pictures))


@like_pillow
def test_drawings_as_on_the_board_are_the_same(page: OpenPage) -> None:
    sizes = [(0.3, 0), (0.5, 10), (0.7, -10), (0.9, 20), (1.2, 5)]
    pictures = [
        np.rint(on_paper(draw_ink(digit, 280, 20 / 280 / height, height, angle))).astype(np.uint8)
        for digit, (height, angle) in zip((7, 8, 1, 4, 0), sizes, strict=True)
    ]
    check_digits(page, [*pictures, *(255 - picture for picture in pictures)])


@like_pillow
def test_scribbles_of_any_size_and_light_are_the_same(page: OpenPage) -> None:
    rng = np.random.default_rng(0)
    check_digits(page, [scribble(rng) for _ in range(25)])


@like_pillow
def test_tiny_thin_and_noisy_pictures_are_the_same(page: OpenPage) -> None:
    rng = np.random.default_rng(0)
    sizes = [(1, 1), (1, 300), (300, 1), (2, 90), (70, 3), (12, 12), (63, 40), (64, 9), (90, 257)]
    noise = [rng.integers(0, 256, size).astype(np.uint8) for size in sizes]
    bars = [np.full(size, 210, np.uint8) for size in sizes]
    for bar in bars:
        bar[len(bar) // 3 : len(bar) // 2 + 1, bar.shape[1] // 4 : bar.shape[1] // 2 + 1] = 40
    check_digits(page, [*noise, *bars])


@like_pillow
def test_images_of_another_side_are_the_same(page: OpenPage) -> None:
    check_digits(page, [picture_of("pen", digit, 5) for digit in (1, 3, 8)], side=8, box=8)


def test_what_shows_no_digit_or_several_is_refused(page: OpenPage) -> None:
    empty = [np.full((50, 40), level, np.uint8) for level in (0, 128, 255)]
    noise = np.random.default_rng(0).normal(200, 4, (200, 200)).astype(np.uint8)
    two, three = (
        np.hstack([picture_of("pen", digit) for digit in row]) for row in ((3, 5), (1, 1, 4))
    )
    line = np.full((50, 40), 255, np.uint8)
    line[20] = 0
    found = check_digits(page, [*empty, noise, line, two, three])
    assert found == ["nothing"] * 5 + ["several:2", "several:3"]


@like_pillow
@pytest.mark.parametrize("name", ["LANCZOS", "BILINEAR"])
def test_bytes_are_scaled_as_pillow_does(page: OpenPage, name: str) -> None:
    rng = np.random.default_rng(1)
    sizes = [*rng.integers(1, 70, (60, 4)).tolist(), [40, 30, 40, 30], [9, 30, 90, 30]]
    pictures = [rng.integers(0, 256, size[:2]).astype(np.uint8) for size in sizes]
    script = f"""
        const {{ resize, {name} }} = modules['network/resample.js'];
        return encode(resize(picture, option[3], option[2], {name}).data);"""
    for pixels, size, text in zip(
        pictures, sizes, run_on(page, pictures, script, sizes), strict=True
    ):
        scaled = image.fromarray(pixels).resize(size[:1:-1], image.Resampling[name])
        found = from_base64(text, "u1").reshape(size[2:])
        np.testing.assert_array_equal(found, np.asarray(scaled), err_msg=str(size))


@like_pillow
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_cropped_and_scaled_as_read_image_does(
    page: OpenPage, tmp_path: Path, channels: int
) -> None:
    rng = np.random.default_rng(channels)
    sizes = [*rng.integers(1, 90, (20, 4)).tolist(), [32, 32, 32, 32], [50, 32, 32, 32]]
    pictures = [rng.integers(0, 256, (*size[:2], 3)).astype(np.uint8) for size in sizes]
    script = """
        const { imageFromPicture } = modules['network/picture.js'];
        return encode(imageFromPicture(picture, option).data);"""
    shapes = [[channels, *size[2:]] for size in sizes]
    texts = run_on(page, list(map(as_rgba, pictures)), script, shapes)
    for pixels, shape, text in zip(pictures, shapes, texts, strict=True):
        image.fromarray(pixels).save(tmp_path / "picture.png")
        expected = mc.data.read_image(tmp_path / "picture.png", tuple(shape[1:]), channels)
        found = from_base64(text).reshape(shape)
        np.testing.assert_array_equal(found, expected, err_msg=f"{pixels.shape} to {shape}")


def test_the_same_pixels_hang_together(page: OpenPage) -> None:
    rng = np.random.default_rng(0)
    masks = [(rng.random((40, 30)) < share).astype(np.uint8) for share in (0.1, 0.3, 0.5, 0.9)]
    script = """
        const { components } = modules['network/components.js'];
        const { labels, count } = components(picture.data, picture.width, picture.height);
        return [Array.from(labels), count];"""
    for mask, (labels, count) in zip(masks, run_on(page, masks, script, [0] * 4), strict=True):
        expected = components(mask > 0).ravel()
        pairs = set(zip(labels, expected.tolist(), strict=True))
        assert len(pairs) == len(set(labels)) == len(set(expected.tolist()))
        assert max(labels) == count


def draw(page: OpenPage, strokes: list[list[tuple[float, float]]]) -> None:
    """Draw on the cleared board with the mouse, and wait for the answer."""
    page.tab.get_by_role("button", name="Clear").click()
    box = page.tab.locator("#board").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.tab.mouse.move(*points[0])
        page.tab.mouse.down()
        for point in points[1:]:
            page.tab.mouse.move(*point, steps=4)
        page.tab.mouse.up()
    page.settle()


def board_of(page: OpenPage) -> Pixels:
    """The grey levels of the drawing board."""
    url = page.run("document.getElementById('board').toDataURL('image/png')")
    picture = image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
    return np.asarray(picture.convert("L"))


@like_pillow
@pytest.mark.parametrize("digit", sorted(STROKES))
def test_a_digit_drawn_with_the_mouse_is_read(page: OpenPage, digit: int) -> None:
    draw(page, STROKES[digit])
    seen = np.float32(page.run("Array.from(page.stage.image.data)")).reshape(28, 28)
    np.testing.assert_array_equal(seen, to_mnist_image(board_of(page)))
    assert int(np.argmax(page.run("page.stage.probabilities()"))) == digit
    assert page.tab.locator("#verdict").inner_text().startswith(f"This is {digit}: ")


def test_two_digits_on_the_board_are_refused_in_words(page: OpenPage) -> None:
    ones = [[(x, 0.3), (x, 0.7)] for x in (0.3, 0.7)]
    draw(page, ones)
    assert page.run("page.stage.image") is None
    expected = "This shows 2 digits next to each other; draw one."
    assert page.tab.locator("#verdict").inner_text() == expected


def test_a_picture_of_nothing_is_refused_in_words(page: OpenPage, tmp_path: Path) -> None:
    image.new("L", (90, 60), 200).save(tmp_path / "grey.png")
    page.tab.locator("#tools input[type=file]").set_input_files(tmp_path / "grey.png")
    verdict = page.tab.locator("#verdict", has_text="This shows no digit")
    assert verdict.inner_text() == "This shows no digit: its grey levels hardly differ."


@like_pillow
def test_a_picture_that_is_opened_is_read_as_python_reads_it(
    page: OpenPage, tmp_path: Path
) -> None:
    photo = picture_of("2 px pen on 1000 px", 4)
    large = image.fromarray(photo).resize((2400, 1800))
    large.save(tmp_path / "photo.png")
    page.tab.get_by_role("button", name="Clear").click()
    page.tab.locator("#tools input[type=file]").set_input_files(tmp_path / "photo.png")
    page.tab.locator("#verdict", has_text="This is").wait_for()
    seen = np.float32(page.run("Array.from(page.stage.image.data)")).reshape(28, 28)
    np.testing.assert_array_equal(seen, read_digit(tmp_path / "photo.png"))
