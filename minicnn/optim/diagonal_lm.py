"""Stochastic diagonal Levenberg-Marquardt: each parameter's step from the curvature it sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..autograd import Tensor, grad, no_grad
from ..backend import Array, on_device_of, to_device
from ..backend.random import generator
from ..backend.updates import Options, State
from ..checks import check_integer
from .optimizer import Optimizer, Params


class DiagonalLM(Optimizer):
    """The stochastic diagonal Levenberg-Marquardt method (LeCun et al., 1998, appendix C).

        p = p - lr / (mu + h) · grad

    h is the diagonal of the Gauss-Newton approximation of the loss's Hessian, kept from the last
    ``estimate``; call that before each pass. Before the first h is 0, which is plain descent with
    the rate lr / mu. mu keeps the step bounded where the loss is flat. The paper's rates (5e-4 for
    2 passes, 2e-4 for 3, 1e-4 for 3, 5e-5 for 4, then 1e-5) are for a step after each image; mean
    gradients of batches, which are fewer and steadier, bear larger ones.

        for _ in range(20):
            optimizer.estimate(model.features, loss_of_features, images[:500], labels[:500])
            ...                                                         one pass, then lr changes

    Raises TypeError for options that are not numbers, ValueError for a negative lr or mu <= 0.

    >>> model = mc.nn.Linear(3, 1)
    >>> optimizer = mc.optim.DiagonalLM(model.parameters(), lr=0.01)
    >>> images, labels = mc.tensor(np.eye(3, dtype=np.float32)), np.zeros((3, 1), np.float32)
    >>> optimizer.estimate(model, mc.ops.mse_loss, images, labels)
    >>> optimizer.state_dict()["state"][0]["curvature"].round(2)  # the mean of 2 x² over images
    array([[0.67, 0.67, 0.67]], dtype=float32)
    """

    state_names: ClassVar = {"curvature": None}
    ranges: ClassVar = {"lr": "a number of 0 or more", "mu": "a number above 0"}

    def __init__(self, params: Params, lr: float = 5e-4, mu: float = 0.02) -> None:
        super().__init__(params, lr=lr, mu=mu)

    @staticmethod
    def update(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
        p -= o.lr * grad / (o.mu + state.curvature)

    def estimate(
        self,
        model: Callable[[Tensor], Tensor],
        loss: Callable[[Tensor, Any], Tensor],
        images: Tensor,
        labels: Any,
        batch_size: int = 10,
    ) -> None:
        """Estimate h on these images (the paper uses 500) and keep it; this takes no step.

        h = mean over n of diag(Jᵀ H J), J the derivatives of the K outputs of image n to the
        parameters, H ≥ 0 the (K, K) second derivatives of its loss to them, exact by autograd.
        With random signs s, the gradient of <H^½ s, outputs> squared has the mean diag(Jᵀ H J), and
        images with independent signs do not disturb each other. So one backward pass per batch is
        exact in expectation, with a relative error of about sqrt(2 · batch_size / images).

        model: a function images -> outputs (N, K); loss: (outputs, labels) -> the mean over the
        batch. H is the only curvature that is seen: if the outputs are a curved function, such as
        squared distances to targets, end the model before it and begin the loss with it.
        Directions in which the loss curves down count as flat. The model is called as it is: put a
        model with dropout into evaluation mode first. No ``.grad`` is changed; the signs are drawn
        from the global generator.
        Raises ValueError for outputs that are not (N, K), RuntimeError for a loss without
        curvature.
        """
        check_integer("batch_size", batch_size, least=1)
        with no_grad():
            outputs = model(images)
        roots = _roots(_hessians(loss, outputs, labels))  # (N, K, K)
        signs = generator().choice((-1.0, 1.0), outputs.shape)
        factors = np.einsum("nkl,nl->nk", roots, signs).astype(outputs.dtype)  # (N, K)
        parameters = [p for group in self.param_groups for p in group["params"]]
        squares: list[Any] = [0.0] * len(parameters)
        for start in range(0, len(images), batch_size):
            batch = slice(start, start + batch_size)
            weights = to_device(factors[batch], outputs.device)
            found = grad(model(images[batch]), parameters, Tensor(weights), allow_unused=True)
            with on_device_of(weights):
                squares = [s + g.data**2 for s, g in zip(squares, found, strict=True)]
        self._keep_curvature(squares, len(images))

    def _keep_curvature(self, squares: Sequence[Any], count: int) -> None:
        """The state from the sums of squares, one for each parameter, over so many images."""
        self._keep_state()
        sums = iter(squares)
        for flat in self._flat:
            flat.bind()  # to the device of the parameters, should they have moved
            with on_device_of(flat.data):
                for i in range(len(flat.parameters)):
                    flat.part(flat.state["curvature"], i)[...] = next(sums) / count


def _hessians(loss: Callable[[Tensor, Any], Tensor], outputs: Tensor, labels: Any) -> Array:
    """The second derivatives of each image's loss to its outputs (N, K): (N, K, K)."""
    if outputs.ndim != 2:
        raise ValueError(f"model: gave outputs of shape {outputs.shape}, expected (N, K)")
    x = Tensor(outputs.data, requires_grad=True)
    (slope,) = grad(loss(x, labels) * len(x), x, create_graph=True)  # (N, K)
    if not slope.requires_grad:
        raise RuntimeError("loss: is linear in the outputs, there is no curvature to estimate")
    # An image's loss depends only on its own outputs, so one backward pass serves all images.
    rows = [grad(slope[:, k].sum(), x, retain_graph=True)[0] for k in range(x.shape[1])]
    return np.stack([row.numpy() for row in rows], 1)  # (N, K, K)


def _roots(hessians: Array) -> Array:
    """R with R Rᵀ = H for each symmetric H (N, K, K), negative eigenvalues taken as 0."""
    values, vectors = np.linalg.eigh(hessians.astype(np.float64))  # (N, K), (N, K, K)
    roots: Array = vectors * np.sqrt(np.maximum(values, 0))[:, None]  # (N, K, K)
    return roots
