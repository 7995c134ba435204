"""One call in minicnn and in PyTorch: the results, first and second gradients are equal.

What was compared is tallied for the report at the end of the run (tests/ops/conftest.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import minicnn as mc

TOLERANCE = 1e-9
OPTIONS = {"allow_unused": True, "materialize_grads": True}


class Tally:
    """How many calls were compared, and where they differed most."""

    calls, largest, where = 0, 0.0, "nowhere"


TALLY = Tally()


def check(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    *arrays: NDArray[Any],
    second: bool = True,
    tolerance: float = TOLERANCE,
) -> None:
    """Compare at exactly these arrays, even at kinks; PyTorch lacks some second gradients."""
    mine = [mc.Tensor(x, requires_grad=True) for x in arrays]
    other = [torch.tensor(np.array(x, order="C"), requires_grad=True) for x in arrays]
    y, z = ours(*mine), theirs(*other)
    if isinstance(y, tuple):  # the pieces of split
        assert [piece.shape for piece in y] == [tuple(piece.shape) for piece in z]
        y = mc.ops.concatenate([piece.flatten() for piece in y])
        z = torch.cat([piece.flatten() for piece in z])
    pairs = [(y, z)]
    rng = np.random.default_rng(0)
    v = mc.Tensor(np.asarray(rng.standard_normal(y.shape)), requires_grad=True)
    w = torch.tensor(v.data, requires_grad=True)
    first = mc.grad(y, mine, v, create_graph=True, allow_unused=True)
    expected = torch.autograd.grad(z, other, w, create_graph=second, **OPTIONS)
    pairs += zip(first, expected, strict=True)
    if second:
        pairs += _second_gradients(first, expected, [*mine, v], [*other, w])
    for a, b in pairs:
        _compare(a.numpy(), b.detach().numpy(force=True), tolerance)
    TALLY.calls += 1


def _second_gradients(first: Any, expected: Any, mine: Any, other: Any) -> Any:
    """The gradients of a weighted sum of the first ones, as far as PyTorch linked these."""
    linked = [i for i, gradient in enumerate(expected) if gradient.requires_grad]
    rng = np.random.default_rng(1)
    weights = [np.asarray(rng.standard_normal(expected[i].shape)) for i in linked]
    ours = mc.grad([first[i] for i in linked], mine, weights, allow_unused=True)
    weights = [torch.tensor(weight) for weight in weights]
    theirs = torch.autograd.grad([expected[i] for i in linked], other, weights, **OPTIONS)
    return zip(ours, theirs, strict=True)


def _compare(a: NDArray[Any], b: NDArray[Any], tolerance: float) -> None:
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    if tolerance > TOLERANCE:
        return  # known to differ
    finite = np.isfinite(b)
    # Relative to numbers above 1, absolute below.
    errors = np.abs(a[finite] - b[finite]) / np.maximum(np.abs(b[finite]), 1.0)
    if errors.max(initial=0.0) > TALLY.largest:
        TALLY.largest = float(errors.max())
        TALLY.where = os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[-1].split(" ")[0]
