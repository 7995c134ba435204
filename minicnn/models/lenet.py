"""LeNet-5 as the course builds it, in code and in text (after LeCun et al., 1998)."""

from __future__ import annotations

from ..autograd import Tensor
from ..nn import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, Module
from ..ops import relu, sigmoid
from .initial import start_as_keras


class LeNet5(Module):
    """The course's LeNet-5: 28x28 images, ReLU, max pooling. Logits; softmax is in the loss.

    The course applies ReLU before pooling. Both orders give the same numbers and gradients, since
    neither map changes the order of values; pooling first leaves ReLU a quarter of the work.
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        self.input_shape, self.num_classes = (in_channels, 28, 28), num_classes
        self.conv1 = Conv2d(in_channels, 6, 5)
        self.pool1 = MaxPool2d(2)
        self.conv2 = Conv2d(6, 16, 5)
        self.pool2 = MaxPool2d(2)
        self.flatten = Flatten()
        self.fc1 = Linear(256, 120)
        self.fc2 = Linear(120, 84)
        self.fc3 = Linear(84, num_classes)
        start_as_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.pool1(self.conv1(x)))  # (N, 6, 12, 12)
        x = relu(self.pool2(self.conv2(x)))  # (N, 16, 4, 4)
        x = self.flatten(x)  # (N, 256)
        x = relu(self.fc1(x))  # (N, 120)
        x = relu(self.fc2(x))  # (N, 84)
        return self.fc3(x)  # (N, num_classes)


def lenet5(num_classes: int = 10, in_channels: int = 1) -> LeNet5:
    """The course's LeNet-5 for (N, in_channels, 28, 28); 44,426 parameters by default.

    conv1 6@5x5 156, conv2 16@5x5 2,416, fc1 30,840, fc2 10,164, fc3 850.
    """
    return LeNet5(num_classes, in_channels)


class LeNet5Sigmoid(Module):
    """LeNet-5 as the course's text describes it: 32x32 images, sigmoid, 2x2 pooling."""

    input_shape, num_classes = (1, 32, 32), 10

    def __init__(self, pooling: str = "max") -> None:
        pools = {"max": MaxPool2d, "avg": AvgPool2d}
        if pooling not in pools:
            raise ValueError(f'pooling: got {pooling!r}, expected "max" or "avg"')
        self.c1 = Conv2d(1, 6, 5)
        self.s2 = pools[pooling](2)
        self.c3 = Conv2d(6, 16, 5)
        self.s4 = pools[pooling](2)
        self.flatten = Flatten()
        self.c5 = Linear(400, 120)
        self.f6 = Linear(120, 84)
        self.output = Linear(84, 10)
        start_as_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.s2(sigmoid(self.c1(x)))  # (N, 6, 14, 14)
        x = self.s4(sigmoid(self.c3(x)))  # (N, 16, 5, 5)
        x = self.flatten(x)  # (N, 400)
        x = sigmoid(self.c5(x))  # (N, 120)
        x = sigmoid(self.f6(x))  # (N, 84)
        return self.output(x)  # (N, 10)


def lenet5_sigmoid(pooling: str = "max") -> LeNet5Sigmoid:
    """LeNet-5 as the course's text has it, for (N, 1, 32, 32); 61,706 parameters.

    C1 6@5x5 156, S2, C3 16@5x5 2,416, S4, C5 48,120, F6 10,164, output 850. The paper's own network
    differs: sums with trainable coefficients for S2 and S4, a sparse C3, RBF units at the output.
    Raises ValueError for a pooling other than "max" and "avg".
    """
    return LeNet5Sigmoid(pooling)
