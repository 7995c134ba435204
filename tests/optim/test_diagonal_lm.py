"""Stochastic diagonal Levenberg-Marquardt: its step, and its estimate of the exact diagonal."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops
from minicnn.autograd import grad
from minicnn.backend import device_of
from minicnn.optim import DiagonalLM, StepLR


class Tiny(nn.Module):
    """Five inputs, four tanh units whose layer is used twice, K outputs; float64."""

    def __init__(self, outputs: int) -> None:
        self.hidden = nn.Linear(5, 5)
        self.output = nn.Linear(5, outputs)
        self.to(np.float64)

    def forward(self, x):
        return self.output(ops.tanh(self.hidden(ops.tanh(self.hidden(x)))))


def images(count: int, seed: int = 0) -> mc.Tensor:
    return mc.tensor(np.random.default_rng(seed).normal(size=(count, 5)))


def exact(model: nn.Module, x: mc.Tensor, hessian) -> list[np.ndarray]:
    """mean over n of diag(Jᵀ H J), from the whole Jacobian; hessian(outputs (K,)) -> (K, K)."""
    parameters, total = list(model.parameters()), None
    for n in range(len(x)):
        outputs = model(x[n : n + 1])[0]
        rows = [grad(outputs[k], parameters, retain_graph=True) for k in range(len(outputs))]
        h = hessian(outputs.data)
        of_image = [
            np.einsum("k...,kl,l...->...", j, h, j)
            for j in (np.stack([row[i].data for row in rows]) for i in range(len(parameters)))
        ]
        total = of_image if total is None else [a + b for a, b in zip(total, of_image, strict=True)]
    return [a / len(x) for a in total]


def curvatures(optimizer: DiagonalLM) -> list[np.ndarray]:
    return [entry["curvature"] for entry in optimizer.state_dict()["state"].values()]


def assert_close(found, expected, **tolerance) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


def softmax_hessian(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits) / np.exp(logits).sum()
    return np.diag(p) - np.outer(p, p)


def test_estimate_for_one_output_and_single_images_is_exact():
    model, x = Tiny(1), images(6)
    optimizer = DiagonalLM(model.parameters(), lr=0.1)
    expected = exact(model, x, lambda outputs: np.array([[2.0]]))
    for _ in range(2):  # the second replaces the first
        optimizer.estimate(model, ops.mse_loss, x, np.zeros((6, 1)), batch_size=1)
        assert_close(curvatures(optimizer), expected, rtol=1e-9)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_estimate_is_the_exact_diagonal_in_expectation(batch_size):
    model, x, labels = Tiny(3), images(4), np.array([0, 1, 2, 1])
    optimizer = DiagonalLM(model.parameters())
    repeats = 3000  # the same images again and again, each time with signs of their own
    many = mc.tensor(np.tile(x.data, (repeats, 1)))
    expected = exact(model, x, softmax_hessian)
    targets = np.tile(labels, repeats)
    optimizer.estimate(model, ops.cross_entropy, many, targets, batch_size=batch_size)
    assert_close(curvatures(optimizer), expected, rtol=0.12, atol=1e-6)


def test_estimate_sees_the_curvature_of_each_images_own_loss():
    model, x = Tiny(1), images(3)
    weights = mc.tensor([[1.0], [10.0], [100.0]], dtype=np.float64)

    def weighted(outputs, target):
        return (weights * outputs * outputs).mean()

    optimizer = DiagonalLM(model.parameters())
    optimizer.estimate(model, weighted, x, None, batch_size=1)
    alone = [
        exact(model, x[n : n + 1], lambda _, n=n: 2 * weights.data[n : n + 1]) for n in (0, 1, 2)
    ]
    expected = [sum(parts) / 3 for parts in zip(*alone, strict=True)]
    assert_close(curvatures(optimizer), expected, rtol=1e-9)


def test_estimate_changes_nothing_but_the_curvature():
    model, unused = Tiny(2), mc.Parameter(np.ones(2))
    optimizer = DiagonalLM([*model.parameters(), unused])
    before = [p.data.copy() for p in model.parameters()]
    optimizer.estimate(model, ops.cross_entropy, images(5), np.array([0, 1, 0, 1, 1]), batch_size=2)
    found = curvatures(optimizer)
    assert_close([p.data for p in model.parameters()], before, rtol=0)
    assert all(p.grad is None for p in model.parameters())
    assert not found[-1].any()
    assert all((h > 0).any() and (h >= 0).all() for h in found[:-1])
    assert [entry["step"] for entry in optimizer.state_dict()["state"].values()] == [0] * 5


def test_directions_in_which_the_loss_curves_down_count_as_flat():
    model = Tiny(2)
    optimizer = DiagonalLM(model.parameters())

    def saddle(outputs, target):
        up, down = outputs[:, :1], outputs[:, 1:]
        return (up * up - 5 * down * down).mean()

    optimizer.estimate(model, saddle, images(4), None, batch_size=1)
    expected = exact(model, images(4), lambda outputs: np.diag([2.0, 0.0]))
    assert_close(curvatures(optimizer), expected, rtol=1e-9)


def test_step_divides_the_rate_by_mu_plus_the_curvature(device, make, give):
    parameters = make(device=device)
    optimizer = DiagonalLM(parameters, lr=0.1, mu=0.5)
    before = [p.numpy().copy() for p in parameters]
    give(parameters, 0)
    optimizer.step()
    gradients = [p.grad.numpy() for p in parameters]
    plain = [p - 0.1 / 0.5 * g for p, g in zip(before, gradients, strict=True)]
    assert_close([p.numpy() for p in parameters], plain, rtol=1e-12)
    state = optimizer.state_dict()
    for entry in state["state"].values():
        entry["curvature"] = np.full_like(entry["curvature"], 1.5)
    optimizer.load_state_dict(state)
    optimizer.step()
    curved = [p - 0.1 / 2 * g for p, g in zip(plain, gradients, strict=True)]
    assert_close([p.numpy() for p in parameters], curved, rtol=1e-12)


def test_estimates_on_every_device(device):
    model, labels = Tiny(3), np.array([0, 1, 2, 1])
    results = []
    for name in ("cpu", device):
        mc.manual_seed(1)
        optimizer = DiagonalLM(model.to(name).parameters())
        optimizer.estimate(model, ops.cross_entropy, images(4).to(name), labels, batch_size=2)
        results.append(curvatures(optimizer))
    # The root of a curvature that is 0 up to rounding (1e-16) has half of its digits.
    assert_close(*results, rtol=1e-6)


def test_the_curvature_follows_the_parameters_to_another_device(device, make, give):
    model = Tiny(2)
    optimizer = DiagonalLM(model.parameters())
    model.to(device)
    optimizer.estimate(model, ops.cross_entropy, images(2).to(device), np.array([0, 1]))
    assert device_of(optimizer._flat[0].state["curvature"]) == device
    ops.cross_entropy(model(images(2).to(device)), np.array([0, 1])).backward()
    optimizer.step()
    assert all(p.device == device for p in model.parameters())


def test_groups_schedules_state_and_repr():
    first, second = nn.Linear(5, 3), nn.Linear(3, 2)
    model = nn.Sequential(first, second).to(np.float64)
    groups = [{"params": first.parameters()}, {"params": second.parameters(), "mu": 2.0}]
    optimizer = DiagonalLM(groups, lr=0.25)
    schedule = StepLR(optimizer, 1, gamma=0.5)
    optimizer.estimate(model, ops.cross_entropy, images(4), np.array([0, 1, 1, 0]))
    schedule.step()
    assert [g["lr"] for g in optimizer.param_groups] == [0.125, 0.125]
    assert [g["mu"] for g in optimizer.param_groups] == [0.02, 2.0]
    state, twin = optimizer.state_dict(), nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 2))
    assert [set(entry) for entry in state["state"].values()] == [{"step", "curvature"}] * 4
    assert [entry["curvature"].shape for entry in state["state"].values()] == [
        p.shape for p in model.parameters()
    ]
    twin.to(np.float64).load_state_dict(model.state_dict())
    groups = [{"params": twin[0].parameters()}, {"params": twin[1].parameters()}]
    resumed = DiagonalLM(groups, lr=9)
    resumed.load_state_dict(state)
    for network, stepper in ((model, optimizer), (twin, resumed)):
        ops.cross_entropy(network(images(4)), np.array([0, 1, 1, 0])).backward()
        stepper.step()
    assert_close(*[[p.data for p in network.parameters()] for network in (model, twin)], rtol=0)
    assert repr(DiagonalLM([mc.Parameter(np.ones(3))], lr=0.1)) == (
        "DiagonalLM(1 parameter, lr=0.1, mu=0.02)"
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lr": -1}, ValueError, "lr: got -1"),
        ({"mu": 0}, ValueError, "mu: got 0, expected a number above 0"),
        ({"mu": "much"}, TypeError, "mu: got 'much', expected a number above 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        DiagonalLM([mc.Parameter(np.ones(3))], **options)


def test_what_cannot_be_estimated_is_refused():
    model = Tiny(3)
    optimizer = DiagonalLM(model.parameters())
    with pytest.raises(ValueError, match=r"outputs of shape \(4,\), expected \(N, K\)"):
        optimizer.estimate(lambda x: model(x).sum(1), ops.mse_loss, images(4), np.zeros(4))
    with pytest.raises(RuntimeError, match="loss: is linear in the outputs"):
        optimizer.estimate(model, lambda outputs, _: outputs.mean(), images(4), None)
    with pytest.raises(ValueError, match="batch_size: got 0"):
        optimizer.estimate(model, ops.cross_entropy, images(3), np.array([0, 1, 2]), batch_size=0)
    assert not any(h.any() for h in curvatures(optimizer))
