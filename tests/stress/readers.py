"""Every reader of files, with small intact files for it and the errors that it documents."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
from support.commands import write_idx

import minicnn as mc
from minicnn import data, models, nn, optim, train
from minicnn.data import cifar
from minicnn.data.digit_photo import read_digit
from minicnn.models.card import KEY, from_metadata
from minicnn.train.checkpoint_file import read_checkpoint

from .mutate import mend_png, mend_safetensors, mutate

Mend = Callable[[Random, bytes, bytes], bytes]
"""Mutated content and what it was -> the content with sums and lengths that are right again."""


@dataclass(frozen=True)
class Reader:
    """read: called with a path; raises one of ``errors`` for a file that is not intact."""

    name: str
    samples: list[bytes]
    read: Callable[[Path], Any]
    errors: tuple[type[Exception], ...]
    mend: Mend = lambda random, content, original: content
    inside: bool = False  # the samples are what gzip compresses

    def make(self, random: Random) -> bytes:
        """A mutated file."""
        original = random.choice(self.samples)
        if self.inside and random.random() < 0.5:
            return gzip.compress(mutate(random, gzip.decompress(original), [b"x" * 40]), 1)
        content = mutate(random, original, self.samples)
        return self.mend(random, content, original) if random.random() < 0.5 else content


def make_readers(folder: Path) -> list[Reader]:
    """All of them; folder: where the intact files are made."""
    readers = [*_safetensors(folder), *_idx(folder), _archive(), _cards()]
    return readers + _pictures()


def _safetensors(folder: Path) -> list[Reader]:
    def mend(random: Random, content: bytes, original: bytes) -> bytes:
        return mend_safetensors(content, original)

    plain, carded = folder / "plain.safetensors", folder / "card.safetensors"
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.int8([1, 2]), "c": np.float16(3)[None]}
    mc.save(plain, arrays, {"note": "text"})
    mc.save(folder / "empty.safetensors", {})
    model = models.lenet5_sigmoid()
    classes = tuple(map(str, range(model.num_classes)))
    models.save(carded, model, models.ModelCard("lenet5_sigmoid", {}, classes, (1, 28, 28)))
    samples = [plain.read_bytes(), (folder / "empty.safetensors").read_bytes()]
    checkpoints = [_checkpoint(folder / f"{epochs}.ckpt", epochs) for epochs in (1, 2)]
    return [
        Reader("weights", samples, mc.load, (ValueError, OSError), mend),
        Reader(
            "weights with a card", [carded.read_bytes()], models.load, (ValueError, OSError), mend
        ),
        Reader("checkpoint", checkpoints, read_checkpoint, (train.CheckpointError, OSError), mend),
    ]


def _checkpoint(path: Path, epochs: int) -> bytes:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    dataset = data.ArrayDataset(np.zeros((4, 2, 2), np.float32), [0, 1, 0, 1])
    callbacks = [train.Checkpoint(path), train.EarlyStopping("loss")]
    trainer = train.Trainer(model, optim.Adam(model.parameters()), callbacks=callbacks)
    trainer.fit(data.DataLoader(dataset, 2, shuffle=True, seed=0), epochs)
    return path.read_bytes()


def _idx(folder: Path) -> list[Reader]:
    samples = []
    for array in (
        np.arange(24, dtype="u1").reshape(2, 3, 4),
        np.ones(5, "i4"),
        np.ones((2, 2), "f4"),
    ):
        write_idx(folder / "idx", array)
        samples.append((folder / "idx").read_bytes())
    zipped = [gzip.compress(sample, 1) for sample in samples]
    return [
        Reader("IDX", samples, data.read_idx, (data.DataError,)),
        Reader("IDX, gzip", zipped, data.read_idx, (data.DataError,), inside=True),
    ]


def _archive() -> Reader:
    """CIFAR-10's archive with fewer images, and without the check of its sum, which comes first."""
    records = 2
    content = (bytes([3]) + bytes(3072)) * records
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for file in (*cifar.FILES["train"], *cifar.FILES["test"]):
            member = tarfile.TarInfo(f"{cifar.FOLDER}/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

    def read(path: Path) -> Any:
        place = path.with_name(cifar.ARCHIVE)
        path.replace(place)
        known = {cifar.ARCHIVE: SimpleNamespace(sha256="", size=0, download=0)}
        with patch.multiple(cifar, RECORDS=records, check_file=lambda *given: None):
            return [cifar.read_split(path.parent, split, known) for split in ("test", "train")]

    return Reader("CIFAR archive", [buffer.getvalue()], read, (data.DataError,), inside=True)


def _cards() -> Reader:
    def read(path: Path) -> Any:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        return from_metadata({KEY: text}, str(path))

    card = models.ModelCard("lenet5", {"num_classes": 10}, tuple("0123456789"), (1, 28, 28), 20)
    sample = models.card.to_metadata(card)[KEY].encode()
    return Reader("card", [sample, json.dumps({"model": "lenet5"}).encode()], read, (ValueError,))


def _pictures() -> list[Reader]:
    """A reader for each format, where Pillow is installed."""
    try:
        from PIL import Image
    except ImportError:
        return []
    levels = np.random.default_rng(0).integers(0, 256, (9, 12, 4), dtype=np.uint8)
    levels[2:7, 4:8] = 0  # something like a digit
    made = {
        "grey": Image.fromarray(levels[..., 0]),
        "colour": Image.fromarray(levels[..., :3].copy()),
        "alpha": Image.fromarray(levels),
        "palette": Image.fromarray(levels[..., :3].copy()).quantize(16),
        "bits": Image.fromarray(levels[..., 0]).convert("1"),
    }
    kinds = {
        "PNG": (*made, "PNG"), "JPEG": ("grey", "colour", "JPEG"),
        "GIF": ("palette", "bits", "GIF"), "BMP": ("grey", "colour", "bits", "BMP"),
        "TIFF": (*made, "TIFF"), "WebP": ("colour", "alpha", "WEBP"),
        "PPM": ("grey", "colour", "bits", "PPM"),
    }  # fmt: skip
    readers = []
    for name, (*wanted, saved) in kinds.items():
        samples = []
        for kind in wanted:
            buffer = io.BytesIO()
            made[kind].save(buffer, saved)
            samples.append(buffer.getvalue())
        if name == "TIFF":
            buffer = io.BytesIO()
            made["colour"].save(buffer, "TIFF", compression="tiff_lzw")
            samples.append(buffer.getvalue())
        readers.append(Reader(name, samples, _read_picture, (data.DataError,), _mend_picture))
    return readers


def _read_picture(path: Path) -> None:
    data.read_image(path, 8)
    read_digit(path, 28)


def _mend_picture(random: Random, content: bytes, original: bytes) -> bytes:
    return mend_png(content) if content.startswith(b"\x89PNG") else content
