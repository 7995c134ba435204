"""Convolution without columns, in CUDA C: see ``convolution.cu`` and ``runs.py``.

Where many maps make the product large, a GPU computes it by columns and cuBLAS: ``library.py``.
"""

from __future__ import annotations

from ..arrays import Array, device_of
from ..geometry import Window
from ..native import run as native
from . import tiles
from .arguments import contiguous, new
from .launch import launch, launch_warps
from .library import is_faster, library
from .runs import Lists, forward_lists, gradient_lists, lists_on, weight_columns
from .tiles import Tiles

RUN = 256
"""Numbers of one run, at least: a core's cache holds what lies under its taps."""
MOST_TAPS = 128
"""Taps that a core adds up for all maps of a run before it continues with the next ones."""
PIECE = 4096
"""Numbers of one piece of the weight gradient, at least."""
MOST_PARTS = 8
PARTS_SIZE = 1 << 20
"""The weight gradient is summed in parts if they have no more elements than this in all."""
BLOCKS = 64
"""Units of work on a CPU, at least where there are so many tiles: for all cores to have some."""
PER_ELEMENT = 16
"""Products that take as long as an element of another kernel."""


def convolve(x: Array, weight: Array, bias: Array | None, window: Window, groups: int) -> Array:
    if is_faster(x, weight.shape, window, groups):
        return library.convolve(x, weight, bias, window, groups)
    channels, outputs = x.shape[0], weight.shape[0]
    y = new(x, (outputs, *window.output_size, x.shape[-1]))
    lists = lists_on(forward_lists, device_of(x), window, channels // groups, _longest(x))
    maps = outputs // groups
    _gather(x, weight, bias, y, lists, groups, maps * weight[0].size, weight[0].size)
    return y


def convolve_input_gradient(grad: Array, weight: Array, window: Window, groups: int) -> Array:
    if is_faster(grad, weight.shape, window, groups):
        return library.convolve_input_gradient(grad, weight, window, groups)
    outputs, per_group, kh, kw = weight.shape
    x = new(grad, (groups * per_group, *window.input_size, grad.shape[-1]))
    maps, longest = outputs // groups, _longest(grad)
    lists = lists_on(gradient_lists, device_of(grad), window, maps, per_group, longest)
    _gather(grad, weight, None, x, lists, groups, maps * per_group * kh * kw, kh * kw)
    return x


def _gather(
    x: Array,
    weight: Array,
    bias: Array | None,
    y: Array,
    lists: Lists,
    groups: int,
    weight_group: int,
    weight_step: int,
) -> None:
    """Start ``convolve``; weight_group, weight_step: from one group or map to the next."""
    x, weight = contiguous(x), contiguous(weight)
    channels, height, width, batch = x.shape
    outputs, rows, row, _ = y.shape
    maps, runs = outputs // groups, lists.runs.size // 4
    map_tiles = -(-maps // _tiles(x).most_maps)
    blocks, most_taps = map_tiles, lists.taps.size
    if device_of(x) == "native":
        blocks = min(map_tiles, -(-BLOCKS // max(1, groups * rows * runs)))
        most_taps = MOST_TAPS
    launch_warps(
        "convolution.cu", "convolve", groups * rows * runs * blocks,
        x, weight, weight if bias is None else contiguous(bias), y,
        lists.rows, lists.runs, lists.taps, lists.starts, int(bias is not None), rows, runs,
        lists.kinds, groups, maps, map_tiles, blocks, most_taps, batch,
        channels // groups * height * width, rows * row, row, weight_group, weight_step,
        work=y.size * (weight.size // max(1, weight.shape[0])) // PER_ELEMENT,
    )  # fmt: skip


def convolve_weight_gradient(x: Array, grad: Array, window: Window, groups: int) -> Array:
    (channels, height, width, batch), (outputs, rows, row, _) = x.shape, grad.shape
    per_group, maps, size = channels // groups, outputs // groups, _tiles(x)
    shape = (outputs, per_group, *window.kernel_size)
    if is_faster(x, shape, window, groups):
        return library.convolve_weight_gradient(x, grad, window, groups)
    columns = lists_on(weight_columns, device_of(x), window, per_group, size.columns)
    map_tiles = -(-maps // size.weight_maps)
    # A piece: some places of a row, or some rows if these are short.
    places = min(row, max(1, PIECE // max(1, batch)))
    piece_rows = min(rows, max(1, PIECE // max(1, batch * row)))
    place_pieces, row_pieces = -(-row // places), -(-rows // piece_rows)
    weight = new(x, shape)
    parts = min(row_pieces * place_pieces, MOST_PARTS, max(1, PARTS_SIZE // max(1, weight.size)))
    tiles_of_all = map_tiles * columns.tiles
    blocks = tiles_of_all
    if device_of(x) == "native":
        blocks = min(tiles_of_all, -(-BLOCKS // (parts * groups)))
    summed = weight if parts == 1 else new(x, (parts, weight.size))
    pixels, step = height * width, window.kernel_size[0] * window.kernel_size[1] * per_group
    launch_warps(
        "convolution.cu", "convolve_weights", parts * groups * blocks,
        contiguous(grad), contiguous(x), summed, columns.columns, columns.kinds,
        parts, row_pieces, piece_rows, place_pieces, places, groups, maps, map_tiles,
        columns.tiles, blocks, batch, rows * row, row, per_group * pixels,
        window.stride[0] * width, window.stride[1], weight.size, maps * step, step,
        work=grad.size * step // PER_ELEMENT,
    )  # fmt: skip
    if parts > 1:
        launch("convolution.cu", "sum_of_parts", weight.size, summed, weight, parts, weight.size)
    return weight


def _longest(x: Array) -> int:
    """The most places of a run."""
    return max(1, RUN // max(1, x.shape[-1]))


def _tiles(x: Array) -> Tiles:
    return native.native_tiles() if device_of(x) == "native" else tiles.GPU
