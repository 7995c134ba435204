"""What is no file, or no such file: status 2 and one line, whichever argument it is."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.missing import skip_without

from minicnn import cli

TRAIN = "train lenet5 --epochs 1 --data"
READ = [
    "evaluate %", "predict % one.png", "predict lenet5-digits %", "export % lenet5.onnx",
    "show % -o page.html", f"{TRAIN} digits --no-weights --resume %", f"{TRAIN} % --no-weights",
    "evaluate lenet5-digits --data %", "show -o page.html --data %",
]  # fmt: skip
WRITTEN = [
    f"{TRAIN} digits --weights %", f"{TRAIN} digits --no-weights --checkpoint %",
    f"{TRAIN} digits --no-weights --log %", "evaluate lenet5-digits --mistakes %",
    "predict lenet5-digits one.png --show %", "export lenet5 %", "show -o %",
]  # fmt: skip
UNREADABLE = [
    "", "folder", "pictures", "empty", "pipe", "/dev/zero", "/dev/null", "nothing", "empty/below",
    "two\nlines", "no\nfile", "\x1b[31mred", "\x1b[31mnone", "~nosuch/file", "x" * 5000,
    "x/" * 2500,
]  # fmt: skip
UNWRITABLE = ["", "folder", "pipe", "empty/below.png", "nothing/below.png", "x" * 5000]
ORDINARY_USER = (  # root may read everything, unless it gives up these rights
    "setpriv --bounding-set=-dac_override,-dac_read_search "
    "--inh-caps=-dac_override,-dac_read_search"
)


@contextlib.contextmanager
def ends_in(seconds: int) -> Iterator[None]:
    """End the tests with a traceback of all threads if the block takes longer."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def mistakes(places: Path) -> set[str]:
    """Makes them in the current folder, and returns their names."""
    skip_without("PIL", "onnx", "matplotlib")
    from PIL import Image

    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes with names here")
    Path("folder").mkdir()
    for name in ("empty", "two\nlines", "\x1b[31mred"):
        Path(name).touch()
    os.mkfifo("pipe")
    for name in "ab":
        Path("pictures", name).mkdir(parents=True)
        os.mkfifo(Path("pictures", name, "1.png"))
    Image.fromarray(np.full((28, 28), 255, np.uint8)).save("one.png")
    return set(os.listdir())


@pytest.mark.parametrize("command", READ)
def test_what_cannot_be_read(command, mistakes, capsys):
    for name in UNREADABLE:
        assert is_one_line(command, name, capsys), name
        assert set(os.listdir()) == mistakes, name


@pytest.mark.parametrize("command", WRITTEN)
def test_what_cannot_be_written(command, mistakes, capsys):
    full = [] if "--log" in command else ["/dev/full"]  # a log may be a device
    for name in [*UNWRITABLE, *full]:
        assert is_one_line(command, name, capsys), name
        assert set(os.listdir()) == mistakes, name


def is_one_line(command: str, name: str, capsys) -> bool:
    """Whether this command ends with 2 and one line that names what is wrong."""
    with ends_in(60):
        status = cli.main([name if part == "%" else part for part in command.split()])
    out, err = capsys.readouterr()
    print(out, err)
    assert "\x1b" not in out + err
    return status == 2 and err.startswith("minicnn: ") and err.index("\n") == len(err) - 1


@pytest.mark.parametrize("command", WRITTEN)
def test_a_folder_that_does_not_exist_is_no_file(command, mistakes, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main([part.replace("%", "nothing/") for part in command.split()])
    line, _ = capsys.readouterr().err.splitlines()
    assert line.startswith("minicnn: argument ")
    assert line.endswith(": got nothing/, expected the path of a file")
    assert set(os.listdir()) == mistakes


def test_files_and_folders_of_somebody_else():
    """Of mode 0, since a test cannot easily become another user."""
    can = subprocess.run(["bash", "-c", f"{ORDINARY_USER} true"], capture_output=True)
    before = ORDINARY_USER if can.returncode == 0 else ""
    if not before and os.geteuid() == 0:
        pytest.skip("root can read everything, and there is no setpriv")
    Path("secret").touch(mode=0)
    Path("locked").mkdir(mode=0)
    wrong = ["evaluate secret", "predict lenet5-digits secret", "evaluate locked/w.st",
             "evaluate lenet5-digits --data locked", "export lenet5 locked/lenet5.onnx",
             "train lenet5 --data digits --no-weights --log secret"]  # fmt: skip
    program = f"from minicnn.cli import main; print(*(main(line.split()) for line in {wrong}))"
    done = subprocess.run(
        ["bash", "-c", f'{before} "$0" -c "$1"', sys.executable, program],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["2"] * len(wrong), done.stderr
    assert done.stderr.count("Permission denied") == done.stderr.count("\n") == len(wrong)


def test_a_cache_that_cannot_be_entered(monkeypatch, capsys):
    """As that of HOME=/root for somebody else; a name that is too long fails in the same way."""
    monkeypatch.setenv("MINICNN_DATA", "x" * 5000)
    assert cli.main(["data", "list"]) == 0
    assert capsys.readouterr().out.count("not here") == 3
