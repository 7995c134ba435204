"""Recorded steps on the device "native": the bits of single operations, or single operations."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import data, nn, ops, optim, train
from minicnn.backend import is_available
from minicnn.backend.native.record import Recording, RecordingArray, recording_into
from minicnn.train import step_graph

pytestmark = pytest.mark.skipif(
    not is_available("native"), reason="the device native needs a compiler"
)

BATCH = 8
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "batch norm and dropout": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.2),
        nn.Flatten(), nn.Linear(36, 20), nn.GELU(), nn.Dropout(0.5), nn.Linear(20, 4),
    ),
    "running means over all batches": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, momentum=None), nn.Flatten(), nn.Linear(144, 4)
    ),
    "other norms": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 3, padding="same"), nn.LocalResponseNorm(5), nn.AvgPool2d(2), nn.Flatten(),
        nn.LayerNorm(128), nn.Sigmoid(), nn.Linear(128, 4),
    ),
    "activations": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, padding_mode="reflect", padding=1), nn.SiLU(), nn.ELU(), nn.Tanh(),
        nn.Softplus(), nn.LeakyReLU(), nn.Hardtanh(), nn.SELU(), nn.ScaledTanh(),
        nn.GlobalAvgPool2d(), nn.Linear(4, 4),
    ),
    "poolings and paddings": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.LPPool2d(2, 2), nn.ReplicationPad2d(1), nn.MinPool2d(2),
        nn.ConvTranspose2d(4, 3, 2), nn.AdaptiveAvgPool2d(2), nn.CircularPad2d(1),
        nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(12, 4),
    ),
    "groups and strides": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.Conv2d(4, 6, 2, groups=2, dilation=2),
        nn.GlobalMaxPool2d(), nn.Linear(6, 4),
    ),
}  # fmt: skip


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[step_graph.StepGraph]:
    """The StepGraphs that are made."""
    made: list[step_graph.StepGraph] = []
    original = step_graph.StepGraph.__init__

    def init(self: step_graph.StepGraph, *args: Any, **options: Any) -> None:
        original(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(step_graph.StepGraph, "__init__", init)
    return made


def trained(
    graph: bool | None,
    make: Callable[[], nn.Module] = NETWORKS["batch norm and dropout"],
    labels: Any = None,
    epochs: int = 2,
    device: str = "native",
    **options: Any,
) -> dict[str, Any]:
    """Everything that a training leaves behind; five batches and one of another shape."""
    mc.manual_seed(3)
    count = 5 * BATCH + 3
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 8), np.uint8)
    labels = np.arange(count) % 4 if labels is None else labels
    batches = data.DataLoader(data.ArrayDataset(images, labels, classes=4), BATCH, True, seed=0)
    model = make()
    optimizer = optim.AdamW(model.parameters(), 0.01)
    schedule = train.LearningRate(optim.CosineAnnealingLR(optimizer, 20), every="batch")
    callbacks = [schedule, *options.pop("callbacks", ())]
    trainer = train.Trainer(
        model, optimizer, device=device, callbacks=callbacks, graph=graph, **options
    )
    history = trainer.fit(batches, epochs, validation=data.DataLoader(batches.dataset, 50))
    gradients = {f"gradient {n}": p.grad.numpy() for n, p in model.named_parameters()}
    assert {type(p.grad.data) for p in model.parameters()} == {type(model_array(model))}
    measured = [name for name in history.rows[0] if "second" not in name]
    rows = {name: np.array(history[name]) for name in measured}
    return {**model.state_dict(), **gradients, **rows, "random": mc.nn.Linear(2, 2).weight.numpy()}


def model_array(model: nn.Module) -> Any:
    return next(model.parameters()).data


def assert_same(got: dict[str, Any], expected: dict[str, Any]) -> None:
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, name)


LOSSES: dict[str, dict[str, Any]] = {
    "": {},
    "clipped": {"clip_norm": 0.5},
    "smoothed": {"loss": partial(ops.cross_entropy, label_smoothing=0.1)},
    "weighted": {"loss": nn.CrossEntropyLoss(weight=[1.0, 2.0, 3.0, 4.0])},
    "hinge": {"loss": ops.hinge_loss},
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("network", NETWORKS)
def test_recorded_steps_are_the_steps(graphs: Any, network: str, loss: str) -> None:
    expected = trained(False, NETWORKS[network], **LOSSES[loss])
    assert not graphs
    assert_same(trained(None, NETWORKS[network], **LOSSES[loss]), expected)
    (graph,) = graphs
    assert (graph.replays, graph.why) == (8, None)  # of 5 + 5 batches of the same shape


@pytest.mark.parametrize("name", ["lenet5", "lenet5_sigmoid", "lenet5_1998", "alexnet_mnist"])
def test_the_networks_are_recorded(graphs: Any, name: str) -> None:
    class Sized(data.ArrayDataset):
        pass

    def once(graph: bool | None) -> dict[str, Any]:
        mc.manual_seed(0)
        model = mc.models.MODELS[name]()
        images, labels = mc.data.load("digits", "train")[:80]
        dataset = Sized(np.ascontiguousarray(model.as_input(images)), labels)
        loss = mc.models.map_loss if name == "lenet5_1998" else ops.cross_entropy
        optimizer = optim.Adam(model.parameters())
        trainer = train.Trainer(model, optimizer, loss, device="native", graph=graph)
        trainer.fit(data.DataLoader(dataset, 20), 1)
        return dict(model.state_dict())

    assert_same(once(None), once(False))
    assert graphs[0].why is None, graphs[0].why
    assert graphs[0].replays == 3


def test_labels_that_are_ignored_in_some_batches_only(graphs: Any) -> None:
    """As long as a batch answers as the recorded one did, it is replayed."""
    images = np.random.default_rng(0).random((6, BATCH, 1, 8, 8), np.float32)
    labels = np.tile(np.arange(BATCH) % 4, (6, 1))
    labels[2:4, 3] = -100
    batches = list(zip(images, labels, strict=True))

    def weights(graph: bool | None) -> dict[str, Any]:
        mc.manual_seed(0)
        model = NETWORKS["other norms"]()
        trainer = train.Trainer(model, optim.Adam(model.parameters()), device="native", graph=graph)
        return {**model.state_dict(), "loss": np.array(trainer.fit(batches, 2)["loss"])}

    assert_same(weights(None), weights(False))
    assert (graphs[0].replays, graphs[0].why) == (2 * 3, None)


def test_the_network_computes_in_python_once_an_epoch(graphs: Any) -> None:
    calls = []

    class Counted(nn.Sequential):
        def forward(self, x: Any) -> Any:
            calls.append(self.training)
            return super().forward(x)

    def make() -> nn.Module:
        return Counted(nn.Flatten(), nn.Linear(64, 4))

    trained(True, make)
    # Each epoch: the first batch, the last one of another shape, and the validation.
    assert calls == [True, True, False] * 2
    calls.clear()
    trained(None, make)  # a class of one's own may do anything
    assert calls == ([True] * 6 + [False]) * 2


class Reads(nn.Sequential):
    def forward(self, x: Any) -> Any:
        y = super().forward(x)
        return y * 2 if y.data.max() > 0 else y


class Random(nn.Sequential):
    def forward(self, x: Any) -> Any:
        noise = mc.Tensor(mc.backend.random.generator().normal(size=(len(x), 64)))
        return super().forward(x.reshape(len(x), -1) + noise.to("float32").to(x.device))


@pytest.mark.parametrize("kind", [Reads, Random])
def test_what_cannot_be_repeated_is_refused_when_asked_for(kind: Any) -> None:
    def make() -> nn.Module:
        return kind(nn.Flatten(), nn.Linear(64, 4))

    with pytest.raises(RuntimeError, match=r"fit: graph: a step cannot be captured: .*Trainer\("):
        trained(True, make)
    trained(None, make)


def test_what_cannot_be_repeated_is_computed_as_before(
    graphs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer of minicnn that reads a number: everything is as without a recording."""
    original = nn.GELU.forward

    def reads(self: Any, x: Any) -> Any:
        assert float(x.data.max()) < 1e9
        return original(self, x)

    monkeypatch.setattr(nn.GELU, "forward", reads)
    assert_same(trained(None), trained(False))
    assert "reads numbers of an array" in str(graphs[0].why)
    assert graphs[0].replays == 0


