"""The examples of the docstrings run as shown, and every public class and function has one.

They assume ``import minicnn as mc`` and ``import numpy as np``, a working directory that is empty,
and the random numbers after ``mc.manual_seed(0)``.
"""

from __future__ import annotations

import doctest
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minicnn as mc

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def modules() -> Iterator[ModuleType]:
    yield mc
    for found in pkgutil.walk_packages(mc.__path__, "minicnn."):
        if not found.name.endswith("__main__"):
            yield import_module(found.name)


def public_objects() -> dict[str, Any]:
    """Every class and function in the ``__all__`` of a package, by its shortest name."""
    objects: dict[int, tuple[str, Any]] = {}
    for module in modules():
        if module.__name__.startswith(("minicnn.backend", "minicnn.cli")):
            continue  # for those who build on it there is the contract, for others the README
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                objects.setdefault(id(value), (f"{module.__name__}.{name}", value))
    return dict(objects.values())


def has_example(value: Any) -> bool:
    return ">>> " in (inspect.getdoc(value) or "") or ">>> " in (
        inspect.getdoc(value.__init__) or "" if inspect.isclass(value) else ""
    )


def examples() -> dict[str, doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = {}
    for module in modules():
        for test in finder.find(module, module.__name__):
            if test.examples:
                found[test.name] = test
    return found


EXAMPLES = examples()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mc.manual_seed(0)
    test = EXAMPLES[name]
    test.globs = {**test.globs, "mc": mc, "np": np}
    report: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize("name", PUBLIC := public_objects())
def test_there_is_an_example(name: str) -> None:
    value = PUBLIC[name]
    if inspect.isclass(value) and issubclass(value, Exception):
        pytest.skip("an error is shown where it is raised")
    assert has_example(value), f"{name} has no example in its docstring"
