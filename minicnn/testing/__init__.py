"""Floor 3, checking gradients: for minicnn's own tests, and for those of your ops and layers."""

from __future__ import annotations

from .gradcheck import gradcheck, gradgradcheck, numerical_gradient

__all__ = ["gradcheck", "gradgradcheck", "numerical_gradient"]
