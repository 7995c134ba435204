"""Work that is done again and again: what a process holds afterwards is what it held before.

Counted are the blocks of memory that Python handed out, open files and threads; and the memory of
the process, for what is not Python's.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

import minicnn as mc
from minicnn import data, models, nn, ops, optim, train
from minicnn.backend import DeviceError, resolve_device

from .tally import Tally

PARTS = 5
STATM = Path("/proc/self/statm")  # Linux


class Held(NamedTuple):
    """What this process holds."""

    blocks: int
    memory: int  # bytes
    files: int
    threads: int


# What one repetition leaves in each part, if it leaks. Caches are filled in some parts only.
LEAK = Held(blocks=1, memory=4096, files=1, threads=1)


def count_leaks(times: int, tally: Tally) -> None:
    """Do each kind of work so many times; needs /proc."""
    with TemporaryDirectory() as name:
        for kind, work in make_work(Path(name)):
            kind = f"leaks: {kind}"
            found = find_leaks(work, times)
            for line in found:
                tally.add_fault(kind, line)
            if not found:
                tally.accepted[kind] += times


def find_leaks(work: Callable[[], object], times: int) -> list[str]:
    """What is left by each of the repetitions, after as many as one part that fill the caches."""
    times = max(times // PARTS, 1)
    held = np.zeros((PARTS + 1, len(LEAK)), np.int64)  # which takes no memory between the parts
    for part in range(PARTS + 1):
        for _ in range(times):
            work()
        held[part] = hold()
    least = np.diff(held, axis=0).min(0)
    return [
        f"{name}: {number:,} more after {times:,} times, in each of {PARTS} parts"
        for name, number, leak in zip(Held._fields, least, LEAK, strict=True)
        if number >= leak * times
    ]


def hold() -> Held:
    sys._clear_type_cache()  # of names of attributes that were looked up
    gc.collect()
    pages = int(STATM.read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    files = len(os.listdir("/proc/self/fd"))
    return Held(sys.getallocatedblocks(), memory, files, threading.active_count())


def make_work(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each kind of work, small."""
    for device in ("cpu", "native"):
        with suppress(DeviceError):
            yield f"a step, {resolve_device(device)}", make_step(device)
    digits = data.load("digits", "test")
    few = digits.subset(range(8))
    loader = data.DataLoader(few, batch_size=4, shuffle=True, seed=0)
    path = folder / "weights.safetensors"
    checkpoint = folder / "run.ckpt"

    def small_model() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.1),
            nn.Flatten(), nn.Linear(18, 10),
        )  # fmt: skip

    def make_trainer() -> train.Trainer:
        model = small_model()
        callbacks = [
            train.Checkpoint(checkpoint), train.CSVLogger(folder / "log.csv"),
            train.EarlyStopping("loss", restore_best=True), train.Snapshots(2),
        ]  # fmt: skip
        return train.Trainer(model, optim.Adam(model.parameters()), callbacks=callbacks)

    def resume() -> None:
        make_trainer().fit(loader, 2, resume=checkpoint)

    def second_derivative() -> None:
        x = mc.tensor(np.ones((2, 3)), requires_grad=True)
        (slope,) = mc.grad((x * x * x).sum(), x, create_graph=True)
        mc.grad(slope.sum(), x)

    def refused() -> None:
        x = mc.tensor(np.ones((2, 3)), requires_grad=True)
        with suppress(ValueError), mc.no_grad():
            ops.matmul(x, x)
        with suppress(RuntimeError):
            (x * 2).backward()
        with suppress(ValueError):
            path.write_bytes(b"\x10")
            mc.load(path)
        with suppress(KeyError):
            small_model().load_state_dict({})

    def save_and_load() -> None:
        mc.save(path, small_model().state_dict())
        small_model().load_state_dict(mc.load(path))

    def in_a_thread() -> None:
        thread = threading.Thread(target=second_derivative)
        thread.start()
        thread.join()

    model = small_model()
    optimizer = optim.Adam(model.parameters())
    images, _ = next(iter(loader))
    yield "an epoch with files", lambda: make_trainer().fit(loader, 1)
    yield "a resumed epoch", resume
    yield "a second derivative", second_derivative
    yield "a thread", in_a_thread
    yield "what is refused", refused
    yield "weights", save_and_load
    yield "an evaluation", lambda: train.Trainer(model, optimizer).evaluate(loader)
    yield "a summary", lambda: str(mc.summary(model, (1, 8, 8)))
    yield "an explanation", lambda: str(mc.explain.explain(model[0], images, n=0, channel=1))
    yield "data from a file", lambda: data.load("digits", "train")
    yield from picture_work(folder / "pictures")


def make_step(device: str) -> Callable[[], object]:
    """One step of LeNet-5 on a device."""
    model = models.lenet5().to(device)
    optimizer = optim.Adam(model.parameters())
    x = mc.tensor(np.zeros((4, 1, 28, 28), np.float32), device=device)
    labels = mc.tensor(np.arange(4))

    def step() -> None:
        optimizer.zero_grad()
        ops.cross_entropy(model(x), labels).backward()
        optimizer.step()

    return step


def picture_work(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Pictures that can be read and one that cannot, where Pillow is installed."""
    try:
        from PIL import Image
    except ImportError:
        return
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (9, 9), "white").save(folder / name / f"{number}.png")
    damaged = folder / "damaged.png"
    damaged.write_bytes((folder / "cat" / "0.png").read_bytes()[:-20])
    pictures = data.ImageFolder(folder, size=8, workers=2)

    def read() -> None:
        for _ in data.DataLoader(pictures, 2):
            pass
        next(iter(data.DataLoader(pictures, 2)))  # the rest is not read
        with suppress(data.DataError):
            data.read_image(damaged)

    yield "pictures", read
