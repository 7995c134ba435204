"""Pooling: one output number is the extreme, mean or p-norm of the pixels under the window."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..backend.geometry import Window, make_window
from .explanation import Asked, Explanation, window_lines
from .text import grid, labelled_numbers, number, side_by_side
from .view import View, region_axis, view_of_window, whole_axis

if TYPE_CHECKING:
    from ..viz import Picture


MOST = 12  # rows and columns of a patch that stands alone


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Pooled(Explanation):
    """A number made of one map: view says which pixels, patch (KH, KW) holds their values."""

    view: View
    patch: NDArray[Any]

    @property
    def map(self) -> NDArray[Any]:
        """The input map that is pooled, (H, W)."""
        return self.image[self.place[1]]

    @abstractmethod
    def formula(self) -> str:
        """What the result is, in one line with the numbers."""

    def picture(self) -> Picture:
        """The input with the window, and the patch with what counts in it."""
        from .drawing import draw_pooled

        return draw_pooled(self)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Extreme(Pooled):
    """result = the largest (or smallest) pixel under the window."""

    largest: bool

    @property
    def winner(self) -> tuple[int, int]:
        """Row and column of the winner in the window: the first in row order; NaN before all."""
        pixels = np.argwhere(self.view.is_pixel)  # (pixels, 2), in row order
        values = self.patch[self.view.is_pixel]
        row, column = pixels[values.argmax() if self.largest else values.argmin()]
        return int(row), int(column)

    @property
    def result(self) -> float:
        """The output number: the value of the winner."""
        return float(self.patch[self.winner])

    def formula(self) -> str:
        """What the result is, in one line with the numbers."""
        return f"{number(self.result)}, {self._which()}"

    def _which(self) -> str:
        row, column = self.view.pixel(*self.winner)
        return f"the {'largest' if self.largest else 'smallest'}: row {row}, column {column}"

    def lines(self) -> list[str]:
        """The arithmetic, line by line."""
        return [
            *window_lines(self.image, self.view),
            "",
            *side_by_side([""], grid("patch", self.patch, self.view, self.winner, most=MOST)),
            "",
            f"  [ ] {self._which()} of channel {self.place[1]}",
            f"  = result  {number(self.result)}",
        ]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Mean(Pooled):
    """result = sum of the patch / divisor; reason says what the divisor counts."""

    divisor: float
    reason: str

    @property
    def sum(self) -> float:
        """The sum of the pixels under the window."""
        return float(self.patch.sum())

    @property
    def result(self) -> float:
        """The output number: sum / divisor."""
        return self.sum / self.divisor

    def formula(self) -> str:
        """What the result is, in one line with the numbers."""
        divisor = f"{number(self.divisor)} ({self.reason})"
        return f"{number(self.sum)} / {divisor} = {number(self.result)}"

    def lines(self) -> list[str]:
        """The arithmetic, line by line."""
        return [
            *window_lines(self.image, self.view),
            "",
            *side_by_side([""], grid("patch", self.patch, self.view, most=MOST)),
            "",
            *labelled_numbers(
                [
                    ("  sum", number(self.sum)),
                    (f"/ {self.reason}", number(self.divisor)),
                    ("= result", number(self.result)),
                ]
            ),
        ]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PNorm(Pooled):
    """result = (sum of patch^p · share)^(1/p); share is above 1 where ceil_mode cut the window."""

    p: float
    share: float

    @property
    def powers(self) -> NDArray[Any]:
        """patch^p, (KH, KW)."""
        return self.patch**self.p

    @property
    def sum(self) -> float:
        """The sum of the powers."""
        return float(self.powers.sum())

    @property
    def result(self) -> float:
        """The output number; where the sum is negative, minus the root of its size."""
        total = self.sum * self.share
        return math.copysign(abs(total) ** (1 / self.p), total)

    def formula(self) -> str:
        """What the result is, in one line with the numbers."""
        share = f" * {number(self.share)}" if self.share != 1 else ""
        return f"({number(self.sum)}{share})^(1/{number(self.p)}) = {number(self.result)}"

    def lines(self) -> list[str]:
        """The arithmetic, line by line."""
        p, total = number(self.p), self.sum * self.share
        steps = [("  sum", number(self.sum))]
        if self.share != 1:
            counted = int((~self.view.is_beyond).sum())
            steps.append((f"x {self.patch.size} taps / {counted} counted", number(total)))
        sign, inside = ("-", number(-total)) if total < 0 else ("", number(total))
        steps.append((f"= {sign}{inside}^(1/{p})", number(self.result)))
        powers = grid(f"patch^{p}", self.powers, self.view)
        return [
            *window_lines(self.image, self.view),
            "",
            *side_by_side([""], grid("patch", self.patch, self.view), "->", powers),
            "",
            *labelled_numbers(steps),
        ]


def explain_max_pool(asked: Asked) -> Extreme:
    """One output number of a ``MaxPool2d``."""
    return _extreme(asked, _sliding(asked, fill=-math.inf), largest=True)


def explain_min_pool(asked: Asked) -> Extreme:
    """One output number of a ``MinPool2d``."""
    return _extreme(asked, _sliding(asked, fill=math.inf), largest=False)


def explain_global_max(asked: Asked) -> Extreme:
    """One output number of a ``GlobalMaxPool2d``."""
    return _extreme(asked, _whole(asked), largest=True)


def explain_global_min(asked: Asked) -> Extreme:
    """One output number of a ``GlobalMinPool2d``."""
    return _extreme(asked, _whole(asked), largest=False)


def explain_adaptive_max(asked: Asked) -> Extreme:
    """One output number of an ``AdaptiveMaxPool2d``."""
    return _extreme(asked, _region(asked), largest=True)


def explain_avg_pool(asked: Asked) -> Mean:
    """One output number of an ``AvgPool2d``."""
    view, layer = _sliding(asked), asked.layer
    if layer.divisor_override is not None:
        return _mean(asked, view, layer.divisor_override, "divisor_override")
    if layer.count_include_pad:
        padded = " and padding" if view.is_padding.any() else ""
        return _mean(asked, view, (~view.is_beyond).sum(), "pixels" + padded)
    left_out = ", without padding" if view.is_padding.any() else ""
    return _mean(asked, view, view.is_pixel.sum(), "pixels" + left_out)


def explain_global_avg(asked: Asked) -> Mean:
    """One output number of a ``GlobalAvgPool2d``."""
    return _mean(asked, _whole(asked), asked.image[0].size, "pixels")


def explain_adaptive_avg(asked: Asked) -> Mean:
    """One output number of an ``AdaptiveAvgPool2d``."""
    view = _region(asked)
    return _mean(asked, view, view.is_pixel.size, "pixels of the region")


def explain_lp_pool(asked: Asked) -> PNorm:
    """One output number of an ``LPPool2d``."""
    view = _sliding(asked)
    share = view.is_beyond.size / (~view.is_beyond).sum()
    patch = _patch(asked, view)
    p = float(asked.layer.norm_type)
    return PNorm(**asked._asdict(), view=view, patch=patch, p=p, share=float(share))


def _sliding(asked: Asked, fill: float = 0.0) -> View:
    layer, (height, width) = asked.layer, asked.image.shape[1:]
    window: Window = make_window(
        "explain",
        (height, width),
        layer.kernel_size,
        layer.stride,
        layer.padding,
        getattr(layer, "dilation", 1),
        layer.ceil_mode,
    )
    return view_of_window(window, *asked.place[2:], fill=fill)


def _whole(asked: Asked) -> View:
    height, width = asked.image.shape[1:]
    return View(whole_axis(height), whole_axis(width))


def _region(asked: Asked) -> View:
    rows, columns = (
        region_axis(size, regions, place)
        for size, regions, place in zip(
            asked.image.shape[1:], asked.output_shape[2:], asked.place[2:], strict=True
        )
    )
    return View(rows, columns)


def _extreme(asked: Asked, view: View, largest: bool) -> Extreme:
    return Extreme(**asked._asdict(), view=view, patch=_patch(asked, view), largest=largest)


def _mean(asked: Asked, view: View, divisor: Any, reason: str) -> Mean:
    patch = _patch(asked, view)
    return Mean(**asked._asdict(), view=view, patch=patch, divisor=float(divisor), reason=reason)


def _patch(asked: Asked, view: View) -> NDArray[Any]:
    channel = asked.place[1]
    return view.read(asked.image[channel : channel + 1])[0]
