"""Is a 1x1 convolution faster when the pixels themselves serve as its columns?

    python -m benchmarks.pointwise

Forward and backward of one convolution, batch 128, float32: through im2col and col2im as for any
other kernel size, and without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .contest import Result, Step, compare, ratio
from .options import Parser

SIZES = ((16, 32, 28), (64, 64, 14), (256, 64, 7), (64, 256, 7))


def through_im2col(channels: int, outputs: int, size: int) -> Step:
    """As for any other kernel size."""
    from minicnn.backend.geometry import Window

    Window.is_pointwise = property(lambda self: False)  # type: ignore[method-assign, assignment]
    return past_im2col(channels, outputs, size)


def past_im2col(channels: int, outputs: int, size: int) -> Step:
    """As in ``minicnn/backend/vectorised/convolution.py``."""
    import minicnn as mc

    rng = np.random.default_rng(0)
    stored = rng.standard_normal((channels, size, size, 128), np.float32)
    x = mc.Tensor(stored.transpose(3, 0, 1, 2), requires_grad=True)
    weight = mc.Parameter(rng.standard_normal((outputs, channels, 1, 1), np.float32))
    grad = rng.standard_normal((outputs, size, size, 128), np.float32).transpose(3, 0, 1, 2)

    def step() -> None:
        x.grad = weight.grad = None
        mc.ops.conv2d(x, weight).backward(grad)

    return step


def rows(work: Any, through: Result, past: Result) -> tuple[list[str], dict[str, Any]]:
    """A row for one size, and its numbers."""
    name, quotient = "{} -> {}, {}".format(*work), ratio(through, past)
    line = f"| {name} | {through.ms:.2f} | {past.ms:.2f} | {quotient:.2f} |"
    return [line], {name: {"through_ms": through.ms, "past_ms": past.ms, "ratio": quotient}}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest at each size, print its table and save it."""
    parser = Parser(__doc__, rounds=(10, 2), steps=(10, 1), sizes=(len(SIZES), 1))
    options = parser.options(arguments)
    columns = "C -> O, H = W", "through im2col, ms", "past it, ms", "through / past (quartiles)"
    builds = {"through": through_im2col, "past": past_im2col}
    compare("pointwise", builds, SIZES[: options.sizes], columns, rows, options)


if __name__ == "__main__":
    main()
