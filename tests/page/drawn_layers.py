"""Layers of every kind that the page can show, with drawn options, for images (4, 6, 7)."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import minicnn as mc
from minicnn import nn

SHAPE = (4, 6, 7)
numbers = st.integers
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
activations = st.one_of(
    st.sampled_from([nn.ReLU, nn.SELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.ScaledTanh]).map(
        lambda kind: kind()
    ),
    st.sampled_from([nn.Identity, nn.LogSoftmax, nn.Softmax]).map(lambda kind: kind()),
    st.floats(0, 1).map(nn.LeakyReLU),
    st.floats(0.1, 3).map(nn.ELU),
    st.sampled_from(["none", "tanh"]).map(nn.GELU),
    st.floats(0.1, 3).map(nn.Softplus),
    st.builds(nn.Hardtanh, st.floats(-3, -0.5), st.floats(0.5, 3)),
    st.builds(nn.LocalResponseNorm, numbers(1, 6), st.floats(1e-4, 2), st.floats(0.3, 1)),
)
paddings = st.builds(lambda kind, n, m: kind(((n, m), (m, n))),
    st.sampled_from([nn.ZeroPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.CircularPad2d]),
    numbers(-1, 3), numbers(0, 2))  # fmt: skip
constants = st.builds(nn.ConstantPad2d, numbers(-1, 3), st.floats(-2, 2))


@st.composite
def convolutions(draw: Any) -> nn.Module:
    groups = draw(st.sampled_from([1, 2, 4]))
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    padding = draw(st.one_of(numbers(0, 2), st.sampled_from(["same", "valid"])))
    stride = draw(pairs) if padding != "same" else 1
    options = {
        "padding": padding,
        "padding_mode": mode,
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    outputs = groups * draw(numbers(1, 2))
    return nn.Conv2d(
        4, outputs, draw(pairs), stride=stride, dilation=draw(numbers(1, 2)), **options
    )


@st.composite
def poolings(draw: Any) -> nn.Module:
    kind = draw(st.sampled_from([nn.MaxPool2d, nn.MinPool2d, nn.AvgPool2d, nn.LPPool2d]))
    kernel, stride, ceil = draw(pairs), draw(pairs), draw(st.booleans())
    if kind is nn.LPPool2d:
        return kind(draw(st.sampled_from([1.0, 2.0, 3.0])), kernel, stride, ceil_mode=ceil)
    padding = min(*kernel) // 2
    if kind is nn.AvgPool2d:
        options = {"count_include_pad": draw(st.booleans())}
        options["divisor_override"] = draw(st.sampled_from([None, 3]))
        return kind(kernel, stride, padding, ceil_mode=ceil, **options)
    dilation = draw(numbers(1, 2)) if kind is nn.MaxPool2d else 1
    return kind(kernel, stride, padding, dilation=dilation, ceil_mode=ceil)


regions = st.builds(lambda kind, size: kind(size),
    st.sampled_from([nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d]), pairs)  # fmt: skip
GLOBAL = [nn.GlobalMaxPool2d, nn.GlobalMinPool2d, nn.GlobalAvgPool2d]
whole = st.builds(lambda kind, keep: kind(keepdim=keep), st.sampled_from(GLOBAL), st.booleans())


def batch_norm() -> nn.Module:
    layer = nn.BatchNorm2d(4)
    layer(mc.tensor(np.random.default_rng(3).normal(2, 3, (8, 4, 6, 7)).astype(np.float32)))
    layer.weight.data[:] = [1.0, 0.5, -2.0, 0.0]
    layer.bias.data[:] = [0.0, 1.0, 2.0, 3.0]
    return layer


layers = st.one_of(
    convolutions(), poolings(), activations, paddings, constants, regions, whole,
    st.builds(batch_norm), st.builds(nn.Dropout), st.builds(nn.Dropout2d), st.builds(nn.Flatten),
)  # fmt: skip