@pytest.mark.parametrize(
    ("options", "recorded"),
    [
        ({}, True),
        ({"device": "cpu"}, False),
        ({"metrics": [ops.accuracy]}, True),
        ({"metrics": [lambda outputs, labels: outputs.mean()]}, False),
        ({"loss": lambda outputs, labels: ops.cross_entropy(outputs, labels)}, False),
    ],
)
def test_only_what_is_known_is_recorded_unasked(graphs: Any, options: Any, recorded: bool) -> None:
    trained(None, epochs=1, **options)
    assert bool(graphs) is recorded


def test_a_hook_and_a_callback_are_in_the_way(graphs: Any) -> None:
    class Watch(train.Callback):
        def on_batch_end(self, trainer: Any, images: int, means: Any) -> None:
            pass

    trained(None, callbacks=[Watch()])
    assert not graphs
    with pytest.raises(ValueError, match="fit: graph: got the callback Watch with on_batch_end"):
        trained(True, callbacks=[Watch()])

    def hooked() -> nn.Module:
        model = NETWORKS["other norms"]()
        next(model.children()).register_forward_hook(lambda *_: None)
        return model

    trained(None, hooked)
    assert not graphs
    with pytest.raises(ValueError, match="fit: graph: got a hook on 0"):
        trained(True, hooked)


