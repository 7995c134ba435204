"""Floor 6, how one number came about."""

from __future__ import annotations

__all__: list[str] = []
