"""Gradient checks, for minicnn's own tests and for those of your ops and layers.

``minicnn.testing.strategies`` is imported separately, since it needs hypothesis.
"""

from __future__ import annotations

from .gradcheck import gradcheck, gradgradcheck, numerical_gradient

__all__ = ["gradcheck", "gradgradcheck", "numerical_gradient"]
