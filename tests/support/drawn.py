"""What a picture shows when it is drawn, and where its texts and boxes are, in pixels."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.transforms import Bbox


def text_extents(picture: Any) -> dict[Any, Bbox]:
    """The extent of every text, by the text."""
    renderer = picture.canvas.get_renderer()
    texts = [text for axes in picture.axes for text in axes.texts if text.get_text()]
    return {text: text.get_window_extent(renderer) for text in texts}


def box_extents(picture: Any, kind: type) -> list[Bbox]:
    """The extent of every patch of this class, in the order in which they were added."""
    renderer = picture.canvas.get_renderer()
    patches = [patch for axes in picture.axes for patch in axes.patches]
    return [patch.get_window_extent(renderer) for patch in patches if type(patch) is kind]


def inside(inner: Bbox, outer: Bbox) -> bool:
    """Whether the first lies in the second."""
    return (
        outer.x0 <= inner.x0
        and outer.y0 <= inner.y0
        and inner.x1 <= outer.x1
        and inner.y1 <= outer.y1
    )


def assert_apart(extents: dict[Any, Bbox] | list[Bbox]) -> None:
    """No two of them overlap; if they do, the failure names both."""
    named = extents if isinstance(extents, dict) else dict(enumerate(extents))
    for (a, first), (b, second) in combinations(named.items(), 2):
        assert not first.overlaps(second), f"{a} and {b} overlap: {first} and {second}"


def drawn(picture: Any) -> list[np.ndarray]:
    """The arrays of all pictures on the sheet, in the order of drawing."""
    return [np.asarray(image.get_array()) for image in picture.axes[0].images]


def words(picture: Any) -> list[str]:
    return [text.get_text() for text in picture.axes[0].texts]


def scales(picture: Any) -> set[tuple]:
    return {(i.get_cmap().name, *i.get_clim()) for i in picture.axes[0].images}


def overlap(picture: Any) -> bool:
    """Whether any two pictures or texts on the sheet overlap, or one is cut off."""
    picture.draw_without_rendering()
    axes = picture.axes[0]
    boxes = [thing.get_window_extent() for thing in (*axes.images, *axes.texts)]
    whole = picture.bbox.padded(1)
    inside = all(whole.x0 <= b.x0 and b.x1 <= whole.x1 and b.y0 >= whole.y0 for b in boxes)
    covered = any(
        min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
        for i, a in enumerate(boxes)
        for b in boxes[:i]
    )
    return covered or not inside
