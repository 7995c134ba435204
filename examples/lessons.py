"""Shared by the notebooks: data, training over seeds, verdicts on the course's statements.

``python examples/lessons.py`` reads the executed notebooks, writes the table of verdicts into
examples/README.md and saves a picture of each lesson in examples/pictures/.
MINICNN_LESSONS=quick makes every experiment small, just to check that it runs.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minicnn as mc
from minicnn import data, optim, train
from minicnn.parallel.launch import find_mpiexec

HERE = Path(__file__).parent
QUICK = os.environ.get("MINICNN_LESSONS") == "quick"
STARTED = time.perf_counter()


def choose(full: Any, quick: Any) -> Any:
    """The size of an experiment: full, or just large enough to check that it runs."""
    return quick if QUICK else full


# Data and training


def images(name: str, count: int = 6000, tests: int = 2000) -> tuple[Any, Any, Any, Any]:
    """The first training images and labels and the first test images and labels of a data set.

    Images (N, 1, 28, 28) from 0 to 1. A quick run downloads nothing: if the data set is missing,
    it uses the bundled digits.
    """
    parts = data.load("digits" if QUICK and not data.locate(name) else name)
    grow = data.transforms.Resize((28, 28))
    sizes = (choose(count, 256), choose(tests, 128))
    (x, y), (x_test, y_test) = (
        part[: min(size, len(part))] for part, size in zip(parts, sizes, strict=True)
    )
    if x.shape[2:] != (28, 28):
        x, x_test = grow(x), grow(x_test)
    return x, y, x_test, y_test


def trained(
    build: Callable[[], Any],
    x: Any,
    y: Any,
    epochs: int,
    seed: int = 0,
    validation: tuple[Any, Any] | None = None,
    lr: float = 2e-3,
    batch_size: int = 64,
    transform: Callable[[Any], Any] | None = None,
) -> tuple[Any, Any]:
    """The network made by ``build()`` after training with Adam on these images; its History."""
    mc.manual_seed(seed)
    model = build()
    loader = data.DataLoader(
        data.ArrayDataset(x, y), batch_size, shuffle=True, seed=seed, transform=transform
    )
    trainer = train.Trainer(model, optim.Adam(model.parameters(), lr))
    test = None if validation is None else data.DataLoader(data.ArrayDataset(*validation), 500)
    return model, trainer.fit(loader, choose(epochs, 1), test)


def accuracy(model: Any, x: Any, y: Any) -> float:
    """The share of these images that the network gets right."""
    model.eval()
    with mc.no_grad():
        parts = [model(mc.tensor(x[i : i + 500])).numpy().argmax(1) for i in range(0, len(x), 500)]
    return float((np.concatenate(parts) == y).mean())


# What the numbers say


def in_processes(count: int, script: str) -> str:
    """What a script of this folder prints in so many processes; nothing without mpi4py."""
    mpiexec = find_mpiexec()
    if mpiexec is None or find_spec("mpi4py") is None:
        return ""
    command = [mpiexec, "-n", str(count), sys.executable, str(Path(__file__).parent / script)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def spread(shares: Sequence[float]) -> str:
    """Accuracies over seeds: "97.1 % (96.8 to 97.4)", mean, lowest and highest."""
    mean, low, high = (100 * f(shares) for f in (np.mean, np.min, np.max))
    return f"{mean:.1f} % ({low:.1f} to {high:.1f})"


def all_above(better: Sequence[float], worse: Sequence[float]) -> bool:
    """Whether the first is higher for every seed; only then is a difference claimed."""
    return all(a > b for a, b in zip(better, worse, strict=True))


def statements() -> dict[int, str]:
    """The course's statements by their numbers, from statements.txt."""
    text = (HERE / "statements.txt").read_text(encoding="utf-8")
    return {int(number): words for number, words in re.findall(r"^(\d+)\. (.*)$", text, re.M)}


class Verdict(NamedTuple):
    """What an experiment says about a statement; a cell shows it as its value."""

    statement: int
    verdict: str
    finding: str

    def __repr__(self) -> str:
        return f"Statement {self.statement}: {self.verdict}. {self.finding}"

    def _repr_markdown_(self) -> str:
        words = statements()[self.statement]
        return f"> **Statement {self.statement}.** {words}  \n> **{self.verdict}:** {self.finding}"


VERDICTS = ("holds", "holds in part", "does not hold here")


def verdict(statement: int, holds: bool | str, finding: str) -> Verdict:
    """holds: True, False or "holds in part"; finding: the numbers and their conditions."""
    words = holds if isinstance(holds, str) else VERDICTS[0 if holds else 2]
    if words not in VERDICTS or statement not in statements():
        raise ValueError(f"verdict: got statement {statement} and {holds!r}")
    return Verdict(statement, words, finding)


def took() -> str:
    """The last line of each notebook: how long it took, and on how many cores."""
    seconds = time.perf_counter() - STARTED
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"executed in {seconds:.0f} s on {cores} cores"


# The table and the pictures for the README files


class Row(NamedTuple):
    """A verdict and where it is shown."""

    verdict: Verdict
    notebook: str
    section: str


def cells(notebook: Path) -> list[Any]:
    """The cells of a notebook, as nbformat stores them."""
    return list(json.loads(notebook.read_text(encoding="utf-8"))["cells"])


def verdicts(notebook: Path) -> Iterator[Row]:
    """The verdicts shown in an executed notebook, each under the heading above its cell."""
    section = ""
    for cell in cells(notebook):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            headings = re.findall(r"^#+ (.*)$", source, re.MULTILINE)
            section = headings[-1] if headings else section
        for output in cell.get("outputs", []):
            shown = "".join(output.get("data", {}).get("text/plain", output.get("text", "")))
            for number, words, finding in re.findall(
                rf"^Statement (\d+): ({'|'.join(sorted(VERDICTS, key=len)[::-1])})\. (.*)$",
                shown,
                re.MULTILINE,
            ):
                yield Row(Verdict(int(number), words, finding), notebook.name, section)


def table() -> str:
    """All statements in order, with the section that tests each, the finding and the verdict."""
    lines = ["| | statement | shown in | found | verdict |", "|---|---|---|---|---|"]
    rows = [row for path in sorted(HERE.glob("[0-9]*.ipynb")) for row in verdicts(path)]
    for row in sorted(rows, key=lambda row: row.verdict.statement):
        number, words, finding = row.verdict
        place = f"[{row.notebook[:2]} {row.section}]({row.notebook})"
        lines.append(f"| {number} | {statements()[number]} | {place} | {finding} | {words} |")
    return "\n".join(lines)


def cover(notebook: Path) -> bytes:
    """The picture (PNG) of the cell that has the tag "cover"."""
    (cell,) = (c for c in cells(notebook) if "cover" in c["metadata"].get("tags", []))
    return base64.b64decode(cell["outputs"][-1]["data"]["image/png"])


if __name__ == "__main__":
    for path in sorted(HERE.glob("[0-9]*.ipynb")):
        (HERE / "pictures" / f"{path.stem}.png").write_bytes(cover(path))
    readme = HERE / "README.md"
    before, after = re.split(r"<!-- verdicts -->", readme.read_text(encoding="utf-8"))[:2]
    readme.write_text(f"{before}<!-- verdicts -->\n\n{table()}\n", encoding="utf-8")
