"""Training steps in a CUDA graph: from the forward pass to the gradients, started by one call.

The optimizer's step stays outside of the graph. It is one or two kernels, whose numbers (learning
rates, Adam's bias corrections) differ from step to step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.modes import state
from ..backend import Array, on_device_of, to_device
from ..backend.capture import Capture, write
from ..data.labels import map_parts

Values = dict[str, Tensor]
"""The loss and the metrics of a batch, by name."""


class StepGraph:
    """Computes the gradients of batches as ``compute`` does, from the third batch on with a graph.

    The first batch of an epoch is computed operation by operation, which compiles and caches what
    is needed; with the second one of the same kind (shapes, dtypes, memory order) the graph is
    captured, and replayed for it and the later ones. Batches of another kind, labels of which the
    losses want to do something else, and steps that an observer watches are computed operation by
    operation too. Each epoch has its own graph: between epochs anything may change.

    compute: from images and labels to the loss and the metrics; sets the gradients of parameters.
    """

    def __init__(
        self, compute: Callable[[Any, Any], Values], parameters: Iterable[Tensor], device: str
    ) -> None:
        self._compute, self._parameters, self.device = compute, list(parameters), device
        self._capture: Capture | None = None
        self.replays = 0
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Give up the graph of the last epoch."""
        self._kind: Any = None
        self._is_captured = False

    def __call__(self, x: Any, y: Any) -> Values:
        if state.observers:
            warnings.warn(
                "fit: cuda_graph: got an observer, such as detect_anomaly(), which sees no "
                "operation of a graph; the steps that it watches are not replayed",
                stacklevel=2,
            )
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
            self._capture = Capture(_parts(self._x)[0].data)
        return self._explained(lambda: self._run(self._graph.warm_up, y), x, y)

    def _record(self, x: Any, y: Any) -> None:
        """The second batch: its step is captured."""
        try:
            values = self._explained(lambda: self._run(self._graph.record, y), x, y)
        except MemoryError:  # the memory that the first batch has left would do
            self._graph.free_other_memory()
            values = self._explained(lambda: self._run(self._graph.record, y), x, y)
        self._values = {name: value.data for name, value in values.items()}
        self._gradients = [(p, p._grad) for p in self._parameters]
        self._is_captured = True

    def _run(self, run: Callable[..., Values], y: Any) -> Values:
        """Compute with the buffers; their labels are known on the CPU."""
        there = [part.data for part in _parts(self._y) if _has_classes(part)]
        labels = list(zip(there, _on_cpu(y), strict=True))
        return run(lambda: self._compute(self._x, self._y), labels)

    def _explained(self, run: Callable[[], Values], x: Any, y: Any) -> Values:
        """Run it; an error that is due to the graph becomes one that says so."""
        try:
            return run()
        except MemoryError:
            raise
        except Exception as error:
            self._compute(x, y)  # raises what has nothing to do with the graph
            raise RuntimeError(
                f"fit: cuda_graph: a step cannot be captured: {error}. In a graph, the model, the "
                "loss and the metrics can only compute with tensors on the GPU, where the labels "
                "are too: they cannot read numbers, upload arrays, or draw random numbers except "
                "by dropout; use Trainer(..., cuda_graph=False)"
            ) from error

    def _replay(self) -> Values:
        self._graph.replay()
        self.replays += 1
        for parameter, grad in self._gradients:
            parameter._grad = grad  # another kind of batch may have replaced it
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
