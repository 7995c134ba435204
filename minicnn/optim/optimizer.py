"""What every optimizer shares: parameter groups, their flat buffers, state, and the step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..autograd import Parameter, Tensor
from ..backend import Array, array_module, to_device

__all__ = ["Optimizer", "Slice"]

# Elements updated at a time: the parameter, its gradient and state then stay in a core's cache
# while the update goes over them several times.
CHUNK = 1 << 15


class Slice(NamedTuple):
    """A piece of the flat buffers of a group, all of the same length, to be updated in place."""

    data: Array
    grad: Array
    state: dict[str, Array]
    step: int


class FlatGroup:
    """The parameters of one group as views into a single contiguous array.

    An update is then a few long array operations instead of a few short ones for each parameter.
    """

    def __init__(self, parameters: list[Tensor], state_names: tuple[str, ...]) -> None:
        xp = array_module(parameters[0].data)
        ends = np.cumsum([p.size for p in parameters]).tolist()
        self.parameters = parameters
        self.spans = list(zip([0, *ends[:-1]], ends, strict=True))
        self.steps = [0] * len(parameters)
        self.data = xp.concatenate([p.data.ravel() for p in parameters])
        self.grad = xp.zeros_like(self.data)
        self.state = {name: xp.zeros_like(self.data) for name in state_names}
        self.shapes = [p.shape for p in parameters]
        self.views: list[Array | None] = [None] * len(parameters)
        self.bind()

    def part(self, flat: Array, i: int) -> Array:
        """What belongs to parameter i in a flat array, in the parameter's shape."""
        start, stop = self.spans[i]
        return flat[start:stop].reshape(self.shapes[i])

    def bind(self) -> None:
        """Let the parameters be views again, should someone have given them new arrays."""
        for i, parameter in enumerate(self.parameters):
            view = self.views[i]
            if view is None or view.base is not self.data:  # at first, and in a deep copy
                view = self.views[i] = self.part(self.data, i)
            if parameter.data is view:
                continue
            if parameter.shape != view.shape or parameter.dtype != view.dtype:
                raise RuntimeError(
                    f"optimizer: a parameter was {view.dtype} of shape {view.shape} and is now "
                    f"{parameter.dtype} of shape {parameter.shape}; make a new optimizer after this"
                )
            view[...] = parameter.data
            parameter.data = view

    def slices(self) -> Iterator[Slice]:
        """Take the next step: the pieces to update, leaving out parameters without a gradient."""
        self.bind()
        for i, parameter in enumerate(self.parameters):
            if parameter.grad is None:
                continue
            if parameter.grad.shape != parameter.shape:
                raise RuntimeError(
                    f"optimizer: a parameter of shape {parameter.shape} has a gradient of shape "
                    f"{parameter.grad.shape}"
                )
            self.part(self.grad, i)[...] = parameter.grad.data
            self.steps[i] += 1
        alike = groupby(range(len(self.parameters)), key=self._step)
        for step, members in alike:
            if step is not None:
                numbers = list(members)
                yield from self._chunks(self.spans[numbers[0]][0], self.spans[numbers[-1]][1], step)

    def _step(self, i: int) -> int | None:
        return None if self.parameters[i].grad is None else self.steps[i]

    def _chunks(self, start: int, stop: int, step: int) -> Iterator[Slice]:
        for a in range(start, stop, CHUNK):
            b = min(a + CHUNK, stop)
            state = {name: flat[a:b] for name, flat in self.state.items()}
            yield Slice(self.data[a:b], self.grad[a:b], state, step)


