"""Which input pixels one unit of a layer sees."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..autograd import Function, Tensor, no_grad
from ..checks import Pair
from ..nn import Module
from ..nn.watch import layer_named, zero_input
from ..ops.avg_pool import AvgPool2d, AvgPoolAdjoint
from ..ops.conv import Conv2d
from ..ops.max_pool import MaxPool2d
from ..ops.pad import Pad2d
from ..ops.reduce import Max
from ..ops.select import Keep
from .observe import run_and_watch
from .picture import COLOURS, Picture, subplots
from .record import functions_back_from

Unit = tuple[int, ...]
Span = tuple[int, int]
Field = NDArray[np.bool_]
MOST_LINES = 64  # pixels along a side between which lines are drawn


def receptive_field_map(
    model: Module, input_shape: tuple[int, ...], layer: str | Module, unit: Any = None
) -> Field:
    """Whether each input pixel can change one unit of a layer, whatever the weights: (H, W).

    The gradient says so too, unless a ReLU is off, another pixel is the maximum, or a weight is 0.
    So the recorded graph is walked back with NaN in place of the unit's gradient, which is like a
    dye: NaN times or plus anything is NaN. Where an op hands the gradient to some inputs and not
    to others because of their values, all of them are dyed; an op of your own is taken at its word.

    input_shape: (C, H, W). layer: its name ("conv2") or the module. unit: its place (i, j) in each
    of the layer's maps, by default the middle; for a layer without maps its number.
    Raises ValueError for a layer or unit that the model does not have.
    """
    x, output = _run(model, input_shape, layer)
    return _field(x, output, _unit_of(output, unit))


def receptive_field(
    model: Module, input_shape: tuple[int, ...], layer: str | Module, unit: Any = None
) -> Picture:
    """``receptive_field_map`` on the pixels of the input, beside the unit in its layer's map.

    The title says how large the field is, and its stride: how far the field of a neighbour (dashed)
    lies from it, the product of the strides up to here; left out where an op of the network has
    none, such as an index. Arguments and errors are those of ``receptive_field_map``.
    """
    name, module = layer_named(model, layer, "receptive_field")
    name = f"layer {name}" if module is not model else name
    x, output = _run(model, input_shape, layer)
    place = _unit_of(output, unit)
    field = _field(x, output, place)
    (_, height), (_, width) = _box(field)
    title = f"unit {place if len(place) > 1 else place[0]} of {name} sees {height}x{width} pixels"
    if len(place) == 2:
        picture, (left, right) = subplots(1, 2, size=(8.0, 4.6), width_ratios=(1, 1.6))
        chosen = np.zeros(output.shape[2:], bool)
        chosen[place] = True
        _show(left, chosen, f"{name}: {chosen.shape[0]}x{chosen.shape[1]} units")
        stride = _stride(x, output)
        if stride and chosen.shape[1] > 1:
            beside = place[1] + (1 if place[1] + 1 < chosen.shape[1] else -1)
            _frame(right, _field(x, output, (place[0], beside)), linewidth=1.5, linestyle="--")
            steps = f"{stride[0]}" if stride[0] == stride[1] else f"{stride[0]}x{stride[1]}"
            title += f", stride {steps} (dashed: its neighbour)"
    else:
        picture, right = subplots(size=(5.2, 4.9))
    _show(right, field, f"input: {field.shape[0]}x{field.shape[1]} pixels")
    _frame(right, field, linewidth=2)
    picture.suptitle(title)
    return picture


def _show(axes: Any, dyed: NDArray[Any], title: str) -> None:
    """Squares in a grid, the dyed ones blue."""
    axes.imshow(dyed, cmap="Blues", vmin=0, vmax=1.4)
    axes.set_title(title)
    axes.spines[:].set_visible(True)
    if max(dyed.shape) <= MOST_LINES:
        axes.set_xticks(np.arange(dyed.shape[1] + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(dyed.shape[0] + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="#cccccc", linewidth=0.5)
        axes.tick_params(which="minor", length=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)


def _frame(axes: Any, field: Field, **style: Any) -> None:
    (top, height), (left, width) = _box(field)
    style = {"fill": False, "edgecolor": COLOURS[1], "zorder": 3, "clip_on": False, **style}
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, **style))


def _box(field: Field) -> tuple[Span, Span]:
    """The rows and the columns around the field; none for a unit that sees only padding."""
    return _span(_rows(field)), _span(_columns(field))


def _rows(field: Field) -> Field:
    """Whether each row has a pixel of the field: (H, W) -> (H,)."""
    seen: Any = field.any(1)
    return seen


def _columns(field: Field) -> Field:
    return _rows(field.T)


def _span(seen: Field) -> Span:
    """The first pixel of those seen along an axis, and how many up to the last."""
    places = np.flatnonzero(seen)
    return (int(places[0]), int(places[-1] - places[0]) + 1) if places.size else (0, 0)


def _stride(x: Tensor, output: Tensor) -> Pair | None:
    """The product of the strides from x to output, which is the same on every way; else None."""
    after: dict[Any, Pair | None] = {output.function: (1, 1)}
    sizes: dict[Any, tuple[int, ...]] = {output.function: output.shape}
    for function in functions_back_from(output):
        for edge, shape in zip(function.edges, function.shapes, strict=True):
            own, rest = _own_stride(function, shape, sizes[function]), after[function]
            product = (own[0] * rest[0], own[1] * rest[1]) if own and rest else None
            after[edge] = product if after.get(edge, product) == product else None
            sizes[edge] = shape
    return after.get(x)


def _own_stride(function: Function, before: tuple[int, ...], after: tuple[int, ...]) -> Pair | None:
    """How many pixels of its input lie between neighbours of its result; None if that varies."""
    if isinstance(function, Conv2d | MaxPool2d | AvgPool2d):
        kept: Any = function.options if isinstance(function, AvgPool2d) else vars(function)
        stride: Pair = kept["window"].stride
        return stride
    if isinstance(function, Pad2d):  # by zeros; the other modes and adaptive pooling copy pixels
        copied = [[i for i in axis if i >= 0] for axis in (function.rows, function.columns)]
        return (1, 1) if all(b - a == 1 for axis in copied for a, b in pairwise(axis)) else None
    return (1, 1) if before[2:] == after[2:] else None


def _run(model: Module, input_shape: tuple[int, ...], layer: str | Module) -> tuple[Tensor, Tensor]:
    """The input, zeros, and what the layer makes of it, with the graph between them."""
    _, module = layer_named(model, layer, "receptive_field")
    x = zero_input(model, input_shape)
    if x.ndim != 4:
        raise ValueError(f"receptive_field: input_shape is {input_shape}, expected (C, H, W)")
    _, output = run_and_watch(model, x, module, "receptive_field")
    return x, output


def _unit_of(output: Tensor, unit: Any) -> Unit:
    """The place of the unit as indices into the axes after the channels."""
    sizes = output.shape[2:] or output.shape[1:]
    place = tuple(n // 2 for n in sizes) if unit is None else tuple(np.atleast_1d(unit).tolist())
    if len(place) != len(sizes) or not all(
        i in range(n) for i, n in zip(place, sizes, strict=True)
    ):
        raise ValueError(
            f"receptive_field: unit is {unit!r}, expected a place in "
            f"{'x'.join(map(str, sizes))} units, counted from 0"
        )
    return tuple(int(i) for i in place)


@no_grad()
def _field(x: Tensor, output: Tensor, place: Unit) -> Field:
    """Whether each pixel of x is reached from the unit: (H, W)."""
    unit: Any = (0, ..., *place)  # in every channel
    start = np.zeros(output.shape, bool)
    start[unit] = True
    reached: dict[Any, Field] = {output.function or output: start}
    with np.errstate(all="ignore"):
        for function in functions_back_from(output):
            dyed = reached.pop(function, None)
            if dyed is None:
                continue
            # The graph is ours alone; the gradients of the weights are not worth computing.
            function.needs_grad = tuple(e is x or isinstance(e, Function) for e in function.edges)
            for edge, dye in zip(function.edges, _through(function, dyed, x.device), strict=True):
                if edge is not None and dye is not None:
                    reached[edge] = dye | reached[edge] if edge in reached else dye
    return reached[x][0].any(0) if x in reached else np.zeros(x.shape[2:], bool)


def _through(function: Function, dyed: Field, device: str) -> list[Field | None]:
    """Which elements of each input of a function reach the dyed ones of its output."""
    if function.elementwise or isinstance(function, Keep):
        return [_unbroadcast(dyed, shape) for shape in function.shapes]
    if isinstance(function, Max):
        return [np.broadcast_to(dyed, function.shapes[0])]
    dtype = function.dtypes[0]
    if isinstance(function, MaxPool2d):  # as if it were the sum of its window
        divisor = np.ones(function.window.output_size, dtype)
        grad = Tensor(dyed.astype(dtype)).to(device)
        spread = AvgPoolAdjoint.apply(grad, window=function.window, divisor=divisor)
        return [spread.numpy() > 0]
    nan = np.where(dyed, np.nan, 0).astype(dtype)
    grads: Any = function.backward(Tensor(nan).to(device))
    grads = grads if isinstance(grads, tuple | list) else [grads]
    return [None if grad is None else np.isnan(grad.numpy()) for grad in grads]


def _unbroadcast(dyed: Field, shape: tuple[int, ...]) -> Field:
    """Which elements of an array of this shape go into the dyed ones once it is broadcast."""
    added = dyed.ndim - len(shape)
    repeated = tuple(i for i, n in enumerate(shape, added) if n == 1)
    axes: Any = (*range(added), *repeated)
    return np.any(dyed, axes, keepdims=True).reshape(shape)