def test_a_graph_needs_a_device_that_records() -> None:
    with pytest.raises(ValueError, match="Trainer: graph: got True on the device 'cpu', expected"):
        trained(True, device="cpu")


def array(*shape: int) -> Any:
    values = np.random.default_rng(0).random(shape, np.float32)
    return mc.tensor(values).to("native").data.view(RecordingArray)


CALLS: dict[str, Callable[[Any], Any]] = {
    "ufunc": lambda x: np.exp(x) + x * 2 - 1 / (x + 1),
    "in place": lambda x: np.add(x, 1, out=x * 0),
    "augmented": lambda x: (x * 1).__iadd__(x),
    "reductions": lambda x: x.sum(0) + x.max() - x.mean(1, keepdims=True)[:1, 0],
    "views": lambda x: x.T[1:].reshape(-1)[::2] + 1,
    "copies": lambda x: np.concatenate([x.T.reshape(2, -1), x.T.copy().reshape(2, -1)]),
    "choice": lambda x: np.where(x > 0.5, x, 0) + (x.argmax(0) == 1),
    "fancy": lambda x: x[[2, 0]] + x[x[:, 0].argsort()][:2],
    "set": lambda x: _set(x * 1),
    "types": lambda x: x.astype(np.float64).round(2).cumsum(0),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
}


def _set(x: Any) -> Any:
    x[0] = x[1] * 2
    x[1:] = 0
    return x


@pytest.mark.parametrize("name", CALLS)
def test_every_call_of_numpy_is_repeated(name: str) -> None:
    x, recording = array(3, 4), Recording()
    with recording_into(recording):
        result = CALLS[name](x)
    recording.finish()
    values = x.view(np.ndarray)
    for seed in range(3):
        values[:] = np.random.default_rng(seed).random(values.shape)
        expected = CALLS[name](values.copy())
        recording.run()
        np.testing.assert_array_equal(result.view(np.ndarray), expected)


@pytest.mark.parametrize("read", [float, bool, int, lambda x: x.item(), lambda x: x.tolist()])
def test_a_number_cannot_be_read_while_it_is_recorded(read: Callable[[Any], Any]) -> None:
    x = array(1)
    with recording_into(Recording()), pytest.raises(RuntimeError, match="reads numbers of an arr"):
        read(x[0] if read in (float, int) else x)
    read(x.view(np.ndarray)[0] if read in (float, int) else x)


def test_memory_is_used_again_within_a_recording_and_by_nobody_else() -> None:
    recording, x = Recording(), array(100)
    with recording_into(recording):
        for _ in range(20):
            y = mc.backend.array_module(x).empty((100,), np.float32)
            del y
            gc.collect()
    assert len(recording._memory._blocks) == 1
