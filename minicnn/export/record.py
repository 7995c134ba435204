"""Which ops a network calls, found by running it twice, with 2 images and with 3.

The graph that ``backward`` walks is not enough: it omits constants (the running mean of a batch
norm) and options that no gradient needs (the shape of a reshape). So an observer notes all ops
while the network runs. What differs between the two runs comes from the batch: lengths may differ,
and mark the batch axis; anything else was computed from the images without ops.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Call, Function, Observer, Tensor, observing
from ..autograd.engine import walk_back
from ..backend import Array, is_array, to_device
from ..nn import Module
from ..nn.modes import evaluating

BATCHES = (2, 3)


class ExportError(ValueError):
    """A network that cannot be written as an ONNX graph."""


class Lengths(NamedTuple):
    """An axis that depends on the batch: its length for 2 images, and for 3."""

    first: int
    second: int


Shape = tuple[int | Lengths, ...]


class Origin(NamedTuple):
    """Where a value comes from, one of four kinds.

    "images": the input; "state": the parameter or buffer of that name; "step": the result of the
    step of that number; "constant": an array.
    """

    kind: str
    key: int | str = 0
    array: Array | None = None


class Step(NamedTuple):
    """One call of an op: what was computed, from what, and the shapes of both."""

    function: type[Function]
    origins: tuple[Origin, ...]
    options: dict[str, Any]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    dtype: np.dtype[Any]


class Recording(NamedTuple):
    """The steps that the output needs, by number; its origin; the types of input and output."""

    steps: dict[int, Step]
    result: Origin
    input_shape: Shape
    output_shape: Shape
    input_dtype: np.dtype[Any]
    output_dtype: np.dtype[Any]


class _Run(NamedTuple):
    """One run: its input and output, the calls between them, the origins of their inputs."""

    images: Tensor
    output: Tensor
    calls: list[Call]
    origins: list[tuple[Origin, ...]]
    result: Origin


def record(
    model: Module, input_shape: tuple[int, ...], known: Collection[type[Function]]
) -> Recording:
    """What the model computes for images of a shape, for any number of them.

    It runs in evaluation mode without recording gradients, and is left as it was.
    Raises ExportError for an op that is not among the known ones, and for anything computed from
    the images without ops; TypeError if the model does not return one Tensor.
    """
    first, second = (_run(model, (batch, *input_shape)) for batch in BATCHES)
    needed = _needed(first)
    for i in needed:
        op = type(first.calls[i].function)
        if op not in known:
            raise ExportError(
                f"export_onnx: the op {op.__name__} has no counterpart in minicnn/export/table.py"
            )
    if _ops(first) != _ops(second):
        raise ExportError(
            f"export_onnx: {type(model).__name__} calls other ops for {BATCHES[0]} images than for "
            f"{BATCHES[1]}, expected the same ops for any number"
        )
    if not _same(first.result, second.result):
        raise ExportError(_hidden(f"the output of {type(model).__name__}"))
    return Recording(
        {i: _merge(i, first, second) for i in needed},
        first.result,
        _shape(first.images, second.images),
        _shape(first.output, second.output),
        first.images.dtype,
        first.output.dtype,
    )


def _run(model: Module, shape: tuple[int, ...]) -> _Run:
    values = next(iter(model.parameters()), Tensor(np.zeros(0, np.float32)))
    pixels = np.random.default_rng(shape[0]).random(shape)  # from 0 to 1, as in images
    images = Tensor(to_device(pixels.astype(values.dtype), values.device))
    with evaluating(model), observing(notes := _Calls()):
        output = model(images)
    if not isinstance(output, Tensor):
        raise TypeError(
            f"export_onnx: {type(model).__name__} returns a {type(output).__name__}, "
            "expected one Tensor"
        )
    return _traced(model, images, notes.calls, output)


class _Calls(Observer):
    """Notes each call of an op, in order."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def after_forward(self, call: Call) -> None:
        self.calls.append(call)


def _traced(model: Module, images: Tensor, calls: list[Call], output: Tensor) -> _Run:
    """The origins of all values, found by their arrays, which a detached tensor still has."""
    known = {id(t.data): Origin("state", name) for name, t in model.named_buffers()}
    known |= {id(t.data): Origin("state", name) for name, t in model.named_parameters()}
    known[id(images.data)] = Origin("images")

    def origin(t: Tensor) -> Origin:
        return known.get(id(t.data)) or Origin("constant", array=t.data)

    origins = []
    for i, call in enumerate(calls):
        origins.append(tuple(origin(t) for t in call.inputs))
        known[id(call.output.data)] = Origin("step", i)
    return _Run(images, output, calls, origins, origin(output))


def _ops(run: _Run) -> list[type[Function]]:
    return [type(call.function) for call in run.calls]


def _needed(run: _Run) -> list[int]:
    """The numbers of the calls that the output was computed from, in order."""

    def steps_among(origins: tuple[Origin, ...]) -> list[int]:
        return [int(origin.key) for origin in origins if origin.kind == "step"]

    return sorted(walk_back(steps_among((run.result,)), lambda i: steps_among(run.origins[i])))


def _merge(i: int, first: _Run, second: _Run) -> Step:
    """What call i is for any number of images."""
    a, b = first.calls[i], second.calls[i]
    op = type(a.function)
    for n, (mine, other) in enumerate(zip(first.origins[i], second.origins[i], strict=True)):
        if not _same(mine, other):
            raise ExportError(_hidden(f"input {n} of {op.__name__}"))
    for option, value in a.options.items():
        # Which lengths of a shape among the options are the batch, the shapes of the results say.
        if option != "shape" and not _same(value, b.options[option]):
            raise ExportError(_hidden(f"{option} of {op.__name__}"))
    shapes = tuple(_shape(t, u) for t, u in zip(a.inputs, b.inputs, strict=True))
    dtype = a.inputs[0].dtype
    return Step(op, first.origins[i], a.options, shapes, _shape(a.output, b.output), dtype)


def _hidden(what: str) -> str:
    return (
        f"export_onnx: {what} depends on the images or on their number, but was not computed by "
        "differentiable ops (a mask, indices, a comparison, x.data or x.shape[0]), so that the "
        "graph does not have it"
    )


def _shape(first: Tensor, second: Tensor) -> Shape:
    pairs = zip(first.shape, second.shape, strict=True)
    return tuple(a if a == b else Lengths(a, b) for a, b in pairs)


def _same(a: Any, b: Any) -> bool:
    """Whether options or origins are equal, arrays element by element."""
    if is_array(a) and is_array(b):
        a, b = to_device(a, "cpu"), to_device(b, "cpu")
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(type(a) is type(b) and (a == b or a != a))  # NaN equals NaN here
