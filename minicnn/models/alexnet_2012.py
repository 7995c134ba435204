"""AlexNet: the paper's of 2012, the one-column variant of 2014, and one for small images.

Sources: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural
Networks", NIPS 25, 2012; Krizhevsky, "One weird trick for parallelizing convolutional neural
networks", 2014 (arXiv 1404.5997), in the sizes of torchvision.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..autograd import Tensor
from ..backend import Array
from ..checks import check_integer
from ..data.transforms import Normalize
from ..nn import (
    AdaptiveAvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
    init,
)
from ..ops import mean, softmax
from .classifier import ImageClassifier

IMAGENET = Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""The mean and the standard deviation of ImageNet's pixels, as torchvision's weights expect."""

BIASES_OF_ONE = ("conv2", "conv4", "conv5", "fc6", "fc7")


class EightLayers(ImageClassifier, Sequential):
    """What AlexNet and ScaledAlexNet share: the layers without weights, and the order.

    LRN has the paper's n = 5, alpha = 1e-4, beta = 0.75 and k = 2; the alpha of
    ``local_response_norm`` is divided by n. Pooling windows of 3 overlap at stride 2.
    """

    def __init__(self, convolutions: Sequence[Conv2d], dense: Sequence[Linear]) -> None:
        conv1, conv2, conv3, conv4, conv5 = convolutions
        fc6, fc7, fc8 = dense
        stages: list[dict[str, Module]] = [
            {"conv1": conv1, "relu1": ReLU(), "norm1": _response_norm(), "pool1": MaxPool2d(3, 2)},
            {"conv2": conv2, "relu2": ReLU(), "norm2": _response_norm(), "pool2": MaxPool2d(3, 2)},
            {"conv3": conv3, "relu3": ReLU()},
            {"conv4": conv4, "relu4": ReLU()},
            {"conv5": conv5, "relu5": ReLU(), "pool5": MaxPool2d(3, 2), "flatten": Flatten()},
            {"fc6": fc6, "relu6": ReLU(), "dropout6": Dropout(0.5)},
            {"fc7": fc7, "relu7": ReLU(), "dropout7": Dropout(0.5)},
            {"fc8": fc8},  # (N, num_classes)
        ]
        super().__init__({name: layer for stage in stages for name, layer in stage.items()})


def _response_norm() -> LocalResponseNorm:
    return LocalResponseNorm(5, 5 * 1e-4, 0.75, 2.0)


class AlexNet(EightLayers):
    """The network of the paper: eight learned layers, ReLU, LRN, overlapping pooling, dropout.

    In conv2, conv4 and conv5 each of the paper's two GPUs sees only its own half of the maps: two
    groups. The paper says 224x224, but its 55x55 after conv1 needs 227x227. Weights start
    N(0, 0.01); biases start at 1 in conv2, conv4, conv5 and the hidden dense layers, so that their
    ReLUs start active, and at 0 elsewhere.

    >>> channels, height, width = mc.models.AlexNet.input_shape
    >>> (height - 11) // 4 + 1  # conv1 has 11x11 kernels and stride 4
    55
    """

    input_shape = (3, 227, 227)

    def __init__(self, num_classes: int = 1000) -> None:
        self.num_classes = check_integer("alexnet: num_classes", num_classes, least=1)
        convolutions = [
            Conv2d(3, 96, 11, stride=4),  # (N, 96, 55, 55), pooled (N, 96, 27, 27)
            Conv2d(96, 256, 5, padding=2, groups=2),  # (N, 256, 27, 27), pooled (N, 256, 13, 13)
            Conv2d(256, 384, 3, padding=1),  # (N, 384, 13, 13)
            Conv2d(384, 384, 3, padding=1, groups=2),  # (N, 384, 13, 13)
            Conv2d(384, 256, 3, padding=1, groups=2),  # (N, 256, 13, 13), pooled (N, 256, 6, 6)
        ]
        dense = [Linear(9216, 4096), Linear(4096, 4096), Linear(4096, num_classes)]
        super().__init__(convolutions, dense)
        for name, parameter in self.named_parameters():
            layer, kind = name.split(".")
            if kind == "weight":
                init.normal_(parameter, 0.0, 0.01)
            else:
                init.constant_(parameter, float(layer in BIASES_OF_ONE))


