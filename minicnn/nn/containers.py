"""Containers of modules: Sequential, a chain; ModuleList, a list; ModuleDict, a dict."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import TYPE_CHECKING, Any

from ..autograd.modes import observers
from .activation import ReLU
from .module import Module
from .pooling import MaxPool2d

if TYPE_CHECKING:
    from typing_extensions import Self


class _Container(Module):
    """What all three share: their modules are their attributes, in order."""

    def _modules(self) -> dict[str, Module]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Module)}

    def _put(self, name: Any, module: Any) -> None:
        """Set one module. Raises TypeError for other values, ValueError for a name in use."""
        kind = type(self).__name__
        if not isinstance(module, Module):
            raise TypeError(f"{kind}: {name} is a {type(module).__name__}, not a Module")
        is_name = isinstance(name, str) and name and "." not in name
        if not is_name or (hasattr(self, name) and name not in self._modules()):
            raise ValueError(
                f"{kind}: {name!r} cannot name a module, expected a string without dots "
                "that is not an attribute of Module"
            )
        setattr(self, name, module)

    def __len__(self) -> int:
        return len(self._modules())


class _Series(_Container):
    """What Sequential and ModuleList share: modules by number."""

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules().values())

    def __setitem__(self, index: int, module: Module) -> None:
        self._put(list(self._modules())[index], module)

    def append(self, module: Module) -> Self:
        """Add a module at the end, and return the container."""
        numbers = [int(name) for name in self._modules() if name.isdecimal()]
        self._put(str(max([len(self), *[number + 1 for number in numbers]])), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end. Raises TypeError for what holds none."""
        if not isinstance(modules, Iterable):
            kind = type(modules).__name__
            raise TypeError(f"{type(self).__name__}: got a {kind}, expected a list of modules")
        for module in list(modules):
            self.append(module)
        return self


class Sequential(_Series):
    """Modules one after another; named "0", "1", ... or by the keys of one mapping.

    ``model[i]`` is a module, which can be replaced: ``model[i] = layer``; ``model[a:b]`` a part.
    A ReLU and the max pooling after it are computed the other way round, unless a hook or an
    observer watches: ReLU keeps the order of values, so numbers and gradients are the same, for a
    quarter of the work. Raises TypeError for anything but modules.

    >>> model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Linear(4, 2), mc.nn.ReLU())
    >>> model[1:]
    Sequential(
      (1): Linear(4, 2, bias=True)
      (2): ReLU()
    )
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self._put(name, module)
        else:
            for i, given in enumerate(modules):
                self._put(str(i), given)

    def forward(self, x: Any) -> Any:
        for name, module in _in_cheaper_order([*self._modules().items()]):
            x = module(x)
            if x is None:
                raise TypeError(
                    f"{name} ({type(module).__name__}) returned None; its forward must return the "
                    "result"
                )
        return x

    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return Sequential(dict(list(self._modules().items())[index]))
        return list(self)[index]


def _in_cheaper_order(layers: list[tuple[str, Module]]) -> list[tuple[str, Module]]:
    """The layers, each ReLU after the max pooling that follows it, if nobody watches them."""
    if observers.get():
        return layers
    for i, (_, module) in enumerate(layers[:-1]):
        pool = layers[i + 1][1]
        if (
            type(module) is ReLU
            and type(pool) is MaxPool2d
            and not (pool.return_indices or module.has_hooks or pool.has_hooks)
        ):
            layers[i], layers[i + 1] = layers[i + 1], layers[i]
    return layers


class ModuleList(_Series):
    """A list of modules, named "0", "1", ..., which ``forward`` of its owner calls one by one.

    A plain list does as well; this one is a Module itself, with PyTorch's methods and state dict.
    Raises TypeError for anything but modules.

    >>> layers = mc.nn.ModuleList([mc.nn.Linear(4, 2), mc.nn.ReLU()])
    >>> layers.insert(0, mc.nn.Flatten())
    >>> len(layers), layers[-1], list(layers.state_dict())
    (3, ReLU(), ['1.weight', '1.bias'])
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        raise NotImplementedError("ModuleList: call its modules, or use nn.Sequential")

    def __getitem__(self, index: int | slice) -> Module:
        return ModuleList(list(self)[index]) if isinstance(index, slice) else list(self)[index]

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        del modules[index]
        self._renew(modules)

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at this index."""
        modules = list(self)
        modules.insert(index, module)
        self._renew(modules)

    def pop(self, index: int = -1) -> Module:
        """Remove the module at this index and return it."""
        modules = list(self)
        module = modules.pop(index)
        self._renew(modules)
        return module

    def _renew(self, modules: list[Module]) -> None:
        ModuleList(modules)  # checks them, before anything is changed
        for name in self._modules():
            delattr(self, name)
        self.extend(modules)


class ModuleDict(_Container):
    """Modules by name, with PyTorch's methods and state dict; a mapping or pairs.

    Raises TypeError for anything but modules, ValueError for keys that cannot be names.

    >>> layers = mc.nn.ModuleDict({"conv": mc.nn.Conv2d(1, 2, 3), "pool": mc.nn.MaxPool2d(2)})
    >>> layers["pool"] = mc.nn.AvgPool2d(2)
    >>> "conv" in layers, list(layers), list(layers.state_dict())
    (True, ['conv', 'pool'], ['conv.weight', 'conv.bias'])
    """

    def __init__(
        self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | ModuleDict = ()
    ) -> None:
        self.update(modules)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        raise NotImplementedError("ModuleDict: call its modules, or use nn.Sequential")

    def __getitem__(self, key: str) -> Module:
        return self._modules()[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self._put(key, module)

    def __delitem__(self, key: str) -> None:
        self.pop(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules())

    def __contains__(self, key: object) -> bool:
        return key in self._modules()

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._modules().keys()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return self._modules().values()

    def items(self) -> ItemsView[str, Module]:
        """The names and their modules."""
        return self._modules().items()

    def update(
        self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | ModuleDict
    ) -> None:
        """Set several modules: those of a mapping, or pairs of name and module."""
        for name, module in dict(modules).items():
            self._put(name, module)

    def pop(self, key: str) -> Module:
        """Remove a module and return it."""
        module = self[key]
        delattr(self, key)
        return module

    def clear(self) -> None:
        """Remove all modules."""
        for name in self._modules():
            delattr(self, name)
