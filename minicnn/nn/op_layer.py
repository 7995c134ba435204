"""OpLayer: a layer without weights, which holds the options of one op and applies it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from ..checks import check_flag, check_integer, check_number, check_pair
from .module import Module

CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "bool": check_flag,
    "int": check_integer,
    "float": check_number,
    "IntOrPair": check_pair,
}
"""What checks an option, by its type as it is written in the layer."""


@dataclass(eq=False, repr=False)  # a module is compared by identity, and shows itself
class OpLayer(Module):
    """Base class of a layer that applies ``op``; the fields of a subclass are the op's options."""

    op: ClassVar[Callable[..., Any]]

    def __post_init__(self) -> None:
        """Raise TypeError or ValueError for options of the wrong type, when the layer is made."""
        for field in fields(self):
            kind, value = str(field.type), getattr(self, field.name)
            check = CHECKS.get(kind.removesuffix(" | None"))
            if check and not (value is None and kind.endswith(" | None")):
                check(f"{type(self).__name__}: {field.name}", value)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return self.op(*inputs, **self._held(*inputs), **options)

    def _held(self, *inputs: Any) -> dict[str, Any]:
        """The options of the op that the layer holds."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
