"""Whether the numbers of a training are finite: losses, weights, buffers, optimizer state."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from ..backend import Array, array_module, device_of, on_device_of
from ..checks import few
from ..nn import BatchNorm2d, Module
from ..optim import Optimizer
from .fetch import fetch

LOSSES = ("loss", "val_loss")
ADVICE = "try a smaller learning rate, or find the cause inside minicnn.detect_anomaly()"


def has_finite_loss(row: Mapping[str, float]) -> bool:
    """Whether the losses in a row of the History are finite: otherwise the epoch diverged."""
    return all(math.isfinite(row.get(name, 0.0)) for name in LOSSES)


def check_finite(
    where: str, model: Module, optimizer: Optimizer, allowed: Collection[str] = ()
) -> None:
    """Raise FloatingPointError naming the arrays that are not finite, except allowed ones."""
    arrays = [*_named_arrays(model), *_arrays_of(optimizer, model)]
    if bad := describe_nonfinite({n: a for n, a in arrays if n not in allowed}):
        raise FloatingPointError(
            f"{where}: NaN or infinity in {bad}; restart from finite weights, and {ADVICE}"
        )


def describe_nonfinite(arrays: Mapping[str, Array]) -> str:
    """Which of these arrays are not finite, and how many of their elements; empty if all are."""
    floats = {name: array for name, array in arrays.items() if array.dtype.kind == "f"}
    bad = {n: floats[n] for n, is_finite in _are_finite(floats).items() if not is_finite}
    return few(f"{n} ({_count_bad(a):,} of {a.size:,} elements)" for n, a in bad.items())


def check_losses(epoch: int, row: Mapping[str, float]) -> None:
    """Raise FloatingPointError if a loss in a row of the History is not finite."""
    for name in LOSSES:
        if not math.isfinite(row.get(name, 0.0)):
            raise FloatingPointError(f"fit: {name} of epoch {epoch} is {row[name]}; {ADVICE}")


def nonfinite_constants(model: Module) -> frozenset[str]:
    """The buffers and frozen parameters with infinities now, but no NaN, such as a mask of -inf.

    Running statistics are left out, since batches change them.
    """
    changing = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    for path, module in model.named_modules():
        if isinstance(module, BatchNorm2d):
            changing |= {f"{path}.{name}".lstrip(".") for name, _ in module.named_buffers()}
    fixed = ((name, array) for name, array in _named_arrays(model) if name not in changing)
    floats = {name: array for name, array in fixed if array.dtype.kind == "f"}
    finite = _are_finite(floats)
    return frozenset(n for n, array in floats.items() if not finite[n] and not _has_nan(array))


def _has_nan(array: Array) -> bool:
    with on_device_of(array):
        return bool(array_module(array).isnan(array).any())


def _are_finite(arrays: Mapping[str, Array]) -> dict[str, bool]:
    """Whether all elements of each array of floats are finite; waits once for each device."""
    found: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        with on_device_of(array):
            flag = array_module(array).isfinite(array).all()
        found.setdefault(device_of(array), {})[name] = flag
    return {
        n: ok
        for flags in found.values()
        for n, ok in zip(flags, fetch([*flags.values()]), strict=True)
    }


def _count_bad(array: Array) -> int:
    """How many elements are NaN or infinite."""
    with on_device_of(array):
        return array.size - int(array_module(array).isfinite(array).sum())


def _named_arrays(model: Module) -> Iterator[tuple[str, Array]]:
    for named in (model.named_parameters(), model.named_buffers()):
        yield from ((name, value.data) for name, value in named)


def _arrays_of(optimizer: Optimizer, model: Module) -> Iterator[tuple[str, Array]]:
    """The state of the optimizer, and its parameters that are not the model's (the loss's)."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for i, (parameter, state) in enumerate(optimizer.state_arrays()):
        name = names.get(id(parameter), f"parameter {i} of the optimizer")
        if id(parameter) not in names:
            yield name, parameter.data
        for kind, array in state.items():
            yield f"{type(optimizer).__name__}'s {kind} of {name}", array
