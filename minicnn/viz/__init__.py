"""Floor 5: pictures of networks, their data and their training; needs matplotlib.

Each picture is a ``Picture``: a notebook displays it, ``picture.savefig(path)`` writes it.
"""

from __future__ import annotations

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError("minicnn.viz needs matplotlib: pip install matplotlib") from error

from .architecture import architecture
from .attribution import (
    grad_cam,
    grad_cam_map,
    occlusion,
    occlusion_map,
    saliency,
    saliency_map,
)
from .graph import graph
from .image_grids import feature_maps, filters, images, mistakes
from .layer_health import dead_units, panels
from .picture import COLOURS, Picture, colour_scale, subplots
from .predictions import predictions
from .receptive import receptive_field, receptive_field_map
from .training import confusion_matrix, learning_curves

# fmt: off
__all__ = [
    "images", "filters", "feature_maps", "mistakes", "predictions",
    "panels", "dead_units",
    "learning_curves", "confusion_matrix",
    "occlusion", "occlusion_map", "saliency", "saliency_map", "grad_cam", "grad_cam_map",
    "receptive_field", "receptive_field_map", "graph", "architecture",
    "Picture", "subplots", "colour_scale", "COLOURS",
]
# fmt: on
