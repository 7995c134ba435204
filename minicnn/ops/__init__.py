"""Floor 2, WHAT is computed: each op is a class with forward and backward, then its function."""

from __future__ import annotations

from . import methods  # noqa: F401 - attaches the operators to Tensor
from .activation import log_softmax, relu, sigmoid, softmax, tanh
from .arithmetic import abs, add, clip, div, exp, log, matmul, mul, neg, pow, sqrt, sub
from .conv import conv2d, conv_transpose2d
from .im2col import col2im, fold, im2col, unfold
from .linear import linear
from .loss import accuracy, cross_entropy, one_hot
from .pad import pad2d
from .pool import avg_pool2d, max_pool2d
from .reduce import max, mean, min, sum, var
from .shape import broadcast_to, flatten, getitem, permute, reshape, sum_to, transpose

__all__ = [
    # arithmetic
    "abs",
    "add",
    "clip",
    "div",
    "exp",
    "log",
    "matmul",
    "mul",
    "neg",
    "pow",
    "sqrt",
    "sub",
    # shape
    "broadcast_to",
    "flatten",
    "getitem",
    "permute",
    "reshape",
    "sum_to",
    "transpose",
    # reduce
    "max",
    "mean",
    "min",
    "sum",
    "var",
    # convolution, pooling, padding
    "avg_pool2d",
    "col2im",
    "conv2d",
    "conv_transpose2d",
    "fold",
    "im2col",
    "max_pool2d",
    "pad2d",
    "unfold",
    # layers
    "linear",
    "log_softmax",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
    # losses and metrics
    "accuracy",
    "cross_entropy",
    "one_hot",
]
