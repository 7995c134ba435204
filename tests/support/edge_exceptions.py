"""Where minicnn and PyTorch differ at the edges of float32: EXCEPTIONS, each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .edges import Difference

NAN, INF, LARGEST = np.nan, np.inf, 3.4e38


@dataclass(frozen=True)
class Example:
    """A call in which element 0 of ``where`` ("y" or the number of an input) differs."""

    op: str
    where: str | int
    ours: float
    torchs: float
    arrays: tuple[Any, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class AllowedDifference:
    """A difference that is allowed: for these ops, where the condition holds."""

    name: str
    ops: tuple[str, ...]
    condition: Callable[[Difference], bool]
    ours: str
    torchs: str
    why: str
    example: Example | None = None
    """None where the numbers are rounding errors, which are others on every machine."""


def exception_for(difference: Difference) -> AllowedDifference | None:
    """The exception that allows the difference."""
    fits = (e for e in EXCEPTIONS if difference.op in e.ops and e.condition(difference))
    return next(fits, None)


def holds_nan(d: Difference) -> bool:
    return bool(np.isnan(d.numbers).any())


def holds_infinity(d: Difference) -> bool:
    return bool(np.isinf(d.numbers).any())


def holds_the_largest(d: Difference) -> bool:
    return largest(d) >= 1e38


def largest(d: Difference) -> float:
    return float(np.abs(d.numbers[np.isfinite(d.numbers)]).max(initial=0))


def is_gradient(d: Difference) -> bool:
    return d.where != "y"


def overflows(d: Difference) -> bool:
    """One of the two is infinite or NaN, where numbers near the largest are added or multiplied."""
    return holds_the_largest(d) and not (np.isfinite(d.ours) and np.isfinite(d.torchs))


def has_ties(d: Difference) -> bool:
    """A winner that is equal to another number, or NaN, which all count as one."""
    return is_gradient(d) and (holds_nan(d) or len(np.unique(d.numbers)) < d.numbers.size)


IMAGE = {"kernel_size": (1, 2), "stride": 1, "padding": 0, "dilation": 1, "ceil_mode": False}
HINGE = {"target": np.array([0]), "reduction": "none", "p": 1, "margin": 1.0, "weight": None}
BCE = {"reduction": "sum", "weight": None, "pos_weight": None}

EXCEPTIONS = [
    AllowedDifference(
        "a product or a partial sum that overflows",
        ("adaptive_avg_pool2d", "avg_pool2d", "batch_norm", "binary_cross_entropy_with_logits",
         "broadcast_to", "col2im", "conv2d", "conv_transpose2d", "cross_entropy", "div", "einsum",
         "global_avg_pool2d", "hinge_loss", "huber_loss", "l1_loss", "layer_norm", "linear",
         "lp_pool2d", "matmul", "mean", "mse_loss", "nll_loss", "pow", "sum", "sum_to", "var"),
        overflows,
        "infinite or NaN",
        "finite, infinite or NaN",
        "the sum or product is representable, or it is not, and what overflows on the way depends "
        "on the order of the additions and multiplications, which BLAS chooses as it likes",
        Example("mse_loss", 0, INF, LARGEST / 2 * 0.12573022,
                ([LARGEST] * 4, [0.0] * 4), {"reduction": "mean"}),
    ),
    AllowedDifference(
        "an infinite weight or number in a line",
        ("batch_norm", "layer_norm", "var"),
        lambda d: holds_infinity(d) and not (np.isfinite(d.ours) and np.isfinite(d.torchs)),
        "the formula: x_hat · inf is infinite; a difference of infinities is NaN",
        "NaN, since weight · mean is subtracted; or infinite, if the formula is arranged otherwise",
        "neither is of use, and which terms are infinite depends on the arrangement",
        Example("batch_norm", "y", -INF, NAN, ([[0.0], [1.0]], [INF]),
                {"running_mean": np.zeros(1), "running_var": np.ones(1), "training": True,
                 "eps": 1e-5}),
    ),
    AllowedDifference(
        "a line of equal large numbers",
        ("batch_norm", "layer_norm"),
        lambda d: len(np.unique(d.arrays[0])) < d.arrays[0].size and np.isfinite(d.ours) and
                  bool((np.abs(d.numbers) >= 1e19).any()),
        "their variance is 0",
        "the variance is what the mean was rounded by, squared, and y and the gradient are noise",
        "the mean of equal numbers is that number",
        Example("layer_norm", 0, 1.5464032, 0.0, ([[1e19, 1e19]] * 40, [1.5, -1.5]),
                {"normalized_shape": (2,), "eps": 0.1}),
    ),
    AllowedDifference(
        "terms of ordinary size that cancel",
        ("batch_norm", "layer_norm", "softmax"),
        lambda d: is_gradient(d) and abs(d.ours - d.exact) < 5e-6 * max(1, largest(d)) < 1,
        "a rounding error of the terms",
        "another",
        "the gradient of two numbers is, but for eps, the difference of equal terms",
    ),
    AllowedDifference(
        "terms of large numbers that cancel",
        ("local_response_norm",),
        lambda d: is_gradient(d) and abs(d.ours) < 1e-20 and abs(d.torchs) < 1e-20,
        "a rounding error of the terms",
        "another",
        "of numbers of 1e19 the gradient is the difference of two equal terms, here of 1e-17",
    ),
    AllowedDifference(
        "the first of equal numbers, or of NaNs, receives the gradient",
        ("max", "min", "global_max_pool2d", "global_min_pool2d"),
        has_ties,
        "all of it to the first winner in row order; the first NaN is a winner",
        "a share to each of the equal numbers; NaN where there is a NaN",
        "one rule for all maxima, that of pooling and of PyTorch's max over an axis",
        Example("max", 0, 0.12573022, 0.06286511, ([0.0, 0.0],), {"axis": None, "keepdim": False}),
    ),
    AllowedDifference(
        "the first NaN of a window receives the gradient",
        ("max_pool2d", "min_pool2d", "adaptive_max_pool2d"),
        lambda d: is_gradient(d) and holds_nan(d),
        "to the first NaN",
        "to the last NaN",
        "the rule for equal numbers, of which the first wins in both",
        Example("max_pool2d", 0, 0.12573022, 0.0, ([[[[NAN, NAN]]]],), IMAGE),
    ),
    AllowedDifference(
        "pixels as extreme as the padding",
        ("max_pool2d", "min_pool2d"),
        lambda d: is_gradient(d) and holds_infinity(d),
        "to the first pixel",
        "to the padding, where the twin pads with -inf, as PyTorch has no such padding",
        "padding is no pixel and never wins",
        Example("min_pool2d", 0, 0.12573022, 0.0, ([[[[INF]]]],),
                {**IMAGE, "padding": ((0, 0), (1, 0))}),
    ),
    AllowedDifference(
        "limits at infinity",
        ("silu", "gelu"),
        lambda d: holds_infinity(d) and bool(np.isnan(d.torchs)),
        "the limit: 0 at -inf, and a slope of 0 or 1",
        "NaN, infinity times 0",
        "an infinite activation is then no NaN in all layers below",
        Example("silu", "y", -0.0, NAN, ([-INF],), {}),
    ),
    AllowedDifference(
        "the gradient at NaN of a function of pieces",
        ("elu", "selu", "hardtanh", "lp_pool2d"),
        lambda d: is_gradient(d) and holds_nan(d),
        "passed on, as relu does",
        "NaN, 0 or passed on: for few elements otherwise than for many",
        "one rule for all activations; the result is NaN in both",
        Example("lp_pool2d", 0, 0.12573022, 0.0, ([[[[NAN]]]],),
                {"norm_type": 1, "kernel_size": (1, 1), "stride": 1, "padding": 0,
                 "ceil_mode": False}),
    ),
    AllowedDifference(
        "a norm that is not even, of negative numbers",
        ("lp_pool2d",),
        lambda d: d.options["norm_type"] % 2 != 0 and bool((d.numbers < 0).any()),
        "the negative root of the negative sum",
        "NaN",
        "stated in the docstring of lp_pool2d, also that other norms need numbers of 0 or more",
        Example("lp_pool2d", "y", -2.0, NAN, ([[[[-2.0]]]],),
                {"norm_type": 3, "kernel_size": (1, 1), "stride": 1, "padding": 0,
                 "ceil_mode": False}),
    ),
    AllowedDifference(
        "the root of minus infinity",
        ("pow",),
        lambda d: bool(np.isneginf(d.numbers).any()),
        "its gradient is 0, as C's pow(-inf, -1/2)",
        "NaN, as the gradient of a square root",
        "the result is NaN in both",
        Example("pow", 0, 0.0, NAN, ([-INF],), {"exponent": 0.5}),
    ),
    AllowedDifference(
        "what is dropped is 0",
        ("dropout", "dropout2d"),
        lambda d: d.ours == 0 and bool(np.isnan(d.torchs)),
        "0",
        "NaN, infinity or NaN times 0",
        "a dropped element has no influence, nor has its gradient",
        Example("dropout", "y", 0.0, NAN, ([INF],), {"p": 1.0, "seed": 0}),
    ),
    AllowedDifference(
        "hinge loss of NaN and of equal infinities",
        ("hinge_loss",),
        lambda d: not np.isfinite(d.numbers).all(),
        "NaN, the gradient passed on",
        "without the terms that are NaN",
        "a network that has diverged has no finite loss; stated in the docstring",
        Example("hinge_loss", "y", NAN, 0.0, ([[NAN, 0.0]],), HINGE),
    ),
    AllowedDifference(
        "a margin of large logits",
        ("hinge_loss",),
        lambda d: bool((np.abs(d.numbers) >= 1e19).any()),
        "margin + (x_c - x_y): of equal logits the margin is left",
        "(margin - x_y) + x_c, in which a large logit takes the margin away",
        "the loss is the formula, and its gradient parts equal logits",
        Example("hinge_loss", "y", 0.5, 0.0, ([[1e19, 1e19]] * 16,),
                {**HINGE, "target": np.zeros(16, int)}),
    ),
    AllowedDifference(
        "a share of a large loss",
        ("binary_cross_entropy_with_logits",),
        lambda d: d.where == "y" and bool((np.abs(d.numbers) >= 1e19).any()),
        "t · softplus(-x), also for a tiny t",
        "0, where t is lost in 1 - t",
        "the loss is the formula; PyTorch computes (1 - t) · x - log sigmoid(x)",
        Example("binary_cross_entropy_with_logits", "y", 3.4e19, 0.0, ([-LARGEST], [1e-19]), BCE),
    ),
    AllowedDifference(
        "the gradient to a share",
        ("binary_cross_entropy_with_logits",),
        lambda d: d.where == 1 and abs(d.ours - d.torchs) < 1e-6,
        "softplus(x) - softplus(-x), with the rounding error of log 2 near x = 0",
        "-x",
        "targets hardly ever have a gradient, and 1e-7 is small compared with the loss",
        Example("binary_cross_entropy_with_logits", 1, 0.0, -1.2573022e-20, ([1e-19], [0.5]), BCE),
    ),
    AllowedDifference(
        "the largest of NaNs",
        ("accuracy", "topk_accuracy"),
        lambda d: holds_nan(d) or len(np.unique(d.numbers)) < d.numbers.size,
        "the first of NaNs and of equal scores is the largest",
        "topk leaves open which",
        "the rule of argmax",
        Example("accuracy", "y", 1.0, 0.0, ([[NAN, NAN, NAN, NAN, NAN]],),
                {"target": np.array([0])}),
    ),
]  # fmt: skip
