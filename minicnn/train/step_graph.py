"""Training steps that are recorded: from the forward pass to the gradients, started by one call.

On a GPU the recording is a CUDA graph, on the device "native" a list of kernels. The optimizer's
step stays outside. It is one or two kernels, whose numbers (learning rates, Adam's bias
corrections) differ from step to step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..autograd import Parameter, Tensor
from ..autograd.modes import observers
from ..autograd.substitute import arrays_seen_as
from ..backend import Array, on_device_of, to_device
from ..backend.capture import Capture, new_capture, write
from ..data.labels import map_parts

Values = dict[str, Tensor]
"""The loss and the metrics of a batch, by name."""


class StepGraph:
    """Computes the gradients of batches as ``compute`` does, most of them with a recording.

    On a GPU the first batch of an epoch is computed operation by operation, which compiles and
    caches what is needed; with the second one of the same kind (shapes, dtypes, memory order) the
    graph is captured, and replayed for it and the later ones. The device "native" computes the
    first batch while it records it. Batches of another kind, labels of which the losses want to do
    something else, and steps that an observer watches are computed operation by operation too. Each
    epoch has its own graph: between epochs anything may change.

    compute: from images and labels to the loss and the metrics; sets the gradients of parameters.
    read: all other tensors that it reads or writes, such as running statistics. is_required:
    whether a step that cannot be recorded is an error; otherwise all steps are computed operation
    by operation from then on, and ``why`` says what was in the way.
    """

    def __init__(
        self,
        compute: Callable[[Any, Any], Values],
        parameters: Iterable[Tensor],
        device: str,
        read: Iterable[Tensor] = (),
        is_required: bool = True,
    ) -> None:
        self._compute, self._parameters, self.device = compute, list(parameters), device
        self._read, self._is_required = list(read), is_required
        self._capture: Capture | None = None
        self._is_given_up = False
        self.why: Exception | None = None
        self.replays = 0
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Give up the graph of the last epoch."""
        self._kind: Any = None
        self._is_captured = False

    def __call__(self, x: Any, y: Any) -> Values:
        if self._is_given_up:
            return self._compute(x, y)
        if observers.get() and self._is_required:
            warnings.warn(
                "fit: graph: got an observer, such as detect_anomaly(), which sees no "
                "operation of a graph; the steps that it watches are not replayed",
                stacklevel=2,
            )
        if observers.get():
            return self._compute(x, y)
        kind = [_kind(part) for part in (*_parts(x), *_parts(y))]
        if self._kind is None:
            self._kind = kind
            return self._prepare(x, y)
        if kind != self._kind:
            return self._compute(x, y)
        if not self._is_captured:
            self._record(x, y)
        elif not self._graph.accepts(_on_cpu(y)):
            return self._compute(x, y)
        self._give(x, y)
        return self._replay()

    def _prepare(self, x: Any, y: Any) -> Values:
        """The first batch of an epoch."""
        self._x, self._y = map_parts(self._buffer, x), map_parts(self._buffer, y)
        if self._capture is None:
            self._capture = new_capture(_parts(self._x)[0].data)
        if self._graph.computes:
            return self._record_computing(x, y)
        return self._explained(lambda: self._run(self._graph.warm_up, y), x, y)

    def _record(self, x: Any, y: Any) -> None:
        """The second batch, on a GPU: its step is captured."""
        try:
            values = self._explained(lambda: self._run(self._graph.record, y), x, y)
        except MemoryError:  # the memory that the first batch has left would do
            self._graph.free_other_memory()
            values = self._explained(lambda: self._run(self._graph.record, y), x, y)
        self._keep(values)

    def _record_computing(self, x: Any, y: Any) -> Values:
        """The first batch, on a device that computes what is recorded."""
        # What a step writes into: running statistics, but no parameter.
        written = [tensor for tensor in self._read if not isinstance(tensor, Parameter)]
        before = [tensor.data.copy() for tensor in written]
        try:
            self._keep(self._explained(lambda: self._run(self._graph.record, y), x, y))
        except Exception as error:
            if self._is_required:
                raise
            self._is_given_up, self.why = True, error
            for tensor, array in zip(written, before, strict=True):
                write(tensor.data, array)
            return self._compute(x, y)
        return self._results()

    def _keep(self, values: Values) -> None:
        """What a replay will have computed."""
        outside = self._graph.seen_outside
        self._values = {name: outside(value.data) for name, value in values.items()}
        for parameter in self._parameters:
            if parameter._grad is not None:
                parameter._grad = Tensor(outside(parameter._grad.data))
        self._gradients = [(p, p._grad) for p in self._parameters]
        self._is_captured = True

    def _run(self, run: Callable[..., Values], y: Any) -> Values:
        """Compute with the buffers; their labels are known on the CPU."""
        tensors = [*self._parameters, *self._read, *_parts(self._x), *_parts(self._y)]
        with arrays_seen_as(tensors, self._seen):
            there = [part.data for part in _parts(self._y) if _has_classes(part)]
            labels = list(zip(there, _on_cpu(y), strict=True))
            return run(lambda: self._compute(self._x, self._y), labels)

    def _seen(self, x: Array) -> Array:
        return self._graph.seen_by_recordings(x)

    def _explained(self, run: Callable[[], Values], x: Any, y: Any) -> Values:
        """Run it; an error that is due to the graph becomes one that says so."""
        try:
            return run()
        except MemoryError:
            raise
        except Exception as error:
            if not self._is_required:
                raise
            self._compute(x, y)  # raises what has nothing to do with the graph
            raise RuntimeError(
                f"fit: graph: a step cannot be captured: {error}. In a graph, the model, the "
                "loss and the metrics can only compute with tensors on the device, where the "
                "labels are too: they cannot read numbers, bring arrays from elsewhere, or draw "
                "random numbers except "
                "by dropout; use Trainer(..., graph=False)"
            ) from error

    def _replay(self) -> Values:
        self._graph.replay()
        self.replays += 1
        for parameter, grad in self._gradients:
            parameter._grad = grad  # another kind of batch may have replaced it
        return self._results()

    def _results(self) -> Values:
        first, *_ = self._values.values()
        with on_device_of(first):
            return {name: Tensor(value.copy()) for name, value in self._values.items()}

    @property
    def _graph(self) -> Capture:
        assert self._capture is not None
        return self._capture

    def _buffer(self, part: Tensor) -> Tensor:
        """An array of its own for a part of a batch."""
        if part.device == "cpu":
            return Tensor(to_device(np.ascontiguousarray(part.data), self.device))
        with on_device_of(part.data):
            return Tensor(part.data.copy(order="K"))

    def _give(self, x: Any, y: Any) -> None:
        """Write a batch into the buffers."""
        pairs = zip((*_parts(self._x), *_parts(self._y)), (*_parts(x), *_parts(y)), strict=True)
        for buffer, part in pairs:
            write(buffer.data, part.data)


def _parts(value: Any) -> list[Tensor]:
    """The Tensors of a batch, which may be tuples of them."""
    return [part for v in value for part in _parts(v)] if isinstance(value, tuple) else [value]


def _kind(part: Tensor) -> Any:
    return part.device, part.dtype, part.shape, part.data.strides


def _on_cpu(y: Any) -> list[Array]:
    """The labels that are classes, on the CPU, where they usually are."""
    return [to_device(part.data, "cpu") for part in _parts(y) if _has_classes(part)]


def _has_classes(part: Tensor) -> bool:
    """Whether these are labels that losses check."""
    return part.dtype.kind in "iu"
