from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minicnn.data import DataError, DataLoader, ImageFolder, image_folder, random_split

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
ImageOps = pytest.importorskip("PIL.ImageOps", reason="Pillow is not installed")

RNG = np.random.default_rng(0)


def noise(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """save(name, pixels or picture, ...): write a picture below the folder `pets`."""

    def write(name: str, picture: Any, **options: Any) -> Path:
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(picture)
        picture.save(path, **options)
        return path

    return write


@pytest.fixture
def pets(save: Callable[..., Path], tmp_path: Path) -> Path:
    """Eleven pictures of 6x8 in two classes."""
    for number in range(7):
        save(f"dog/{number}.png", noise(6, 8))
    for number in range(4):
        save(f"cat/{number}.png", noise(6, 8))
    return tmp_path / "pets"


def read_bytes(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1)


def test_lists_classes_labels_and_paths_by_name(save: Callable[..., Path], pets: Path) -> None:
    save("cat/more/deep.PNG", noise(6, 8))
    save("cat/.hidden.png", noise(6, 8))
    save("cat/.cache/a.png", noise(6, 8))
    save(".git/a.png", noise(6, 8))
    (pets / "cat" / "notes.txt").write_text("no picture")
    (pets / "licence.txt").write_text("no class")
    dataset = ImageFolder(pets)
    assert dataset.classes == ("cat", "dog")
    assert dataset.num_classes == 2
    assert dataset.labels.tolist() == [0] * 5 + [1] * 7
    assert dataset.labels.dtype == np.int64
    names = [str(path.relative_to(pets)) for path in dataset.paths]
    cats = ["cat/0.png", "cat/1.png", "cat/2.png", "cat/3.png", "cat/more/deep.PNG"]
    assert names == cats + [f"dog/{number}.png" for number in range(7)]
    assert repr(dataset) == "<pets: 12 images 3xHxW, 2 classes>"
    assert repr(ImageFolder(str(pets), (4, 5), 1)) == "<pets: 12 images 1x4x5, 2 classes>"


def test_an_item_is_the_picture_in_0_to_1_and_its_label(pets: Path) -> None:
    dataset = ImageFolder(pets)
    for index in (5, np.int64(5), -6):
        image, label = dataset[index]
        assert image.dtype == np.float32
        assert type(label) is int
        assert label == 1
        expected = read_bytes(pets / "dog" / "1.png") / np.float32(255)
        np.testing.assert_array_equal(image, expected)
    for index in (11, -12):
        with pytest.raises(IndexError, match=f"index: got {index}, but <pets: 11 images 3xHxW"):
            dataset[index]


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "jpg", "jpeg", "gif", "tif", "tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_all_kinds_of_files(suffix: str, channels: int, save: Callable[..., Path]) -> None:
    ramp = np.linspace(0, 255, 48).astype(np.uint8).reshape(6, 8)
    options = {"webp": {"lossless": True}}.get(suffix, {})
    path = save(f"a/x.{suffix}", np.stack([ramp] * 3, axis=-1), **options)
    image, label = ImageFolder(path.parents[1], channels=channels)[0]
    assert (image.shape, label) == ((channels, 6, 8), 0)
    tolerance = 0.03 if suffix in ("jpg", "jpeg") else 1e-6
    np.testing.assert_allclose(image, np.stack([ramp] * channels) / 255, atol=tolerance)


def test_palettes_16_bits_transparency_and_turned_pictures(save: Callable[..., Path]) -> None:
    levels = np.arange(0, 65536, 257 * 5, dtype=np.uint16).reshape(4, 13)
    save("a/0.png", levels)
    clear = np.dstack([np.zeros((4, 13, 3), np.uint8), np.full((4, 13), 51, np.uint8)])
    save("a/1.png", clear)  # black ink, a fifth of it, on nothing
    two = Image.fromarray(np.eye(4, 13, dtype=np.uint8)).convert("P")
    two.putpalette([10, 20, 30, 40, 50, 60])
    save("a/2.png", two)
    save("a/3.png", two, transparency=bytes([0, 255]))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn it to the right
    path = save("a/4.png", noise(4, 13), exif=exif)
    images = [ImageFolder(path.parents[1])[index][0] * 255 for index in range(5)]
    np.testing.assert_allclose(images[0], [levels // 257] * 3, atol=1e-4)
    np.testing.assert_allclose(images[1], 204, atol=1)
    np.testing.assert_allclose(images[2][:, 0, 0], [40, 50, 60], atol=1e-4)
    np.testing.assert_allclose(images[2][:, 0, 1], [10, 20, 30], atol=1e-4)
    np.testing.assert_allclose(images[3][:, 0, 0], [40, 50, 60], atol=1e-4)
    np.testing.assert_allclose(images[3][:, 0, 1], 255, atol=1e-4)
    turned = np.rot90(read_bytes(path), -1, axes=(1, 2))
    np.testing.assert_allclose(images[4], turned, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(6, 10), (10, 6), (6, 6)])
def test_a_size_scales_the_shorter_side_and_cuts_the_middle(
    height: int, width: int, save: Callable[..., Path]
) -> None:
    path = save("a/x.png", noise(height, width))
    pixels = read_bytes(path)
    top, left = (height - 6) // 2, (width - 6) // 2
    same = ImageFolder(path.parents[1], size=6)[0][0] * 255
    np.testing.assert_allclose(same, pixels[:, top : top + 6, left : left + 6], atol=1e-4)
    for size in (3, 4, 12):
        ratio = size / 6
        scaled = Image.open(path).resize(
            (round(width * ratio), round(height * ratio)), Image.Resampling.BILINEAR
        )
        top, left = (scaled.height - size) // 2, (scaled.width - size) // 2
        expected = np.asarray(scaled)[top : top + size, left : left + size].transpose(2, 0, 1)
        found = ImageFolder(path.parents[1], size=size)[0][0] * 255
        assert found.shape == (3, size, size)
        if (scaled.height - size) % 2 == (scaled.width - size) % 2 == 0:
            inner = np.s_[:, 2:-2, 2:-2] if size > 4 else np.s_[:, 1:-1, 1:-1]
            np.testing.assert_allclose(found[inner], expected[inner], atol=2)
    assert ImageFolder(path.parents[1], size=(4, 9))[0][0].shape == (3, 4, 9)


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_batches_are_the_items_in_order_and_batch_last(pets: Path, workers: int | None) -> None:
    dataset = ImageFolder(pets, workers=workers)
    chosen = [[3, 1, 4], [1], np.array([10, -1, 0]), range(5)]
    batches = list(dataset.batches(chosen))
    assert len(batches) == 4
    for indices, (images, labels) in zip(chosen, batches, strict=True):
        items = [dataset[int(index)] for index in indices]
        np.testing.assert_array_equal(images, np.stack([image for image, _ in items]))
        np.testing.assert_array_equal(labels, [label for _, label in items])
        assert (images.dtype, labels.dtype) == (np.float32, np.int64)
        assert images.transpose(1, 2, 3, 0).flags.c_contiguous
    assert list(dataset.batches([])) == []


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("ImageFolder")]


def test_one_batch_is_decoded_ahead_and_no_more(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []
    original = image_folder.read_picture

    def counting(path: Path, *options: Any) -> Any:
        decoded.append(path)
        return original(path, *options)

    monkeypatch.setattr(image_folder, "read_picture", counting)
    dataset = ImageFolder(pets, workers=2)
    batches = dataset.batches([[2 * k, 2 * k + 1] for k in range(5)])
    assert decoded == []
    for taken in range(1, 6):
        next(batches)
        expected = min(2 * (taken + 1), 10)
        deadline = time.monotonic() + 10
        while len(decoded) < expected and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert len(decoded) == expected
    assert set(decoded) == set(dataset.paths[:10])
    assert next(batches, None) is None
    assert decoders() == []


def test_leaving_early_ends_the_threads_and_cancels_what_waits(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Path] = []

    def slow(path: Path, *_: Any) -> np.ndarray:
        begun.append(path)
        time.sleep(0.02)
        return np.zeros((3, 2, 2), np.uint8)

    monkeypatch.setattr(image_folder, "read_picture", slow)
    batches = ImageFolder(pets, workers=1).batches([[0], range(11)])
    next(batches)
    assert len(decoders()) == 1
    batches.close()  # type: ignore[attr-defined]
    assert decoders() == []
    assert len(begun) < 6


@pytest.mark.parametrize("content", [b"", b"no picture at all", "cut"])
def test_a_file_that_is_no_picture_is_named(
    content: Any, pets: Path, save: Callable[..., Path]
) -> None:
    damaged = pets / "cat" / "2.png"
    if content == "cut":
        content = save("cat/2.png", noise(60, 80)).read_bytes()[:5000]
    damaged.write_bytes(content)
    dataset = ImageFolder(pets, size=4)
    with pytest.raises(DataError, match=rf"{damaged}: cannot be read \(.+\)"):
        dataset[2]
    batches = dataset.batches([[0, 1], [3, 2], [4, 5]])
    next(batches)  # the first is well
    with pytest.raises(DataError, match=rf"{damaged}: cannot be read \(.+\)"):
        next(batches)
    assert decoders() == []


def test_a_file_that_went_away_and_one_too_large(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = ImageFolder(pets)
    dataset.paths[0].unlink()
    with pytest.raises(DataError, match=r"cat/0.png: cannot be read \(No such file or directory\)"):
        dataset[0]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)  # 6x8 is more than twice that
    with pytest.raises(DataError, match=r"cat/1.png: is too large \(Image size \(48 pixels\)"):
        dataset[1]


def test_pictures_of_different_sizes_do_not_make_a_batch(
    pets: Path, save: Callable[..., Path]
) -> None:
    save("cat/3.png", noise(8, 6))
    message = r"cat/3.png: is \(3, 8, 6\), but .*cat/0.png in the same batch is \(3, 6, 8\); give"
    with pytest.raises(DataError, match=message):
        next(ImageFolder(pets).batches([[0, 3]]))
    images, _ = next(ImageFolder(pets, size=5).batches([[0, 3]]))
    assert images.shape == (2, 3, 5, 5)


def test_folders_that_are_none_are_told(
    tmp_path: Path, pets: Path, save: Callable[..., Path]
) -> None:
    with pytest.raises(
        DataError, match="absent: found nothing there, expected a folder with one f"
    ):
        ImageFolder(tmp_path / "absent")
    with pytest.raises(DataError, match="0.png: found a file there, expected a folder"):
        ImageFolder(pets / "cat" / "0.png")
    with pytest.raises(DataError, match=r"cat: found 0 folders and 4 pictures in it"):
        ImageFolder(pets / "cat")
    (pets / "bird").mkdir()
    with pytest.raises(DataError, match=r"bird: found no pictures in it, expected .png, .jpg"):
        ImageFolder(pets)


@pytest.mark.parametrize("listing", ["iterdir", "walk"])
def test_folders_that_cannot_be_listed_are_named(
    listing: str, pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, onerror: Callable[[OSError], None] | None = None) -> Any:
        error = PermissionError(13, "Permission denied", str(path))
        if onerror is None:
            raise error
        return onerror(error)

    monkeypatch.setattr(*((Path, listing) if listing == "iterdir" else (os, listing)), refuse)
    with pytest.raises(DataError, match=r"pets(/cat)?: cannot be read \(Permission denied\)"):
        ImageFolder(pets)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"channels": 4}, ValueError, "channels: got 4, expected 1 or 3"),
        ({"channels": "RGB"}, TypeError, "channels: got 'RGB', expected an integer"),
        ({"workers": 0}, ValueError, "workers: got 0, expected an integer of 1 or more"),
        ({"workers": 1.5}, TypeError, "workers: got 1.5, expected an integer"),
        ({"size": 0}, ValueError, "size: got 0, expected 1 or more"),
        ({"size": (2.0, 3)}, TypeError, r"size: got \(2.0, 3\), expected an integer or a pair"),
    ],
)
def test_other_arguments_are_refused(
    arguments: dict[str, Any], error: type[Exception], message: str, pets: Path
) -> None:
    with pytest.raises(error, match=f"ImageFolder: {message}"):
        ImageFolder(pets, **arguments)


