"""LeNet-5 of 1998: the paper's numbers, its table, its units and its loss, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import models, ops
from minicnn.data import transforms
from minicnn.models.bitmaps import bitmaps
from minicnn.models.lenet_1998 import C3_INPUTS, BitmapUnits, Subsampling, TableConv2d
from minicnn.testing import gradgradcheck

LAYERS = {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
TABLE = (
    *("012", "123", "234", "345", "045", "015", "0123", "1234", "2345", "0345"),
    *("0145", "0125", "0134", "1245", "0235", "012345"),
)
RANGE = models.INK - models.BACKGROUND
SCALE = transforms.Normalize(-models.BACKGROUND / RANGE, 1 / RANGE)


def normal(*shape: int, seed: int = 0, grad: bool = True) -> mc.Tensor:
    return mc.tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=grad)


@pytest.fixture(scope="module")
def digits():
    """The bundled digits, about as large in the image as the paper's: 20x20 in 32x32."""
    prepare = transforms.Compose([transforms.Resize(20), transforms.PadTo(32), SCALE])
    parts = [part[:] for part in mc.data.load("digits")]
    return [(mc.tensor(prepare(images)), labels) for images, labels in parts]


def test_parameters_layer_by_layer():
    model = models.lenet5_1998()
    counts = {name: sum(p.size for p in m.parameters()) for name, m in model.named_children()}
    assert {name: count for name, count in counts.items() if count} == LAYERS
    assert sum(p.size for p in model.parameters()) == sum(LAYERS.values()) == 60_000


def test_shapes_layer_by_layer():
    model = models.lenet5_1998()
    rows = {row.layer.split()[0]: row.output_shape for row in mc.summary(model, (1, 32, 32)).rows}
    assert rows["c1"] == (6, 28, 28)
    assert rows["s2"] == (6, 14, 14)
    assert rows["c3"] == (16, 10, 10)
    assert rows["s4"] == (16, 5, 5)
    assert rows["c5"] == (120, 1, 1)
    assert rows["f6"] == (84,)
    assert rows["output"] == (10,)
    assert (model.input_shape, model.num_classes) == ((1, 32, 32), 10)


def test_the_same_on_every_device(device):
    model = models.lenet5_1998()
    images, target = normal(3, 1, 32, 32).to("float32").detach(), np.array([0, 4, 9])
    expected = model(images).numpy()
    loss = models.map_loss(model.to(device)(images.to(device)), target)
    loss.backward()
    np.testing.assert_allclose(model(images.to(device)).numpy(), expected, rtol=1e-4)
    assert all(p.grad.device == device for p in model.parameters())
    assert all(p.grad.numpy().any() for p in model.parameters())


def test_a_map_of_c3_sees_the_maps_of_s2_that_the_table_says():
    layer, x = TableConv2d(C3_INPUTS, 6, 5), normal(1, 6, 14, 14).numpy().astype(np.float32)
    before = layer(mc.tensor(x)).data
    for seen in range(6):
        changed = x.copy()
        changed[:, seen] += 1
        differs = (layer(mc.tensor(changed)).data != before).any((0, 2, 3))
        assert differs.tolist() == [str(seen) in inputs for inputs in TABLE]


def test_table_convolution_is_one_convolution_for_each_map():
    inputs = ((0, 2), (1,), (2, 1, 0))
    layer = TableConv2d(inputs, 3, 2).to(np.float64)
    x, kernels = normal(2, 3, 4, 5), iter(layer.weight.data)
    maps = []
    for o, seen in enumerate(inputs):
        kernel = np.stack([next(kernels) for _ in seen])[None]  # (1, maps seen, K, K)
        maps.append(ops.conv2d(x[:, list(seen)], mc.tensor(kernel), layer.bias[o : o + 1]).data)
    assert next(kernels, None) is None
    assert repr(layer) == "TableConv2d(3, 3, kernel_size=(2, 2), connections=6)"
    np.testing.assert_allclose(layer(x).data, np.concatenate(maps, 1), atol=1e-12)

    def with_weights(x, weight, bias):
        vars(layer).update(weight=weight, bias=bias)  # setting them asks for Parameters
        return layer(x)

    assert gradgradcheck(with_weights, [x, normal(6, 2, 2, seed=1), normal(3, seed=2)])


def test_subsampling_is_a_coefficient_times_the_sum_plus_a_bias():
    layer = Subsampling(3)
    assert layer.weight.shape == layer.bias.shape == (3,)

    def with_weights(x, weight, bias):
        vars(layer).update(weight=weight, bias=bias)  # setting them asks for Parameters
        return layer(x)

    x, weight, bias = normal(2, 3, 4, 6), normal(3, seed=1), normal(3, seed=2)
    sums = x.data.reshape(2, 3, 2, 2, 3, 2).sum((3, 5))
    expected = sums * weight.data[:, None, None] + bias.data[:, None, None]
    np.testing.assert_allclose(with_weights(x, weight, bias).data, expected, atol=1e-12)
    assert gradgradcheck(with_weights, [x, weight, bias])


def test_bitmaps_are_ten_different_pictures_of_seven_by_twelve():
    pictures = bitmaps()
    assert (pictures.shape, pictures.dtype) == ((10, 84), np.float32)
    assert set(np.unique(pictures)) == {-1, 1}
    differing = (pictures[:, None] != pictures).sum(2)
    assert differing[~np.eye(10, dtype=bool)].min() >= 15
    one, four = pictures.reshape(10, 12, 7)[[1, 4]]
    assert "".join(".#"[int(p > 0)] for p in one[-1]) == "######."
    assert (four[8] == 1).all()  # the bar of the 4


