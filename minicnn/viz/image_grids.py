"""Many small pictures on one sheet: images, the mistakes among them, filters, feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..nn import Module
from ..nn.module import evaluating
from ..nn.watch import display_name, input_like, layer_named, watch_calls
from .arrays import Numbers, as_image, as_numbers, as_pixels, check_count
from .grid_layout import Row, grid, labelled_rows, side_by_side
from .picture import Picture, centred_scale, colour_scale


def images(
    images: Any,
    captions: Sequence[Any] | None = None,
    columns: int | None = None,
    title: str | None = None,
) -> Picture:
    """All images in a grid, a caption under each; one scale for all, so grey levels compare.

    images: (N, C, H, W), (N, H, W), or a list of images (C, H, W) and (H, W) of any sizes; C is 1
    or 3. captions: N values, written as ``str`` makes them. Where there are numbers below 0, zero
    is white, see ``colour_scale``; colours that are not all in 0..1 are squeezed into it.
    Raises ValueError for other shapes, no image, numbers that are not finite, captions that are not
    N, or columns below 1.
    """
    pixels = as_pixels("images", images)
    words = [] if captions is None else [str(caption) for caption in captions]
    if captions is not None and len(words) != len(pixels):
        raise ValueError(f"images: {len(pixels)} images, but {len(words)} captions")
    if columns is not None:
        check_count("images", "columns", columns)
    return grid(pixels, words, colour_scale(*_grey(pixels)), columns, title)


def mistakes(
    images: Any,
    labels: Any,
    scores: Any,
    names: Sequence[str] | None = None,
    most: int = 40,
) -> Picture:
    """The misclassified images, the surest first: what each is, what was said, and how surely.

    images (N, C, H, W) or (N, H, W); labels: class indices (N,); scores (N, K): logits, of which
    softmax makes probabilities, or these themselves; names: of the K classes; most: the number of
    images drawn. Raises ValueError for lengths that do not fit or a class out of range.
    """
    check_count("mistakes", "most", most)
    pixels = as_pixels("mistakes", images)
    truth = as_numbers("mistakes", "labels", labels)
    sureness = _probabilities(as_numbers("mistakes", "scores", scores))  # (N, K)
    _check_classes(truth, sureness, len(pixels), names)
    guesses, surest = sureness.argmax(1), sureness.max(1)
    wrong = np.flatnonzero(guesses != truth)
    shown = wrong[np.argsort(-surest[wrong], kind="stable")][:most]
    called = range(sureness.shape[1]) if names is None else names
    words = [f"is {called[truth[i]]}\nsaid {called[guesses[i]]}, {surest[i]:.0%}" for i in shown]
    which = f", the {len(shown)} surest of them" if len(shown) < len(wrong) else ""
    title = f"{len(wrong):,} of {len(pixels):,} wrong{which}"
    return grid([pixels[i] for i in shown], words, colour_scale(*_grey(pixels)), title=title)


def filters(layer_or_weight: Any, title: str | None = None) -> Picture:
    """The kernels of a convolution: white is 0, red above, blue below, one scale for all.

    layer_or_weight: a layer with a ``weight``, or the weight itself, (O, C, KH, KW) or (O, KH, KW).
    With one input channel the O kernels stand in a grid; with more there is a column for each
    filter, in it a kernel for each channel that it sees; with three the filters are shown in red,
    green and blue, and grey is 0. Raises ValueError for other shapes.
    """
    given = getattr(layer_or_weight, "weight", layer_or_weight)
    weight = as_numbers("filters", "weight", given)
    if weight.ndim == 3:
        weight = weight[:, None]  # (O, 1, KH, KW)
    if weight.ndim != 4 or not weight.size:
        raise ValueError(f"filters: weight has shape {weight.shape}, expected (O, C, KH, KW)")
    scale = centred_scale(weight)
    if weight.shape[1] == 1:
        return grid(list(weight[:, 0]), [], scale, title=title, bar=True)
    if weight.shape[1] == 3:
        coloured = 0.5 + weight.transpose(0, 2, 3, 1) / (2 * scale["vmax"])  # (O, KH, KW, 3)
        return grid(list(coloured), [], scale, title=title)
    table = weight.transpose(1, 0, 2, 3)  # (C, O, KH, KW)
    return side_by_side(table, scale, title, f"{len(weight)} filters", f"{len(table)} channels")


def feature_maps(
    model: Module, image: Any, layers: Sequence[str] | str | None = None, most: int = 16
) -> Picture:
    """What each layer makes of one image: under the image a row for each, with a scale of its own.

    image (C, H, W). layers: a name out of ``model.named_modules()`` or several; by default all
    without children whose output is (N, C, H, W). The maps are the output of the module itself:
    where ``relu`` is called in ``forward``, from before that. most: maps of each layer, the first.
    Raises ValueError for a name that is none, or a model without such layers.
    """
    batch = as_image("feature_maps", image)
    check_count("feature_maps", "most", most)
    maps = _maps(model, batch, layers)
    channels, height, width = batch.shape[1:]
    seen = as_pixels("feature_maps", batch if channels in (1, 3) else list(batch[0]))[:most]
    rows = [Row(f"input\n{height}x{width}", seen, colour_scale(*_grey(seen)))]
    for name, values in maps.items():
        shown = values[:most]
        rows.append(Row(_described(name, values, shown), list(shown), colour_scale(shown)))
    return labelled_rows(rows)


def _maps(model: Module, batch: Numbers, layers: Sequence[str] | str | None) -> dict[str, Numbers]:
    """The maps (C, H, W) that each layer makes of the one image, by its name."""
    if layers is None:
        wanted = {display_name(p, m): m for p, m in model.named_modules() if not any(m.children())}
    else:
        layers = [layers] if isinstance(layers, str) else layers
        wanted = dict(layer_named(model, layer, "feature_maps") for layer in layers)
    with evaluating(model), watch_calls(model, wanted.values()) as calls:
        model(input_like(model, batch))
    found = {}
    for call in calls:
        if len(call.output_shape or ()) == 3:
            name = display_name(call.name, call.layer)
            (found[name],) = as_numbers("feature_maps", f"the maps of layer {name}", call.output)
    missing = [name for name in wanted if layers is not None and name not in found]
    if missing:
        raise ValueError(f"feature_maps: the output of layer {missing[0]} is not (N, C, H, W)")
    if not found:
        raise ValueError(f"feature_maps: {type(model).__name__} has no layer that gives maps")
    return found


def _described(name: str, maps: Numbers, shown: Numbers) -> str:
    count, height, width = maps.shape
    first = f"first {len(shown)} of " if len(shown) < count else ""
    return f"{name}\n{first}{count} maps {height}x{width}\n{shown.min():.2g} to {shown.max():.2g}"


def _grey(pixels: Sequence[Numbers]) -> list[Numbers]:
    """Those that are no colour pictures."""
    return [p for p in pixels if p.ndim == 2]


def _probabilities(scores: Numbers) -> Numbers:
    """The rows themselves if they are probabilities, else their softmax."""
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f"mistakes: scores have shape {scores.shape}, expected (N, K)")
    scores = scores.astype(np.float64)  # small integers wrap around, booleans have no minus
    if scores.min() >= 0 and np.allclose(scores.sum(1), 1, atol=1e-3):
        return scores
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def _check_classes(
    labels: Numbers, scores: Numbers, images: int, names: Sequence[str] | None
) -> None:
    classes = scores.shape[1]
    if labels.shape != (images,) or len(scores) != images:
        raise ValueError(
            f"mistakes: {images} images, but labels have shape {labels.shape} and scores "
            f"{scores.shape}, expected ({images},) and ({images}, K)"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"mistakes: labels are {labels.dtype} from {labels.min()} to {labels.max()}, "
            f"expected class indices, integers of 0 to {classes - 1}"
        )
    if names is not None and len(names) != classes:
        raise ValueError(f"mistakes: {len(names)} names for {classes} classes")
