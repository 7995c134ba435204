"""LeNet-5 as the course builds it, in code and in text (after LeCun et al., 1998)."""

from __future__ import annotations

from typing import Literal

from ..checks import check_choice
from ..nn import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Sigmoid
from .classifier import ImageClassifier
from .keras_init import init_like_keras
from .shipped import load_shipped


class LeNet5(ImageClassifier, Sequential):
    """The course's LeNet-5: 28x28 images, ReLU, max pooling. Logits; softmax is in the loss.

    >>> model = mc.models.LeNet5(num_classes=26)
    >>> model(mc.tensor(np.zeros((2, *model.input_shape), np.float32))).shape
    (2, 26)
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        in_channels, num_classes = self._set_sizes("lenet5", in_channels, num_classes, 28)
        super().__init__(
            {
                "conv1": Conv2d(in_channels, 6, 5),  # (N, 6, 24, 24)
                "relu1": ReLU(),
                "pool1": MaxPool2d(2),  # (N, 6, 12, 12)
                "conv2": Conv2d(6, 16, 5),  # (N, 16, 8, 8)
                "relu2": ReLU(),
                "pool2": MaxPool2d(2),  # (N, 16, 4, 4)
                "flatten": Flatten(),  # (N, 256)
                "fc1": Linear(256, 120),
                "relu3": ReLU(),
                "fc2": Linear(120, 84),
                "relu4": ReLU(),
                "fc3": Linear(84, num_classes),
            }
        )
        init_like_keras(self)


def lenet5(
    num_classes: int = 10,
    in_channels: int = 1,
    weights: Literal["mnist", "digits"] | None = None,
) -> LeNet5:
    """The course's LeNet-5 for (N, in_channels, 28, 28); 44,426 parameters by default.

    conv1 6@5x5 156, conv2 16@5x5 2,416, fc1 30,840, fc2 10,164, fc3 850. weights: those that come
    with minicnn, trained on this data set; ``models.load("lenet5-mnist")`` also tells how.
    Raises TypeError or ValueError for sizes that are not integers of 1 or more, for other weights,
    and for weights with other sizes.

    >>> model = mc.models.lenet5()
    >>> sum(p.size for p in model.parameters())
    44426
    >>> images, labels = mc.data.load("digits", "test")[:]
    >>> trained = mc.models.lenet5(weights="digits")
    >>> mc.ops.accuracy(trained(mc.tensor(trained.as_input(images))), labels).item() > 0.96
    True
    """
    model = LeNet5(num_classes, in_channels)
    if weights is not None:
        load_shipped(model, "lenet5", weights)
    return model


class LeNet5Sigmoid(ImageClassifier, Sequential):
    """LeNet-5 as the course's text describes it: 32x32 images, sigmoid, 2x2 pooling.

    >>> model = mc.models.LeNet5Sigmoid()
    >>> model(mc.tensor(np.zeros((2, *model.input_shape), np.float32))).shape
    (2, 10)
    """

    def __init__(
        self,
        pooling: Literal["max", "avg"] = "max",
        num_classes: int = 10,
        in_channels: int = 1,
    ) -> None:
        pools = {"max": MaxPool2d, "avg": AvgPool2d}
        pool = pools[check_choice("lenet5_sigmoid: pooling", pooling, pools)]
        in_channels, num_classes = self._set_sizes("lenet5_sigmoid", in_channels, num_classes, 32)
        super().__init__(
            {
                "c1": Conv2d(in_channels, 6, 5),  # (N, 6, 28, 28)
                "sigmoid1": Sigmoid(),
                "s2": pool(2),  # (N, 6, 14, 14)
                "c3": Conv2d(6, 16, 5),  # (N, 16, 10, 10)
                "sigmoid3": Sigmoid(),
                "s4": pool(2),  # (N, 16, 5, 5)
                "flatten": Flatten(),  # (N, 400)
                "c5": Linear(400, 120),
                "sigmoid5": Sigmoid(),
                "f6": Linear(120, 84),
                "sigmoid6": Sigmoid(),
                "output": Linear(84, num_classes),
            }
        )
        init_like_keras(self)


def lenet5_sigmoid(
    pooling: Literal["max", "avg"] = "max", num_classes: int = 10, in_channels: int = 1
) -> LeNet5Sigmoid:
    """LeNet-5 as the course's text describes it, for (N, in_channels, 32, 32); 61,706 parameters.

    C1 6@5x5 156, S2, C3 16@5x5 2,416, S4, C5 48,120, F6 10,164, output 850. The paper's own network
    (``lenet5_1998``) differs: sums with trainable coefficients for S2 and S4, a sparse C3, RBF
    units at the output. Raises ValueError for a pooling other than "max" and "avg", TypeError or
    ValueError for sizes that are not integers of 1 or more.

    >>> type(mc.models.lenet5_sigmoid(pooling="avg").s2).__name__
    'AvgPool2d'
    """
    return LeNet5Sigmoid(pooling, num_classes, in_channels)
