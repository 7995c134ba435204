"""Is a 1x1 convolution faster when the pixels themselves serve as its columns?

    python -m benchmarks.pointwise

Forward and backward of one convolution, batch 128, float32: through im2col and col2im as for any
other kernel, and past them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .contest import Step, contest, ratio, save
from .options import Parser

SIZES = ((16, 32, 28), (64, 64, 14), (256, 64, 7), (64, 256, 7))


def through_im2col(channels: int, outputs: int, size: int) -> Step:
    """As for any other kernel."""
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contest at each size, print its table and keep it."""
    options = Parser(__doc__, rounds=(10, 2), steps=(10, 1), sizes=(len(SIZES), 1)).options(
        arguments
    )
    lines = [
        "| C -> O, H = W | through im2col, ms | past it, ms | through / past (quartiles) |",
        "|---|---|---|---|",
    ]
    numbers: dict[str, Any] = {}
    for channels, outputs, size in SIZES[: options.sizes]:
        contestants = {"through": through_im2col, "past": past_im2col}
        results = contest(contestants, (channels, outputs, size), options.rounds, options.steps)
        quotient, low, high = ratio(results["through"], results["past"])
        through, past = (results[name].median * 1e3 for name in contestants)
        name = f"{channels} -> {outputs}, {size}"
        lines.append(
            f"| {name} | {through:.2f} | {past:.2f} | **{quotient:.2f}** ({low:.2f}-{high:.2f}) |"
        )
        numbers[name] = {"through_ms": through, "past_ms": past, "ratio": [quotient, low, high]}
    table = "\n".join(lines)
    print(table)
    call = "pointwise" + options.more
    save(call, table, numbers, options.results)


if __name__ == "__main__":
    main()
