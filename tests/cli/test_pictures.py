"""Training on one's own pictures: a folder for each class, below train/ and test/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minicnn import cli

image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def draw(path: Path, classes: str = "circle square") -> Path:
    """Ten pictures of each class, of many sizes, in each part; a class is how bright they are."""
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for i, name in enumerate(classes.split()):
            folder = path / part / name
            folder.mkdir(parents=True)
            for k in range(10):
                shape = (*rng.integers(20, 60, 2), 3)
                pixels = rng.integers(0, 100, shape) + 120 * i
                image.fromarray(pixels.astype(np.uint8)).save(folder / f"{k}.png")
    return path


def test_training_and_evaluating(capsys: Any, tmp_path: Path) -> None:
    where, weights = draw(tmp_path / "shapes"), str(tmp_path / "w.st")
    options = ["--data", str(where), "--epochs", "15", "--batch-size", "5", "--weights", weights]
    assert cli.main(["train", "lenet5", *options]) == 0
    title, *_ = capsys.readouterr().out.splitlines()
    assert title.endswith(f"on {where}: 20 training and 20 test images")
    assert cli.main(["evaluate", weights, "--data", str(where)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "accuracy 100.00% (0 wrong)"
    assert [line.split()[0] for line in lines[5:]] == ["circle", "square", "precision"]


def test_classes_that_differ(capsys: Any, tmp_path: Path) -> None:
    where = draw(tmp_path / "shapes")
    (where / "test" / "square").rename(where / "test" / "star")
    assert cli.main(["train", "lenet5", "--data", str(where)]) == 2
    message = "the classes of train are circle, square, but those of test are circle, star\n"
    assert capsys.readouterr().err == f"minicnn: {where}: {message}"


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_file_that_is_no_picture(capsys: Any, tmp_path: Path, part: str) -> None:
    where = draw(tmp_path / "shapes")
    (where / part / "circle" / "3.png").write_text("no picture")
    assert cli.main(["train", "lenet5", "--data", str(where)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "circle/3.png" in line


def test_no_pictures_to_test_with(capsys: Any, tmp_path: Path) -> None:
    where = draw(tmp_path / "shapes")
    (where / "test").rename(where / "validation")
    assert cli.main(["train", "lenet5", "--data", str(where)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{where}/test" in line
