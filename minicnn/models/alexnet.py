"""AlexNet as the course simplifies it for MNIST (after Krizhevsky, Sutskever and Hinton, 2012)."""

from __future__ import annotations

from ..nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from .classifier import ImageClassifier
from .keras_init import init_like_keras


class AlexNetMNIST(ImageClassifier, Sequential):
    """The course's simplified AlexNet: three 3x3 convolutions, two dense layers, ReLU.

    >>> model = mc.models.AlexNetMNIST()
    >>> model(mc.tensor(np.zeros((2, *model.input_shape), np.float32))).shape
    (2, 10)
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        in_channels, num_classes = self._set_sizes("alexnet_mnist", in_channels, num_classes, 28)
        super().__init__(
            {
                "conv1": Conv2d(in_channels, 32, 3),  # (N, 32, 26, 26)
                "relu1": ReLU(),
                "pool1": MaxPool2d(2),  # (N, 32, 13, 13)
                "conv2": Conv2d(32, 64, 3),  # (N, 64, 11, 11)
                "relu2": ReLU(),
                "pool2": MaxPool2d(2),  # (N, 64, 5, 5)
                "conv3": Conv2d(64, 128, 3),  # (N, 128, 3, 3)
                "relu3": ReLU(),
                "flatten": Flatten(),  # (N, 1152)
                "fc1": Linear(1152, 128),
                "relu4": ReLU(),
                "fc2": Linear(128, num_classes),
            }
        )
        init_like_keras(self)


def alexnet_mnist(num_classes: int = 10, in_channels: int = 1) -> AlexNetMNIST:
    """The course's simplified AlexNet for (N, in_channels, 28, 28); 241,546 parameters by default.

    conv1 32@3x3 320, conv2 64@3x3 18,496, conv3 128@3x3 73,856, fc1 147,584, fc2 1,290.
    Raises TypeError or ValueError for sizes that are not integers of 1 or more.

    >>> model = mc.models.alexnet_mnist()
    >>> sum(p.size for p in model.parameters())
    241546
    """
    return AlexNetMNIST(num_classes, in_channels)
