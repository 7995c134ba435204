"""What several tests of the layers need: a small network with every kind of content."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Parameter, nn


class Net(nn.Module):
    """A parameter of its own between two children, one of them a chain, and a buffer."""

    def __init__(self) -> None:
        self.first = nn.Linear(3, 4)
        self.scale = Parameter(np.full(4, 2, np.float32))
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False))
        self.register_buffer("mean", np.arange(4, dtype=np.float32))
        self.unrelated = [1, 2, 3]

    def forward(self, x):
        return self.rest((self.first(x) - self.mean) * self.scale)


@pytest.fixture
def net() -> Net:
    return Net()
