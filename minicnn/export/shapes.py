"""Converters of ops that only change shapes; none of them may fix the length of the batch axis."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..backend import is_array, to_device
from .graph import Graph
from .record import ExportError, Lengths, Shape, Step

Names = tuple[str, ...]
LIMITS = np.iinfo(np.int64)


def reshape(graph: Graph, step: Step, inputs: Names) -> str:
    """A length that depends on the batch is copied (0) if it stays in place, else computed (-1)."""
    before = step.input_shapes[0]
    lengths = [_length(i, n, before) for i, n in enumerate(step.output_shape)]
    if lengths.count(-1) > 1:
        raise ExportError(
            "export_onnx: Reshape makes several axes whose length depends on the number of images, "
            f"{_text(before)} -> {_text(step.output_shape)}, but ONNX can compute one"
        )
    return graph.node("Reshape", *inputs, graph.constant(lengths))


def _length(axis: int, length: int | Lengths, before: Shape) -> int:
    if not isinstance(length, Lengths):
        return length
    return 0 if before[axis : axis + 1] == (length,) else -1


def broadcast_to(graph: Graph, step: Step, inputs: Names) -> str:
    """A length that depends on the batch has to be there already: 1 keeps it."""
    (before,), after = step.input_shapes, step.output_shape
    aligned = (1,) * (len(after) - len(before)) + before
    for old, new in zip(aligned, after, strict=True):
        if isinstance(new, Lengths) and old != new:
            raise ExportError(
                f"export_onnx: BroadcastTo repeats {_text(before)} to {_text(after)}, as often as "
                "there are images, which the graph cannot express"
            )
    lengths = [1 if isinstance(n, Lengths) else n for n in after]
    return graph.node("Expand", *inputs, graph.constant(lengths))


def _text(shape: Shape) -> str:
    return "(" + ", ".join("?" if isinstance(n, Lengths) else str(n) for n in shape) + ")"


class _Index(NamedTuple):
    """The parts of an index, by axes of the input; those in ``new`` are axes of the result."""

    slices: dict[int, slice]
    arrays: dict[int, Any]
    dropped: list[int]
    new: list[int]


def getitem(graph: Graph, step: Step, inputs: Names) -> str:
    """Slices, then one array of indices; then drop the axes of integers and add those of None."""
    (y,) = inputs
    index = _parsed(step.options["index"], len(step.input_shapes[0]))
    if index.slices:
        starts, stops, steps = zip(*map(_bounds, index.slices.values()), strict=True)
        parts = (starts, stops, tuple(index.slices), steps)
        y = graph.node("Slice", y, *(graph.constant(part) for part in parts))
    for axis, positions in index.arrays.items():
        y = graph.node("Gather", y, graph.constant(positions), axis=axis)
    if index.dropped:
        y = graph.node("Squeeze", y, graph.constant(index.dropped))
    if index.new:
        y = graph.node("Unsqueeze", y, graph.constant(index.new))
    return y


def _parsed(given: Any, axes: int) -> _Index:
    parts = given if isinstance(given, tuple) else (given,)
    taken = sum(part is not None and part is not ... for part in parts)
    place = next((i for i, part in enumerate(parts) if part is ...), len(parts))
    rest = (slice(None),) * (axes - taken)
    index, axis, output = _Index({}, {}, [], []), 0, 0
    for part in (*parts[:place], *rest, *parts[place + 1 :]):
        if part is None:
            index.new.append(output)
        elif is_array(part):
            index.arrays[axis] = _positions(part)
        elif part != slice(None):
            is_slice = isinstance(part, slice)
            index.slices[axis] = part if is_slice else slice(part, None if part == -1 else part + 1)
            index.dropped.extend([] if is_slice else [axis])
        is_integer = isinstance(part, int | np.integer)
        output += index.arrays[axis].ndim if is_array(part) else int(not is_integer)
        axis += part is not None
    if len(index.arrays) > 1 or (index.arrays and index.dropped):
        raise ExportError(
            f"export_onnx: GetItem has the index {given!r}, expected slices and integers, or "
            "slices and one array"
        )
    return index


def _positions(part: Any) -> Any:
    """An array of indices; a mask of one axis becomes the places where it is True."""
    array = to_device(part, "cpu")
    if array.dtype.kind != "b":
        return array
    if array.ndim != 1:
        raise ExportError(f"export_onnx: GetItem has a mask of {array.ndim} axes, expected one")
    return np.flatnonzero(array)


def _bounds(part: slice) -> tuple[int, int, int]:
    step = 1 if part.step is None else part.step
    open_ends = (0, LIMITS.max) if step > 0 else (LIMITS.max, LIMITS.min)
    start, stop = (
        end if given is None else int(given)
        for given, end in zip((part.start, part.stop), open_ends, strict=True)
    )
    return start, stop, step
