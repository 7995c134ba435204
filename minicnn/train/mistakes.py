"""Looking for the usual mistakes before a training: ``train.check(model, batch, loss, optimizer)``.

After Karpathy, "A Recipe for Training Neural Networks", 2019: the loss at the start, one batch
learned by heart, what each parameter does.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import nn, ops, optim
from ..autograd import Tensor, no_grad
from ..autograd.function import Call
from ..autograd.observe import Observer, observing
from ..backend import Array, array_module
from ..backend.random import generator_state, set_generator_state
from ..checks import check_integer, few
from ..data.labels import place_labels
from ..nn import Module
from ..nn.modes import evaluating
from ..ops.activation import ReLU
from ..optim import Optimizer
from .batches import place

LARGE_PIXEL = 20.0
MANY_DEAD = 0.5  # share of the units of a ReLU
LARGE_UPDATE, SMALL_UPDATE = 0.3, 1e-6  # of the weights, in one step
LEARNED = 0.5  # of the loss at the start, after the steps on one batch
OLD_GRADIENT = 3.0  # times the gradient of the batch


class Finding(NamedTuple):
    """Something that is probably a mistake: what was seen, why it matters, what to write."""

    saw: str
    why: str
    instead: str

    def __str__(self) -> str:
        return f"{self.saw}\n    why it matters: {self.why}\n    instead: {self.instead}"


class Check:
    """What ``train.check`` found, and what it found well; ``print`` shows both."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.well: list[str] = []

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __repr__(self) -> str:
        lines = [f"✗ {finding}" for finding in self.findings] + [f"✓ {text}" for text in self.well]
        return "\n".join(lines)


def check(
    model: Module,
    batch: tuple[Any, Any],
    loss: Callable[[Any, Any], Tensor] = ops.cross_entropy,
    optimizer: Optimizer | None = None,
    steps: int = 100,
) -> Check:
    """Look for the usual mistakes: train a copy of the model on one batch, and watch it.

    batch: images and labels, as a DataLoader gives them; some dozens of images. loss, optimizer:
    those of the training, made as for it; without an optimizer a copy is trained by Adam. steps: in
    how many it may learn the batch by heart.

    It looks at the range of the images and labels, the outputs (softmax before the loss?), the loss
    at the start against ln K, the gradient of each parameter, its first step and the size of that,
    gradients that were never set to zero, whether the batch can be learned, units that are dead
    after it, and the difference between training and evaluation mode. The model, the optimizer and
    the global generator stay as they are.

    Raises what the model and the loss raise for this batch; TypeError or ValueError for steps.

    >>> images, labels = mc.data.load("digits", "train")[:64]
    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10), mc.nn.Softmax())
    >>> optimizer = mc.optim.Adam(model.parameters(), lr=0.01)
    >>> mc.train.check(model, (images, labels), optimizer=optimizer).ok
    False
    """
    steps = check_integer("check: steps", steps, least=1)
    state = generator_state()
    try:
        return _Examination(model, batch, loss, optimizer).run(steps)
    finally:
        set_generator_state(state)


