"""Tensor ops, activations and losses in minicnn and PyTorch: how to draw one call of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray

from minicnn import ops

F = torch.nn.functional
Array = NDArray[Any]
Draw = st.DrawFn
Twins = tuple[list[Array], Callable[..., Any], Callable[..., Any]]
"""A drawn call: the arrays to be differentiated, minicnn's function of them, and PyTorch's."""
SIDES = st.integers(1, 4)


def numbers(draw: Draw, shape: tuple[int, ...], low: float = -3, high: float = 3) -> Array:
    """Distinct numbers, not at the kinks of any op."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = math.prod(shape)
    x = low + (high - low) * (rng.permutation(size) + rng.uniform(0.1, 0.9, size)) / max(size, 1)
    return x.reshape(shape)


def shape_of(draw: Draw, least: int = 0, most: int = 4) -> tuple[int, ...]:
    return tuple(draw(st.lists(SIDES, min_size=least, max_size=most)))


def one(name: str, theirs: Any, low: float = -3, high: float = 3, **options: Any) -> Any:
    """An op of one tensor, element by element."""
    ours = getattr(ops, name)
    return lambda draw: (
        [numbers(draw, shape_of(draw), low, high)],
        lambda x: ours(x, **options),
        theirs,
    )


def two(name: str, theirs: Any, low: float = -3, high: float = 3) -> Any:
    """An op of two tensors that broadcast."""

    def twins(draw: Draw) -> Twins:
        full = shape_of(draw)
        a, b = (tuple(1 if draw(st.booleans()) else n for n in full) for _ in range(2))
        b = b[draw(st.integers(0, len(b))) :]
        return (
            [numbers(draw, a, low, high), numbers(draw, b, low, high)],
            getattr(ops, name),
            theirs,
        )

    return twins


def along(name: str, theirs: Any) -> Any:
    """An op along one axis."""

    def twins(draw: Draw) -> Twins:
        shape = shape_of(draw, least=1)
        axis = draw(st.integers(-len(shape), len(shape) - 1))
        ours = getattr(ops, name)
        return [numbers(draw, shape)], lambda x: ours(x, axis), lambda x: theirs(x, dim=axis)

    return twins


def reduction(name: str, theirs: Any) -> Any:
    def twins(draw: Draw) -> Twins:
        shape = (*shape_of(draw, most=3), 2)
        n, keep, ours = len(shape), draw(st.booleans()), getattr(ops, name)
        axes = draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n - 1))
        axes = (*[a for a in axes if a != n - 1], -1)  # two elements at least, for the variance
        return (
            [numbers(draw, shape)],
            lambda x: ours(x, axes, keepdim=keep),
            lambda x: theirs(x, dim=axes, keepdim=keep),
        )

    return twins


def matmul(draw: Draw) -> Twins:
    n, k, m = (draw(SIDES) for _ in range(3))
    lead = draw(st.sampled_from([((), ()), ((2,), (2,)), ((2,), (1,)), ((), (3,)), ((2, 1), (3,))]))
    a = draw(st.sampled_from([(*lead[0], n, k), (k,)]))
    b = draw(st.sampled_from([(*lead[1], k, m), (k,)]))
    return [numbers(draw, a), numbers(draw, b)], ops.matmul, torch.matmul


def linear(draw: Draw) -> Twins:
    lead, i, o = shape_of(draw, most=3), draw(SIDES), draw(SIDES)
    arrays = [numbers(draw, (*lead, i)), numbers(draw, (o, i)), numbers(draw, (o,))]
    return arrays[: draw(st.integers(2, 3))], ops.linear, F.linear


def reshaped(name: str, argument: Any, theirs: Any) -> Any:
    """An op that moves elements: argument draws what it is told about a shape."""

    def twins(draw: Draw) -> Twins:
        shape, ours = shape_of(draw, least=1), getattr(ops, name)
        told = argument(draw, shape)
        return [numbers(draw, shape)], lambda x: ours(x, *told), lambda x: theirs(x, *told)

    return twins


