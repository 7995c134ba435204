"""How a command ends before its end, in a process of its own: never with a traceback."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from support.commands import SHORT, run, write_data

import minicnn as mc
from minicnn import cli, startup
from minicnn.cli.interrupts import Interrupt, interruptible

LONG = ["--epochs", "100000", "--batch-size", "20"]


def start(*arguments: str, interpreter=(sys.executable, "-m", "minicnn")) -> subprocess.Popen:
    return subprocess.Popen(
        [*interpreter, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell may ignore it
    )  # fmt: skip


def ended(process: subprocess.Popen) -> tuple[int, str]:
    """The exit status and what was written to stderr."""
    with process:
        try:
            if process.stdout.closed:  # communicate would read it
                process.wait(timeout=60)
                return process.returncode, process.stderr.read()
            _, err = process.communicate(timeout=60)
            return process.returncode, err
        finally:
            process.kill()


def epoch_of(path) -> int:
    return mc.train.checkpoint_file.read_checkpoint(path)["progress"]["epoch"]


@pytest.mark.parametrize("again", [False, True])
def test_ctrl_c_is_130_and_names_the_checkpoint(tmp_path, again):
    data = ["train", "lenet5", "--data", str(write_data(tmp_path / "data"))]
    arguments = [*data, *LONG, "--checkpoint", "r.ckpt"]
    if again:
        short = ["--epochs", "2", "--batch-size", "20", "--no-weights"]
        assert run(*data, *short, "--checkpoint", "r.ckpt").stdout
        arguments += ["--resume", "r.ckpt"]
    process = start(*arguments)
    assert any("epoch" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    status, err = ended(process)
    assert status == 130
    message = r"minicnn: interrupted after epoch (\d+); continue with --resume r.ckpt\n"
    (epoch,) = re.fullmatch(message, err).groups()
    assert int(epoch) == epoch_of("r.ckpt") >= (3 if again else 1)
    assert sorted(os.listdir()) == ["data", "r.ckpt"]


def test_sigterm_is_143_and_names_the_checkpoint(tmp_path):
    data = str(write_data(tmp_path / "data"))
    process = start("train", "lenet5", "--data", data, *LONG, "--checkpoint", "r.ckpt")
    assert any("epoch" in line for line in process.stdout)
    process.terminate()
    status, err = ended(process)
    assert status == 143
    message = r"minicnn: terminated after epoch (\d+); continue with --resume r.ckpt\n"
    (epoch,) = re.fullmatch(message, err).groups()
    assert int(epoch) == epoch_of("r.ckpt") >= 1
    assert sorted(os.listdir()) == ["data", "r.ckpt"]


IMPORTS = "print('importing', flush=True); import time; time.sleep(60)"
SCRIPT = """
import atexit, sys, time
from minicnn.cli import main
atexit.register(lambda: (print("late", flush=True), time.sleep(60)))
sys.exit(main())
"""


def interrupt_at(line: str, command: list[str], *numbers: int) -> tuple[int, str]:
    """How a command ends that gets signals when it has printed a line."""
    process = start(*command, interpreter=[sys.executable])
    assert any(text == f"{line}\n" for text in process.stdout)
    for number in numbers:
        process.send_signal(number)
    return ended(process)


@pytest.mark.parametrize("command", [["-m", "minicnn"], ["minicnn"]], ids=str)
def test_a_signal_during_the_imports(tmp_path, monkeypatch, command):
    """NumPy's import stands for the half second that they take."""
    write_script(tmp_path)
    (tmp_path / "numpy.py").write_text(IMPORTS)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}")
    interrupted = (130, "minicnn: interrupted\n")
    assert interrupt_at("importing", command, signal.SIGINT) == interrupted
    terminated = (143, "minicnn: terminated\n")
    assert interrupt_at("importing", command, signal.SIGTERM) == terminated
    status, err = interrupt_at("importing", command, signal.SIGINT, signal.SIGINT)
    assert status == 130
    assert err in ("", interrupted[1])  # the second one may come before the line is written
    monkeypatch.setenv("PMI_RANK", "1")  # of several processes the first one says so
    assert interrupt_at("importing", command, signal.SIGINT) == (130, "")


def write_script(folder):
    """A file like that which pip installs; its name is that of the program."""
    (folder / "minicnn").write_text(SCRIPT)


def test_a_signal_after_the_end_is_without_a_line(tmp_path):
    write_script(tmp_path)
    assert interrupt_at("late", ["minicnn", "data", "list"], signal.SIGINT) == (130, "")
    assert interrupt_at("late", ["minicnn", "data", "list"], signal.SIGTERM) == (143, "")


def test_importing_minicnn_changes_no_signals(monkeypatch, handle):
    handle(signal.default_int_handler)
    startup.catch_signals()
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    monkeypatch.setattr(sys, "argv", [])  # as in a program that embeds Python
    startup.catch_signals()
    monkeypatch.setattr(sys, "argv", ["/usr/bin/minicnn"])
    startup.catch_signals()
    assert signal.getsignal(signal.SIGINT) == startup.end_with_a_line
    handle(signal.SIG_IGN)
    startup.catch_signals()
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


