"""The command line: what it prints, what it saves, and one clear line for everything wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.commands import SHORT, run, write_data, write_idx

import minicnn as mc
from minicnn import cli
from minicnn.backend import is_available
from minicnn.cli import training
from minicnn.train.recipes import MODELS


def test_training_prints_the_model_an_epoch_and_the_accuracy(capsys):
    assert cli.main(["train", "lenet5", "--data", "digits", *SHORT]) == 0
    out, err = capsys.readouterr()
    title, epoch, accuracy, *hint = out.splitlines()
    assert hint == ["faster on this computer: --device native"] * is_available("native")
    assert title == (
        "lenet5, 44,426 parameters, on digits: 1,442 training and 355 test images, Resize((28, 28))"
    )
    assert epoch.startswith("epoch 1/1  loss 2.")
    assert re.fullmatch(r"test accuracy \d+\.\d\d% \(\d+ of 355 images\)", accuracy)
    assert err == ""


def test_the_weights_have_the_printed_accuracy(capsys, tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_text("old")
    options = ["--optimizer", "sgd", "--lr", "0.02", "--seed", "3", "--device", "cpu"]
    options += ["--epochs", "2", "--batch-size", "16", "--weights", str(path)]
    assert cli.main(["train", "lenet5", "--data", "digits", *options]) == 0
    out = capsys.readouterr().out
    right = int(re.search(r"\((\d+) of 355 images\)", out)[1])
    assert out.endswith(f"weights saved to {path}\n")
    assert right > 200
    model = mc.models.lenet5()
    model.load_state_dict(mc.load(path))
    test = mc.data.load("digits", "test")
    images = mc.data.transforms.Resize(28)(test[:][0])
    trainer = mc.train.Trainer(model, mc.optim.SGD(model.parameters()))
    assert (trainer.predict(images).data.argmax(1) == test.labels).sum() == right
    assert os.listdir(tmp_path) == [path.name]


def test_the_seed_decides_the_weights(tmp_path):
    data = write_data(tmp_path / "data")
    states = []
    for number, seed in enumerate("001"):
        path = tmp_path / f"{number}.st"
        options = ["--data", str(data), *SHORT, "--seed", seed, "--weights", str(path)]
        assert cli.main(["train", "lenet5", *options]) == 0
        states.append(path.read_bytes())
    assert states[0] == states[1] != states[2]


@pytest.mark.parametrize("model", list(cli.RECIPES))
@pytest.mark.parametrize("size", [(8, 8), (28, 28), (30, 40), (1, 1), (20, 28), (14, 28)], ids=str)
def test_every_model_takes_images_of_any_size(capsys, tmp_path, model, size):
    wanted = MODELS[model]().input_shape[1:]
    nearly = all(m / 2 < n <= m for n, m in zip(size, wanted, strict=True))
    fitted = "" if size == wanted else f", {'PadTo' if nearly else 'Resize'}({wanted})"
    data = write_data(tmp_path / "data", size)
    assert cli.main(["train", model, "--data", str(data), *SHORT]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].endswith(f"on {data}: 40 training and 40 test images{fitted}")
    assert err == ""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], (30, 32, mc.optim.Adam, 1e-3)),
        (["--optimizer", "sgd"], (30, 32, mc.optim.SGD, 0.05)),
        (["--optimizer", "adagrad"], (30, 32, mc.optim.Adagrad, 0.01)),
        (["--optimizer", "rmsprop"], (30, 32, mc.optim.RMSprop, 1e-3)),
        (["--optimizer", "adadelta"], (30, 32, mc.optim.Adadelta, 1.0)),
        (["--optimizer", "adam"], (30, 32, mc.optim.Adam, 1e-3)),
        (["--optimizer", "adamw", "--lr", "2"], (30, 32, mc.optim.AdamW, 2.0)),
        (["--lr", "0"], (30, 32, mc.optim.Adam, 0.0)),
        (["--epochs", "1" + "0" * 30, "--batch-size", "9" * 20], (10**30, None, None, 1e-3)),
    ],
)
def test_defaults_are_the_recipes(monkeypatch, options, expected):
    seen = []

    def fit(trainer, train, epochs, validation=None, resume=None):
        seen.append((epochs, train.batch_size, trainer.optimizer))
        assert (train.shuffle, train.seed) == (True, 5)
        assert trainer.loss.keywords == {"label_smoothing": 0.1}
        trainer.history.rows.append({"val_accuracy": 1.0})
        return trainer.history

    monkeypatch.setattr(mc.train.Trainer, "fit", fit)
    assert cli.main(["train", "lenet5", "--data", "digits", "--seed", "5", *options]) == 0
    ((epochs, batch_size, optimizer),) = seen
    assert epochs == expected[0]
    assert batch_size == (expected[1] or int("9" * 20))
    assert type(optimizer) is (expected[2] or mc.optim.Adam)
    assert optimizer.param_groups[0]["lr"] == expected[3]


def test_auto_takes_the_digits_when_there_is_no_mnist_and_says_so(capsys):
    assert cli.main(["train", "lenet5", *SHORT]) == 0
    out, err = capsys.readouterr()
    assert "on digits: 1,442" in out
    assert len(err.splitlines()) == 1
    assert "using the bundled digits" in err
    assert "MNIST could not be downloaded" in err


USAGE = [
    (["train", "lenet6"], "no model 'lenet6'; did you mean lenet5?"),
    (["train", "vgg"], "no model 'vgg'; expected lenet5, "),
    (["train"], "model"),
    (["trian"], "no command 'trian'; did you mean train?"),
    (["data", "got"], "did you mean get?"),
    *((["train", "lenet5", "--epochs", v], "epochs") for v in ("0", "-1", "1.5", "nan", "", "x")),
    *((["train", "lenet5", "--batch-size", v], "batch-size") for v in ("0", "-1", "1e2")),
    *((["train", "lenet5", "--seed", v], "seed") for v in ("-1", "0.5", "x")),
    *((["train", "lenet5", "--lr", v], "lr") for v in ("-1", "nan", "inf", "x", "1,5")),
    (["train", "lenet5", "--optimizer", "lion"], "no optimizer 'lion'; expected sgd, "),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE, ids=str)
def test_wrong_usage_is_status_2_and_two_lines_about_it(monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(training, "load_data", lambda *_: pytest.fail("accepted"))
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    wrong, helps = capsys.readouterr().err.splitlines()
    assert message in wrong
    assert helps.endswith("--help shows what there is")


def test_without_a_command_the_help_is_shown(capsys):
    assert cli.main([]) == 0
    out, err = capsys.readouterr()
    assert "train a network and test it" in out
    assert err == ""


def empty(tmp: Path) -> list[str]:
    (tmp / "empty").mkdir()
    return ["--data", "empty"]


def truncated(tmp: Path) -> list[str]:
    file = write_data(tmp / "data") / "t10k-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    return ["--data", "data"]


def damaged_mnist(tmp: Path) -> list[str]:
    write_data(tmp / "mnist", (28, 28))
    os.environ["MINICNN_DATA"] = str(tmp)
    return ["--data", "mnist"]


def nan_labels(tmp: Path) -> list[str]:
    write_idx(write_data(tmp / "data") / "train-labels-idx1-ubyte", np.full(40, np.nan, np.float32))
    return ["--data", "data"]


def made(**options):
    def arguments(tmp: Path) -> list[str]:
        return ["--data", str(write_data(tmp / "data", **options))]

    return arguments


def fixed(*arguments: str):
    return lambda tmp: ["--data", "digits", *arguments]


BAD = {
    "unknown data": (lambda tmp: ["--data", "minst"], "did you mean 'mnist'"),
    "missing directory": (lambda tmp: ["--data", "no/such"], "no/such"),
    "endless name": (lambda tmp: ["--data", "x" * 300], "xxx"),
    "a file as data": (lambda tmp: ["--data", __file__], "test_train.py"),
    "no IDX files": (empty, "found no train-images-idx3-ubyte"),
    "truncated": (truncated, "t10k-images-idx3-ubyte: .*truncated"),
    "damaged MNIST": (damaged_mnist, "SHA-256"),
    "no MNIST": (lambda tmp: ["--data", "mnist"], "By hand: put"),
    "NaN labels": (nan_labels, "train-labels"),
    "more classes": (made(classes=11), "11 classes, the model only 10"),
    "colours": (made(size=(3, 8, 8)), "takes 1 channels, the images have 3"),
    "test images of another size": (made(size=(28, 28), test_size=(8, 8)), "8x8"),
    "test images in colour": (made(test_size=(3, 8, 8)), "channels"),
    "cuda": (fixed("--device", "cuda:99"), 'device "cuda:99": '),
    "unknown device": (fixed("--device", "gpu"), "device: got 'gpu'"),
    "weights directory": (fixed("--weights", "."), "--weights"),
    "weights nowhere": (fixed("--weights", "no/w.st"), "no/w.st"),
    "weights below a file": (fixed("--weights", f"{__file__}/w.st"), "w.st"),
    "weights too long": (fixed("--weights", "x" * 300), "--weights"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_status_2_and_one_line(capsys, monkeypatch, tmp_path, case):
    monkeypatch.setenv("MINICNN_DATA", "")  # so that what a case sets is undone
    build, message = BAD[case]
    arguments = build(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    status = cli.main(["train", "lenet5", *SHORT, *arguments])
    err = capsys.readouterr().err
    assert status == 2
    assert len(err.splitlines()) == 1, err
    assert re.match(f"minicnn: .*{message}", err)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
def test_a_directory_that_cannot_be_written_to_is_noticed_before_training(capsys):
    arguments = ["--data", "digits", *SHORT, "--weights", "/proc/w.st"]
    assert cli.main(["train", "lenet5", *arguments]) == 2
    out, err = capsys.readouterr()
    assert "test accuracy" not in out
    assert len(err.splitlines()) == 1


def test_a_full_disk_is_one_line(capsys, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mc.io.os, "fsync", full)
    arguments = ["--data", "digits", *SHORT, "--weights", "w.st"]
    assert cli.main(["train", "lenet5", *arguments]) == 2
    assert re.fullmatch("minicnn: .*No space left on device.*\n", capsys.readouterr().err)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("moment", ["train", "save"])
def test_ctrl_c_is_130_and_leaves_no_file(capsys, monkeypatch, tmp_path, moment):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    if moment == "train":
        monkeypatch.setattr(mc.train.Trainer, "fit", interrupt)
    else:
        monkeypatch.setattr(mc.io.os, "replace", interrupt)
    arguments = ["--data", "digits", *SHORT, "--weights", "w.st"]
    assert cli.main(["train", "lenet5", *arguments]) == 130
    assert capsys.readouterr().err == "minicnn: interrupted\n"
    assert os.listdir(tmp_path) == []


def test_ctrl_c_in_a_process_of_its_own():
    command = [sys.executable, "-m", "minicnn", "train", "lenet5", "--data", "digits"]
    process = subprocess.Popen(
        [*command, "--epochs", "1000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell may ignore it
    )  # fmt: skip
    try:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err == "minicnn: interrupted\n"


@pytest.mark.parametrize("device", ["cuda:99", "banana"])
def test_the_environment_names_the_device(device):
    result = run(
        "train", "lenet5", "--data", "digits", env={**os.environ, "MINICNN_DEVICE": device}
    )
    assert result.returncode == 2
    assert re.fullmatch(rf"minicnn: device.*{device}.*\n", result.stderr)


# One batch of everything has a fine loss before its step; only the validation after it has none.
@pytest.mark.parametrize(("lr", "batch_size"), [("1e6", "64"), ("1e30", "64"), ("1e30", "5000")])
def test_divergence_ends_with_one_clear_line_and_saves_nothing(tmp_path, lr, batch_size):
    options = ["--epochs", "1", "--batch-size", batch_size, "--optimizer", "sgd", "--lr", lr]
    result = run("train", "lenet5", "--data", "digits", *options, "--weights", "w.st")
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1), result.stderr
    assert "smaller learning rate" in result.stderr
    assert os.listdir(tmp_path) == []


def test_a_cuda_graph_needs_a_gpu(capsys):
    assert cli.main(["train", "lenet5", "--data", "digits", "--cuda-graph", "--device", "cpu"]) == 2
    message = "--cuda-graph: got the device 'cpu', expected --device cuda\n"
    assert capsys.readouterr().err.endswith(message)
