"""Local response normalisation: one pixel divided by the activity of its neighbours in channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .explanation import Asked, Explanation
from .text import number, numbers, places

if TYPE_CHECKING:
    from ..viz import Picture


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ResponseNorm(Explanation):
    """result = x / (k + alpha / size · sum of the neighbours' squares)^beta.

    channels are the neighbours, the pixel's own among them; values (channels,) are their pixels at
    the same place.
    """

    channels: range
    values: NDArray[Any]
    size: int
    alpha: float
    beta: float
    k: float

    @property
    def x(self) -> float:
        """The pixel itself."""
        return float(self.image[self.place[1:]])

    @property
    def squares(self) -> NDArray[Any]:
        """The squares of the neighbours, (channels,)."""
        return np.square(self.values)

    @property
    def base(self) -> float:
        """k + alpha / size · sum of the squares."""
        return float(self.k + self.alpha / self.size * self.squares.sum())

    @property
    def result(self) -> float:
        """The output number: x / base^beta."""
        return self.x / self.base**self.beta

    def formula(self) -> list[str]:
        """The formula, then with numbers, then step by step."""
        alpha, beta, k, x = (number(v) for v in (self.alpha, self.beta, self.k, self.x))
        total = number(self.squares.sum())
        return [
            "y = x / (k + alpha / size * sum)^beta",
            f"  = {x} / ({k} + {alpha} / {self.size} * {total})^{beta}",
            f"  = {x} / {self.base:.8g}^{beta}",
            f"  = {x} / {self.base**self.beta:.8g}",
            f"  = {number(self.result)}",
        ]

    def lines(self) -> list[str]:
        """The arithmetic, line by line."""
        _, channel, i, j = self.place
        rows = [
            ["channel", *(f"[{c}]" if c == channel else f" {c} " for c in self.channels)],
            ["x", *(f" {text} " for text in numbers(self.values, 6))],
            ["x^2", *(f" {text} " for text in numbers(self.squares, 6))],
        ]
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        table = [
            "  " + " ".join(f"{c:>{w}}" for c, w in zip(row, widths, strict=True)) for row in rows
        ]
        return [
            f"pixel ({i}, {j}) of channel {channel} and of its neighbours, "
            f"channels {places(self.channels)} of {len(self.image)}",
            "",
            *table,
            "",
            f"  sum of x^2 = {number(self.squares.sum())}",
            *(f"  {line}" for line in self.formula()),
        ]

    def picture(self) -> Picture:
        """The map with the pixel, the neighbours' squares, and the formula with its numbers."""
        from .drawing import draw_response_norm

        return draw_response_norm(self)


def explain_local_response_norm(asked: Asked) -> ResponseNorm:
    """One output number of a ``LocalResponseNorm``."""
    layer, (_, channel, i, j) = asked.layer, asked.place
    first = max(0, channel - layer.size // 2)
    stop = min(len(asked.image), channel + (layer.size - 1) // 2 + 1)
    return ResponseNorm(
        **asked._asdict(),
        channels=range(first, stop),
        values=asked.image[first:stop, i, j],
        size=layer.size,
        alpha=layer.alpha,
        beta=layer.beta,
        k=layer.k,
    )
