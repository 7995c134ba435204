"""Checking gradients against finite differences: entry by entry, or in random directions.

For a function f, a direction u of one input x and a random weighting v of the output, the
derivative of t -> <v, f(x + t·u)> at t = 0 is known in two ways,

    numerically   (<v, f(x + eps·u)> - <v, f(x - eps·u)>) / (2·eps)
    analytically  <gradient of <v, f> to x, u>

A direction costs two evaluations of f. If u has a single entry, so do n entries each, and no error
hides behind the others. A random u checks all entries at once, however many there are, but what one
small error adds may be lost in the sum.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..autograd import Tensor, grad
from ..backend import Array, to_device
from ..checks import check_number
from .slopes import Function, Slopes, central_difference

Inputs = Tensor | Sequence[Tensor]

WEIGHTINGS = 2  # a single one may miss an error by bad luck
FEW_ENTRIES = 128  # 64 of the input and, for gradgradcheck, 64 of the output: 256 evaluations
RANDOM = (
    "gradcheck: the function gives different results for the same inputs; if it draws random "
    "numbers, as dropout does, call minicnn.manual_seed(0) inside it"
)


def numerical_gradient(function: Function, inputs: Inputs, eps: float = 1e-6) -> list[Array]:
    """The gradient of the sum of the function's output to each input, entry by entry.

    (f(x + eps) - f(x - eps)) / (2·eps): two evaluations per entry, slow but simple. Raises
    TypeError for inputs that are not float64.

    >>> x = mc.tensor([1.0, 2.0, 3.0], dtype="float64")
    >>> mc.testing.numerical_gradient(lambda x: x**2, x)[0].round(6)
    array([2., 4., 6.])
    """
    tensors = _check_inputs(inputs, constants_too=True)
    ones = [np.ones(function(*tensors).shape)]
    gradients = [np.empty(x.shape) for x in tensors]
    for i, gradient in enumerate(gradients):
        for index in np.ndindex(*gradient.shape):
            entry = np.zeros(gradient.shape)
            entry[index] = 1.0
            (gradient[index],) = central_difference(function, tensors, i, entry, ones, eps)
    return gradients


def gradcheck(
    function: Function,
    inputs: Inputs,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    each_entry: bool | None = None,
) -> bool:
    """Whether the gradients of ``function(*inputs)`` agree with finite differences.

    inputs: float64 Tensors; those with requires_grad=True are checked, and the function must be
    smooth around them. It returns one Tensor. Two numbers agree if they differ by at most
    atol + rtol · the larger one.

    each_entry: check the inputs entry by entry, with two evaluations of the function for each, or
    in two random directions, with two evaluations for each however large the inputs are. By
    default entry by entry for up to 128 entries in total, which takes 256 evaluations: for a
    function of some ten ops, a few hundredths of a second.

    Entry by entry, each entry that is wrong by more than the tolerance is found. A random direction
    finds one wrong entry among n, off by d times its size, with a probability of about
    1 - 2/pi · arctan(rtol · sqrt(n) / d) if all are of similar size. Among gradients of random
    sizes, the two directions found an error of 2 % in 34 of 40 tries with 64 entries, and in 8 with
    10,000; an error of 100 % in 39 with 10,000 (tests/testing/test_gradcheck.py has the table). The
    directions come from a fixed seed: a fault that was missed once will be missed again. The
    weighted sum over m outputs hides a single wrong derivative of one output in the same way, with
    m for n, and also entry by entry.

    Returns True, or raises AssertionError naming the entry that differs most, or the input for
    which two backward passes give different gradients; ValueError for a function whose results
    differ between two calls, TypeError for inputs or outputs that cannot be checked.

    >>> x = mc.tensor([0.5, -2.0], dtype="float64", requires_grad=True)
    >>> mc.testing.gradcheck(mc.ops.tanh, x)
    True
    >>> mc.testing.gradcheck(lambda x: x * x.detach(), x)  # the gradient misses a factor of 2
    Traceback (most recent call last):
    AssertionError: gradcheck: input 0 of shape (2,), entry ...: the gradient is ..., finite ...
    """
    check_number("gradcheck: eps", eps, "a number above 0")
    tensors = _check_inputs(inputs)
    checked = _positions_to_check(tensors)
    if each_entry is None:
        each_entry = sum(tensors[i].size for i in checked) <= FEW_ENTRIES
    outputs = _repeat(function, tensors, 1 + WEIGHTINGS)
    rng = np.random.default_rng(0)
    weightings = [rng.standard_normal(outputs[0].shape) for _ in range(WEIGHTINGS)]
    gradients = _gradients(outputs, tensors, checked, weightings)
    for i, of_input in zip(checked, gradients, strict=True):
        slopes = Slopes(function, tensors, i, weightings, of_input, eps, atol, rtol)
        worst = slopes.worst_entry() if each_entry else slopes.worst_in_directions(rng)
        if worst is not None:
            if slopes.is_random(worst[0]):
                raise ValueError(RANDOM)
            raise AssertionError(slopes.describe(*worst))
    return True


def gradgradcheck(
    function: Function,
    inputs: Inputs,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    each_entry: bool | None = None,
) -> bool:
    """Whether the gradients of the gradients agree with finite differences.

    The gradients themselves are checked first, since the second derivatives of wrong gradients may
    still agree with each other; then ``gradcheck`` is applied to the function (inputs, v) ->
    gradients of <v, function(*inputs)>. Arguments, result and errors are those of ``gradcheck``;
    the entries of v, as many as those of the output, count too.

    >>> x = mc.tensor([0.5, -2.0], dtype="float64", requires_grad=True)
    >>> mc.testing.gradgradcheck(mc.ops.tanh, x)
    True
    """
    gradcheck(function, inputs, eps, atol, rtol, each_entry)
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
    return all(
        gradcheck(gradient_of(i), [*tensors, v], eps, atol, rtol, each_entry) for i in positions
    )


def _repeat(function: Function, inputs: list[Tensor], times: int) -> list[Tensor]:
    """The outputs of several calls. Raises ValueError unless they are the same."""
    outputs = [function(*inputs) for _ in range(times)]
    first = outputs[0]
    if not isinstance(first, Tensor):
        raise TypeError(f"gradcheck: the function returned a {type(first).__name__}, not a Tensor")
    for output in outputs:
        if output.shape != first.shape or not _is_same(output.numpy(), first.numpy()):
            raise ValueError(RANDOM)
    return outputs


def _is_same(a: Array, b: Array) -> bool:
    """Whether two arrays are equal up to the order of summation, which a GPU may change."""
    largest = np.abs(b[np.isfinite(b)]).max(initial=0)
    return np.allclose(a, b, rtol=0, atol=1e-12 * largest, equal_nan=True)


def _gradients(
    outputs: list[Tensor], inputs: list[Tensor], checked: list[int], weightings: list[Array]
) -> list[list[Array]]:
    """For each input to check, the gradients of <v, output> for each v, from one output more.

    Raises AssertionError if two backward passes give different gradients for the first v.
    """
    wanted = [inputs[i] for i in checked]
    repeated = [weightings[0], *weightings]
    first, *all_ = [_gradients_of(o, wanted, v) for o, v in zip(outputs, repeated, strict=True)]
    for i, before, after in zip(checked, first, all_[0], strict=True):
        if not _is_same(before, after):
            raise AssertionError(
                f"gradcheck: input {i} of shape {before.shape}: two backward passes give different "
                "gradients, although the function gives the same results"
            )
    return [list(of_input) for of_input in zip(*all_, strict=True)]


def _gradients_of(output: Tensor, wanted: list[Tensor], v: Array) -> list[Array]:
    """The gradients of <v, output>, zeros where the output does not depend on the input."""
    if not output.requires_grad:
        return [np.zeros(x.shape) for x in wanted]
    weights = to_device(np.asarray(v), output.device)
    return [gradient.numpy() for gradient in grad(output, wanted, weights, allow_unused=True)]


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
