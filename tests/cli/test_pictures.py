"""Training on one's own pictures: a folder for each class, and all the way to an answer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import cli

image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
image_draw = pytest.importorskip("PIL.ImageDraw", reason="Pillow is not installed")


def draw(path: Path, classes: str = "circle square") -> Path:
    """Ten pictures of each class, of many sizes, in each part; a class is how bright they are."""
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for i, name in enumerate(classes.split()):
            folder = path / part / name
            folder.mkdir(parents=True)
            for k in range(10):
                shape = (*rng.integers(20, 60, 2), 3)
                pixels = rng.integers(0, 100, shape) + 120 * i
                image.fromarray(pixels.astype(np.uint8)).save(folder / f"{k}.png")
    return path


def test_training_and_evaluating(capsys: Any, tmp_path: Path) -> None:
    where, weights = draw(tmp_path / "shapes"), str(tmp_path / "w.st")
    options = ["--data", str(where), "--epochs", "15", "--batch-size", "5", "--weights", weights]
    assert cli.main(["train", "lenet5", *options]) == 0
    title, *_ = capsys.readouterr().out.splitlines()
    assert title.endswith(f"on {where}: 20 training and 20 test images, read as 3x28x28")
    assert cli.main(["evaluate", weights]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "accuracy 100.00% (0 wrong)"
    assert [line.split()[0] for line in lines[5:]] == ["circle", "square", "precision"]


def test_classes_that_differ(capsys: Any, tmp_path: Path) -> None:
    where = draw(tmp_path / "shapes")
    (where / "test" / "square").rename(where / "test" / "star")
    assert cli.main(["train", "lenet5", "--data", str(where)]) == 2
    message = "the classes of train are circle, square, but those of test are circle, star\n"
    assert capsys.readouterr().err == f"minicnn: {where}: {message}"


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg"])
def test_a_damaged_tiff_is_one_line(capfd: Any, tmp_path: Path, compression: str) -> None:
    """Libtiff writes to the standard error itself."""
    rng, path = np.random.default_rng(0), tmp_path / "a.tif"
    noise = rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)
    image.fromarray(noise).save(path, compression=compression)
    whole, refused = path.read_bytes(), 0
    for _ in range(40):
        content = bytearray(whole)
        for place in rng.integers(8, len(whole), 6):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        status = cli.main(["predict", "lenet5-digits", str(path)])
        refused += status == 2
        err = capfd.readouterr().err
        assert len(err.splitlines()) == (status == 2), err
    assert refused > 5


def test_what_pillow_logs_is_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    image.new("RGB", (40, 40)).save(path)
    samples = b"\x15\x01\x03\x00\x01\x00\x00\x00"  # the tag, its type, and that it is one number
    content = path.read_bytes()
    assert content.count(samples + b"\x03\x00") == 1
    path.write_bytes(content.replace(samples + b"\x03\x00", samples + b"\x00\x66"))
    command = [sys.executable, "-m", "minicnn", "predict", "lenet5-digits", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert re.fullmatch(r"minicnn: .*a\.tif: cannot be read .*\n", done.stderr), done.stderr


def test_what_pillow_warns_of_is_not_printed(capsys: Any, tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    image.new("1", (90_001, 1000)).save(path)
    assert cli.main(["predict", "lenet5-digits", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"minicnn: {path}: has 90001 x 1000 pixels, expected at most 90,000,000 in all"


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_file_that_is_no_picture(capsys: Any, tmp_path: Path, part: str) -> None:
    where = draw(tmp_path / "shapes")
    (where / part / "circle" / "3.png").write_text("no picture")
    assert cli.main(["train", "lenet5", "--data", str(where)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "circle/3.png" in line


def test_no_pictures_to_test_with(capsys: Any, tmp_path: Path) -> None:
    where = draw(tmp_path / "shapes")
    (where / "test").rename(where / "tests")
    assert cli.main(["train", "lenet5", "--data", str(where)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"minicnn: {where}: found a train, but no test or val to test with"


COLOURS = ((220, 30, 30), (30, 160, 30), (30, 30, 220), (200, 180, 0))


def draw_shape(picture: Any, shape: int, box: tuple[int, int, int, int], tone: Any) -> None:
    """A ring, a cross, or a bar."""
    draw, (x, y, right, bottom) = image_draw.Draw(picture), box
    if shape == 0:
        draw.ellipse(box, outline=tone, width=7)
    elif shape == 1:
        draw.line(box, fill=tone, width=7)
        draw.line((x, bottom, right, y), fill=tone, width=7)
    else:
        draw.rectangle((x, y, right, y + 9), fill=tone)


def shapes(path: Path, kinds: int = 2, images: int = 30, colour: bool = False) -> Path:
    """Rings, crosses and bars of many sizes, in path/CLASS/; more kinds are other colours."""
    rng = np.random.default_rng(0)
    for kind in range(kinds):
        name = str(kind + 1) if kinds > 3 else ("ring", "cross", "bar")[kind]
        (path / name).mkdir(parents=True)
        for k in range(images):
            width, height = rng.integers(60, 120, 2)
            tone = COLOURS[kind % 4] if colour else tuple(int(c) for c in rng.integers(0, 60, 3))
            picture = image.new("RGB", (int(width), int(height)), "white")
            side = int(min(width, height)) // 2
            x, y = (int(rng.integers(5, n - side - 4)) for n in (width, height))
            draw_shape(picture, kind // 4 if kinds > 3 else kind, (x, y, x + side, y + side), tone)
            picture.save(path / name / f"{k}.{('png', 'jpg', 'bmp', 'webp', 'tif')[k % 5]}")
    return path


@pytest.mark.parametrize(("kinds", "colour", "epochs"), [(2, False, 60), (12, True, 40)])
def test_the_whole_way_from_a_folder_to_an_answer(
    capsys: Any, tmp_path: Path, kinds: int, colour: bool, epochs: int
) -> None:
    """One folder: a part of it is the test, and predict agrees with evaluate for each picture."""
    where = shapes(tmp_path / "shapes", kinds, colour=colour)
    options = [
        "--data",
        "shapes",
        "--epochs",
        str(epochs),
        "--batch-size",
        "16",
        "--hold-out",
        "0.3",
    ]
    assert cli.main(["train", "lenet5", *options]) == 0
    title, *_ = capsys.readouterr().out.splitlines()
    assert f"on shapes: {21 * kinds} training and {9 * kinds} test images, read as 3x28x28" in title
    name = "lenet5-shapes-course.safetensors"
    _, card = mc.models.load(name)
    assert card.classes == (tuple(map(str, range(1, 13))) if kinds == 12 else ("cross", "ring"))
    assert card.hold_out == 0.3
    assert card.accuracy is not None
    assert card.accuracy > 0.7
    assert cli.main(["evaluate", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"lenet5 on the {9 * kinds} test images of shapes\n")
    right = 9 * kinds - int(out.split("(")[1].split()[0])
    assert right == round(card.accuracy * 9 * kinds)
    _, held = mc.data.hold_out(mc.data.ImageFolder(where), 0.3)
    assert cli.main(["predict", name, *map(str, held.paths)]) == 0
    lines = capsys.readouterr().out.splitlines()
    answers = [re.split(" {3,}", line)[1].split(":")[0] for line in lines]
    truth = [path.parent.name for path in held.paths]
    assert sum(a == t for a, t in zip(answers, truth, strict=True)) == right
    assert cli.main(["evaluate", name, "--data", "shapes"]) == 0
    assert "test images of shapes" in capsys.readouterr().out


def test_cifar10_in_colour(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up batches in CIFAR-10's own files."""
    from minicnn.data import cifar

    monkeypatch.setattr(cifar, "RECORDS", 40)
    folder = tmp_path / "data" / "cifar10"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in (*cifar.FILES["train"], *cifar.FILES["test"]):
        labels = rng.integers(0, 10, (40, 1), dtype=np.uint8)
        pixels = np.zeros((40, 3, 32, 32), np.uint8)
        pixels[np.arange(40), labels[:, 0] % 3] = 20 * labels[:, :1, None] + 40
        np.hstack([labels, pixels.reshape(40, -1)]).tofile(folder / name)
    monkeypatch.setenv("MINICNN_DATA", str(tmp_path / "data"))
    for model in ("scaled_alexnet", "lenet5"):
        options = ["--epochs", "1", "--batch-size", "40", "--weights", "w.st"]
        assert cli.main(["train", model, "--data", "cifar10", *options]) == 0
        trained, card = mc.models.load("w.st")
        assert trained.input_shape == (3, *((32, 32) if model == "scaled_alexnet" else (28, 28)))
        assert (card.image_shape, card.classes[3]) == ((3, 32, 32), "cat")
        assert cli.main(["evaluate", "w.st"]) == 0
        assert "on the 40 test images of cifar10" in capsys.readouterr().out
        test = mc.data.load("cifar10", "test")
        seen = []
        for k in range(10):
            pixels = (test[k][0] * 255).astype(np.uint8).transpose(1, 2, 0)
            image.fromarray(pixels).save(tmp_path / f"{k}.png")
            seen.append(
                trained(mc.tensor(trained.as_input(card.read(f"{k}.png")[None]))).numpy()[0]
            )
        expected = trained(mc.tensor(trained.as_input(test[:10][0]))).numpy()
        np.testing.assert_allclose(np.array(seen), expected, atol=1e-5)
        assert cli.main(["predict", "w.st", "3.png"]) == 0
        out = capsys.readouterr().out
        assert any(f"{name}: " in out for name in card.classes)