def test_without_pillow_it_is_named(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "PIL.Image")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"needs Pillow: pip install Pillow"):
        ImageFolder(pets)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_loader_reads_it(pets: Path, shuffle: bool) -> None:
    dataset = ImageFolder(pets, size=4)
    batches = list(DataLoader(dataset, 4, shuffle=shuffle, seed=0))
    assert [images.shape for images, _ in batches] == [(4, 3, 4, 4), (4, 3, 4, 4), (3, 3, 4, 4)]
    seen = [tensor.numpy() for tensor, _ in batches]
    expected = [dataset[index][0].tobytes() for index in range(11)]
    found = [np.ascontiguousarray(image).tobytes() for images in seen for image in images]
    assert (found == expected) is not shuffle
    assert sorted(found) == sorted(expected)


def test_a_folder_is_split_without_decoding(save: Callable[..., Path]) -> None:
    for i in range(6):
        save(f"{'cat' if i < 2 else 'dog'}/{i}.png", noise(4, 4))
    whole = ImageFolder(save("cat/0.png", noise(4, 4)).parent.parent)
    train, test = random_split(whole, (4, 2), seed=0)
    assert isinstance(train, ImageFolder)
    assert sorted(train.paths + test.paths) == sorted(whole.paths)
    assert train.classes == test.classes == ("cat", "dog")
    for part in (train, test):
        assert [path.parent.name for path in part.paths] == [part.classes[i] for i in part.labels]
        assert sum(len(labels) for _, labels in DataLoader(part, 2)) == len(part)
    with pytest.raises(IndexError):
        whole.subset([6])


