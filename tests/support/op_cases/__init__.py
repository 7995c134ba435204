"""CASES, the one list of ops under test: how each is called, its oracle and its twin in PyTorch.

tests/ops/test_every_op.py compares results and gradients with the oracles and finite differences,
tests/ops/test_torch.py with PyTorch, and tests/ops/test_complete.py tells what an op still lacks.
"""

from __future__ import annotations

from . import convolution, elementwise, losses, normalisation, pooling, products, tensors
from .case import Call as Call

CASES = {
    case.name: case
    for family in (elementwise, tensors, products, convolution, pooling, normalisation, losses)
    for case in family.CASES
}
DIFFERENTIABLE = [name for name, case in CASES.items() if case.differentiable]
ALIASES = {"fold": "col2im", "unfold": "im2col"}