class _Examination:
    """One check: the copies that it trains, and what it has found so far."""

    def __init__(
        self,
        model: Module,
        batch: tuple[Any, Any],
        loss: Callable[[Any, Any], Tensor],
        optimizer: Optimizer | None,
    ) -> None:
        self.found = Check()
        self.original = model
        self.model, self.loss, copied = copy.deepcopy((model, loss, optimizer))
        self.optimizer = copied or optim.Adam(self.model.parameters())
        device = next((p.device for p in model.parameters()), "cpu")
        self.x, self.y = place(batch[0], device), place_labels(batch[1], device)
        self.is_entropy = _is_cross_entropy(loss)

    def run(self, steps: int) -> Check:
        self.look_at_images()
        self.look_at_modes()
        outputs = self.forward()
        scores = outputs if self.is_entropy and _is_table(outputs) else None
        if scores is not None:
            if not self.look_at_labels(scores):
                return self.found
            self.look_at_scores(scores)
        value = self.loss(outputs, self.y)
        if scores is not None:
            self.look_at_loss(value.item(), scores.shape[1])
        self.look_at_gradients(value)
        self.look_at_step()
        learned = self.learn(value.item(), steps)
        if learned is not None:
            self.look_at_units()
        if learned:
            self.look_at_evaluation()
        return self.found

    def forward(self) -> Any:
        return self.model(*self.x) if isinstance(self.x, tuple) else self.model(self.x)

    def tell(self, saw: str, why: str, instead: str) -> None:
        self.found.findings.append(Finding(saw, why, instead))

    def look_at_images(self) -> None:
        for x in self.x if isinstance(self.x, tuple) else (self.x,):
            low, high = float(x.data.min()), float(x.data.max())
            if max(-low, high) > LARGE_PIXEL:
                self.tell(
                    f"the images go from {low:.4g} to {high:.4g}",
                    "the weights start in a size made for inputs of about 1, so the first outputs "
                    "and gradients are far too large",
                    "images / 255, or uint8 images in a data.ArrayDataset, which divides them",
                )
            elif low == high:
                self.tell(
                    f"all pixels of the batch are {low:.4g}",
                    "there is nothing to tell the images apart by",
                    "look at the batch: mc.viz.images(images)",
                )
            else:
                self.found.well.append(f"the images go from {low:.3g} to {high:.3g}")

    def look_at_modes(self) -> None:
        if not self.original.training:
            self.tell(
                "the model is in evaluation mode",
                "dropout does nothing, and batch norm does not learn its statistics",
                "model.train() before the training; Trainer.fit calls it",
            )
        self.model.train()

    def look_at_labels(self, scores: Tensor) -> bool:
        """Whether the loss can be computed."""
        labels, classes = _integers(self.y), scores.shape[1]
        if labels is None:
            return True
        ignored = getattr(self.loss, "ignore_index", -100)
        labels = labels[labels != ignored]
        if labels.size and (labels.min() < 0 or labels.max() >= classes):
            self.tell(
                f"the labels go from {labels.min()} to {labels.max()}, the model has {classes} "
                "outputs",
                f"classes are counted from 0, so {classes} outputs stand for 0 to {classes - 1}",
                "labels - 1" if labels.min() == 1 and labels.max() == classes
                else f"a last layer of {labels.max() + 1} outputs",
            )  # fmt: skip
            return False
        if labels.size >= 10 * classes and labels.min() == 1:
            self.tell(
                f"none of {labels.size} labels is 0; they go from 1 to {labels.max()}",
                "classes are counted from 0; one output has nothing to learn",
                "labels - 1, and one output less",
            )
        else:
            self.found.well.append(f"the labels fit the {classes} outputs")
        return True

    def look_at_scores(self, scores: Tensor) -> None:
        values = scores.numpy().astype(np.float64)
        if values.shape[1] > 1 and values.min() >= 0 and np.allclose(values.sum(1), 1, atol=1e-4):
            self.tell(
                "each row of the outputs sums to 1: they are probabilities already",
                "cross_entropy applies log_softmax itself; a softmax before it makes the gradients "
                "small, and the loss can never come near 0",
                "leave out the softmax at the end of the model; ops.softmax(model(x)) where you "
                "need probabilities",
            )
        else:
            self.found.well.append("the outputs are scores, not probabilities")

    def look_at_loss(self, value: float, classes: int) -> None:
        blind = math.log(classes)
        if not value < 1.5 * blind + 0.5:  # NaN too
            self.tell(
                f"the loss at the start is {value:.3g}, but ln {classes} = {blind:.3g} for a "
                "network that knows nothing",
                "it is sure of wrong answers before it has seen an image: the inputs or the "
                "initial weights are too large",
                "images of about 0 to 1, and the initial weights of the layers or of nn.init",
            )
        else:
            self.found.well.append(
                f"the loss at the start is {value:.3g}, ln {classes} = {blind:.3g}"
            )

    def look_at_gradients(self, value: Tensor) -> None:
        self.optimizer.zero_grad()
        for parameter in self.model.parameters():
            parameter.grad = None
        value.backward()
        silent = [
            name
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad and (parameter.grad is None or not parameter.grad.data.any())
        ]
        if silent:
            self.tell(
                f"no gradient reaches {few(silent)}",
                "what has no gradient is never learned",
                "use these layers in forward, without .numpy(), .detach() or no_grad on the way, "
                "and look for units that are all dead: mc.viz.dead_units(model, images)",
            )
        else:
            self.found.well.append("each parameter has a gradient")
        own = zip(self.original.parameters(), self.model.parameters(), strict=True)
        pairs = [(a.grad, b.grad) for a, b in own if a.grad is not None and b.grad is not None]
        before = math.sqrt(sum(_square(old.data) for old, _ in pairs))
        now = math.sqrt(sum(_square(new.data) for _, new in pairs))
        if before > OLD_GRADIENT * now > 0:
            self.tell(
                f"the model holds gradients {before / now:.0f} times as large as those of this "
                "batch",
                "backward adds to them: without zero_grad, each step goes the way of all batches "
                "so far",
                "optimizer.zero_grad() before each loss.backward()",
            )

    def look_at_step(self) -> None:
        before = {n: p.numpy().copy() for n, p in self.model.named_parameters() if p.requires_grad}
        known = {id(p) for group in self.optimizer.param_groups for p in group["params"]}
        parameters = dict(self.model.named_parameters())
        foreign = [name for name in before if id(parameters[name]) not in known]
        if foreign:
            self.tell(
                f"the optimizer does not have {few(foreign)}",
                "it moves only the parameters that it was given",
                "make the optimizer of this model, after all of its layers: "
                "optim.Adam(model.parameters())",
            )
        self.optimizer.step()
        moved = {n: _norm(parameters[n].numpy() - old) for n, old in before.items()}
        still = [name for name, size in moved.items() if not size and name not in foreign]
        if still and any(moved.values()):
            self.tell(
                f"a step does not move {few(still)}",
                "these parameters are not learned",
                "give them a learning rate above 0 and a path from the loss",
            )
        ratios = {
            name: moved[name] / _norm(old)
            for name, old in before.items()
            if old.ndim > 1 and _norm(old) and moved[name]
        }
        if not ratios:
            if not foreign:
                self.tell(
                    "a step moves no weight",
                    "the network stays as it is",
                    "a learning rate above 0",
                )
            return
        name, ratio = max(ratios.items(), key=lambda item: item[1])
        if ratio > LARGE_UPDATE:
            self.tell(
                f"the first step changes {name} by {ratio:.0%} of its size",
                "steps of more than some percent jump over the minimum",
                "a smaller learning rate",
            )
        elif ratio < SMALL_UPDATE:
            self.tell(
                f"the first step changes no weight by more than {ratio:.1g} of its size",
                "so it takes a million steps to learn anything",
                "a larger learning rate",
            )
        else:
            self.found.well.append(f"the first step changes the weights by up to {ratio:.2%}")

    def learn(self, start: float, steps: int) -> bool | None:
        """Whether the batch can be learned by heart; None if the training diverges."""
        lowest, taken = start, 0
        for taken in range(1, steps + 1):
            self.optimizer.zero_grad()
            value = self.loss(self.forward(), self.y)
            number = value.item()
            if not math.isfinite(number):
                self.tell(
                    f"after {taken} steps on one batch the loss is {number}",
                    "the training diverges",
                    "a smaller learning rate, or Trainer(..., clip_norm=1)",
                )
                return None
            lowest = min(lowest, number)
            if lowest < LEARNED / 5 * start:
                break
            value.backward()
            self.optimizer.step()
        if lowest > LEARNED * start:
            self.tell(
                f"{taken} steps on one batch bring the loss only from {start:.3g} to {lowest:.3g}",
                "a network that cannot learn some images by heart learns no data set",
                "another learning rate; then look whether images and labels belong together "
                "(mc.viz.images(images, labels)), and leave out layers until it learns",
            )
            return False
        self.found.well.append(
            f"{taken} steps on one batch bring the loss from {start:.3g} to {lowest:.3g}"
        )
        return True

    def look_at_units(self) -> None:
        with no_grad(), evaluating(self.model), _relus() as outputs:
            self.forward()
        shares = [float((~_alive(output)).mean()) for output in outputs if output.ndim > 1]
        if shares and max(shares) > MANY_DEAD and len(_first(self.x)) >= 16:
            number = shares.index(max(shares)) + 1
            self.tell(
                f"{max(shares):.0%} of the units of ReLU number {number} are 0 for every image",
                "a unit that is always 0 has no gradient and stays dead",
                "a smaller learning rate, initial biases of 0 or above, or leaky_relu",
            )
        elif shares:
            self.found.well.append(f"at most {max(shares):.0%} of the units of a ReLU are dead")

    def look_at_evaluation(self) -> None:
        with no_grad():
            training = self.loss(self.forward(), self.y).item()
            with evaluating(self.model):
                evaluation = self.loss(self.forward(), self.y).item()
        if not evaluation < 2 * training + 1:
            self.tell(
                f"on the batch that it has learned, the loss is {training:.3g} in training mode, "
                f"but {evaluation:.3g} in evaluation mode",
                "the running statistics of batch norm, which evaluation uses, are not those of the "
                "batches; the test accuracy will be bad for no fault of the weights",
                "larger batches, a larger momentum of batch norm, or layer norm",
            )
        else:
            self.found.well.append("training and evaluation mode agree")


