"""panels and dead_units: against activations and gradients computed by hand, on every network."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
from matplotlib.colors import same_color
from support.unchanged import unchanged

import minicnn as mc
from minicnn import models, nn, ops, viz
from minicnn.viz.picture import COLOURS

NETWORKS = ["lenet5", "lenet5_sigmoid", "lenet5_1998", "scaled_alexnet", "alexnet_mnist"]
RED = COLOURS[1]


def batch(model: nn.Module, count: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((count, *model.input_shape), np.float32), rng.integers(0, 10, count)


def kill(layer: nn.Module, units: int) -> None:
    """Give the first units so low a bias that no image activates them."""
    layer.bias.data[:units] = -1e30


def awake(name: str) -> nn.Module:
    """A network without negative weights: every unit is above 0 for every image."""
    model = getattr(models, name)()
    for parameter in model.parameters():
        parameter.data[...] = np.abs(parameter.data) + np.float32(1e-3)
    return model


@pytest.mark.parametrize("name", ["lenet5", "scaled_alexnet"])
def test_dead_units_of_relu_in_forward(name):
    """Whether pooling comes before or after it, in convolutions and dense layers."""
    model = awake(name)
    images, _ = batch(model)
    with unchanged(model):
        shares = viz.dead_units(model, images)
    layers = [layer for layer, _ in model.named_children() if layer.startswith(("conv", "fc"))]
    assert shares == dict.fromkeys(layers, 0.0)
    for layer in layers:
        kill(getattr(model, layer), 2)
    expected = {layer: 2 / len(getattr(model, layer).bias) for layer in layers}
    expected[layers[-1]] = 0.0  # the scores themselves, behind no ReLU
    assert viz.dead_units(model, images) == pytest.approx(expected)


def test_dead_units_behind_every_kind_of_layer():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3), nn.LeakyReLU(), nn.Flatten(),
        nn.Linear(128, 10), nn.Sigmoid(), nn.Linear(10, 2),
    )  # fmt: skip
    kill(model[1], 1)  # the normalised channel passes the ReLU, what the convolution gives does not
    model[5].bias.data[:4] = -10  # not dead: a leaky ReLU lets something through
    kill(model[8], 5)  # so far below that the sigmoid is 0 in float32
    with unchanged(model):
        shares = viz.dead_units(model, np.random.default_rng(0).random((99, 1, 14, 14)))
    assert shares == {"0": 0, "1": 0.25, "5": 0, "8": 0.5, "10": 0}


def test_one_image_that_activates_a_unit_is_enough():
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.data[:] = np.eye(2)
    model = nn.Sequential(nn.Flatten(), layer, nn.ReLU(), nn.Linear(2, 2))
    images = np.full((600, 1, 1, 2), -1.0)
    assert viz.dead_units(model, images)["1"] == 1
    images[-1, 0, 0, 0] = 1
    assert viz.dead_units(model, images)["1"] == 0.5


def titles(picture: viz.Picture) -> list[str]:
    return [axes.get_title(loc="left") for axes in picture.axes]


def warned(picture: viz.Picture) -> list[str]:
    """The titles that are red."""
    found = [axes._left_title for axes in picture.axes]
    return [title.get_text() for title in found if same_color(title.get_color(), RED)]


@pytest.mark.parametrize("name", NETWORKS)
def test_panels_of_every_network(name):
    model = getattr(models, name)()
    images, labels = batch(model)
    loss = {"loss": models.map_loss} if name == "lenet5_1998" else {}
    with unchanged(model):
        picture = viz.panels(model, images, mc.tensor(labels), **loss)
    rows = [axes for axes in picture.axes if axes.get_ylabel()]
    assert [axes.get_ylabel() for axes in rows] == list(viz.dead_units(model, images))
    assert len(picture.axes) == 3 * len(rows)
    assert [title.split(":")[0] for title in titles(picture)[:3]] == [
        "activations", "gradients", "weights"
    ]  # fmt: skip
    for axes in picture.axes:
        low, high = axes.get_xlim()
        assert low == -high


def test_panels_count_every_value():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 2))
    images, labels = np.random.default_rng(0).random((5, 1, 8, 8), np.float32), [0, 1, 0, 1, 1]
    picture = viz.panels(model, images, labels)
    x = mc.tensor(images)
    activations = [ops.relu(model[0](x)).numpy(), model(x).numpy()]
    loss = ops.cross_entropy(model(x), labels)
    gradients = [g.numpy() for g in mc.grad(loss, [model[0].weight, model[3].weight])]
    weights = [model[0].weight.numpy(), model[3].weight.numpy()]
    reach = max(np.abs(g).max() for g in gradients)
    for row, columns in enumerate(zip(activations, gradients, weights, strict=True)):
        for column, values in enumerate(columns):
            axes = picture.axes[3 * row + column]
            (steps,) = axes.patches
            assert steps.get_data().values.sum() == values.size
            widest = reach if column == 1 else np.abs(values).max()
            np.testing.assert_allclose(axes.get_xlim(), (-widest, widest), rtol=1e-5)
            shown = re.match(r"mean (\S+), std ([^\s,]+)", axes.texts[0].get_text())
            assert float(shown[2]) == pytest.approx(values.std(), rel=0.06)
    assert warned(picture) == []


def test_panels_warn_of_dead_units():
    model = awake("lenet5")
    images, labels = batch(model)
    kill(model.conv2, 4)  # a quarter
    kill(model.conv1, 1)  # a sixth
    picture = viz.panels(model, images, labels)
    assert "activations: 25% of 16 units dead" in warned(picture)
    assert sum("dead" in title for title in titles(picture)) == 1
    assert titles(picture)[0] == "activations"
    assert picture.axes[0].texts[0].get_text().endswith(", 17% dead")


def test_panels_warn_of_vanishing_gradients():
    layers = [layer for _ in range(6) for layer in (nn.Linear(16, 16), nn.Sigmoid())]
    model = nn.Sequential(nn.Flatten(), *layers, nn.Linear(16, 2))
    picture = viz.panels(model, np.random.default_rng(0).random((8, 1, 4, 4)), [0, 1] * 4)
    red = warned(picture)
    assert red[0] == "gradients: 0.0% of the largest layer's"
    assert titles(picture)[-2] == "gradients"
    assert 3 <= len(red) <= 6


def test_panels_without_gradients():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 2))
    kill(model[1], 4)
    model[3].weight.requires_grad = False
    picture = viz.panels(model, np.ones((2, 1, 4, 4)), [0, 1])
    assert warned(picture)[0] == "activations: 100% of 4 units dead"


@pytest.mark.parametrize("look", [viz.dead_units, lambda m, x: viz.panels(m, x, [0])])
def test_bad_input(look):
    model, image = models.lenet5(), np.ones((1, 1, 28, 28))
    with pytest.raises(ValueError, match=r"images have shape \(1, 28, 28\), expected \(N, C, H, W"):
        look(model, image[0])
    with pytest.raises(ValueError, match=r"images have shape \(0, 1, 28, 28\)"):
        look(model, image[:0])
    with pytest.raises(ValueError, match="784 of 784 numbers in images are not finite"):
        look(model, image * np.nan)
    with pytest.raises(ValueError, match="ReLU has no layer with weights"):
        look(nn.ReLU(), image)
    model.conv1.bias.data[0] = np.inf
    with (
        np.errstate(all="ignore"),
        pytest.raises(
            ValueError, match=r"\d+ of 864 numbers in the activations of layer conv1 are not"
        ),
    ):
        look(model, image)


def test_panels_need_a_recording():
    with mc.no_grad(), pytest.raises(RuntimeError, match="panels: no_grad"):
        viz.panels(models.lenet5(), np.ones((1, 1, 28, 28)), [0])


def test_layers_of_any_name_called_by_keyword():
    class Named(nn.Module):
        def __init__(self):
            self.op = nn.Conv2d(1, 2, 3)
            self.name = nn.Conv2d(2, 2, 3)

        def forward(self, x):
            return self.name(x=self.op(x=x))

    assert viz.dead_units(Named(), np.ones((2, 1, 6, 6))) == {"op": 0, "name": 0}
    viz.feature_maps(Named(), np.ones((1, 6, 6)))


def test_layers_that_do_not_run():
    class Idle(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            return x

    with pytest.raises(ValueError, match="dead_units: no layer with weights runs"):
        viz.dead_units(Idle(), np.ones((1, 1, 2, 2)))
    both = nn.Sequential({"idle": Idle(), "flatten": nn.Flatten(), "dense": nn.Linear(4, 2)})
    assert viz.dead_units(both, np.ones((1, 1, 2, 2))) == {"dense": 0}


def test_an_output_that_the_next_layer_receives_in_another_form():
    """Then the output itself counts, which is rarely 0."""

    class Rows(nn.Module):
        def forward(self, x):
            return ops.relu(x).reshape(-1, 4)

    model = nn.Sequential(nn.Conv2d(1, 3, 1), Rows(), nn.Linear(4, 2))
    kill(model[0], 3)
    assert viz.dead_units(model, np.ones((2, 1, 4, 4))) == {"0": 0, "2": 0}