@pytest.fixture
def handle() -> Iterator[Callable[..., None]]:
    """Sets what Ctrl-C does before a command begins: in the background a shell ignores it."""
    before = {number: signal.getsignal(number) for number in startup.SIGNALS}
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_second_signal_ends_the_process_at_once(monkeypatch, handle):
    handle(signal.default_int_handler)
    ends = []
    monkeypatch.setattr(os, "_exit", ends.append)
    with interruptible() as interrupts:
        with pytest.raises(Interrupt) as caught, interrupts.raised():
            os.kill(os.getpid(), signal.SIGINT)
        with contextlib.suppress(Interrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert (caught.value.status, caught.value.reason, ends) == (130, "interrupted", [143])
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_a_signal_while_an_object_is_deleted_is_not_lost(handle):
    """Python only prints an exception in ``__del__``; arrays of a recording have such a method."""

    class Interrupting:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)

    def compute():
        Interrupting()
        for _ in range(1000):
            time.sleep(0.01)

    handle(signal.default_int_handler)
    with interruptible() as interrupts, pytest.raises(Interrupt), interrupts.raised():
        compute()


def test_a_signal_while_a_command_ends_ends_it_at_once(monkeypatch, handle):
    handle(signal.default_int_handler)
    ends = []
    monkeypatch.setattr(os, "_exit", ends.append)
    with interruptible() as interrupts:
        with interrupts.raised():
            pass
        with contextlib.suppress(Interrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert ends == [130]


def test_an_ignored_signal_stays_ignored(handle):
    """As with nohup, or a background job of a shell without job control."""
    handle(signal.SIG_IGN)
    with interruptible() as interrupts, interrupts.raised():
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_before_the_first_checkpoint_says_so(tmp_path):
    data = str(write_data(tmp_path / "data"))
    slow = "import time, minicnn.train as t; t.steps.Steps.__call__ = lambda *_: time.sleep(60);"
    arguments = ["train", "lenet5", "--data", data, *LONG, "--checkpoint", "r.ckpt"]
    command = f"{slow} from minicnn.cli import main; raise SystemExit(main({arguments!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    status, err = ended(process)
    assert status == 130
    assert err in ("minicnn: interrupted before r.ckpt was written\n", "minicnn: interrupted\n")
    assert os.listdir() == ["data"]


def test_ctrl_c_before_the_first_checkpoint_of_a_resumed_training(monkeypatch, tmp_path, capsys):
    command = ["train", "lenet5", "--data", str(write_data(tmp_path / "data")), *SHORT]
    assert cli.main([*command, "--checkpoint", "r.ckpt"]) == 0

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(mc.train.steps.Steps, "__call__", interrupt)
    arguments = [*command, "--epochs", "9", "--resume", "r.ckpt", "--checkpoint", "new.ckpt"]
    assert cli.main(arguments) == 130
    message = "minicnn: interrupted; continue with --resume r.ckpt\n"
    assert capsys.readouterr().err.endswith(message)


def test_head_ends_a_training_and_names_the_checkpoint(tmp_path):
    data = str(write_data(tmp_path / "data"))
    process = start("train", "lenet5", "--data", data, *LONG, "--checkpoint", "r.ckpt")
    assert process.stdout.readline().startswith("lenet5, ")  # written at once, not at the end
    assert process.stdout.readline().startswith("about ")
    process.stdout.close()
    status, err = ended(process)
    assert status == 141
    message = r"minicnn: the output was closed after epoch 1; continue with --resume r.ckpt\n"
    assert re.fullmatch(message, err), err
    assert epoch_of("r.ckpt") == 1
    assert sorted(os.listdir()) == ["data", "r.ckpt"]


def test_names_that_the_terminal_cannot_show_are_escaped(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for part in ("train", "test"):
        for name, grey in (("häuser", 0), ("ß", 255)):
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            image.new("L", (28, 28), grey).save(folder / "0.png")
    ascii_only = {"env": {**os.environ, "PYTHONIOENCODING": "ascii"}}
    data = ["--data", "data"]
    trained = run("train", "lenet5", *data, *SHORT, "--weights", "wü.st", **ascii_only)
    assert (trained.returncode, trained.stderr) == (0, "")
    assert "\nweights saved to w\\xfc.st; next:\n" in trained.stdout
    assert (tmp_path / "wü.st").exists()
    tested = run("evaluate", "wü.st", *data, **ascii_only)
    assert (tested.returncode, tested.stderr) == (0, "")
    assert "h\\xe4user" in tested.stdout
    assert "\\xdf " in tested.stdout
    missing = run("evaluate", "ü.st", **ascii_only)
    assert missing.returncode == 2
    assert missing.stderr.startswith("minicnn: WEIGHTS: \\xfc.st: there is no such file in")
