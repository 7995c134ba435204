"""Data sets by name or from your own files and arrays, transforms of images, and batches."""

from . import transforms
from .catalog import NAMES, cache_directory, download, load, load_directory, locate
from .dataset import ArrayDataset, Dataset
from .errors import DataError
from .idx import read_idx
from .image_folder import ImageFolder
from .loader import DataLoader
from .pictures import read_image
from .split import hold_out, random_split

__all__ = [
    "load",
    "load_directory",
    "locate",
    "download",
    "cache_directory",
    "NAMES",
    "ArrayDataset",
    "Dataset",
    "ImageFolder",
    "read_image",
    "random_split",
    "hold_out",
    "DataLoader",
    "transforms",
    "read_idx",
    "DataError",
]
