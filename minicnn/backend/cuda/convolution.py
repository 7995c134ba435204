"""Convolution without columns, in CUDA C: see ``convolution.cu`` and ``runs.py``.

Where many maps make the product large, a GPU computes it by columns and cuBLAS: ``cublas.py``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ...checks import Pair
from ..arrays import Array, device_of
from ..capture import cached_arrays
from ..geometry import Window
from ..native import run as native
from . import tiles
from .arguments import contiguous, new
from .cublas import by_columns, is_faster
from .launch import launch, launch_warps
from .runs import Lists, forward_lists, gradient_lists, lists_on, weight_columns
from .tiles import Tiles

RUN = 256
"""Numbers of one run, at least: a core's cache holds what lies under its taps."""
MOST_TAPS = 128
"""Taps that a core adds up for all maps of a run before it continues with the next ones."""
PIECE = 4096
"""Numbers of one piece of the weight gradient, at least."""
PARTS_SIZE = 1 << 20
"""The weight gradient is summed in parts if they have no more elements than this in all,"""
MOST_PARTS, MOST_PARTS_ON_GPU = 8, 64
"""and there are at most so many of them: the threads of a GPU have few tiles each."""
BLOCKS = 64
"""Units of work on a CPU, at least where there are so many tiles: for all cores to have some."""
PER_ELEMENT = 16
"""Products that take as long as an element of another kernel."""


class Plan(NamedTuple):
    """How a kernel is started for arrays of some shapes; most steps of a training have the same."""

    units: int
    """The warps, or on a CPU the parts that the cores take in turn."""
    lists: tuple[Array, ...]
    sizes: tuple[int, ...]
    work: int


def convolve(x: Array, weight: Array, bias: Array | None, window: Window, groups: int) -> Array:
    if is_faster(x, weight.shape, window, groups):
        return by_columns.convolve(x, weight, bias, window, groups)
    y = new(x, (weight.shape[0], *window.output_size, x.shape[-1]))
    plan = _forward_plan(device_of(x), window, groups, x.shape[-1], weight.shape)
    _gather(plan, x, weight, bias, y)
    return y


def convolve_input_gradient(grad: Array, weight: Array, window: Window, groups: int) -> Array:
    if is_faster(grad, weight.shape, window, groups):
        return by_columns.convolve_input_gradient(grad, weight, window, groups)
    x = new(grad, (groups * weight.shape[1], *window.input_size, grad.shape[-1]))
    plan = _gradient_plan(device_of(grad), window, groups, grad.shape[-1], weight.shape)
    _gather(plan, grad, weight, None, x)
    return x


def _gather(plan: Plan, x: Array, weight: Array, bias: Array | None, y: Array) -> None:
    weight = contiguous(weight)
    given = (contiguous(x), weight, weight if bias is None else contiguous(bias), y)
    arguments = (*given, *plan.lists, int(bias is not None), *plan.sizes)
    launch_warps("convolution.cu", "convolve", plan.units, *arguments, work=plan.work)


@cached_arrays(maxsize=512)
def _forward_plan(
    device: str, window: Window, groups: int, batch: int, weight_shape: tuple[int, ...]
) -> Plan:
    outputs, per_group, kh, kw = weight_shape
    lists = lists_on(forward_lists, device, window, per_group, _longest(batch))
    maps, taps = outputs // groups, per_group * kh * kw
    sizes = (window.input_size, window.output_size, per_group, maps)
    return _plan(device, lists, groups, batch, *sizes, (maps * taps, taps), taps)


@cached_arrays(maxsize=512)
def _gradient_plan(
    device: str, window: Window, groups: int, batch: int, weight_shape: tuple[int, ...]
) -> Plan:
    outputs, per_group, kh, kw = weight_shape
    maps, taps = outputs // groups, per_group * kh * kw
    lists = lists_on(gradient_lists, device, window, maps, per_group, _longest(batch))
    sizes = (window.output_size, window.input_size, maps, per_group)
    return _plan(device, lists, groups, batch, *sizes, (maps * taps, kh * kw), maps * kh * kw)