def test_parts_by_their_usual_names(capsys: Any, tmp_path: Path) -> None:
    where = draw(tmp_path / "shapes")
    (where / "test").rename(where / "val")
    assert cli.main(["train", "lenet5", "--data", str(where), "--epochs", "1"]) == 0
    assert "20 training and 20 test images" in capsys.readouterr().out
    draw(tmp_path / "more")
    (tmp_path / "more" / "test").rename(where / "test")
    assert cli.main(["train", "lenet5", "--data", str(where), "--epochs", "1"]) == 0
    assert "20 training, 20 validation and 20 test images" in capsys.readouterr().out


def test_grey_pictures_are_read_in_grey_and_as_the_model_wants(capsys: Any, tmp_path: Path) -> None:
    for name, level in (("dark", 40), ("light", 220)):
        (tmp_path / "tones" / name).mkdir(parents=True)
        for k in range(5):
            image.new("L", (30 + k, 40), level + k).save(tmp_path / "tones" / name / f"{k}.png")
    for model, shape in (("lenet5", "1x28x28"), ("lenet5_1998", "1x32x32")):
        options = ["--data", "tones", "--epochs", "1", "--batch-size", "4", "--weights", "w.st"]
        assert cli.main(["train", model, *options]) == 0
        assert f"8 training and 2 test images, read as {shape}" in capsys.readouterr().out
        assert cli.main(["predict", "w.st", "tones/dark/0.png"]) == 0
        assert "dark: " in capsys.readouterr().out


