"""The autograd graph of a tensor as a picture: the functions that computed it from leaves."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from ..autograd import Tensor
from ..nn import Module
from .graph_layout import Layout, lay_out, spread
from .picture import Picture, canvas, text_width
from .record import Box, autograd_graph

MOST = 300  # boxes that are still readable
POINTS, HEIGHT, STEP, GAP = 8.0, 0.38, 0.62, 0.14  # text; inches of boxes, layers, between boxes
MARGIN = 0.25
PORTS = 0.13  # inches between the ends of edges on one box
LEAF, FIXED = 0.01, 1e6  # weights of leaves against functions, and of what must not move
FILLS = {"function": "#bcd7ee", "leaf": "#fbd3ab", "constant": "#eeeeee"}
MEANINGS = {
    "function": "function, shape of its result",
    "leaf": "tensor that gets a gradient",
    "constant": "constant",
}


def graph(tensor: Tensor, names: Mapping[str, Tensor] | Module | None = None) -> Picture:
    """The functions that computed the tensor, back to the leaves: the path of ``backward()``.

    Data flows down, gradients flow up along the same lines. names: {name: tensor}, or a Module,
    whose parameters are then named; results can be named too. A constant, such as the images, has
    no gradient. Draw the graph before ``backward()``, which releases it.
    Raises ValueError if nothing was recorded, the graph was released or has more than 300 boxes;
    TypeError for other arguments.

    >>> w = mc.tensor([2.0], requires_grad=True)
    >>> picture = mc.viz.graph((w * 3).exp(), {"w": w})
    >>> picture.savefig("graph.svg")
    """
    boxes, edges = autograd_graph(_check_tensor("tensor", tensor), _by_name(names))
    if len(boxes) > MOST:
        raise ValueError(
            f"graph: {len(boxes):,} boxes, expected at most {MOST}, to be readable; draw a part: "
            "the output of one layer, or a loss after fewer steps"
        )
    widths = [_width(box) for box in boxes]
    weights = [1.0 if box.kind == "function" else LEAF for box in boxes]
    layout = lay_out([box.layer for box in boxes], widths, weights, edges, GAP)
    return _draw(boxes, edges, widths, layout)


def _check_tensor(name: str, value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(f"graph: {name} is a {type(value).__name__}, expected a Tensor")
    return value


def _by_name(names: Any) -> dict[str, Tensor]:
    """The names in any form as {name: tensor}."""
    if isinstance(names, Module):
        return dict(names.named_parameters())
    if names is not None and not isinstance(names, Mapping):
        kind = type(names).__name__
        raise TypeError(f"graph: names is a {kind}, expected {{name: tensor}} or a Module")
    return {str(name): _check_tensor(str(name), value) for name, value in (names or {}).items()}


def _width(box: Box) -> float:
    return max(text_width(box.title, POINTS, "bold"), text_width(box.shape, POINTS)) + 0.16


def _draw(
    boxes: list[Box], edges: list[tuple[int, int]], widths: list[float], layout: Layout
) -> Picture:
    sides = [(x - w / 2, x + w / 2) for x, w in zip(layout.x, widths, strict=True)]
    left = min(a for a, _ in sides)
    kinds = [kind for kind in MEANINGS if any(box.kind == kind for box in boxes)]
    legend = sum(text_width(MEANINGS[kind], POINTS) + 0.4 for kind in kinds) - 0.18
    width = max(max(b for _, b in sides) - left, legend) + 2 * MARGIN
    height = STEP * max(layout.layer) + HEIGHT + 2 * MARGIN + 0.3
    shift = (width - (max(b for _, b in sides) - left)) / 2 - left
    picture, axes = canvas(width, height)

    def at(x: float, layer: int) -> tuple[float, float]:
        return x + shift, height - MARGIN - HEIGHT / 2 - STEP * layer

    places = [at(*place) for place in zip(layout.x, layout.layer, strict=True)]
    for box, w, place in zip(boxes, widths, places, strict=True):
        _draw_box(axes, box, w, place)
    ports = _ports(edges, layout, widths)
    for (start, end), way, port in zip(edges, layout.ways, ports, strict=True):
        below = (places[start][0], places[start][1] - HEIGHT / 2)
        above = (port + shift, places[end][1] + HEIGHT / 2)
        _draw_edge(axes, [below, *(at(*place) for place in way), above])
    _draw_legend(axes, kinds, (width - legend) / 2)
    return picture


def _draw_box(axes: Any, box: Box, width: float, place: tuple[float, float]) -> None:
    x, y = place
    shape = "round,pad=0,rounding_size=0.08" if box.kind == "function" else "square,pad=0"
    style: Any = {"facecolor": FILLS[box.kind], "edgecolor": "#333333", "linewidth": 0.8}
    corner = (x - width / 2, y - HEIGHT / 2)
    axes.add_patch(FancyBboxPatch(corner, width, HEIGHT, boxstyle=shape, zorder=2, **style))
    text: Any = {"ha": "center", "va": "center", "size": POINTS, "zorder": 3}
    axes.text(x, y + 0.08, box.title, weight="bold", **text)
    axes.text(x, y - 0.09, box.shape, color="#444444", **text)


def _ports(edges: list[tuple[int, int]], layout: Layout, widths: list[float]) -> list[float]:
    """The x at which each edge ends: directly below its start, as far as its box allows."""
    ends = [0.0] * len(edges)
    for box, (x, width) in enumerate(zip(layout.x, widths, strict=True)):
        into = [i for i, (_, end) in enumerate(edges) if end == box]
        came = {i: _last_x(layout, i, edges[i][0]) for i in into}
        into.sort(key=came.__getitem__)
        half = width / 2 - 0.1
        apart = min(PORTS, 2 * half / max(1, len(into) - 1))
        wanted = [x - half, *(min(max(came[i], x - half), x + half) for i in into), x + half]
        weights = [FIXED, *(1.0 for _ in into), FIXED]  # the two corners keep the rest between them
        places = spread(wanted, weights, [0.0, *[apart] * (len(into) - 1), 0.0])
        for i, place in zip(into, places[1:-1], strict=True):
            ends[i] = place
    return ends


def _last_x(layout: Layout, edge: int, start: int) -> float:
    """Where an edge is in the layer before its end."""
    way = layout.ways[edge]
    return way[-1][0] if way else layout.x[start]


def _draw_edge(axes: Any, points: list[tuple[float, float]]) -> None:
    """A smooth line through the points, vertical at each, with an arrow head at the last."""
    path, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        path += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [Path.CURVE4] * 3
    style: Any = {"arrowstyle": "-|>", "mutation_scale": 7, "color": "#555555", "linewidth": 0.8}
    axes.add_patch(FancyArrowPatch(path=Path(path, codes), zorder=1, **style))


def _draw_legend(axes: Any, kinds: list[str], x: float) -> None:
    for kind in kinds:
        meaning = MEANINGS[kind]
        style: Any = {"facecolor": FILLS[kind], "edgecolor": "#333333", "linewidth": 0.8}
        axes.add_patch(FancyBboxPatch((x, 0.14), 0.16, 0.12, boxstyle="square,pad=0", **style))
        axes.text(x + 0.22, 0.2, meaning, va="center", size=POINTS)
        x += text_width(meaning, POINTS) + 0.4
