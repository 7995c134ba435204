"""Module, which holds parameters and other modules, and Sequential, a chain of modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..autograd import Parameter, Tensor, no_grad
from ..autograd.in_place import write_into
from ..backend import Array, is_device_name, resolve_device, to_device
from ..html_table import html_table

Hook = Callable[["Module", tuple[Any, ...], Any], Any]
PreHook = Callable[["Module", tuple[Any, ...]], None]

_hook_numbers = count()  # so that a hook registered twice can be removed once


class Module:
    """A layer or a network: define ``__init__``, which sets attributes, and ``forward``.

    There is no bookkeeping: its parameters are the attributes that are a ``Parameter``, its
    children those that are a ``Module``, both in the order in which they were set.

    >>> class Net(mc.nn.Module):
    ...     def __init__(self):
    ...         self.hidden = mc.nn.Linear(784, 100)
    ...         self.output = mc.nn.Linear(100, 10)
    ...     def forward(self, x):
    ...         return self.output(mc.ops.relu(self.hidden(x)))
    >>> [name for name, _ in Net().named_parameters()]
    ['hidden.weight', 'hidden.bias', 'output.weight', 'output.bias']
    """

    training: bool = True

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """The output computed from the inputs; called through ``module(x)``."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        for watch in tuple(vars(self).get("_forward_pre_hooks", {}).values()):
            watch(self, inputs)
        output = self.forward(*inputs, **options)
        for hook in tuple(self._hooks.values()):
            replaced = hook(self, inputs, output)
            output = output if replaced is None else replaced
        return output

    @property
    def _hooks(self) -> dict[int, Hook]:
        hooks: dict[int, Hook] = vars(self).get("_forward_hooks", {})
        return hooks

    def register_forward_hook(self, hook: Hook) -> Callable[[], None]:
        """Call ``hook(module, inputs, output)`` after each forward; the result removes it again.

        A value that the hook returns, unless None, replaces the output.
        """
        return self._register("_forward_hooks", hook)

    def register_forward_pre_hook(self, hook: PreHook) -> Callable[[], None]:
        """Call ``hook(module, inputs)`` before each forward; the result removes it again.

        It only watches: unlike PyTorch's, it cannot replace the inputs.
        """
        return self._register("_forward_pre_hooks", hook)

    def _register(self, kind: str, hook: Callable[..., Any]) -> Callable[[], None]:
        hooks = vars(self).setdefault(kind, {})
        number = next(_hook_numbers)
        hooks[number] = hook
        return lambda: hooks.pop(number, None)

    def register_buffer(self, name: str, value: Array | Tensor) -> None:
        """Set an attribute that is saved with the state but not learned (a running mean)."""
        vars(self).setdefault("_buffer_names", []).append(name)
        setattr(self, name, value if isinstance(value, Tensor) else Tensor(value))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one, by name."""
        return ((name, v) for name, v in vars(self).items() if isinstance(v, Module))

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module (named by the prefix) and all below it once, depth first: "block1.conv1"."""
        return _once(self._paths(prefix))

    def modules(self) -> Iterator[Module]:
        """This module and all below it."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, by its path: "conv1.weight"."""
        return _once((n, v) for n, v in self._named_values() if isinstance(v, Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter once, as optimizers take them."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """Every buffer once, by its path: "norm1.running_mean"."""
        return _once((n, v) for n, v in self._named_values() if not isinstance(v, Parameter))

    def buffers(self) -> Iterator[Tensor]:
        """Every buffer once."""
        return (buffer for _, buffer in self.named_buffers())

    def _paths(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Every path to this module and those below; a shared module has several."""
        yield prefix, self
        for name, child in self.named_children():
            yield from child._paths(f"{prefix}.{name}" if prefix else name)

    def _named_values(self) -> Iterator[tuple[str, Tensor]]:
        for path, module in self._paths():
            buffer_names = vars(module).get("_buffer_names", ())
            for name, value in vars(module).items():
                if isinstance(value, Parameter) or name in buffer_names:
                    yield (f"{path}.{name}" if path else name), value

    def train(self, mode: bool = True) -> Module:
        """Switch this module and all below it to training (dropout on, batch statistics)."""
        for module in self.modules():
            module.training = mode
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

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Copy a state dict into the parameters and buffers; all of it or, on error, nothing.

        Raises, if strict, KeyError for names that are missing or unknown, ValueError for a shape
        that differs, TypeError for values that are not real numbers.
        """
        own = dict(self._named_values())
        missing, unknown = own.keys() - state.keys(), state.keys() - own.keys()
        if strict and (missing or unknown):
            raise KeyError(
                f"state dict: missing {sorted(missing) or 'nothing'}, "
                f"unknown {sorted(unknown) or 'nothing'}"
            )
        given = {n: state[n] for n in own if n in state}
        arrays = {n: v.data if isinstance(v, Tensor) else np.asarray(v) for n, v in given.items()}
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                raise ValueError(
                    f"state dict: {name} has shape {array.shape}, expected {own[name].shape}"
                )
            if array.dtype.kind not in "fiub":
                raise TypeError(f"state dict: {name} is {array.dtype}, expected real numbers")
        for name, array in arrays.items():
            value = own[name]
            loaded = to_device(array.astype(value.dtype), value.device)
            write_into(value, loaded, "load_state_dict()")

    def _options(self) -> str:
        """What ``repr`` shows between the parentheses: the attributes that are plain values."""
        plain = (bool, int, float, str, tuple)
        return ", ".join(
            f"{name}={value!r}"
            for name, value in vars(self).items()
            if isinstance(value, plain) and name != "training" and not name.startswith("_")
        )

    def __repr__(self) -> str:
        lines = [f"  ({name}): {child!r}" for name, child in self.named_children()]
        if not lines:
            return f"{type(self).__name__}({self._options()})"
        body = "\n".join(line.replace("\n", "\n  ") for line in lines)
        return f"{type(self).__name__}(\n{body}\n)"

    def _repr_html_(self) -> str:
        """The tree of modules with the weights of each; nothing is run."""
        rows: list[tuple[str, str, str, int | str]] = []
        total = sum(p.size for p in self.parameters())
        counted: set[int] = set()
        for path, module in self._paths():
            name = "    " * path.count(".") + path.rpartition(".")[2]
            own = {n: p for n, p in vars(module).items() if isinstance(p, Parameter)}
            shapes = "\n".join(f"{n} {p.shape}" for n, p in own.items())
            new = sum(p.size for p in own.values() if id(p) not in counted)
            counted.update(map(id, own.values()))
            is_leaf = not any(module.children())
            kind = type(module).__name__ + (f"({module._options()})" if is_leaf else "")
            rows.append((name, kind, shapes, new if new or is_leaf else ""))
        header = ("name", "module", "weights", "parameters")
        return html_table([*rows, ("total", "", "", total)], header, totals=1)


class Sequential(Module):
    """Modules one after another; named "0", "1", ... or by the keys of one mapping.

    ``model[i]`` is a module, ``model[a:b]`` a part. Raises TypeError for anything but modules.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(4, 2), mc.nn.ReLU())
    >>> model[1:]
    Sequential(
      (1): Linear(4, 2, bias=True)
      (2): ReLU()
    )
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        named: Mapping[str, Module]
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named = modules[0]
        else:
            named = {str(i): module for i, module in enumerate(modules)}  # type: ignore[misc]
        for name, module in named.items():
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: {name} is a {type(module).__name__}, not a Module")
            if not isinstance(name, str) or not name or "." in name or hasattr(self, name):
                raise ValueError(
                    f"Sequential: {name!r} cannot name a module, expected a string without dots "
                    "that is not an attribute of Module"
                )
            setattr(self, name, module)

    def forward(self, x: Any) -> Any:
        for module in self.children():
            x = module(x)
        return x

    def __len__(self) -> int:
        return len(list(self.children()))

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return Sequential(dict(list(self.named_children())[index]))
        return list(self.children())[index]


@contextmanager
def evaluating(model: Module, recording: bool = False) -> Iterator[None]:
    """Evaluation mode, with gradients only if recording; afterwards every module is as before."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with nullcontext() if recording else no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _once(named: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Leave out values that have come before under another name (shared weights)."""
    seen: set[int] = set()
    for name, value in named:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value
