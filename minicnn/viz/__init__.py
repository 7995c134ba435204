"""Floor 5, pictures of what networks see and do; needs matplotlib.

Every function returns a ``Picture``: a notebook shows it, ``picture.savefig(path)`` writes it.
"""

from __future__ import annotations

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError("minicnn.viz needs matplotlib: pip install 'minicnn[plot]'") from error

from .picture import COLOURS, Picture, colour_scale, subplots

__all__ = ["COLOURS", "Picture", "colour_scale", "subplots"]
