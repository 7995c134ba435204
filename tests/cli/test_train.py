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
from minicnn.models import MODELS


def test_training_prints_the_model_an_epoch_and_the_accuracy(capsys):
    assert cli.main(["train", "lenet5", "--data", "digits", *SHORT]) == 0
    out, err = capsys.readouterr()
    title, epoch, accuracy, course, *hint, saved, evaluate, predict = out.splitlines()
    assert hint == ["faster on this computer: --device native"] * is_available("native")
    assert course.startswith("as in the course, the test images also validated each epoch")
    assert saved == "weights saved to lenet5-digits-course.safetensors; next:"
    assert evaluate == "  minicnn evaluate lenet5-digits-course.safetensors"
    assert predict == "  minicnn predict lenet5-digits-course.safetensors PICTURE..."
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
    assert f"weights saved to {path}; next:\n" in out
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


def test_a_trained_network_is_never_replaced_unless_asked(capsys, tmp_path):
    data = ["--data", str(write_data(tmp_path / "my data!"))]
    for _ in range(3):
        assert cli.main(["train", "lenet5", *data, *SHORT]) == 0
    names = [f"lenet5-my_data_-course{end}.safetensors" for end in ("", "-2", "-3")]
    assert sorted(os.listdir(tmp_path)) == sorted(["my data!", *names])
    assert "minicnn evaluate lenet5-my_data_-course-3.safetensors" in capsys.readouterr().out
    assert cli.main(["train", "lenet5", *data, *SHORT, "--no-weights"]) == 0
    assert len(os.listdir(tmp_path)) == 4
    assert "weights" not in capsys.readouterr().out
    assert cli.main(["train", "lenet5", *data, *SHORT, "--no-weights", "--weights", "w"]) == 2
    assert "--no-weights: got --weights too" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to_is_told_before_training(capsys, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "--weights: w: cannot be written (Permission denied)")

    monkeypatch.setattr(mc.io, "check_writable", refuse)
    assert cli.main(["train", "lenet5", "--data", "digits", *SHORT]) == 2
    assert "name another place, or add --no-weights" in capsys.readouterr().err
    assert cli.main(["train", "lenet5", "--data", "digits", *SHORT, "--no-weights"]) == 0


@pytest.mark.parametrize("model", list(cli.RECIPES))
@pytest.mark.parametrize("size", [(8, 8), (28, 28), (30, 40), (1, 1), (20, 28), (14, 28)], ids=str)
def test_every_model_takes_images_of_any_size(capsys, tmp_path, model, size):
    wanted = MODELS[model]().input_shape[1:]
    if model == "scaled_alexnet":
        wanted = (max(28, *size),) * 2
    nearly = all(m / 2 < n <= m for n, m in zip(size, wanted, strict=True))
    fitted = "" if size == wanted else f", {'PadTo' if nearly else 'Resize'}({wanted})"
    data = write_data(tmp_path / "data", size)
    assert cli.main(["train", model, "--data", str(data), *SHORT]) == 0
    out, err = capsys.readouterr()
    held = "30 training, 10 validation" if model == "scaled_alexnet" else "40 training"
    assert out.splitlines()[0].endswith(f"on {data}: {held} and 40 test images{fitted}")
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
    (["train"], "MODEL"),
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
    monkeypatch.setattr(training, "find_source", lambda *_: pytest.fail("accepted"))
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
    "unknown data": (
        lambda tmp: ["--data", "minst"],
        "no data set or folder 'minst'; did you mean mnist?",
    ),
    "missing directory": (lambda tmp: ["--data", "no/such"], "no/such"),
    "endless name": (lambda tmp: ["--data", "x" * 300], "xxx"),
    "a file as data": (lambda tmp: ["--data", __file__], "test_train.py: found a file there"),
    "no IDX files": (
        empty,
        "empty: is empty, expected pictures in one folder per class, or IDX files",
    ),
    "truncated": (truncated, "t10k-images-idx3-ubyte: .*truncated"),
    "damaged MNIST": (damaged_mnist, "SHA-256"),
    "no MNIST": (lambda tmp: ["--data", "mnist"], "By hand: put"),
    "NaN labels": (nan_labels, "train-labels"),
    "test images of another size": (made(size=(28, 28), test_size=(8, 8)), "8x8"),
    "test images in colour": (made(test_size=(3, 8, 8)), "channels"),
    "cuda": (fixed("--device", "cuda:99"), 'device "cuda:99": '),
    "unknown device": (
        fixed("--device", "gpu"),
        "--device gpu: no such device; expected cpu, native, cuda",
    ),
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


