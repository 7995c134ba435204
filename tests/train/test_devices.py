"""Training on another device: the same numbers, the data moved once, results where they belong."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import data, nn, ops, optim, train
from minicnn.backend import device_of


def dataset(images: int = 40) -> data.ArrayDataset:
    rng = np.random.default_rng(0)
    return data.ArrayDataset(rng.integers(0, 256, (images, 8, 8), np.uint8), np.arange(images) % 4)


def network() -> nn.Module:
    mc.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2),
        nn.Flatten(), nn.Linear(36, 4),
    )  # fmt: skip


def history(device: str) -> list[dict[str, float]]:
    model = network()
    # Not Adam, which makes large steps of gradients that are 0 but for rounding.
    trainer = train.Trainer(model, optim.SGD(model.parameters(), 0.05), device=device)
    loader = data.DataLoader(dataset(), 16, shuffle=True, seed=0)
    rows = trainer.fit(loader, 2, validation=data.DataLoader(dataset(), 16)).rows
    assert {p.device for p in model.parameters()} == {device}
    return rows


def test_a_training_gives_the_same_numbers(device: str) -> None:
    for row, expected in zip(history(device), history("cpu"), strict=True):
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert row[name] == pytest.approx(expected[name], rel=1e-4)


def test_predictions_lie_where_the_model_is(device: str) -> None:
    model = network()
    trainer = train.Trainer(model, optim.SGD(model.parameters(), 0.1), device=device)
    images = dataset(5)[:][0]
    logits = trainer.predict(images, batch_size=2)
    assert (logits.device, logits.shape) == (device, (5, 4))
    again = trainer.predict(mc.tensor(images))
    np.testing.assert_allclose(logits.numpy(), again.numpy(), rtol=1e-5, atol=1e-6)


def test_without_a_device_the_trainer_goes_where_the_model_is(device: str) -> None:
    model = network().to(device)
    trainer = train.Trainer(model, optim.SGD(model.parameters(), 0.1))
    assert trainer.device == device
    assert set(trainer.evaluate(data.DataLoader(dataset(), 16))) == {"loss", "accuracy"}


def test_batches_of_a_device_are_those_of_the_cpu(device: str) -> None:
    here, there = (data.DataLoader(dataset(), 16, shuffle=True, seed=3) for _ in range(2))
    for (images, labels), (moved, same) in zip(here, there.on(device), strict=True):
        assert (moved.device, same.device, moved.dtype) == (device, "cpu", np.float32)
        np.testing.assert_array_equal(moved.numpy(), images.numpy())
        np.testing.assert_array_equal(same.numpy(), labels.numpy())
    assert there.epoch == 1


def test_the_data_set_moves_once(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moves = []
    original = data.ArrayDataset.to

    def to(self: data.ArrayDataset, device: str) -> data.ArrayDataset:
        moves.append(device)
        return original(self, device)

    monkeypatch.setattr(data.ArrayDataset, "to", to)
    loader = data.DataLoader(dataset(), 16)
    for _ in range(3):
        list(loader.on(device))
    assert moves == ([] if device == "cpu" else [device])


def test_what_does_not_fit_goes_batch_by_batch(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def to(self: data.ArrayDataset, device: str) -> data.ArrayDataset:
        raise MemoryError

    monkeypatch.setattr(data.ArrayDataset, "to", to)
    for images, _ in data.DataLoader(dataset(), 16).on(device):
        assert images.device == device


def test_transformed_batches_go_to_the_device(device: str) -> None:
    resize = data.transforms.Resize((5, 5))
    ((images, _),) = data.DataLoader(dataset(), 40, transform=resize).on(device)
    assert (images.device, images.shape) == (device, (40, 1, 5, 5))


def test_a_data_set_on_a_device(device: str) -> None:
    moved = dataset().to(device)
    images, labels = moved[[3, 1]]
    assert (device_of(images), type(labels)) == (device, np.ndarray)
    np.testing.assert_array_equal(mc.Tensor(images).numpy(), dataset()[[3, 1]][0])
    np.testing.assert_array_equal(mc.Tensor(moved[3][0]).numpy(), dataset()[3][0])


def test_the_default_device_takes_a_whole_program(device: str) -> None:
    with mc.default_device(device):
        model = network()
        optimizer = optim.Adam(model.parameters())
        for images, labels in data.DataLoader(dataset(), 16):
            loss = ops.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert loss.device == device


def test_weights_and_gradients_move_together(device: str) -> None:
    model, images = network(), mc.tensor(dataset(4)[:][0])
    model(images).sum().backward()
    before = {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}
    model.to(device)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert (parameter.device, parameter.grad.device) == (device, device)
        np.testing.assert_array_equal(parameter.grad.numpy(), before[name])


def test_weights_saved_from_a_device_load_on_another(device: str, tmp_path: object) -> None:
    path = f"{tmp_path}/weights.safetensors"
    mc.save(path, network().to(device).state_dict())
    model = network()
    for parameter in model.parameters():
        parameter.data[...] = 0
    model.load_state_dict(mc.load(path))
    for a, b in zip(model.parameters(), network().parameters(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    moved = network().to(device)
    moved.load_state_dict(mc.load(path))
    assert {p.device for p in moved.parameters()} == {device}


def test_a_summary_of_a_model_on_a_device(device: str) -> None:
    assert str(mc.summary(network().to(device), (1, 8, 8))) == str(mc.summary(network(), (1, 8, 8)))
