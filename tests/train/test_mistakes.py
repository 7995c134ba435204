"""train.check finds each of the usual mistakes, and nothing in a program without them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, optim

RNG = np.random.default_rng(0)
IMAGES, LABELS = mc.data.load("digits", "train")[:64]


def network(*end: nn.Module) -> nn.Sequential:
    mc.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10), *end)


def run(
    model: nn.Module | None = None, batch: Any = None, **options: Any
) -> mc.train.findings.Check:
    model = network() if model is None else model
    optimizer = options.pop("optimizer", None) or optim.Adam(model.parameters())
    return mc.train.check(model, batch or (IMAGES, LABELS), optimizer=optimizer, **options)


@pytest.mark.parametrize("name", ["lenet5", "alexnet_mnist"])
def test_nothing_is_found_in_a_network_of_the_course(name: str) -> None:
    mc.manual_seed(0)
    model = mc.models.MODELS[name]()
    found = run(model, (model.as_input(IMAGES), LABELS))
    assert found.ok, found
    assert len(found.well) >= 8
    assert str(found).startswith("✓ the images go from 0 to 1")


def test_nothing_is_found_with_batch_norm_and_dropout() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(),
        nn.Linear(288, 10),
    )  # fmt: skip
    assert run(model, optimizer=optim.Adam(model.parameters(), lr=0.01)).ok


def test_nothing_is_found_in_a_regression() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    labels = IMAGES.mean((1, 2, 3))[:, None]
    found = run(model, (IMAGES, labels), loss=mc.ops.mse_loss,
                optimizer=optim.Adam(model.parameters(), lr=0.01))  # fmt: skip
    assert found.ok, found


def unscaled() -> Any:
    return run(batch=(IMAGES * 255, LABELS))


def uniform() -> Any:
    return run(batch=(IMAGES * 0 + 0.5, LABELS))


def softmax_at_the_end() -> Any:
    return run(network(nn.Softmax()))


def labels_from_one() -> Any:
    return run(batch=(IMAGES, LABELS + 1))


def labels_too_large() -> Any:
    return run(batch=(IMAGES, LABELS + 5))


def no_label_is_zero() -> Any:
    images, labels = mc.data.load("digits", "train")[:200]
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 11))
    return run(model, (images, labels + 1))


def large_weights() -> Any:
    model = network()
    model[3].weight.data *= 100
    return run(model)


def evaluating() -> Any:
    return run(network().eval())


class Forgotten(nn.Module):
    def __init__(self) -> None:
        self.used, self.unused = nn.Linear(64, 10), nn.Linear(64, 10)

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return self.used(x.reshape(len(x), -1))


def unused_layer() -> Any:
    return run(Forgotten())


def of_another_model() -> Any:
    return run(optimizer=optim.Adam(network().parameters()))


def without_the_last_layer() -> Any:
    model = network()
    return run(model, optimizer=optim.Adam(model[0].parameters()))


def never_zeroed() -> Any:
    model = network()
    for _ in range(8):
        mc.ops.cross_entropy(model(mc.tensor(IMAGES)), LABELS).backward()
    return run(model)


def no_rate() -> Any:
    model = network()
    return run(model, optimizer=optim.SGD(model.parameters(), lr=0.0))


def tiny_rate() -> Any:
    model = network()
    return run(model, optimizer=optim.SGD(model.parameters(), lr=1e-9))


def large_rate() -> Any:
    model = network()
    return run(model, optimizer=optim.Adam(model.parameters(), lr=1.0))


def huge_rate() -> Any:
    model = network()
    return run(model, optimizer=optim.SGD(model.parameters(), lr=1e30))


def not_enough_layers() -> Any:
    mc.manual_seed(0)
    model = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(1, 10))
    return run(model)


def dead() -> Any:
    model = network()
    model[0].bias.data[:6] = -50
    return run(model)


def statistics_that_do_not_follow() -> Any:
    mc.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8, momentum=1e-6), nn.ReLU(), nn.Flatten(),
        nn.Linear(288, 10),
    )  # fmt: skip
    model[0].bias.data += 100
    return run(model, optimizer=optim.Adam(model.parameters(), lr=0.01))


MISTAKES: dict[Callable[[], Any], str] = {
    unscaled: "the images go from 0 to 255",
    uniform: "all pixels of the batch are 0.5",
    softmax_at_the_end: "they are probabilities already",
    labels_from_one: "the labels go from 1 to 10, the model has 10 outputs",
    labels_too_large: "the labels go from 5 to 14, the model has 10 outputs",
    no_label_is_zero: "none of 200 labels is 0",
    large_weights: "but ln 10 = 2.3 for a network that knows nothing",
    evaluating: "the model is in evaluation mode",
    unused_layer: "no gradient reaches unused.weight, unused.bias",
    of_another_model: "the optimizer does not have 0.weight, 0.bias, 3.weight and 1 more",
    without_the_last_layer: "the optimizer does not have 3.weight, 3.bias",
    never_zeroed: "8 times as large as those of this batch",
    no_rate: "a step moves no weight",
    tiny_rate: "the first step changes no weight by more than",
    large_rate: "the first step changes 3.weight by",
    huge_rate: "steps on one batch the loss is",
    not_enough_layers: "100 steps on one batch bring the loss only from",
    dead: "of the units of ReLU number 1 are 0 for every image",
    statistics_that_do_not_follow: "in evaluation mode",
}


@pytest.mark.parametrize("program", MISTAKES, ids=lambda f: f.__name__)
def test_each_mistake_is_found(program: Callable[[], Any]) -> None:
    with np.errstate(all="ignore"):
        found = program()
    assert not found.ok
    assert any(MISTAKES[program] in finding.saw for finding in found.findings), found
    for finding in found.findings:
        assert f"✗ {finding.saw}\n    why it matters: {finding.why}\n    instead: " in str(found)


def test_nothing_is_changed() -> None:
    model = network(nn.Dropout(0.5))
    optimizer = optim.Adam(model.parameters())
    before = {name: value.copy() for name, value in model.state_dict().items()}
    mc.manual_seed(3)
    expected = mc.nn.Linear(3, 3).weight.numpy()
    mc.manual_seed(3)
    mc.train.check(model, (IMAGES, LABELS), optimizer=optimizer)
    np.testing.assert_array_equal(mc.nn.Linear(3, 3).weight.numpy(), expected)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert all(p.grad is None for p in model.parameters())
    assert all(entry["step"] == 0 for entry in optimizer.state_dict()["state"].values())
    assert model.training


@pytest.mark.parametrize(
    "loss",
    [
        mc.ops.cross_entropy,
        functools.partial(mc.ops.cross_entropy, ignore_index=255),
        mc.nn.CrossEntropyLoss(ignore_index=255),
    ],
)
def test_labels_that_are_ignored_are_not_counted(loss: Any) -> None:
    labels = LABELS.copy()
    labels[::3] = -100 if loss is mc.ops.cross_entropy else 255
    assert run(loss=loss, batch=(IMAGES, labels)).ok


@pytest.mark.parametrize("steps", [0, 1.5])
def test_other_steps_are_refused(steps: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="check: steps"):
        run(steps=steps)
