"""Closed, full and foreign streams, names that would change a terminal, no home: the statuses."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import cli
from minicnn.text_table import printable

TRAIN = "train lenet5 --data digits --epochs 1 --weights w.st"
COMMANDS = [TRAIN, "evaluate lenet5-digits", "summary lenet5", "devices", "data list",
            "show -o page.html"]  # fmt: skip


def run(command: str, redirection: str = "", **environment: str) -> subprocess.CompletedProcess:
    """What a shell makes of a command of minicnn."""
    line = f"exec {sys.executable} -m minicnn {command} {redirection}"
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_closed_stream_takes_everything(command: str, redirection: str) -> None:
    done = run(command, redirection)
    assert (done.returncode, done.stderr) == (0, "")
    assert (done.stdout == "") == (">&-" in redirection.replace("2>&-", ""))
    if command == TRAIN:
        assert len(mc.load("w.st")) == 10


def test_what_is_printed_never_gets_into_a_file() -> None:
    """A closed stderr has the number that the next opened file would get."""
    assert run(f"{TRAIN} --log log.csv", "2>&-").returncode == 0
    assert Path("log.csv").read_text(encoding="utf-8").startswith("epoch,")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_for_the_output(command: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    done = run(command, ">/dev/full")
    assert done.returncode == 2
    assert done.stderr.startswith("minicnn: the output cannot be written (")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict"])
def test_names_that_the_terminal_cannot_show(encoding: str) -> None:
    card = mc.models.ModelCard(
        "lenet5", {}, ("Ü\x1b[31m", *"123456789"), (1, 28, 28), data="digits"
    )
    mc.models.save("w.st", mc.models.lenet5(), card)
    done = run("evaluate w.st --data no\udcffwhere", PYTHONIOENCODING=encoding)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_names_cannot_change_the_terminal(capsys: Any, tmp_path: Path) -> None:
    names = ("\x1b[31mred", "two\nlines", *map(str, range(8)))
    images, labels = mc.data.load("digits", "test")[:]
    folder = tmp_path / "data"
    folder.mkdir()
    card = mc.models.ModelCard("lenet5", {}, names, (1, 8, 8), 8, data="digits")
    mc.models.save("w\x1b[2J.st", mc.models.lenet5(weights="digits"), card)
    assert cli.main(["summary", "lenet5"]) == 0
    assert cli.main(["evaluate", "w\x1b[2J.st"]) == 2  # the classes of digits have other names
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert captured.err.count("\n") == 1
    assert images.shape[0] == labels.size


def test_printable() -> None:
    assert printable("ä 数字 \N{DIGIT ONE}\u200d") == "ä 数字 1\u200d"
    assert printable("a\nb\x1b[0m\x9b\u202e") == "a\\nb\\x1b[0m\\x9b\\u202e"
    assert printable("a\n\x07", but="\n") == "a\n\\x07"


NOBODY = """
import os, pwd, sys

def fail(uid):
    raise KeyError(uid)

os.environ.pop("HOME", None)
pwd.getpwuid = fail
from minicnn.cli import main
sys.exit(main(sys.argv[1:]))
"""


def as_nobody(command: str) -> subprocess.CompletedProcess:
    """A command of a user with an arbitrary number, who has no home folder."""
    pytest.importorskip("pwd", reason="on Windows every user has a home folder")
    environment = {k: v for k, v in os.environ.items() if k != "XDG_CACHE_HOME"}
    return subprocess.run(
        [sys.executable, "-c", NOBODY, *command.split()], capture_output=True, text=True,
        env=environment,
    )  # fmt: skip


def test_no_home_folder() -> None:
    done = as_nobody("train lenet5 --data digits --epochs 1 --no-weights")
    assert (done.returncode, done.stderr) == (0, "")
    done = as_nobody("data get mnist")
    assert done.returncode == 2
    assert "there is no home folder to keep downloads in; name one in XDG_CACHE_HOME" in done.stderr
    assert as_nobody("data list").returncode == 0


def test_a_home_folder_that_does_not_exist() -> None:
    done = run("train lenet5 --data digits --epochs 1 --no-weights", MINICNN_DATA="~nosuch/data")
    line = "minicnn: MINICNN_DATA=~nosuch/data: there is no such home folder\n"
    assert (done.returncode, done.stderr) == (0, line)


def test_not_enough_memory(capsys: Any, monkeypatch: Any) -> None:
    def fail(*_: Any) -> None:
        raise np._core._exceptions._ArrayMemoryError((60000, 6, 24, 24), np.dtype("f4"))

    monkeypatch.setattr(mc.train.steps.Steps, "__call__", fail)
    assert cli.main(["train", "lenet5", "--data", "digits", "--no-weights"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("minicnn: not enough memory (Unable to allocate 791. MiB for an array")
    assert line.endswith("try a smaller --batch-size or fewer images")


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line(capsys: pytest.CaptureFixture, monkeypatch, tmp_path) -> None:
    def warn(*_: object) -> None:
        warnings.warn("the weights \x1b[31m are large", stacklevel=1)

    monkeypatch.setattr(cli, "_summary", warn)
    assert cli.main(["summary", "lenet5"]) == 0
    assert capsys.readouterr().err == "minicnn: warning: the weights \\x1b[31m are large\n"
