"""Habits from PyTorch in a subclass of Function: what is written here instead."""

from __future__ import annotations

from typing import Any

HOW_TO_CALL = (
    "is called with apply, which takes the inputs and the options of forward: "
    "MyOp.apply(x, alpha=2.0) for def forward(self, x, alpha)"
)


class CtxName:
    """An attribute that PyTorch's ctx has and a Function has not: reading it says what it has."""

    def __init__(self, instead: str) -> None:
        self.instead = instead

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, function: Any, owner: type) -> CtxName:
        if function is None:
            return self
        raise AttributeError(f"{owner.__name__} has no {self.name}: {self.instead}")


def check_definition(cls: type) -> None:
    """Raise TypeError for a subclass that is written as in PyTorch: options in __init__, or ctx."""
    name = cls.__name__
    for method in ("forward", "backward"):
        if isinstance(vars(cls).get(method), staticmethod | classmethod):
            raise TypeError(
                f"{name}: {method} is static, with ctx as in PyTorch; here it is a method, "
                "forward(self, x, alpha) and backward(self, grad), which reads self.inputs and "
                'self.options["alpha"]'
            )
        if _arguments(vars(cls).get(method))[1:2] == ("ctx",):
            raise TypeError(
                f"{name}: {method} takes ctx, as in PyTorch; here self is the context: "
                "forward(self, x, alpha) and backward(self, grad), which reads self.inputs"
            )
    if "__init__" in vars(cls):
        raise TypeError(
            f"{name}: has an __init__, but a Function takes its options in forward; it "
            f'{HOW_TO_CALL}, and backward reads self.options["alpha"]'
        )


def _arguments(function: Any) -> tuple[str, ...]:
    """The names of a function's arguments; none for what is not written in Python."""
    code = getattr(function, "__code__", None)
    return () if code is None else code.co_varnames[: code.co_argcount]
