"""Losses in PyTorch: every option, at their kinks too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minicnn as mc
from minicnn import ops

torch = pytest.importorskip("torch", reason="torch is not installed")
from support.torch_check import check  # noqa: E402 - needs PyTorch

F = torch.nn.functional
pytestmark = pytest.mark.torch
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
REST = st.sampled_from([(), (2,), (2, 3)])
SEEDS = st.integers(0, 2**32 - 1)


def tensor(array: Any) -> Any:
    return None if array is None else torch.tensor(array)


@given(SEEDS, REST, REDUCTIONS, st.booleans(), st.sampled_from([-100, 0, 2, -1]))
def test_nll_loss(seed: int, rest: Any, reduction: str, weighted: bool, ignored: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.5, 2, 4) if weighted else None
    target = rng.integers(0, 4, (3, *rest))
    target[rng.random(target.shape) < 0.2] = ignored if ignored != -100 else 0
    target.flat[0] = 1  # one at least that counts
    check(
        lambda x: ops.nll_loss(x, target, reduction, ignored, weight),
        lambda x: F.nll_loss(
            x, tensor(target), tensor(weight), ignore_index=ignored, reduction=reduction
        ),
        rng.standard_normal((3, 4, *rest)),
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ops.mse_loss, F.mse_loss),
        (ops.l1_loss, F.l1_loss),
        (ops.huber_loss, F.huber_loss),
        (
            lambda x, t, reduction: ops.huber_loss(x, t, reduction, 0.5),
            lambda x, t, reduction: F.huber_loss(x, t, reduction=reduction, delta=0.5),
        ),
    ],
)
@given(seed=SEEDS, reduction=REDUCTIONS, shape=st.sampled_from([(), (5,), (2, 3, 4)]))
def test_distances(ours: Any, theirs: Any, seed: int, reduction: str, shape: Any) -> None:
    """Multiples of 1/4, so that pairs lie at the kinks."""
    rng = np.random.default_rng(seed)
    x, target = (np.asarray(rng.integers(-8, 9, shape) / 4) for _ in range(2))
    huber = theirs is not F.mse_loss and theirs is not F.l1_loss
    check(
        lambda x, t: ours(x, t, reduction),
        lambda x, t: theirs(x, t, reduction=reduction),
        x,
        target,
        second=not huber or not bool(np.isin(np.abs(x - target), (0.5, 1.0)).any()),
    )


@given(SEEDS, REDUCTIONS, st.sampled_from([None, (4,), (3, 1), ()]), st.sampled_from([None, (4,)]))
def test_binary_cross_entropy(seed: int, reduction: str, w_shape: Any, v_shape: Any) -> None:
    rng = np.random.default_rng(seed)
    x, target = rng.normal(0, 5, (3, 4)), rng.choice([0.0, 0.3, 1.0], (3, 4))
    weight, pos_weight = (
        None if shape is None else np.asarray(rng.uniform(0.5, 2, shape))
        for shape in (w_shape, v_shape)
    )
    check(
        lambda x, t: ops.binary_cross_entropy_with_logits(x, t, reduction, weight, pos_weight),
        lambda x, t: F.binary_cross_entropy_with_logits(
            x, t, tensor(weight), reduction=reduction, pos_weight=tensor(pos_weight)
        ),
        x,
        target,
    )


@given(SEEDS, REDUCTIONS, st.sampled_from([1, 2]), st.sampled_from([0, 0.5, 1.0]), st.booleans())
def test_hinge_loss(seed: int, reduction: str, p: int, margin: float, weighted: bool) -> None:
    """Multiples of 1/2, so that some lie exactly at the margin; without second gradients."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.5, 2, 4) if weighted else None
    target = rng.integers(0, 4, 5)
    check(
        lambda x: ops.hinge_loss(x, target, reduction, p, margin, weight),
        lambda x: F.multi_margin_loss(
            x, tensor(target), p, margin, tensor(weight), reduction=reduction
        ),
        rng.integers(-4, 5, (5, 4)) / 2,
        second=False,
    )


@given(SEEDS, st.integers(1, 5))
def test_topk_accuracy(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    logits, target = rng.standard_normal((7, 5)), rng.integers(0, 5, 7)
    best = torch.tensor(logits).topk(k).indices.numpy()
    right = (best == target[:, None]).any(1).mean()
    assert ops.topk_accuracy(mc.Tensor(logits), target, k).item() == pytest.approx(right)