def test_scores_are_minus_the_squared_distances_to_fixed_bitmaps():
    units = BitmapUnits()
    near = bitmaps() * 0.9
    scores = units(mc.tensor(near))
    assert scores.data.argmax(1).tolist() == list(range(10))
    expected = -((near[:, None] - bitmaps()) ** 2).sum(2)
    np.testing.assert_allclose(scores.data, expected, rtol=1e-5)
    np.testing.assert_array_equal(units(mc.tensor(bitmaps())).data.diagonal(), 0)
    assert not list(units.parameters())
    assert list(models.lenet5_1998().state_dict())[-1] == "output.bitmaps"
    assert gradgradcheck(BitmapUnits().to(np.float64), normal(2, 84))


def test_every_layer_up_to_f6_is_squashed():
    model = models.lenet5_1998()
    for parameter in model.parameters():
        parameter.data *= 1000
    f6 = model.features(normal(2, 1, 32, 32).to("float32")).data
    np.testing.assert_allclose(np.abs(f6).max(), 1.7159, rtol=1e-5)
    squashed, squash = [], ops.scaled_tanh
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "minicnn.models.lenet_1998.scaled_tanh", lambda x: squashed.append(x.shape) or squash(x)
        )
        model(normal(2, 1, 32, 32).to("float32"))
    assert [shape[1] for shape in squashed] == [6, 6, 16, 16, 120, 84]


def test_weights_start_within_the_papers_bounds():
    model = models.lenet5_1998()
    fan_in = {"c1": 25, "s2": 4, "s4": 4, "c5": 400, "f6": 120}
    for layer, inputs in fan_in.items():
        for parameter in getattr(model, layer).parameters():
            assert np.abs(parameter.data).max() <= 2.4 / inputs
        largest = np.abs(getattr(model, layer).weight.data).max()
        assert largest > (0.9 if layer in ("c1", "c5", "f6") else 0.3) * 2.4 / inputs
    kernels = iter(model.c3.weight.data)
    for inputs in TABLE:
        bound = 2.4 / (25 * len(inputs))
        largest = max(np.abs(next(kernels)).max() for _ in inputs)
        assert 0.9 * bound < largest <= bound


def test_scaling_makes_the_papers_background_and_ink():
    scaled = SCALE(np.array([0.0, 1.0]).reshape(1, 1, 1, 2))
    np.testing.assert_allclose(scaled.ravel(), [-0.1, 1.175])


@pytest.mark.parametrize("j", [0.5, 3, 20.0])
def test_map_loss_is_the_papers_formula_and_has_its_gradients(j):
    scores, target = normal(4, 5), np.array([0, 4, 2, 2])
    y = -scores.data
    right = y[range(4), target]
    expected = np.mean(right + np.log(np.exp(-j) + np.exp(-y).sum(1)))
    assert models.map_loss(scores, target, j=j).item() == pytest.approx(expected)
    assert gradgradcheck(lambda s: models.map_loss(s, target, j), scores)


def test_map_loss_far_from_every_bitmap_is_the_distance_to_the_right_one():
    scores = mc.tensor([[-500.0, -400.0]], requires_grad=True)
    loss = models.map_loss(scores, [0], j=1)
    loss.backward()
    assert loss.item() == pytest.approx(499)  # y - j
    np.testing.assert_allclose(scores.grad.data, [[-1, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("scores", "target", "j", "error", "message"),
    [
        ((2, 3), [0, 3], 1, ValueError, "class 3, but there are 3 classes"),  # not that of rubbish
        ((2, 3), [0, -100], 1, ValueError, "class -100"),
        ((2, 3), [0], 1, ValueError, "target has shape (1,), expected (2,)"),
        ((2, 3, 4), np.zeros((2, 4), int), 1, ValueError, "expected (N, K)"),
        ((2, 3), [0, 1], 0, ValueError, "j: got 0, expected a number above 0"),
        ((2, 3), [0, 1], "1", TypeError, "j: got '1'"),
        ((2, 3), [0.0, 1.0], 1, TypeError, "target is float"),
    ],
)
def test_map_loss_refuses(scores, target, j, error, message):
    with pytest.raises(error) as info:
        models.map_loss(normal(*scores), target, j)
    assert message in str(info.value)
    assert "map_loss" in str(info.value)


def test_loss_falls_on_200_digits(digits):
    images, labels = digits[0][0][:200], digits[0][1][:200]
    model = models.lenet5_1998()
    optimizer = mc.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(60):
        loss = models.map_loss(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 70  # about 84, the squared distance of 0 to a bitmap
    assert losses[-1] < losses[0] / 4


def test_learns_the_digits_by_diagonal_levenberg_marquardt(digits):
    (images, labels), (test_images, test_labels) = digits
    model = models.lenet5_1998()
    optimizer = mc.optim.DiagonalLM(model.parameters(), lr=0.015, mu=2)
    train = mc.data.DataLoader(
        mc.data.ArrayDataset(images.numpy(), labels), batch_size=16, shuffle=True, seed=0
    )

    def loss_of_features(features, target):
        return models.map_loss(model.output(features), target)

    for _ in range(4):
        optimizer.estimate(model.features, loss_of_features, images[:300], labels[:300])
        for x, y in train:
            loss = models.map_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert ops.accuracy(model(test_images), test_labels).item() > 0.9