def test_colours_are_read_in_grey_for_a_model_of_one_channel(capsys: Any, tmp_path: Path) -> None:
    where = draw(tmp_path / "shapes")
    assert cli.main(["train", "lenet5_1998", "--data", str(where), "--epochs", "1"]) == 0
    assert "read as 1x32x32" in capsys.readouterr().out


def test_a_test_with_other_classes(capsys: Any, tmp_path: Path) -> None:
    where = draw(tmp_path / "shapes")
    assert (
        cli.main(["train", "lenet5", "--data", str(where), "--epochs", "1", "--weights", "w"]) == 0
    )
    capsys.readouterr()
    other = tmp_path / "other"
    for name in ("square", "star"):
        (other / name).mkdir(parents=True)
        image.new("RGB", (20, 20)).save(other / name / "0.png")
    assert cli.main(["evaluate", "w", "--data", str(other)]) == 2
    message = "minicnn: the network does not know star, only circle, square\n"
    assert capsys.readouterr().err == message
    (other / "star" / "0.png").unlink()
    (other / "star").rmdir()
    assert cli.main(["evaluate", "w", "--data", str(other)]) == 0
    assert "lenet5 on the 1 test images" in capsys.readouterr().out
    (where).rename(tmp_path / "gone")
    assert cli.main(["evaluate", "w"]) == 2
    assert f"was trained on {where}, which is not here; add --data" in capsys.readouterr().err
