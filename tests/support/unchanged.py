"""Inspecting a model must not change it: modes, state, gradients, hooks, random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

import minicnn as mc
from minicnn import nn


@contextmanager
def unchanged(model: nn.Module) -> Iterator[nn.Module]:
    """Fail after the block if anything in the model has changed."""
    for number, module in enumerate(model.modules()):
        module.training = number % 2 == 0  # parts in training, parts in evaluation
    for parameter in model.parameters():
        parameter.grad = mc.tensor(np.full(parameter.shape, 0.25, parameter.dtype))
    grads = [parameter.grad for parameter in model.parameters()]
    state = model.state_dict()
    hooks = [dict(module._hooks) for module in model.modules()]
    mc.manual_seed(7)
    yield model
    drawn = mc.ops.dropout(mc.tensor(np.ones(99))).numpy()
    mc.manual_seed(7)
    np.testing.assert_array_equal(mc.ops.dropout(mc.tensor(np.ones(99))).numpy(), drawn)
    assert [module.training for module in model.modules()] == [
        number % 2 == 0 for number, _ in enumerate(model.modules())
    ]
    assert [dict(module._hooks) for module in model.modules()] == hooks
    for parameter, grad in zip(model.parameters(), grads, strict=True):
        assert parameter.grad is grad
        assert (grad.numpy() == 0.25).all()
        assert parameter.requires_grad
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    assert mc.is_grad_enabled()
