"""Which pixels a class depends on: by covering them, by gradients, by the maps of a layer.

    occlusion   by how much the probability drops when a square is covered
    saliency    how fast the score changes with each pixel
    Grad-CAM    where the maps of a layer raise the score

Each is available as a picture and, with ``_map`` in its name, as the array (H, W) that is drawn.
The model runs in evaluation mode and is not changed.
"""

from __future__ import annotations

from typing import SupportsIndex

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize

from ..autograd import Tensor, grad
from ..checks import check_integer
from ..data.transforms import Resize
from ..nn import Module
from ..nn.modes import evaluating
from ..nn.watch import input_like, layer_named
from ..ops import softmax
from .arrays import Numbers, TensorLike, as_image, as_numbers, as_pixels
from .observe import check_recording, run_and_watch
from .picture import Picture, subplots

Label = SupportsIndex | Tensor

BATCH = 64  # covered images that go through the model at once
RED, PALE, BLUE = "#c4161c", "#b8b8b8", "#1660a8"


def occlusion_map(
    model: Module, image: TensorLike, label: Label | None = None, size: int | None = None
) -> Numbers:
    """By how much the probability of a class drops when a pixel and its neighbours are covered.

    map[h, w] = p(image) - p(image whose square around (h, w) holds the mean of each channel)

    The map is (H, W). p is the softmax of the model's scores at label, by default its prediction.
    A square has size x size pixels, by default a quarter of the image's shorter side, and is cut
    off at the border. From size 8 on, pixels share squares: there is one for every size // 4 rows
    and columns. A positive value means that the pixels there support the class.
    Raises TypeError or ValueError for an image, label or size that does not fit.
    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014,
    section 4.2; they draw p itself.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(4, 2, bias=False))
    >>> model[1].weight.data[:] = [[0, 0, 0, 4], [0, 0, 0, 0]]  # only the last pixel counts
    >>> mc.viz.occlusion_map(model, [[[0.0, 0.0], [0.0, 1.0]]], label=0, size=1).round(2)
    array([[0.  , 0.  ],
           [0.  , 0.25]], dtype=float32)
    """
    pixels, label, whole = _check_question("occlusion", model, image, label)
    height, width = pixels.shape[1:]
    side = max(1, min(height, width) // 4) if size is None else size
    side = check_integer("occlusion: size", side, least=1, most=min(height, width))
    step = max(1, side // 4)
    rows, columns = _place_squares(height, side, step), _place_squares(width, side, step)
    squares = [(row, column) for row in rows for column in columns]
    grey = pixels.mean((1, 2), keepdims=True)  # (C, 1, 1)
    batches = [squares[start : start + BATCH] for start in range(0, len(squares), BATCH)]
    covered = [
        _compute_probabilities("occlusion", model, _cover(pixels, batch, grey))[:, label]
        for batch in batches
    ]
    drops = (whole - np.concatenate(covered)).reshape(len(rows), len(columns))
    return drops.repeat(step, 0).repeat(step, 1)[:height, :width]  # (H, W)


def _place_squares(length: int, side: int, step: int) -> list[slice]:
    """The pixels that squares around every step-th pixel of an axis cover."""
    starts = [centre - side // 2 for centre in range(step // 2, length + step // 2, step)]
    return [slice(max(0, start), start + side) for start in starts]


def _cover(pixels: Numbers, squares: list[tuple[slice, slice]], grey: Numbers) -> Numbers:
    """One copy of the image for each square, which is grey in it: (N, C, H, W)."""
    images = np.repeat(pixels[None], len(squares), 0)
    for image, (rows, columns) in zip(images, squares, strict=True):
        image[:, rows, columns] = grey
    return images


def saliency_map(model: Module, image: TensorLike, label: Label | None = None) -> Numbers:
    """How fast the score of a class changes with each pixel: (H, W).

    map[h, w] = max over c of |d score[label] / d image[c, h, w]|

    score: the model's output before softmax; label: by default that of the largest score. The map
    is large where a small change of the pixel changes the score most, whether up or down.
    Raises TypeError or ValueError for an image or label that does not fit, RuntimeError inside
    ``no_grad()``.
    Source: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2013
    (arXiv 1312.6034), section 3.1.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(4, 2))
    >>> model[1].weight.data[:] = [[1, -2, 0, 3], [0, 0, 0, 0]]
    >>> mc.viz.saliency_map(model, np.ones((1, 2, 2)), label=0)
    array([[1., 2.],
           [0., 3.]], dtype=float32)
    """
    check_recording("saliency")
    pixels, label, _ = _check_question("saliency", model, image, label)
    x = input_like(model, pixels[None])
    with evaluating(model, recording=True):
        score = model(x)[0, label]
    (slope,) = grad(score, x)  # (1, C, H, W)
    return np.abs(slope.numpy()[0]).max(0)  # (H, W)


def grad_cam_map(
    model: Module, image: TensorLike, layer: str | Module, label: Label | None = None
) -> Numbers:
    """Where the maps A of a layer raise the score of a class: (H, W).

    weight[k] = mean over i, j of d score[label] / d A[k, i, j]
    map = relu(sum over k of weight[k] · A[k]), resized to the image bilinearly

    layer: its name ("conv2") or the module. It must output maps (K, h, w); the last convolution is
    the best choice, as its maps still have a position and already describe what is in the image.
    Raises TypeError or ValueError for an image, label or layer that does not fit, RuntimeError
    inside ``no_grad()``.
    Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
    Localization", 2017 (arXiv 1610.02391), section 3.

    >>> model = mc.nn.Sequential(mc.nn.Conv2d(1, 1, 1, bias=False), mc.nn.GlobalAvgPool2d())
    >>> model[0].weight.data[:] = 4  # A = 4 · image, and the score is the mean of A
    >>> mc.viz.grad_cam_map(model, [[[1.0, -1.0], [0.0, 2.0]]], layer="0")
    array([[1., 0.],
           [0., 2.]], dtype=float32)
    """
    pixels, label, _ = _check_question("grad_cam", model, image, label)
    name, module = layer_named(model, layer, "grad_cam")
    scores, maps = run_and_watch(model, input_like(model, pixels[None]), module, "grad_cam")
    if maps.ndim != 4:
        raise ValueError(
            f"grad_cam: layer {name} outputs {maps.shape[1:]}, expected maps (K, H, W), as from a "
            "convolution or pooling layer"
        )
    (slopes,) = grad(scores[0, label], maps)  # (1, K, h, w)
    weights = slopes.numpy().mean((2, 3), keepdims=True)  # (1, K, 1, 1)
    map_ = np.maximum((weights * maps.numpy()).sum(1, keepdims=True), 0)  # (1, 1, h, w)
    return Resize(pixels.shape[1:])(map_)[0, 0]  # (H, W)


def occlusion(
    model: Module, image: TensorLike, label: Label | None = None, size: int | None = None
) -> Picture:
    """Draw ``occlusion_map`` over the image: red supports the class, blue counts against it.

    >>> images, _ = mc.data.load("digits", "test")[:1]
    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(images[0].size, 10))
    >>> mc.viz.occlusion(model, images[0], label=7).savefig("occlusion.png")
    """
    map_ = occlusion_map(model, image, label, size)
    return _draw_map(model, image, label, map_, "drop in probability if covered")


def saliency(model: Module, image: TensorLike, label: Label | None = None) -> Picture:
    """Draw ``saliency_map`` over the image: red pixels change the score most.

    >>> images, _ = mc.data.load("digits", "test")[:1]
    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(images[0].size, 10))
    >>> mc.viz.saliency(model, images[0], label=7).savefig("saliency.png")
    """
    map_ = saliency_map(model, image, label)
    return _draw_map(model, image, label, map_, "how fast each pixel changes the score")


def grad_cam(
    model: Module, image: TensorLike, layer: str | Module, label: Label | None = None
) -> Picture:
    """Draw ``grad_cam_map`` over the image: red where the maps of the layer raise the score.

    >>> model = mc.nn.Sequential({"conv": mc.nn.Conv2d(1, 3, 3), "pool": mc.nn.GlobalAvgPool2d()})
    >>> images, _ = mc.data.load("digits", "test")[:1]
    >>> mc.viz.grad_cam(model, images[0], layer="conv").savefig("grad_cam.png")
    """
    map_ = grad_cam_map(model, image, layer, label)
    name, _ = layer_named(model, layer, "grad_cam")
    return _draw_map(model, image, label, map_, f"where layer {name} raises the score")


def _draw_map(
    model: Module, image: TensorLike, label: Label | None, map_: Numbers, meaning: str
) -> Picture:
    """The image, and the map in colour over a pale grey copy of it, with its scale."""
    pixels, label, probability = _check_question("picture", model, image, label)
    grey = pixels.mean(0)
    grey = (grey - grey.min()) / (np.ptp(grey) or 1.0)  # (H, W), from 0 to 1
    low = -1.0 if map_.min() < 0 else 0.0
    largest = float(np.abs(map_).max()) or 1.0
    colours = LinearSegmentedColormap.from_list("", [BLUE, PALE, RED] if low else [PALE, RED])
    scale = ScalarMappable(Normalize(low * largest, largest), colours)
    strength = np.abs(map_)[..., None] / largest  # (H, W, 1)
    mixed = strength * scale.to_rgba(np.sign(map_) * largest)[..., :3]
    mixed = mixed + (1 - strength) * (0.5 + 0.45 * grey[..., None])  # (H, W, 3)
    picture, (left, right) = subplots(1, 2, size=(7.0, 3.2))
    left.imshow(as_pixels("image", pixels[None])[0] if len(pixels) == 3 else grey, cmap="gray")
    left.set_title(f"class {label}, probability {probability:.2f}")
    right.imshow(mixed)
    right.set_title(meaning)
    picture.colorbar(scale, ax=right)
    for axes in (left, right):
        axes.set_axis_off()
    return picture


def _check_question(
    op: str, model: Module, image: TensorLike, label: Label | None
) -> tuple[Numbers, int, float]:
    """The image (C, H, W), the label, by default the model's prediction, and its probability."""
    (pixels,) = as_image(op, image)
    (row,) = _compute_probabilities(op, model, pixels[None])
    chosen = label.numpy() if isinstance(label, Tensor) else label
    chosen = row.argmax() if chosen is None else chosen
    number = check_integer(f"{op}: label", chosen, least=0, most=len(row) - 1)
    return pixels, number, float(row[number])


def _compute_probabilities(op: str, model: Module, images: Numbers) -> Numbers:
    """The softmax of the scores: (N, C, H, W) -> (N, K)."""
    with evaluating(model):
        scores = model(input_like(model, images))
    if not isinstance(scores, Tensor) or scores.ndim != 2:
        got = scores.shape if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        raise ValueError(f"{op}: the model outputs {got}, expected scores (N, K)")
    as_numbers(op, "the model's scores", scores)
    return softmax(scores).numpy()
