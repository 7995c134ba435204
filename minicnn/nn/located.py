"""An error inside a network names the layer by its path, and what would fit there."""

from __future__ import annotations

import contextlib
from types import CodeType, FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from ..backend import DeviceError

if TYPE_CHECKING:
    from .module import Module

Called = tuple["Module", tuple[Any, ...]]


def name_layer(error: Exception, call: CodeType, caller: FrameType | None) -> None:
    """Prefix the message with the path of the layer that raised, once the error leaves the model.

    call: the code of ``Module.__call__``; its frames on the way to the error are the layers. As
    long as one of them is among the callers the error is still inside.
    Errors whose argument is not a single message, and errors of other packages, are not changed.
    """
    while caller is not None:
        if caller.f_code is call:
            return
        caller = caller.f_back
    is_known = type(error).__module__ in ("builtins", DeviceError.__module__)
    is_message = len(error.args) == 1 and isinstance(error.args[0], str)
    if is_known and is_message and not isinstance(error, KeyError | OSError):
        with contextlib.suppress(Exception):  # the error itself matters more than the path
            error.args = (_located(error.args[0], _calls(error.__traceback__, call)),)


def _calls(traceback: TracebackType | None, call: CodeType) -> list[Called]:
    """The modules that were being called, from the outermost on, with their inputs."""
    calls = []
    while traceback is not None:
        if traceback.tb_frame.f_code is call:
            held = traceback.tb_frame.f_locals
            calls.append((held["self"], held["inputs"]))
        traceback = traceback.tb_next
    return calls


def _located(message: str, calls: list[Called]) -> str:
    inner, inputs = calls[-1]
    # Python names the class that defines forward: ZeroPad2d for a ReflectionPad2d.
    defined_as = f"{type(inner).forward.__qualname__}()"
    message = message.replace(defined_as, f"{type(inner).__name__}.forward()")
    for i, (root, _) in enumerate(calls):
        paths = {id(module): path for path, module in root.named_modules() if path}
        below = [module for module, _ in calls[i + 1 :] if id(module) in paths]
        if below:
            advice = _advice(message, inner, inputs) if below[-1] is inner else ""
            name = f"{paths[id(below[-1])]} ({type(below[-1]).__name__})"
            if message.startswith(f"{name}: "):  # raised a second time
                return message
            return f"{name}: {message}{advice}"
    return message


def _advice(message: str, inner: Module, inputs: tuple[Any, ...]) -> str:
    if inputs and inputs[0] is None and "NoneType" in message:
        return "; the forward that computed it must return the result"
    fits = inner._would_fit(*inputs)
    return f"; {fits} would fit" if fits else ""