WRONG_KIND = [
    ({"classes": 11}, "lenet5_1998", "the data has 11 classes, lenet5_1998 only 10"),
    (
        {"size": (3, 8, 8)},
        "lenet5_1998",
        "lenet5_1998 takes images of 1 channel, the data has 3 channels",
    ),
]


@pytest.mark.parametrize(("options", "model", "message"), WRONG_KIND)
def test_what_a_model_cannot_take(capsys, tmp_path, options, model, message):
    data = write_data(tmp_path / "data", **options)
    assert cli.main(["train", model, "--data", str(data), *SHORT]) == 2
    expected = f"minicnn: {model} cannot be trained on {data}: {message}\n"
    assert capsys.readouterr().err == expected


def test_it_is_refused_before_a_download(capsys, monkeypatch):
    monkeypatch.setattr(mc.data, "download", lambda name: pytest.fail("downloaded"))
    assert cli.main(["train", "lenet5_1998", "--data", "cifar10"]) == 2
    assert "takes images of 1 channel, the data has 3 channels" in capsys.readouterr().err


def test_colours_and_more_classes_fit_the_network(capsys, tmp_path):
    data = write_data(tmp_path / "data", size=(3, 32, 32), classes=12)
    for model in ("lenet5", "lenet5_sigmoid", "alexnet_mnist", "scaled_alexnet"):
        assert cli.main(["train", model, "--data", str(data), *SHORT, "--weights", "w.st"]) == 0
        trained, card = mc.models.load("w.st")
        assert (trained.input_shape[0], trained.num_classes) == (3, 12)
        assert card.classes == tuple(map(str, range(12)))
        capsys.readouterr()
        assert cli.main(["evaluate", "w.st"]) == 0
        assert f"{model} on the 40 test images of {data}" in capsys.readouterr().out


def test_the_epoch_is_chosen_by_what_is_held_out(capsys, tmp_path):
    options = ["--data", "digits", "--epochs", "6", "--lr", "0.02", "--hold-out", "0.2"]
    assert cli.main(["train", "lenet5", *options, "--log", "log.csv", "--weights", "w.st"]) == 0
    out = capsys.readouterr().out
    title, *_ = out.splitlines()
    assert "1,154 training, 288 validation and 355 test images" in title
    assert "as in the course" not in out
    model, card = mc.models.load("w.st")
    assert card.recipe == "course --epochs 6 --lr 0.02 --hold-out 0.2"
    _, held = mc.data.hold_out(mc.data.load("digits", "train"), 0.2)
    images, labels = held[:]
    rows = [row.split(",") for row in (tmp_path / "log.csv").read_text().splitlines()]
    best = max(float(row[rows[0].index("val_accuracy")]) for row in rows[1:])
    found = mc.ops.accuracy(model(mc.tensor(model.as_input(images))), labels).item()
    assert found == pytest.approx(best, abs=1e-6)
    test, labels = mc.data.load("digits", "test")[:]
    found = mc.ops.accuracy(model(mc.tensor(model.as_input(test))), labels).item()
    assert found == pytest.approx(card.accuracy, abs=1e-6)


@pytest.mark.parametrize("value", ["1", "-0.1", "x", "nan"])
def test_a_part_to_hold_out_is_a_fraction(capsys, value):
    with pytest.raises(SystemExit):
        cli.main(["train", "lenet5", "--hold-out", value])
    assert "--hold-out" in capsys.readouterr().err