def alexnet(num_classes: int = 1000) -> AlexNet:
    """The AlexNet of 2012 for (N, 3, 227, 227); 60,965,224 parameters for 1000 classes.

    conv1 96@11x11 stride 4 34,944, conv2 256@5x5 in 2 groups 307,456, conv3 384@3x3 885,120,
    conv4 384@3x3 in 2 groups 663,936, conv5 256@3x3 in 2 groups 442,624, fc6 37,752,832,
    fc7 16,781,312, fc8 4,097,000.

    >>> mc.models.alexnet(num_classes=0)
    Traceback (most recent call last):
    ValueError: alexnet: num_classes: got 0, expected an integer of 1 or more
    """
    return AlexNet(num_classes)


class AlexNetTorchvision(ImageClassifier):
    """torchvision's AlexNet, which loads its state dicts: one column, no LRN, dropout before dense.

    Weights start as in each layer by itself, which is also PyTorch's and torchvision's default.
    ``prepare`` subtracts ImageNet's mean and divides by its standard deviation.

    >>> channels, height, width = mc.models.AlexNetTorchvision.input_shape
    >>> (height + 2 * 2 - 11) // 4 + 1  # features.0 has 11x11 kernels, stride 4 and padding 2
    55
    """

    input_shape = (3, 224, 224)

    def __init__(self, num_classes: int = 1000) -> None:
        self.num_classes = check_integer("alexnet_torchvision: num_classes", num_classes, least=1)
        self.features = Sequential(
            Conv2d(3, 64, 11, stride=4, padding=2),
            ReLU(),
            MaxPool2d(3, 2),  # (N, 64, 27, 27)
            Conv2d(64, 192, 5, padding=2),
            ReLU(),
            MaxPool2d(3, 2),  # (N, 192, 13, 13)
            Conv2d(192, 384, 3, padding=1),
            ReLU(),
            Conv2d(384, 256, 3, padding=1),
            ReLU(),
            Conv2d(256, 256, 3, padding=1),
            ReLU(),
            MaxPool2d(3, 2),  # (N, 256, 6, 6)
        )
        self.avgpool, self.flatten = AdaptiveAvgPool2d((6, 6)), Flatten()
        self.classifier = Sequential(
            Dropout(0.5),
            Linear(9216, 4096),
            ReLU(),
            Dropout(0.5),
            Linear(4096, 4096),
            ReLU(),
            Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))  # (N, 256, 6, 6)
        return self.classifier(self.flatten(x))  # (N, num_classes)

    def prepare(self, images: Array) -> Array:
        """Minus ImageNet's mean, divided by its standard deviation, as torchvision does."""
        return IMAGENET(images)


def alexnet_torchvision(num_classes: int = 1000) -> AlexNetTorchvision:
    """torchvision's AlexNet for (N, 3, H, W), 224x224 or any from 63x63; 61,100,840 parameters.

    features.0 64@11x11 stride 4 23,296, features.3 192@5x5 307,392, features.6 384@3x3 663,936,
    features.8 256@3x3 884,992, features.10 256@3x3 590,080, classifier.1 37,752,832,
    classifier.4 16,781,312, classifier.6 4,097,000.

    >>> mc.models.alexnet_torchvision(num_classes="ten")
    Traceback (most recent call last):
    TypeError: alexnet_torchvision: num_classes: got 'ten', expected an integer of 1 or more
    """
    return AlexNetTorchvision(num_classes)


