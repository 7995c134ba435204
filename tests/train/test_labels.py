"""Labels of any kind, several inputs and several outputs: from the data set to the prediction."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops
from minicnn.data import ArrayDataset, DataLoader
from minicnn.train import Trainer

RNG = np.random.default_rng(0)
COUNT = 22
CLASSES = RNG.integers(0, 3, COUNT)
IMAGES = RNG.integers(0, 60, (COUNT, 1, 6, 6), np.uint8)
IMAGES[np.arange(COUNT), 0, 2 * CLASSES] += 180  # a bright row: its height tells the class
ONE_HOT = np.eye(3)[CLASSES]
MASKS = (IMAGES[:, 0] > 120).astype(np.uint8)
IGNORING = np.where(RNG.random(MASKS.shape) < 0.4, 255, MASKS)
IGNORING[:5] = 255
BCE = ops.binary_cross_entropy_with_logits
IGNORE = nn.CrossEntropyLoss(ignore_index=255)


class Siamese(nn.Module):
    def __init__(self) -> None:
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(64, 2)

    def forward(self, a: mc.Tensor, b: mc.Tensor) -> mc.Tensor:
        return self.head(abs(self.features(a) - self.features(b)))


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten())
        self.kind, self.height = nn.Linear(64, 3), nn.Linear(64, 1)

    def forward(self, x: mc.Tensor) -> tuple[mc.Tensor, mc.Tensor]:
        x = self.features(x)
        return self.kind(x), self.height(x)


def of_both(outputs: Any, labels: Any) -> mc.Tensor:
    (kind, height), (classes, heights) = outputs, labels
    return ops.cross_entropy(kind, classes) + ops.mse_loss(height, heights)


def kind_accuracy(outputs: Any, labels: Any) -> mc.Tensor:
    return ops.accuracy(outputs[0], labels[0])


def vector(count: int) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, count))


def maps(count: int) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, count, 1))


PAIRS = (IMAGES, np.roll(IMAGES, 1, axis=0))
HEIGHTS = CLASSES[:, None] / 2
NONE: dict[str, Any] = {}
CASES: dict[str, tuple[Any, Any, Callable[[], nn.Module], dict[str, Any]]] = {
    "classes": (IMAGES, CLASSES, vector(3), NONE),
    "one-hot": (IMAGES, ONE_HOT, vector(3), NONE),
    "smooth": (IMAGES, ONE_HOT * 0.7 + 0.1, vector(3), NONE),
    "regression": (IMAGES, HEIGHTS, vector(1), {"loss": ops.mse_loss}),
    "integer regression": (IMAGES, CLASSES[:, None], vector(1), {"loss": ops.huber_loss}),
    "several numbers": (IMAGES, ONE_HOT - 0.5, vector(3), {"loss": nn.L1Loss()}),
    "autoencoder": (IMAGES, IMAGES, maps(1), {"loss": ops.mse_loss}),
    "multi-label, floats": (IMAGES, ONE_HOT[:, ::-1], vector(3), {"loss": BCE}),
    "multi-label, integers": (IMAGES, ONE_HOT.astype(int), vector(3), {"loss": BCE}),
    "multi-label, booleans": (IMAGES, ONE_HOT > 0, vector(3), {"loss": nn.BCEWithLogitsLoss()}),
    "masks": (IMAGES, MASKS, maps(2), NONE),
    "masks with ignored pixels": (IMAGES, IGNORING, maps(2), {"loss": IGNORE}),
    "masks with a channel": (IMAGES, MASKS[:, None], maps(1), {"loss": BCE}),
    "two inputs": (PAIRS, (np.roll(CLASSES, 1) == CLASSES).astype(int), Siamese, NONE),
    "two outputs": (
        IMAGES, (CLASSES, HEIGHTS), TwoHeads, {"loss": of_both, "metrics": [kind_accuracy]},
    ),
}  # fmt: skip
WITH_ACCURACY = {"classes", "one-hot", "smooth", "masks", "masks with ignored pixels", "two inputs"}


class Items:
    """The data set as a user writes it: one item for each index."""

    def __init__(self, images: Any, labels: Any) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        def item(arrays: Any) -> Any:
            return tuple(map(item, arrays)) if isinstance(arrays, tuple) else arrays[index]

        labels = self.labels if self.labels is not self.images else self.images / np.float32(255)
        return item(self.images), item(labels)


def make(case: str, device: str = "cpu", **more: Any) -> Trainer:
    _, _, network, options = CASES[case]
    mc.manual_seed(0)
    model = network()
    optimizer = mc.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return Trainer(model, optimizer, device=device, **{**options, **more})


def loader(dataset: Any, size: int = 8) -> DataLoader:
    return DataLoader(dataset, size, shuffle=True, seed=0)


@pytest.mark.parametrize("case", CASES)
def test_the_whole_way(case: str) -> None:
    images, labels, _, _ = CASES[case]
    dataset = ArrayDataset(images, labels)
    trainer, twin = make(case), make(case)
    history = trainer.fit(loader(dataset), 6, validation=loader(dataset, 22))
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    assert ("accuracy" in history.rows[0]) == (case in WITH_ACCURACY)
    assert twin.fit(loader(Items(images, labels)), 6)["loss"] == history["loss"]
    whole, apart = (trainer.evaluate(loader(dataset, size)) for size in (22, 5))
    assert apart == pytest.approx(whole, rel=1e-5)
    assert history["val_loss"][-1] == pytest.approx(whole["loss"], rel=1e-5)

    with mc.no_grad():
        inputs, targets = next(iter(DataLoader(dataset, COUNT)))
        expected = trainer.model(*inputs) if isinstance(inputs, tuple) else trainer.model(inputs)
        assert trainer.loss(expected, targets).item() == pytest.approx(whole["loss"], rel=1e-5)
    outputs = trainer.predict(dataset[:][0], batch_size=5)
    pairs = [(outputs, expected)] if isinstance(outputs, mc.Tensor) else zip(outputs, expected)  # noqa: B905
    for output, target in pairs:
        np.testing.assert_allclose(output.data, target.data, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_on_another_device(case: str) -> None:
    dataset = ArrayDataset(*CASES[case][:2])
    (row,), (expected,) = (
        make(case, device).fit(loader(dataset), 1, validation=loader(dataset)).rows
        for device in ("emulator", "cpu")
    )
    for name in row.keys() - {"seconds", "images_per_second"}:
        assert row[name] == pytest.approx(expected[name], rel=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_resuming_within_an_epoch(case: str) -> None:
    class Stop(mc.train.Callback):
        state: Any = None

        def on_batch_end(self, trainer: Trainer, images: int, means: Any) -> None:
            if (trainer.progress.epoch, trainer.progress.batch) == (1, 2):
                self.state = trainer.state_dict()

    dataset, stop = ArrayDataset(*CASES[case][:2]), Stop()
    full = make(case, callbacks=[stop])
    full.fit(loader(dataset), 2)
    resumed = make(case)
    history = resumed.fit(loader(dataset), 2, resume=stop.state)
    for mine, other in zip(history.rows, full.history.rows, strict=True):
        kept = mine.keys() - {"seconds", "images_per_second"}
        assert {name: mine[name] for name in kept} == {name: other[name] for name in kept}
    for name, array in full.model.state_dict().items():
        np.testing.assert_array_equal(resumed.model.state_dict()[name], array)


def test_accuracy_of_one_hot_labels_is_that_of_their_classes() -> None:
    of_classes, of_rows = (
        make(case).fit(loader(ArrayDataset(IMAGES, CASES[case][1])), 2)["accuracy"]
        for case in ("classes", "one-hot")
    )
    assert of_classes == pytest.approx(of_rows)


REFUSED: dict[str, tuple[str, dict[str, Any], Any, str]] = {
    "numbers": ("regression", {"metrics": ["accuracy"]}, HEIGHTS, r"one output.*metrics=\(\)"),
    "a loss of one's own": (
        "several numbers",
        {"loss": lambda y, t: ops.mse_loss(y, t)},
        ONE_HOT - 0.5,
        r"metrics: accuracy: target .* not one-hot .*metrics=\(\)",
    ),
    "multi-label": (
        "multi-label, integers",
        {"metrics": ["accuracy"]},
        np.ones((COUNT, 3), int),
        r"metrics: accuracy: .* 8 of its 8 rows are not one-hot.*metrics=\(\)",
    ),
    "two outputs": (
        "two outputs",
        {"metrics": None},
        (CLASSES, HEIGHTS),
        r"metrics: accuracy: logits is a tuple.*metrics=\(\)",
    ),
    "a metric that is not a number": (
        "classes",
        {"metrics": [lambda outputs, labels: outputs.argmax(1) == labels]},
        CLASSES,
        r"metrics: <lambda>: returned shape \(8,\), expected one number",
    ),
    "a loss that is not a number": (
        "classes",
        {"loss": partial(ops.cross_entropy, reduction="none")},
        CLASSES,
        r"loss: returned shape \(8,\), expected one number",
    ),
    "a loss that is not a tensor": (
        "classes",
        {"loss": lambda outputs, labels: 0.5},
        CLASSES,
        "loss: returned a float, expected a Tensor",
    ),
    "one-hot integers": ("one-hot", {}, ONE_HOT.astype(int), r"cross_entropy: target has shape"),
    "masks with a channel": ("masks", {}, MASKS[:, None], r"cross_entropy: .*write target\[:, 0\]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_before_a_step(name: str) -> None:
    case, options, labels, message = REFUSED[name]
    trainer = make(case, **options)
    state = trainer.state_dict()
    dataset = loader(ArrayDataset(IMAGES, labels))
    for use in (lambda: trainer.fit(dataset, 1), lambda: trainer.evaluate(dataset)):
        with pytest.raises((TypeError, ValueError), match=message):
            use()
        for name_, array in trainer.model.state_dict().items():
            np.testing.assert_array_equal(array, state["model"][name_])
        assert len(trainer.history) == 0


def test_an_error_of_ones_own_metric_is_left_alone() -> None:
    def broken(outputs: Any, labels: Any) -> Any:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="^mine$"):
        make("classes", metrics=[broken]).fit(loader(ArrayDataset(IMAGES, CLASSES)), 1)


def test_the_accuracy_ignores_what_the_loss_ignores() -> None:
    pixels = np.asarray(IGNORING)
    for loss in (IGNORE, partial(ops.cross_entropy, ignore_index=255)):
        trainer = make("masks with ignored pixels", loss=loss)
        dataset = ArrayDataset(IMAGES, pixels)
        right = trainer.predict(dataset[:][0]).data.argmax(1) == pixels
        expected = right.sum() / (pixels != 255).sum()
        for size in (1, 5, 22):  # in batches of 1 some have no pixel that counts
            assert trainer.evaluate(DataLoader(dataset, size))["accuracy"] == pytest.approx(
                expected
            )


def test_a_mean_over_nothing_is_nan() -> None:
    dataset = ArrayDataset(IMAGES, np.full_like(MASKS, 255))
    row = make("masks with ignored pixels").evaluate(DataLoader(dataset, 8))
    assert list(row) == ["loss", "accuracy"]
    assert all(map(math.isnan, row.values()))


def test_a_loss_of_ones_own_is_a_mean_over_images() -> None:
    def loss(outputs: mc.Tensor, labels: mc.Tensor) -> mc.Tensor:
        return (ops.cross_entropy(outputs, labels, reduction="none")).mean()

    dataset = ArrayDataset(IMAGES, MASKS)
    results = [make("masks", loss=loss).evaluate(DataLoader(dataset, size)) for size in (5, 22)]
    assert results[0] == pytest.approx(results[1], rel=1e-5)


@pytest.mark.parametrize(
    "loss", [ops.mse_loss, nn.MSELoss(), partial(ops.huber_loss, delta=2.0), BCE, nn.L1Loss()]
)
def test_a_loss_without_classes_has_no_metrics_by_default(loss: Any) -> None:
    assert make("regression", loss=loss).metrics == {}
    assert list(make("regression", loss=lambda outputs, labels: outputs).metrics) == ["accuracy"]


@pytest.mark.parametrize("what", ["data set", "loader", "items"])
def test_predict_takes_images(what: str) -> None:
    dataset = ArrayDataset(IMAGES, CLASSES)
    x = {"data set": dataset, "loader": DataLoader(dataset), "items": "ab"}[what]
    with pytest.raises(TypeError, match="(predict: x: got|expected a number)"):
        make("classes").predict(x)  # type: ignore[arg-type]


def test_inputs_of_different_lengths_are_refused() -> None:
    a, b = (IMAGES / np.float32(255)).astype(np.float32), np.zeros((5, 1, 6, 6), np.float32)
    message = r"got inputs of shapes \(22, 1, 6, 6\), \(5, 1, 6, 6\), expected the same number"
    with pytest.raises(ValueError, match=f"predict: x: {message}"):
        make("two inputs").predict((a, b))
    with pytest.raises(ValueError, match=f"data: {message}"):
        make("two inputs").fit([((a, b), CLASSES)], 1)


def test_batches_of_ones_own_may_hold_tuples() -> None:
    images, labels = ArrayDataset(PAIRS, CLASSES % 2)[:]
    expected = make("two inputs").fit([(images, labels)], 2)["loss"]
    as_tensors = tuple(map(mc.tensor, images))
    assert make("two inputs").fit([(as_tensors, tuple(labels.tolist()))], 2)["loss"] == expected


def test_outputs_that_are_neither_tensor_nor_tuple() -> None:
    trainer = make("classes")
    trainer.model.register_forward_hook(lambda module, inputs, output: {"logits": output})
    with pytest.raises(TypeError, match="predict: the model returned a dict"):
        trainer.predict(np.zeros((2, 1, 6, 6), np.float32))


def test_means_of_a_checkpoint_without_counts_are_over_images() -> None:
    means = mc.train.progress.Means()
    means.load_state_dict({"images": 8, "sums": {"loss": 4.0}})
    means.add(2, {"loss": mc.tensor(3.0)}, {})
    assert means() == {"loss": 1.0}
