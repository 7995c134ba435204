"""Training and evaluation: set on the object, or for one context inside ``evaluating``."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import minicnn as mc
from minicnn import nn
from minicnn.nn.modes import evaluating
from minicnn.train import Trainer


def test_evaluation_in_one_thread_leaves_training_in_another():
    """Each evaluates while the other is in the middle of training."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.BatchNorm1d(2))

    def modes() -> list[bool]:
        return [module.training for module in model.modules()]

    with ThreadPoolExecutor(1) as other:
        with evaluating(model):
            assert modes() == [False] * 4
            assert other.submit(modes).result() == [True] * 4
        assert modes() == [True] * 4
        model.eval()  # on the object: a matter of all threads
        assert other.submit(modes).result() == [False] * 4


def test_evaluation_in_one_asyncio_task_leaves_training_in_another():
    model = nn.Sequential(nn.Dropout(0.5))

    async def evaluate() -> None:
        for _ in range(3):
            with evaluating(model):
                model[0].training = True
                await asyncio.sleep(0)
                assert model[0].training
                model.eval()
                await asyncio.sleep(0)
                assert not model[0].training

    async def train() -> None:
        for _ in range(9):
            assert model[0].training
            await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(evaluate(), train())

    asyncio.run(both())
    assert model[0].training


def test_dropout_stays_on_while_another_thread_predicts():
    class Net(nn.Module):
        def __init__(self) -> None:
            self.dropout = nn.Dropout(0.5)
            self.scale = mc.Parameter(np.ones(1, np.float32))

        def forward(self, x):
            if not self.training:  # in the middle of the prediction, the other thread trains
                zeros.append(other.submit(lambda: self(x).data == 0).result().sum())
            return self.dropout(x) * self.scale

    zeros: list[int] = []
    model = Net()
    x = np.ones((4, 1000), np.float32)
    with ThreadPoolExecutor(1) as other:
        trainer = Trainer(model, mc.optim.SGD(model.parameters()), metrics=())
        np.testing.assert_array_equal(trainer.predict(mc.tensor(x)).data, x)
    assert zeros
    assert all(1500 < z < 2500 for z in zeros)


def test_what_is_set_inside_counts_there_only():
    """Dropout that forward itself switches on, for the spread of predictions."""
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5)).eval()
    with evaluating(model):
        model[0].train()
        with evaluating(model):
            assert not model[0].training
        assert model[0].training
        assert not model[1].training
    assert [module.training for module in model.modules()] == [False] * 3
    model.train()
    with evaluating(model):
        model.eval()
    assert model.training


def test_an_error_inside_restores_the_modes():
    model = nn.Sequential(nn.Dropout(0.5))
    try:
        with evaluating(model):
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert model[0].training


def test_a_layer_that_overrides_train_stays_frozen():
    class Frozen(nn.BatchNorm1d):
        def train(self, mode: bool = True):
            return super().train(False)

    model = nn.Sequential(Frozen(2), nn.Dropout(0.5)).train()  # as in PyTorch
    assert [module.training for module in model.modules()] == [True, False, True]
