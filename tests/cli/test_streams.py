"""Closed, full and foreign streams, names that would change a terminal, no home: the statuses."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.missing import skip_without

import minicnn as mc
from minicnn import cli
from minicnn.cli import streams
from minicnn.text_table import printable

FULL = "minicnn: the output cannot be written (No space left on device)\n"
REFUSED = r"minicnn: .*: cannot be written \(Permission denied\)\n"
NOBODY = (  # a user with an arbitrary number, who reads all files, so that Python starts
    "setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps +dac_read_search "
    "--ambient-caps +dac_read_search env -u HOME -u XDG_CACHE_HOME"
)
READ_ONLY = f"chmod 755 . && {NOBODY} %"
NEEDS = {"evaluate": "matplotlib", "predict": "PIL", "export": "onnx"}
COMMANDS = {  # and the file that it writes
    "": None,
    "--help": None,
    "train lenet5 --data digits --epochs 1 --batch-size 500 --weights w.st": "w.st",
    "evaluate lenet5-digits --mistakes wrong.png": "wrong.png",
    "predict lenet5-digits one.png": None,
    "export lenet5 lenet5.onnx": "lenet5.onnx",
    "show -o page.html": "page.html",
    "summary lenet5": None,
    "data list": None,
    "data get digits": None,
    "devices": None,
}
ENDS = [  # a line of the shell, in which % is the command; its status; what it writes to stderr
    ("% >&-", (0,), ""),
    ("% 2>&-", (0,), ""),
    ("% >&- 2>&- <&-", (0,), ""),
    ("% | :", (141,), ""),
    ("% | head -1", (0, 141), ""),
    ("% >/dev/full", (2,), FULL),
    ("% 2>/dev/full", (0,), ""),
    ("XDG_CACHE_HOME=/dev/null/none %", (0,), ""),
    ("% >/dev/full 2>/dev/full", (2,), ""),
    (f"chmod 777 . && {NOBODY} %", (0,), ""),
    (READ_ONLY, (0,), ""),  # or 2 and REFUSED, if the command writes a file
]
SAMPLE = 1 if os.environ.get("MINICNN_STRESS") else 5
"""One of so many of the commands under each condition."""
TRAIN = next(command for command in COMMANDS if command.startswith("train"))


def run(line: str, **environment: str) -> subprocess.CompletedProcess:
    """What a shell makes of a line, in which % is minicnn."""
    line = line.replace("%", f"{sys.executable} -m minicnn") + "; exit ${PIPESTATUS[0]}"
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=120,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "end"),
    [
        (command, end)
        for i, command in enumerate(COMMANDS)
        for j, end in enumerate(ENDS)
        if (i + j) % SAMPLE == 0
    ],
)
def test_every_command_under_every_condition(command: str, end: tuple[str, Any, str]) -> None:
    line, statuses, stderr = end
    needed = [library for word, library in NEEDS.items() if command.startswith(word)]
    skip_without(*needed)
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    if NOBODY in line and subprocess.run(["bash", "-c", f"{NOBODY} true"]).returncode:
        pytest.skip("only root can become somebody else, with util-linux's setpriv")
    written = COMMANDS[command]
    if written and line == READ_ONLY:
        statuses, stderr = (2,), REFUSED
    draw_one()
    done = run(line.replace("%", f"% {command}"))
    assert done.returncode in statuses, done.stderr
    assert re.fullmatch(stderr if stderr == REFUSED else re.escape(stderr), done.stderr)
    is_read = " >" not in line and "| :" not in line
    assert bool(done.stdout) == (is_read and done.returncode != 2)
    assert [name for name in os.listdir() if name.endswith(".part")] == []
    if written and done.returncode == 0:
        assert Path(written).stat().st_size > 10_000


def draw_one() -> None:
    """A picture of a 1, one.png."""
    with contextlib.suppress(ImportError):
        from PIL import Image

        pixels = np.full((28, 28), 255, np.uint8)
        pixels[4:24, 13:16] = 0
        Image.fromarray(pixels).save("one.png")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2> >(:)"])
def test_a_message_that_cannot_be_written_does_not_change_the_status(redirection: str) -> None:
    assert run(f"% evaluate nosuch {redirection}").returncode == 2


def test_the_end_of_a_line_that_cannot_be_written() -> None:
    """It is written when the stream is flushed, which may be the first to fail."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "w") as full, contextlib.redirect_stderr(full), streams.messages():
        print("compiling ...", end="", file=sys.stderr, flush=True)


def test_what_is_printed_never_gets_into_a_file() -> None:
    """A closed stderr has the number that the next opened file would get."""
    assert run(f"% {TRAIN} --log log.csv 2>&-").returncode == 0
    assert Path("log.csv").read_text(encoding="utf-8").startswith("epoch,")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict"])
def test_names_that_the_terminal_cannot_show(encoding: str) -> None:
    card = mc.models.ModelCard(
        "lenet5", {}, ("Ü\x1b[31m", *"123456789"), (1, 28, 28), data="digits"
    )
    mc.models.save("w.st", mc.models.lenet5(), card)
    done = run("% evaluate w.st --data no\udcffwhere", PYTHONIOENCODING=encoding)
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


HOMELESS = """
import os, pwd, sys

def fail(uid):
    raise KeyError(uid)

os.environ.pop("HOME", None)
pwd.getpwuid = fail
from minicnn.cli import main
sys.exit(main(sys.argv[1:]))
"""


def without_home(command: str) -> subprocess.CompletedProcess:
    """A command of a user with an arbitrary number, who has no home folder."""
    pytest.importorskip("pwd", reason="on Windows every user has a home folder")
    environment = {k: v for k, v in os.environ.items() if k != "XDG_CACHE_HOME"}
    return subprocess.run(
        [sys.executable, "-c", HOMELESS, *command.split()], capture_output=True, text=True,
        env=environment,
    )  # fmt: skip


def test_no_home_folder() -> None:
    done = without_home("train lenet5 --data digits --epochs 1 --no-weights")
    assert (done.returncode, done.stderr) == (0, "")
    done = without_home("data get mnist")
    assert done.returncode == 2
    assert "there is no home folder to keep downloads in; name one in XDG_CACHE_HOME" in done.stderr
    assert without_home("data list").returncode == 0


def test_a_home_folder_that_does_not_exist() -> None:
    done = run("% train lenet5 --data digits --epochs 1 --no-weights", MINICNN_DATA="~nosuch/data")
    line = "minicnn: MINICNN_DATA=~nosuch/data: there is no such home folder\n"
    assert (done.returncode, done.stderr) == (0, line)


def test_not_enough_memory(capsys: Any, monkeypatch: Any) -> None:
    def fail(*_: Any) -> None:
        raise np._core._exceptions._ArrayMemoryError((60000, 6, 24, 24), np.dtype("f4"))

    monkeypatch.setattr(mc.train.steps.Steps, "__call__", fail)
    assert cli.main(["train", "lenet5", "--data", "digits", "--no-weights"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("minicnn: not enough memory (Unable to allocate 791. MiB for an array")
    assert line.endswith("; try a smaller --batch-size")


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line(capsys: pytest.CaptureFixture, monkeypatch, tmp_path) -> None:
    def warn(*_: object) -> None:
        warnings.warn("the weights \x1b[31m are large", stacklevel=1)

    monkeypatch.setattr(cli, "_summary", warn)
    assert cli.main(["summary", "lenet5"]) == 0
    assert capsys.readouterr().err == "minicnn: warning: the weights \\x1b[31m are large\n"
