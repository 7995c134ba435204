"""LeNet-5 trained on MNIST until it is as accurate as the course's, in several frameworks.

Each training runs in its own process, and time counts from the start of that process: imports,
data, and a pass over the test images after each epoch are included. All use the course's recipe
(batches of 128, Adam with its defaults) and start from their own random weights. PyTorch takes its
batches by index from tensors in memory, which is faster than its DataLoader.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

from .devices import compiled
from .networks import cores, keras_network, torch_layers

__all__ = ["COURSE_ACCURACY", "PROGRAMS", "Training", "train_until"]

COURSE_ACCURACY = 0.9871
BATCH = 128

# Accuracies on the test images, the first before training; arguments: the seed and the images.
Epochs = Callable[[int, int], Iterator[float]]


class Training(NamedTuple):
    """When a training began, after imports and data, when it ended, and all accuracies."""

    setup: float  # seconds
    seconds: float
    accuracies: list[float]

    @property
    def is_accurate(self) -> bool:
        """Whether it came as far as the course."""
        return self.accuracies[-1] >= COURSE_ACCURACY


def minicnn_epochs(seed: int, images: int, device: str = "cpu") -> Iterator[float]:
    """Training in minicnn."""
    import minicnn as mc

    mc.manual_seed(seed)
    train, test = (part.subset(slice(images)) for part in mc.data.load("mnist"))
    model = mc.models.lenet5().to(device)
    trainer = mc.train.Trainer(model, mc.optim.Adam(model.parameters()), device=device)
    batches = mc.data.DataLoader(train, BATCH, shuffle=True, seed=seed)
    yield 0.0
    while True:
        trainer.fit(batches, epochs=1)
        yield trainer.evaluate(mc.data.DataLoader(test, 512))["accuracy"]


def native_epochs(seed: int, images: int) -> Iterator[float]:
    """Training in minicnn on the device "native"."""
    return minicnn_epochs(seed, images, compiled())


def torch_epochs(seed: int, images: int) -> Iterator[float]:
    """Training in PyTorch."""
    import torch

    torch.set_num_threads(cores())
    torch.manual_seed(seed)
    (x, y), (x_test, y_test) = (map(torch.tensor, part) for part in _mnist(images))
    model = torch.nn.Sequential(*torch_layers("lenet5"))
    optimizer = torch.optim.Adam(model.parameters())
    yield 0.0
    while True:
        for chosen in torch.randperm(len(x)).split(BATCH):
            loss = torch.nn.functional.cross_entropy(model(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            classes = torch.cat([model(part).argmax(1) for part in x_test.split(512)])
        yield float((classes == y_test).float().mean())


def keras_epochs(seed: int, images: int) -> Iterator[float]:
    """Training in Keras."""
    _, model = keras_network("lenet5", seed)
    (x, y), (x_test, y_test) = _mnist(images)
    x, x_test = (part.transpose(0, 2, 3, 1) for part in (x, x_test))  # (N, H, W, C)
    yield 0.0
    while True:
        model.fit(x, y, BATCH, epochs=1, verbose=0)
        scores = model.predict(x_test, batch_size=512, verbose=0)
        yield float((scores.argmax(1) == y_test).mean())


def _mnist(images: int) -> list[tuple[Any, Any]]:
    """Images (N, 1, 28, 28) and labels (N,): the first of the training and of the test images."""
    from minicnn.data import load

    parts = (part[slice(images)] for part in load("mnist"))
    return [(np.ascontiguousarray(x), np.asarray(y)) for x, y in parts]


PROGRAMS: dict[str, Epochs] = {
    "minicnn": minicnn_epochs,
    "minicnn native": native_epochs,
    "PyTorch": torch_epochs,
    "Keras fit": keras_epochs,
}


def train_until(program: str, seed: int, images: int, most_epochs: int) -> Training | None:
    """Train until the accuracy is that of the course; None: the program is not installed."""
    spawn = multiprocessing.get_context("spawn")
    pipe, other_end = spawn.Pipe()
    start = time.perf_counter()
    process = spawn.Process(target=_serve, args=(other_end, program, seed, images), daemon=True)
    process.start()
    other_end.close()  # so that an error there ends recv here
    accuracies: list[float] = []
    setup = seconds = 0.0
    while len(accuracies) < most_epochs and not (accuracies and accuracies[-1] >= COURSE_ACCURACY):
        accuracy = pipe.recv()
        if accuracy is None:
            return None
        seconds = time.perf_counter() - start
        if setup:
            accuracies.append(accuracy)
        else:
            setup = seconds
    process.terminate()
    process.join()
    return Training(setup, seconds, accuracies)


def _serve(pipe: Connection, program: str, seed: int, images: int) -> None:
    """Train in this process until it is terminated."""
    try:
        for accuracy in PROGRAMS[program](seed, images):
            pipe.send(accuracy)
    except ImportError:
        pipe.send(None)
