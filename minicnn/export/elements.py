"""Converters of elementwise ops, of reductions and of matrix products."""

from __future__ import annotations

import math

import numpy as np

from ..backend import is_device_name
from ..ops.activation import GELUTanh
from .graph import Converter, Graph
from .record import Step

Names = tuple[str, ...]


def plain(op_type: str, **attributes: str) -> Converter:
    """The converter of an op that is one ONNX node; attributes: the option that each one holds."""

    def convert(graph: Graph, step: Step, inputs: Names) -> str:
        values = {name: step.options[option] for name, option in attributes.items()}
        return graph.node(op_type, *inputs, **values)

    return convert


def power(graph: Graph, step: Step, inputs: Names) -> str:
    return graph.node("Pow", *inputs, graph.constant(step.options["exponent"], step.dtype))


def root(graph: Graph, step: Step, inputs: Names) -> str:
    """sign(x) · |x| ^ (1 / degree)"""
    exponent = graph.constant(1 / step.options["degree"], step.dtype)
    size = graph.node("Pow", graph.node("Abs", *inputs), exponent)
    return graph.node("Mul", graph.node("Sign", *inputs), size)


def silu(graph: Graph, step: Step, inputs: Names) -> str:
    return graph.node("Mul", *inputs, graph.node("Sigmoid", *inputs))


def gelu(graph: Graph, step: Step, inputs: Names) -> str:
    """x · (0.5 + 0.5 · erf(x · sqrt 0.5)), exact."""
    half = graph.constant(0.5, step.dtype)
    scaled = graph.node("Mul", *inputs, graph.constant(math.sqrt(0.5), step.dtype))
    gate = graph.node("Add", graph.node("Mul", graph.node("Erf", scaled), half), half)
    return graph.node("Mul", *inputs, gate)


def gelu_tanh(graph: Graph, step: Step, inputs: Names) -> str:
    """x · sigmoid(x · (LINEAR + CUBIC · x²)), as ``ops.gelu`` computes it."""
    cubic = graph.constant(GELUTanh.CUBIC, step.dtype)
    slope = graph.node("Mul", graph.node("Mul", *inputs, *inputs), cubic)
    slope = graph.node("Add", slope, graph.constant(GELUTanh.LINEAR, step.dtype))
    gate = graph.node("Sigmoid", graph.node("Mul", *inputs, slope))
    return graph.node("Mul", *inputs, gate)


def softplus(graph: Graph, step: Step, inputs: Names) -> str:
    beta = graph.constant(step.options["beta"], step.dtype)
    return graph.node("Div", graph.node("Softplus", graph.node("Mul", *inputs, beta)), beta)


def clip(graph: Graph, step: Step, inputs: Names) -> str:
    """An infinite limit is left out."""
    limits = (step.options["low"], step.options["high"])
    names = ("" if math.isinf(v) else graph.constant(v, step.dtype) for v in limits)
    return graph.node("Clip", *inputs, *names)


def where(graph: Graph, step: Step, inputs: Names) -> str:
    a, b, condition = inputs
    return graph.node("Where", condition, a, b)


def as_type(graph: Graph, step: Step, inputs: Names) -> str:
    """Another dtype; devices do not exist in ONNX."""
    target = step.options["target"]
    if is_device_name(target):
        return inputs[0]
    return graph.node("Cast", *inputs, to=np.dtype(target))


def sum_over(graph: Graph, step: Step, inputs: Names) -> str:
    return _reduced("ReduceSum", graph, inputs, step.options["axes"], step.options["keepdim"])


def reduction(op_type: str) -> Converter:
    """The converter of an op that keeps the reduced axes with length 1."""

    def convert(graph: Graph, step: Step, inputs: Names) -> str:
        return _reduced(op_type, graph, inputs, step.options["axes"], keepdim=True)

    return convert


def standardise(graph: Graph, step: Step, inputs: Names) -> str:
    """(x - mean) / sqrt(var + eps) · weight + bias, written out."""
    (x, *parameters), average = inputs, reduction("ReduceMean")
    deviation = graph.node("Sub", x, average(graph, step, (x,)))
    var = average(graph, step, (graph.node("Mul", deviation, deviation),))
    y = graph.node("Div", deviation, graph.node("Sqrt", _plus_eps(graph, step, var)))
    if step.options["per_line"]:
        parameters = [_per_channel(graph, step, name) for name in parameters]
    return _scaled_and_shifted(graph, y, parameters)


def normalise(graph: Graph, step: Step, inputs: Names) -> str:
    """(x - mean) / sqrt(var + eps) · weight + bias, written out.

    ONNX's BatchNormalization would need a weight and a bias, and holds eps in float32.
    """
    x, mean, var, *parameters = inputs
    deviation = graph.node("Sub", x, _per_channel(graph, step, mean))
    root = graph.node("Sqrt", _plus_eps(graph, step, _per_channel(graph, step, var)))
    parameters = [_per_channel(graph, step, name) for name in parameters]
    return _scaled_and_shifted(graph, graph.node("Div", deviation, root), parameters)


def _plus_eps(graph: Graph, step: Step, var: str) -> str:
    return graph.node("Add", var, graph.constant(step.options["eps"], step.dtype))


def _per_channel(graph: Graph, step: Step, values: str) -> str:
    """Values (C,) in a shape that broadcasts with x (N, C, ...)."""
    shape = [1, -1, *[1] * (len(step.input_shapes[0]) - 2)]
    return graph.node("Reshape", values, graph.constant(shape))


def _scaled_and_shifted(graph: Graph, y: str, parameters: list[str]) -> str:
    for op_type, name in zip(("Mul", "Add"), parameters, strict=False):
        y = graph.node(op_type, y, name)
    return y


def _reduced(
    op_type: str, graph: Graph, inputs: Names, axes: tuple[int, ...], keepdim: bool
) -> str:
    if not axes:  # no axes would mean all of them
        return inputs[0]
    return graph.node(op_type, *inputs, graph.constant(axes), keepdims=int(keepdim))


def linear(graph: Graph, step: Step, inputs: Names) -> str:
    return graph.node("Gemm", *inputs, transB=1)


def einsum(graph: Graph, step: Step, inputs: Names) -> str:
    equation = ",".join(step.options["terms"]) + "->" + step.options["output"]
    return graph.node("Einsum", *inputs, equation=equation)
