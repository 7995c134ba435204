"""The error of processes that cannot work together."""

from __future__ import annotations


class ParallelError(RuntimeError):
    """Raised where several processes were started that cannot work together."""
