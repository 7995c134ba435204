"""Which input pixels one unit of a layer sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..autograd import Call, Observer, observing
from ..backend import array_module
from ..nn import Module
from ..nn.watch import input_like, layer_named, zero_input
from .observe import run_and_watch
from .picture import COLOURS, Picture, subplots

Unit = tuple[int, ...]
Span = tuple[int, int]
Field = NDArray[np.bool_]
BATCH = 32  # images in one run of the network
SAMPLE = 64  # pixels that have to confirm a field
MOST_LINES = 64  # pixels along a side between which lines are drawn


def receptive_field_map(
    model: Module,
    input_shape: tuple[int, ...],
    layer: str | Module,
    unit: int | Unit | None = None,
) -> Field:
    """Whether each input pixel can change one unit of a layer, whatever the weights: (H, W).

    The network runs on images that have NaN in one row each, then on images that have it in one
    column, and a unit sees those that turn it into NaN: NaN times or plus anything is NaN, even
    where the weight is 0, a ReLU is off or another pixel is the maximum. The field is each of its
    rows crossed with each of its columns; where single pixels contradict that, such as in a sum of
    two branches, all of them are tried one by one.

    input_shape: (C, H, W). layer: its name ("conv2") or the module. unit: its place (i, j) in each
    of the layer's maps, by default the middle; for a layer without maps its number.
    Raises ValueError for a layer or unit that the model does not have.

    >>> model = mc.nn.Sequential(mc.nn.Conv2d(1, 2, 3), mc.nn.MaxPool2d(2))
    >>> mc.viz.receptive_field_map(model, (1, 6, 6), "1", (0, 0)).sum(axis=1)
    array([4, 4, 4, 4, 0, 0])
    """
    network = _Network(model, input_shape, layer)
    return network.field(network.place(unit))


def receptive_field(
    model: Module,
    input_shape: tuple[int, ...],
    layer: str | Module,
    unit: int | Unit | None = None,
) -> Picture:
    """``receptive_field_map`` on the pixels of the input, next to the unit in its layer's map.

    The title says how large the field is, and its stride: how far the field of a neighbour (dashed)
    lies from it. It is omitted if that differs between neighbours, or if the fields are cut off at
    the borders of the input so much that it does not show. Arguments and errors are those of
    ``receptive_field_map``.

    >>> picture = mc.viz.receptive_field(mc.models.lenet5(), (1, 28, 28), "pool2")
    >>> picture.get_suptitle()
    'unit (2, 2) of layer pool2 sees 16x16 pixels, stride 4 (dashed: its neighbour)'
    """
    network = _Network(model, input_shape, layer)
    name = network.name if network.layer is model else f"layer {network.name}"
    place = network.place(unit)
    field = network.field(place)
    (_, height), (_, width) = _box(field)
    title = f"unit {place if len(place) > 1 else place[0]} of {name} sees {height}x{width} pixels"
    if len(place) == 2:
        picture, (left, right) = subplots(1, 2, size=(8.0, 4.6), width_ratios=(1, 1.6))
        rows, columns = network.units
        chosen = np.zeros((rows, columns), bool)
        chosen[place] = True
        _show(left, chosen, f"{name}: {rows}x{columns} units")
        stride = network.stride(place)
        if stride:
            neighbour = _neighbour(place, chosen.shape)
            _frame(right, np.outer(*network.lines(neighbour)), linewidth=1.5, linestyle="--")
            title += f", stride {stride} (dashed: its neighbour)"
    else:
        picture, right = subplots(size=(5.2, 4.9))
    _show(right, field, f"input: {field.shape[0]}x{field.shape[1]} pixels")
    _frame(right, field, linewidth=2)
    picture.suptitle(title)
    return picture


def _neighbour(place: Unit, units: tuple[int, ...]) -> Unit:
    """The unit next to one, in its row if it has others."""
    axis = 1 if units[1] > 1 else 0
    step = 1 if place[axis] + 1 < units[axis] else -1
    return tuple(n + step * (i == axis) for i, n in enumerate(place))


def _show(axes: Any, dyed: NDArray[Any], title: str) -> None:
    """Squares in a grid, those that are True in blue."""
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
    """The rows and the columns around the field; empty for a unit that sees only padding."""
    rows, columns = np.nonzero(field)
    return _span(rows), _span(columns)


def _span(places: NDArray[np.intp]) -> Span:
    """The first of these places along an axis, and how many there are up to the last."""
    return (int(places.min()), int(np.ptp(places)) + 1) if places.size else (0, 0)


class _Network:
    """A model up to a layer, and which units of that layer see which rows and columns."""

    def __init__(self, model: Module, input_shape: tuple[int, ...], layer: str | Module) -> None:
        self.model = model
        self.name, self.layer = layer_named(model, layer, "receptive_field")
        self.zeros = zero_input(model, input_shape)
        if self.zeros.ndim != 4:
            raise ValueError(f"receptive_field: input_shape is {input_shape}, expected (C, H, W)")
        height, width = self.zeros.shape[2:]
        self.rows = self.seen(np.eye(height, dtype=bool)[:, :, None])  # (H, *units)
        self.columns = self.seen(np.eye(width, dtype=bool)[:, None])  # (W, *units)
        self.units = self.rows.shape[1:]

    def seen(self, dyes: Field) -> Field:
        """Which units see some pixel of each dye, in any channel: (B, H, W) -> (B, *units)."""
        parts = []
        for start in range(0, len(dyes), BATCH):
            dye = dyes[start : start + BATCH, None]  # (B, 1, H, W)
            images = np.where(dye, np.nan, self.zeros.numpy())  # (B, C, H, W)
            x = input_like(self.model, images)
            with np.errstate(all="ignore"), observing(_Dye()):
                _, y = run_and_watch(self.model, x, self.layer, "receptive_field", recording=False)
            reached = np.isnan(y.numpy())
            parts.append(reached.any(1) if y.ndim > 2 else reached)
        return np.concatenate(parts)

    def place(self, unit: Any) -> Unit:
        """The place of the unit as indices into the axes after the channels."""
        sizes = self.units
        place = (
            tuple(n // 2 for n in sizes) if unit is None else tuple(np.atleast_1d(unit).tolist())
        )
        if len(place) != len(sizes) or not all(
            i in range(n) for i, n in zip(place, sizes, strict=True)
        ):
            raise ValueError(
                f"receptive_field: unit is {unit!r}, expected a place in "
                f"{'x'.join(map(str, sizes))} units, counted from 0"
            )
        return tuple(int(i) for i in place)

    def lines(self, place: Unit) -> tuple[Field, Field]:
        """Whether a unit sees each row and each column: (H,), (W,)."""
        unit: Any = (slice(None), *place)
        return self.rows[unit], self.columns[unit]

    def field(self, place: Unit) -> Field:
        """Whether a unit sees each pixel: (H, W)."""
        field: Field = np.outer(*self.lines(place))
        pixels = np.argwhere(field)
        if not self._sees_each(_sample(pixels), place).all():
            field[pixels[:, 0], pixels[:, 1]] = self._sees_each(pixels, place)
        return field

    def _sees_each(self, pixels: NDArray[np.intp], place: Unit) -> Field:
        """Whether a unit sees each of these pixels: (P, 2) -> (P,)."""
        unit: Any = (slice(None), *place)
        parts = [np.zeros(0, bool)]
        for start in range(0, len(pixels), BATCH):
            some = pixels[start : start + BATCH]
            dyes = np.zeros((len(some), *self.zeros.shape[2:]), bool)
            dyes[np.arange(len(some)), some[:, 0], some[:, 1]] = True
            parts.append(self.seen(dyes)[unit])
        return np.concatenate(parts)

    def stride(self, place: Unit) -> str:
        """How far the fields of neighbours lie apart: "2", or "2x3"; "" if that is not one number.

        An axis with a single unit has no neighbours and is left out.
        """
        rows, columns = self.rows[:, :, place[1]], self.columns[:, place[0]]
        strides = [_shift(lines) for lines in (rows, columns) if lines.shape[1] > 1]
        if 0 in strides:
            return ""
        return "x".join(map(str, dict.fromkeys(strides)))


def _shift(lines: Field) -> int:
    """The number of pixels by which the lines of each unit are moved to give the next: (H, OH).

    The two units in the middle tell it. The others must agree, except that padding may take pixels
    away from them. 0 if they do not, or if several numbers fit since the input is too small.
    """
    middle = lines.shape[1] // 2
    before, after = lines[:, middle - 1], lines[:, middle]
    pixels, units = np.nonzero(lines)
    found = []
    for shift in range(1, len(lines)):
        in_middle = pixels - (units - middle) * shift  # the same places in the middle unit
        inside = in_middle[(in_middle >= 0) & (in_middle < len(lines))]
        is_same = before[:-shift].any() and (before[:-shift] == after[shift:]).all()
        if is_same and after[inside].all():
            found.append(shift)
    return found[0] if len(found) == 1 else 0


def _sample(pixels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Some of the pixels, with those at the corners."""
    if len(pixels) <= SAMPLE:
        return pixels
    (top, left), (bottom, right) = pixels[0], pixels[-1]
    corners = np.array([(top, left), (top, right), (bottom, left), (bottom, right)])
    others = np.random.default_rng(0).choice(len(pixels), SAMPLE - 4, replace=False)
    return np.concatenate([corners, pixels[others]])


class _Dye(Observer):
    """Keeps NaN where an op would lose it: what ``where`` does not choose, NaN to the power 0."""

    def after_forward(self, call: Call) -> None:
        output = call.output
        if not call.function.elementwise or output.dtype.kind != "f":
            return
        xp = array_module(output.data)
        for t in call.inputs:
            lost = xp.isnan(t.data) & ~xp.isnan(output.data)
            if lost.any():
                output.data = xp.where(lost, output.dtype.type(np.nan), output.data)
