"""The autograd graph as data: Functions in an order to go back along; boxes and edges to draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..autograd import Function, Tensor


class Box(NamedTuple):
    """One box: "function", "leaf" or "constant"; its name, the shape of its value, its layer."""

    kind: str
    title: str
    shape: str
    layer: int


def functions_back_from(tensor: Tensor) -> Iterator[Function]:
    """Every Function that led to the tensor, each after all those that used its result.

    Without recursion, since a graph may be deeper than Python's stack. Raises ValueError when the
    graph was released by ``backward()``.
    """
    if tensor.function is None:
        return
    uses: dict[Function, int] = {tensor.function: 0}
    unseen = [tensor.function]
    while unseen:
        for before in _functions_before(unseen.pop()):
            if before not in uses:
                uses[before] = 0
                unseen.append(before)
            uses[before] += 1
    ready = [tensor.function]
    while ready:
        function = ready.pop()
        yield function
        for before in _functions_before(function):
            uses[before] -= 1
            if not uses[before]:
                ready.append(before)


def _functions_before(function: Function) -> list[Function]:
    if not hasattr(function, "edges"):
        raise ValueError(
            f"graph: what led to {type(function).__name__} was released by an earlier backward(): "
            "draw it before that, or give backward() retain_graph=True"
        )
    return [edge for edge in function.edges if isinstance(edge, Function)]


def autograd_graph(
    tensor: Tensor, names: Mapping[str, Tensor]
) -> tuple[list[Box], list[tuple[int, int]]]:
    """The boxes of what made the tensor, and the edges (from, to) between their numbers.

    A function stands one layer below the lowest function whose result it takes; leaves and
    constants stand right above the first function that takes them. An edge comes as often as the
    value is used. Raises ValueError when nothing was recorded.
    """
    if not tensor.requires_grad:
        raise ValueError(
            "graph: nothing was recorded for this tensor; it needs an input with "
            "requires_grad=True, computed outside no_grad()"
        )
    functions = list(functions_back_from(tensor))[::-1]  # each after those it needs
    named: dict[Any, str] = {t.function or t: name for name, t in names.items()}
    shapes: dict[Any, tuple[int, ...]] = {tensor.function or tensor: tensor.shape}
    layers: dict[Any, int] = {tensor: 0} if not functions else {}
    links: list[tuple[Any, Function]] = []
    for function in functions:
        layers[function] = 1 + max((layers[f] for f in _functions_before(function)), default=0)
        for i, edge in enumerate(function.edges):
            source = _constant(function, i) if edge is None else edge
            links.append((source, function))
            shapes[source] = function.shapes[i]
            if not isinstance(source, Function):
                layers[source] = min(layers.get(source, layers[function]), layers[function] - 1)
    numbers = {source: i for i, source in enumerate(layers)}
    boxes = [_box(source, shapes[source], layer, named) for source, layer in layers.items()]
    return boxes, [(numbers[a], numbers[b]) for a, b in links]


def _constant(function: Function, i: int) -> Any:
    """Input i, which gets no gradient: the Tensor if the function kept it, else a stand-in."""
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
