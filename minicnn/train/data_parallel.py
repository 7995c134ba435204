"""Training by several processes: each computes a part of every batch, all take the same step.

With n images in the part of a process and N in the whole batch, the gradient of the whole batch is

    the sum over the processes of n / N · (the gradient of the mean over the part)

so the training follows that of one process, up to the order of additions. What a loss divides by
may be something else than images: class indices that are not ignored, or the sum of their weights.
"""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .._version import __version__
from ..autograd import Tensor
from ..backend import Array, array_module, device_of, kernels_for, on_device_of, to_device
from ..backend.random import Part, generator_state
from ..data import DataLoader
from ..nn import BatchNorm2d, Module
from ..parallel import Group, ParallelError
from .measures import Measured, Measures
from .progress import Means, Progress

Sums = dict[str, tuple[float, float, int]]
"""Of each thing measured: its mean times what it divides by, that, and the count for the History.

The loss is the first."""


class DataParallel:
    """What a Trainer does together with those of the other processes."""

    def __init__(self, group: Group, measures: Measures) -> None:
        self.group, self._measures = group, measures

    @property
    def share(self) -> tuple[int, int]:
        """Which part of every batch this process computes, and of how many."""
        return self.group.rank, self.group.size

    # ---- before the first batch

    def check(
        self, model: Module, loss: Any, progress: Progress, options: Mapping[str, Any]
    ) -> None:
        """Raise ParallelError for processes with other data, models, options, seeds or versions.

        Also for batches with fewer images than processes; ValueError for a loss that is known to be
        a sum. Warns of batch norm.
        """
        if self.group.size == 1:
            return
        train = progress.train
        if isinstance(train, DataLoader) and train.batch_sizes()[0] < self.group.size:
            raise ParallelError(
                f"fit: parallel: got batches of {train.batch_sizes()[0]} images for "
                f"{self.group.size} processes, expected at least one for each; start fewer "
                "processes, or make the batches larger"
            )
        described = {
            "version of minicnn": __version__,
            "version of NumPy": np.__version__,
            "parameters": [(n, p.shape, p.dtype.name) for n, p in model.named_parameters()],
            "buffers": [(n, b.shape, b.dtype.name) for n, b in model.named_buffers()],
            **options,
            "data to train with": _kind_and_length(progress.train),
            "data to validate with": _kind_and_length(progress.validation),
            "random numbers, which minicnn.manual_seed(0) would make equal": _digest(
                repr(generator_state()).encode()
            ),
        }
        self.group.check_equal("fit", self.group.gather(described))
        self._check_model(model, loss)

    def _check_model(self, model: Module, loss: Any) -> None:
        """Refuse what would divide otherwise, and tell what differs from one process."""
        if self._measures.is_sum:
            raise ValueError(
                'fit: parallel: got a loss with reduction="sum", expected the mean over the batch'
            )
        norms = [
            name
            for module in _modules(model, loss)
            for name, layer in module.named_modules()
            if isinstance(layer, BatchNorm2d) and layer.training
        ]
        if norms and self.group.rank == 0:
            warnings.warn(
                f"fit: parallel: batch norm ({', '.join(norms[:3])}{', ...' * (len(norms) > 3)}) "
                "takes the statistics of the part of a batch that its process has, so the result "
                "depends on the number of processes",
                stacklevel=4,
            )

    # ---- each batch

    def backward(
        self,
        loss: Tensor,
        values: Mapping[str, Tensor],
        labels: Any,
        part: Part,
        learned: list[Tensor],
    ) -> Measured:
        """Compute the gradients of the whole batch, and what is measured over all of it.

        learned: the parameters of the optimizer; the others keep the gradient of their part.
        """
        sums = self._sums(values, labels, part)
        divisor = sums["loss"][1]
        loss.backward(np.full(loss.shape, divisor / part.whole))
        kinds: dict[Any, list[Tensor]] = {}
        for parameter in learned:
            kinds.setdefault((parameter.device, parameter.dtype), []).append(parameter)
        for parameters in kinds.values():
            # One message: the gradients, for each parameter whether it has one, and the sums.
            numbers = [float(p.grad is not None) for p in parameters]
            for three in sums.values():
                numbers += three
            flat, tail = _flatten(parameters, numbers, is_empty=not divisor)
            self.group.sum_in_place(flat)
            summed = to_device(flat[tail:], "cpu").tolist()
            has_grad, summed = summed[: len(parameters)], summed[len(parameters) :]
            # What the loss, which is the first, divides by in the whole batch; where nothing
            # counts all gradients are 0.
            _give_back(flat, parameters, has_grad, part.whole / summed[1] if summed[1] else 1.0)
        return _means(sums, summed)

    def _sums(self, values: Mapping[str, Tensor], labels: Any, part: Part) -> Sums:
        """What is measured of a part, in a form that can be added up over the processes."""
        if not part.images:
            return dict.fromkeys(values, (0.0, 0.0, 0))
        divisor, counts = self._measures.divisor(labels, part.images), self._measures.counts(labels)
        sums = {}
        for name, value in values.items():
            count = counts.get(name, part.images)
            weight = divisor if name == "loss" else count
            sums[name] = (value.item() * weight if weight else 0.0, weight, count)
        return sums

    # ---- evaluation

    def mean_over(
        self, batches: Iterable[tuple[Mapping[str, Tensor], Any, Part]]
    ) -> dict[str, float]:
        """The means over all batches of what was measured of the parts, with their labels."""
        means = Means()
        if self.group.size == 1:
            for values, labels, part in batches:
                means.add(part.images, values, self._measures.counts(labels))
            return means()
        own = [(self._sums(*batch), batch[2].whole) for batch in batches]
        for parts in zip(*self.group.gather(own), strict=True):
            sums, whole = parts[0]
            numbers = np.sum([np.ravel([*part.values()]) for part, _ in parts], 0).tolist()
            means.add(whole, *_means(sums, numbers))
        return means()

    # ---- each epoch

    def end_epoch(self, number: int, model: Module, loss: Any, row: dict[str, float]) -> None:
        """One row of the History, and one set of running statistics, for all processes.

        Raises ParallelError if the weights are no longer the same.
        """
        if self.group.size == 1:
            return
        row.update(self.group.broadcast(row))
        modules = _modules(model, loss)
        weights = {
            name: _digest(_bytes_of(p.data)) for m in modules for name, p in m.named_parameters()
        }
        self.group.check_equal(f"fit: epoch {number}: weights", self.group.gather(weights))
        for module in modules:
            state = module.state_dict()
            running = [n for n, b in module.named_buffers() if n in state and b.dtype.kind == "f"]
            means = {n: self.group.all_reduce(state[n]) / self.group.size for n in running}
            module.load_state_dict({**state, **means})

    def is_any(self, flag: bool) -> bool:
        """Whether the flag is set in any of the processes."""
        return any(self.group.gather(flag))


