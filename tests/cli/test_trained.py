"""The commands for a trained network: evaluate, predict, export, and resuming."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.commands import SHORT, write_data

import minicnn as mc
from minicnn import cli, io
from minicnn.backend import is_available
from minicnn.cli import trained
from minicnn.models.card import from_metadata

TRAIN = ["train", "lenet5", "--data", "digits", "--epochs", "2"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LeNet-5 trained on the digits, as a file of weights next to a checkpoint."""
    directory = tmp_path_factory.mktemp("trained")
    path = directory / "lenet.safetensors"
    more = ["--weights", str(path), "--checkpoint", str(directory / "lenet.ckpt")]
    assert cli.main([*TRAIN, "--log", str(directory / "log.csv"), *more]) == 0
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., str]:
    """Draws an image file and returns its path."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

    def draw(pixels: Any, name: str = "digit.png") -> str:
        image.fromarray(np.asarray(pixels, np.uint8)).save(tmp_path / name)
        return str(tmp_path / name)

    return draw


@pytest.mark.parametrize("suffix", ["safetensors", "ckpt"])
def test_evaluate_prints_accuracy_and_confusion(capsys: Any, weights: Path, suffix: str) -> None:
    """On the data that it was trained on, which the file names."""
    assert cli.main(["evaluate", str(weights.with_suffix(f".{suffix}"))]) == 0
    title, accuracy, _, header, _, *rows = capsys.readouterr().out.splitlines()
    assert title == "lenet5 on the 355 test images of digits"
    wrong = int(re.fullmatch(r"accuracy .*% \((\d+) wrong\)", accuracy)[1])
    counts = np.array([[int(n.replace(".", "0")) for n in r.split()[1:-1]] for r in rows[:10]])
    assert counts.sum() == 355
    assert 355 - counts.trace() == wrong < 60
    assert header.split()[-1] == "recall"
    assert rows[-1].startswith("precision")


@pytest.mark.parametrize("suffix", ["png", "svg", "PDF"])
def test_mistakes_are_drawn(capsys: Any, weights: Path, tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path = tmp_path / f"wrong.{suffix}"
    arguments = ["evaluate", str(weights), "--data", "digits", "--mistakes", str(path)]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    wrong = re.search(r"\((\d+) wrong\)", out)[1]
    assert out.endswith(f"\n{wrong} of {wrong} mistakes are drawn in {path}\n")
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "PDF": b"%PDF"}
    assert path.read_bytes().startswith(starts[suffix])
    if suffix == "svg":
        text = path.read_text("utf-8")
        assert f"{wrong} of 355 misclassified" in text
        assert len(re.findall(r"\bpredicted \d, \d+%", text)) == int(wrong)


def test_mistakes_with_the_names_of_classes(
    capsys: Any, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data with fewer classes than the network has, and nearly all of it misclassified."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    images, _ = mc.data.load("digits", "test")[:]
    model = mc.models.lenet5()
    model.load_state_dict(mc.load(weights))
    x = mc.data.transforms.Resize(28)(images)
    guesses = model(mc.tensor(x)).numpy().argmax(1)
    few = np.flatnonzero(guesses < 3)[:60]  # all of whose mistakes are drawn
    labels = np.where(guesses < 2, 1 - guesses, 0)
    test = mc.data.ArrayDataset(images[few], labels[few], classes=["ring", "rod"])
    monkeypatch.setattr(trained, "_find_test", lambda *_: ("shapes", test))
    path = tmp_path / "wrong.svg"
    assert cli.main(["evaluate", str(weights), "--mistakes", str(path)]) == 0
    text = path.read_text("utf-8")
    assert text.count("true ring") == int((guesses[few] > 0).sum())
    assert text.count("predicted rod,") == int((guesses[few] == 1).sum())
    assert text.count("predicted 2,") == int((guesses[few] == 2).sum())
    assert re.search(r"true \\ predicted +ring +rod +2 +recall\n", capsys.readouterr().out)


def test_no_mistakes_without_matplotlib(
    capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said before the weights are read, which do not exist."""
    monkeypatch.delattr(mc, "viz", raising=False)  # first: to look for it imports it
    for name in [name for name in sys.modules if name.startswith("minicnn.viz")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(["evaluate", "none.st", "--mistakes", str(tmp_path / "a.png")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "minicnn: --mistakes: minicnn.viz needs matplotlib: pip install matplotlib\n"
    )


def test_evaluate_without_mistakes_needs_no_matplotlib(
    capsys: Any, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(["evaluate", str(weights), "--data", "digits"]) == 0
    assert capsys.readouterr().out


def digit_on_paper(flip: bool) -> Any:
    """A 3 of the bundled digits, large and off the middle, dark on light or light on dark."""
    images, labels = mc.data.load("digits", "test")[:]
    ink = np.kron(images[np.flatnonzero(labels == 3)[0], 0], np.ones((9, 9)))
    paper = np.zeros((160, 200))
    paper[70:142, 20:92] = ink
    return 230 - 200 * paper if flip else 10 + 240 * paper


@pytest.mark.parametrize("flip", [True, False], ids=["dark on light", "light on dark"])
def test_predict_names_the_three_likeliest(
    capsys: Any, weights: Path, picture: Callable[..., str], flip: bool
) -> None:
    path, other = picture(digit_on_paper(flip)), picture(digit_on_paper(not flip), "other.png")
    assert cli.main(["predict", str(weights), path, other]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [path, other]
    first, second = (re.findall(r"(\d): +([\d.]+)%", line) for line in lines)
    shares = [float(share) for _, share in first]
    assert len(shares) == 3
    assert shares == sorted(shares, reverse=True)
    assert first[0][0] == second[0][0]
    np.testing.assert_allclose(shares, [float(share) for _, share in second], atol=2)


def test_export_runs_in_onnxruntime(capsys: Any, weights: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    path = tmp_path / "lenet.onnx"
    assert cli.main(["export", str(weights), str(path)]) == 0
    assert capsys.readouterr().out == f"lenet5 written to {path}\n"
    x = np.random.default_rng(0).random((3, 1, 28, 28), np.float32)
    session = runtime.InferenceSession(str(path))
    (got,) = session.run(None, {session.get_inputs()[0].name: x})
    model = mc.models.lenet5()
    model.load_state_dict(mc.load(weights))
    np.testing.assert_allclose(got, model(mc.Tensor(x)).numpy(), atol=1e-5)


def test_a_training_continues_where_it_stopped(capsys: Any, tmp_path: Path) -> None:
    ends = []
    for name, steps in (("whole", [["--epochs", "3"]]), ("parts", [["--epochs", "1"], ["-"]])):
        path = tmp_path / name
        for step in steps:
            more = ["--epochs", "3", "--resume", f"{path}.ckpt"] if step == ["-"] else step
            more += ["--checkpoint", f"{path}.ckpt", "--weights", f"{path}.st"]
            assert cli.main([*TRAIN[:4], *more]) == 0
        ends.append(Path(f"{path}.st").read_bytes())
    assert ends[0] == ends[1]


def test_resuming_takes_the_same_options(capsys: Any, tmp_path: Path) -> None:
    run, folder = str(tmp_path / "run.ckpt"), write_data(tmp_path / "my data")
    train = ["train", "lenet5", "--data", str(folder), "--no-weights", "--epochs"]
    assert cli.main([*train, "1", "--lr", "0.01", "--checkpoint", run]) == 0
    assert cli.main([*train, "2", "--lr", "0.01", "--resume", run]) == 0
    capsys.readouterr()
    assert cli.main([*train, "2", "--lr", "0.02", "--resume", run]) == 2
    err = capsys.readouterr().err
    assert "other options: Adam lr: 0.01 in the checkpoint, 0.02 here. " in err
    assert err.endswith(
        f"It was written by: minicnn train lenet5 --data '{folder}' --recipe course --epochs 1 "
        "--lr 0.01 --seed 0\n"
    )
    images = folder / "train-images-idx3-ubyte"
    content = bytearray(images.read_bytes())
    content[-1] ^= 1
    images.write_bytes(content)
    assert cli.main([*train, "2", "--lr", "0.01", "--resume", run]) == 2
    assert "of a training with other data: train data: 'sha256 " in capsys.readouterr().err


def test_the_log_has_a_row_for_each_epoch(weights: Path) -> None:
    header, *rows = (weights.parent / "log.csv").read_text("utf-8").splitlines()
    assert header.startswith("epoch,loss,accuracy")
    assert [row.split(",")[0] for row in rows] == ["1", "2"]


def test_the_file_says_all_that_is_needed(weights: Path) -> None:
    model, card = mc.models.load(weights)
    assert isinstance(model, mc.models.LeNet5)
    assert (card.model, card.data, card.recipe) == ("lenet5", "digits", "course --epochs 2")
    assert (card.image_shape, card.ink_box, card.seed, card.epochs) == ((1, 8, 8), 8, 0, 2)
    assert card.accuracy is not None
    assert card.accuracy > 0.8
    assert f"minicnn {mc.__version__}" in card.made_with
    notes = mc.io.load_with_metadata(weights.with_suffix(".ckpt"))[1]
    of_checkpoint = from_metadata(notes, "checkpoint")
    assert of_checkpoint is not None
    assert (of_checkpoint.data, of_checkpoint.accuracy) == ("digits", None)


def test_weights_of_other_programs_need_the_model(
    capsys: Any, weights: Path, tmp_path: Path, picture: Callable[..., str]
) -> None:
    path = tmp_path / "plain.st"
    mc.save(path, mc.load(weights))
    assert cli.main(["evaluate", str(path), "--data", "digits"]) == 2
    assert "plain.st: does not say which model it holds; add --model" in capsys.readouterr().err
    assert cli.main(["evaluate", str(path), "--model", "lenet5", "--data", "digits"]) == 0
    assert "lenet5 on the 355 test images of digits" in capsys.readouterr().out
    assert cli.main(["evaluate", str(path), "--model", "lenet5"]) == 2
    assert "does not say what it was trained on; add --data" in capsys.readouterr().err
    assert cli.main(["predict", str(path), "--model", "lenet5", picture(digit_on_paper(True))]) == 0


def test_pictures_that_cannot_be_read_do_not_hide_the_others(
    capsys: Any, weights: Path, tmp_path: Path, picture: Callable[..., str]
) -> None:
    good = picture(digit_on_paper(True))
    (tmp_path / "text.png").write_text("no picture")
    blank = picture(np.full((30, 30), 200), "blank.png")
    assert cli.main(["predict", str(weights), "none.png", good, "text.png", blank]) == 2
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == [good]
    first, second, third = err.splitlines()
    assert first == "minicnn: none.png: cannot be read (No such file or directory)"
    assert second.startswith("minicnn: text.png: cannot be read (")
    assert third.startswith(f"minicnn: {blank}: shows no digit")


def test_what_the_network_saw_is_drawn(
    capsys: Any, weights: Path, tmp_path: Path, picture: Callable[..., str]
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path = picture(digit_on_paper(True))
    assert cli.main(["predict", str(weights), path, path, "--show", "seen.svg"]) == 0
    assert capsys.readouterr().out.endswith("drawn in seen.svg\n")
    text = (tmp_path / "seen.svg").read_text("utf-8")
    assert text.count("<image") >= 2
    assert cli.main(["predict", str(weights), path, "--show", "no/seen.png"]) == 2
    assert "--show: no/seen.png: there is no folder no" in capsys.readouterr().err


def test_predict_with_what_comes_with_minicnn(capsys: Any, picture: Callable[..., str]) -> None:
    path = picture(digit_on_paper(True))
    for name in ("lenet5", "lenet5-mnist", "lenet5-digits"):
        assert cli.main(["predict", name, path]) == 0
        assert re.match(rf"{re.escape(path)} +3: ", capsys.readouterr().out)
    assert cli.main(["predict", "lenet6", path]) == 2
    assert "no trained network of that name; minicnn comes with lenet5-mnist, lenet5-digits" in (
        capsys.readouterr().err
    )


NAN = "nan.st: NaN or infinity in conv1.bias (2 of 6 elements); the network cannot be used"


def bad(weights: Path, tmp_path: Path) -> dict[str, tuple[list[str], str]]:
    foreign, text = tmp_path / "foreign.safetensors", tmp_path / "text.st"
    mc.save(foreign, {"a": np.ones(3)})
    text.write_text("no weights")
    some, digits = str(weights), ["--data", "digits"]
    not_a_number, too_large = tmp_path / "nan.st", tmp_path / "large.st"
    arrays, metadata = io.load_with_metadata(weights)
    arrays["conv1.bias"][:2] = np.nan, np.inf
    mc.save(not_a_number, arrays, metadata)
    mc.save(too_large, {n: np.full_like(a, 1e38) for n, a in arrays.items()}, metadata)
    return {
        "no file": (["evaluate", "none.st", *digits], "none.st"),
        "no weights": (["evaluate", str(text), *digits], "text.st: not an intact safetensors"),
        "other weights": (
            ["evaluate", str(foreign), *digits],
            "does not say which model it holds; add --model",
        ),
        "another model": (
            ["evaluate", some, "--model", "alexnet_mnist", *digits],
            "--model alexnet_mnist: ",
        ),
        "colour": (
            ["evaluate", some, "--data", str(write_data(tmp_path / "data", size=(3, 8, 8)))],
            "lenet5 takes images of 1 channel, ",
        ),
        "no picture": (["predict", some, str(text)], "text.st: cannot be read"),
        "no image file": (["predict", some, "none.png"], "none.png"),
        "mistakes without a format": (
            ["evaluate", "none.st", "--mistakes", "wrong"],
            "--mistakes: wrong: expected a name that ends in .png, .svg",
        ),
        "mistakes in no format": (
            ["evaluate", "none.st", "--mistakes", "a.txt"],
            "a.txt: expected",
        ),
        "nowhere for mistakes": (
            ["evaluate", "none.st", "--mistakes", "no/where.png"],
            "where.png: there is no folder no",
        ),
        "nowhere to export": (
            ["export", some, "no/where.onnx"],
            "where.onnx: there is no folder no",
        ),
        "nan in the weights": (["predict", str(not_a_number), str(text)], NAN),
        "nan, evaluated": (["evaluate", str(not_a_number), *digits], NAN),
        "nan, exported": (["export", str(not_a_number), str(tmp_path / "a.onnx")], NAN),
        "nan, shown": (["show", str(not_a_number), "-o", str(tmp_path / "a.html")], NAN),
        "weights too large": (
            ["evaluate", str(too_large), *digits],
            "the network's outputs are NaN or infinite: its weights are too large",
        ),
        "nothing to resume": ([*TRAIN, "--resume", "none.ckpt"], "none.ckpt"),
        "weights to resume": ([*TRAIN, "--resume", some], "checkpoint"),
        "another recipe": ([*TRAIN, "--recipe", "secret"], "no recipe 'secret', but course"),
    }


CASES = [
    "no file", "no weights", "other weights", "another model", "colour", "no picture",
    "no image file", "mistakes without a format", "mistakes in no format", "nowhere for mistakes",
    "nowhere to export", "nan in the weights", "nan, evaluated", "nan, exported", "nan, shown",
    "weights too large", "nothing to resume", "weights to resume",
    "another recipe",
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_line(capsys: Any, weights: Path, tmp_path: Path, case: str) -> None:
    if "picture" in case or "image" in case:
        pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    cases = bad(weights, tmp_path)
    assert list(cases) == CASES
    arguments, message = cases[case]
    capsys.readouterr()
    assert cli.main(arguments) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1, err
    assert re.match(f"minicnn: .*{re.escape(message)}", err), err


def test_an_empty_picture(capsys: Any, weights: Path, picture: Callable[..., str]) -> None:
    path = picture(np.full((30, 30), 200))
    assert cli.main(["predict", str(weights), path]) == 2
    assert capsys.readouterr().err.startswith(f"minicnn: {path}: shows no digit")


def test_a_recipe_by_name(capsys: Any) -> None:
    assert cli.main(["train", "lenet5", "--recipe", "best", "--data", "digits", *SHORT]) == 0
    assert "test accuracy" in capsys.readouterr().out


def test_the_default_device_may_be_another(
    capsys: Any, weights: Path, picture: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = (
        ["evaluate", str(weights)],
        ["predict", str(weights), picture(digit_on_paper(True))],
    )
    answers = []
    for device in ("cpu", "native"):
        monkeypatch.setenv("MINICNN_DEVICE", device)
        if not is_available(device):
            pytest.skip("needs a C++ compiler")
        capsys.readouterr()
        assert [cli.main(command) for command in commands] == [0, 0]
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]
