"""Which ops a network calls, found by running it twice, with 2 images and with 3.

The graph that ``backward`` walks does not do here: it leaves constants out (the running mean of a
batch norm) and options that no gradient needs (the shape of a reshape). So ``Function.apply`` is
observed while the network runs; an ``apply`` bound before, ``relu = ReLU.apply``, is not seen. What
differs between the two runs comes from the batch: lengths may, and name the batch axis; anything
else was computed from the images behind the ops' back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Function, Tensor
from ..backend import Array, is_array, to_device
from ..nn import Module
from ..nn.module import evaluating

BATCHES = (2, 3)
_observing = Lock()  # Function.apply is replaced by one export at a time


class ExportError(ValueError):
    """A network that cannot be written as an ONNX graph."""


class Lengths(NamedTuple):
    """An axis that depends on the batch: its length for 2 images, and for 3."""

    first: int
    second: int


Shape = tuple[int | Lengths, ...]


class Source(NamedTuple):
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
    sources: tuple[Source, ...]
    options: dict[str, Any]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    dtype: np.dtype[Any]


class Recording(NamedTuple):
    """The steps that the output needs, by number; where it comes from; what goes in and out."""

    steps: dict[int, Step]
    result: Source
    input_shape: Shape
    output_shape: Shape
    input_dtype: np.dtype[Any]
    output_dtype: np.dtype[Any]


class _Call(NamedTuple):
    function: type[Function]
    inputs: tuple[Tensor, ...]
    options: dict[str, Any]
    output: Tensor


class _Run(NamedTuple):
    """One run: its input and output, the calls between them, the sources of these and of it."""

    images: Tensor
    output: Tensor
    calls: list[_Call]
    sources: list[tuple[Source, ...]]
    result: Source


def record(
    model: Module, input_shape: tuple[int, ...], known: Collection[type[Function]]
) -> Recording:
    """What the model computes for images of a shape, for any number of them.

    It runs in evaluation mode without recording gradients, and is left as it was.
    Raises ExportError for an op that is not among the known ones, and for what is computed from
    the images but not by ops; TypeError when the model does not return one Tensor.
    """
    first, second = (_run(model, (batch, *input_shape)) for batch in BATCHES)
    needed = _needed(first)
    for i in needed:
        if first.calls[i].function not in known:
            raise ExportError(
                f"export_onnx: the op {first.calls[i].function.__name__} has no counterpart in "
                "minicnn/export/table.py"
            )
    if [c.function for c in first.calls] != [c.function for c in second.calls]:
        raise ExportError(
            f"export_onnx: {type(model).__name__} calls other ops for {BATCHES[0]} images than for "
            f"{BATCHES[1]}, expected the same for all"
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
    pixels = (
        np.random.default_rng(shape[0]).random(shape).astype(values.dtype)
    )  # 0 to 1, as images are
    images = Tensor(to_device(pixels, values.device))
    calls: list[_Call] = []
    with evaluating(model), _observed(calls):
        output = model(images)
    if not isinstance(output, Tensor):
        raise TypeError(
            f"export_onnx: {type(model).__name__} returns a {type(output).__name__}, "
            "expected one Tensor"
        )
    return _traced(model, images, calls, output)


@contextmanager
def _observed(calls: list[_Call]) -> Iterator[None]:
    """Note each call of an op by this thread, in order."""
    apply, thread = Function.apply.__func__, get_ident()  # type: ignore[attr-defined]

    def noting(cls: type[Function], /, *inputs: Tensor, **options: Any) -> Tensor:
        output: Tensor = apply(cls, *inputs, **options)
        if get_ident() == thread:
            calls.append(_Call(cls, inputs, options, output))
        return output

    with _observing:
        original = Function.__dict__["apply"]
        Function.apply = classmethod(noting)  # type: ignore[assignment, method-assign]
        try:
            yield
        finally:
            Function.apply = original  # type: ignore[method-assign]


def _traced(model: Module, images: Tensor, calls: list[_Call], output: Tensor) -> _Run:
    """The sources of all values, told by their arrays: a detached tensor still has the array."""
    known = {id(t.data): Source("state", name) for name, t in model.named_buffers()}
    known |= {id(t.data): Source("state", name) for name, t in model.named_parameters()}
    known[id(images.data)] = Source("images")

    def source(t: Tensor) -> Source:
        return known.get(id(t.data)) or Source("constant", array=t.data)

    sources = []
    for i, call in enumerate(calls):
        sources.append(tuple(source(t) for t in call.inputs))
        known[id(call.output.data)] = Source("step", i)
    return _Run(images, output, calls, sources, source(output))


def _needed(run: _Run) -> list[int]:
    """The numbers of the calls that the output was computed from, in order."""
    found: set[int] = set()
    waiting = [run.result]
    while waiting:
        source = waiting.pop()
        if source.kind == "step" and source.key not in found:
            found.add(int(source.key))
            waiting.extend(run.sources[int(source.key)])
    return sorted(found)


def _merge(i: int, first: _Run, second: _Run) -> Step:
    """What call i is for any number of images."""
    a, b = first.calls[i], second.calls[i]
    name = a.function.__name__
    for n, (mine, other) in enumerate(zip(first.sources[i], second.sources[i], strict=True)):
        if not _same(mine, other):
            raise ExportError(_hidden(f"input {n} of {name}"))
    for option, value in a.options.items():
        # The shapes of the results say what a shape among the options means.
        if option != "shape" and not _same(value, b.options[option]):
            raise ExportError(_hidden(f"{option} of {name}"))
    shapes = tuple(_shape(t, u) for t, u in zip(a.inputs, b.inputs, strict=True))
    dtype = a.inputs[0].dtype
    return Step(a.function, first.sources[i], a.options, shapes, _shape(a.output, b.output), dtype)


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
    """Whether options or sources are equal, arrays element by element."""
    if is_array(a) and is_array(b):
        a, b = to_device(a, "cpu"), to_device(b, "cpu")
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(type(a) is type(b) and (a == b or a != a))  # NaN is the same as NaN here
