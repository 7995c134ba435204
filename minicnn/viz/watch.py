"""What layers take and give while a model runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..autograd import Tensor
from ..nn import Module

__all__ = ["Call", "watching"]


class Call(NamedTuple):
    """One call of a layer: its name, what it was given, what it returned."""

    name: str
    input: Tensor
    output: Tensor


@contextmanager
def watching(layers: Mapping[str, Module]) -> Iterator[list[Call]]:
    """The calls of these layers inside the ``with`` block, in their order."""
    names = {module: name for name, module in layers.items()}
    calls: list[Call] = []

    def note(module: Module, inputs: tuple[Any, ...], output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        calls.append(Call(names[module], inputs[0], first))

    removers = [module.register_forward_hook(note) for module in names]
    try:
        yield calls
    finally:
        for remove in removers:
            remove()
