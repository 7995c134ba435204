"""Pooling: one output number is the extreme, mean or p-norm of the pixels under the window."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..backend.geometry import make_window
from .explanation import Explanation, Query
from .text import describe_window, format_grid, format_number, labelled_numbers, side_by_side
from .view import View, view_image, view_region, view_window

if TYPE_CHECKING:
    from ..viz import Picture


MOST = 12  # rows and columns of a patch that has the whole line to itself


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Pooled(Explanation):
    """A number made from one map: view says which pixels, patch (KH, KW) holds their values."""

    view: View
    patch: NDArray[Any]

    @property
    def map(self) -> NDArray[Any]:
        """The input map that is pooled, (H, W)."""
        return self.image[self.place[1]]

    @abstractmethod
    def formula(self) -> str:
        """What the result is, in one line with the numbers."""

    @abstractmethod
    def steps(self) -> list[str]:
        """What is done with the patch, line by line."""

    def grids(self) -> list[str]:
        """The patch as text."""
        return side_by_side([""], format_grid("patch", self.patch, self.view, most=MOST))

    def lines(self) -> list[str]:
        """The arithmetic, line by line."""
        return [*describe_window(self.image, self.view), "", *self.grids(), "", *self.steps()]

    def picture(self) -> Picture:
        """Draw the input with the window, and the patch. Raises ImportError without matplotlib."""
        return self._draw()[0]

    def _draw(
        self, panels: int = 2, winner: tuple[int, int] | None = None
    ) -> tuple[Picture, list[Any]]:
        """The picture and its panels, of which the first two are drawn."""
        from ..viz import colour_scale, subplots
        from .drawing import draw_cells, draw_map

        picture, axes = subplots(1, panels, (3.0 * panels, 3.2))
        scale = colour_scale(self.map, self.patch)
        draw_map(axes[0], f"input, channel {self.place[1]}", self.map, scale, self.view)
        draw_cells(axes[1], "patch", self.patch, scale, self.view, winner)
        picture.suptitle(f"{self.name} = {self.formula()}")
        return picture, list(axes)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Extreme(Pooled):
    """result = the largest (or smallest) pixel under the window."""

    largest: bool

    @property
    def winner(self) -> tuple[int, int]:
        """Row and column of the winner in the window: the first in row order; NaN wins over all."""
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
        return f"{format_number(self.result)}, {self._winner_in_words()}"

    def grids(self) -> list[str]:
        """The patch as text, with the winner in brackets."""
        return side_by_side(
            [""], format_grid("patch", self.patch, self.view, self.winner, most=MOST)
        )

    def steps(self) -> list[str]:
        """Which pixel wins, and its value."""
        return [
            f"  [ ] {self._winner_in_words()} of channel {self.place[1]}",
            f"  = result  {format_number(self.result)}",
        ]

    def _winner_in_words(self) -> str:
        row, column = self.view.pixel(*self.winner)
        return f"the {'largest' if self.largest else 'smallest'}: row {row}, column {column}"

    def picture(self) -> Picture:
        """Draw the input with the window, and the patch; the winner has a frame in both.

        Raises ImportError without matplotlib.
        """
        picture, axes = self._draw(winner=self.winner)
        from .drawing import WINNER_COLOUR, draw_outline

        draw_outline(axes[0], *self.view.pixel(*self.winner), 1, 1, WINNER_COLOUR)
        return picture


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
        divisor = f"{format_number(self.divisor)} ({self.reason})"
        return f"{format_number(self.sum)} / {divisor} = {format_number(self.result)}"

    def steps(self) -> list[str]:
        """The division."""
        labels = ("  sum", f"/ {self.reason}", "= result")
        numbers = map(format_number, (self.sum, self.divisor, self.result))
        return labelled_numbers(list(zip(labels, numbers, strict=True)))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PNorm(Pooled):
    """result = (sum of patch^p · share)^(1/p); share is above 1 where ceil_mode cuts the window."""

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
        """The output number; where the sum is negative, minus the root of its absolute value."""
        total = self.sum * self.share
        return math.copysign(abs(total) ** (1 / self.p), total)

    def formula(self) -> str:
        """What the result is, in one line with the numbers."""
        share = f" * {format_number(self.share)}" if self.share != 1 else ""
        root = f"({format_number(self.sum)}{share})^(1/{format_number(self.p)})"
        return f"{root} = {format_number(self.result)}"

    def grids(self) -> list[str]:
        """The patch and its powers as text."""
        patch = format_grid("patch", self.patch, self.view)
        powers = format_grid(f"patch^{format_number(self.p)}", self.powers, self.view)
        return side_by_side([""], patch, "->", powers)

    def steps(self) -> list[str]:
        """The sum, the share, the root."""
        total = self.sum * self.share
        steps = [("  sum", format_number(self.sum))]
        if self.share != 1:
            counted = int((~self.view.is_beyond).sum())
            label = f"x {self.patch.size} taps / {counted} counted"
            steps.append((label, format_number(total)))
        sign, inside = ("-", format_number(-total)) if total < 0 else ("", format_number(total))
        label = f"= {sign}{inside}^(1/{format_number(self.p)})"
        return labelled_numbers([*steps, (label, format_number(self.result))])

    def picture(self) -> Picture:
        """Draw the input with the window, the patch and its powers.

        Raises ImportError without matplotlib.
        """
        picture, axes = self._draw(panels=3)
        from ..viz import colour_scale
        from .drawing import draw_cells

        title = f"patch ^ {format_number(self.p)}"
        draw_cells(axes[2], title, self.powers, colour_scale(self.powers), self.view)
        return picture


def explain_max_pool(query: Query) -> Extreme:
    """One output number of a ``MaxPool2d``."""
    return _make_extreme(query, _view_window(query, fill=-math.inf), largest=True)


def explain_min_pool(query: Query) -> Extreme:
    """One output number of a ``MinPool2d``."""
    return _make_extreme(query, _view_window(query, fill=math.inf), largest=False)


def explain_global_max_pool(query: Query) -> Extreme:
    """One output number of a ``GlobalMaxPool2d``."""
    return _make_extreme(query, view_image(*query.image.shape[1:]), largest=True)


def explain_global_min_pool(query: Query) -> Extreme:
    """One output number of a ``GlobalMinPool2d``."""
    return _make_extreme(query, view_image(*query.image.shape[1:]), largest=False)


def explain_adaptive_max_pool(query: Query) -> Extreme:
    """One output number of an ``AdaptiveMaxPool2d``."""
    return _make_extreme(query, _view_region(query), largest=True)


def explain_avg_pool(query: Query) -> Mean:
    """One output number of an ``AvgPool2d``."""
    view, layer = _view_window(query), query.layer
    if layer.divisor_override is not None:
        return _make_mean(query, view, layer.divisor_override, "divisor_override")
    if layer.count_include_pad:
        padded = " and padding" if view.is_padding.any() else ""
        return _make_mean(query, view, (~view.is_beyond).sum(), "pixels" + padded)
    left_out = ", without padding" if view.is_padding.any() else ""
    return _make_mean(query, view, view.is_pixel.sum(), "pixels" + left_out)


def explain_global_avg_pool(query: Query) -> Mean:
    """One output number of a ``GlobalAvgPool2d``."""
    return _make_mean(query, view_image(*query.image.shape[1:]), query.image[0].size, "pixels")


def explain_adaptive_avg_pool(query: Query) -> Mean:
    """One output number of an ``AdaptiveAvgPool2d``."""
    view = _view_region(query)
    return _make_mean(query, view, view.is_pixel.size, "pixels of the region")


def explain_lp_pool(query: Query) -> PNorm:
    """One output number of an ``LPPool2d``."""
    view = _view_window(query)
    share = view.is_beyond.size / int((~view.is_beyond).sum())
    p = float(query.layer.norm_type)
    return PNorm(**query._asdict(), view=view, patch=_read_patch(query, view), p=p, share=share)


def _view_window(query: Query, fill: float = 0.0) -> View:
    layer, (height, width) = query.layer, query.image.shape[1:]
    window = make_window(
        "explain",
        (height, width),
        layer.kernel_size,
        layer.stride,
        layer.padding,
        getattr(layer, "dilation", 1),
        layer.ceil_mode,
    )
    return view_window(window, *query.place[2:], fill=fill)


def _view_region(query: Query) -> View:
    (height, width), (rows, columns) = query.image.shape[1:], query.output_shape[2:]
    return view_region((height, width), (rows, columns), *query.place[2:])


def _make_extreme(query: Query, view: View, largest: bool) -> Extreme:
    return Extreme(**query._asdict(), view=view, patch=_read_patch(query, view), largest=largest)


def _make_mean(query: Query, view: View, divisor: float, reason: str) -> Mean:
    patch = _read_patch(query, view)
    return Mean(**query._asdict(), view=view, patch=patch, divisor=float(divisor), reason=reason)


def _read_patch(query: Query, view: View) -> NDArray[Any]:
    channel = query.place[1]
    return view.read(query.image[channel : channel + 1])[0]
