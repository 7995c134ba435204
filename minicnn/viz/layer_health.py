"""The state of the layers of a network: activations, gradients and weights; dead units.

The activations of a layer are what the next layer with weights receives: after ReLU, pooling and
normalisation, whether these are modules or calls in ``forward``. Those of the last layer are its
output. They follow from the order in which the layers are called, so the network should not branch.
A unit is a channel of a convolution or a neuron of a dense layer: axis 1 of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..autograd import Parameter, Tensor, grad
from ..nn import Module
from ..nn.modes import evaluating
from ..nn.watch import LayerCall, display_name, input_like, watch_calls
from ..ops import cross_entropy
from .arrays import Numbers, TensorLike, as_batch, as_numbers
from .observe import check_recording
from .picture import COLOURS, Picture, subplots

BATCH = 256  # images at a time
MANY_DEAD = 0.2  # share of the units of a layer
VANISHED = 0.01  # share of the largest gradient among the layers


def dead_units(model: Module, images: TensorLike) -> dict[str, float]:
    """The share of units of each layer with weights whose activation is 0 for every image.

    If a ReLU follows, such a unit has no gradient either, so it stops learning unless other images
    activate it: pass some hundreds. images (N, C, H, W). Raises ValueError for other shapes, NaN or
    infinity, or a model without weights.

    >>> model = mc.nn.Sequential(mc.nn.Conv2d(1, 4, 3), mc.nn.ReLU(), mc.nn.Conv2d(4, 2, 3))
    >>> model[0].bias.data[:3] = -10
    >>> mc.viz.dead_units(model, np.ones((5, 1, 8, 8)))
    {'0': 0.75, '2': 0.0}
    """
    batch = as_batch("dead_units", images)
    layers = _find_layers("dead_units", model)
    alive: dict[str, Numbers] = {}
    for start in range(0, len(batch), BATCH):
        with evaluating(model), watch_calls(model, layers.values()) as calls:
            model(input_like(model, batch[start : start + BATCH]))
        for name, values in _find_activations("dead_units", calls).items():
            alive[name] = alive.get(name, False) | _find_alive_units(values)
    return {name: float(np.mean(~units)) for name, units in alive.items()}


def panels(
    model: Module,
    images: TensorLike,
    labels: TensorLike,
    loss: Callable[[Tensor, Any], Tensor] = cross_entropy,
) -> Picture:
    """Histograms for each layer with weights: activations, gradients of the weights, weights.

    All are centred on 0 and have logarithmic counts; the gradients share one scale, so vanishing
    gradients of a layer stand out as a needle. A title turns red if more than 20 % of the units are
    dead, see ``dead_units``, or if the gradients are less than 1 % of the largest layer's (root
    mean squares).

    images (N, C, H, W), labels (N,): one batch. The model runs in evaluation mode and is not
    changed. loss(outputs, labels): the loss that it is trained with. Raises ValueError for other
    shapes, NaN or infinity, or a model without weights; RuntimeError inside ``no_grad()``.

    >>> images, labels = mc.data.load("digits", "test")[:32]
    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(images[0].size, 10))
    >>> mc.viz.panels(model, images, labels).savefig("panels.png")
    """
    check_recording("panels")
    batch = as_batch("panels", images)
    layers = _find_layers("panels", model)
    weights = {name: _weight_of(module) for name, module in layers.items()}
    for name, weight in weights.items():
        as_numbers("panels", f"the weights of layer {name}", weight)
    with evaluating(model, recording=True), watch_calls(model, layers.values()) as calls:
        outputs = model(input_like(model, batch))
        activations = _find_activations("panels", calls)
        gradients = _compute_gradients(loss(outputs, labels), weights)
    size = (9.0, 1.4 * len(activations))
    picture, rows = subplots(len(activations), 3, size, squeeze=False)
    for axes, (name, values) in zip(rows, activations.items(), strict=True):
        _draw_activations(axes[0], values)
        _draw_gradients(axes[1], gradients[name], list(gradients.values()))
        _draw_histogram(axes[2], weights[name].numpy(), COLOURS[2])
        _write_title(axes[2], "weights")
        axes[0].set_ylabel(name, fontweight="bold")
    picture.supylabel("count (log scale)", fontsize=8)
    return picture


def _compute_gradients(loss: Tensor, weights: dict[str, Parameter]) -> dict[str, Numbers]:
    found = grad(loss, list(weights.values()), allow_unused=True)
    return {
        name: as_numbers("panels", f"the gradient of layer {name}", gradient)
        for name, gradient in zip(weights, found, strict=True)
    }


def _draw_activations(axes: Axes, values: Numbers) -> None:
    dead = float(np.mean(~_find_alive_units(values)))
    _draw_histogram(axes, values, COLOURS[0], more=f", {dead:.0%} dead")
    _write_title(
        axes, "activations", f"{dead:.0%} of {values.shape[1]} units dead" * (dead > MANY_DEAD)
    )


def _draw_gradients(axes: Axes, values: Numbers, of_all: Sequence[Numbers]) -> None:
    """The gradients of one layer on the common scale."""
    _draw_histogram(axes, values, COLOURS[4], reach=max(float(abs(g).max()) for g in of_all))
    strengths = [float(np.square(g, dtype=np.float64).mean() ** 0.5) for g in (values, *of_all)]
    share = strengths[0] / (max(strengths) or 1.0)
    _write_title(axes, "gradients", f"{share:.1%} of the largest layer's" * (share < VANISHED))


def _draw_histogram(
    axes: Axes, values: Numbers, colour: str, reach: float | None = None, more: str = ""
) -> None:
    """A histogram of the values from -reach to reach; mean and standard deviation above it."""
    reach = (float(abs(values).max()) if reach is None else reach) or 1.0
    counts, edges = np.histogram(values, 81, (-reach, reach))
    axes.stairs(counts, edges, fill=True, color=colour)
    axes.set_yscale("log")
    # From below 1, so that a single value is visible, to above the highest, where the text is.
    axes.set(xlim=(-reach, reach), ylim=(0.7, 0.7 * (counts.max() / 0.7) ** 1.3), yticks=[])
    axes.minorticks_off()
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter("{x:g}")
    text = f"mean {values.mean():.2g}, std {values.std():.2g}{more}"
    axes.text(1, 1, text, transform=axes.transAxes, ha="right", va="top", fontsize=7.5)


def _write_title(axes: Axes, title: str, warning: str = "") -> None:
    text, colour = (f"{title}: {warning}", COLOURS[1]) if warning else (title, "black")
    axes.set_title(text, loc="left", fontsize=9, color=colour)


def _find_layers(op: str, model: Module) -> dict[str, Module]:
    """The modules that have parameters of their own, by name."""
    found = {
        display_name(path, module): module
        for path, module in model.named_modules()
        if any(True for _ in module.parameters(recurse=False))
    }
    if not found:
        raise ValueError(f"{op}: {type(model).__name__} has no layer with weights")
    return found


def _weight_of(module: Module) -> Parameter:
    return next(module.parameters(recurse=False))


def _find_activations(op: str, calls: list[LayerCall]) -> dict[str, Numbers]:
    """What each layer passes on, as (N, units, positions)."""
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


def _find_alive_units(values: Numbers) -> Numbers:
    """Which units are not 0 everywhere, (units,)."""
    return np.asarray((values != 0).any((0, 2)))


def _comes_from(output: Tensor, received: Any) -> bool:
    """Whether what the next layer received consists of the units of the output."""
    if not isinstance(received, Tensor) or received.ndim < 2 or len(received) != len(output):
        return False
    if received.ndim == 2 and output.ndim > 2:
        return received.shape[1] % output.shape[1] == 0  # flattened, unit after unit
    return received.shape[1] == output.shape[1]