def test_classes_that_are_numbers_are_in_their_order(save: Callable[..., Path]) -> None:
    for number in range(1, 13):
        path = save(f"{number}/x.png", noise(4, 4))
    assert ImageFolder(path.parents[1]).classes == tuple(map(str, range(1, 13)))
    save("other/x.png", noise(4, 4))
    assert ImageFolder(path.parents[1]).classes[:3] == ("1", "10", "11")


def test_all_pictures_in_memory_are_those_read_one_by_one(pets: Path) -> None:
    folder = ImageFolder(pets, size=(4, 5))
    whole = folder.in_memory()
    assert (whole.images.dtype, whole.classes) == (np.uint8, ("cat", "dog"))
    for index in range(len(folder)):
        np.testing.assert_array_equal(whole[index][0], folder[index][0])
        assert whole[index][1] == folder[index][1]
    folder.paths[3].write_text("no picture")
    with pytest.raises(DataError, match=r"cat/3\.png: cannot be read"):
        folder.in_memory()
    assert decoders() == []


def test_the_typical_picture(save: Callable[..., Path]) -> None:
    for k, (height, width) in enumerate([(10, 30), (20, 40), (90, 50)]):
        path = save(f"a/{k}.png", noise(height, width)[:, :, 0])
    assert ImageFolder(path.parents[1]).typical_picture() == ((20, 40), 1)
    save("a/colour.png", noise(20, 40))
    assert ImageFolder(path.parents[1]).typical_picture() == ((20, 40), 3)


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        ("train test", "train test"), ("train val", "train validation"),
        ("train valid test", "train validation test"), ("cat dog", "train"),
        ("train validation test extra", "train validation test"),
    ],
)  # fmt: skip
def test_parts_are_found_by_their_names(tmp_path: Path, folders: str, found: str) -> None:
    for name in folders.split():
        (tmp_path / name).mkdir()
    assert " ".join(image_folder.find_parts(tmp_path)) == found


@pytest.mark.parametrize(
    ("folders", "message"),
    [("test cat", "has test, but no train"), ("train val valid", "val and valid, expected one")],
)
def test_parts_that_are_unclear(tmp_path: Path, folders: str, message: str) -> None:
    for name in folders.split():
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=message):
        image_folder.find_parts(tmp_path)


def test_without_threads_it_says_so(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(thread: Any) -> None:
        raise RuntimeError("can't start new thread")

    folder = ImageFolder(pets, 8)
    monkeypatch.setattr(threading.Thread, "start", fail)
    for read in (folder.in_memory, folder.typical_picture, lambda: next(folder.batches([[0]]))):
        with pytest.raises(MemoryError, match="ImageFolder: can't start new thread, fewer workers"):
            read()
