"""Names from files are drawn as they are: no formulas, no control characters."""

from __future__ import annotations

import xml.dom.minidom
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minicnn import viz

NAMES = ("$\\bad$", "a\x1b[31m", "two\nlines")
RNG = np.random.default_rng(0)
IMAGES, SCORES = RNG.random((4, 1, 8, 8)), RNG.random((4, 3))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: viz.predictions(IMAGES, SCORES, NAMES, ["x$y^$z", *NAMES]),
        lambda: viz.mistakes(IMAGES, [0, 1, 2, 0], SCORES, NAMES),
        lambda: viz.confusion_matrix(np.eye(3, dtype=int), NAMES),
        lambda: viz.images(IMAGES, [*NAMES, "x"], title="$\\bad$"),
    ],
)
def test_names_that_look_like_something_else(draw: Callable[[], Any], tmp_path: Path) -> None:
    for suffix in ("png", "svg", "pdf"):
        draw().savefig(tmp_path / f"picture.{suffix}")
    xml.dom.minidom.parse(str(tmp_path / "picture.svg"))
