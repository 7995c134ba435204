"""Local response normalisation: a pixel divided by the activity of its neighbours in channels."""

from __future__ import annotations

from ..autograd import Function, Tensor
from ..backend import Array, kernels_for
from ..backend.layout import as_chwn, as_nchw
from ..checks import check_integer, check_number
from .check import check_images
from .convert import in_float32
from .linear_map import LinearMap


class ChannelSum(LinearMap):
    """The sum over a channel, some channels before it and some after it."""

    def forward(self, x: Array, *, before: int, after: int) -> Array:
        return as_nchw(kernels_for(x).sum_over_neighbour_channels(as_chwn(x), before, after))

    def backward(self, grad: Tensor) -> Tensor:
        before, after = self.options["before"], self.options["after"]
        return ChannelSum.apply(grad, before=after, after=before)  # the adjoint looks the other way


class LocalResponseNorm(Function):
    """y = x / base ^ beta, base = k + alpha · ChannelSum(x²)"""

    def forward(
        self, x: Array, *, before: int, after: int, alpha: float, beta: float, k: float
    ) -> Array:
        kernels = kernels_for(x)
        return as_nchw(kernels.response_norm(as_chwn(x), before, after, alpha, beta, k))

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.inputs
        return LocalResponseNormGrad.apply(grad, x, **self.options)


class LocalResponseNormGrad(Function):
    """The gradient of LocalResponseNorm to x: grad / base^beta - 2·alpha·x · back(p).

    p = beta · grad · x / base^(beta + 1) is the (negative) gradient of the base; back is the
    adjoint of ChannelSum.
    """

    def forward(
        self, grad: Array, x: Array, *, before: int, after: int, alpha: float, beta: float, k: float
    ) -> Array:
        options = (before, after, alpha, beta, k)
        kernels = kernels_for(x)
        return as_nchw(kernels.response_norm_grad(as_chwn(grad), as_chwn(x), *options))

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        """With u the incoming gradient, of S = sum of u · result, in which back goes over to x · u:

        S = sum of first · d, d = u / base^beta - 2·alpha·beta · x / base^(beta + 1) · near,
        near = ChannelSum(x · u). The gradient of S to x goes through x, near and base.
        """
        (first, x), u = self.inputs, grad
        before, after, alpha, beta, k = (
            self.options[name] for name in ("before", "after", "alpha", "beta", "k")
        )

        def channel_sum(t: Tensor) -> Tensor:
            return ChannelSum.apply(t, before=before, after=after)

        def back(t: Tensor) -> Tensor:
            return ChannelSum.apply(t, before=after, after=before)

        base, near = channel_sum(x * x) * alpha + k, channel_sum(x * u)
        power, factor = base**-beta, 2 * alpha * beta
        grad_first, grad_x = None, None
        if self.needs_grad[0]:
            grad_first = u * power - factor * (x * power / base * near)
        if self.needs_grad[1]:
            part = first * power / base
            to_base = part * (x * near * (factor * (beta + 1)) / base - u * beta)
            to_x = part * near + u * back(part * x)
            grad_x = x * back(to_base) * (2 * alpha) - to_x * factor
        return grad_first, grad_x


@in_float32
def local_response_norm(
    x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Each pixel divided by the activity of its neighbours in the other channels.

    y[n, c] = x[n, c] / (k + alpha / size · sum over c' of x[n, c']²)^beta
    c' = c - size // 2, ..., c + (size - 1) // 2, as far as these channels exist

    x (N, C, H, W) -> y of the same shape. As in PyTorch, Caffe and ONNX, alpha is divided by size.
    The paper's formula is not: its n = 5, alpha = 1e-4, k = 2 is size=5, alpha=5e-4, k=2 here.
    Where the squares overflow (float32 above 1e19) y and its gradient are 0, as in PyTorch.
    Raises ValueError for a size below 1, a negative alpha or a k not above 0, TypeError for other
    types. Source: Krizhevsky, Sutskever and Hinton, 2012, section 3.3.

    >>> x = mc.tensor(np.ones((1, 3, 1, 1), np.float32))
    >>> mc.ops.local_response_norm(x, size=3, alpha=3.0, beta=1.0).data.ravel()
    array([0.33333334, 0.25      , 0.33333334], dtype=float32)
    """
    op = "local_response_norm"
    check_images(op, x)
    size = check_integer(f"{op}: size", size, least=1)
    alpha = check_number(f"{op}: alpha", alpha, "a number of 0 or more")
    beta = check_number(f"{op}: beta", beta)
    k = check_number(f"{op}: k", k, "a number above 0")
    sides = {"before": size // 2, "after": (size - 1) // 2}
    return LocalResponseNorm.apply(x, **sides, alpha=alpha / size, beta=beta, k=k)
