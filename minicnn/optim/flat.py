"""The flat buffers of optimizers: many parameters in one contiguous array, cut into slices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Tensor
from ..autograd.in_place import changes
from ..backend import Array, array_module, device_of, kernels_for, on_device_of, to_device


class Slice(NamedTuple):
    """A piece of the flat buffers of a group, all of the same length, to be updated in place."""

    data: Array
    grad: Array
    step: int
    state: dict[str, Array]


class FlatGroup:
    """The parameters of one group as views into a single contiguous array.

    An update is then a few long array operations instead of a few short ones for each parameter.
    float16 parameters are updated in float32, in which their gradients and state are kept: in
    float16 the square of a small gradient and Adam's eps are 0.
    steps, state: of another group, which this one continues.
    """

    def __init__(
        self,
        parameters: list[Tensor],
        steps: list[int] | None = None,
        state: dict[str, Array] | None = None,
    ) -> None:
        ends = np.cumsum([p.size for p in parameters]).tolist()
        self.parameters = parameters
        self.spans = list(zip([0, *ends[:-1]], ends, strict=True))
        self.steps = [0] * len(parameters) if steps is None else steps
        with on_device_of(parameters[0].data):
            xp = array_module(parameters[0].data)
            self.data = xp.concatenate([p.data.ravel() for p in parameters])
            wide = np.promote_types(self.data.dtype, np.float32)
            self.grad = xp.zeros_like(self.data, dtype=wide)
        # CuPy restores pickled arrays on the current GPU, which may be another one.
        where = device_of(self.data)
        self.state = {name: to_device(flat, where) for name, flat in (state or {}).items()}
        self.shapes = [p.shape for p in parameters]
        self.views: list[Array | None] = [None] * len(parameters)
        self.runs: list[tuple[int, int, int]] = []
        self.bind()

    def __reduce__(self) -> tuple[Any, ...]:
        # Copied or unpickled array by array, the views would no longer be views.
        return FlatGroup, (self.parameters, self.steps, self.state)

    def zeros(self, names: Iterable[str]) -> dict[str, Array]:
        """A flat array of zeros for each of these names."""
        with on_device_of(self.grad):
            return {name: array_module(self.grad).zeros_like(self.grad) for name in names}

    def keep(self, names: Iterable[str]) -> None:
        """Have a state array for each of these names, zeros where there was none."""
        self.state.update(self.zeros(name for name in names if name not in self.state))

    def part(self, flat: Array, i: int) -> Array:
        """What belongs to parameter i in a flat array, in the parameter's shape."""
        start, stop = self.spans[i]
        return flat[start:stop].reshape(self.shapes[i])

    def bind(self) -> None:
        """Let the parameters be views again, should someone have given them new arrays."""
        self._follow()
        for i, parameter in enumerate(self.parameters):
            view = self.views[i]
            if view is None:  # at first, and after a move to another device
                view = self.views[i] = self.part(self.data, i)
            if parameter._array is view:
                continue
            if parameter.dtype != view.dtype:
                raise RuntimeError(
                    f"optimizer: a parameter was {view.dtype} and is now {parameter.dtype}; "
                    "make a new optimizer after Module.to()"
                )
            with on_device_of(view):
                view[...] = parameter.data
            parameter._array = view  # the same values: graphs need not know

    def _follow(self) -> None:
        """Move to the device that the parameters were moved to."""
        devices = {parameter.device for parameter in self.parameters}
        if devices == {device_of(self.data)}:
            return
        if len(devices) > 1:
            raise RuntimeError(f"optimizer: the parameters of a group are on {sorted(devices)}")
        (device,) = devices
        self.data, self.grad = to_device(self.data, device), to_device(self.grad, device)
        self.state = {name: to_device(flat, device) for name, flat in self.state.items()}
        self.views = [None] * len(self.parameters)

    def collect(self) -> None:
        """Begin the next step: gather the gradients, and count it for parameters that have one.

        ``runs`` are then the spans (start, stop) that the step updates, each with its number.
        """
        self.bind()
        self.runs.clear()
        gradients: list[list[Array]] = []  # of each run
        for i, parameter in enumerate(self.parameters):
            if parameter._grad is None:
                continue
            step = self.steps[i] = self.steps[i] + 1
            start, stop = self.spans[i]
            if self.runs and self.runs[-1][1:] == (start, step):
                start = self.runs.pop()[0]
            else:
                gradients.append([])
            self.runs.append((start, stop, step))
            gradients[-1].append(parameter._grad._array)
        for (start, stop, _), arrays in zip(self.runs, gradients, strict=True):
            kernels_for(self.grad).join(arrays, self.grad[start:stop])

    def slices(self, at_once: int) -> Iterator[Slice]:
        """What the step updates, at most so many elements at once."""
        for start, stop, step in self.runs:
            for a in range(start, stop, at_once):
                b = min(a + at_once, stop)
                state = {name: flat[a:b] for name, flat in self.state.items()}
                data = self.data[a:b]
                wide = data.astype(self.grad.dtype, copy=False)
                yield Slice(wide, self.grad[a:b], step, state)
                if wide is not data:
                    data[...] = wide

    def record_change(self, by: str) -> None:
        """Tell the graphs that may need the values of the parameters from before the step."""
        for start, stop, _ in self.runs:
            changes.record(self.data[start:stop], by)
