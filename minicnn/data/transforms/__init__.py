"""Changes to a batch of images (N, C, H, W) on its way from the loader to the network.

Each transform takes a float array and returns a new one that is batch-last in memory. The random
ones draw new numbers for each image from the global generator: after the same
``minicnn.manual_seed`` they do the same.
"""

from .augment import PCALighting, RandomAffine, RandomRotation
from .crops import CenterCrop, RandomCrop, RandomHorizontalFlip, RandomShift, TenCrop
from .scale import Compose, Normalize, PadTo, Resize

__all__ = [
    "Compose",
    "Normalize",
    "PadTo",
    "Resize",
    "CenterCrop",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomShift",
    "TenCrop",
    "PCALighting",
    "RandomAffine",
    "RandomRotation",
]
