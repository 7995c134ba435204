"""Local response normalisation: a pixel divided by the activity of its neighbouring channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..text_table import text_table
from .explanation import Explanation, Query
from .text import describe_positions, format_number, format_numbers, indent

if TYPE_CHECKING:
    from ..viz import Picture


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ResponseNorm(Explanation):
    """result = x / (k + alpha / size · sum of the neighbours' squares)^beta.

    channels are the neighbours, including the pixel's own channel; values (channels,) are their
    pixels at the same position.
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
        alpha, beta, k, x = map(format_number, (self.alpha, self.beta, self.k, self.x))
        total = format_number(self.squares.sum())
        return [
            "y = x / (k + alpha / size * sum)^beta",
            f"  = {x} / ({k} + {alpha} / {self.size} * {total})^{beta}",
            f"  = {x} / {self.base:.8g}^{beta}",
            f"  = {x} / {self.base**self.beta:.8g}",
            f"  = {format_number(self.result)}",
        ]

    def lines(self) -> list[str]:
        """The arithmetic, line by line."""
        _, channel, i, j = self.place
        rows = [
            ["channel", *(f"[{c}]" if c == channel else f" {c} " for c in self.channels)],
            ["x", *(f" {text} " for text in format_numbers(self.values, 6))],
            ["x^2", *(f" {text} " for text in format_numbers(self.squares, 6))],
        ]
        return [
            f"pixel ({i}, {j}) of channel {channel} and of its neighbours, "
            f"channels {describe_positions(self.channels)} of {len(self.image)}",
            "",
            *indent(text_table(rows, align=">" * len(rows[0]), gap=" ")),
            "",
            f"  sum of x^2 = {format_number(self.squares.sum())}",
            *(f"  {line}" for line in self.formula()),
        ]

    def picture(self) -> Picture:
        """Draw the map with the pixel, a bar for each neighbour's square, and the formula.

        Raises ImportError without matplotlib.
        """
        from ..viz import colour_scale, subplots
        from .drawing import NEIGHBOUR_COLOUR, WINDOW_COLOUR, draw_outline, hide_frame

        _, channel, i, j = self.place
        picture, (left, right) = subplots(1, 2, (8.0, 3.4), width_ratios=(1, 1.6))
        left.imshow(self.image[channel], **colour_scale(self.image[channel]))
        draw_outline(left, i, j, 1, 1, WINDOW_COLOUR)
        hide_frame(left, f"channel {channel}, pixel ({i}, {j})")
        colours = [WINDOW_COLOUR if c == channel else NEIGHBOUR_COLOUR for c in self.channels]
        bars = right.bar([str(c) for c in self.channels], self.squares, color=colours)
        right.bar_label(bars, [f"({text})²" for text in format_numbers(self.values, 3)], size=8)
        right.set_xlabel("channel")
        right.set_title(f"squares of the neighbours, sum {format_number(self.squares.sum())}")
        formula, numbers, *_ = (line[4:].replace("*", "·") for line in self.formula())
        result = format_number(self.result)
        picture.suptitle(f"{self.name} = {formula}\n= {numbers} = {result}")
        return picture


def explain_local_response_norm(query: Query) -> ResponseNorm:
    """One output number of a ``LocalResponseNorm``."""
    layer, (_, channel, i, j) = query.layer, query.place
    first = max(0, channel - layer.size // 2)
    stop = min(len(query.image), channel + (layer.size - 1) // 2 + 1)
    return ResponseNorm(
        **query._asdict(),
        channels=range(first, stop),
        values=query.image[first:stop, i, j],
        size=layer.size,
        alpha=layer.alpha,
        beta=layer.beta,
        k=layer.k,
    )
