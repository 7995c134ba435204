"""Training steps in a CUDA graph: the same bits as without one, or a clear error."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from support.fake_cupy import GPU

import minicnn as mc
from minicnn import data, nn, ops, optim, train

pytestmark = pytest.mark.usefixtures("cupy")

BATCH = 4
ADAM = partial(optim.Adam, lr=0.01)


def network(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding="same"), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.3), nn.Flatten(), *layers, nn.Linear(12, 4),
    )  # fmt: skip


def loader(images: int = 5 * BATCH + 1, labels: Any = None) -> data.DataLoader:
    """Five batches, and one of another shape."""
    values = np.random.default_rng(0).integers(0, 256, (images, 4, 4), np.uint8)
    labels = np.arange(images) % 4 if labels is None else labels
    return data.DataLoader(data.ArrayDataset(values, labels), BATCH, shuffle=True, seed=0)


def trained(
    graph: bool,
    make: Callable[[], nn.Module] = network,
    optimizer: Callable[..., optim.Optimizer] = ADAM,
    batches: Any = None,
    epochs: int = 2,
    schedule: Callable[[optim.Optimizer], optim.Schedule] | None = None,
    **options: Any,
) -> train.Trainer:
    mc.manual_seed(3)
    model = make()
    chosen = optimizer(model.parameters())
    callbacks = list(options.pop("callbacks", ()))
    if schedule is not None:
        callbacks.append(train.LearningRate(schedule(chosen), every="batch"))
    trainer = train.Trainer(
        model, chosen, device="cuda", graph=graph, callbacks=callbacks, **options
    )
    trainer.fit(loader() if batches is None else batches, epochs)
    return trainer


def numbers(trainer: train.Trainer) -> dict[str, Any]:
    """Everything that a training leaves behind."""
    gradients = {
        f"gradient of {name}": p.grad.numpy()
        for name, p in trainer.model.named_parameters()
        if p.grad is not None
    }
    state = trainer.optimizer.state_dict()["state"]
    history = [{k: v for k, v in row.items() if "second" not in k} for row in trainer.history.rows]
    return {
        **trainer.model.state_dict(), **gradients, "history": history,
        **{f"{i} {k}": v for i, entry in state.items() for k, v in entry.items()},
        "generator": mc.backend.random.generator_state(),
    }  # fmt: skip


def launches_of(**options: Any) -> int:
    """How often a graph was launched in a training whose results are those without a graph."""
    expected = numbers(trained(False, **options))
    with GPU.counting() as operations:
        got = numbers(trained(True, **options))
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_equal(got[name], value, name)
    return operations["graph launch"]


def test_the_bits_are_those_without_a_graph() -> None:
    assert launches_of() == 2 * 4  # of five batches of a shape, the first one warms up


OPTIONS: dict[str, dict[str, Any]] = {
    "SGD": {"optimizer": partial(optim.SGD, lr=0.1, momentum=0.9)},
    "RMSprop": {"optimizer": partial(optim.RMSprop, lr=0.01)},
    "clipped": {"clip_norm": 0.05},
    "schedule": {"schedule": lambda o: optim.CosineAnnealingLR(o, 12)},
    "momentum": {
        "optimizer": partial(optim.SGD, lr=0.1, momentum=0.9),
        "schedule": lambda o: optim.OneCycleLR(o, 0.1, 12),
    },
    "float64": {"make": lambda: network().to("float64")},
    "layer norm": {"make": lambda: network(nn.LayerNorm(12), nn.GELU(), nn.Dropout(0.1))},
    "smoothing": {"loss": partial(ops.cross_entropy, label_smoothing=0.1)},
    "loss module": {"loss": nn.CrossEntropyLoss()},
    "top two": {"metrics": ["accuracy", partial(ops.topk_accuracy, k=2)]},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_bits_with_options(name: str) -> None:
    options = dict(OPTIONS[name])
    if name == "float64":
        images = np.random.default_rng(0).random((21, 1, 4, 4))
        pairs = zip(np.split(images[:20], 5), np.split(np.arange(20) % 4, 5), strict=True)
        options["batches"] = list(pairs)
    assert launches_of(**options) == 8


def test_several_inputs_and_labels_that_are_floats() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            self.first, self.second = nn.Linear(3, 2), nn.Linear(2, 2)

        def forward(self, a: mc.Tensor, b: mc.Tensor) -> mc.Tensor:
            return self.first(a) + self.second(b)

    rng = np.random.default_rng(0)
    batches = [
        ((rng.random((4, 3), np.float32), rng.random((4, 2), np.float32)),
         rng.random((4, 2), np.float32))
        for _ in range(4)
    ]  # fmt: skip
    assert launches_of(make=Two, batches=batches, loss=ops.mse_loss) == 6


def test_joined_tensors() -> None:
    class Joined(nn.Module):
        def __init__(self) -> None:
            self.a, self.b, self.dense = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 1, 3), nn.Linear(12, 4)

        def forward(self, x: mc.Tensor) -> mc.Tensor:
            return self.dense(ops.concatenate([self.a(x), self.b(x)], 1).reshape(len(x), -1))

    assert launches_of(make=Joined) == 8


# Labels, which losses look at on the CPU


def test_batches_with_ignored_labels_are_computed_one_by_one() -> None:
    """Captured where all labels count, so those of the others do not fit the graph."""
    batches = [(np.full((4, 1, 4, 4), k / 8, np.float32), np.arange(4)) for k in range(6)]
    batches[3][1][0] = -100
    assert launches_of(batches=batches) == 2 * 4


def test_a_graph_of_batches_that_all_have_ignored_labels() -> None:
    batches = [(np.full((4, 1, 4, 4), k / 8, np.float32), np.arange(4)) for k in range(4)]
    for k, (_, labels) in enumerate(batches):
        labels[: k % 3 + 1] = -100
    assert launches_of(batches=batches) == 2 * 3


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_wrong_label_is_told_as_without_a_graph(number: int) -> None:
    batches = [(np.zeros((4, 1, 4, 4), np.float32), np.arange(4)) for _ in range(4)]
    batches[number][1][2] = 7
    messages = []
    for graph in (False, True):
        with pytest.raises(ValueError, match="target holds class 7") as caught:
            trained(graph, batches=batches)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_class_weights() -> None:
    loss = nn.CrossEntropyLoss(weight=np.float32([1, 2, 3, 4])).to("cuda")
    assert launches_of(loss=loss) == 8


# What a step asks for


def test_a_replayed_step_waits_for_nothing_and_asks_for_little() -> None:
    steps: list[dict[str, int]] = []

    class Counted(train.Callback):
        graph_safe = True

        def on_batch_end(self, trainer: train.Trainer, images: int, means: Any) -> None:
            steps.append(dict(GPU.operations))
            GPU.operations.clear()
            waits.append(len(GPU.waits))

    waits: list[int] = []
    trained(True, callbacks=[Counted()], epochs=1)
    assert waits[2] == waits[1]
    assert steps[3].pop("graph launch") == 1
    assert sum(steps[3].values()) <= 13, steps[3]


# What cannot be in a graph


def test_only_on_a_gpu() -> None:
    model = network()
    message = r"graph: got True on the device 'cpu', expected a GPU or .native.: Trainer\(..., dev"
    with pytest.raises(ValueError, match=message):
        train.Trainer(model, optim.Adam(model.parameters()), graph=True)
    with pytest.raises(TypeError, match="Trainer: graph: got 1, expected True or False"):
        train.Trainer(model, optim.Adam(model.parameters()), graph=1)  # type: ignore[arg-type]


class Reads(nn.Module):
    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return x * 2 if float(x.sum().item()) > 0 else x


class Uploads(nn.Module):
    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return x * mc.tensor(np.ones(12, np.float32), device="cuda")


class Multiplies(nn.Module):
    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return x @ x.T @ x


class DrawsNoise(nn.Module):
    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return x * float(random.random() < 2)


@pytest.mark.parametrize(
    ("layer", "cause"),
    [
        (Reads, "synchronous API calls are disallowed"),
        (Uploads, "H2D transfers are disallowed"),
        (Multiplies, "calling cuBLAS API during stream capture"),
        (DrawsNoise, "random numbers were drawn on the CPU"),
    ],
)
def test_layers_that_a_graph_cannot_hold(layer: type[nn.Module], cause: str) -> None:
    with pytest.raises(RuntimeError, match=f"fit: graph: a step cannot be captured: .*{cause}"):
        trained(True, lambda: network(layer()))
    trained(False, lambda: network(layer()))


def test_a_loss_that_needs_labels_on_the_cpu() -> None:
    def loss(outputs: mc.Tensor, labels: mc.Tensor) -> mc.Tensor:
        return ops.cross_entropy(outputs, np.asarray(labels.data))

    with pytest.raises(RuntimeError, match=r"cannot be captured: .* the labels are too"):
        trained(True, loss=loss)


def test_an_error_that_has_nothing_to_do_with_the_graph() -> None:
    with pytest.raises(ValueError, match=r"Linear\(12, 12\) would fit"):
        trained(True, lambda: network(nn.Linear(5, 12)))


def test_callbacks_that_look_at_batches() -> None:
    class Spy(train.Callback):
        def on_batch_end(self, trainer: train.Trainer, images: int, means: Any) -> None:
            pass

    with pytest.raises(ValueError, match="the callback Spy with on_batch_end, .*graph_safe = True"):
        trained(True, callbacks=[Spy()])


def test_hooks() -> None:
    def make() -> nn.Module:
        model = network()
        model[1].register_forward_hook(lambda *_: None)
        return model

    with pytest.raises(ValueError, match=r"got a hook on 1 \(BatchNorm2d\), which is not called"):
        trained(True, make)


def test_parameters_that_nobody_trains() -> None:
    class Half(train.Callback):
        def check_fit(self, trainer: train.Trainer) -> None:
            trainer.model[0].weight.requires_grad = True

    def make() -> nn.Module:
        model = network()
        model[0].weight.requires_grad = False
        return model

    def optimizer(parameters: Any) -> optim.Optimizer:
        return optim.SGD([p for p in parameters if p.requires_grad], 0.1)

    assert launches_of(make=make, optimizer=optimizer) == 8
    with pytest.raises(ValueError, match=r"got 0\.weight outside the optimizer"):
        trained(True, make, optimizer, callbacks=[Half()])


def test_observers_see_every_step() -> None:
    class Count(mc.autograd.Observer):
        calls = 0

        def after_forward(self, call: Any) -> None:
            self.calls += 1

    counts = []
    for graph in (False, True):
        observer = Count()
        with mc.autograd.observing(observer):
            if graph:
                with pytest.warns(UserWarning, match="graph: got an observer"):
                    trained(graph)
            else:
                trained(graph)
        counts.append(observer.calls)
    assert counts[0] == counts[1]


def test_what_changes_between_epochs_is_captured_again() -> None:
    class Freezes(train.Callback):
        def on_epoch_end(self, trainer: train.Trainer, epoch: int, row: Any) -> None:
            trainer.model[4].p = 0.6
            trainer.model[0].weight.requires_grad = False

    assert launches_of(callbacks=[Freezes()], epochs=3) == 12