class Optimizer:
    """Changes parameters a little against their gradients; subclasses say how, in ``update``.

    params: parameters, or mappings {"params": [...], "lr": ...} whose options differ. Their data
    moves into a flat buffer and is changed there in place, so an array taken from a parameter
    before (``weight.data``) is no longer its own, and one taken later shows every step.
    Raises ValueError or TypeError for an empty list, duplicates, or what cannot be learned.
    """

    state_names: ClassVar[tuple[str, ...]] = ()
    """The arrays kept for each parameter, all starting as zeros."""

    def __init__(self, params: Iterable[Any], **defaults: Any) -> None:
        self.param_groups = _groups(params, defaults)
        for group in self.param_groups:
            self.check({name: group[name] for name in defaults})
        self._flat = [FlatGroup(group["params"], self.state_names) for group in self.param_groups]

    def check(self, options: dict[str, Any]) -> None:
        """Raise ValueError for options that make no sense."""
        for name in ("lr", "weight_decay"):
            if not options[name] >= 0:
                raise ValueError(f"{name}: got {options[name]}, expected 0 or more")

    def update(self, s: Slice, options: dict[str, Any]) -> None:
        """Change s.data and s.state in place; s.grad may be overwritten too."""
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    def step(self) -> None:
        """One update of every parameter that has a gradient."""
        for group, flat in zip(self.param_groups, self._flat, strict=True):
            # A NumPy number would make float64 of float32 arrays.
            options = {k: v.item() if isinstance(v, np.generic) else v for k, v in group.items()}
            for piece in flat.slices():
                self.update(piece, options)

    def zero_grad(self) -> None:
        """Forget the gradients: set ``.grad`` of every parameter to None."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Options and state, shaped as PyTorch's: state by number, groups naming these numbers."""
        state: dict[int, dict[str, Any]] = {}
        groups = []
        for group, flat in zip(self.param_groups, self._flat, strict=True):
            first = len(state)
            for i, step in enumerate(flat.steps):
                arrays = {n: to_device(flat.part(f, i), "cpu") for n, f in flat.state.items()}
                state[first + i] = {"step": step, **{n: a.copy() for n, a in arrays.items()}}
            groups.append({**group, "params": list(range(first, len(state)))})
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a ``state_dict()``; all of it or, on error, nothing.

        Raises ValueError when it is not the state of an optimizer like this one.
        """
        try:
            options = self._checked_options(state_dict["param_groups"])
            numbers = range(sum(len(flat.steps) for flat in self._flat))
            state = [self._checked_state(i, state_dict["state"][i]) for i in numbers]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"state dict: no state of this optimizer, {error!r}") from error
        remaining = iter(state)
        for flat in self._flat:
            for i in range(len(flat.steps)):
                flat.steps[i], arrays = next(remaining)
                for name, array in arrays.items():
                    flat.part(flat.state[name], i)[...] = array
        for group, new in zip(self.param_groups, options, strict=True):
            group.update(new)

    def _checked_options(self, groups: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The options of each group in a state dict."""
        sizes = [len(group["params"]) for group in groups]
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ValueError(f"state dict: groups of {sizes} parameters, expected {own}")
        checked = []
        for group, new in zip(self.param_groups, groups, strict=True):
            if unknown := new.keys() - group.keys():
                raise ValueError(f"state dict: unknown options {sorted(unknown)}")
            options = {name: value for name, value in new.items() if name != "params"}
            self.check({**group, **options})
            checked.append(options)
        return checked

    def _checked_state(self, number: int, state: Mapping[str, Any]) -> tuple[int, dict[str, Array]]:
        """The step and the arrays of one parameter in a state dict."""
        flat, i = [(flat, i) for flat in self._flat for i in range(len(flat.steps))][number]
        step = state["step"]
        if not isinstance(step, int | np.integer) or step < 0:
            raise ValueError(f"state dict: step of parameter {number} is {step!r}")
        arrays = {name: np.asarray(state[name]) for name in self.state_names}
        for name, array in arrays.items():
            if array.shape != flat.shapes[i] or array.dtype.kind != "f":
                raise ValueError(
                    f"state dict: {name} of parameter {number} is {array.dtype} of shape "
                    f"{array.shape}, expected {flat.data.dtype} of shape {flat.shapes[i]}"
                )
        return int(step), arrays


def _groups(params: Iterable[Any], defaults: dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(params, Tensor):
        raise TypeError("params: got one Tensor, expected a list: model.parameters() or [x]")
    given = list(params)
    if not given:
        raise ValueError("params: got no parameters at all")
    if not any(isinstance(group, Mapping) for group in given):
        given = [{"params": given}]
    groups = []
    for group in given:
        if not isinstance(group, Mapping) or "params" not in group:
            kind = type(group).__name__
            raise TypeError(f'params: got a {kind}, expected all to be dicts with "params"')
        unknown = group.keys() - defaults.keys() - {"params"}
        if unknown:
            raise ValueError(f"params: unknown options {sorted(unknown)}, known {list(defaults)}")
        groups.append({**defaults, **group, "params": list(group["params"])})
    _check_parameters([p for group in groups for p in group["params"]])
    if not all(group["params"] for group in groups):
        raise ValueError("params: got a group without parameters")
    return groups


def _check_parameters(parameters: list[Any]) -> None:
    for p in parameters:
        is_learned = isinstance(p, Parameter) or (isinstance(p, Tensor) and p.requires_grad)
        if not is_learned or p.function is not None:
            raise TypeError(f"params: got {type(p).__name__}, expected leaves that require grad")
    if len({id(p) for p in parameters}) < len(parameters):
        raise ValueError("params: got a parameter twice")
    kinds = {(p.device, str(p.dtype)) for p in parameters}
    if len(kinds) > 1:
        raise ValueError(f"params: got {sorted(kinds)}, expected one device and dtype")
