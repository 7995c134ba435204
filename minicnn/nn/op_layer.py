"""OpLayer: a layer without weights, which holds the options of one op and applies it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, ClassVar

from ..backend.geometry import PaddingForm, sides
from ..checks import check_choice, check_flag, check_integer, check_number, check_pair
from ..ops.global_pool import SizeForm
from ..ops.loss_inputs import REDUCTIONS
from .contents import PLAIN
from .module import Module


def check_padding(name: str, value: Any, words: tuple[str, ...] = ("valid", "same")) -> PaddingForm:
    """The value as a ``PaddingForm``. Raises TypeError or ValueError for what is none."""
    return check_choice(name, value, words) if isinstance(value, str) else sides(value, name)


def _check_size(name: str, value: Any) -> SizeForm:
    """One size or two; None in a pair keeps that of the input."""
    if not isinstance(value, tuple | list):
        return check_pair(name, value)
    check_pair(name, [1 if size is None else size for size in value])
    return value[0], value[1]


Check = Callable[[str, Any], Any]
BY_TYPE: dict[str, Check] = {
    "bool": check_flag,
    "int": check_integer,
    "float": check_number,
    "IntOrPair": check_pair,
    "PaddingForm": check_padding,
    "SizeForm": _check_size,
}
"""What checks an option, by its type as it is written in the layer."""
BY_NAME: dict[str, Check] = {
    "reduction": partial(check_choice, choices=REDUCTIONS),
    "approximate": partial(check_choice, choices=("none", "tanh")),
    "norm_type": partial(check_number, expected="a number above 0"),
    "delta": partial(check_number, expected="a number above 0, or inf"),
    "label_smoothing": partial(check_number, expected="a number from 0 to 1"),
    "size": partial(check_integer, least=1),
    "k": partial(check_number, expected="a number above 0"),
}
"""The same for the options of which the type says too little; the ops have these rules too."""


@dataclass(eq=False, repr=False)  # a module is compared by identity, and shows itself
class OpLayer(Module):
    """Base class of a layer that applies ``op``; the fields of a subclass are the op's options."""

    op: ClassVar[Callable[..., Any]]

    def __post_init__(self) -> None:
        """Raise TypeError or ValueError for options that the op refuses, when the layer is made."""
        for field in fields(self):
            kind, value = str(field.type), getattr(self, field.name)
            check = BY_NAME.get(field.name) or BY_TYPE.get(kind.removesuffix(" | None"))
            if check and not (value is None and kind.endswith(" | None")):
                checked = check(f"{type(self).__name__}: {field.name}", value)
                if type(value) not in (*PLAIN, tuple):  # a list, np.int64: repr shows plain values
                    setattr(self, field.name, checked)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return self.op(*inputs, **self._held(*inputs), **options)

    def _held(self, *inputs: Any) -> dict[str, Any]:
        """The options of the op that the layer holds."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
