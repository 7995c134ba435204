"""The places of the boxes of a directed graph: in layers, so that every edge leads down.

After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System
Structures", 1981: edges across several layers get a place in each; layers are sorted by the mean
place of their neighbours, back and forth; then boxes move towards these neighbours without touching
each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

SWEEPS = 12
THREAD = 0.12  # inches that an edge occupies in a layer that it crosses

Edge = tuple[int, int]


class Layout(NamedTuple):
    """The centre x and the layer of each box, layer 0 at the top, and the way of each edge.

    A way is the list of places (x, layer) that an edge crosses between its two boxes.
    """

    x: list[float]
    layer: list[int]
    ways: list[list[tuple[float, int]]]


def lay_out(
    layer: Sequence[int],
    widths: Sequence[float],
    weights: Sequence[float],
    edges: Sequence[Edge],
    gap: float,
) -> Layout:
    """Place boxes of these widths in these layers, at least gap apart.

    edges: pairs of boxes (from, to), from a smaller layer to a larger one. weights: how strongly
    each box keeps its place against its neighbours. Boxes start in the given order.
    """
    layer, widths, weights = list(layer), list(widths), list(weights)
    chains = [_chain(edge, layer, widths, weights) for edge in edges]
    steps = [step for chain in chains for step in pairwise(chain)]
    near: list[list[int]] = [[] for _ in layer]
    for a, b in steps:
        near[a].append(b)
        near[b].append(a)
    rows: list[list[int]] = [[] for _ in range(max(layer) + 1)]
    for box, number in enumerate(layer):
        rows[number].append(box)
    _sort(rows, near, layer)
    x = [0.0] * len(layer)
    for row in rows:
        _place(row, [0.0] * len(row), widths, weights, gap, x)
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_pulled_to(box, near, weights, x) for box in row]
            _place(row, wanted, widths, weights, gap, x)
    ways = [[(x[box], layer[box]) for box in chain[1:-1]] for chain in chains]
    boxes = len(layer) - sum(len(way) for way in ways)
    return Layout(x[:boxes], layer[:boxes], ways)


def _chain(edge: Edge, layer: list[int], widths: list[float], weights: list[float]) -> list[int]:
    """The edge as boxes from layer to layer; those between its ends are appended to the lists."""
    start, end = edge
    chain = [start]
    for row in range(layer[start] + 1, layer[end]):
        chain.append(len(layer))
        layer.append(row)
        widths.append(THREAD)
        weights.append(2.0)
    return [*chain, end]


def _sort(rows: list[list[int]], near: list[list[int]], layer: list[int]) -> None:
    """Sort each row by the mean place of its neighbours in the row before, down and up."""
    place = {box: float(i) for row in rows for i, box in enumerate(row)}
    for sweep in range(SWEEPS):
        down = sweep % 2 == 1
        for row in rows if down else reversed(rows):
            means = {}
            for box in row:
                side = [b for b in near[box] if (layer[b] < layer[box]) == down]
                means[box] = sum(place[b] for b in side) / len(side) if side else place[box]
            row.sort(key=means.__getitem__)
            place.update({box: float(i) for i, box in enumerate(row)})


def _pulled_to(box: int, near: list[list[int]], weights: list[float], x: list[float]) -> float:
    """The mean x of the neighbours, by weight."""
    total = sum(weights[b] for b in near[box])
    return sum(weights[b] * x[b] for b in near[box]) / total if total else x[box]


def _place(
    row: list[int],
    wanted: list[float],
    widths: list[float],
    weights: list[float],
    gap: float,
    x: list[float],
) -> None:
    """Write into x the places of a row that are closest to the wanted ones."""
    apart = [(widths[a] + widths[b]) / 2 + gap for a, b in pairwise(row)]
    for box, place in zip(row, spread(wanted, [weights[box] for box in row], apart), strict=True):
        x[box] = place


def spread(
    wanted: Sequence[float], weights: Sequence[float], apart: Sequence[float]
) -> list[float]:
    """The places x closest to the wanted ones with x[i + 1] - x[i] >= apart[i].

    The sum of weight · (x - wanted)² is smallest if boxes that touch move as one block to their
    mean (isotonic regression by pooling adjacent violators; Ayer et al., 1955).
    """
    offsets = [0.0]
    for distance in apart:
        offsets.append(offsets[-1] + distance)
    blocks: list[tuple[float, float, int]] = []  # sum of weight · place, of weights, how many
    for place, weight, offset in zip(wanted, weights, offsets, strict=False):
        block = (weight * (place - offset), weight, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] >= block[0] / block[1]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    starts = [total / weight for total, weight, count in blocks for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets, strict=False)]
