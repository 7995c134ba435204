"""Function: one differentiable operation, ``forward`` on arrays and ``backward`` on Tensors.

Every result of an op remembers the Function that computed it, and that Function remembers where its
inputs came from: its *edges*. Together they are the graph that ``engine.py`` walks back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Union

import numpy as np

from ..backend import (
    Array,
    DeviceError,
    array_module,
    device_of,
    is_array,
    on_device_of,
)
from ..backend.layout import in_storage_order
from ..backend.native.array import NativeArray
from ..backend.native.record import RecordingArray
from ..checks import check_choice
from .in_place import changes
from .modes import no_grads, observers
from .tensor import Tensor
from .torch_habits import HOW_TO_CALL, CtxName, check_definition

ON_CPU = [{np.ndarray}, {NativeArray}, {RecordingArray}]


class Function:
    """One differentiable operation; write a subclass and call it with ``apply``.

    ``forward(*arrays, **options)`` gets the raw arrays of the inputs and returns an array, new or a
    view of an input (neither may be written into). Arrays are referenced, not copied.
    ``backward(grad)`` gets the gradient of the output as a Tensor and returns one gradient (or
    None) per input; it finds the options in ``self.options``. It is written with ops, so that the
    gradient can be differentiated again. The other attributes below are for backward, too: they are
    not set yet when forward runs.

    >>> class Square(mc.autograd.Function):
    ...     def forward(self, x):
    ...         return x * x
    ...     def backward(self, grad):
    ...         (x,) = self.inputs
    ...         return 2 * x * grad
    >>> x = mc.tensor([3.0], requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor([6.])
    """

    keeps: ClassVar[str] = "inputs"
    """What backward needs: "inputs", "output", "both" or "nothing". The rest is freed early."""

    elementwise: ClassVar[bool] = False
    """Whether each output element depends only on the (broadcast) input elements at its place."""

    edges: tuple[Edge | None, ...]
    """Where the inputs came from: their Functions, leaves themselves, None for constants."""
    inputs: tuple[Tensor, ...]
    """The inputs, if kept for backward."""
    needs_grad: tuple[bool, ...]
    """Whether the gradient of each input is needed: backward may skip the others."""
    shapes: tuple[tuple[int, ...], ...]
    """The shapes of the inputs."""
    dtypes: tuple[np.dtype[Any], ...]
    """The dtypes of the inputs."""
    called_at: str = "outside detect_anomaly()"
    """The line of the user's program that called the op, set inside detect_anomaly()."""
    options: dict[str, Any]
    """The options that ``apply`` was called with, set before forward runs."""
    changes_before: int
    """How many in-place changes there had been when it ran, see ``in_place.Changes``."""
    stale_output: Tensor | None = None
    """What stands for the output once it has changed, see ``stale.py``."""
    _output_data: Array
    save_for_backward = CtxName("the inputs are kept already: backward reads self.inputs")
    saved_tensors = CtxName(
        "backward reads self.inputs; self.output with keeps = 'output' or 'both'"
    )
    needs_input_grad = CtxName("it is called self.needs_grad")
    mark_non_differentiable = CtxName("backward returns None for an input without a gradient")

    def __init_subclass__(cls) -> None:
        check_choice(f"{cls.__name__}: keeps", cls.keeps, ("inputs", "output", "both", "nothing"))
        check_definition(cls)

    def __init__(self, *inputs: Any, **options: Any) -> None:
        raise TypeError(f"{type(self).__name__}: {HOW_TO_CALL}")

    def forward(self, *arrays: Any, **options: Any) -> Array:
        """The output array, computed from the input arrays."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def backward(self, grad: Tensor) -> Tensor | Sequence[Tensor | None]:
        """The gradient of each input, computed from the gradient of the output."""
        raise NotImplementedError(f"{type(self).__name__} defines no backward")

    @classmethod
    def apply(cls, *inputs: Tensor, **options: Any) -> Tensor:
        """Run forward on the inputs; record the step if an input requires a gradient."""
        for i, t in enumerate(inputs):
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"{cls.__name__}: input {i} is a {type(t).__name__}, expected a Tensor; "
                    "see minicnn.tensor(), and give an option by its name"
                )
        function, arrays = object.__new__(cls), [t._array for t in inputs]
        function.options = options
        try:
            data = function._run(arrays, options)
        except FloatingPointError:
            # Under np.seterr(all="raise"): run again, with underflow ignored. Entering np.errstate
            # in every call would cost more than some ops.
            with np.errstate(under="ignore"):
                data = function._run(arrays, options)
        output = Tensor(data if is_array(data) else _without_axes(data, inputs))
        if watching := observers.get():
            call = Call(function, inputs, options, output)
            with on_device_of(output._array):  # an observer may compute with the arrays
                for observer in watching:
                    observer.after_forward(call)
        if not no_grads.get() and output._array.dtype.kind == "f":
            needs_grad = tuple([t.requires_grad for t in inputs])
            if True in needs_grad:
                function.needs_grad = needs_grad
                function._record(inputs, output)
        return output

    def _run(self, arrays: list[Array], options: dict[str, Any]) -> Array:
        """Run forward on the one device that holds all inputs."""
        if {type(a) for a in arrays} in ON_CPU:
            return self.forward(*arrays, **options)
        if len(arrays) > 1:
            self._check_devices(arrays)
        with on_device_of(arrays[0]):
            if self.elementwise:
                return in_storage_order(self.forward, arrays, options)
            return self.forward(*arrays, **options)

    def _check_devices(self, arrays: list[Array]) -> None:
        devices = [device_of(a) for a in arrays]
        for i, device in enumerate(devices):
            if device != devices[0]:
                raise DeviceError(
                    f"{type(self).__name__}: input 0 of shape {arrays[0].shape} is on "
                    f"{devices[0]}, but input {i} of shape {arrays[i].shape} is on {device}; "
                    f'move one with .to("{device}")'
                )

    def _record(self, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.shapes = tuple([t._array.shape for t in inputs])
        self.dtypes = tuple([t._array.dtype for t in inputs])
        self.edges = tuple([edge_of(t) for t in inputs])
        if self.keeps in ("inputs", "both"):
            self.inputs = inputs
        if self.keeps in ("output", "both"):
            # Not the Tensor: it refers to self, which would be a cycle.
            self._output_data = output._array
        self.changes_before = changes.count
        output.function = self
        output.requires_grad = True

    @property
    def output(self) -> Tensor:
        """The output, if kept for backward."""
        if self.stale_output is not None:
            return self.stale_output
        output = Tensor(self._output_data)
        output.function, output.requires_grad = self, True
        return output

    def release(self) -> None:
        """Free everything that was kept for backward."""
        self.__dict__.clear()


def _without_axes(value: Any, inputs: tuple[Tensor, ...]) -> Array:
    """A scalar as an array: NumPy returns scalars for arrays without axes, NumPy 1 in float64."""
    floats = [t.dtype for t in inputs if t.dtype.kind == "f"]
    is_float = isinstance(value, np.floating) and floats
    xp = array_module(inputs[0].data)
    return xp.asarray(value, np.result_type(*floats) if is_float else None)


class Call(NamedTuple):
    """One call of an op, as observers are told about it.

    >>> mc.autograd.Call._fields
    ('function', 'inputs', 'options', 'output')
    """

    function: Function
    inputs: tuple[Tensor, ...]
    options: dict[str, Any]
    output: Tensor


Edge = Union[Function, Tensor]  # noqa: UP007 - evaluated at run time, where X | Y cannot be
"""Where a value came from: the Function that computed it, or a leaf itself."""


def edge_of(tensor: Tensor) -> Edge | None:
    """The edge that leads back from a tensor; None if it does not require a gradient."""
    return (tensor.function or tensor) if tensor.requires_grad else None
