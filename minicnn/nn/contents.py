"""What lists, tuples, and dicts hold, by name, and the containers that cannot be looked into."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from types import GeneratorType, MappingProxyType
from typing import Any

Kinds = tuple[type, ...]

PLAIN = frozenset({type(None), bool, int, float, str})
"""The types of most attributes, which hold nothing."""

VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
WITHOUT_NAMES = (set, frozenset, deque, MappingProxyType, *VIEWS)
READ_ONCE: tuple[type, ...] = (
    GeneratorType,
    map,
    filter,
    zip,
    enumerate,
    reversed,
    type(reversed([])),
)
LOOKED_INTO = (list, tuple, dict, *WITHOUT_NAMES, *READ_ONCE)


def find(name: str, value: Any, kinds: Kinds) -> Iterator[tuple[str, Any]]:
    """The values of these kinds that a value is or holds: "blocks.0", "blocks.conv".

    Lists, tuples, and dicts are looked into, nested too. Raises TypeError for other containers that
    hold such a value, ValueError for one whose key in a dict cannot be part of a name.
    """
    if isinstance(value, kinds):
        yield name, value
    elif not isinstance(value, LOOKED_INTO):
        return
    elif isinstance(value, list | tuple):
        if _may_hold(value, kinds):
            for i, item in enumerate(value):
                yield from find(f"{name}.{i}", item, kinds)
    elif isinstance(value, dict):
        _refuse_if_held(name, value, value.keys(), kinds)
        if _may_hold(value.values(), kinds):
            for key, item in value.items():
                for path, found in find(f"{name}.{key}", item, kinds):
                    _check_key(name, key)
                    yield path, found
    elif isinstance(value, WITHOUT_NAMES):
        values: Any = value.values() if isinstance(value, MappingProxyType) else value
        _refuse_if_held(name, value, values, kinds)
    else:
        raise TypeError(_refused(name, value, "it can be read only once, so layers in it"))


def _may_hold(values: Iterable[Any], kinds: Kinds) -> bool:
    """Whether some of the values are of these kinds, or containers; fast for a list of numbers."""
    return any(issubclass(kind, (*kinds, *LOOKED_INTO)) for kind in set(map(type, values)))


def _refuse_if_held(name: str, container: Any, values: Iterable[Any], kinds: Kinds) -> None:
    if _may_hold(values, kinds) and any(True for v in values for _ in find(name, v, kinds)):
        where = "that are keys of" if isinstance(container, dict) else "in"
        raise TypeError(_refused(name, container, f"layers {where} it have no names, so they"))


def _refused(name: str, container: Any, why: str) -> str:
    return (
        f"{name}: got a {type(container).__name__}: {why} would be neither learned nor saved; "
        "expected a list, a tuple, a dict, nn.ModuleList, or nn.ModuleDict"
    )


def _check_key(name: str, key: Any) -> None:
    if not isinstance(key, str) or not key or "." in key:
        raise ValueError(
            f"{name}: a dict with the key {key!r} for a layer or parameter, which cannot be part "
            'of its name; expected a string without dots, as in nn.ModuleDict({"conv": layer})'
        )
