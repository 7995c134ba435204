"""A CUDA graph where there is one: ``pytest --device cuda``, or with the stand-in for CuPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import data, nn, optim, train


def trained(device: str, graph: bool) -> dict[str, Any]:
    mc.manual_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (9 * 16 + 3, 12, 12), np.uint8)
    batches = data.DataLoader(
        data.ArrayDataset(images, np.arange(len(images)) % 4), 16, shuffle=True, seed=0
    )
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.2),
        nn.Flatten(), nn.Linear(100, 20), nn.GELU(), nn.Dropout(0.5), nn.Linear(20, 4),
    )  # fmt: skip
    optimizer = optim.AdamW(model.parameters(), 0.01)
    schedule = train.LearningRate(optim.CosineAnnealingLR(optimizer, 30), every="batch")
    trainer = train.Trainer(
        model, optimizer, device=device, callbacks=[schedule], clip_norm=0.5, graph=graph
    )
    history = trainer.fit(batches, 3, validation=data.DataLoader(batches.dataset, 50))
    return {**model.state_dict(), **{name: history[name] for name in ("loss", "val_accuracy")}}


def test_a_graph_gives_the_bits_of_single_operations(device: str) -> None:
    if device in ("cpu", "emulator"):
        with pytest.raises(ValueError, match="graph: got True on the device"):
            trained(device, True)
        return
    expected, got = trained(device, False), trained(device, True)
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, name)