def axis(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    return (draw(st.integers(-len(shape), len(shape) - 1)),)


def index(draw: Draw, shape: tuple[int, ...]) -> tuple[Any]:
    entries = st.integers(-shape[0], shape[0] - 1)
    forward = st.tuples(entries, entries).map(lambda ends: slice(*ends))
    kinds = [entries, forward, st.lists(entries, min_size=1, max_size=5), st.just((None, ..., 0))]
    return (draw(st.one_of(kinds)),)


def larger(draw: Draw, shape: tuple[int, ...]) -> tuple[Any]:
    return ((*shape_of(draw, most=2), *[draw(SIDES) if n == 1 else n for n in shape]),)


def smaller(draw: Draw, shape: tuple[int, ...]) -> tuple[Any]:
    kept = tuple(1 if draw(st.booleans()) else n for n in shape)
    return (kept[draw(st.integers(0, len(shape))) :],)


def pieces(draw: Draw, shape: tuple[int, ...]) -> tuple[Any, int]:
    (at,) = axis(draw, shape)
    first = draw(st.integers(0, shape[at]))
    return draw(st.sampled_from([draw(SIDES), [first, shape[at] - first]])), at


def joined(name: str, theirs: Any) -> Any:
    def twins(draw: Draw) -> Twins:
        shape = list(shape_of(draw, least=1))
        (at,), ours = axis(draw, tuple(shape)), getattr(ops, name)
        arrays = []
        for _ in range(draw(st.integers(1, 3))):
            shape[at] = draw(SIDES) if name == "concatenate" else shape[at]
            arrays.append(numbers(draw, tuple(shape)))
        return arrays, lambda *a: ours(a, at), lambda *a: theirs(a, dim=at)

    return twins


EQUATIONS = {
    "ij,jk->ik": ("ij", "jk"), "ij->ji": ("ij",), "ii->i": ("ii",), "ii": ("ii",), "ij->": ("ij",),
    "i,j->ij": ("i", "j"), "nchw,ocij->no": ("nchw", "ocij"), "bij,bjk->bik": ("bij", "bjk"),
    "i,i,i": ("i", "i", "i"), "...i,ij->...j": ("abi", "ij"), "ijj->ij": ("ijj",),
}  # fmt: skip


def einsum(draw: Draw) -> Twins:
    equation = draw(st.sampled_from(list(EQUATIONS)))
    sizes = {letter: draw(SIDES) for letter in "abchijknow"}
    arrays = [
        numbers(draw, tuple(sizes[letter] for letter in letters)) for letters in EQUATIONS[equation]
    ]
    return arrays, lambda *a: ops.einsum(equation, *a), lambda *a: torch.einsum(equation, *a)


def where(draw: Draw) -> Twins:
    shape = shape_of(draw)
    condition = numbers(draw, shape) > 0
    return (
        [numbers(draw, shape), numbers(draw, shape[-1:])],
        lambda a, b: ops.where(condition, a, b),
        lambda a, b: torch.where(torch.tensor(condition), a, b),
    )


def clip(draw: Draw) -> Twins:
    low, high = draw(st.sampled_from([(-1, 1), (None, 0.5), (0.2, None)]))
    x = numbers(draw, shape_of(draw))
    return [x], lambda x: ops.clip(x, low, high), lambda x: torch.clip(x, low, high)


def power(draw: Draw) -> Twins:
    p = draw(st.sampled_from([0, 1, 2, 3, -1, 0.5, -1.5]))
    constant = draw(st.booleans())
    if constant:
        return one("pow", lambda x: x**p, 0.1, 3, exponent=p)(draw)
    return two("pow", torch.pow, 0.1, 3)(draw)


def of_classes(name: str, theirs: Any, **extremes: Any) -> Any:
    """A loss of logits (N, C, ...) and class indices."""

    def twins(draw: Draw) -> Twins:
        rest = () if name == "hinge_loss" else shape_of(draw, most=2)
        n, c, ours = draw(SIDES), draw(st.integers(2, 5)), getattr(ops, name)
        rng = np.random.default_rng(draw(st.integers(0, 999)))
        target, options = rng.integers(0, c, (n, *rest)), {}
        target.flat[0] = 1
        for option, values in extremes.items():
            options[option] = draw(st.sampled_from(values))
        options["reduction"] = draw(st.sampled_from(["mean", "sum", "none"]))
        weight = draw(st.sampled_from([None, rng.uniform(0.5, 2, c)]))
        probabilities = name == "cross_entropy" and draw(st.booleans())
        if probabilities:
            target = np.moveaxis(rng.dirichlet(np.ones(c), (n, *rest)), -1, 1)
            options.pop("ignore_index")
        given = None if weight is None else torch.tensor(weight)
        return (
            [numbers(draw, (n, c, *rest))],
            lambda x: ours(x, target, weight=weight, **options),
            lambda x: theirs(x, torch.tensor(target), weight=given, **options),
        )

    return twins


def multi_margin(x: Any, target: Any, *, weight: Any, reduction: str, p: int, margin: float) -> Any:
    """PyTorch's own multi_margin_loss has no second derivative, its building blocks have."""
    own = x.gather(1, target[:, None])
    too_close = torch.relu(margin - own + x) ** p * (weight is None or weight[target][:, None])
    others = torch.arange(x.shape[1]) != target[:, None]
    losses = torch.where(others, too_close, 0.0).mean(1)
    return {"mean": losses.mean, "sum": losses.sum, "none": lambda: losses}[reduction]()


def of_distance(name: str, theirs: Any, **extremes: Any) -> Any:
    """A loss of two arrays of one shape."""

    def twins(draw: Draw) -> Twins:
        shape, ours = shape_of(draw, least=1), getattr(ops, name)
        options = {option: draw(st.sampled_from(values)) for option, values in extremes.items()}
        options["reduction"] = draw(st.sampled_from(["mean", "sum", "none"]))
        low = 0 if name.startswith("binary") else -3
        return (
            [numbers(draw, shape), numbers(draw, shape, low, 1)],
            lambda x, y: ours(x, y, **options),
            lambda x, y: theirs(x, y, **options),
        )

    return twins


CASES: dict[str, Callable[[Draw], Twins]] = {
    "abs": one("abs", torch.abs),
    "add": two("add", torch.add),
    "broadcast_to": reshaped("broadcast_to", larger, torch.broadcast_to),
    "clip": clip,
    "concatenate": joined("concatenate", torch.cat),
    "div": two("div", torch.div, 0.5, 3),
    "einsum": einsum,
    "exp": one("exp", torch.exp),
    "flatten": reshaped("flatten", axis, torch.flatten),
    "getitem": reshaped("getitem", index, lambda x, i: x[i]),
    "linear": linear,
    "log": one("log", torch.log, 0.1, 3),
    "matmul": matmul,
    "max": reduction("max", torch.amax),
    "maximum": two("maximum", torch.maximum),
    "mean": reduction("mean", torch.mean),
    "min": reduction("min", torch.amin),
    "minimum": two("minimum", torch.minimum),
    "mul": two("mul", torch.mul),
    "neg": one("neg", torch.neg),
    "permute": reshaped(
        "permute",
        lambda draw, shape: draw(st.permutations(range(len(shape)))),
        lambda x, *axes: torch.permute(x, axes),
    ),
    "pow": power,
    "reshape": reshaped(
        "reshape", lambda draw, shape: (-1, shape[-1]), lambda x, *to: torch.reshape(x, to)
    ),
    "split": reshaped("split", pieces, torch.split),
    "sqrt": one("sqrt", torch.sqrt, 0.1, 3),
    "stack": joined("stack", torch.stack),
    "sub": two("sub", torch.sub),
    "sum": reduction("sum", torch.sum),
    "sum_to": reshaped("sum_to", smaller, lambda x, shape: x.sum_to_size(shape)),
    "transpose": reshaped(
        "transpose", lambda draw, shape: axis(draw, shape) + axis(draw, shape), torch.transpose
    ),
    "var": reduction("var", torch.var),
    "where": where,
    # activations
    "elu": one("elu", lambda x: F.elu(x, 0.7), alpha=0.7),
    "gelu": one("gelu", F.gelu),
    "hardtanh": one("hardtanh", lambda x: F.hardtanh(x, -0.5, 2), min_val=-0.5, max_val=2.0),
    "leaky_relu": one("leaky_relu", lambda x: F.leaky_relu(x, 0.2), negative_slope=0.2),
    "log_softmax": along("log_softmax", F.log_softmax),
    "relu": one("relu", F.relu),
    "scaled_tanh": one("scaled_tanh", lambda x: 1.7159 * torch.tanh(x * 2 / 3)),
    "selu": one("selu", F.selu),
    "sigmoid": one("sigmoid", torch.sigmoid),
    "silu": one("silu", F.silu),
    "softmax": along("softmax", F.softmax),
    "softplus": one("softplus", lambda x: F.softplus(x, 2.0), beta=2.0),
    "tanh": one("tanh", torch.tanh),
    # losses
    "binary_cross_entropy_with_logits": of_distance(
        "binary_cross_entropy_with_logits", F.binary_cross_entropy_with_logits
    ),
    "cross_entropy": of_classes(
        "cross_entropy",
        F.cross_entropy,
        ignore_index=[-100, 0, 2],
        label_smoothing=[0.0, 0.1, 1.0],
    ),
    "hinge_loss": of_classes("hinge_loss", multi_margin, p=[1, 2], margin=[1.0, 0.3]),
    "huber_loss": of_distance("huber_loss", F.huber_loss, delta=[1.0, 0.4]),
    "l1_loss": of_distance("l1_loss", F.l1_loss),
    "mse_loss": of_distance("mse_loss", F.mse_loss),
    "nll_loss": of_classes("nll_loss", F.nll_loss, ignore_index=[-100, 0, 2]),
}