def test_too_few_images_to_hold_out(capsys, tmp_path):
    data = write_data(tmp_path / "data", classes=40)
    assert cli.main(["train", "lenet5", "--data", str(data), *SHORT, "--hold-out", "0.1"]) == 2
    assert re.match("minicnn: --hold-out: .* is no image", capsys.readouterr().err)


def test_check_looks_for_mistakes_first(capsys, tmp_path):
    assert cli.main(["train", "lenet5", "--data", "digits", *SHORT, "--check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("✓ ") for line in lines) >= 8
    assert any(line.startswith("epoch 1/1") for line in lines)
    options = ["--data", "digits", "--lr", "3", "--check", "--no-weights"]
    assert cli.main(["train", "lenet5", *options]) == 2
    out, err = capsys.readouterr()
    assert "✗ the first step changes " in out
    assert "epoch" not in out.replace("the epoch", "")
    assert err == "nothing was trained; without --check it is\n"


def test_check_gives_the_same_training(capsys, tmp_path):
    for name, more in (("a", []), ("b", ["--check"])):
        options = ["--data", "digits", *SHORT, "--weights", f"{name}.st", *more]
        assert cli.main(["train", "lenet5", *options]) == 0
    assert (tmp_path / "a.st").read_bytes() == (tmp_path / "b.st").read_bytes()


def test_a_training_that_guesses_with_a_huge_loss_ends(capsys):
    options = ["--data", "digits", "--epochs", "3", "--lr", "30", "--no-weights"]
    assert cli.main(["train", "lenet5", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(r"minicnn: epoch 1: the loss is .*, 2.3 would be a guess", line)


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
    assert re.fullmatch(rf"minicnn: (MINICNN_DEVICE|device).*{device}.*\n", result.stderr)


# One batch of everything has a fine loss before its step; only the validation after it has none.
@pytest.mark.parametrize(("lr", "batch_size"), [("1e6", "64"), ("1e30", "64"), ("1e30", "5000")])
def test_divergence_ends_with_one_clear_line_and_saves_nothing(tmp_path, lr, batch_size):
    options = ["--epochs", "1", "--batch-size", batch_size, "--optimizer", "sgd", "--lr", lr]
    result = run("train", "lenet5", "--data", "digits", *options, "--weights", "w.st")
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1), result.stderr
    assert "smaller learning rate" in result.stderr
    assert os.listdir(tmp_path) == []


def test_a_cuda_graph_needs_a_gpu(capsys):
    assert cli.main(["train", "lenet5", "--data", "digits", "--graph", "--device", "cpu"]) == 2
    message = "--graph: got the device 'cpu', expected --device cuda\n"
    assert capsys.readouterr().err.endswith(message)


def test_one_class_is_nothing_to_learn(capsys, tmp_path):
    where = write_data(tmp_path / "one", classes=1)
    assert cli.main(["train", "lenet5", "--data", str(where), "--no-weights"]) == 2
    assert capsys.readouterr().err == f"minicnn: {where}: has one class, expected two or more\n"


def test_a_label_beyond_all_reason(capsys, tmp_path):
    where = write_data(tmp_path / "many", labels_dtype="i4")
    write_idx(where / "t10k-labels-idx1-ubyte", np.array([0, 2_000_000_000], "i4"))
    assert cli.main(["train", "lenet5", "--data", str(where), "--no-weights"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("found the label 2000000000, expected fewer than 100,000")


def test_a_damaged_file_has_nothing_to_do_with_hold_out(capsys, tmp_path, monkeypatch):
    folder = tmp_path / "cifar10"
    folder.mkdir()
    (folder / "cifar-10-binary.tar.gz").write_bytes(b"no archive")
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path))
    assert cli.main(["train", "lenet5", "--data", "cifar10", "--no-weights"]) == 2
    assert capsys.readouterr().err.startswith(f"minicnn: {folder}")


def test_what_cannot_be_imported_is_one_line(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    assert cli.main(["evaluate", "lenet5-digits", "--data", "digits"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("minicnn: ")
    assert "safetensors" in line
