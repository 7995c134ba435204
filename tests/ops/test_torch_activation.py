"""Activations in PyTorch: every option, at their kinks and far out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minicnn import ops

torch = pytest.importorskip("torch", reason="torch is not installed")
from support.torch_check import check  # noqa: E402 - needs PyTorch

F = torch.nn.functional
pytestmark = pytest.mark.torch

CALLS: dict[str, tuple[Any, Any]] = {
    "relu": (ops.relu, F.relu),
    **{
        f"leaky_relu {a}": (lambda x, a=a: ops.leaky_relu(x, a), lambda x, a=a: F.leaky_relu(x, a))
        for a in (0.01, 0.3, -0.5, 0, 2)
    },
    "leaky_relu": (ops.leaky_relu, F.leaky_relu),
    **{
        f"elu {a}": (lambda x, a=a: ops.elu(x, a), lambda x, a=a: F.elu(x, a))
        for a in (1.0, 0.3, 2, 0)
    },
    "elu": (ops.elu, F.elu),
    "selu": (ops.selu, F.selu),
    "gelu": (ops.gelu, F.gelu),
    "gelu tanh": (lambda x: ops.gelu(x, "tanh"), lambda x: F.gelu(x, approximate="tanh")),
    "silu": (ops.silu, F.silu),
    **{
        f"softplus {b}": (
            lambda x, b=b: ops.softplus(x, b),
            lambda x, b=b: F.softplus(x, b, threshold=1000),
        )
        for b in (1.0, 0.5, 3)
    },
    "hardtanh": (ops.hardtanh, F.hardtanh),
    **{
        f"hardtanh {low} {high}": (
            lambda x, low=low, high=high: ops.hardtanh(x, low, high),
            lambda x, low=low, high=high: F.hardtanh(x, low, high),
        )
        for low, high in ((-2.0, 0.5), (0.0, 6.0))
    },
    "sigmoid": (ops.sigmoid, torch.sigmoid),
    "tanh": (ops.tanh, torch.tanh),
    "scaled_tanh": (ops.scaled_tanh, lambda x: 1.7159 * torch.tanh(2 * x / 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_on_a_grid_that_holds_the_kinks(name: str) -> None:
    check(*CALLS[name], np.arange(-40.0, 41.0) / 4)


@pytest.mark.parametrize("name", CALLS)
def test_of_any_size(name: str) -> None:
    rng = np.random.default_rng(0)
    sizes = 10 ** rng.uniform(-8, 2, (20, 5))
    check(*CALLS[name], sizes * rng.choice([-1, 1], sizes.shape))


def test_past_the_threshold_of_softplus_pytorch_is_linear() -> None:
    x = np.array([19.9, 20.0, 20.1, 30.0])
    check(lambda x: ops.softplus(x), F.softplus, x, tolerance=3e-9)
