"""Is the weight gradient of a convolution faster as a sum of shorter products?

    python -m benchmarks.weight_gradient

The matrix product of columns (P, L) and output gradients (Q, L) over the long axis L, at the
sizes of the course's networks with batch 128: as one product, and cut into pieces of length PIECE
or less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .contest import Result, Step, compare, ratio
from .options import Parser

SIZES = ((25, 6, 73728), (9, 32, 86528), (150, 16, 8192), (288, 64, 15488), (576, 128, 1152))
PIECE = 4096


def one_product(p: int, q: int, length: int) -> Step:
    """The product in one call to BLAS."""
    columns, grad = _matrices(p, q, length)
    return lambda: columns @ grad.T


def sum_of_pieces(p: int, q: int, length: int) -> Step:
    """The sum of products over equal pieces of the long axis."""
    columns, grad = _matrices(p, q, length)
    pieces = next(n for n in range(-(-length // PIECE), length + 1) if length % n == 0)
    a = columns.reshape(p, pieces, -1).swapaxes(0, 1)  # (pieces, P, L/pieces)
    b = grad.reshape(q, pieces, -1).transpose(1, 2, 0)  # (pieces, L/pieces, Q)
    return lambda: (a @ b).sum(0)


def _matrices(p: int, q: int, length: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.random((p, length), np.float32), rng.random((q, length), np.float32)


def rows(size: Any, one: Result, pieces: Result) -> tuple[list[str], dict[str, Any]]:
    """A row for one size, and its numbers."""
    quotient = ratio(one, pieces)
    line = f"| {size} | {one.ms:.3f} | {pieces.ms:.3f} | {quotient:.2f} |"
    return [line], {str(size): {"one_ms": one.ms, "pieces_ms": pieces.ms, "ratio": quotient}}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest at each size, print its table and save it."""
    parser = Parser(__doc__, rounds=(10, 2), steps=(20, 2), sizes=(len(SIZES), 1))
    options = parser.options(arguments)
    columns = "P, Q, L", "one product, ms", "pieces, ms", "one / pieces (quartiles)"
    builds = {"one": one_product, "pieces": sum_of_pieces}
    compare("weight_gradient", builds, SIZES[: options.sizes], columns, rows, options)


if __name__ == "__main__":
    main()