class _ReLUs(Observer):
    def __init__(self) -> None:
        self.outputs: list[Array] = []

    def after_forward(self, call: Call) -> None:
        if isinstance(call.function, ReLU):
            self.outputs.append(call.output.data)


@contextmanager
def _relus() -> Iterator[list[Array]]:
    """The outputs of all ReLUs inside the block."""
    watching = _ReLUs()
    with observing(watching):
        yield watching.outputs


def _alive(output: Array) -> Any:
    """Which units, axis 1, are above 0 for an image of the batch."""
    others = tuple(axis for axis in range(output.ndim) if axis != 1)
    return (output > 0).any(axis=others)


def _is_table(outputs: Any) -> bool:
    """Whether outputs can be scores (N, K)."""
    return isinstance(outputs, Tensor) and outputs.ndim == 2


def _is_cross_entropy(loss: Any) -> bool:
    function = loss.func if isinstance(loss, partial) else loss
    return function is ops.cross_entropy or isinstance(function, nn.CrossEntropyLoss)


def _integers(labels: Any) -> Any:
    """Class indices (N,) as an array, None for other labels."""
    values = labels.numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    return values if values.ndim == 1 and values.dtype.kind in "iu" else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


def _square(array: Array) -> float:
    return float(array_module(array).square(array).sum())


def _norm(values: Any) -> float:
    return float(np.linalg.norm(values))
