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
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minicnn as mc

OPTIONAL = {"matplotlib": "matplotlib", "PIL": "Pillow", "onnx": "onnx", "hypothesis": "hypothesis"}
MISSING = [name for module, name in OPTIONAL.items() if find_spec(module) is None]

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def modules() -> Iterator[ModuleType]:
    yield mc
    for found in pkgutil.walk_packages(mc.__path__, "minicnn."):
        if found.name.endswith("__main__"):
            continue
        try:
            yield import_module(found.name)
        except ImportError as error:
            if not missing_in(str(error)):
                raise


def missing_in(message: str) -> str | None:
    """The optional library that is not installed, if an error names one."""
    return next((name for name in MISSING if name.lower() in message.lower()), None)


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
    test = EXAMPLES[name]
    monkeypatch.chdir(tmp_path)
    mc.manual_seed(0)
    test.globs = {**test.globs, "mc": mc, "np": np}
    report: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    text = "".join(report)
    if text and (library := missing_in(text)):
        pytest.skip(f"{library} is not installed")
    assert not report, text


def test_every_public_class_and_function_has_an_example() -> None:
    lacking = [
        name
        for name, value in public_objects().items()
        if not has_example(value) and not _is_error(value)
    ]
    assert not lacking, "no example: " + ", ".join(lacking)


def _is_error(value: Any) -> bool:
    """An error is shown where it is raised."""
    return inspect.isclass(value) and issubclass(value, Exception)
