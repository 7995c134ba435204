"""LeNet-5 as its paper describes it: trainable subsampling, a sparse C3, bitmaps as targets.

Source: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86(11), 1998, sections II.B, II.C and III, appendix A and C.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..autograd import Parameter, Tensor
from ..backend import Array, resolve_device, to_device
from ..checks import check_number
from ..data.transforms import Normalize
from ..nn import Conv2d, Flatten, Linear, Module, init
from ..nn.parameters import filled
from ..ops import avg_pool2d, concatenate, conv2d, cross_entropy, scaled_tanh
from ..ops.loss_inputs import as_named_tensor, check_classes, check_scores, class_indices
from .bitmaps import bitmaps
from .classifier import ImageClassifier

BACKGROUND, INK = -0.1, 1.175
"""The paper's values of white and of black pixels: mean about 0, variance about 1."""
FROM_0_TO_1 = Normalize(-BACKGROUND / (INK - BACKGROUND), 1 / (INK - BACKGROUND))

C3_INPUTS = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)
"""The paper's table I: the maps of S2 that each map of C3 sees."""


class Subsampling(Module):
    """y[n, c] = weight[c] · (sum of each 2x2 window of x[n, c]) + bias[c], before squashing.

    x (N, C, H, W) -> y (N, C, H // 2, W // 2); weight and bias (C,): two numbers for each map.
    """

    def __init__(self, channels: int) -> None:
        self.weight = Parameter(filled((channels,), 0.0))
        self.bias = Parameter(filled((channels,), 0.0))
        _init_uniform(self, fan_in=4)

    def forward(self, x: Tensor) -> Tensor:
        sums = avg_pool2d(x, 2, divisor_override=1)  # (N, C, H // 2, W // 2)
        return sums * self.weight.reshape(1, -1, 1, 1) + self.bias.reshape(1, -1, 1, 1)


class TableConv2d(Module):
    """A convolution in which output map o sees only the input maps inputs[o], without padding.

    y[n, o] = bias[o] + sum over c in inputs[o] of weight[number of (o, c)] correlated with x[n, c]

    x (N, C, H, W) -> y (N, O, H - K + 1, W - K + 1). weight (connections, K, K) has one kernel for
    each connection in the order of the table, bias (O,). The kernels are scattered into one dense
    weight (O, C, K, K), zero elsewhere: for maps this small one product is faster than one per map.
    """

    def __init__(
        self, inputs: Sequence[tuple[int, ...]], in_channels: int, kernel_size: int
    ) -> None:
        connections = [(o, c) for o, seen in enumerate(inputs) for c in seen]
        absent = len(connections)  # the number of the kernel of zeros, which comes last
        self._kernel_of = np.full((len(inputs), in_channels), absent)  # (O, C)
        self._kernel_of[tuple(zip(*connections, strict=True))] = range(absent)
        self.weight = Parameter(filled((absent, kernel_size, kernel_size), 0.0))
        self.bias = Parameter(filled((len(inputs),), 0.0))
        start = 0
        for o, seen in enumerate(inputs):
            bound, stop = 2.4 / (len(seen) * kernel_size**2), start + len(seen)
            for of_this_map in (self.weight.data[start:stop], self.bias.data[o : o + 1]):
                init.uniform_(Tensor(of_this_map), -bound, bound)
            start = stop

    def forward(self, x: Tensor) -> Tensor:
        zeros = self.weight[:1].detach() * 0  # (1, K, K)
        dense = concatenate([self.weight, zeros])[self._kernel_of]  # (O, C, K, K)
        return conv2d(x, dense, self.bias)

    def _options(self) -> str:
        connections, *kernel_size = self.weight.shape
        outputs, in_channels = self._kernel_of.shape
        shown = f"kernel_size={tuple(kernel_size)}, connections={connections}"
        return f"{in_channels}, {outputs}, {shown}"


class BitmapUnits(Module):
    """The paper's radial basis functions, negated: scores[n, i] = -sum_j (x[n, j] - w[i, j])².

    x (N, 84) -> scores (N, 10). w, fixed and therefore a buffer, is the bitmap of each digit.
    """

    bitmaps: Tensor

    def __init__(self) -> None:
        self.register_buffer("bitmaps", to_device(bitmaps(), resolve_device()))

    def forward(self, x: Tensor) -> Tensor:
        # The square of a difference, not |x|² - 2xw + |w|²: near a bitmap that one cancels.
        difference = x.reshape(len(x), 1, -1) - self.bitmaps  # (N, 10, 84)
        return -(difference * difference).sum(2)  # (N, 10)


