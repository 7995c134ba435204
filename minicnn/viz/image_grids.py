"""Grids of small pictures: images, misclassified images, filters, feature maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..checks import check_integer
from ..nn import Module
from ..nn.modes import evaluating
from ..nn.watch import display_name, input_like, layer_named, watch_calls
from .arrays import Images, Numbers, TensorLike, as_image, as_numbers, as_pixels
from .grid_layout import Row, draw_grid, draw_mosaic, draw_rows
from .picture import Picture, centred_scale, colour_scale


def images(
    images: Images,
    captions: Iterable[object] | None = None,
    columns: int | None = None,
    title: str | None = None,
) -> Picture:
    """All images in a grid, with captions; they share one scale, so grey levels are comparable.

    images: (N, C, H, W), (N, H, W), or a sequence of images (C, H, W) and (H, W) of any sizes; C is
    1 or 3. captions: N values, converted by ``str``. If there are numbers below 0, zero is white,
    see ``colour_scale``; colours outside 0..1 are rescaled to fit.
    Raises TypeError for what does not hold numbers; ValueError for other shapes, no image, NaN or
    infinity, a wrong number of captions, or columns below 1.

    >>> images, labels = mc.data.load("digits", "test")[:20]
    >>> mc.viz.images(images, labels, columns=5).savefig("digits.png")
    """
    pixels = as_pixels("images", images)
    texts = [] if captions is None else [str(caption) for caption in captions]
    if captions is not None and len(texts) != len(pixels):
        raise ValueError(f"images: {len(pixels)} images, but {len(texts)} captions")
    if columns is not None:
        columns = check_integer("images: columns", columns, least=1)
    return draw_grid(pixels, texts, colour_scale(*grey_images(pixels)), columns, title)


def mistakes(
    images: Images,
    labels: TensorLike,
    scores: TensorLike,
    names: Sequence[str] | None = None,
    most: int = 40,
) -> Picture:
    """The misclassified images, the most confident first: true and predicted class, probability.

    images (N, C, H, W) or (N, H, W); labels: class indices (N,); scores (N, K): logits or
    probabilities; names: those of the K classes; most: how many images to draw at most.
    Raises TypeError for what does not hold numbers, ValueError for lengths that do not match or a
    class out of range.

    >>> images, labels = mc.data.load("digits", "test")[:20]
    >>> scores = np.random.default_rng(0).normal(size=(20, 10))  # a model that only guesses
    >>> mc.viz.mistakes(images, labels, scores, most=5).savefig("mistakes.png")
    """
    most = check_integer("mistakes: most", most, least=1)
    pixels = as_pixels("mistakes", images)
    truth = as_numbers("mistakes", "labels", labels)
    probabilities = as_probabilities("mistakes", as_numbers("mistakes", "scores", scores))  # (N, K)
    _check_classes(truth, probabilities, len(pixels), names)
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero(predicted != truth)
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    names = [str(k) for k in range(probabilities.shape[1])] if names is None else names
    captions = [
        f"true {names[truth[i]]}\npredicted {names[predicted[i]]}, {confidence[i]:.0%}"
        for i in shown
    ]
    which = f", the {len(shown)} most confident" if len(shown) < len(wrong) else ""
    title = f"{len(wrong):,} of {len(pixels):,} misclassified{which}"
    scale = colour_scale(*grey_images(pixels))
    return draw_grid([pixels[i] for i in shown], captions, scale, title=title)


def filters(layer_or_weight: Module | TensorLike, title: str | None = None) -> Picture:
    """The kernels of a convolution on one scale: white is 0, red is above and blue below it.

    layer_or_weight: a layer with a ``weight``, or the weight itself, (O, C, KH, KW) or (O, KH, KW).
    With one input channel, the O kernels are arranged in a grid; with three, the filters are shown
    in red, green and blue, and grey is 0; otherwise each filter is a column, with a kernel for each
    input channel. Raises ValueError for other shapes, TypeError for a layer without a weight.

    >>> mc.viz.filters(mc.nn.Conv2d(1, 6, 5), title="conv1").savefig("filters.png")
    """
    given = getattr(layer_or_weight, "weight", layer_or_weight)
    weight = as_numbers("filters", "weight", given)
    if weight.ndim == 3:
        weight = weight[:, None]  # (O, 1, KH, KW)
    if weight.ndim != 4 or not weight.size:
        raise ValueError(f"filters: weight has shape {weight.shape}, expected (O, C, KH, KW)")
    scale = centred_scale(weight)
    if weight.shape[1] == 1:
        return draw_grid(list(weight[:, 0]), [], scale, title=title, bar=True)
    if weight.shape[1] == 3:
        coloured = 0.5 + weight.transpose(0, 2, 3, 1) / (2 * scale["vmax"])  # (O, KH, KW, 3)
        return draw_grid(list(coloured), [], scale, title=title)
    table = weight.transpose(1, 0, 2, 3)  # (C, O, KH, KW)
    return draw_mosaic(table, scale, title, f"{len(weight)} filters", f"{len(table)} channels")


def feature_maps(
    model: Module, image: TensorLike, layers: Sequence[str] | str | None = None, most: int = 16
) -> Picture:
    """What each layer outputs for one image: a row for each layer, on its own scale.

    image (C, H, W). layers: one or several names from ``model.named_modules()``; by default all
    layers without children whose output is (N, C, H, W). The maps are the output of the module
    itself: if ``forward`` calls ``relu`` on it, the values before that. most: how many maps of each
    layer to draw at most.
    Raises ValueError for an unknown name, or a model without such layers.

    >>> images, _ = mc.data.load("digits", "test")[:1]
    >>> model = mc.nn.Sequential({"conv": mc.nn.Conv2d(1, 4, 3), "pool": mc.nn.MaxPool2d(2)})
    >>> mc.viz.feature_maps(model, images[0]).savefig("maps.png")
    """
    batch = as_image("feature_maps", image)
    most = check_integer("feature_maps: most", most, least=1)
    maps = _compute_maps(model, batch, layers)
    channels, height, width = batch.shape[1:]
    seen = as_pixels("feature_maps", batch if channels in (1, 3) else list(batch[0]))[:most]
    rows = [Row(f"input\n{height}x{width}", seen, colour_scale(*grey_images(seen)))]
    for name, values in maps.items():
        shown = values[:most]
        rows.append(Row(_describe_maps(name, values, shown), list(shown), colour_scale(shown)))
    return draw_rows(rows)


def _compute_maps(
    model: Module, batch: Numbers, layers: Sequence[str] | str | None
) -> dict[str, Numbers]:
    """The maps (C, H, W) that each layer outputs for the image, by the name of the layer."""
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
        raise ValueError(f"feature_maps: {type(model).__name__} has no layer that outputs maps")
    return found


def _describe_maps(name: str, maps: Numbers, shown: Numbers) -> str:
    count, height, width = maps.shape
    first = f"first {len(shown)} of " if len(shown) < count else ""
    return f"{name}\n{first}{count} maps {height}x{width}\n{shown.min():.2g} to {shown.max():.2g}"


def grey_images(pixels: Sequence[Numbers]) -> list[Numbers]:
    """Those that are not in colour."""
    return [p for p in pixels if p.ndim == 2]


def as_probabilities(by: str, scores: Numbers) -> Numbers:
    """The scores themselves if they are probabilities, otherwise their softmax."""
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f"{by}: scores have shape {scores.shape}, expected (N, K)")
    scores = scores.astype(np.float64)  # small integers wrap around, booleans cannot be subtracted
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
