"""Function: one differentiable operation, ``forward`` on arrays beside ``backward`` on Tensors.

Every result of an op remembers the Function that made it, and that Function remembers where its
inputs came from: its *edges*. Together they are the graph that ``engine.py`` walks back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Union

import numpy as np

from ..backend import Array, DeviceError, array_module, device_of, is_array, on_device_of
from ..backend.layout import in_storage_order
from .anomaly import check_forward
from .modes import state
from .tensor import Tensor

ON_CPU = {np.ndarray}


class Function:
    """One differentiable operation; make a subclass, call it with ``apply``.

    ``forward(*arrays, **options)`` gets the raw arrays of the inputs and returns an array, new or a
    view of an input (nobody writes into either); what backward needs to know about the options it
    keeps on ``self``. Arrays are remembered, not copied. ``backward(grad)`` gets the
    gradient of the output as a Tensor and returns one gradient (or None) per input. It is written
    with ops, so that the gradient can be differentiated again. The attributes below are for it:
    forward does not have them yet.
    """

    keeps: ClassVar[str] = "inputs"
    """What backward reads: "inputs", "output", "both" or "nothing". The rest is freed early."""

    elementwise: ClassVar[bool] = False
    """Whether each output element depends on the input elements at its place alone (broadcast)."""

    edges: tuple[Edge | None, ...]
    """Where the inputs came from: their Functions, themselves if leaves, None if constant."""
    inputs: tuple[Tensor, ...]
    """The inputs, if kept for backward."""
    needs_grad: tuple[bool, ...]
    """For each input whether its gradient is wanted: backward may skip the others."""
    shapes: tuple[tuple[int, ...], ...]
    """The shapes of the inputs."""
    dtypes: tuple[np.dtype[Any], ...]
    """The dtypes of the inputs."""
    called_at: str = "outside detect_anomaly()"
    """The line of the user's program that called the op, known inside detect_anomaly()."""
    _output_data: Array
    options: dict[str, Any]
    """The options that ``apply`` was called with."""

    def __init_subclass__(cls) -> None:
        if cls.keeps not in ("inputs", "output", "both", "nothing"):
            raise ValueError(
                f"{cls.__name__}: keeps is {cls.keeps!r}, "
                'expected "inputs", "output", "both" or "nothing"'
            )

    def forward(self, *arrays: Any, **options: Any) -> Array:
        """The output array, computed from the input arrays."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def backward(self, grad: Tensor) -> Tensor | Sequence[Tensor | None]:
        """The gradient of each input, computed from the gradient of the output."""
        raise NotImplementedError(f"{type(self).__name__} defines no backward")

    @classmethod
    def apply(cls, *inputs: Tensor, **options: Any) -> Tensor:
        """Run forward on the inputs; record the step when a gradient may be asked for."""
        for i, t in enumerate(inputs):
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"{cls.__name__}: input {i} is a {type(t).__name__}, expected a Tensor; "
                    "see minicnn.tensor()"
                )
        function, arrays = cls(), [t.data for t in inputs]
        function.options = options
        if {type(a) for a in arrays} == ON_CPU:
            data = function.forward(*arrays, **options)
        else:
            data = function._forward_on_device(arrays, options)
        output = Tensor(data if is_array(data) else _without_axes(data, inputs))
        if state.detect_anomaly:
            function.called_at = check_forward(function, output, inputs)
        if state.grad_enabled and output.data.dtype.kind == "f":
            needs_grad = tuple([t.requires_grad for t in inputs])
            if True in needs_grad:
                function.needs_grad = needs_grad
                function._record(inputs, output)
        return output

    def _forward_on_device(self, arrays: list[Array], options: dict[str, Any]) -> Array:
        """Forward on the one device, other than the CPU, that holds all inputs."""
        name = type(self).__name__
        devices = [device_of(a) for a in arrays]
        for i, device in enumerate(devices):
            if device != devices[0]:
                raise DeviceError(
                    f"{name}: input 0 of shape {arrays[0].shape} is on {devices[0]}, but input {i} "
                    f'of shape {arrays[i].shape} is on {device}; move one with .to("{device}")'
                )
        with on_device_of(arrays[0]):
            if self.elementwise:
                return in_storage_order(self.forward, arrays, options)
            return self.forward(*arrays, **options)

    def _record(self, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.shapes = tuple([t.data.shape for t in inputs])
        self.dtypes = tuple([t.data.dtype for t in inputs])
        self.edges = tuple([edge_of(t) for t in inputs])
        if self.keeps in ("inputs", "both"):
            self.inputs = inputs
        if self.keeps in ("output", "both"):
            self._output_data = output.data  # not the Tensor: it points here, a cycle
        output.function = self
        output.requires_grad = True

    @property
    def output(self) -> Tensor:
        """The output, if kept for backward."""
        output = Tensor(self._output_data)
        output.function, output.requires_grad = self, True
        return output

    def release(self) -> None:
        """Free what was kept for backward."""
        self.__dict__.clear()


def _without_axes(value: Any, inputs: tuple[Tensor, ...]) -> Array:
    """The array of a scalar, which NumPy makes of arrays without axes, and NumPy 1 in float64."""
    floats = [t.dtype for t in inputs if t.dtype.kind == "f"]
    is_float = isinstance(value, np.floating) and floats
    xp = array_module(inputs[0].data)
    return xp.asarray(value, np.result_type(*floats) if is_float else None)


Edge = Union[Function, Tensor]  # noqa: UP007 - evaluated at run time, and X | Y is younger
"""Where a value came from: the Function that made it, or a leaf itself."""


def edge_of(tensor: Tensor) -> Edge | None:
    """The edge that leads back from a tensor; None when no gradient is asked for."""
    return (tensor.function or tensor) if tensor.requires_grad else None
