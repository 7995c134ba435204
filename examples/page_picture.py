"""Makes examples/pictures/page.gif again: a 7 is drawn on the page of LeNet-5, and explained.

    PYTHONPATH=. python examples/page_picture.py

Needs Playwright, Chromium and Pillow.
"""

from __future__ import annotations

import io
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image

import minicnn as mc
from benchmarks.browser import open_browser

TARGET = Path(__file__).parent / "pictures" / "page.gif"
SCREEN = {"width": 1440, "height": 830}
SIZE = (1008, 581)  # pixels of the picture
COLOURS = 200
SEVEN = [(0.27, 0.24), (0.5, 0.22), (0.74, 0.23), (0.6, 0.5), (0.46, 0.82)]
STEPS = 6  # pictures for each line of the 7
BRIEF, LONG, LAST = 70, 900, 2600  # milliseconds


class Film:
    """Pictures of the screen, each shown for some time."""

    def __init__(self, tab: Any) -> None:
        self.tab = tab
        self.pictures: list[Image.Image] = []
        self.times: list[int] = []

    def take(self, milliseconds: int) -> None:
        """Add a picture of what the page shows when it has drawn everything."""
        self.tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => "
                          "requestAnimationFrame(done)))")  # fmt: skip
        picture = Image.open(io.BytesIO(self.tab.screenshot()))
        self.pictures.append(picture.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS))
        self.times.append(milliseconds)

    def save(self, path: Path) -> None:
        """Write them as a GIF, with one palette for all."""
        palette = self.pictures[-1].quantize(COLOURS, dither=Image.Dither.NONE)
        first, *others = (
            picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in self.pictures
        )
        first.save(
            path, save_all=True, append_images=others, duration=self.times, loop=0, optimize=True
        )


def draw(film: Film) -> None:
    """Draw the 7 with the mouse, a picture for each step."""
    box = film.tab.locator("#board").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
    mouse = film.tab.mouse
    mouse.move(*points[0])
    mouse.down()
    for (x1, y1), (x2, y2) in pairwise(points):
        for step in range(1, STEPS + 1):
            share = step / STEPS
            mouse.move(x1 + share * (x2 - x1), y1 + share * (y2 - y1))
            film.take(BRIEF)
    mouse.up()
    film.take(LONG)


def explain(film: Film, layer: int, places: list[tuple[int, int]]) -> None:
    """Point at numbers of a layer, and click the last one."""
    canvas = film.tab.locator(".layer canvas").nth(layer)
    for x, y in places:
        canvas.hover(position={"x": x, "y": y})
        film.take(250)
    canvas.click(position={"x": places[-1][0], "y": places[-1][1]})
    film.take(LAST)


def main() -> None:
    model, card = mc.models.load("lenet5-mnist")
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        path = Path(folder) / "lenet5.html"
        mc.page.write(model, path, card)
        tab = browser.new_page(viewport=SCREEN, reduced_motion="reduce")
        tab.goto(path.as_uri())
        film = Film(tab)
        tab.get_by_role("button", name="Clear").click()
        film.take(LONG)
        draw(film)
        explain(film, 0, [(130, 20), (140, 40), (150, 52)])
        explain(film, 3, [(410, 25), (425, 35), (435, 45)])
        explain(film, 9, [(310, 6)])
        film.save(TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.2f} MB, {len(film.pictures)} pictures")


if __name__ == "__main__":
    main()