def _modules(model: Module, loss: Any) -> list[Module]:
    return [model, loss] if isinstance(loss, Module) else [model]


def _means(names: Iterable[str], numbers: list[float]) -> Measured:
    """The means over a whole batch and their counts, from the Sums of all parts."""
    means, counts = {}, {}
    for k, name in enumerate(names):
        total, weight, count = numbers[3 * k : 3 * k + 3]
        means[name] = Tensor(np.array(total / weight if weight else math.nan))
        counts[name] = round(count)
    return means, counts


def _flatten(parameters: list[Tensor], numbers: list[float], is_empty: bool) -> tuple[Array, int]:
    """The gradients one after the other, zeros where there is none; where the numbers begin.

    is_empty: the part has nothing that counts, so that its gradients would be 0 / 0.
    """
    first = parameters[0].data
    with on_device_of(first):
        xp, wide = array_module(first), np.promote_types(first.dtype, np.float32)
        tail = sum(p.size for p in parameters)
        flat = xp.empty(tail + len(numbers), wide)
        gradients = [
            xp.zeros(p.shape, p.dtype) if p.grad is None or is_empty else p.grad.data
            for p in parameters
        ]
        kernels_for(flat).join(gradients, flat[:tail])
        flat[tail:] = to_device(np.array(numbers, wide), device_of(flat))
    return flat, tail


def _give_back(flat: Array, parameters: list[Tensor], has_grad: list[float], factor: float) -> None:
    """The gradients of the whole batch to the parameters that have one in some process."""
    with on_device_of(flat):
        if factor != 1:
            flat *= flat.dtype.type(factor)
        start = 0
        for parameter, some in zip(parameters, has_grad, strict=True):
            own = flat[start : start + parameter.size].reshape(parameter.shape)
            parameter.grad = Tensor(own.astype(parameter.dtype, copy=False)) if some else None
            start += parameter.size


def _kind_and_length(data: Any) -> Any:
    """What the options do not tell of the data."""
    if isinstance(data, DataLoader):
        data = data.dataset
    return (type(data).__name__, len(data)) if hasattr(data, "__len__") else type(data).__name__


def _bytes_of(array: Array) -> Any:
    return np.ascontiguousarray(np.asarray(to_device(array, "cpu"))).reshape(-1).view(np.uint8)


def _digest(data: Any) -> str:
    return f"{zlib.crc32(data):08x}"
