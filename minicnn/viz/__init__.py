"""Floor 5, pictures of what networks see and do."""

from __future__ import annotations

from .sheet import sheet

__all__ = ["sheet"]
