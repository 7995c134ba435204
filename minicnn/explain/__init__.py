"""Floor 6, how one number came about, and where each size comes from.

print(explain(conv, images, n=0, channel=2, i=10, j=12))
print(explain("conv2", images, n=0, channel=2, i=3, j=4, model=lenet5))
print(explain_shapes(model, (1, 28, 28)))
"""

from __future__ import annotations

from .explanation import Explanation
from .layers import explain
from .shapes import ShapeRow, ShapeTable, explain_shapes

__all__ = ["Explanation", "ShapeRow", "ShapeTable", "explain", "explain_shapes"]
