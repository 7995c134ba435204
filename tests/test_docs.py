"""What README.md, CONTRIBUTING.md and docs/ show and name: programs run, links and paths exist."""

from __future__ import annotations

import os
import pydoc
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from minicnn import __version__
from minicnn.backend import DeviceError, resolve_device

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
PROGRAMS = {
    name: "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    for name, text in TEXTS.items()
    if "```python\n" in text
}
NEEDS = {"viz": "matplotlib", "hypothesis": "hypothesis", "export_onnx": "onnx"}

# MNIST need not be on the machine: the bundled digits stand in for it.
STAND_IN = """
import minicnn

_load = minicnn.data.load

def _digits(name, split):
    images, labels = _load("digits", split)[:]
    images = minicnn.data.transforms.Resize((28, 28))(images)
    return minicnn.data.ArrayDataset(images, labels) if name == "mnist" else _load(name, split)

minicnn.data.load = lambda name, split=None: _digits(name, split) if split else _load(name)
"""


class Shown(NamedTuple):
    """What the program of a page printed, and the directory in which it ran."""

    text: str
    directory: Path


# On a busy machine the limits of hypothesis on time would end a program that is right.
CALM = """
from hypothesis import HealthCheck, settings
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Shown]:
    """Runs the Python blocks of a page, one after the other as one program; once for all tests."""

    @cache
    def run(page: str) -> Shown:
        program, directory = PROGRAMS[page], tmp_path_factory.mktemp("page")
        for word, library in NEEDS.items():
            if word in program:
                pytest.importorskip(library, reason=f"{library} is not installed")
        if 'device="emulator"' in program:
            try:
                resolve_device("emulator")
            except DeviceError as error:
                pytest.skip(str(error))
        calm = CALM if "hypothesis" in program else ""
        finished = subprocess.run(
            [sys.executable, "-c", STAND_IN + calm + program],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert finished.returncode == 0, finished.stderr
        return Shown(finished.stdout, directory)

    return run


@pytest.mark.parametrize("page", PROGRAMS)
def test_the_programs_run(page: str, shown: Callable[[str], Shown]) -> None:
    shown(page)


def test_the_first_network(shown: Callable[[str], Shown]) -> None:
    assert 15 <= len(PROGRAMS["README.md"].splitlines()) <= 26  # "twenty lines"
    accuracy = re.search(r"^accuracy (.*)$", shown("README.md").text, re.MULTILINE)
    assert accuracy
    assert float(accuracy[1]) > 0.95


def test_the_explained_numbers(shown: Callable[[str], Shown]) -> None:
    text = shown("docs/pictures.md").text
    assert re.search(r"\[ *9", text)
    assert "(28 + 0 - 3) // 2 + 1 = 13" in text
    assert "1 row" in text  # that no window reaches


def test_the_pictures(shown: Callable[[str], Shown]) -> None:
    assert (shown("docs/pictures.md").directory / "model.svg").stat().st_size > 1000
    from minicnn import viz  # not before: without matplotlib the test has been skipped

    functions = {name for name in viz.__all__ if name.islower()} - {"colour_scale", "subplots"}
    assert {name for name in functions if f"viz.{name}" not in TEXTS["docs/pictures.md"]} == set()


def test_the_program_for_another_device(shown: Callable[[str], Shown]) -> None:
    lines = ["tensor([[1., 0.],", "        [1., 1.]], device=emulator) emulator"]
    assert shown("docs/devices.md").text.splitlines() == lines


def test_the_gradients(shown: Callable[[str], Shown]) -> None:
    text = shown("docs/gradients.md").text
    assert text.startswith("True True\n")
    assert "[ 3., 12., 27.]" in text
    assert "Log.backward made the first inf" in text or "Log made the first -inf" in text


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_leads_somewhere(page: str) -> None:
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", _prose(page)):
        path, _, heading = "".join(link).partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if re.match(r"https?:", path):
            continue
        if not target.exists() or (heading and heading not in _headings(target)):
            missing.append("".join(link))
    assert missing == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_path_exists(page: str) -> None:
    folders = r"minicnn|tests|benchmarks|examples|docs|\.ci|\.github"
    named = set(re.findall(rf"`((?:{folders})/[^`\s]*)`", _prose(page)))
    assert sorted(path for path in named if not any(ROOT.glob(path.rstrip("/")))) == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_module_exists(page: str) -> None:
    named = set(re.findall(r"`((?:minicnn|benchmarks)(?:\.\w+)+)`", _prose(page)))
    assert sorted(name for name in named if not _exists(name)) == []


def test_every_page_is_in_the_index() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"({name})" not in TEXTS["docs/README.md"]} == set()


def test_the_citation_names_the_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation


def test_the_house_is_drawn_as_it_stands() -> None:
    drawn = list(_drawn_paths(TEXTS["docs/design.md"]))
    assert ROOT / "minicnn" / "backend" / "layout.py" in drawn
    assert [str(path.relative_to(ROOT)) for path in drawn if not path.exists()] == []
    everything = {path for path in (ROOT / "minicnn").iterdir() if not path.name.startswith("_")}
    undrawn = everything - set(drawn) - {ROOT / "minicnn" / "py.typed"}
    assert sorted(path.name for path in undrawn) == []


def _prose(page: str) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", TEXTS[page], flags=re.DOTALL | re.MULTILINE)


def _headings(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _exists(name: str) -> bool:
    """Whether this is a module of the repository, or what a module has under this name."""
    path = ROOT / name.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    return pydoc.locate(name) is not None


def _drawn_paths(page: str) -> Iterator[Path]:
    """The files and folders that a page draws as trees, one line for each or for a few."""
    parents: list[tuple[int, Path]] = []
    for indent, names in re.findall(r"^( {4,})([\w.]+(?:/|\.\w+)(?:, [\w.]+)*)(?= |$)", page, re.M):
        while parents and parents[-1][0] >= len(indent):
            parents.pop()
        above = parents[-1][1] if parents else ROOT
        paths = [above / name.rstrip("/") for name in names.split(", ")]
        yield from paths
        parents.append((len(indent), paths[0]))
