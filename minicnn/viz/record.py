"""The autograd graph as data: the boxes and edges to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..autograd import Function, Tensor
from ..autograd.engine import functions_before, walk_back


class Box(NamedTuple):
    """A box: its kind ("function", "leaf" or "constant"), name, shape of its value, and layer."""

    kind: str
    title: str
    shape: str
    layer: int


def autograd_graph(
    tensor: Tensor, names: Mapping[str, Tensor]
) -> tuple[list[Box], list[tuple[int, int]]]:
    """The boxes of everything that led to the tensor, and the edges (from, to) between them.

    A function is placed one layer below the lowest function whose result it uses; leaves and
    constants are placed directly above the first function that uses them. An edge is repeated for
    each use of a value. Raises ValueError if nothing was recorded or the graph was released.
    """
    if not tensor.requires_grad:
        raise ValueError(
            "graph: nothing was recorded for this tensor; it needs an input with "
            "requires_grad=True, computed outside no_grad()"
        )
    functions = _functions_of(tensor)
    named: dict[Any, str] = {t.function or t: name for name, t in names.items()}
    shapes: dict[Any, tuple[int, ...]] = {tensor.function or tensor: tensor.shape}
    layers: dict[Any, int] = {tensor: 0} if not functions else {}
    links: list[tuple[Any, Function]] = []
    for function in functions:
        layers[function] = 1 + max((layers[f] for f in functions_before(function)), default=0)
        for i, edge in enumerate(function.edges):
            source = _constant(function, i) if edge is None else edge
            links.append((source, function))
            shapes[source] = function.shapes[i]
            if not isinstance(source, Function):
                layers[source] = min(layers.get(source, layers[function]), layers[function] - 1)
    numbers = {source: i for i, source in enumerate(layers)}
    boxes = [_box(source, shapes[source], layer, named) for source, layer in layers.items()]
    return boxes, [(numbers[a], numbers[b]) for a, b in links]


def _functions_of(tensor: Tensor) -> list[Function]:
    """The functions that led to the tensor, each after those whose results it uses."""
    ends = [tensor.function] if tensor.function else []
    try:
        return list(walk_back(ends, functions_before))[::-1]
    except RuntimeError as error:
        raise ValueError(f"graph: {error}, or draw it before") from error


def _constant(function: Function, i: int) -> Any:
    """Input i, which gets no gradient: the Tensor if the function kept it, else a placeholder."""
    inputs = getattr(function, "inputs", None)
    return inputs[i] if inputs else (function, i)


def _box(source: Any, shape: tuple[int, ...], layer: int, names: Mapping[Any, str]) -> Box:
    name = names.get(source, "")
    if isinstance(source, Function):
        title = type(source).__name__ + (f" = {name}" if name else "")
        return Box("function", title, str(shape), layer)
    if isinstance(source, Tensor) and source.requires_grad:
        return Box("leaf", name or "tensor", str(shape), layer)
    if isinstance(source, Tensor) and source.size == 1 and not name:
        name = f"{source.item():g}"
    return Box("constant", name or "constant", str(shape), layer)
