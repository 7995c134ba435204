"""How the layers of a network do: their activations, gradients and weights; units that died.

The activations of a layer are what the next layer with weights takes from it, after ReLU, pooling
and normalisation, whether these are modules or calls in ``forward``; of the last one, its output.
So they are read off the order in which the layers are called, which suits networks that do not
branch. A unit is a channel of a convolution, a neuron of a dense layer: axis 1 of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..autograd import Parameter, Tensor, grad
from ..nn import Module
from ..nn.module import evaluating
from ..nn.watch import LayerCall, display_name, input_like, watch_calls
from ..ops import cross_entropy
from .arrays import Numbers, as_batch, as_numbers
from .observe import check_recording
from .picture import COLOURS, Picture, subplots

BATCH = 256  # images at a time
DEAD = 0.2  # of the units of a layer
VANISHED = 0.01  # of the largest gradient among the layers


def dead_units(model: Module, images: Any) -> dict[str, float]:
    """The share of units of each layer with weights whose activation is 0 for every image.

    Behind a ReLU such a unit has no gradient either, so it learns no more, unless other images wake
    it: give some hundreds. images (N, C, H, W). Raises ValueError for other shapes, numbers that
    are not finite, or a model without weights.
    """
    batch = as_batch("dead_units", images)
    layers = _with_weights("dead_units", model)
    alive: dict[str, Numbers] = {}
    for start in range(0, len(batch), BATCH):
        with evaluating(model), watch_calls(model, layers.values()) as calls:
            model(input_like(model, batch[start : start + BATCH]))
        for name, values in _activations("dead_units", calls).items():
            alive[name] = alive.get(name, False) | _alive(values)
    return {name: float(np.mean(~units)) for name, units in alive.items()}


def panels(
    model: Module,
    images: Any,
    labels: Any,
    loss: Callable[[Tensor, Any], Tensor] = cross_entropy,
) -> Picture:
    """A row of histograms for each layer with weights: activations, gradients of weights, weights.

    All are centred on 0, the counts logarithmic; the gradients share one scale, so that a layer
    whose gradients vanish stands out as a needle. A title turns red where more than 20 % of the
    units are dead, see ``dead_units``, and where the gradients are less than 1 % of the largest
    layer's (root mean squares).

    images (N, C, H, W), labels (N,): one batch, which the network sees in evaluation mode; nothing
    in it changes. loss(outputs, labels): what it was trained with. Raises ValueError for other
    shapes, numbers that are not finite, or a model without weights; RuntimeError inside
    ``no_grad()``.
    """
    check_recording("panels")
    batch = as_batch("panels", images)
    layers = _with_weights("panels", model)
    weights = {name: _weight(module) for name, module in layers.items()}
    for name, weight in weights.items():
        as_numbers("panels", f"the weights of layer {name}", weight)
    with evaluating(model, recording=True), watch_calls(model, layers.values()) as calls:
        outputs = model(input_like(model, batch))
        activations = _activations("panels", calls)
        gradients = _gradients(loss(outputs, labels), weights)
    size = (9.0, 1.4 * len(activations))
    picture, rows = subplots(len(activations), 3, size, squeeze=False)
    for axes, (name, values) in zip(rows, activations.items(), strict=True):
        _draw_activations(axes[0], values)
        _draw_gradients(axes[1], gradients[name], list(gradients.values()))
        _histogram(axes[2], weights[name].numpy(), COLOURS[2])
        _title(axes[2], "weights")
        axes[0].set_ylabel(name, fontweight="bold")
    picture.supylabel("how often, logarithmic", fontsize=8)
    return picture


def _gradients(loss: Tensor, weights: dict[str, Parameter]) -> dict[str, Numbers]:
    found = grad(loss, list(weights.values()), allow_unused=True)
    return {
        name: as_numbers("panels", f"the gradient of layer {name}", gradient)
        for name, gradient in zip(weights, found, strict=True)
    }


def _draw_activations(axes: Any, values: Numbers) -> None:
    dead = float(np.mean(~_alive(values)))
    _histogram(axes, values, COLOURS[0], more=f", {dead:.0%} dead")
    _title(axes, "activations", f"{dead:.0%} of {values.shape[1]} units dead" * (dead > DEAD))


def _draw_gradients(axes: Any, values: Numbers, of_all: Sequence[Numbers]) -> None:
    """The gradients of one layer on the scale of all."""
    _histogram(axes, values, COLOURS[4], reach=max(float(abs(g).max()) for g in of_all))
    strengths = [float(np.square(g, dtype=np.float64).mean() ** 0.5) for g in (values, *of_all)]
    part = strengths[0] / (max(strengths) or 1.0)
    _title(axes, "gradients", f"{part:.1%} of the largest layer's" * (part < VANISHED))


def _histogram(
    axes: Any, values: Numbers, colour: str, reach: float | None = None, more: str = ""
) -> None:
    """How often each value occurs from -reach to reach; mean and standard deviation above."""
    reach = (float(abs(values).max()) if reach is None else reach) or 1.0
    counts, edges = np.histogram(values, 81, (-reach, reach))
    axes.stairs(counts, edges, fill=True, color=colour)
    axes.set_yscale("log")
    # From below one value, which has to show, to room for the text above the highest.
    axes.set(xlim=(-reach, reach), ylim=(0.7, 0.7 * (counts.max() / 0.7) ** 1.3), yticks=[])
    axes.minorticks_off()
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter("{x:g}")
    text = f"mean {values.mean():.2g}, std {values.std():.2g}{more}"
    axes.text(1, 1, text, transform=axes.transAxes, ha="right", va="top", fontsize=7.5)


def _title(axes: Any, title: str, warning: str = "") -> None:
    text, colour = (f"{title}: {warning}", COLOURS[1]) if warning else (title, "black")
    axes.set_title(text, loc="left", fontsize=9, color=colour)


def _with_weights(op: str, model: Module) -> dict[str, Module]:
    """The modules that have parameters of their own, by name."""
    found = {
        display_name(path, module): module
        for path, module in model.named_modules()
        if any(isinstance(value, Parameter) for value in vars(module).values())
    }
    if not found:
        raise ValueError(f"{op}: {type(model).__name__} has no layer with weights")
    return found


def _weight(module: Module) -> Parameter:
    return next(value for value in vars(module).values() if isinstance(value, Parameter))


def _activations(op: str, calls: list[LayerCall]) -> dict[str, Numbers]:
    """What each layer hands on, as (N, units, places of one unit)."""
    if not calls:
        raise ValueError(f"{op}: no layer with weights runs when the model is called")
    following = [*(call.input for call in calls[1:]), calls[-1].output]
    found = {}
    for call, received in zip(calls, following, strict=True):
        name, output = display_name(call.name, call.layer), call.output
        count, units = output.shape[:2]
        values = received if _comes_from(output, received) else output
        found[name] = as_numbers(op, f"the activations of layer {name}", values).reshape(
            count, units, -1
        )
    return found


def _alive(values: Numbers) -> Numbers:
    """Which units (units,) are not 0 everywhere."""
    return np.asarray((values != 0).any((0, 2)))


def _comes_from(output: Tensor, received: Any) -> bool:
    """Whether each unit of the output has its share in what the next layer received."""
    if not isinstance(received, Tensor) or received.ndim < 2 or len(received) != len(output):
        return False
    if received.ndim == 2 and output.ndim > 2:
        return received.shape[1] % output.shape[1] == 0  # flattened, unit after unit
    return received.shape[1] == output.shape[1]
