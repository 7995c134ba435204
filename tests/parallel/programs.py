"""What the tests start in several processes: ``mpiexec -n 3 python programs.py NAME ...``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

import minicnn as mc
from minicnn import data, nn, ops, optim, parallel, train

IMAGES, CLASSES = 50, 4


def images() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((IMAGES, 1, 8, 8), np.float32)


def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, CLASSES, IMAGES)


class Wide(nn.Module):
    """Layers that compute in float64 with the float32 images of a loader."""

    def __init__(self, *layers: nn.Module) -> None:
        self.layers = nn.Sequential(*layers)
        self.unused = nn.Linear(2, 2)
        self.to("float64")

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return self.layers(x.to("float64"))


def convolutions() -> Wide:
    return Wide(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 4))


def with_dropout() -> Wide:
    drop = nn.Dropout2d(0.3), nn.Dropout(0.4)
    return Wide(nn.Conv2d(1, 4, 3), drop[0], nn.ReLU(), nn.Flatten(), drop[1], nn.Linear(144, 4))


IGNORING = partial(ops.cross_entropy, ignore_index=2)
WEIGHTED = partial(ops.cross_entropy, weight=np.array([1.0, 2.0, 3.0, 0.5]), ignore_index=1)
TRAININGS: dict[str, tuple[Callable[[], Wide], Callable, int]] = {
    # the network, the loss, images in a batch
    "even": (convolutions, ops.cross_entropy, 12),
    "uneven": (convolutions, ops.cross_entropy, 7),
    "few": (convolutions, ops.cross_entropy, 4),
    "ignored": (convolutions, IGNORING, 5),
    "weighted": (convolutions, WEIGHTED, 7),
    "dropout": (with_dropout, nn.CrossEntropyLoss(), 11),
}


class Flip:
    """A transform that draws random numbers."""

    moves_pixels = True

    def __call__(self, x: np.ndarray) -> np.ndarray:
        from minicnn.backend.random import generator

        flipped = generator().random(len(x)) < 0.5
        return np.where(flipped[:, None, None, None], x[..., ::-1], x)


def same(path: str) -> None:
    """Train each network for 100 steps; the first process saves what became of it."""
    found = {}
    for name, (make, loss, batch) in TRAININGS.items():
        mc.manual_seed(1)
        model = make()
        classes = labels()
        dataset = data.ArrayDataset(images(), classes)
        transform = Flip() if name == "uneven" else None
        loader = data.DataLoader(dataset, batch, shuffle=True, transform=transform)
        optimizer = optim.SGD(model.layers.parameters(), lr=0.05, momentum=0.5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the unused layer
            trainer = train.Trainer(model, optimizer, loss, clip_norm=1.0)
            # Not a DataLoader: its batches are cut, too.
            checked = [(images()[k : k + 9], classes[k : k + 9]) for k in range(0, IMAGES, 9)]
            history = trainer.fit(loader, -(-100 // len(loader)), validation=checked)
        for key, array in model.state_dict().items():
            found[f"{name}.{key}"] = np.asarray(array)
        for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
            found[f"{name}.history.{key}"] = np.array(history[key])
    if parallel.rank() == 0:
        np.savez(path, **found)


def talk() -> None:
    """Send everything that can be sent."""
    rank, size = parallel.rank(), parallel.size()
    assert size == 3
    total = parallel.all_reduce(np.full((2, 3), rank + 1.0, np.float16))
    assert total.dtype == np.float16
    assert (total == 6).all()
    turned = np.arange(6.0).reshape(2, 3)
    turned = turned.copy("F") if rank else turned  # the order in memory does not matter
    assert (parallel.all_reduce(turned) == 3 * np.arange(6.0).reshape(2, 3)).all()
    assert parallel.all_reduce(rank, "max") == 2
    assert parallel.all_reduce(mc.tensor([1.0, 2.0])).data.tolist() == [3, 6]
    assert parallel.gather(rank * 10) == [0, 10, 20]
    assert parallel.broadcast({"rank": rank}, root=2) == {"rank": 2}
    assert parallel.broadcast(mc.tensor([float(rank)]), root=1).data.tolist() == [1]
    assert repr(parallel.group()) == f"<process {rank} of 3>"
    for wrong in (np.zeros(rank + 1), np.zeros(2, np.float32 if rank else np.float64)):
        try:
            parallel.all_reduce(wrong)
        except parallel.ParallelError:
            pass
        else:
            raise AssertionError("different shapes or dtypes were added up")
    try:
        parallel.group().from_first(lambda: 1 / 0)
    except ZeroDivisionError:
        pass
    else:
        raise AssertionError("the others have not heard of the error")
    if rank == 0:
        print("understood")


def split() -> None:
    """A network whose maps are cut into parts, against the same network as a whole."""
    rank, size = parallel.rank(), parallel.size()
    rng = np.random.default_rng(0)
    x = mc.Tensor(rng.standard_normal((3, 2, 6, 6)))
    arrays = [rng.standard_normal(s) for s in ((6, 2, 3, 3), (6, 6, 3, 3), (6, 24))]
    wholes = [mc.Parameter(a) for a in arrays]
    parts = [mc.Parameter(np.split(a, size)[rank].copy()) for a in arrays]

    def loss(weights: list[mc.Tensor], share: Callable[[mc.Tensor, bool], mc.Tensor]) -> mc.Tensor:
        maps = share(ops.tanh(ops.conv2d(x, weights[0])), False)
        maps = share(ops.tanh(ops.conv2d(maps, weights[1])).reshape(3, -1), False)
        return ops.cross_entropy(share(ops.linear(maps, weights[2]), True), [1, 0, 3])

    alone = loss(wholes, lambda y, replicated: y)
    together = loss(parts, parallel.all_maps)
    assert abs(alone.item() - together.item()) < 1e-12
    first = mc.grad(alone, wholes, create_graph=True)
    second = mc.grad(together, parts, create_graph=True)
    for whole, part in zip(first, second, strict=True):
        np.testing.assert_allclose(part.data, np.split(whole.data, size)[rank], atol=1e-12)
    if rank == 0:
        print("equal")


def norm() -> None:
    """Batch norm: other statistics in each process, but one set of running ones."""
    mc.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, 4))
    trainer = train.Trainer(model, optim.SGD(model.parameters(), lr=0.1))
    loader = data.DataLoader(data.ArrayDataset(images(), labels()), 10)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        trainer.fit(loader, 2)
    texts = parallel.gather([str(w.message) for w in told])
    running = parallel.gather(model[1].running_mean.data.tolist())
    if parallel.rank() == 0:
        assert ["batch norm (1)" in text for text in texts[0]] == [True]
        assert texts[1] == []
        assert running[0] == running[1]
        print("the same")


class Breaks(train.Callback):
    """Does something in the second process only."""

    def __init__(self, what: Callable[[train.Trainer], None]) -> None:
        self.what = what

    def on_batch_end(self, trainer: train.Trainer, images: int, means: object) -> None:
        if parallel.rank() == 1 and trainer.progress.batch == 2:
            self.what(trainer)


def wrong(kind: str) -> None:
    """Differ in one of the processes."""
    second = parallel.rank() == 1
    mc.manual_seed(int(kind == "seed" and second))
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 5 if kind == "model" and second else CLASSES))
    dataset = data.ArrayDataset(images() + (kind == "data" and second), labels())
    batch, lr = 1 if kind == "batch" else 10, 0.2 if kind == "option" and second else 0.1

    def change(trainer: train.Trainer) -> None:
        if kind == "change":
            model[1].weight.data[0] += 1
        if kind == "raise":
            raise KeyError("only here")
        if kind == "stop":
            trainer.stop_training = True

    loss = nn.CrossEntropyLoss(reduction="sum" if kind == "sum" else "mean")
    optimizer = optim.SGD(model.parameters(), lr=lr)
    trainer = train.Trainer(model, optimizer, loss, callbacks=[Breaks(change)])
    history = trainer.fit(data.DataLoader(dataset, batch, shuffle=True), 3)
    if parallel.rank() == 0:
        print(len(history), "epochs")


def alone() -> None:
    """Ask for an evaluation in the first process only."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, CLASSES))
    trainer = train.Trainer(model, optim.SGD(model.parameters(), lr=0.1))
    if parallel.rank() == 0:
        trainer.evaluate(data.DataLoader(data.ArrayDataset(images(), labels()), 10))


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).parent))
    globals()[name](*arguments)
