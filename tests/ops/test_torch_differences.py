"""The differences that docs/differences-from-pytorch.md states, each seen in both programs."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

torch = pytest.importorskip("torch", reason="torch is not installed")
F = torch.nn.functional
pytestmark = pytest.mark.torch

NAN, INF = math.nan, math.inf


def both(numbers: Any) -> tuple[mc.Tensor, Any]:
    array = np.array(numbers, np.float32)
    return mc.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)


def gradients(y: mc.Tensor, x: mc.Tensor, z: Any, w: Any) -> tuple[Any, Any]:
    (mine,), (theirs,) = mc.grad(y.sum(), x), torch.autograd.grad(z.sum(), w)
    return mine.data.tolist(), theirs.tolist()


def test_ties() -> None:
    x, w = both([[2.0, 2.0], [1.0, 3.0]])
    first, shared = [[1, 0], [0, 1]], [[0.5, 0.5], [0, 1]]
    assert gradients(x.max(1), x, w.amax(1), w) == (first, shared)
    assert gradients(x.max(1), x, w.max(1).values, w) == (first, first)
    x, w = both([2.0, 2.0, 1.0])
    assert gradients(x.max(), x, w.max(), w) == ([1, 0, 0], [0.5, 0.5, 0])
    assert gradients(-(-x).min(), x, -(-w).amin(), w) == ([1, 0, 0], [0.5, 0.5, 0])


def test_softplus_above_its_threshold() -> None:
    x = np.array([21.0])
    assert F.softplus(torch.tensor(x)).item() == 21.0
    assert ops.softplus(mc.tensor(x)).item() == np.logaddexp(0, 21.0) > 21.0


def test_an_odd_norm_of_negative_numbers() -> None:
    x, w = both([[[[-1.0, -1.0, -1.0, -5.0]]]])
    assert ops.lp_pool2d(x, 3, (1, 4)).item() == pytest.approx(-(128 ** (1 / 3)))
    assert math.isnan(F.lp_pool2d(w, 3, (1, 4)).item())


def test_nan_and_infinity() -> None:
    x, w = both([-INF])
    for name in ("silu", "gelu"):
        assert getattr(ops, name)(x).item() == 0
        assert math.isnan(getattr(F, name)(w).item())
    x, w = both([[NAN, 0.0]])
    assert math.isnan(ops.hinge_loss(x, [0]).item())
    assert F.multi_margin_loss(w, torch.tensor([0])).item() == 0
    x, w = both(np.full(40, NAN))
    few, many = (torch.autograd.grad(F.elu(t).sum(), t)[0][0].item() for t in (w[:1], w))
    assert (few, math.isnan(many)) == (1, True)
    assert mc.grad(ops.elu(x).sum(), x)[0].data.tolist() == [1] * 40


def test_no_elements() -> None:
    x, w = both(np.zeros((0, 3)))
    assert math.isnan(w.mean().item())
    with pytest.raises(ValueError, match="mean: 0 elements to reduce"):
        x.mean()
    assert w.amax(1).shape == x.max(1).shape == (0,)


def test_eps_and_momentum() -> None:
    x, w = both(np.arange(8.0).reshape(4, 2))
    stats, theirs = [mc.tensor(a) for a in np.eye(2, dtype="f4")], torch.eye(2)
    F.batch_norm(w, *theirs, training=True, momentum=1.5)
    F.batch_norm(w, theirs[0], theirs[1].abs(), training=False, eps=0)
    with pytest.raises(ValueError, match="eps must be positive during training"):
        F.batch_norm(w, None, None, training=True, eps=0)
    F.layer_norm(w, (2,), eps=0)
    F.local_response_norm(w[None, None], 1, k=0)
    for call in (
        lambda: ops.batch_norm(x, *stats, training=True, momentum=1.5),
        lambda: ops.batch_norm(x, *stats, training=False, eps=0),
        lambda: ops.layer_norm(x, 2, eps=0),
        lambda: ops.local_response_norm(x.reshape(1, 1, 4, 2), 1, k=0),
    ):
        with pytest.raises(ValueError, match=r"(momentum|eps|k): got"):
            call()


def test_options_of_optimizers() -> None:
    p, q = mc.Parameter(np.zeros(1)), torch.zeros(1, requires_grad=True)
    for make, options in (
        ("RMSprop", {"alpha": 1.5}),
        ("SGD", {"lr": NAN}),
        ("SGD", {"lr": INF}),
        ("Adam", {"eps": INF}),
    ):
        getattr(torch.optim, make)([q], **options)
        with pytest.raises(ValueError, match=f"{make}: {next(iter(options))}: got"):
            getattr(mc.optim, make)([p], **options)
    for package, parameter in ((torch.optim, q), (mc.optim, p)):
        package.SGD([parameter], momentum=1.5)
        package.Adam([parameter], eps=0)


def test_the_step_after_the_last_of_one_cycle() -> None:
    options = {"max_lr": 1.0, "total_steps": 4, "anneal_strategy": "linear"}
    ours = mc.optim.SGD([mc.Parameter(np.zeros(1))], momentum=0.9)
    theirs = torch.optim.SGD([torch.zeros(1, requires_grad=True)], momentum=0.9)
    mine, other = (
        mc.optim.OneCycleLR(ours, **options),
        torch.optim.lr_scheduler.OneCycleLR(theirs, **options),
    )
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no step of the optimizer came before
        for _ in range(4):
            mine.step()
            other.step()
            rates.append((mine.get_last_lr()[0], other.get_last_lr()[0]))
    assert rates[2][0] == pytest.approx(rates[2][1])  # the last of four, from 0 on
    assert rates[3][0] == pytest.approx(rates[2][0])  # stays
    assert rates[3][1] < 0  # keeps falling


def test_two_schedules_of_one_optimizer() -> None:
    ours = mc.optim.SGD([mc.Parameter(np.zeros(1))], lr=1.0)
    theirs = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    chained = torch.optim.lr_scheduler
    mine = [mc.optim.ExponentialLR(ours, 0.5), mc.optim.StepLR(ours, 1, 0.1)]
    other = [chained.ExponentialLR(theirs, 0.5), chained.StepLR(theirs, 1, 0.1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for schedule in [*mine, *other]:
            schedule.step()
    assert theirs.param_groups[0]["lr"] == pytest.approx(0.05)
    assert ours.param_groups[0]["lr"] == pytest.approx(0.1)  # the one that stepped last


def test_adam_in_float16() -> None:
    p, q = mc.Parameter(np.ones(1, np.float16)), torch.ones(1, dtype=torch.half, requires_grad=True)
    ours, theirs = mc.optim.Adam([p]), torch.optim.Adam([q])
    (p * mc.tensor(np.float16([1e-4]))).sum().backward()
    (q * 1e-4).sum().backward()
    ours.step()
    theirs.step()
    assert p.item() == pytest.approx(0.999, abs=1e-3)
    assert not math.isfinite(q.item())


def test_masks() -> None:
    assert (torch.tensor([1, 2]) & torch.tensor([3, 2])).tolist() == [1, 2]
    with pytest.raises(TypeError, match="&: got int64, expected booleans"):
        mc.tensor([1, 2]) & mc.tensor([3, 2])
