"""The dense layer in CUDA C: a convolution of images with one pixel, see ``convolution.cu``.

A large one is a matrix product of cuBLAS on a GPU: ``cublas.py``.
"""

from __future__ import annotations

from .. import vectorised
from ..arrays import Array, device_of
from ..geometry import Window
from .arguments import contiguous
from .convolution import convolve, convolve_input_gradient, convolve_weight_gradient
from .cublas import is_faster

FEW = 4
"""Images that are too few to fill a vector."""
PIXEL = Window((1, 1), (1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1))


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    if is_faster(x, weight.shape, PIXEL, 1):
        return vectorised.linear(x, weight, bias)
    if device_of(x) == "native" and 0 < x.shape[1] < FEW:
        # Vectors of inputs instead of images: as the gradient of a weight, a sum of products.
        y = convolve_weight_gradient(_image(contiguous(x.T)), _image(weight), PIXEL, 1)
        return _matrix(y if bias is None else y + bias.reshape(-1, 1, 1, 1), x)
    return _matrix(convolve(_image(x), _kernel(weight), bias, PIXEL, 1), x)


def linear_input_gradient(grad: Array, weight: Array) -> Array:
    if is_faster(grad, weight.shape, PIXEL, 1):
        return vectorised.linear_input_gradient(grad, weight)
    return _matrix(convolve_input_gradient(_image(grad), _kernel(weight), PIXEL, 1), grad)


def linear_weight_gradient(x: Array, grad: Array) -> Array:
    if device_of(x) == "native":
        # The layer itself, with x transposed and grad as the weight: a batch is too short to add up
        # the numbers of a vector at its end. A GPU would have to start another kernel.
        return linear(contiguous(x.T), grad, None)
    if is_faster(x, (len(grad), len(x)), PIXEL, 1):
        return vectorised.linear_weight_gradient(x, grad)
    weight = convolve_weight_gradient(_image(x), _image(grad), PIXEL, 1)
    return weight.reshape(weight.shape[:2])


def _image(x: Array) -> Array:
    return x.reshape(len(x), 1, 1, x.shape[1])


def _kernel(weight: Array) -> Array:
    return weight.reshape(*weight.shape, 1, 1)


def _matrix(y: Array, x: Array) -> Array:
    """The maps of one pixel as a matrix, for as many images as x has."""
    return y.reshape(len(y), x.shape[1])
