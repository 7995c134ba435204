"""The update formulas, element by element in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc

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


CASES = [
    (mc.optim.SGD, PlainSGD, {}),
    (mc.optim.SGD, PlainSGD, {"lr": 0.1}),
    (mc.optim.SGD, PlainSGD, {"lr": 0.1, "weight_decay": 0.3}),
    (mc.optim.SGD, PlainSGD, {"lr": 0.1, "momentum": 0.9}),
    (mc.optim.SGD, PlainSGD, {"lr": 0.1, "momentum": 0.5, "nesterov": True}),
    (
        mc.optim.SGD,
        PlainSGD,
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.3},
    ),
    (mc.optim.SGD, PlainSGD, {"lr": 0.0, "momentum": 0.9}),
    (mc.optim.Adam, PlainAdam, {}),
    (mc.optim.Adam, PlainAdam, {"lr": 0.1, "weight_decay": 0.3}),
    (mc.optim.Adam, PlainAdam, {"lr": 0.1, "betas": (0.5, 0.7)}),
    (mc.optim.Adam, PlainAdam, {"lr": 0.1, "betas": (0.0, 0.0), "eps": 0.1}),
]


def named(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("optimizer", "plain", "options"), CASES, ids=named)
def test_twenty_steps_are_the_formula(make, give, optimizer, plain, options):
    parameters = make()
    rules = [[plain(**options) for _ in range(p.size)] for p in parameters]
    expected = [p.data.ravel().tolist() for p in parameters]
    stepper = optimizer(parameters, **options)
    for step in range(STEPS):
        give(parameters, step)
        for rule, values, p in zip(rules, expected, parameters, strict=True):
            grads = p.grad.data.ravel().tolist()
            values[:] = [f(v, g) for f, v, g in zip(rule, values, grads, strict=True)]
        stepper.step()
    for p, values in zip(parameters, expected, strict=True):
        np.testing.assert_allclose(p.data.ravel(), values, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("optimizer", [mc.optim.SGD, mc.optim.Adam])
def test_more_elements_than_one_chunk_holds_are_all_updated(give, optimizer):
    rng = np.random.default_rng(0)
    parameters = [mc.Parameter(rng.normal(size=n)) for n in (50_000, 3, 40_000)]
    before = [p.data.copy() for p in parameters]
    stepper = optimizer(parameters, lr=0.5)
    give(parameters, 0)
    stepper.step()
    for p, old in zip(parameters, before, strict=True):
        g = p.grad.data
        change = -0.5 * (g if optimizer is mc.optim.SGD else g / (np.abs(g) + 1e-8))
        np.testing.assert_allclose(p.data, old + change, rtol=1e-9, atol=1e-12)


def test_float32_parameters_stay_float32_whatever_the_options_are(make, give):
    parameters = make(np.float32)
    stepper = mc.optim.Adam(parameters, lr=np.float64(0.1), weight_decay=np.float64(0.1))
    give(parameters, 0)
    stepper.step()
    assert {p.dtype for p in parameters} == {np.dtype(np.float32)}


def test_the_gradient_is_not_written_into(make, give, build):
    parameters = make()
    stepper = build(parameters)
    give(parameters, 0)
    before = [p.grad.data.copy() for p in parameters]
    stepper.step()
    for p, grad in zip(parameters, before, strict=True):
        np.testing.assert_array_equal(p.grad.data, grad)


def test_adam_and_momentum_reach_the_bottom_of_a_bowl(build):
    x = mc.Parameter(np.array([3.0, -2.0]))
    stepper = build([x])
    for _ in range(300):
        stepper.zero_grad()
        ((x - 1.0) ** 2).sum().backward()
        stepper.step()
    np.testing.assert_allclose(x.data, [1, 1], atol=0.02)
