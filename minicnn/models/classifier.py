"""What each network offers besides its layers: which images it takes, and how they are prepared."""

from __future__ import annotations

from typing import ClassVar

from ..backend import Array
from ..checks import check_integer
from ..data.transforms import PadTo, Resize
from ..nn import Module

Shape = tuple[int, int, int]
"""(C, H, W) of one image."""


class ImageClassifier(Module):
    """A network from images (N, C, H, W) to scores (N, K), and what is needed to feed it.

    input_shape  (C, H, W) of the images that it takes
    num_classes  K, the number of classes
    prepare      changes the pixels, from 0 to 1, to the values that the network was made for
    as_input     changes the size too; a transform for a DataLoader

    A subclass sets the first two, and overrides ``prepare`` if it was made for other values.

    >>> class Tiny(mc.models.ImageClassifier):
    ...     input_shape, num_classes = (1, 8, 8), 10
    ...     def __init__(self):
    ...         self.layers = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(64, 10))
    ...     def forward(self, x):
    ...         return self.layers(x)
    >>> Tiny().as_input(np.ones((5, 1, 28, 28), np.float32)).shape
    (5, 1, 8, 8)
    """

    input_shape: Shape
    num_classes: int
    after_the_scores: ClassVar[str] = "softmax, in the loss"
    """What makes probabilities of the scores, and where."""

    def _set_sizes(
        self, name: str, in_channels: int, num_classes: int, side: int
    ) -> tuple[int, int]:
        """Set what a network for square images takes and gives; both numbers, checked."""
        in_channels = check_integer(f"{name}: in_channels", in_channels, least=1)
        num_classes = check_integer(f"{name}: num_classes", num_classes, least=1)
        self.input_shape, self.num_classes = (in_channels, side, side), num_classes
        return in_channels, num_classes

    def prepare(self, images: Array) -> Array:
        """Pixels from 0 to 1, (N, C, H, W), as the network was made for: here unchanged."""
        return images

    def as_input(self, images: Array) -> Array:
        """Images of any size with pixels from 0 to 1, (N, C, H', W'), sized and prepared.

        Raises ValueError for another number of channels.
        """
        if images.shape[1] != self.input_shape[0]:
            raise ValueError(
                f"{type(self).__name__}: takes images of {count(self.input_shape[0], 'channel')}, "
                f"got {images.shape[1]}"
            )
        sized = size_transform(images.shape[2:], self.input_shape)
        return self.prepare(images if sized is None else sized(images))


def size_transform(size: tuple[int, ...], input_shape: Shape) -> PadTo | Resize | None:
    """The transform from images of a size (H, W) to that of a network, None if they are the same.

    It pads images that are nearly as large, and resizes others.
    """
    _, height, width = input_shape
    if tuple(size) == (height, width):
        return None
    nearly = all(m / 2 < n <= m for n, m in zip(size, (height, width), strict=True))
    return (PadTo if nearly else Resize)((height, width))


def count(number: int, noun: str) -> str:
    """ "1 channel", "3 channels"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
