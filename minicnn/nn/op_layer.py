"""OpLayer: a layer without weights, which holds the options of one op and applies it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from .module import Module


@dataclass(eq=False, repr=False)  # a module is compared by identity, and shows itself
class OpLayer(Module):
    """Base class of a layer that applies ``op``; the fields of a subclass are the op's options."""

    op: ClassVar[Callable[..., Any]]

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return self.op(*inputs, **self._held(*inputs), **options)

    def _held(self, *inputs: Any) -> dict[str, Any]:
        """The options of the op that the layer holds."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
