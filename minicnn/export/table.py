"""The table of export: which converter writes which op; other ops are an error.

Not supported are the ops of gradients and losses, and those with options that are computed from
the images without ops: ``max_unpool2d`` with the indices of a pooling, and ``lp_pool2d`` with a p
that is not an integer, for its mask.
"""

from __future__ import annotations

from ..autograd import Function
from ..ops.activation import (
    ELU,
    GELU,
    GELUTanh,
    Hardtanh,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from ..ops.arithmetic import (
    Abs,
    Add,
    Div,
    Exp,
    Log,
    MatMul,
    Mul,
    Neg,
    Pow,
    PowTensor,
    Sqrt,
    Sub,
)
from ..ops.avg_pool import AvgPool2d, Root
from ..ops.conv import Conv2d, ConvTranspose2d
from ..ops.convert import To
from ..ops.einsum import Einsum
from ..ops.im2col import Im2Col
from ..ops.join import Concatenate
from ..ops.linear import Linear
from ..ops.max_pool import MaxPool2d, MinPool2d
from ..ops.pad import Pad2d
from ..ops.reduce import Max, Min, Sum
from ..ops.response_norm import LocalResponseNorm
from ..ops.select import Clip, Maximum, Minimum, Where
from ..ops.shape import BroadcastTo, GetItem, Permute, Reshape
from ..ops.softmax import LogSoftmax, Softmax
from ..ops.standardise import Normalise, Standardise
from . import elements, images, shapes
from .elements import plain
from .graph import Converter

CONVERTERS: dict[type[Function], Converter] = {
    # images
    Conv2d: images.conv2d,
    ConvTranspose2d: images.conv_transpose2d,
    MaxPool2d: images.max_pool2d,
    MinPool2d: images.min_pool2d,
    AvgPool2d: images.avg_pool2d,
    Root: elements.root,  # of lp_pool2d
    Pad2d: images.pad2d,
    LocalResponseNorm: images.local_response_norm,
    Normalise: elements.normalise,  # batch_norm with running statistics
    Standardise: elements.standardise,  # layer_norm, and batch_norm without running statistics
    Im2Col: images.im2col,
    # activations
    ReLU: plain("Relu"),
    LeakyReLU: plain("LeakyRelu", alpha="negative_slope"),
    ELU: plain("Elu", alpha="alpha"),
    GELU: elements.gelu,
    GELUTanh: elements.gelu_tanh,
    SiLU: elements.silu,
    Softplus: elements.softplus,
    Hardtanh: elements.clip,
    Sigmoid: plain("Sigmoid"),
    Tanh: plain("Tanh"),
    Softmax: plain("Softmax", axis="axis"),
    LogSoftmax: plain("LogSoftmax", axis="axis"),
    # element by element
    Add: plain("Add"),
    Sub: plain("Sub"),
    Mul: plain("Mul"),
    Div: plain("Div"),
    Neg: plain("Neg"),
    Pow: elements.power,
    PowTensor: plain("Pow"),
    Exp: plain("Exp"),
    Log: plain("Log"),
    Sqrt: plain("Sqrt"),
    Abs: plain("Abs"),
    Maximum: plain("Max"),
    Minimum: plain("Min"),
    Clip: elements.clip,
    Where: elements.where,
    To: elements.as_type,
    # products and reductions
    Linear: elements.linear,
    MatMul: plain("MatMul"),
    Einsum: elements.einsum,
    Sum: elements.sum_over,
    Max: elements.reduction("ReduceMax"),
    Min: elements.reduction("ReduceMin"),
    # shapes
    Reshape: shapes.reshape,
    Permute: plain("Transpose", perm="axes"),
    BroadcastTo: shapes.broadcast_to,
    GetItem: shapes.getitem,
    Concatenate: plain("Concat", axis="axis"),
}
