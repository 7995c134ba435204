"""Parameters of several sizes, and gradients that anyone can give them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import minicnn as mc

SHAPES = [(3, 4), (), (5,), (2, 1, 3, 2)]


@pytest.fixture
def make() -> Callable[..., list[mc.Parameter]]:
    """make(dtype, device=name): the same parameters at each call."""

    def parameters(dtype=np.float64, shapes=SHAPES, device="cpu") -> list[mc.Parameter]:
        rng = np.random.default_rng(0)
        values = [np.asarray(rng.normal(size=shape), dtype) for shape in shapes]
        return [mc.Parameter(mc.tensor(v, device=device).data) for v in values]

    return parameters


@pytest.fixture
def give() -> Callable[..., None]:
    """give(parameters, step): the same gradients at each call for this step; some get none."""

    def gradients(parameters, step, without=()) -> None:
        rng = np.random.default_rng(100 + step)
        for i, p in enumerate(parameters):
            g = rng.normal(size=p.shape)
            p.grad = None if i in without else mc.tensor(np.asarray(g, p.dtype), device=p.device)

    return gradients


@pytest.fixture(
    params=[
        lambda p: mc.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda p: mc.optim.Adagrad(
            p, lr=0.5, lr_decay=1e-3, weight_decay=1e-4, initial_accumulator_value=0.1
        ),
        lambda p: mc.optim.RMSprop(
            p, lr=0.01, eps=0.5, momentum=0.9, centered=True, weight_decay=0.001
        ),
        lambda p: mc.optim.Adadelta(p, lr=5.0, eps=1e-3, weight_decay=1e-3),
        lambda p: mc.optim.Adam(p, lr=0.1, weight_decay=0.01),
        lambda p: mc.optim.AdamW(p, lr=0.1, weight_decay=1e-4),
    ],
    ids=["sgd", "adagrad", "rmsprop", "adadelta", "adam", "adamw"],
)
def build(request):
    """An optimizer with state, for what all of them share."""
    return request.param
