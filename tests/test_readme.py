"""README.md is short and marks the commands of CI; the scripts in examples/ run as shown."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize(
    ("script", "shows"),
    [
        ("alexnet_step.py", r"^60,965,224 parameters\nstep  1  loss 7(.|\n)*step 10  loss [1-4]\."),
        ("alexnet_two_processes.py", r"each of 1 process +60,965,224 parameters, losses [67]\."),
        ("cpu_vs_gpu.py", r"batch size +cpu(.|\n)* 2048 +[\d,]+ i/s"),
        (
            "custom_layer.py",
            r"gradients checked: True(.|\n)*accuracy 9[3-9](.|\n)*pool2 takes \d+%",
        ),
        ("custom_op.py", "second derivative checked: True"),
        ("own_images.py", r"320 \+ 80 pictures of circles, squares(.|\n)*accuracy (9\d|100)\."),
        ("training_loop.py", r"accuracy on 355 held-out digits: 9[6-9]\.\d+%"),
    ],
)
def test_examples(script: str, shows: str) -> None:
    listed = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert f"`python examples/{script}" in listed
    assert re.search(shows, run("-c", f"import runpy; runpy.run_path('examples/{script}')"))


def test_no_placeholder_is_left() -> None:
    assert not re.findall(r"\b[A-Z]+_[A-Z]+\b(?<!MINICNN_DATA)", re.sub(r"`[^`]*`", "", README))


def test_the_readme_is_short_and_opens_with_a_picture() -> None:
    assert len(README.splitlines()) < 165
    assert README.index("<img") < README.index("## ")  # a picture in the first screen


@pytest.mark.parametrize("name", ["train", "test"])
def test_a_command_of_ci_is_marked(name: str) -> None:
    (command,) = re.findall(rf"^<!-- {name} -->\n```sh\n(.*)\n```$", README, re.MULTILINE)
    assert command.startswith("python3 -m venv .venv && . .venv/bin/activate && pip install ")
