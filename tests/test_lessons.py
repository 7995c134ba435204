"""Every statement of the course has an experiment, and the table says what the notebooks show.

If nbmake is installed, pytest also executes the notebooks (examples/conftest.py).
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def lessons() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lessons", EXAMPLES / "lessons.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_statement_has_a_verdict(lessons: ModuleType) -> None:
    shown = {row.verdict.statement for path in NOTEBOOKS for row in lessons.verdicts(path)}
    assert list(lessons.statements()) == list(range(1, 42))
    assert shown == set(lessons.statements())


def test_every_finding_has_a_number(lessons: ModuleType) -> None:
    for path in NOTEBOOKS:
        for row in lessons.verdicts(path):
            assert re.search(r"\d", row.verdict.finding), row
            assert "|" not in row.verdict.finding
            assert row.section, row


def test_the_table_is_what_the_notebooks_show(lessons: ModuleType) -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert readme.split("<!-- verdicts -->")[1].strip() == lessons.table()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_is_executed_and_short(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code" and cell["source"]]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]
    last = "".join(outputs[-1]["text"])
    seconds = re.search(r"executed in (\d+) s", last)
    assert seconds
    # A fast computer needs less than three minutes, two slow cores that others use, too, need more.
    assert int(seconds[1]) < 600
    assert f"({path.name})" in (EXAMPLES / "README.md").read_text(encoding="utf-8")


def test_a_verdict_is_one_of_three(lessons: ModuleType) -> None:
    assert repr(lessons.verdict(13, True, "1 of 25.")) == "Statement 13: holds. 1 of 25."
    assert lessons.verdict(13, False, "").verdict == "does not hold here"
    with pytest.raises(ValueError, match="got statement 99"):
        lessons.verdict(99, True, "")
    with pytest.raises(ValueError, match="'perhaps'"):
        lessons.verdict(13, "perhaps", "")
