"""What holds for the whole package: imports only go down, public names are listed once."""

from __future__ import annotations

import configparser
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import minicnn

ROOT = Path(__file__).parent.parent
LATER = ["torch", "cupy", "matplotlib", "pooch", "tqdm", "certifi", "hypothesis", "safetensors"]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this Python in the root of the repository."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_imports_go_down_only() -> None:
    if find_spec("importlinter") is None:
        pytest.skip("import-linter is not installed")
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = python("-c", code, "--config", "setup.cfg", "--no-cache")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 broken" in run.stdout


@pytest.mark.parametrize("module", ["minicnn", "minicnn.cli", "minicnn.testing"])
def test_optional_libraries_are_imported_when_needed(module: str) -> None:
    code = f"import sys, {module}; print(*[m for m in {LATER} if m in sys.modules])"
    run = python("-W", "error", "-c", code)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []


def test_import_prints_and_warns_nothing() -> None:
    run = python("-W", "error", "-c", "import minicnn")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def _installed(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False  # minicnn.viz without matplotlib
    return True


MODULES = [name for _, name, _ in pkgutil.walk_packages(minicnn.__path__, "minicnn.")]
PACKAGES = ["minicnn", *[name for name in MODULES if find_spec(name).submodule_search_locations]]


def defined_in(package: ModuleType) -> set[str]:
    """The public functions and classes of a package that its __init__.py has imported."""
    return {
        name
        for name, value in vars(package).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and f"{value.__module__}.".startswith(f"{package.__name__}.")
    }


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_exist_once(name: str) -> None:
    if not _installed(name):
        pytest.skip(f"{name} needs a library that is not installed")
    package = importlib.import_module(name)
    names = getattr(package, "__all__", [])
    assert sorted(set(names)) == sorted(names)
    assert [public for public in names if not hasattr(package, public)] == []
    if name != "minicnn.cli":  # whose own code is in its __init__.py
        assert defined_in(package) - set(names) == set(), f"not in the __all__ of {name}"


def test_only_packages_have_a_list_of_public_names() -> None:
    lists = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "minicnn").rglob("*.py")
        if re.search("^__all__", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert sorted(path for path in lists if not path.endswith("__init__.py")) == []


def contract(name: str) -> set[str]:
    """The modules that a contract of import-linter in setup.cfg names, by their short names."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    section = config[f"importlinter:contract:{name}"]
    text = section["layers" if section["type"] == "layers" else "source_modules"]
    return {word.removeprefix("minicnn.") for word in re.findall(r"[\w.]+", text)}


def test_the_contracts_name_every_package_and_module() -> None:
    inside = {name.split(".")[1] for name in MODULES} - {"_version"}
    assert contract("floors") == inside
    assert contract("cupy") == inside - {"backend", "__main__"}