def _plan(
    device: str,
    lists: Lists,
    groups: int,
    batch: int,
    x_size: Pair,
    y_size: Pair,
    channels: int,
    maps: int,
    weight_steps: tuple[int, int],
    products: int,
) -> Plan:
    """channels, maps: of x and of y in each group; weight_steps: to the next group, the next map;
    products: the most for an element of y."""
    (rows, row), runs = y_size, lists.runs.size // 4
    tiles = -(-maps // _tiles(device).most_maps)
    block_tiles, most_taps = 1, max(1, lists.taps.size)
    if device == "native":
        block_tiles = -(-tiles // -(-BLOCKS // max(1, groups * rows * runs)))
        most_taps = MOST_TAPS
    blocks = -(-tiles // block_tiles)
    sizes = (
        rows, runs, lists.kinds, groups, maps, tiles, blocks, block_tiles, most_taps, batch,
        channels * math.prod(x_size), rows * row, row, *weight_steps,
    )  # fmt: skip
    work = groups * maps * rows * row * batch * products // PER_ELEMENT
    return Plan(groups * rows * runs * blocks, tuple(lists[:4]), sizes, work)


def convolve_weight_gradient(x: Array, grad: Array, window: Window, groups: int) -> Array:
    channels, outputs = x.shape[0], grad.shape[0]
    shape = (outputs, channels // groups, *window.kernel_size)
    if is_faster(x, shape, window, groups):
        return by_columns.convolve_weight_gradient(x, grad, window, groups)
    weight = new(x, shape)
    parts, plan = _weight_plan(device_of(x), window, groups, x.shape[-1], shape)
    sums = weight if parts == 1 else new(x, (parts, weight.size))
    arguments = (contiguous(grad), contiguous(x), sums, *plan.lists, *plan.sizes)
    launch_warps("convolution.cu", "convolve_weights", plan.units, *arguments, work=plan.work)
    if parts > 1:
        launch("convolution.cu", "sum_of_parts", weight.size, sums, weight, parts, weight.size)
    return weight


@cached_arrays(maxsize=512)
def _weight_plan(
    device: str, window: Window, groups: int, batch: int, weight_shape: tuple[int, ...]
) -> tuple[int, Plan]:
    """How many parts of the sums there are, and how they are computed."""
    outputs, per_group, kh, kw = weight_shape
    (height, width), (rows, row), maps = window.input_size, window.output_size, outputs // groups
    size, is_native = _tiles(device), device == "native"
    columns = lists_on(weight_columns, device, window, per_group, size.columns)
    map_tiles = -(-maps // size.weight_maps)
    # A piece: some places of a row, or some rows if these are short.
    places = min(row, max(1, PIECE // max(1, batch)))
    piece_rows = min(rows, max(1, PIECE // max(1, batch * row)))
    place_pieces, row_pieces = -(-row // places), -(-rows // piece_rows)
    weights = math.prod(weight_shape)
    most_parts = MOST_PARTS if is_native else MOST_PARTS_ON_GPU
    parts = min(row_pieces * place_pieces, most_parts, max(1, PARTS_SIZE // max(1, weights)))
    tiles, block_tiles = map_tiles * columns.tiles, 1
    if is_native:
        block_tiles = -(-tiles // -(-BLOCKS // (parts * groups)))
    blocks, taps = -(-tiles // block_tiles), per_group * kh * kw
    sizes = (
        parts, row_pieces, piece_rows, place_pieces, places, groups, maps, map_tiles,
        columns.tiles, blocks, block_tiles, batch, rows * row, row, per_group * height * width,
        window.stride[0] * width, window.stride[1], weights, maps * taps, taps,
    )  # fmt: skip
    work = weights * rows * row * batch // PER_ELEMENT
    return parts, Plan(parts * groups * blocks, tuple(columns[:2]), sizes, work)


def _longest(batch: int) -> int:
    """The most places of a run."""
    return max(1, RUN // max(1, batch))


def _tiles(device: str) -> Tiles:
    return native.native_tiles() if device == "native" else tiles.GPU
