"""What losses and metrics share: their inputs as tensors, checked, and their reduction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.on_device import on_device
from ..backend import Array, array_module
from ..backend.capture import answer
from ..checks import check_choice, check_integer
from .check import check_device, check_float, check_shape
from .convert import TensorLike, as_tensor, convert
from .reduce import sum

REDUCTIONS = ("mean", "sum", "none")


@on_device
def one_hot(target: TensorLike, num_classes: int) -> Tensor:
    """1 at each class index, 0 elsewhere: target (...) -> (..., num_classes), float32.

    Raises TypeError unless the target holds integers, ValueError for a class out of range.

    >>> mc.ops.one_hot([2, 0], 3)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    classes = as_named_tensor("one_hot", target=target).data
    num_classes = check_integer("one_hot: num_classes", num_classes, least=1)
    check_classes("one_hot", classes, num_classes)
    return Tensor(array_module(classes).eye(num_classes, dtype=np.float32)[classes])


def as_named_tensor(op: str, **argument: TensorLike) -> Tensor:
    """The one argument, a Tensor, an array or a list, as a Tensor. Raises TypeError for others."""
    ((name, value),) = argument.items()
    try:
        return as_tensor(value)
    except TypeError as error:
        raise TypeError(f"{op}: {name}: {error}") from error


def to_device_of(op: str, x: Tensor, **argument: TensorLike) -> Tensor:
    """The one argument as a Tensor on the device of x; a Tensor of floats must already be there.

    Integer labels stay on the CPU in a DataLoader, whether they are classes or 0 and 1.
    """
    ((name, value),) = argument.items()
    tensor = as_named_tensor(op, **argument)
    if isinstance(value, Tensor) and tensor.dtype.kind not in "iu":
        check_device(op, x, **{name: value})
        return tensor
    return convert(tensor, x.device)


def check_same_shape(op: str, input: Tensor, target: TensorLike) -> tuple[Tensor, Tensor]:
    """Input and target of one shape, the target in the dtype of the input.

    Raises TypeError unless the input is a Tensor of floats, ValueError for different shapes.
    """
    check_float(op, input=input)
    target = to_device_of(op, input, target=target)
    if target.shape != input.shape:
        raise ValueError(
            f"{op}: input has shape {input.shape} and target {target.shape}, "
            "expected the same shape"
        )
    return input, convert(target, input.dtype)


def check_scores(op: str, **argument: Tensor) -> None:
    """Raise unless the one argument is a Tensor of floats (N, C, ...) with C of 1 or more."""
    check_float(op, **argument)
    ((name, scores),) = argument.items()
    if scores.ndim < 2 or scores.shape[1] == 0:
        raise ValueError(
            f"{op}: {name} have shape {scores.shape}, expected (N, C, ...) with C of 1 or more"
        )


def class_indices(op: str, scores: Tensor, target: Tensor) -> Array:
    """The target as integers (N, ...) for scores (N, C, ...); their range is not checked yet."""
    expected = scores.shape[:1] + scores.shape[2:]
    if target.shape != expected:
        is_column = target.shape == (*expected[:1], 1, *expected[1:])
        is_one_hot = target.shape == scores.shape
        hint = "; write target[:, 0]" if is_column else ""
        if is_one_hot:
            hint = "; one-hot rows are target.argmax(1), probabilities target.astype('float32')"
        raise ValueError(
            f"{op}: target has shape {target.shape}, expected {expected} "
            f"for class indices with scores of shape {scores.shape}"
            f"{hint}"
        )
    _check_integers(op, target.data)
    return target.data


@dataclass(frozen=True)
class AreClasses:
    """Whether all elements are from 0 to below num_classes, except those equal to ``ignored``."""

    num_classes: int
    ignored: int | None = None

    def __call__(self, classes: Array) -> Any:
        return ~self.wrong(classes).any()

    def wrong(self, classes: Array) -> Array:
        """A mask of those that are not."""
        wrong = (classes < 0) | (classes >= self.num_classes)
        return wrong if self.ignored is None else wrong & (classes != self.ignored)


@dataclass(frozen=True)
class AllCount:
    """Whether no element is equal to ``ignored``."""

    ignored: int

    def __call__(self, classes: Array) -> Any:
        return (classes != self.ignored).all()


def check_classes(op: str, classes: Array, num_classes: int, ignored: int | None = None) -> None:
    """Raise TypeError unless the classes are integers, ValueError for one out of range."""
    _check_integers(op, classes)
    are_classes = AreClasses(num_classes, ignored)
    if not answer(classes, are_classes):
        wrong = classes[are_classes.wrong(classes)]
        raise ValueError(
            f"{op}: target holds class {int(wrong[0])}, "
            f"but there are {num_classes} classes: 0 to {num_classes - 1}"
        )


def _check_integers(op: str, classes: Array) -> None:
    if classes.dtype.kind not in "iu":
        raise TypeError(f"{op}: target is {classes.dtype}, expected integers for class indices")


def as_class_weights(op: str, scores: Tensor, weight: TensorLike | None) -> Array | None:
    """One weight for each class, in the dtype of the scores: (C,); None if all are 1."""
    if weight is None:
        return None
    weights = to_device_of(op, scores, weight=weight)
    check_shape(op, scores.shape[1:2], weight=weights)
    return weights.data.astype(scores.dtype)


def reduce_losses(op: str, losses: Tensor, reduction: str, count: Any = None) -> Tensor:
    """The losses, their sum, or the sum divided by count (None: the number of losses).

    As in PyTorch, the mean of no losses is NaN, their sum 0.
    Raises TypeError or ValueError for an unknown reduction.
    """
    check_choice(f"{op}: reduction", reduction, REDUCTIONS)
    if reduction == "none":
        return losses
    total = sum(losses)
    if reduction == "mean":
        return total / (losses.size or math.nan if count is None else count)
    return total
