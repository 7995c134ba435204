"""Floor 2, WHAT is computed: each op is a class with forward and backward, then its function."""

from __future__ import annotations

from . import methods  # noqa: F401 - attaches the operators to Tensor
from .activation import (
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    relu,
    scaled_tanh,
    selu,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from .arithmetic import abs, add, div, exp, log, matmul, mul, neg, pow, sqrt, sub
from .avg_pool import avg_pool2d, lp_pool2d
from .classification_loss import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_loss,
    nll_loss,
)
from .conv import conv2d, conv_transpose2d
from .dropout import dropout, dropout2d
from .einsum import einsum
from .global_pool import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    global_avg_pool2d,
    global_max_pool2d,
    global_min_pool2d,
)
from .im2col import col2im, fold, im2col, unfold
from .join import concatenate, split, stack
from .linear import linear
from .loss_inputs import one_hot
from .max_pool import max_pool2d, max_unpool2d, min_pool2d
from .metric import accuracy, topk_accuracy
from .norm import batch_norm, layer_norm
from .pad import pad2d
from .reduce import argmax, argmin, max, mean, min, sum, var
from .regression_loss import huber_loss, l1_loss, mse_loss
from .response_norm import local_response_norm
from .select import clip, maximum, minimum, where
from .shape import broadcast_to, flatten, getitem, permute, reshape, sum_to, transpose
from .softmax import log_softmax, softmax

# fmt: off
__all__ = [
    # arithmetic, choosing
    "abs", "add", "div", "einsum", "exp", "log", "matmul", "mul", "neg", "pow", "sqrt", "sub",
    "clip", "maximum", "minimum", "where",
    # shapes, joining
    "broadcast_to", "flatten", "getitem", "permute", "reshape", "sum_to", "transpose",
    "concatenate", "split", "stack",
    # reductions
    "argmax", "argmin", "max", "mean", "min", "sum", "var",
    # convolution, padding
    "col2im", "conv2d", "conv_transpose2d", "fold", "im2col", "pad2d", "unfold",
    # pooling
    "adaptive_avg_pool2d", "adaptive_max_pool2d", "avg_pool2d", "global_avg_pool2d",
    "global_max_pool2d", "global_min_pool2d", "lp_pool2d", "max_pool2d", "max_unpool2d",
    "min_pool2d",
    # dense layer, normalisation, regularisation
    "linear", "batch_norm", "layer_norm", "local_response_norm", "dropout", "dropout2d",
    # activations
    "elu", "gelu", "hardtanh", "leaky_relu", "log_softmax", "relu", "scaled_tanh", "selu",
    "sigmoid", "silu", "softmax", "softplus", "tanh",
    # losses and metrics
    "accuracy", "binary_cross_entropy_with_logits", "cross_entropy", "hinge_loss", "huber_loss",
    "l1_loss", "mse_loss", "nll_loss", "one_hot", "topk_accuracy",
]
# fmt: on
