"""LeNet-5 as the course builds it, in code and in text (after LeCun et al., 1998)."""

from __future__ import annotations

from typing import Literal

from ..autograd import Tensor
from ..checks import check_choice, check_integer
from ..nn import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d
from ..ops import relu, sigmoid
from .classifier import ImageClassifier
from .keras_init import init_like_keras
from .shipped import load_shipped


class LeNet5(ImageClassifier):
    """The course's LeNet-5: 28x28 images, ReLU, max pooling. Logits; softmax is in the loss.

    The course applies ReLU before pooling. Both orders give the same numbers and gradients, since
    neither operation changes the order of values; pooling first leaves ReLU a quarter of the work.

    >>> model = mc.models.LeNet5(num_classes=26)
    >>> model(mc.tensor(np.zeros((2, *model.input_shape), np.float32))).shape
    (2, 26)
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        num_classes = check_integer("lenet5: num_classes", num_classes, least=1)
        in_channels = check_integer("lenet5: in_channels", in_channels, least=1)
        self.input_shape, self.num_classes = (in_channels, 28, 28), num_classes
        self.conv1 = Conv2d(in_channels, 6, 5)
        self.pool1 = MaxPool2d(2)
        self.conv2 = Conv2d(6, 16, 5)
        self.pool2 = MaxPool2d(2)
        self.flatten = Flatten()
        self.fc1 = Linear(256, 120)
        self.fc2 = Linear(120, 84)
        self.fc3 = Linear(84, num_classes)
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.pool1(self.conv1(x)))  # (N, 6, 12, 12)
        x = relu(self.pool2(self.conv2(x)))  # (N, 16, 4, 4)
        x = self.flatten(x)  # (N, 256)
        x = relu(self.fc1(x))  # (N, 120)
        x = relu(self.fc2(x))  # (N, 84)
        return self.fc3(x)  # (N, num_classes)


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


class LeNet5Sigmoid(ImageClassifier):
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
        num_classes = check_integer("lenet5_sigmoid: num_classes", num_classes, least=1)
        in_channels = check_integer("lenet5_sigmoid: in_channels", in_channels, least=1)
        self.input_shape, self.num_classes = (in_channels, 32, 32), num_classes
        self.c1 = Conv2d(in_channels, 6, 5)
        self.s2 = pool(2)
        self.c3 = Conv2d(6, 16, 5)
        self.s4 = pool(2)
        self.flatten = Flatten()
        self.c5 = Linear(400, 120)
        self.f6 = Linear(120, 84)
        self.output = Linear(84, num_classes)
        init_like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.s2(sigmoid(self.c1(x)))  # (N, 6, 14, 14)
        x = self.s4(sigmoid(self.c3(x)))  # (N, 16, 5, 5)
        x = self.flatten(x)  # (N, 400)
        x = sigmoid(self.c5(x))  # (N, 120)
        x = sigmoid(self.f6(x))  # (N, 84)
        return self.output(x)  # (N, num_classes)


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
