"""Several real processes: the same result as one, and an end for all if one fails."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.processes import PROGRAMS, launch, run_program


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The trainings in one process, without a launcher."""
    path = tmp_path_factory.mktemp("alone") / "found.npz"
    subprocess.run([sys.executable, str(PROGRAMS), "same", str(path)], check=True, timeout=120)
    return dict(np.load(path))


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_many_processes_follow_one(
    processes: int, alone: dict[str, np.ndarray], tmp_path: Path
) -> None:
    done = run_program(processes, "same", str(tmp_path / "found.npz"))
    assert done.returncode == 0, done.stderr
    found = dict(np.load(tmp_path / "found.npz"))
    assert found.keys() == alone.keys()
    for name, expected in alone.items():
        # The accuracy of a batch is a float32.
        tolerance = 1e-6 if "accuracy" in name else 1e-12
        np.testing.assert_allclose(found[name], expected, tolerance, tolerance, err_msg=name)


def test_the_same_number_of_processes_gives_the_same_bits(tmp_path: Path) -> None:
    for name in ("first.npz", "second.npz"):
        assert run_program(3, "same", str(tmp_path / name)).returncode == 0
    first, second = (np.load(tmp_path / name) for name in ("first.npz", "second.npz"))
    assert all(first[name].tobytes() == second[name].tobytes() for name in first.files)


@pytest.mark.parametrize(
    ("processes", "program", "says"), [(3, "talk", "understood"), (2, "split", "equal"),
                                       (3, "split", "equal"), (2, "norm", "the same")],
)  # fmt: skip
def test_a_program_in_several_processes(processes: int, program: str, says: str) -> None:
    done = run_program(processes, program)
    assert (done.returncode, done.stdout.strip()) == (0, says), done.stderr


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("seed", "random numbers, which minicnn.manual_seed(0) would make equal: process 0 has"),
        ("model", "parameters: process 0 has [('1.weight', (4, 64), 'float32')"),
        ("data", "train data: process 0 has 'sha256 "),
        ("option", "SGD lr: process 0 has 0.1, but process 1 has 0.2; all must have the same"),
        ("batch", "got batches of 1 images for 2 processes, expected at least one for each"),
        ("sum", 'got a loss with reduction="sum", expected the mean over the batch'),
        ("change", "fit: epoch 1: weights: parallel: 1.weight: process 0 has"),
        ("raise", "KeyError: 'only here'\nthe error above (in process 1 of 2, which ends all)"),
    ],
)
def test_an_error_in_one_process_ends_all(kind: str, message: str) -> None:
    start = time.monotonic()
    done = run_program(2, "wrong", kind)
    assert done.returncode == 1
    assert message in done.stderr
    assert re.search(r"\(in process [01] of 2, which ends all\)", done.stderr)
    assert time.monotonic() - start < 30


def test_a_process_that_waits_for_one_that_has_ended() -> None:
    done = run_program(2, "alone")
    assert done.returncode == 1
    assert "process 1 has come to its end, but process 0 waits for it: fit, evaluate" in done.stderr


def test_one_process_stops_all() -> None:
    assert run_program(2, "wrong", "stop").stdout == "1 epochs\n"


def test_the_command(tmp_path: Path) -> None:
    """One process prints and writes; another number of them continues."""
    command = ["-m", "minicnn", "train", "lenet5", "--data", "digits"]
    files = ["--checkpoint", "run.ckpt", "--weights", "w.safetensors", "--log", "log.csv"]
    done = launch(2, *command, "--epochs", "1", *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].endswith(", 2 processes")
    assert [line.split()[0] for line in lines[:3]] == ["lenet5,", "epoch", "test"]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 2
    ends = []
    for processes in (1, 3):
        more = launch(processes, *command, "--epochs", "2", "--resume", "run.ckpt", cwd=tmp_path)
        assert more.returncode == 0, more.stderr
        ends.append(re.findall(r"loss \S+|accuracy \S+%", more.stdout))
    assert ends[0] == ends[1]
    assert len(ends[0]) == 3


def test_other_commands_do_their_work_once() -> None:
    done = launch(2, "-m", "minicnn", "summary", "lenet5")
    assert (done.returncode, done.stdout.count("Total parameters")) == (0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "nowhere"], "minicnn: no data set or folder 'nowhere'"),
        (["--epochs", "0"], "argument --epochs: got 0, expected a number of 1 or more"),
        (["--data", "digits", "--batch-size", "1"], "got batches of 1 images for 2 processes"),
        (
            ["--data", "digits", "--resume", "nothing.ckpt"],
            "minicnn: checkpoint: nothing.ckpt: there is no such",
        ),
    ],
)
def test_bad_input_is_told_once(options: list[str], message: str, tmp_path: Path) -> None:
    done = launch(2, "-m", "minicnn", "train", "lenet5", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count(message) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_killed_or_interrupted(how: signal.Signals, tmp_path: Path) -> None:
    """All end, and the checkpoint is good."""
    program = (
        "import os, minicnn as mc\n"
        "mc.manual_seed(0)\n"
        "class Ends(mc.train.Callback):\n"
        "    def on_batch_end(self, trainer, images, means):\n"
        "        if mc.parallel.rank() == 1 and trainer.progress.epoch == 1:\n"
        f"            os.kill(os.getpid(), {int(how)})\n"
        "model = mc.models.lenet5()\n"
        "adam = mc.optim.Adam(model.parameters())\n"
        "train, _ = mc.data.load('digits')\n"
        "resize = mc.data.transforms.Resize((28, 28))\n"
        "loader = mc.data.DataLoader(train, 128, shuffle=True, seed=0, transform=resize)\n"
        "files = mc.train.Checkpoint('run.ckpt')\n"
        "trainer = mc.train.Trainer(model, adam, callbacks=[files, Ends()])\n"
        "trainer.fit(loader, 50)\n"
    )
    start = time.monotonic()
    done = launch(2, "-c", program, cwd=tmp_path)
    assert done.returncode != 0
    assert time.monotonic() - start < 60
    if how == signal.SIGINT:
        assert "interrupted (in process 1 of 2, which ends all)" in done.stderr
    from minicnn.train import load_weights

    assert load_weights(tmp_path / "run.ckpt")["conv1.weight"].shape == (6, 1, 5, 5)
