"""What the README and examples/ show runs as shown."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import minicnn as mc
from minicnn.backend import DeviceError, resolve_device

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


FIRST_NETWORK, EXPLAINED, ON_EMULATOR = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_first_network() -> None:
    program = FIRST_NETWORK
    assert 15 <= len(program.splitlines()) <= 26  # "twenty lines"
    accuracy = re.search(r"^accuracy (.*)$", run("-c", program), re.MULTILINE)
    assert accuracy
    assert float(accuracy[1]) > 0.95


def test_the_explained_numbers() -> None:
    shown = run("-c", EXPLAINED)
    assert re.search(r"\[ *9", shown)
    assert "(28 + 0 - 3) // 2 + 1 = 13" in shown
    assert "1 row" in shown  # that no window reaches


def test_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    shown = re.search(r"import minicnn as mc\n {4}from minicnn import .*viz\n\n( {4}.*\n)+", README)
    assert shown
    program = "\n".join(line.strip() for line in shown[0].splitlines())
    assert program.count("viz.") == 10
    images, labels = mc.data.load("digits", "test")[:32]
    test = mc.data.ArrayDataset(mc.data.transforms.Resize((28, 28))(images), labels)
    monkeypatch.setattr(mc.data, "load", lambda name, split: test)
    monkeypatch.chdir(tmp_path)
    exec(program, {})
    assert (tmp_path / "model.svg").stat().st_size > 1000


def test_the_program_for_another_device() -> None:
    try:
        resolve_device("emulator")
    except DeviceError as error:
        pytest.skip(str(error))
    lines = ["tensor([[1., 0.],", "        [1., 1.]], device=emulator) emulator"]
    assert run("-c", ON_EMULATOR).splitlines() == lines


@pytest.mark.parametrize(
    ("script", "shows"),
    [
        ("alexnet_step.py", r"^60,965,224 parameters\nstep  1  loss 7(.|\n)*step 10  loss [1-4]\."),
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


def test_the_house_is_drawn_as_it_stands() -> None:
    for name in re.findall(r"^ {6}([a-z_]+(?:\.py|/))", README, re.MULTILINE):
        assert (ROOT / "minicnn" / name).exists(), name
