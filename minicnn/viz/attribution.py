"""Which pixels speak for a class: by covering them, by gradients, by the maps of a layer.

    occlusion   how much of the probability goes when a square is covered
    saliency    how fast the score changes with each pixel
    Grad-CAM    where the maps of a layer are that raise the score

Each comes as a picture and, with ``_map``, as the array (H, W) under it. The model runs in
evaluation mode and is left as it was.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize

from ..autograd import Tensor, grad
from ..data.transforms import Resize
from ..nn import Module
from ..nn.module import evaluating
from ..nn.watch import input_like, layer_named
from ..ops import softmax
from .arrays import Numbers, as_image, as_numbers, as_pixels, check_count
from .observe import check_recording, run_and_watch
from .picture import Picture, subplots

BATCH = 64  # covered images that go through the model at once
RED, PALE, BLUE = "#c4161c", "#b8b8b8", "#1660a8"


def occlusion_map(
    model: Module, image: Any, label: int | None = None, size: int | None = None
) -> Numbers:
    """By how much the probability of a class falls when a pixel and those around it are covered.

    map[h, w] = p(image) - p(image whose square around (h, w) holds the mean of each channel)

    The map is (H, W). p is the softmax of the model's scores at label, by default its own answer.
    A square has size x size pixels, by default a quarter of the image's shorter side, and is cut
    at the border. From size 8 on pixels share squares: there is one for each size // 4 rows and
    columns. Positive: what is there speaks for the class.
    Raises ValueError for an image, label or size that does not fit.
    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014,
    section 4.2; they draw p itself.
    """
    pixels, label, whole = _asked("occlusion", model, image, label)
    height, width = pixels.shape[1:]
    side = max(1, min(height, width) // 4) if size is None else size
    check_count("occlusion", "size", side, most=min(height, width))
    step = max(1, side // 4)
    rows, columns = _spans(height, side, step), _spans(width, side, step)
    squares = [(row, column) for row in rows for column in columns]
    grey = pixels.mean((1, 2), keepdims=True)  # (C, 1, 1)
    batches = [squares[start : start + BATCH] for start in range(0, len(squares), BATCH)]
    left = [
        _probabilities("occlusion", model, _covered(pixels, batch, grey))[:, label]
        for batch in batches
    ]
    losses = (whole - np.concatenate(left)).reshape(len(rows), len(columns))
    return losses.repeat(step, 0).repeat(step, 1)[:height, :width]  # (H, W)


def _spans(length: int, side: int, step: int) -> list[slice]:
    """The pixels of the squares around every step-th pixel of an axis."""
    starts = [centre - side // 2 for centre in range(step // 2, length + step // 2, step)]
    return [slice(max(0, start), start + side) for start in starts]


def _covered(pixels: Numbers, squares: list[tuple[slice, slice]], grey: Numbers) -> Numbers:
    """The image once for each square, with the square in grey: (N, C, H, W)."""
    images = np.repeat(pixels[None], len(squares), 0)
    for image, (rows, columns) in zip(images, squares, strict=True):
        image[:, rows, columns] = grey
    return images


def saliency_map(model: Module, image: Any, label: int | None = None) -> Numbers:
    """How fast the score of a class changes with each pixel: (H, W).

    map[h, w] = max over c of |d score[label] / d image[c, h, w]|

    score: the model's output before softmax; label: by default the largest. Large where a small
    change of the pixel changes the score most, whether up or down.
    Raises ValueError for an image or label that does not fit, RuntimeError inside ``no_grad()``.
    Source: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2013
    (arXiv 1312.6034), section 3.1.
    """
    check_recording("saliency")
    pixels, label, _ = _asked("saliency", model, image, label)
    x = input_like(model, pixels[None])
    with evaluating(model, recording=True):
        score = model(x)[0, label]
    (slope,) = grad(score, x)  # (1, C, H, W)
    return np.abs(slope.numpy()[0]).max(0)  # (H, W)


def grad_cam_map(
    model: Module, image: Any, layer: str | Module, label: int | None = None
) -> Numbers:
    """Where the maps A of a layer are that raise the score of a class: (H, W).

    weight[k] = mean over i, j of d score[label] / d A[k, i, j]
    map = relu(sum over k of weight[k] · A[k]), enlarged to the image bilinearly

    layer: its name ("conv2") or the module; it makes maps (K, h, w), best those of the last
    convolution, which are still a picture and already about what is in it.
    Raises ValueError for an image, label or layer that does not fit, RuntimeError inside
    ``no_grad()``.
    Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
    Localization", 2017 (arXiv 1610.02391), section 3.
    """
    pixels, label, _ = _asked("grad_cam", model, image, label)
    name, module = layer_named(model, layer, "grad_cam")
    scores, maps = run_and_watch(model, input_like(model, pixels[None]), module, "grad_cam")
    if maps.ndim != 4:
        raise ValueError(
            f"grad_cam: layer {name} makes {maps.shape[1:]}, expected maps (K, H, W): a "
            "convolution or a pooling"
        )
    (slopes,) = grad(scores[0, label], maps)  # (1, K, h, w)
    weights = slopes.numpy().mean((2, 3), keepdims=True)  # (1, K, 1, 1)
    map_ = np.maximum((weights * maps.numpy()).sum(1, keepdims=True), 0)  # (1, 1, h, w)
    return Resize(pixels.shape[1:])(map_)[0, 0]  # (H, W)


def occlusion(
    model: Module, image: Any, label: int | None = None, size: int | None = None
) -> Picture:
    """``occlusion_map`` over the image: red speaks for the class, blue against it."""
    map_ = occlusion_map(model, image, label, size)
    return _picture(model, image, label, map_, "fall of the probability if covered")


def saliency(model: Module, image: Any, label: int | None = None) -> Picture:
    """``saliency_map`` over the image: red pixels change the score most."""
    map_ = saliency_map(model, image, label)
    return _picture(model, image, label, map_, "how fast each pixel changes the score")


def grad_cam(model: Module, image: Any, layer: str | Module, label: int | None = None) -> Picture:
    """``grad_cam_map`` over the image: red where the layer saw what raises the score."""
    map_ = grad_cam_map(model, image, layer, label)
    name, _ = layer_named(model, layer, "grad_cam")
    return _picture(model, image, label, map_, f"where layer {name} raises the score")


def _picture(model: Module, image: Any, label: int | None, map_: Numbers, meaning: str) -> Picture:
    """The image, and the map in colour over a pale grey copy of it, with its scale."""
    pixels, label, probability = _asked("picture", model, image, label)
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


def _asked(by: str, model: Module, image: Any, label: Any) -> tuple[Numbers, int, float]:
    """The image (C, H, W), the label, by default the model's answer, and its probability."""
    (pixels,) = as_image(by, image)
    (row,) = _probabilities(by, model, pixels[None])
    chosen = as_numbers(by, "label", row.argmax() if label is None else label)
    if chosen.shape or chosen.dtype.kind not in "iu" or not 0 <= chosen < len(row):
        raise ValueError(f"{by}: label is {label!r}, expected an integer of 0 to {len(row) - 1}")
    return pixels, int(chosen), float(row[chosen])


def _probabilities(by: str, model: Module, images: Numbers) -> Numbers:
    """The softmax of the scores: (N, C, H, W) -> (N, K)."""
    with evaluating(model):
        scores = model(input_like(model, images))
    if not isinstance(scores, Tensor) or scores.ndim != 2:
        got = scores.shape if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        raise ValueError(f"{by}: the model makes {got}, expected scores (N, K)")
    as_numbers(by, "the model's scores", scores)
    return softmax(scores).numpy()
