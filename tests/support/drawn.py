"""Where the texts and boxes of a picture lie once it is drawn, in pixels."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from matplotlib.transforms import Bbox

__all__ = ["assert_apart", "box_extents", "inside", "text_extents"]


def text_extents(picture: Any) -> dict[Any, Bbox]:
    """The extent of every text, by the text."""
    renderer = picture.canvas.get_renderer()
    texts = [text for axes in picture.axes for text in axes.texts if text.get_text()]
    return {text: text.get_window_extent(renderer) for text in texts}


def box_extents(picture: Any, kind: type) -> list[Bbox]:
    """The extent of every patch of that class, in the order in which they were added."""
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
