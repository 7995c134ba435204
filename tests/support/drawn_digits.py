"""Digits as people write them, drawn by program: pens, paper, light, specks, lines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

Stroke = list[tuple[float, float]]


def arc(x: float, y: float, wide: float, tall: float, start: float, end: float) -> Stroke:
    angles = np.radians(np.linspace(start, end, 24))
    return [(x + wide * np.cos(a), y + tall * np.sin(a)) for a in angles]


# In a box 0.6 wide and 1 high, y pointing down.
STROKES: dict[int, list[Stroke]] = {
    0: [arc(0.3, 0.5, 0.28, 0.48, -90, 270)],
    1: [[(0.12, 0.25), (0.32, 0.02), (0.32, 0.98)]],
    2: [[*arc(0.3, 0.26, 0.26, 0.24, -170, 30), (0.04, 0.98), (0.58, 0.98)]],
    3: [arc(0.28, 0.26, 0.25, 0.24, -150, 90) + arc(0.28, 0.74, 0.28, 0.24, -90, 150)],
    4: [[(0.4, 0.0), (0.02, 0.66), (0.6, 0.66)], [(0.42, 0.36), (0.42, 1.0)]],
    5: [[(0.1, 0.02), (0.08, 0.45), *arc(0.27, 0.68, 0.28, 0.28, -130, 150)],
        [(0.1, 0.02), (0.54, 0.03)]],
    6: [[(0.46, 0.0), *arc(0.3, 0.7, 0.26, 0.28, 200, -160)]],
    7: [[(0.04, 0.04), (0.56, 0.04), (0.2, 1.0)]],
    8: [arc(0.3, 0.26, 0.22, 0.24, -90, 270) + arc(0.3, 0.74, 0.27, 0.24, -90, 270)],
    9: [[*arc(0.3, 0.28, 0.25, 0.26, 0, -360), (0.54, 0.3), (0.5, 1.0)]],
}  # fmt: skip


def draw_ink(
    digit: int, side: int = 300, pen: float = 0.1, height: float = 0.6, angle: float = 0.0
) -> np.ndarray:
    """Where there is ink, from 0 to 1: (side, side). pen: its width in heights of the digit."""
    fine = max(1, min(4, 2000 // side))
    picture = Image.new("L", (side * fine, side * fine), 0)
    brush, tall, middle = ImageDraw.Draw(picture), height * side * fine, side * fine / 2
    width, turn = max(1, round(pen * tall)), np.radians(angle)
    for stroke in STROKES[digit]:
        points = []
        for x, y in stroke:
            x, y = (x - 0.3) * tall, (y - 0.5) * tall
            points.append((middle + x * np.cos(turn) - y * np.sin(turn),
                           middle + x * np.sin(turn) + y * np.cos(turn)))  # fmt: skip
        brush.line(points, fill=255, width=width, joint="curve")
        for x, y in (points[0], points[-1]):
            reach = width / 2
            brush.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX)) / 255


def on_paper(ink: np.ndarray, paper: float = 255, pen: float = 0) -> np.ndarray:
    return paper + (pen - paper) * ink


def noisy(picture: np.ndarray, deviation: float) -> np.ndarray:
    return picture + np.random.default_rng(0).normal(0, deviation, picture.shape)


def lit_from_a_corner(picture: np.ndarray) -> np.ndarray:
    slope = np.linspace(0, 1, len(picture))
    return picture * (1 - 0.3 * slope[:, None] - 0.25 * slope)


def with_specks(picture: np.ndarray) -> np.ndarray:
    rng, picture = np.random.default_rng(0), picture.copy()
    for y, x in rng.integers(5, len(picture) - 5, (10, 2)):
        picture[y : y + 3, x : x + 3] = 40
    return picture


def with_edges(picture: np.ndarray) -> np.ndarray:
    picture = picture.copy()
    picture[:9] = picture[:, -6:] = 20
    return picture


def on_lines(picture: np.ndarray, squared: bool = False) -> np.ndarray:
    picture = picture.copy()
    for at in range(20, len(picture), 33):
        picture[at : at + 2] = np.minimum(picture[at : at + 2], 170)
        if squared:
            picture[:, at : at + 2] = np.minimum(picture[:, at : at + 2], 170)
    return picture


KINDS: dict[str, Callable[[int, float], np.ndarray]] = {
    "pen": lambda d, a: on_paper(draw_ink(d, angle=a)),
    "2 px pen on 1000 px": lambda d, a: on_paper(draw_ink(d, 1000, 2 / 600, angle=a)),
    "40 px pen on 300 px": lambda d, a: on_paper(draw_ink(d, 300, 40 / 180, angle=a)),
    "small on a page": lambda d, a: on_paper(draw_ink(d, 600, height=0.15, angle=a)),
    "turned by 12 degrees": lambda d, a: on_paper(draw_ink(d, angle=a + 12)),
    "grey paper": lambda d, a: on_paper(draw_ink(d, angle=a), 150, 90),
    "pencil": lambda d, a: noisy(on_paper(draw_ink(d, pen=0.05, angle=a), 235, 150), 8),
    "uneven light": lambda d, a: lit_from_a_corner(on_paper(draw_ink(d, angle=a), 230, 60)),
    "uneven light, noisy": lambda d, a: noisy(
        lit_from_a_corner(on_paper(draw_ink(d, angle=a), 230, 80)), 6
    ),
    "specks": lambda d, a: with_specks(on_paper(draw_ink(d, angle=a))),
    "edges of a scan": lambda d, a: with_edges(on_paper(draw_ink(d, angle=a))),
    "ruled paper": lambda d, a: on_lines(on_paper(draw_ink(d, angle=a), 250, 20)),
    "squared paper": lambda d, a: on_lines(on_paper(draw_ink(d, angle=a), 250, 20), squared=True),
    "chalk": lambda d, a: noisy(on_paper(draw_ink(d, angle=a), 40, 220), 6),
}


def picture_of(kind: str, digit: int, angle: float = 0.0) -> np.ndarray:
    return np.clip(np.rint(KINDS[kind](digit, angle)), 0, 255).astype(np.uint8)
