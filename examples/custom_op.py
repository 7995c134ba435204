"""An operation of your own: softplus(x) = log(1 + e^x), whose gradient is sigmoid(x)."""

import numpy as np

from minicnn import Tensor, ops, tensor
from minicnn.autograd import Function
from minicnn.testing import gradcheck, gradgradcheck


class Softplus(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.logaddexp(0, x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        return grad * ops.sigmoid(x)  # composed of operations, so it can be differentiated again


def softplus(x: Tensor) -> Tensor:
    return Softplus.apply(x)


x = tensor(np.linspace(-3, 3, 7), requires_grad=True)
print("softplus", softplus(x))
print("first derivative checked: ", gradcheck(softplus, x))
print("second derivative checked:", gradgradcheck(softplus, x))
