"""Checking gradients against finite differences, in random directions.

One direction costs two evaluations of the function, however many entries an input has. For a
function f, a random direction u of one input x and a random weighting v of the output, the
derivative of t -> <v, f(x + t·u)> at t = 0 is known in two ways,

    numerically   (<v, f(x + eps·u)> - <v, f(x - eps·u)>) / (2·eps)
    analytically  <gradient of <v, f> to x, u>

and with a wrong gradient they differ for almost every u and v.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..autograd import Tensor, grad
from ..backend import Array, to_device

Function = Callable[..., Tensor]
Inputs = Tensor | Sequence[Tensor]

DIRECTIONS = 2  # a single one may miss an error by bad luck


def numerical_gradient(function: Function, inputs: Inputs, eps: float = 1e-6) -> list[Array]:
    """The gradient of the sum of the function's output to each input, entry by entry.

    (f(x + eps) - f(x - eps)) / (2·eps): two evaluations per entry, slow but simple. Raises
    TypeError for inputs that are not float64.

    >>> x = mc.tensor([1.0, 2.0, 3.0], dtype="float64")
    >>> mc.testing.numerical_gradient(lambda x: x**2, x)[0].round(6)
    array([2., 4., 6.])
    """
    tensors = _check_inputs(inputs, constants_too=True)
    ones = np.ones(function(*tensors).shape)
    gradients = [np.empty(x.shape) for x in tensors]
    for i, gradient in enumerate(gradients):
        for index in np.ndindex(*gradient.shape):
            entry = np.zeros(gradient.shape)
            entry[index] = 1.0
            gradient[index] = _central_difference(function, tensors, i, entry, ones, eps)
    return gradients


def gradcheck(
    function: Function, inputs: Inputs, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3
) -> bool:
    """Whether the gradients of ``function(*inputs)`` agree with finite differences.

    inputs: float64 Tensors; those with requires_grad=True are checked, and the function must be
    smooth around them. It returns one Tensor. The directions come from a fixed seed. Two numbers
    agree if they differ by at most atol + rtol · the larger one.

    Returns True, or raises AssertionError naming the entry that differs most; TypeError for inputs
    or outputs that cannot be checked.

    >>> x = mc.tensor([0.5, -2.0], dtype="float64", requires_grad=True)
    >>> mc.testing.gradcheck(mc.ops.tanh, x)
    True
    >>> mc.testing.gradcheck(lambda x: x * x.detach(), x)  # the gradient misses a factor of 2
    Traceback (most recent call last):
    AssertionError: gradcheck: input 0 of shape (2,), entry ...: the gradient is ..., finite ...
    """
    tensors = _check_inputs(inputs)
    checked = _positions_to_check(tensors)
    output = function(*tensors)
    if not isinstance(output, Tensor):
        raise TypeError(f"gradcheck: the function returned a {type(output).__name__}, not a Tensor")
    rng = np.random.default_rng(0)
    for _ in range(DIRECTIONS):
        v = rng.standard_normal(output.shape)
        for i, gradient in zip(checked, _gradients(function, tensors, checked, v), strict=True):
            u = rng.standard_normal(tensors[i].shape)
            slopes = _Slopes(function, tensors, i, v, gradient, eps)
            if not slopes.agree(u, atol, rtol):
                raise AssertionError(slopes.describe_worst(u))
    return True


def gradgradcheck(
    function: Function, inputs: Inputs, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3
) -> bool:
    """Whether the gradients of the gradients agree with finite differences.

    The gradients themselves are checked first, since the second derivatives of wrong gradients may
    still agree with each other; then ``gradcheck`` is applied to the function (inputs, v) ->
    gradients of <v, function(*inputs)>. Arguments, result and errors are those of ``gradcheck``.

    >>> x = mc.tensor([0.5, -2.0], dtype="float64", requires_grad=True)
    >>> mc.testing.gradgradcheck(mc.ops.tanh, x)
    True
    """
    gradcheck(function, inputs, eps, atol, rtol)
    tensors = _check_inputs(inputs)
    output = function(*tensors)
    weights = np.random.default_rng(1).standard_normal(output.shape)
    v = Tensor(to_device(np.asarray(weights), output.device), requires_grad=True)

    def gradient_of(position: int) -> Function:
        def gradient(*arguments: Tensor) -> Tensor:
            *at, weighting = arguments
            output, x = function(*at), at[position]
            return grad(output, x, weighting, create_graph=True, allow_unused=True)[0]

        return gradient

    positions = _positions_to_check(tensors)
    return all(gradcheck(gradient_of(i), [*tensors, v], eps, atol, rtol) for i in positions)


class _Slopes:
    """The numerical and the analytical derivative in a direction u of one input."""

    def __init__(
        self,
        function: Function,
        inputs: list[Tensor],
        position: int,
        v: Array,
        gradient: Array,
        eps: float,
    ) -> None:
        self.function, self.inputs, self.position = function, inputs, position
        self.v, self.gradient, self.eps = v, gradient, eps

    def __call__(self, u: Array) -> tuple[float, float]:
        numerical = _central_difference(
            self.function, self.inputs, self.position, u, self.v, self.eps
        )
        return numerical, float(np.sum(self.gradient * u))

    def agree(self, u: Array, atol: float, rtol: float) -> bool:
        a, b = self(u)
        # Written so that NaN does not agree with anything.
        return abs(a - b) <= atol + rtol * max(abs(a), abs(b))

    def describe_worst(self, u: Array) -> str:
        """Find one entry by bisection: keep the half of the direction that disagrees more."""
        entries = np.arange(u.size)
        while len(entries) > 1:
            halves = np.array_split(entries, 2)
            gaps = [abs(np.subtract(*self(_keep_entries(u, half)))) for half in halves]
            entries = halves[not gaps[0] >= gaps[1]]
        index = tuple(int(i) for i in np.unravel_index(int(entries[0]), u.shape))
        numerical, analytical = self(_keep_entries(np.ones(u.shape), entries))
        return (
            f"gradcheck: input {self.position} of shape {u.shape}, entry {index}: the gradient is "
            f"{analytical:.6g}, finite differences give {numerical:.6g} "
            "(of the outputs' sum with random weights)"
        )


def _keep_entries(u: Array, entries: Array) -> Array:
    """The direction u with all other entries set to 0."""
    part = np.zeros(u.size)
    part[entries] = u.ravel()[entries]
    return part.reshape(u.shape)


def _gradients(
    function: Function, inputs: list[Tensor], checked: list[int], v: Array
) -> list[Array]:
    """The gradients of <v, function>, zeros where the function does not depend on the input."""
    output, wanted = function(*inputs), [inputs[i] for i in checked]
    if not output.requires_grad:
        return [np.zeros(x.shape) for x in wanted]
    weights = to_device(np.asarray(v), output.device)
    return [gradient.numpy() for gradient in grad(output, wanted, weights, allow_unused=True)]


def _central_difference(
    function: Function, inputs: list[Tensor], position: int, u: Array, v: Array, eps: float
) -> float:
    """The derivative of <v, function> in the direction u of one input."""

    def evaluate(t: float) -> Array:
        moved = list(inputs)
        x = inputs[position]
        moved[position] = Tensor(x.data + to_device(np.asarray(t * u), x.device), x.requires_grad)
        return function(*moved).numpy()

    difference = evaluate(eps) - evaluate(-eps)  # before the sum, which would lose digits
    return float(np.sum(v * difference)) / (2 * eps)


def _check_inputs(inputs: Inputs, constants_too: bool = False) -> list[Tensor]:
    """The inputs as a list of Tensors, float64 if they require gradients or constants_too."""
    tensors = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise TypeError(f"inputs[{i}]: got {type(x).__name__}, expected a Tensor")
        if (x.requires_grad or constants_too) and x.dtype != np.float64:
            raise TypeError(
                f"inputs[{i}]: got {x.dtype}, expected float64 for finite differences, "
                "as x.to('float64')"
            )
    return tensors


def _positions_to_check(tensors: list[Tensor]) -> list[int]:
    positions = [i for i, x in enumerate(tensors) if x.requires_grad]
    if not positions:
        raise TypeError("gradcheck: no input has requires_grad=True, there is nothing to check")
    return positions
