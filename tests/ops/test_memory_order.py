"""Batch-last storage: every image op keeps it, and reshaping such an array copies nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.devices import moved

import minicnn as mc
from minicnn import ops
from minicnn.testing.strategies import in_order

AT = np.arange(3 * 4 * 6 * 5).reshape(3, 4, 6, 5) % 30


def ones(x: mc.Tensor, *shape: int) -> mc.Tensor:
    """Weights in the dtype of x."""
    return mc.tensor(np.ones(shape), x.dtype, x.device)


def weight(x: mc.Tensor) -> mc.Tensor:
    return ones(x, 4, 4, 3, 3)


def bias(x: mc.Tensor, length: int = 4) -> mc.Tensor:
    return ones(x, length)


def places(x: mc.Tensor) -> mc.Tensor:
    """Where max_unpool2d puts the pixels of x."""
    return mc.tensor(AT[: len(x)], device=x.device)


IMAGE_OPS: dict[str, Callable[[mc.Tensor], Any]] = {
    "conv2d": lambda x: ops.conv2d(x, weight(x), bias(x)),
    "conv2d reflect": lambda x: ops.conv2d(x, weight(x), padding=1, padding_mode="reflect"),
    "conv2d grouped": lambda x: ops.conv2d(x, weight(x)[:, :2], groups=2),
    "conv_transpose2d": lambda x: ops.conv_transpose2d(x, weight(x), bias(x), stride=2),
    "max_pool2d": lambda x: ops.max_pool2d(x, 2),
    "indices": lambda x: ops.max_pool2d(x, 2, return_indices=True)[1],
    "min_pool2d": lambda x: ops.min_pool2d(x, 3, 2, 1),
    "indices of min": lambda x: ops.min_pool2d(x, 2, return_indices=True)[1],
    "avg_pool2d": lambda x: ops.avg_pool2d(x, 3, 1, 1),
    "lp_pool2d": lambda x: ops.lp_pool2d(x, 2, 3, 1, padding=1),
    "lp_pool2d 2.5": lambda x: ops.lp_pool2d(abs(x), 2.5, 2),
    "adaptive_avg_pool2d": lambda x: ops.adaptive_avg_pool2d(x, (4, 7)),
    "adaptive_avg_pool2d even": lambda x: ops.adaptive_avg_pool2d(x, (3, None)),
    "adaptive_max_pool2d": lambda x: ops.adaptive_max_pool2d(x, 4),
    "max_unpool2d": lambda x: ops.max_unpool2d(x, places(x), 2),
    "max_unpool2d twice": lambda x: ops.max_unpool2d(x, places(x) * 0, 2),
    **{
        f"pad2d {mode}": lambda x, mode=mode: ops.pad2d(x, ((1, 2), (0, 3)), mode)
        for mode in ("zeros", "constant", "reflect", "replicate", "circular")
    },
    "pad2d crop": lambda x: ops.pad2d(x, -1),
    "col2im": lambda x: ops.col2im(ops.im2col(x, 2), (6, 5), 2),
}
GLOBAL = {
    name: lambda x, name=name: getattr(ops, f"global_{name}_pool2d")(x, keepdim=True)
    for name in ("max", "min", "avg")
}
ELEMENTWISE: dict[str, Callable[[mc.Tensor], mc.Tensor]] = {
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "leaky_relu": ops.leaky_relu,
    "elu": ops.elu,
    "selu": ops.selu,
    "gelu": ops.gelu,
    "gelu tanh": lambda x: ops.gelu(x, "tanh"),
    "silu": ops.silu,
    "softplus": ops.softplus,
    "hardtanh": ops.hardtanh,
    "scaled_tanh": ops.scaled_tanh,
    "softmax": ops.softmax,
    "log_softmax": ops.log_softmax,
    "clip": lambda x: ops.clip(x, -1, 1),
    "scale and shift": lambda x: x * bias(x).reshape(1, 4, 1, 1) + 1 - bias(x).reshape(4, 1, 1) / 2,
    "normalise": lambda x: (x - x.mean((0, 2, 3), True)) / (x.var((0, 2, 3), keepdim=True) + 1),
    "batch_norm": lambda x: ops.batch_norm(x, None, None, bias(x), bias(x)),
    "batch_norm eval": lambda x: ops.batch_norm(x, bias(x), bias(x), bias(x), bias(x)),
    "layer_norm": lambda x: ops.layer_norm(x, (4, 6, 5)),
    "layer_norm rows": lambda x: ops.layer_norm(x, 5, bias(x, 5), bias(x, 5)),
    "local_response_norm": lambda x: ops.local_response_norm(x, 3),
    "dropout": ops.dropout,
    "dropout2d": ops.dropout2d,
    "dropout of all": lambda x: ops.dropout(x, 1.0),
    "pow": lambda x: abs(x) ** 2,
    "to": lambda x: x.to("float32"),
}  # fmt: skip


def image(order: str = "batch-last", device: str = "cpu") -> mc.Tensor:
    values = np.random.default_rng(0).standard_normal((3, 4, 6, 5))
    return moved(device, mc.Tensor(in_order(values, order), requires_grad=True))


def is_batch_last(x: mc.Tensor) -> bool:
    return bool(x.data.transpose(1, 2, 3, 0).flags.c_contiguous)


@pytest.mark.parametrize("order", ["batch-last", "C", "strided"])
@pytest.mark.parametrize("name", IMAGE_OPS)
def test_image_ops_return_batch_last(device: str, name: str, order: str) -> None:
    assert is_batch_last(IMAGE_OPS[name](image(order, device=device)))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_ops_keep_the_order(device: str, name: str) -> None:
    assert is_batch_last(ELEMENTWISE[name](image(device=device)))


@pytest.mark.parametrize("name", [n for n in (*IMAGE_OPS, *ELEMENTWISE) if "indices" not in n])
def test_gradients_are_batch_last_too(device: str, name: str) -> None:
    x = image(device=device)
    y = (IMAGE_OPS | ELEMENTWISE)[name](x)
    (g,) = mc.grad(y, x, np.ones_like(y.numpy()))
    assert is_batch_last(g)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.reshape(3, -1),
        lambda x: x.reshape(3, 4, 30),
        lambda x: ops.flatten(x, 1),
        lambda x: x.permute(1, 2, 3, 0),
        lambda x: x.transpose(0, 1),
        lambda x: x[:, 1:3],
        lambda x: x.detach(),
        lambda x: x.to("cpu"),
        lambda x: x.to("float64"),
        lambda x: ops.broadcast_to(x, (2, 3, 4, 6, 5)),
    ],
)
def test_views_copy_nothing(view: Any) -> None:
    x = image()
    assert np.shares_memory(view(x).data, x.data)


def test_a_network_stays_batch_last_to_the_end(device: str) -> None:
    x = image(device=device)
    flat = ops.flatten(ops.max_pool2d(ops.relu(ops.conv2d(x, weight(x))), 2), 1)
    assert flat.data.T.flags.c_contiguous
    out = ops.linear(flat, ones(x, 7, flat.shape[1]), ones(x, 7))
    assert out.data.T.flags.c_contiguous


@pytest.mark.parametrize("name", [*IMAGE_OPS, *ELEMENTWISE])
def test_inputs_are_never_written_to(name: str) -> None:
    x = image()
    x.data.flags.writeable = False
    y = (IMAGE_OPS | ELEMENTWISE)[name](x)
    if "indices" not in name:
        seed = np.ones_like(y.numpy())
        seed.flags.writeable = False
        mc.grad(y, x, seed, create_graph=True)


@pytest.mark.parametrize("name", GLOBAL)
def test_the_gradients_of_global_pools_are_batch_last_too(device: str, name: str) -> None:
    """That of a mean is one number repeated without a copy; the next op lays it out."""
    x = image(device=device)
    y = GLOBAL[name](ops.tanh(x))
    (g,) = mc.grad(y, x, np.ones_like(y.numpy()))
    assert is_batch_last(y)
    assert is_batch_last(g)


@pytest.mark.parametrize("name", [*IMAGE_OPS, *ELEMENTWISE])
def test_no_images(device: str, name: str) -> None:
    """A batch of no images goes through every op and back; statistics of none are refused."""
    x = mc.Tensor(image(device=device).data[:0], requires_grad=True)
    if name in ("batch_norm", "normalise"):
        return
    op = (IMAGE_OPS | ELEMENTWISE)[name]
    y = op(x)
    assert y.shape == (0, *op(image(device=device)).shape[1:])
    if "indices" not in name:
        (g,) = mc.grad(y.sum(), x)
        assert (g.shape, g.dtype) == (x.shape, x.dtype)


@pytest.mark.parametrize("name", [n for n in (*IMAGE_OPS, *ELEMENTWISE) if "indices" not in n])
def test_float32_stays_float32(device: str, name: str) -> None:
    x = moved(device, mc.Tensor(image().data.astype(np.float32), requires_grad=True))
    y = (IMAGE_OPS | ELEMENTWISE)[name](x)
    (g,) = mc.grad((y * y).sum(), x, create_graph=True)
    (second,) = mc.grad(g.sum(), x, allow_unused=True)
    assert (y.dtype, g.dtype, second.dtype) == (np.float32,) * 3
