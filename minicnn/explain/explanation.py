"""What every explanation has: the layer and the position, a text, a picture."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..autograd import Tensor
from ..nn import Module
from .text import format_number

if TYPE_CHECKING:
    from ..viz import Picture


class Query(NamedTuple):
    """Which output number of which layer to explain."""

    layer: Any
    image: NDArray[Any]
    """The input, of this image only, (C, H, W), in float64."""
    place: tuple[int, int, int, int]
    """n, channel, i, j."""
    output_shape: tuple[int, ...]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Explanation(ABC):
    """How one output number of a layer was computed; ``print`` it, or let a notebook display it.

    layer, place (n, channel, i, j) and output_shape say which number; image (C, H, W) is the input
    at n. ``result`` is the number, computed here in float64 from the parts that are shown.

    >>> x = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4))
    >>> e = mc.explain.explain(mc.nn.MaxPool2d(2), x, n=0, channel=0, i=1, j=0)
    >>> e.name, e.result, e.patch.tolist()
    ('y[0, 0, 1, 0]', 13.0, [[8.0, 9.0], [12.0, 13.0]])
    """

    layer: Module
    image: NDArray[Any]
    place: tuple[int, int, int, int]
    output_shape: tuple[int, ...]

    @property
    @abstractmethod
    def result(self) -> float:
        """The output number."""

    @abstractmethod
    def lines(self) -> list[str]:
        """The arithmetic, line by line."""

    @abstractmethod
    def picture(self) -> Picture:
        """Draw the explanation. Raises ImportError without matplotlib."""

    @property
    def name(self) -> str:
        """The output number as an index expression, such as "y[0, 2, 10, 12]"."""
        return f"y[{', '.join(map(str, self.place[: len(self.output_shape)]))}]"

    def __repr__(self) -> str:
        head = f"{self.name} = {format_number(self.result)}   (y has shape {self.output_shape})"
        return "\n".join([repr(self.layer), head, *self.lines()])

    def _repr_html_(self) -> str:
        text = f"<pre>{escape(repr(self))}</pre>"
        try:
            png = base64.b64encode(self.picture()._repr_png_()).decode()
        except ImportError:  # without matplotlib only the text
            return text
        return f'{text}<img alt="{escape(self.name)}" src="data:image/png;base64,{png}">'


def as_float64(values: Tensor, index: Any) -> NDArray[Any]:
    """Part of a Tensor as a NumPy array of float64; only this part is copied from a GPU."""
    return values.detach()[index].numpy().astype(np.float64)
