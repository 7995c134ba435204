"""The layers that a module of ``minicnn.nn`` defines."""

from __future__ import annotations

from types import ModuleType

from minicnn import nn


def layers_of(module: ModuleType) -> set[str]:
    """The names of the public layers that are defined in this module."""
    return {
        name
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, nn.Module)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }
