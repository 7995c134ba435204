"""The ops that networks use besides layers, each as an ONNX file of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops

IMAGES = (3, 4, 5)
MATRIX = mc.Tensor(np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2))
CHOICE = np.arange(5) % 2 == 0


class Computes(nn.Module):
    """A network that is one function of images (N, 3, 4, 5)."""

    input_shape = IMAGES

    def __init__(self, function: Callable[[mc.Tensor], mc.Tensor]) -> None:
        self.function = function

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return self.function(x)


CASES: dict[str, Callable[[mc.Tensor], mc.Tensor]] = {
    "numbers": lambda x: 2 - (3 * x + 1) / 4,
    "neg abs sqrt": lambda x: -ops.sqrt(abs(x) + 1),
    "exp log": lambda x: ops.log(ops.exp(x) + 1),
    "pow": lambda x: x**3 + abs(x) ** 0.5,
    "pow of a number": lambda x: 2.0**x,
    "pow of two": lambda x: (abs(x) + 1) ** x,
    "used twice": lambda x: x * x + x,
    "matmul": lambda x: x @ MATRIX,
    "matmul of two": lambda x: x @ ops.transpose(x, -1, -2),
    "matmul with a vector": lambda x: x @ MATRIX[:, 0],
    "einsum": lambda x: ops.einsum("nchw,wo->noch", x, MATRIX),
    "einsum of dots": lambda x: ops.einsum("...w,wo->...o", x, MATRIX),
    "sum": lambda x: x.sum(2),
    "sum over all": lambda x: x.sum(),
    "sum over nothing": lambda x: ops.sum(x, ()),
    "sum over the batch": lambda x: x.sum((0, 2, 3)) * x.sum(0, keepdim=True).sum(3).sum(2),
    "mean and var": lambda x: x.mean((1, 2)) * x.var(3).sum(2).sum(1, keepdim=True),
    "max and min": lambda x: (x.max(1) - x.min((1,))) * x.max(0, keepdim=True).min(1),
    "maximum": lambda x: ops.maximum(x, 0.3) - ops.minimum(x, 2 * x),
    "clip": lambda x: ops.clip(x, -0.5, 0.5) + ops.clip(x, low=0.1) + x.clip(high=0.7),
    "where": lambda x: ops.where(CHOICE, x, 2 * x),
    "cast": lambda x: x.to(np.float64) * 2,
    "as it is": lambda x: x[...],
    "reshape": lambda x: x.reshape(len(x), 4, -1),
    "reshape into the batch": lambda x: x.reshape(-1, 4, 5).sum(2).reshape(len(x), 3, 4),
    "reshape behind the batch": lambda x: x.permute(1, 0, 2, 3).reshape(3, -1),
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "broadcast": lambda x: ops.broadcast_to(x[:, :1], x.shape),
    "concatenate": lambda x: ops.concatenate([x, 2 * x, x[:, :1]], 1),
    "stack": lambda x: ops.stack([x, -x], 2),
    "split": lambda x: x.split([1, 2], 1)[1],
    "an integer": lambda x: x[:, 1],
    "negative integers": lambda x: x[:, -1, ..., -2],
    "slices": lambda x: x[:, 1:, ::2, -3:-1],
    "backwards": lambda x: x[:, ::-1, 3:0:-2],
    "new axes": lambda x: x[:, None, 1, :, None, 2:],
    "an array": lambda x: x[:, :2, [3, 0, 0]],
    "an array of two axes": lambda x: x[..., np.array([[3, 0], [1, -1]]), None],
    "booleans": lambda x: x[..., CHOICE],
    "the whole": lambda x: x[...] * 1,
    "part of the batch": lambda x: x[:1],
    "im2col": lambda x: ops.im2col(x, (2, 3), (1, 2), ((1, 0), (0, 2)), (2, 1)),
    "pad of one axis": lambda x: ops.pad2d(x, ((0, 0), (1, -2)), "replicate"),
    "not part of the output": lambda x: (x.sum(0), x * 2)[1],
    "detached": lambda x: x.detach() * 2,
}


@pytest.mark.parametrize("name", CASES)
def test_every_op_gives_the_same_outputs(name: str, agrees: Callable[..., Any]) -> None:
    agrees(Computes(CASES[name]))


def test_what_the_output_does_not_need_is_left_out(agrees: Callable[..., Any]) -> None:
    file = agrees(Computes(CASES["not part of the output"]))
    assert [node.op_type for node in file.graph.node] == ["Constant", "Mul"]
