"""Module, which holds parameters and other modules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from ..autograd import Tensor
from ..autograd.in_place import write_into
from ..backend import Array, is_array, is_device_name, on_device_of, resolve_device, to_device
from ..backend.arrays import to_array
from ..checks import check_flag
from .attribute import check_attribute, check_class
from .contents import PLAIN, find
from .display import module_html
from .located import name_layer
from .modes import modes
from .parameters import as_dtype
from .tree import Tree

Hook = Callable[["Module", tuple[Any, ...], Any], Any]
PreHook = Callable[["Module", tuple[Any, ...]], None]

_hook_numbers = count()  # so that a hook registered twice can be removed once


class StateKeys(NamedTuple):
    """What ``load_state_dict(state, strict=False)`` did not find, as PyTorch returns it.

    >>> mc.nn.Linear(3, 2).load_state_dict({"weight": np.ones((2, 3)), "gain": 1}, strict=False)
    StateKeys(missing_keys=['bias'], unexpected_keys=['gain'])
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module(Tree):
    """A layer or a network: define ``__init__``, which sets attributes, and ``forward``.

    There is no bookkeeping: its parameters are the attributes that are a ``Parameter``, its
    children those that are a ``Module``, both in the order in which they were set. Those in lists,
    tuples, and dicts are found too, as "blocks.0.weight", unless they are attributes elsewhere.
    Setting an attribute raises TypeError or ValueError for what would be neither learned nor saved:
    layers in a set, a generator, or under keys that are not valid names; a Tensor where a Parameter
    was. A layer inside another object (a function, your own class) is not found.

    >>> class Net(mc.nn.Module):
    ...     def __init__(self):
    ...         self.hidden = mc.nn.Linear(784, 100)
    ...         self.output = mc.nn.Linear(100, 10)
    ...     def forward(self, x):
    ...         return self.output(mc.ops.relu(self.hidden(x)))
    >>> [name for name, _ in Net().named_parameters()]
    ['hidden.weight', 'hidden.bias', 'output.weight', 'output.bias']
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_class(cls)

    @property
    def requires_grad(self) -> bool:
        """Not of a module, only of each of its parameters."""
        raise AttributeError(
            f"{type(self).__name__}: parameters have requires_grad, a module has not; write "
            "for p in module.parameters(): p.requires_grad = False"
        )

    @requires_grad.setter
    def requires_grad(self, value: Any) -> None:
        _ = self.requires_grad

    @property
    def training(self) -> bool:
        """Whether it is in training mode, as set by ``train()`` and ``eval()`` for all threads.

        Evaluation by minicnn itself (``Trainer.evaluate``, ``summary``, ``viz``, ...) affects only
        its own thread or asyncio task; others keep training. A forward that starts threads of its
        own needs ``model.eval()`` before it is evaluated.
        """
        mode = modes.get().get(id(self))
        return vars(self).get("training", True) if mode is None else mode

    @training.setter
    def training(self, mode: bool) -> None:
        mode = check_flag(f"{type(self).__name__}: training", mode)
        if id(self) in modes.get():
            modes.set({**modes.get(), id(self): mode})
        else:
            vars(self)["training"] = mode

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self)
        before = held.get(name)
        if name in METHODS and (not callable(value) or isinstance(value, Module)):
            raise TypeError(f"{type(self).__name__}.{name}: is a method, expected another name")
        if name in held.get("_buffer_names", ()):
            value = self._as_buffer(name, value)
        elif type(value) not in PLAIN or type(before) not in PLAIN:
            check_attribute(self, name, before, value)
        super().__setattr__(name, value)

    def _as_buffer(self, name: str, value: Any) -> Tensor | None:
        if value is None or isinstance(value, Tensor):
            return value
        if not is_array(value):
            raise TypeError(
                f"{type(self).__name__}.{name}: got a {type(value).__name__}, but it is a buffer; "
                "expected a Tensor, an array, or None"
            )
        return Tensor(value)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """The output computed from the inputs; called through ``module(x)``."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        try:
            for watch in tuple(vars(self).get("_forward_pre_hooks", {}).values()):
                if watch(self, inputs) is not None:
                    raise TypeError(
                        f"{type(self).__name__}: a forward pre-hook returned a value, but it only "
                        "watches the inputs; change them in a forward of your own"
                    )
            output = self.forward(*inputs, **options)
            for hook in tuple(self._hooks.values()):
                replaced = hook(self, inputs, output)
                output = output if replaced is None else replaced
            return output
        except Exception as error:
            name_layer(error, Module.__call__.__code__, sys._getframe().f_back)
            raise

    @property
    def _hooks(self) -> dict[int, Hook]:
        hooks: dict[int, Hook] = vars(self).get("_forward_hooks", {})
        return hooks

    @property
    def has_hooks(self) -> bool:
        """Whether this module, regardless of those in it, has a forward hook or pre-hook."""
        return bool(self._hooks or vars(self).get("_forward_pre_hooks"))

    def register_forward_hook(self, hook: Hook) -> Callable[[], None]:
        """Call ``hook(module, inputs, output)`` after each forward; the result removes it again.

        A value that the hook returns, unless None, replaces the output.
        """
        return self._register("_forward_hooks", hook)

    def register_forward_pre_hook(self, hook: PreHook) -> Callable[[], None]:
        """Call ``hook(module, inputs)`` before each forward; the result removes it again.

        It only watches: unlike PyTorch's, it cannot replace the inputs. A value that it returns,
        unless None, is a TypeError of the call.
        """
        return self._register("_forward_pre_hooks", hook)

    def _register(self, kind: str, hook: Callable[..., Any]) -> Callable[[], None]:
        hooks = vars(self).setdefault(kind, {})
        number = next(_hook_numbers)
        hooks[number] = hook
        return lambda: hooks.pop(number, None)

    def register_buffer(self, name: str, value: Array | Tensor | None) -> None:
        """Set an attribute that is saved with the state but not learned (a running mean).

        None keeps the name: what is set later is a buffer.
        """
        setattr(self, name, self._as_buffer(name, value))
        names = vars(self).setdefault("_buffer_names", [])
        names.extend([] if name in names else [name])

    def _would_fit(self, *inputs: Any) -> str:
        """For an error: the layer for which these inputs, which this one refused, are right."""
        return ""

    def _changed(self, **defaults: Any) -> str:
        """For ``_would_fit``: the options that are not the default, ", stride=2, bias=False"."""
        held = {name: getattr(self, name, default) for name, default in defaults.items()}
        shown = [f"{name}={v!r}" for name, v in held.items() if v != defaults[name]]
        is_affine = getattr(self, "affine", True) and getattr(self, "elementwise_affine", True)
        is_bare = is_affine and vars(self).get("bias", ...) is None
        return "".join(f", {option}" for option in [*shown, *["bias=False"] * is_bare])

    def train(self, mode: bool = True) -> Module:
        """Switch this module and all below it to training (dropout on, batch statistics).

        It calls ``train`` of the children, so that a layer that overrides it may stay frozen.
        Raises TypeError for a mode that is not a bool.
        """
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Module:
        """Switch this module and all below it to evaluation."""
        return self.train(False)

    def to(self, target: str | DTypeLike) -> Module:
        """Move parameters and buffers to a device ("cuda"), or into a float dtype (np.float64).

        An existing optimizer follows to another device at its next step.
        Raises DeviceError for a device that cannot be used, TypeError for another dtype.
        """
        if is_device_name(target):
            device = resolve_device(target)
            for _, value in self._named_values():
                value._replace(to_device(value.data, device), "Module.to()")
                value.grad = None if value.grad is None else value.grad.to(device)
            return self
        if target is None or np.dtype(target).kind != "f":
            raise TypeError(f"to: got {target!r}, expected a device or a float dtype")
        for _, value in self._named_values():
            if value.dtype.kind == "f":
                with on_device_of(value.data):
                    value._replace(value.data.astype(target, copy=False), "Module.to()")
                value.grad = None if value.grad is None else value.grad.to(target)
        return self

    def zero_grad(self) -> None:
        """Reset the gradients: set ``.grad`` of every parameter to None."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Array]:
        """A copy of every parameter and buffer as NumPy arrays, by path, with PyTorch's keys."""
        return {name: to_device(v.data, "cpu").copy() for name, v in self._named_values()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> StateKeys:
        """Copy a state dict into the parameters and buffers; all of it or, on error, nothing.

        Returns ``.missing_keys`` and ``.unexpected_keys``, which are empty if strict. Raises, if
        strict, KeyError for names that are missing or unknown, ValueError for a shape that differs
        and numbers that the dtype here cannot hold, TypeError for values that are not real numbers,
        or for what is not a state dict.
        """
        if not isinstance(state, Mapping):
            kind = type(state).__name__
            raise TypeError(f"state dict: got a {kind}, expected arrays by name; see mc.load(path)")
        own = dict(self._named_values())
        keys = StateKeys([n for n in own if n not in state], [n for n in state if n not in own])
        if strict and any(keys):
            missing, unknown = (sorted(names) or "nothing" for names in keys)
            is_checkpoint = any(name.startswith("model.") for name in keys.unexpected_keys)
            hint = "; a checkpoint is read by train.load_weights(path)" if is_checkpoint else ""
            raise KeyError(f"state dict: missing {missing}, unknown {unknown}{hint}")
        given = {n: state[n] for n in own if n in state}
        arrays = {
            n: v.data if isinstance(v, Tensor) else to_array(f"state dict: {n}", v)
            for n, v in given.items()
        }
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                raise ValueError(
                    f"state dict: {name} has shape {array.shape}, expected {own[name].shape}"
                )
            if array.dtype.kind not in "fiub":
                raise TypeError(f"state dict: {name} is {array.dtype}, expected real numbers")
        # All before the first is written: one may be refused, or be a view of another parameter.
        loaded = {n: as_dtype(n, array, own[n].dtype) for n, array in arrays.items()}
        for name, array in loaded.items():
            write_into(own[name], to_device(array, own[name].device), "load_state_dict()")
        return keys

    def _options(self) -> str:
        """What ``repr`` shows between the parentheses: the attributes that are plain values."""
        plain = (bool, int, float, str, tuple)
        return ", ".join(
            f"{name}={value!r}"
            for name, value in vars(self).items()
            if isinstance(value, plain)
            and name != "training"
            and not name.startswith("_")
            and not any(find(name, value, (Tree, Tensor)))
        )

    def __repr__(self) -> str:
        lines = [f"  ({name}): {child!r}" for name, child in self.named_children()]
        if not lines:
            return f"{type(self).__name__}({self._options()})"
        body = "\n".join(line.replace("\n", "\n  ") for line in lines)
        return f"{type(self).__name__}(\n{body}\n)"

    def _repr_html_(self) -> str:
        return module_html(self)


METHODS = frozenset(name for name in dir(Module) if callable(getattr(Module, name)))
