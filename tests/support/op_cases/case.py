"""OpCase: one call of an op, drawn by hypothesis, and what its result must agree with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import minicnn as mc
from minicnn import ops

Array = NDArray[Any]
Draw = st.DrawFn
Shape = tuple[int, ...]
Range = tuple[float, float]
Call = tuple[list[mc.Tensor], dict[str, Any]]
"""What was drawn: the inputs that are differentiated, and the other arguments by name."""

SIDES = st.integers(1, 4)


@dataclass(frozen=True)
class OpCase:
    """An op of ``minicnn.ops.__all__``.

    ``draw`` returns the inputs of a call, float64 Tensors, and its other arguments by name. The op,
    its oracle (NumPy or plain loops) and its twin in PyTorch are all called with these:
    ``op(*tensors, **options)``, ``oracle(*arrays, **options)``, ``twin(*tensors, **options)``.
    Instead of a twin, a text says why PyTorch has nothing to compare with.
    ``ours`` replaces the op of that name where its arguments have another form.
    """

    name: str
    draw: Callable[[Draw], Call]
    oracle: Callable[..., Any]
    twin: Callable[..., Any] | str
    ours: Callable[..., Any] | None = None
    differentiable: bool = True

    @property
    def op(self) -> Callable[..., Any]:
        return self.ours or getattr(ops, self.name)

    def calls(self) -> st.SearchStrategy[Call]:
        return st.composite(self.draw)()


class Later:
    """The functions of a module, which is imported when the first of them is called.

    The cases can be read without PyTorch.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def function(*args: Any, **options: Any) -> Any:
            return getattr(import_module(self._module), name)(*args, **options)

        return function


torch, F = Later("torch"), Later("torch.nn.functional")


def as_torch(array: Any) -> Any:
    return None if array is None else torch.tensor(array)


def numbers(draw: Draw, shape: Shape, within: Range = (-3, 3)) -> mc.Tensor:
    """Distinct numbers away from 0 and +-1, where some ops are not smooth, in any memory order."""
    low, high = within
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = math.prod(shape)
    x = low + (high - low) * (rng.permutation(size) + 0.5 + 0.1 * rng.random(size)) / max(size, 1)
    for kink in (-1.0, 0.0, 1.0):
        x = np.where(np.abs(x - kink) < 0.02, x + 0.05, x)
    x = x.reshape(shape)
    order = draw(st.sampled_from(["C", "F", "strided"]))
    if order == "strided" and shape:
        x = np.repeat(x, 2, -1)[..., ::2]
    return mc.Tensor(np.asarray(x, order="F" if order == "F" else None), requires_grad=True)


def generator(draw: Draw) -> np.random.Generator:
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


def shape_of(draw: Draw, least: int = 0, most: int = 4) -> Shape:
    return tuple(draw(st.lists(SIDES, min_size=least, max_size=most)))


def part_of(draw: Draw, full: Shape) -> Shape:
    """A shape that broadcasts to the full one: axes of length 1 and missing leading axes."""
    part = tuple(1 if draw(st.booleans()) else n for n in full)
    return part[draw(st.integers(0, len(full))) :]


def axis_of(draw: Draw, shape: Sequence[int]) -> int:
    return draw(st.integers(-len(shape), len(shape) - 1))


def unary(
    within: tuple[float, float] = (-3, 3), **choices: Sequence[Any]
) -> Callable[[Draw], Call]:
    """One tensor of any shape; each option is one of its choices."""

    def draw_call(draw: Draw) -> Call:
        x = numbers(draw, shape_of(draw), within)
        return [x], {name: draw(st.sampled_from(values)) for name, values in choices.items()}

    return draw_call


def binary(within: Range = (-3, 3)) -> Callable[[Draw], Call]:
    """Two tensors whose shapes broadcast."""

    def draw_call(draw: Draw) -> Call:
        full = shape_of(draw)
        return [numbers(draw, part_of(draw, full), within) for _ in range(2)], {}

    return draw_call
