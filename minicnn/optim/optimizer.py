"""What every optimizer shares: parameter groups, options, state, and the step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from ..autograd import Parameter, Tensor
from ..backend import Array, device_of, on_device_of, to_device
from ..backend.updates import Options, State, update_for
from ..checks import brief, check_number
from ..fields import anything, count, fields, items
from .flat import FlatGroup
from .torch_state import from_torch

Params = Iterable[Tensor] | Iterable[Mapping[str, Any]]
"""Parameters, or groups of them: {"params": [...], "lr": ...}."""


class Optimizer:
    """Changes parameters a little against their gradients; a subclass defines how, in ``update``.

    params: parameters, or mappings {"params": [...], "lr": ...} whose options differ. Their data
    moves into a flat buffer and is changed there in place, so an array taken from a parameter
    before (``weight.data``) is no longer its own, and one taken later shows every step.
    Raises TypeError or ValueError for an empty list, duplicates, or tensors that cannot be trained.

    >>> class Signs(mc.optim.Optimizer):
    ...     @staticmethod
    ...     def update(p, grad, step, state, o):
    ...         p -= o.lr * np.sign(grad)
    >>> p = mc.Parameter(np.array([1.0, 1.0]))
    >>> optimizer = Signs([p], lr=0.25)
    >>> (3 * p[0] - p[1]).backward()
    >>> optimizer.step()
    >>> p
    tensor([0.75, 1.25], dtype=float64, requires_grad=True)
    """

    state_names: ClassVar[Mapping[str, str | None]] = {}
    """The arrays kept for each parameter, starting as zeros, with the option that needs one.

    None: always needed. What the options do not need is neither allocated nor saved.
    """

    squares: ClassVar[Collection[str]] = ()
    """The state arrays that add up squares, and so are never below 0."""

    ranges: ClassVar[dict[str, str]] = dict.fromkeys(
        ("lr", "weight_decay"), "a number of 0 or more"
    )
    """The options that are numbers, each with its range, see ``checks.RANGES``."""

    @staticmethod
    def update(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
        """The formula of step number 1, 2, ..., which changes p and the state arrays in place.

        All arrays are flat. ``o.lr`` and ``state.exp_avg`` are options and state arrays by name; a
        state array that the options do not need is None.
        """
        raise NotImplementedError

    def __init__(self, params: Params, **defaults: Any) -> None:
        if self.update is Optimizer.update:
            raise NotImplementedError(f"{type(self).__name__} defines no update")
        self.param_groups = _groups(params, defaults)
        for group in self.param_groups:
            self.check({name: group[name] for name in defaults})
        self._flat = [FlatGroup(group["params"]) for group in self.param_groups]
        self._keep_state()

    def __repr__(self) -> str:
        groups = []
        for group in self.param_groups:
            options = _plain(group)
            number = len(options.pop("params"))
            shown = [f"{number} parameter{'s' * (number != 1)}"]
            groups.append(", ".join(shown + [f"{k}={v!r}" for k, v in options.items()]))
        if len(groups) == 1:
            return f"{type(self).__name__}({groups[0]})"
        lines = [f"  group {i}: {text}\n" for i, text in enumerate(groups)]
        return f"{type(self).__name__}(\n{''.join(lines)})"

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise TypeError for options that are not numbers, ValueError for one out of its range."""
        for name, expected in self.ranges.items():
            if name in options:
                check_number(f"{type(self).__name__}: {name}", options[name], expected)

    def step(self) -> None:
        """One update of every parameter that has a gradient."""
        self._keep_state()  # an option changed since may need more of it
        for group, flat in zip(self.param_groups, self._flat, strict=True):
            options, needed = Options(**_plain(group)), self._needed(group)
            # Under np.seterr(all="raise") too, a step may round to 0.
            with on_device_of(group["params"][0].data), np.errstate(under="ignore"):
                flat.collect()
                update, at_once = update_for(flat.data, self.update)
                for p, grad, step, flat_state in flat.slices(at_once):
                    state = {n: flat_state[n] if n in needed else None for n in self.state_names}
                    if update(p, grad, step, State(**state), options) is not None:
                        raise TypeError(
                            f"{type(self).__name__}: update returned a value, which would be lost; "
                            "change p in place: p -= ..."
                        )
                flat.record_change(f"{type(self).__name__}.step()")

    def zero_grad(self) -> None:
        """Forget the gradients: set ``.grad`` of every parameter to None."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def state_arrays(self) -> Iterator[tuple[Tensor, dict[str, Array]]]:
        """Each parameter with its state arrays by name, views that the next step changes."""
        for flat in self._flat:
            for i, parameter in enumerate(flat.parameters):
                yield parameter, {name: flat.part(a, i) for name, a in flat.state.items()}

    def state_dict(self) -> dict[str, Any]:
        """Options and state, shaped as PyTorch's: state by number, groups naming these numbers."""
        self._keep_state()
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
        """Continue from a ``state_dict()``, also PyTorch's; all of it or, on error, nothing.

        Raises ValueError when it is not the state of an optimizer like this one, or of one of
        PyTorch with another formula (amsgrad, maximize, dampening).
        """
        _check_state("state dict", state_dict)
        try:
            state_dict = from_torch(self, state_dict)
            options = self._checked_options(state_dict["param_groups"])
            state = self._checked_state(state_dict["state"], options)
        except (ArithmeticError, KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {brief(str(error))}"
            raise ValueError(f"state dict: no state of this optimizer ({reason})") from error
        loaded = []
        for flat, entries in zip(self._flat, state, strict=True):
            fresh = flat.zeros(dict.fromkeys(name for _, arrays in entries for name in arrays))
            for i, (_, arrays) in enumerate(entries):
                for name, array in arrays.items():
                    part = flat.part(fresh[name], i)
                    with on_device_of(part):
                        part[...] = to_device(array, device_of(part))
            loaded.append(fresh)
        for flat, entries, fresh in zip(self._flat, state, loaded, strict=True):
            flat.steps, flat.state = [step for step, _ in entries], fresh
        for group, new in zip(self.param_groups, options, strict=True):
            group.update(new)

    def _keep_state(self) -> None:
        for group, flat in zip(self.param_groups, self._flat, strict=True):
            needed = self._needed(group)
            flat.keep(name for name in self.state_names if name in needed)

    def _needed(self, options: Mapping[str, Any]) -> set[str]:
        """The state arrays that an update with these options reads."""
        return {k for k, option in self.state_names.items() if option is None or options[option]}

    def _checked_options(self, groups: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The options that each group will have, from a state dict."""
        sizes = [len(group["params"]) for group in groups]
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ValueError(f"state dict: groups of {sizes} parameters, expected {own}")
        checked = []
        for group, new in zip(self.param_groups, groups, strict=True):
            if unknown := new.keys() - group.keys():
                raise ValueError(f"state dict: unknown options {sorted(unknown)}")
            options = {**group, **new, "params": group["params"]}
            for name in new.keys() - {"params"}:
                _check_kind(f"{type(self).__name__}: {name}", options[name], group[name])
            self.check(options)
            checked.append(options)
        return checked

    def _checked_state(
        self, state: Mapping[int, Mapping[str, Any]], options: list[dict[str, Any]]
    ) -> list[list[tuple[int, dict[str, Array]]]]:
        """For each group, the step and the arrays of each parameter in a state dict."""
        checked = []
        number = 0
        for flat, group in zip(self._flat, options, strict=True):
            entries = []
            for shape in flat.shapes:
                entries.append(self._checked_entry(number, state[number], shape, group))
                number += 1
            checked.append(entries)
        return checked

    def _checked_entry(
        self, number: int, entry: Mapping[str, Any], shape: tuple[int, ...], group: dict[str, Any]
    ) -> tuple[int, dict[str, Array]]:
        """The step and the arrays of one parameter in a state dict."""
        step = count(f"state dict: step of parameter {number}", entry["step"])
        names = entry.keys() - {"step"}
        if unknown := names - self.state_names.keys():
            raise ValueError(f"state dict: unknown arrays {sorted(unknown)} of parameter {number}")
        if missing := self._needed(group) - names:
            raise ValueError(f"state dict: parameter {number} is without {sorted(missing)}")
        arrays = {name: np.asarray(entry[name]) for name in self.state_names if name in names}
        for name, array in arrays.items():
            if array.shape != shape or array.dtype.kind != "f":
                raise ValueError(
                    f"state dict: {name} of parameter {number} is {array.dtype} of shape "
                    f"{array.shape}, expected floats of shape {shape}"
                )
            if name in self.squares and (array < 0).any():
                raise ValueError(
                    f"state dict: {name} of parameter {number} has {array.min()}, expected sums of "
                    "squares, 0 or more"
                )
        return step, arrays


_check_state = fields({"param_groups": items(fields({"params": items(count)})), "state": anything})


def _check_kind(name: str, value: Any, own: Any) -> None:
    """Raise TypeError for an option that is a flag in only one of the two."""
    if isinstance(own, bool | np.bool_) != isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: got {brief(value)}, expected a value like {own!r}")


def _plain(group: Mapping[str, Any]) -> dict[str, Any]:
    """Options as Python numbers: a NumPy number would make float64 of float32 arrays."""
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in group.items()}


def _groups(params: Params, defaults: dict[str, Any]) -> list[dict[str, Any]]:
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