class ScaledAlexNet(EightLayers):
    """AlexNet's eight layers for small images: the paper's stages, but conv1 is 3x3 with stride 1.

    With w = width: conv w@3x3, 2w@5x5, 4w, 4w, 2w@3x3, dense 16w, 16w, num_classes; LRN after the
    first two, overlapping pooling (3, stride 2) after the first two and the fifth, dropout after
    both hidden dense layers. There are no groups: one device holds it. Weights start He normal,
    biases at 0; with N(0, 0.01) the signal would vanish in layers this small.

    >>> model = mc.models.ScaledAlexNet(image_size=16, width=4)
    >>> model(mc.tensor(np.zeros((2, *model.input_shape), np.float32))).shape
    (2, 10)
    """

    def __init__(
        self, num_classes: int = 10, in_channels: int = 1, image_size: int = 28, width: int = 32
    ) -> None:
        image_size = check_integer("scaled_alexnet: image_size", image_size, least=15)
        width = check_integer("scaled_alexnet: width", width, least=1)
        in_channels, num_classes = self._set_sizes(
            "scaled_alexnet", in_channels, num_classes, image_size
        )
        w, side = width, (((image_size - 1) // 2 - 1) // 2 - 1) // 2  # (n - 3) // 2 + 1, thrice
        convolutions = [
            Conv2d(in_channels, w, 3, padding=1),  # (N, w, 28, 28), pooled (N, w, 13, 13)
            Conv2d(w, 2 * w, 5, padding=2),  # (N, 2w, 13, 13), pooled (N, 2w, 6, 6)
            Conv2d(2 * w, 4 * w, 3, padding=1),  # (N, 4w, 6, 6)
            Conv2d(4 * w, 4 * w, 3, padding=1),  # (N, 4w, 6, 6)
            Conv2d(4 * w, 2 * w, 3, padding=1),  # (N, 2w, 6, 6), pooled (N, 2w, 2, 2)
        ]
        hidden = 16 * w
        dense = [Linear(2 * w * side**2, hidden), Linear(hidden, hidden)]
        super().__init__(convolutions, [*dense, Linear(hidden, num_classes)])
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.kaiming_normal_(parameter, nonlinearity="relu")
            else:
                init.zeros_(parameter)


def scaled_alexnet(
    num_classes: int = 10, in_channels: int = 1, image_size: int = 28, width: int = 32
) -> ScaledAlexNet:
    """AlexNet for small images (N, in_channels, image_size, image_size), see ``ScaledAlexNet``.

    Raises TypeError or ValueError for sizes that are not integers of 1 or more, ValueError for
    images smaller than 15x15, of which the third pooling would leave nothing.

    >>> model = mc.models.scaled_alexnet()
    >>> sum(p.size for p in model.parameters())
    746186
    """
    return ScaledAlexNet(num_classes, in_channels, image_size, width)


def mean_over_crops(scores: Tensor, crops: int = 10) -> Tensor:
    """The mean of the softmax over the crops of each image: (crops·N, K) -> (N, K) probabilities.

    p[n, k] = mean over c of softmax(scores[c·N + n])[k]

    Crop-major, as ``transforms.TenCrop`` returns them: the first N rows are the first crop of every
    image. The paper's evaluation, section 4.1. Raises ValueError for other shapes.

    >>> scores = mc.tensor([[0.0, 0.0], [9.0, 0.0]])  # two crops of one image
    >>> mc.models.mean_over_crops(scores, crops=2).numpy().round(2)
    array([[0.75, 0.25]], dtype=float32)
    """
    crops = check_integer("mean_over_crops: crops", crops, least=1)
    if scores.ndim != 2 or len(scores) % crops or not len(scores):
        raise ValueError(
            f"mean_over_crops: scores have shape {scores.shape}, expected ({crops}·N, K)"
        )
    return mean(softmax(scores).reshape(crops, -1, scores.shape[1]), 0)  # (N, K)
