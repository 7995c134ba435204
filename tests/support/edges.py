"""An op and its twin in PyTorch at numbers where float32 ends: where their results differ.

The exceptions, where they may differ, are in ``edge_exceptions.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

import minicnn as mc
from minicnn import ops

from .op_cases import CASES
from .op_cases.case import F, OpCase, as_torch, torch

Array = NDArray[Any]

EDGES = np.array(
    [3.4e38, 1e19, 1e-19, 1e-39, 1e-45, 0.0, np.inf, np.nan,
     -3.4e38, -1e19, -1e-19, -1e-39, -1e-45, -0.0, -np.inf], np.float32,
)  # fmt: skip
SHARES = np.array([0.0, -0.0, 1e-45, 1e-39, 1e-19, 1.0], np.float32)
"""What a target may hold that is a share."""
ROUNDING, ATOL = 1e-4, 1e-41
"""Both may round differently; the numbers below 1e-38 are 1.4e-45 apart, and are then scaled."""


@dataclass(frozen=True)
class Difference:
    """One element that differs: ``where`` is "y", or the number of the input of a gradient."""

    op: str
    where: str | int
    ours: float
    torchs: float
    exact: float
    arrays: list[Array]
    options: dict[str, Any]

    @property
    def numbers(self) -> Array:
        """All numbers of the inputs."""
        return np.concatenate([np.zeros(0, np.float32), *[a.ravel() for a in self.arrays]])

    def __str__(self) -> str:
        found = f"minicnn {self.ours!r}, PyTorch {self.torchs!r}, exact {self.exact!r}"
        return f"{self.op} {self.where}: {found}\n  {self.arrays}\n  {self.options}"


def at_edges(name: str, array: Array, place: int, rng: np.random.Generator) -> Array:
    """The array in float32, some or all of its numbers replaced by one, two or three edges."""
    is_share = name == "binary_cross_entropy_with_logits" and place == 1
    few = rng.choice(SHARES if is_share else EDGES, rng.integers(1, 4))
    chosen = rng.random(array.shape) < rng.choice([0.1, 0.3, 1.0])
    return np.asarray(np.where(chosen, rng.choice(few, array.shape), array), np.float32)


def differences(name: str, arrays: list[Array], options: dict[str, Any]) -> Iterator[Difference]:
    """The elements of the result and of the gradients in which the two differ.

    The result of an op is right where it is that of PyTorch or, for these inputs or inputs within a
    few roundings of them, the exact one: that of PyTorch in float64. Where large numbers cancel,
    more cannot be asked for: what is left varies with every rounding, in PyTorch's float32 too.
    """
    case = CASES[name]
    ours = results(mc, case, arrays, options)
    theirs = results(torch, case, arrays, options)
    if all(agree(a, b).all() for a, b in zip(ours, theirs, strict=True)):
        return
    exact = results(torch, case, arrays, options, np.float64)
    spreads = _spreads(case, arrays, options, exact, theirs)
    where = ["y", *range(len(arrays))] if case.differentiable else ["y"] * len(ours)
    for place, a, b, c, spread in zip(where, ours, theirs, exact, spreads, strict=True):
        with np.errstate(over="ignore"):
            c = c.astype(np.float32)
        wrong = ~(agree(a, b) | agree(a, c, 30 * spread))
        for i in map(tuple, np.argwhere(wrong)):
            yield Difference(name, place, float(a[i]), float(b[i]), float(c[i]), arrays, options)


def _spreads(
    case: OpCase, arrays: list[Array], options: dict[str, Any], *found: list[Array]
) -> list[Array]:
    """How far the results of PyTorch, in several dtypes, vary with roundings of the inputs."""
    spreads = [np.zeros(a.shape) for a in found[0]]
    for seed in range(1, 5):
        for here, dtype in zip(found, (np.float64, np.float32), strict=True):
            moved = results(torch, case, arrays, options, dtype, seed)
            for i, (a, b) in enumerate(zip(here, moved, strict=True)):
                with np.errstate(all="ignore"):
                    far = np.nan_to_num(np.abs(np.float64(a) - b), posinf=0)
                spreads[i] = np.maximum(spreads[i], far)
    return spreads


def agree(a: Array, b: Array, spread: Array | float = 0.0) -> Array:
    with np.errstate(all="ignore"):
        is_near = np.abs(a - b) <= ROUNDING * np.abs(b) + ATOL + spread
    return is_near | (a == b) | (np.isnan(a) & np.isnan(b))


def results(
    library: Any,
    case: OpCase,
    arrays: list[Array],
    options: dict[str, Any],
    dtype: Any = np.float32,
    seed: int = 0,
) -> list[Array]:
    """The result and the first gradients, in minicnn (mc) or PyTorch.

    A seed above 0 moves inputs and the incoming gradient by some roundings of float32.
    """
    rng = np.random.default_rng(seed)
    options = {key: _in(dtype, value) for key, value in options.items()}
    arrays = [_moved(_in(dtype, array), rng if seed else None) for array in arrays]
    xs = [library.tensor(array, requires_grad=case.differentiable) for array in arrays]
    with np.errstate(all="ignore"):
        if library is mc:
            found = case.op(*xs, **options)
        else:
            found = TWINS.get(case.name, case.twin)(*xs, **options)
        pieces = found if isinstance(found, tuple) else (found,)
        if not case.differentiable:
            return [piece.numpy() for piece in pieces]
        if isinstance(found, tuple):
            found = (ops.concatenate if library is mc else torch.cat)([p.flatten() for p in pieces])
        shape = tuple(found.shape)
        seeds = np.random.default_rng(0).standard_normal(shape).astype(np.float32).astype(dtype)
        incoming = library.tensor(_moved(np.asarray(seeds), rng if seed else None))
        if library is mc:
            gradients = mc.grad(found, xs, incoming, allow_unused=True)
            return [t.data for t in (found, *gradients)]
    unused = {"allow_unused": True, "materialize_grads": True}
    gradients = import_module("torch").autograd.grad(found, xs, incoming, **unused)
    return [t.detach().numpy() for t in (found, *gradients)]


def _in(dtype: Any, value: Any) -> Any:
    is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(dtype) if is_float else value


def _moved(array: Array, rng: np.random.Generator | None) -> Array:
    if rng is None:
        return array
    return np.asarray(array * (1 + 3e-7 * rng.standard_normal(array.shape)), array.dtype)


def hinge_loss_in_torch(
    x: Any, target: Array, reduction: str, p: int, margin: float, weight: Array | None
) -> Any:
    """The loss itself, where the case composes it for the sake of second gradients."""
    index, rows = as_torch(target), torch.movedim(x, 1, -1)
    loss = F.multi_margin_loss(
        rows.reshape(-1, x.shape[1]), index.reshape(-1), p, margin, as_torch(weight),
        reduction=reduction,
    )  # fmt: skip
    return loss.reshape(index.shape) if reduction == "none" else loss


TWINS = {"hinge_loss": hinge_loss_in_torch}
