"""The update formulas, element by element in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn.optim import SGD, Adadelta, Adagrad, Adam, AdamW, RMSprop

STEPS = 20


class PlainSGD:
    def __init__(self, lr=1e-3, momentum=0.0, weight_decay=0.0, nesterov=False):
        self.lr, self.momentum = lr, momentum
        self.weight_decay, self.nesterov, self.b = weight_decay, nesterov, 0.0

    def __call__(self, p: float, g: float) -> float:
        g = g + self.weight_decay * p
        self.b = self.momentum * self.b + g
        if self.nesterov:
            return p - self.lr * (g + self.momentum * self.b)
        return p - self.lr * self.b


class PlainAdagrad:
    def __init__(
        self, lr=1e-2, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10
    ):
        self.lr, self.lr_decay, self.weight_decay = lr, lr_decay, weight_decay
        self.s, self.eps, self.t = initial_accumulator_value, eps, 0

    def __call__(self, p: float, g: float) -> float:
        g = g + self.weight_decay * p
        self.t += 1
        self.s += g * g
        return p - self.lr / (1 + (self.t - 1) * self.lr_decay) * g / (self.s**0.5 + self.eps)


class PlainRMSprop:
    def __init__(
        self, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False
    ):
        self.lr, self.alpha, self.eps, self.weight_decay = lr, alpha, eps, weight_decay
        self.momentum, self.centered = momentum, centered
        self.v = self.m = self.b = 0.0

    def __call__(self, p: float, g: float) -> float:
        g = g + self.weight_decay * p
        self.v = self.alpha * self.v + (1 - self.alpha) * g * g
        self.m = self.alpha * self.m + (1 - self.alpha) * g
        v = self.v - self.m * self.m if self.centered else self.v
        self.b = self.momentum * self.b + g / (v**0.5 + self.eps)
        return p - self.lr * self.b


class PlainAdadelta:
    def __init__(self, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0):
        self.lr, self.rho, self.eps, self.weight_decay = lr, rho, eps, weight_decay
        self.u = self.v = 0.0

    def __call__(self, p: float, g: float) -> float:
        g = g + self.weight_decay * p
        self.v = self.rho * self.v + (1 - self.rho) * g * g
        d = ((self.u + self.eps) / (self.v + self.eps)) ** 0.5 * g
        self.u = self.rho * self.u + (1 - self.rho) * d * d
        return p - self.lr * d


class PlainAdam:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.m = self.v = 0.0
        self.t = 0

    def __call__(self, p: float, g: float) -> float:
        beta1, beta2 = self.betas
        self.t += 1
        g = g + self.weight_decay * p
        self.m = beta1 * self.m + (1 - beta1) * g
        self.v = beta2 * self.v + (1 - beta2) * g * g
        m, v = self.m / (1 - beta1**self.t), self.v / (1 - beta2**self.t)
        return p - self.lr * m / (v**0.5 + self.eps)


class PlainAdamW:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.shrink = 1 - lr * weight_decay
        self.adam = PlainAdam(lr, betas, eps)

    def __call__(self, p: float, g: float) -> float:
        return self.adam(self.shrink * p, g)


CASES = [
    (SGD, PlainSGD, {}),
    (SGD, PlainSGD, {"lr": 0.1}),
    (SGD, PlainSGD, {"lr": 0.1, "weight_decay": 0.3}),
    (SGD, PlainSGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, PlainSGD, {"lr": 0.1, "momentum": 0.5, "nesterov": True}),
    (
        SGD,
        PlainSGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.3},
    ),
    (SGD, PlainSGD, {"lr": 0.0, "momentum": 0.9}),
    (Adagrad, PlainAdagrad, {}),
    (Adagrad, PlainAdagrad, {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.3}),
    (Adagrad, PlainAdagrad, {"initial_accumulator_value": 0.7, "eps": 0.1}),
    (RMSprop, PlainRMSprop, {}),
    (RMSprop, PlainRMSprop, {"lr": 0.1, "alpha": 0.5, "eps": 0.1, "weight_decay": 0.3}),
    (RMSprop, PlainRMSprop, {"momentum": 0.9}),
    (RMSprop, PlainRMSprop, {"centered": True, "eps": 0.01}),
    (RMSprop, PlainRMSprop, {"momentum": 0.5, "centered": True, "eps": 0.01}),
    (Adadelta, PlainAdadelta, {}),
    (Adadelta, PlainAdadelta, {"lr": 0.5, "rho": 0.5, "eps": 0.1, "weight_decay": 0.3}),
    (Adam, PlainAdam, {}),
    (Adam, PlainAdam, {"lr": 0.1, "weight_decay": 0.3}),
    (Adam, PlainAdam, {"lr": 0.1, "betas": (0.5, 0.7)}),
    (Adam, PlainAdam, {"lr": 0.1, "betas": (0.0, 0.0), "eps": 0.1}),
    (AdamW, PlainAdamW, {}),
    (AdamW, PlainAdamW, {"lr": 0.1, "betas": (0.5, 0.7), "weight_decay": 0.3}),
]


def named(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("optimizer", "plain", "options"), CASES, ids=named)
def test_twenty_steps_are_the_formula(device, make, give, optimizer, plain, options):
    parameters = make(device=device)
    rules = [[plain(**options) for _ in range(p.size)] for p in parameters]
    expected = [p.numpy().ravel().tolist() for p in parameters]
    stepper = optimizer(parameters, **options)
    for step in range(STEPS):
        give(parameters, step)
        for rule, values, p in zip(rules, expected, parameters, strict=True):
            grads = p.grad.numpy().ravel().tolist()
            values[:] = [f(v, g) for f, v, g in zip(rule, values, grads, strict=True)]
        stepper.step()
    for p, values in zip(parameters, expected, strict=True):
        np.testing.assert_allclose(p.numpy().ravel(), values, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_more_elements_than_one_chunk_holds_are_all_updated(device, give, optimizer):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=n) for n in (50_000, 3, 40_000)]
    parameters = [mc.Parameter(mc.tensor(v, device=device).data) for v in values]
    before = [p.numpy().copy() for p in parameters]
    stepper = optimizer(parameters, lr=0.5)
    give(parameters, 0)
    stepper.step()
    for p, old in zip(parameters, before, strict=True):
        g = p.grad.numpy()
        change = -0.5 * (g if optimizer is SGD else g / (np.abs(g) + 1e-8))
        np.testing.assert_allclose(p.numpy(), old + change, rtol=1e-9, atol=1e-12)


def test_float32_parameters_stay_float32_whatever_the_options_are(device, make, give):
    parameters = make(np.float32, device=device)
    for optimizer in (SGD, Adagrad, RMSprop, Adadelta, Adam, AdamW):
        stepper = optimizer(parameters, lr=np.float64(0.1), weight_decay=np.float64(0.1))
        give(parameters, 0)
        stepper.step()
        assert {p.dtype for p in parameters} == {np.dtype(np.float32)}


def test_centered_rmsprop_stays_finite_when_the_gradient_never_changes(device):
    p = mc.Parameter(mc.tensor(np.zeros(100, np.float32), device=device).data)
    stepper = RMSprop([p], alpha=0.5, centered=True, eps=0.1)
    p.grad = mc.tensor(np.linspace(0.1, 3, 100, dtype=np.float32), device=device)
    for _ in range(200):
        stepper.step()
    v, m = (stepper.state_dict()["state"][0][name] for name in ("square_avg", "grad_avg"))
    assert (v < m * m).any()  # only by rounding
    assert np.isfinite(p.numpy()).all()


def test_the_gradient_is_not_written_into(device, make, give, build):
    parameters = make(device=device)
    stepper = build(parameters)
    give(parameters, 0)
    before = [p.grad.numpy().copy() for p in parameters]
    stepper.step()
    for p, grad in zip(parameters, before, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), grad)


def test_all_reach_the_bottom_of_a_bowl(device, build):
    x = mc.Parameter(mc.tensor(np.array([3.0, -2.0]), device=device).data)
    stepper = build([x])
    for _ in range(300):
        stepper.zero_grad()
        ((x - 1.0) ** 2).sum().backward()
        stepper.step()
    np.testing.assert_allclose(x.numpy(), [1, 1], atol=0.02)
