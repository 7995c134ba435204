"""What ``train.check`` sees before it trains: images, labels, outputs, and the first loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..autograd import Tensor
from .findings import Finding
from .measures import function_of, ignored_class

LARGE_PIXEL = 20.0


def look_at_images(x: Any) -> Finding | str:
    low, high = float(x.data.min()), float(x.data.max())
    if max(-low, high) > LARGE_PIXEL:
        return Finding(
            f"the images go from {low:.4g} to {high:.4g}",
            "the weights start in a size made for inputs of about 1, so the first outputs and "
            "gradients are far too large",
            "images / 255, or uint8 images in a data.ArrayDataset, which divides them",
        )
    if low == high:
        return Finding(
            f"all pixels of the batch are {low:.4g}",
            "there is nothing to tell the images apart by",
            "look at the batch: mc.viz.images(images)",
        )
    return f"the images go from {low:.3g} to {high:.3g}"


def number_of_classes(loss: Any, outputs: Any) -> int | None:
    """K for scores (N, K) and cross-entropy, None for other outputs and losses."""
    is_table = isinstance(outputs, Tensor) and outputs.ndim == 2
    return outputs.shape[1] if is_table and function_of(loss) is ops.cross_entropy else None


def class_labels(loss: Any, labels: Any) -> Any:
    """The class indices that the loss does not ignore, an array; None for other labels."""
    values = labels.numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        return None
    return values[values != ignored_class(loss)]


def are_classes(labels: Any, classes: int) -> bool:
    """Whether each label has an output."""
    return bool(((labels >= 0) & (labels < classes)).all())


def look_at_labels(labels: Any, classes: int) -> Finding | str:
    if not are_classes(labels, classes):
        return Finding(
            f"the labels go from {labels.min()} to {labels.max()}, the model has {classes} outputs",
            f"classes are counted from 0, so {classes} outputs stand for 0 to {classes - 1}",
            "labels - 1" if labels.min() == 1 and labels.max() == classes
            else f"a last layer of {labels.max() + 1} outputs",
        )  # fmt: skip
    if labels.size >= 10 * classes and labels.min() == 1:
        return Finding(
            f"none of {labels.size} labels is 0; they go from 1 to {labels.max()}",
            "classes are counted from 0; one output has nothing to learn",
            "labels - 1, and one output less",
        )
    return f"the labels fit the {classes} outputs"


def look_at_scores(scores: Tensor) -> Finding | str:
    values = scores.numpy().astype(np.float64)
    if values.shape[1] > 1 and values.min() >= 0 and np.allclose(values.sum(1), 1, atol=1e-4):
        return Finding(
            "each row of the outputs sums to 1: they are probabilities already",
            "cross_entropy applies log_softmax itself; a softmax before it makes the gradients "
            "small, and the loss can never come near 0",
            "leave out the softmax at the end of the model; ops.softmax(model(x)) where you need "
            "probabilities",
        )
    return "the outputs are scores, not probabilities"


def look_at_loss(value: float, classes: int) -> Finding | str:
    blind = math.log(classes)
    if value < 1.5 * blind + 0.5:
        return f"the loss at the start is {value:.3g}, ln {classes} = {blind:.3g}"
    return Finding(  # NaN too
        f"the loss at the start is {value:.3g}, but ln {classes} = {blind:.3g} for a network that "
        "knows nothing",
        "it is sure of wrong answers before it has seen an image: the inputs or the initial "
        "weights are too large",
        "images of about 0 to 1, and the initial weights of the layers or of nn.init",
    )
