"""Standardisation of lines (batch norm, layer norm) in CUDA C, see ``norm.cu``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import Array, array_module, device_of
from .arguments import contiguous, new
from .launch import launch
from .source import THREADS

MOST_PIECES = 256


class Block(NamedTuple):
    """How the lines are shared out."""

    threads: int
    """The threads of a block."""
    widest: int
    """The most lines that a block has side by side: the threads of a warp read one piece of memory.
    """
    share: int
    """Numbers of a line that one thread takes; more than that where there are many pieces."""


ON_GPU, ON_CPU = Block(THREADS, 32, 16), Block(1, 1, 1 << 14)


def line_statistics(x: Array, eps: float) -> Array:
    before, _, after = x.shape
    width, pieces, threads = _blocks(x)
    lines = before * after
    xp = array_module(x)
    pieces_of = xp.empty((3, pieces, lines), np.float64)
    statistics = xp.empty((3, before, after), np.float64)
    sizes = (*x.shape, width, pieces)
    launch("norm.cu", "line_moments", threads, contiguous(x), pieces_of, *sizes)
    merged = (pieces_of, statistics, np.float64(eps), lines, pieces)
    launch("norm.cu", "line_statistics", lines, *merged)
    return statistics


def known_statistics(mean: Array, var: Array, eps: float) -> Array:
    statistics = array_module(mean).empty((3, mean.size, 1), np.float64)
    arrays = (contiguous(mean), contiguous(var), statistics)
    launch("norm.cu", "known_statistics", mean.size, *arrays, np.float64(eps), mean.size)
    return statistics


def update_running(
    mean: Array,
    var: Array,
    batches: Array,
    statistics: Array,
    momentum: float | None,
    correction: float,
) -> None:
    own = (contiguous(mean), contiguous(var))  # what lies in one piece is changed where it is
    rate = (np.float64(momentum or 0), int(momentum is None), np.float64(correction))
    one_block = min(mean.size, THREADS)
    arguments = (*own, batches, statistics, *rate, mean.size)
    launch("norm.cu", "update_running", one_block, *arguments, work=1)
    for given, changed in zip((mean, var), own, strict=True):
        if changed is not given:
            given[...] = changed


def standardise(x: Array, statistics: Array, weight: Array | None, bias: Array | None) -> Array:
    y = new(x, x.shape)
    width, pieces, threads = _blocks(x)
    x = contiguous(x)
    affine, flags = _affine(x, weight, bias)
    sizes = (*flags, *x.shape, width, pieces)
    launch("norm.cu", "standardise", threads, x, statistics, *affine, y, *sizes)
    return y


def line_sums(grad: Array, x: Array, statistics: Array, weight: Array | None) -> Array:
    before, _, after = x.shape
    width, pieces, threads = _blocks(x)
    totals = new(x, (2, pieces, before, after))
    arrays, flags = _affine(grad, weight)
    arrays = [contiguous(grad), contiguous(x), statistics, *arrays, totals]
    launch("norm.cu", "line_sums", threads, *arrays, *flags, *x.shape, width, pieces)
    return _sum_pieces(totals)


def sums_across_lines(grad: Array, x: Array, statistics: Array) -> Array:
    before, length, after = x.shape
    lines = before * after
    # As many threads for each place as there are lines; the more places side by side.
    block = _block(x)
    width = block.threads // min(block.threads, _power_of_2(lines))
    pieces = _count_pieces(block, lines, width)
    threads = -(-length // width) * pieces * THREADS
    totals = new(x, (2, pieces, length))
    arrays = (contiguous(grad), contiguous(x), statistics, totals)
    launch("norm.cu", "sums_across_lines", threads, *arrays, *x.shape, width, pieces)
    return _sum_pieces(totals)


def standardise_grad(
    grad: Array, x: Array, statistics: Array, weight: Array | None, sums: Array
) -> Array:
    result = new(x, x.shape)
    width, pieces, threads = _blocks(x)
    arrays, flags = _affine(grad, weight)
    arrays = [contiguous(grad), contiguous(x), statistics, *arrays, contiguous(sums), result]
    launch("norm.cu", "standardise_grad", threads, *arrays, *flags, *x.shape, width, pieces)
    return result


def _affine(x: Array, *given: Array | None) -> tuple[list[Array], list[int]]:
    """Weight and bias as arrays, x for one that is None; whether each is there, and per_line."""
    arrays = [x if a is None else contiguous(a) for a in given]
    per_line = any(a is not None and a.shape == (x.shape[0], 1, 1) for a in given)
    return arrays, [*[int(a is not None) for a in given], int(per_line)]


def _sum_pieces(totals: Array) -> Array:
    """The sums over the pieces: (2, pieces, ...) -> (2, ...)."""
    _, pieces, *shape = totals.shape
    sums = totals.reshape(2, *shape) if pieces == 1 else new(totals, (2, *shape))
    if pieces > 1:
        launch("norm.cu", "sum_pieces", sums.size, totals, sums, sums.size // 2, pieces)
    return sums


def _blocks(x: Array) -> tuple[int, int, int]:
    """The lines side by side in a block, the pieces of a line, and the threads of all blocks."""
    before, length, after = x.shape
    block = _block(x)
    width = min(block.widest, _power_of_2(after))
    pieces = _count_pieces(block, length, width)
    return width, pieces, before * -(-after // width) * pieces * THREADS


def _block(x: Array) -> Block:
    return ON_CPU if device_of(x) == "native" else ON_GPU


def _count_pieces(block: Block, length: int, width: int) -> int:
    return max(1, min(-(-length // (block.threads // width * block.share)), MOST_PIECES))


def _power_of_2(n: int) -> int:
    """The smallest power of 2 that is not below n."""
    return 1 << max(0, n - 1).bit_length()
