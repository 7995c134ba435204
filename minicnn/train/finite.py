"""Whether the numbers of a training are finite: weights, buffers, and the optimizer's state."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..backend import Array, array_module
from ..nn import Module
from ..optim import Optimizer


def check_finite(
    where: str, model: Module, optimizer: Optimizer, allowed: Collection[str] = ()
) -> None:
    """Raise FloatingPointError, naming them, for arrays that are not finite and not allowed."""
    found = [f"{n} ({count})" for n, count, _ in _not_finite(model, optimizer) if n not in allowed]
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise FloatingPointError(
            f"{where}: NaN or infinity in {', '.join(found[:3])}{more}; begin again from finite "
            "weights, and try a smaller learning rate, or find the cause inside "
            "minicnn.detect_anomaly()"
        )


def constants(model: Module, optimizer: Optimizer) -> frozenset[str]:
    """The buffers and frozen parameters that are not finite now, such as a mask of -inf."""
    return frozenset(n for n, _, learned in _not_finite(model, optimizer) if not learned)


def _not_finite(model: Module, optimizer: Optimizer) -> Iterator[tuple[str, str, bool]]:
    """Arrays with NaN or infinity: the name, how many elements, and whether training changes it."""
    for name, array, learned in _arrays(model, optimizer):
        if array.dtype.kind != "f":
            continue
        finite = array_module(array).isfinite(array)
        if not bool(finite.all()):
            bad = array.size - int(finite.sum())
            yield name, f"{bad:,} of {array.size:,} elements", learned


def _arrays(model: Module, optimizer: Optimizer) -> Iterator[tuple[str, Array, bool]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for name, parameter in model.named_parameters():
        yield name, parameter.data, parameter.requires_grad
    for name, buffer in model.named_buffers():
        yield name, buffer.data, False
    kind = type(optimizer).__name__
    for i, (trained, state) in enumerate(optimizer.state_arrays()):
        name = names.get(id(trained), f"parameter {i} of the optimizer")
        if id(trained) not in names:  # such as one of the loss
            yield name, trained.data, True
        for state_name, array in state.items():
            yield f"{kind}'s {state_name} of {name}", array, True
