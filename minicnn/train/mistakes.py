"""Looking for the usual mistakes before a training: ``train.check(model, batch, loss, optimizer)``.

After Karpathy, "A Recipe for Training Neural Networks", 2019: the loss at the start, one batch
learned by heart, what each parameter does.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import ops, optim
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
from .findings import Check, Finding
from .first_look import (
    are_classes,
    class_labels,
    look_at_images,
    look_at_labels,
    look_at_loss,
    look_at_scores,
    number_of_classes,
)

MANY_DEAD = 0.5  # share of the units of a ReLU
LARGE_UPDATE, SMALL_UPDATE = 0.3, 1e-6  # of the weights, in one step
LEARNED = 0.5  # of the loss at the start, after the steps on one batch
OLD_GRADIENT = 3.0  # times the gradient of the batch


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

    def run(self, steps: int) -> Check:
        for x in self.x if isinstance(self.x, tuple) else (self.x,):
            self.found.add(look_at_images(x))
        self.look_at_modes()
        outputs = self.forward()
        classes = number_of_classes(self.loss, outputs)
        if classes:
            labels = class_labels(self.loss, self.y)
            if labels is not None:
                self.found.add(look_at_labels(labels, classes))
                if not are_classes(labels, classes):
                    return self.found  # the loss cannot be computed
            self.found.add(look_at_scores(outputs))
        value = self.loss(outputs, self.y)
        if classes:
            self.found.add(look_at_loss(value.item(), classes))
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
        self.found.add(Finding(saw, why, instead))

    def look_at_modes(self) -> None:
        if not self.original.training:
            self.tell(
                "the model is in evaluation mode",
                "dropout does nothing, and batch norm does not learn its statistics",
                "model.train() before the training; Trainer.fit calls it",
            )
        self.model.train()

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
            self.found.add("each parameter has a gradient")
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
            self.found.add(f"the first step changes the weights by up to {ratio:.2%}")

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
        self.found.add(
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
            self.found.add(f"at most {max(shares):.0%} of the units of a ReLU are dead")

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
            self.found.add("training and evaluation mode agree")


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


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


def _square(array: Array) -> float:
    return float(array_module(array).square(array).sum())


def _norm(values: Any) -> float:
    return float(np.linalg.norm(values))
