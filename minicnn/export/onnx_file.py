"""export_onnx and the file that it writes: the only module that uses the package onnx."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .._version import __version__
from ..autograd import Tensor
from ..backend import to_device
from ..checks import check_integer
from ..io import check_path, write_whole
from ..nn import Module
from .graph import Graph, Node
from .record import BATCHES, Origin, Recording, Shape, record
from .table import CONVERTERS

OPSET, IR_VERSION = 19, 9
"""The first opset whose Pad has the mode "wrap", and its file format: onnxruntime 1.16 or newer."""


def export_onnx(
    model: Module,
    path: str | os.PathLike[str],
    input_shape: tuple[int, ...] | None = None,
    batch_size: int | str = "N",
) -> None:
    """Write a network as an ONNX graph, which onnxruntime and others run with the same outputs.

    input_shape: the shape of one image, (C, H, W); by default ``model.input_shape``.
    batch_size: the name of the batch axis, which may then have any length, or a fixed length.
    The graph takes "input" (N, *input_shape) and returns "output", the model's output in
    evaluation mode. Its initializers are the parameters and buffers that are used, under their
    names in the state dict. An existing file is replaced only by a complete one that the package
    onnx has checked.

    Raises ImportError if the package onnx is missing; ExportError, a ValueError, for ops without a
    counterpart (the table is minicnn/export/table.py) and for numbers that the model computes from
    the images without ops; TypeError or ValueError for other arguments, OSError if the file cannot
    be written. Source: the operators of ONNX, opset 19, https://onnx.ai/onnx/operators.

    >>> mc.export.export_onnx(mc.models.lenet5(), "lenet5.onnx")
    >>> import onnx
    >>> [node.op_type for node in onnx.load("lenet5.onnx").graph.node][:3]
    ['Conv', 'Relu', 'MaxPool']
    """
    onnx = _onnx()
    check_path("export_onnx", path)
    shape, axis = _checked_shape(model, input_shape), _checked_batch(batch_size)
    recording = record(model, shape, CONVERTERS)
    state = dict(model.named_buffers()) | dict(model.named_parameters())
    graph = Graph(state)
    ends = (graph.unused("input"), graph.unused("output"))
    used = _convert(graph, recording, *ends)
    weights = {name: state[name] for name in used}
    proto = _graph_proto(onnx, graph, recording, ends, weights, axis)
    proto.name = type(model).__name__
    write_whole("export_onnx", path, _checked_bytes(onnx, proto))


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ImportError("export_onnx: the package onnx is missing: pip install onnx") from error
    return onnx


def _checked_shape(model: Module, given: Any) -> tuple[int, ...]:
    if not isinstance(model, Module):
        raise TypeError(f"export_onnx: model is a {type(model).__name__}, expected a Module")
    shape = getattr(model, "input_shape", None) if given is None else given
    if shape is None:
        raise ValueError(
            f"export_onnx: {type(model).__name__} has no input_shape, expected one as an argument, "
            "such as input_shape=(1, 28, 28)"
        )
    if not isinstance(shape, tuple | list):
        raise TypeError(
            f"export_onnx: input_shape: got {shape!r}, expected the shape of one image, (C, H, W)"
        )
    return tuple(check_integer("export_onnx: a length of input_shape", n, least=1) for n in shape)


def _checked_batch(given: Any) -> int | str:
    if isinstance(given, str):
        if not given:
            raise ValueError("export_onnx: batch_size: got '', expected a name or an integer")
        return given
    return check_integer("export_onnx: batch_size", given, least=1)


def _convert(graph: Graph, recording: Recording, start: str, end: str) -> list[str]:
    """Add the nodes of all steps; return the names of the parameters and buffers that they use."""
    names: dict[int, str] = {}
    used: dict[str, None] = {}

    def name(origin: Origin) -> str:
        if origin.kind == "step":
            return names[int(origin.key)]
        if origin.array is not None:
            array = to_device(origin.array, "cpu")
            return graph.constant(array, array.dtype)
        if origin.kind == "state":
            used[str(origin.key)] = None
            return str(origin.key)
        return start

    for i, step in recording.steps.items():
        inputs = tuple(map(name, step.origins))
        names[i] = CONVERTERS[step.function](graph, step, inputs)
    result = name(recording.result)
    is_new = result != start and result not in used
    graph.rename(result if is_new else graph.node("Identity", result), end)
    return list(used)


def _graph_proto(
    onnx: Any,
    graph: Graph,
    recording: Recording,
    ends: tuple[str, str],
    weights: dict[str, Tensor],
    batch: int | str,
) -> Any:
    def value(name: str, shape: Shape, dtype: np.dtype[Any]) -> Any:
        """A length that depends on the batch size but differs from it has no name."""
        lengths = [n if isinstance(n, int) else batch if n == BATCHES else None for n in shape]
        kind = onnx.helper.np_dtype_to_tensor_dtype(dtype)
        return onnx.helper.make_tensor_value_info(name, kind, lengths)

    return onnx.helper.make_graph(
        [_node_proto(onnx, node) for node in graph.nodes],
        "minicnn",
        [value(ends[0], recording.input_shape, recording.input_dtype)],
        [value(ends[1], recording.output_shape, recording.output_dtype)],
        [
            onnx.numpy_helper.from_array(to_device(t.data, "cpu"), name)
            for name, t in weights.items()
        ],
    )


def _node_proto(onnx: Any, node: Node) -> Any:
    attributes = dict(node.attributes)
    for name, value in attributes.items():
        if isinstance(value, np.ndarray):
            attributes[name] = onnx.numpy_helper.from_array(value)
        elif isinstance(value, np.dtype):
            attributes[name] = onnx.helper.np_dtype_to_tensor_dtype(value)
    return onnx.helper.make_node(
        node.op_type, node.inputs, [node.output], name=f"{node.op_type} {node.output}", **attributes
    )


def _checked_bytes(onnx: Any, graph: Any) -> bytes:
    """The file's content with the shapes of all values; onnx raises if they do not fit."""
    model = onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="minicnn",
        producer_version=__version__,
    )
    onnx.checker.check_model(model, full_check=True)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    content: bytes = model.SerializeToString()
    return content
