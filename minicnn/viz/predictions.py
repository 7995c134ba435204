"""Images next to the classes that a network predicts for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..checks import check_integer
from ..text_table import printable
from .arrays import Images, TensorLike, as_numbers, as_pixels
from .image_grids import as_probabilities, grey_images
from .picture import COLOURS, Picture, colour_scale, subplots

ROW = 1.45  # inches


def predictions(
    images: Images,
    scores: TensorLike,
    names: Sequence[str] | None = None,
    captions: Sequence[str] = (),
    most: int = 5,
) -> Picture:
    """Each image as the network saw it, and next to it its likeliest classes as bars.

    images (N, C, H, W) or (N, H, W); scores (N, K): logits or probabilities; names: those of the K
    classes; captions: a title for each image; most: how many classes to show at most.
    Raises TypeError for what does not hold numbers, ValueError for lengths that do not match.

    >>> images, _ = mc.data.load("digits", "test")[:2]
    >>> scores = np.random.default_rng(0).normal(size=(2, 10))  # a model that only guesses
    >>> mc.viz.predictions(images, scores, captions=["a.png", "b.png"]).savefig("seen.png")
    """
    most = check_integer("predictions: most", most, least=1)
    pixels = as_pixels("predictions", images)
    probabilities = as_probabilities("predictions", as_numbers("predictions", "scores", scores))
    count, classes = probabilities.shape
    names = [str(k) for k in range(classes)] if names is None else names
    if len(pixels) != count or len(names) != classes or len(captions) not in (0, count):
        raise ValueError(
            f"predictions: got {len(pixels)} images, {len(captions)} captions and {len(names)} "
            f"names for scores of shape {probabilities.shape}, expected ({len(pixels)}, "
            f"{len(names)})"
        )
    scale = colour_scale(*grey_images(pixels))
    picture, axes = subplots(count, 2, (6, ROW * count + 0.2), width_ratios=(1, 3), squeeze=False)
    for i, ((left, right), row) in enumerate(zip(axes, probabilities, strict=True)):
        left.imshow(pixels[i], **scale)
        left.set_axis_off()
        best = np.argsort(-row, kind="stable")[:most][::-1]
        bars = right.barh([printable(names[k]) for k in best], row[best], color=COLOURS[0])
        right.bar_label(bars, [f"{row[k]:.1%}" for k in best], padding=3, fontsize=8)
        right.set(xlim=(0, 1.15), xticks=())
        right.spines["bottom"].set_visible(False)
        if captions:
            right.set_title(captions[i], loc="left", fontsize=8)
    return picture
