"""What is checked before the first batch: the optimizer, the data, the callbacks."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import FunctionType
from typing import Any

from ..autograd import Parameter, Tensor
from ..backend import is_array
from ..checks import few
from ..data import ArrayDataset, ImageFolder
from ..nn import Module
from ..optim import Optimizer, Schedule
from .callback import Callback

LOADER = "DataLoader(dataset, batch_size=32)"


def check_optimizer(where: str, model: Any, optimizer: Any, loss: Any) -> None:
    """Raise TypeError for other types, ValueError for an optimizer that was made for another model.

    It may train only a part of the model, and parameters of the loss. Others are assumed to belong
    to a loss that is a function, unless parameters of the model are left out: then a layer was
    replaced after the optimizer was made.
    """
    if not isinstance(model, Module):
        raise TypeError(f"{where}: model: got {_kind(model)}, expected a Module")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{where}: optimizer: got {_kind(optimizer)}, expected an Optimizer")
    if isinstance(loss, type):
        raise TypeError(f"{where}: loss: got {_kind(loss)}, expected a function: {loss.__name__}()")
    own = {id(p): name for name, p in model.named_parameters()}
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    again = f"after the model, {type(optimizer).__name__}(model.parameters(), ...)"
    if not own.keys() & given:
        raise ValueError(
            f"{where}: optimizer: none of its {len(given)} parameters belongs to the model, which "
            f"would not be trained; make the optimizer {again}"
        )
    known = own.keys() | ({id(p) for p in loss.parameters()} if isinstance(loss, Module) else set())
    left_out = [n for n, p in model.named_parameters() if p.requires_grad and id(p) not in given]
    if left_out and (foreign := len(given - known)):
        raise ValueError(
            f"{where}: optimizer: {foreign} of its {len(given)} parameters do not belong to the "
            f"model, and {few(left_out)} of the model would not be trained; make the optimizer "
            f"{again}, or set requires_grad = False for what stays fixed"
        )


def warn_of_untrained(model: Module, optimizer: Optimizer) -> None:
    """Warn of parameters that look as if they were trained, but are in no optimizer."""
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    left = [n for n, p in model.named_parameters() if p.requires_grad and id(p) not in given]
    if left:
        warnings.warn(
            f"fit: {few(left)} of the model require a gradient, but are not in the optimizer and "
            "stay as they are; set requires_grad = False for what is not to be trained",
            stacklevel=3,
        )


def check_graph(
    model: Module, loss: Any, optimizer: Optimizer, callbacks: Iterable[Callback]
) -> None:
    """Raise ValueError for what a CUDA graph would leave out."""
    instead = "or use Trainer(..., graph=False)"
    for callback in callbacks:
        kind = type(callback)
        if kind.on_batch_end is not Callback.on_batch_end and not kind.graph_safe:
            raise ValueError(
                f"fit: graph: got the callback {kind.__name__} with on_batch_end, which may "
                "change the model or use its outputs while steps are replayed; set graph_safe = "
                f"True in its class if it does neither, use on_epoch_end, {instead}"
            )
    modules = [model, loss] if isinstance(loss, Module) else [model]
    for path, module in (named for m in modules for named in m.named_modules()):
        if module.has_hooks:
            raise ValueError(
                f"fit: graph: got a hook on {path or 'the model'} ({type(module).__name__}), "
                f"which is not called when steps are replayed; remove it, {instead}"
            )
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    named = [named for m in modules for named in m.named_parameters()]
    left = [name for name, p in named if p.requires_grad and id(p) not in given]
    if left:
        raise ValueError(
            f"fit: graph: got {few(left)} outside the optimizer, whose gradients would be "
            f"added up; set requires_grad = False for what is not to be trained, {instead}"
        )


def is_repeatable(
    model: Module,
    loss: Any,
    metrics: Iterable[Any],
    optimizer: Optimizer,
    callbacks: Iterable[Callback],
) -> bool:
    """Whether a recorded step is known to be the step: all that computes is minicnn's own."""
    modules = [m for part in (model, loss) if isinstance(part, Module) for m in part.modules()]
    functions = [loss, *metrics]
    functions = [f.func if isinstance(f, partial) else f for f in functions]
    makers = [type(m) for m in modules] + [f for f in functions if not isinstance(f, Module)]
    if not all(str(getattr(maker, "__module__", "")).startswith("minicnn.") for maker in makers):
        return False
    try:
        check_graph(model, loss, optimizer, callbacks)
    except ValueError:
        return False
    return True


def check_new_parameters(model: Module, optimizer: Optimizer, known: list[Parameter]) -> None:
    """Raise ValueError for parameters made in forward or by a callback, which are not trained."""
    old = {id(p) for group in optimizer.param_groups for p in group["params"]} | {*map(id, known)}
    new = [n for n, p in model.named_parameters() if p.requires_grad and id(p) not in old]
    if new:
        raise ValueError(
            f"fit: {few(new)} of the model came after the Trainer and the optimizer, and would "
            "not be trained; make all layers in __init__, and the optimizer after the model"
        )


def check_batches(where: str, data: Any, epochs: int = 1) -> None:
    """Raise TypeError or ValueError for data that is not batches of (inputs, labels).

    Checks what is known before a batch is drawn; the batches themselves are checked one by one.
    """
    if isinstance(data, ArrayDataset | ImageFolder):
        raise TypeError(f"{where}: got {_kind(data)}, expected batches: {LOADER}")
    if isinstance(data, Tensor | Mapping | str | bytes) or is_array(data) or not _iterates(data):
        raise TypeError(
            f"{where}: got {_kind(data)}, expected batches of (inputs, labels): {LOADER}, or a "
            "list of pairs"
        )
    if isinstance(data, list | tuple):
        if not data:
            raise ValueError(f"{where}: got no batches")
        if any(isinstance(part, Tensor) or is_array(part) for part in data):
            raise ValueError(
                f"{where}: got {few(map(_kind, data))}, expected pairs (inputs, labels), one for "
                "each batch: DataLoader(ArrayDataset(inputs, labels), batch_size=32)"
            )
    # A class written in Python may start over in its __iter__; a generator or a zip cannot.
    once = isinstance(data, Iterator) and not isinstance(type(data).__iter__, FunctionType)
    if once and epochs > 1:
        raise ValueError(
            f"{where}: got a {type(data).__name__}, whose batches can be used for one epoch only, "
            f"but epochs is {epochs}; pass a DataLoader or a list"
        )


def check_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """The callbacks. Raises TypeError for anything else."""
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks: got {_kind(callbacks)}, expected a list of callbacks")
    checked = tuple(callbacks)
    for callback in checked:
        if not isinstance(callback, Callback):
            hint = ": LearningRate(schedule)" if isinstance(callback, Schedule) else ""
            raise TypeError(f"callbacks: got {_kind(callback)}, expected callbacks{hint}")
    return checked


def _iterates(data: Any) -> bool:
    return not isinstance(data, type) and (
        isinstance(data, Iterable) or hasattr(data, "__getitem__")
    )


def _kind(value: Any) -> str:
    """How an error describes a value: its class, and the shape of an array."""
    if isinstance(value, type):
        return f"the class {value.__name__}, not called"
    kind = type(value).__name__
    if isinstance(value, bool | int | float | str | bytes | None):
        return repr(value)
    if isinstance(value, Tensor) or is_array(value):
        return f"{kind} of shape {value.shape}"
    return kind
