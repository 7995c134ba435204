"""Checks that many ops share; each error names the op, the argument, what it got and expected."""

from __future__ import annotations

from ..autograd import Tensor

__all__ = ["check_bias", "check_float", "check_images", "check_reduction"]


def check_images(op: str, x: Tensor) -> None:
    """Raise ValueError unless x has the four axes (N, C, H, W), TypeError unless it is a float."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{op}: x is a {type(x).__name__}, expected a Tensor; see minicnn.tensor()")
    if x.ndim != 4:
        raise ValueError(f"{op}: x has shape {x.shape}, expected four axes (N, C, H, W)")
    check_float(op, x)


def check_float(op: str, x: Tensor, **others: Tensor | None) -> None:
    """Raise TypeError unless x is a float and the others (None is left out) share its dtype."""
    if x.dtype.kind != "f":
        raise TypeError(f"{op}: x is {x.dtype}, expected floats; convert it with x.to('float32')")
    for name, other in others.items():
        if other is not None and other.dtype != x.dtype:
            raise TypeError(f"{op}: {name} is {other.dtype} but x is {x.dtype}, expected the same")


def check_bias(op: str, bias: Tensor | None, outputs: int) -> None:
    """Raise ValueError unless bias is None or has one value for each output."""
    if bias is not None and bias.shape != (outputs,):
        raise ValueError(f"{op}: bias has shape {bias.shape}, expected ({outputs},)")


def check_reduction(op: str, reduction: str) -> None:
    """Raise ValueError unless the reduction is one that losses know."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'{op}: reduction is {reduction!r}, expected "mean", "sum" or "none"')
