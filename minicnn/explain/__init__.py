"""Floor 6: how a single output number was computed, and where each size comes from.

Imports go down: layers.py (which layer has which explanation) and shapes.py; below them one file
for each family of explanations, and size_rules.py; below those explanation.py, drawing.py, text.py
and view.py, the parts that explanations are made of.
"""

from __future__ import annotations

from .explanation import Explanation
from .layers import explain
from .shapes import ShapeRow, ShapeTable, explain_shapes

__all__ = ["Explanation", "ShapeRow", "ShapeTable", "explain", "explain_shapes"]
