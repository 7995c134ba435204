"""The recipes: each learns in a few steps, and each is what it says for every data set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import data, optim, train
from minicnn.data.transforms import Compose, Resize
from minicnn.models import MODELS
from minicnn.train.diagonal_lm_schedule import DiagonalLMSchedule
from minicnn.train.recipe import FLIP_AND_SHIFT, OPTIMIZERS, PHOTOGRAPHS, SMALL_AFFINE, Recipe
from minicnn.train.recipes import RATES_1998, RECIPES

ALL = [(model, name) for model, named in RECIPES.items() for name in named]


def digits(count: int) -> data.ArrayDataset:
    return data.load("digits", "train").subset(slice(count))


def loader(recipe: Recipe, model: Any, count: int) -> data.DataLoader:
    steps = [Resize(model.input_shape[1:]), recipe.augment, model.prepare]
    transform = Compose([step for step in steps if step is not None])
    return data.DataLoader(digits(count), recipe.batch_size, True, 0, transform=transform)


@pytest.mark.parametrize(("model", "name"), ALL)
def test_every_recipe_learns(model: str, name: str) -> None:
    """Short versions, long enough to notice a wrong rate, a wrong loss or wrong images."""
    mc.manual_seed(0)
    recipe = replace(RECIPES[model][name], batch_size=16, epochs=3)
    network: Any = MODELS[model]()
    batches = loader(recipe, network, 160)
    optimizer = recipe.build_optimizer(network)
    callbacks = recipe.build_callbacks(network, optimizer, batches)
    trainer = train.Trainer(network, optimizer, recipe.loss, callbacks=callbacks)
    history = trainer.fit(batches, recipe.epochs)
    assert history["loss"][-1] < 0.999 * history["loss"][0]
    if name == "course" and "sigmoid" not in model:  # the others take longer
        assert history["accuracy"][-1] > 0.4


def test_one_cycle_ends_with_the_last_batch() -> None:
    recipe = replace(RECIPES["lenet5"]["best"], epochs=2)
    model = mc.models.lenet5()
    optimizer, batches = recipe.build_optimizer(model), loader(recipe, model, 300)
    (callback,) = recipe.build_callbacks(model, optimizer, batches)
    rates = []
    for _ in range(recipe.epochs * len(batches)):
        rates.append(optimizer.param_groups[0]["lr"])
        callback.schedule.step()  # type: ignore[attr-defined]
    assert max(rates) == pytest.approx(recipe.lr, rel=0.2)
    assert rates[0] < max(rates) / 20
    assert optimizer.param_groups[0]["lr"] < 1e-6


def test_recipes_on_other_data() -> None:
    course, best = RECIPES["lenet5"].values()
    assert course.on("mnist") == course
    assert course.on("digits") == replace(course, epochs=30, batch_size=32, label_smoothing=0.1)
    assert best.augment is SMALL_AFFINE
    flipped = replace(best, augment=FLIP_AND_SHIFT, epochs=40, label_smoothing=0.1)
    assert best.on("fashion-mnist") == flipped
    assert best.on("cifar10") == replace(best, augment=PHOTOGRAPHS)
    assert course.on("fashion-mnist") == course


def test_the_rates_of_1998() -> None:
    """5e-4 for 2 passes, 2e-4 for 3, 1e-4 for 3, 5e-5 for 4, then 1e-5, as parts of the first."""
    paper = [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    np.testing.assert_allclose(RATES_1998, np.array(paper) / 5e-4)
    assert len(RATES_1998) == RECIPES["lenet5_1998"]["paper"].epochs


@pytest.mark.parametrize("model", ["lenet5_1998", "lenet5"])
def test_curvature_before_each_epoch(device: str, model: str) -> None:
    mc.manual_seed(0)
    network: Any = MODELS[model]().to(device)
    batches = loader(Recipe(1, 20), network, 40)
    optimizer = optim.DiagonalLM(network.parameters(), lr=7.0, mu=2.0)
    loss = mc.models.map_loss if model == "lenet5_1998" else mc.ops.cross_entropy
    trainer = train.Trainer(network, optimizer, loss)
    parts = {}
    if model == "lenet5_1998":
        parts = {"features": network.features, "output": network.output}
    callback, found = DiagonalLMSchedule(batches, [0.5, 0.25], images=20, **parts), []
    for epoch in (1, 2, 3):
        callback.on_epoch_begin(trainer, epoch, 2)
        state = optimizer.state_dict()
        found.append((optimizer.param_groups[0]["lr"], state["state"][0]["curvature"].sum()))
    assert [rate for rate, _ in found] == [0.5, 0.25, 0.25]
    assert all(curvature > 0 for _, curvature in found)


def test_the_recipe_of_1998_splits_the_network_where_the_distances_begin() -> None:
    recipe, model = RECIPES["lenet5_1998"]["paper"], mc.models.lenet5_1998()
    optimizer, batches = recipe.build_optimizer(model), loader(recipe, model, 20)
    (callback,) = recipe.build_callbacks(model, optimizer, batches)
    assert isinstance(optimizer, optim.DiagonalLM)
    assert isinstance(callback, DiagonalLMSchedule)
    assert (callback.features, callback.output) == (model.features, model.output)
    assert callback.rates[::19] == (0.01, 0.01 * RATES_1998[-1])
    another = replace(recipe, optimizer=OPTIMIZERS["adam"])
    assert another.build_callbacks(model, another.build_optimizer(model), batches) == []


def test_the_rates_of_a_diagonal_lm_are_compared_when_resuming() -> None:
    def make(rates: list[float]) -> train.Trainer:
        mc.manual_seed(0)
        model = MODELS["lenet5"]()
        schedule = DiagonalLMSchedule(loader(Recipe(1, 20), model, 20), rates, images=20)
        optimizer = optim.DiagonalLM(model.parameters(), lr=7.0, mu=2.0)
        return train.Trainer(model, optimizer, callbacks=[schedule])

    saved, batches = make([0.5, 0.25]), loader(Recipe(1, 20), MODELS["lenet5"](), 20)
    saved.fit(batches, 1)
    state = saved.state_dict()
    for same in (saved, make([0.5, 0.25])):
        assert len(same.fit(batches, 1, resume=state)) == 1
    with pytest.raises(ValueError, match="DiagonalLMSchedule rates: .0.5, 0.25. in .*, .0.5. here"):
        make([0.5]).fit(batches, 1, resume=state)


def test_curvature_refuses_another_optimizer() -> None:
    model = mc.models.lenet5()
    trainer = train.Trainer(model, optim.SGD(model.parameters(), 0.1))
    callback = DiagonalLMSchedule(loader(Recipe(1), model, 20), [0.1], images=20)
    with pytest.raises(TypeError, match="optimizer: got SGD, expected a DiagonalLM"):
        callback.check_fit(trainer)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_by_name(name: str) -> None:
    model = mc.models.lenet5()
    build = OPTIMIZERS[name]
    default = Recipe(1, optimizer=build).build_optimizer(model)
    assert type(default) is build.func
    assert default.param_groups[0]["lr"] == build.keywords["lr"] != 0.25
    chosen = Recipe(1, optimizer=build, lr=0.25).build_optimizer(model)
    assert chosen.param_groups[0]["lr"] == 0.25