class LeNet1998(ImageClassifier):
    """LeNet-5 of 1998 for (N, 1, 32, 32); 60,000 trainable parameters, 340,908 connections.

    C1 6@5x5 156, S2 12, C3 16@5x5 sparse 1,516, S4 32, C5 120@5x5 48,120, F6 84 units 10,164, then
    10 units that compare F6 with the fixed bitmap of each digit. Every layer up to F6 is squashed
    by 1.7159 tanh(2a/3), whose values at ±1 are ±1, those of the bitmaps.

    The scores are MINUS the paper's outputs (squared distances, the smallest of which wins), so
    that argmax and accuracy work as for logits; train it with ``map_loss``. It expects background
    BACKGROUND and ink INK, which ``prepare`` makes from pixels of 0 to 1.

    For the paper's optimizer split the network at F6, since the distances are curved themselves:
    ``DiagonalLM.estimate(model.features, lambda f6, t: map_loss(model.output(f6), t), ...)``. With
    means over batches of 16, lr = 0.01 and mu = 2 start well; with the paper's mu = 0.02 the first
    steps, while the signal and so the curvature are still small, drive F6 into saturation.

    Weights and biases start uniform in ±2.4 / fan-in, where fan-in is the number of pixels that a
    unit sees: 25 in C1, 4 in S2 and S4, 75 to 150 in C3 by the table, 400 in C5, 120 in F6.

    >>> model = mc.models.LeNet1998()
    >>> model.features(mc.tensor(np.zeros((2, *model.input_shape), np.float32))).shape  # F6
    (2, 84)
    """

    input_shape, num_classes = (1, 32, 32), 10
    after_the_scores = "map_loss, the loss"

    def __init__(self) -> None:
        self.c1 = Conv2d(1, 6, 5)
        self.s2 = Subsampling(6)
        self.c3 = TableConv2d(C3_INPUTS, 6, 5)
        self.s4 = Subsampling(16)
        self.c5 = Conv2d(16, 120, 5)
        self.flatten = Flatten()
        self.f6 = Linear(120, 84)
        self.output = BitmapUnits()
        for layer in (self.c1, self.c5, self.f6):
            _init_uniform(layer, init.fans(layer.weight)[0])

    def features(self, x: Tensor) -> Tensor:
        """F6, the units that are compared with the bitmaps: (N, 1, 32, 32) -> (N, 84)."""
        x = scaled_tanh(self.c1(x))  # (N, 6, 28, 28)
        x = scaled_tanh(self.s2(x))  # (N, 6, 14, 14)
        x = scaled_tanh(self.c3(x))  # (N, 16, 10, 10)
        x = scaled_tanh(self.s4(x))  # (N, 16, 5, 5)
        x = scaled_tanh(self.c5(x))  # (N, 120, 1, 1)
        return scaled_tanh(self.f6(self.flatten(x)))  # (N, 84)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.features(x))  # (N, 10)

    def prepare(self, images: Array) -> Array:
        """Pixels from 0 to 1 as the paper's: background -0.1, ink 1.175."""
        return FROM_0_TO_1(images)


def _init_uniform(layer: Module, fan_in: int) -> None:
    """Set the paper's initial weights: uniform in ±2.4 / fan_in."""
    for parameter in layer.parameters():
        init.uniform_(parameter, -2.4 / fan_in, 2.4 / fan_in)


def lenet5_1998() -> LeNet1998:
    """LeNet-5 of the 1998 paper for (N, 1, 32, 32); 60,000 trainable parameters, see ``LeNet1998``.

    >>> model = mc.models.lenet5_1998()
    >>> sum(p.size for p in model.parameters())
    60000
    """
    return LeNet1998()


def map_loss(scores: Tensor, target: ArrayLike | Tensor, j: float = 1.0) -> Tensor:
    """The paper's maximum a posteriori criterion, equation 9, averaged over the batch.

    loss_n = y_nt + log(e^-j + sum_i e^-y_ni), where y = -scores and t = target[n]

    scores (N, K), those of ``LeNet1998``; target: class indices (N,). It pulls the right y down
    and pushes the others up. The constant j > 0 stands for a rubbish class at distance j: wrong
    classes much further away are not pushed any more, and as long as even the right one is further
    than j, the loss is nearly its squared distance. Since that class is one more score of -j, the
    loss is a cross entropy over K + 1 classes, computed as stably.

    Raises ValueError for shapes that do not fit, a class out of range or a j that is not above 0,
    TypeError for arguments that do not hold such numbers.

    >>> scores = mc.tensor([[-500.0, -400.0]])  # far from both bitmaps: the squared distance - j
    >>> mc.models.map_loss(scores, [0]).item()
    499.0
    """
    op = "map_loss"
    check_scores(op, scores=scores)
    check_classes(
        op, class_indices(op, scores, as_named_tensor(op, target=target)), scores.shape[1]
    )
    if scores.ndim != 2:
        raise ValueError(f"{op}: scores have shape {scores.shape}, expected (N, K)")
    j = check_number(f"{op}: j", j, "a number above 0")
    rubbish = to_device(np.full((len(scores), 1), -j, scores.dtype), scores.device)
    return cross_entropy(concatenate([scores, Tensor(rubbish)], 1), target)
