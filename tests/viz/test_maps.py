"""filters and feature_maps: the images that are drawn, their scale and their texts."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
from support.drawn import drawn, overlap, scales, words
from support.unchanged import unchanged

import minicnn as mc
from minicnn import models, nn, ops, viz


def test_filters_of_one_channel():
    layer = nn.Conv2d(1, 6, 3)
    picture = viz.filters(layer, title="conv1")
    np.testing.assert_array_equal(drawn(picture), layer.weight.numpy()[:, 0])
    largest = np.abs(layer.weight.numpy()).max()
    assert scales(picture) == {("RdBu_r", -largest, largest)}
    assert words(picture) == ["conv1"]
    bar = picture.axes[1]
    assert bar.get_ylim() == pytest.approx((-largest, largest))


@pytest.mark.parametrize("kernel", [(3, 3), (5, 2)])
def test_filters_of_more_channels_are_columns(kernel):
    weight = np.random.default_rng(0).normal(size=(4, 2, *kernel))
    picture = viz.filters(weight)
    ((mosaic,), (high, wide)) = (drawn(picture), kernel)
    for o, c in np.ndindex(4, 2):
        part = mosaic[c * high : (c + 1) * high, o * wide : (o + 1) * wide]
        np.testing.assert_array_equal(part, weight[o, c])
    assert scales(picture) == {("RdBu_r", -np.abs(weight).max(), np.abs(weight).max())}
    assert words(picture) == ["4 filters", "2 channels"]


def test_filters_of_colours_have_zero_at_grey():
    weight = np.zeros((2, 3, 5, 5))
    weight[0, 0], weight[1, 2] = 2.0, -1.0
    red, blue = drawn(viz.filters(weight))
    assert (red == (1, 0.5, 0.5)).all()
    assert (blue == (0.5, 0.5, 0.25)).all()


def test_filters_of_a_table_and_of_zeros():
    layer = models.lenet5_1998().c3
    np.testing.assert_array_equal(drawn(viz.filters(layer)), layer.weight.numpy())
    assert scales(viz.filters(np.zeros((2, 1, 3, 3)))) == {("RdBu_r", -1.0, 1.0)}


@pytest.mark.parametrize("given", [nn.Linear(3, 4), np.ones(3), np.ones((0, 1, 3, 3))])
def test_bad_filters(given):
    with pytest.raises(ValueError, match="^filters: weight has shape"):
        viz.filters(given)


def test_filters_of_a_layer_without_weight():
    with pytest.raises(TypeError, match="^filters: weight is a ReLU, expected numbers"):
        viz.filters(nn.ReLU())


def test_kernels_of_small_integers():
    picture = viz.filters(np.full((1, 1, 2, 2), -128, np.int8))
    assert scales(picture) == {("RdBu_r", -128.0, 128.0)}


def test_a_column_of_many_channels_fits_on_a_sheet():
    assert viz.filters(np.ones((2, 900, 1, 1))).get_size_inches()[1] < 13


def test_feature_maps_are_the_outputs_of_the_layers():
    model, image = models.lenet5(), np.random.default_rng(0).random((1, 28, 28), np.float32)
    with unchanged(model):
        picture = viz.feature_maps(model, image)
    conv1 = ops.conv2d(mc.tensor(image[None]), model.conv1.weight, model.conv1.bias)
    relu1 = ops.relu(conv1)
    pool1 = ops.max_pool2d(relu1, 2)
    arrays = drawn(picture)
    assert len(arrays) == 1 + 3 * 6 + 3 * 16
    np.testing.assert_array_equal(arrays[0], image[0])
    np.testing.assert_allclose(arrays[1:7], conv1.numpy()[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(arrays[7:13], relu1.numpy()[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(arrays[13:19], pool1.numpy()[0], rtol=1e-5, atol=1e-6)
    labels = words(picture)
    assert labels[0] == "input\n28x28"
    names = ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2"]
    assert [label.split("\n")[0] for label in labels[1:]] == names
    assert labels[4].split("\n")[1] == "16 maps 8x8"
    assert not overlap(picture)


def test_feature_maps_have_one_scale_in_each_row():
    image = np.random.default_rng(0).random((2, 8, 8), np.float32)
    model = nn.Sequential(nn.Conv2d(2, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(180, 2))
    picture = viz.feature_maps(model, image, ["1", "0"], most=3)
    assert [label.split("\n")[:2] for label in words(picture)] == [
        ["input", "8x8"], ["0", "first 3 of 5 maps 6x6"], ["1", "first 3 of 5 maps 6x6"]
    ]  # fmt: skip
    arrays, shown = drawn(picture), picture.axes[0].images
    assert len(arrays) == 2 + 3 + 3
    for row in (range(2, 5), range(5, 8)):
        scale = viz.colour_scale(*(arrays[i] for i in row))
        assert {(i.get_cmap().name, *i.get_clim()) for i in (shown[r] for r in row)} == {
            (scale["cmap"], scale["vmin"], scale["vmax"])
        }


@pytest.mark.parametrize("name", ["lenet5_sigmoid", "lenet5_1998", "scaled_alexnet"])
def test_feature_maps_of_other_networks(name):
    model = getattr(models, name)()
    with unchanged(model):
        picture = viz.feature_maps(model, np.ones(model.input_shape, np.float32), most=2)
    assert not overlap(picture)


def test_bad_feature_maps():
    image, dense = np.ones((1, 4, 4)), nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with pytest.raises(ValueError, match="feature_maps: Sequential has no layer that outputs maps"):
        viz.feature_maps(dense, image)
    with pytest.raises(ValueError, match="feature_maps: the output of layer 1 is not"):
        viz.feature_maps(dense, image, ["1"])
    with pytest.raises(ValueError, match="feature_maps: layer is 'conv', expected one of 0, 1"):
        viz.feature_maps(dense, image, ["conv"])
    with pytest.raises(ValueError, match=r"feature_maps: image has shape \(1, 1, 4, 4\)"):
        viz.feature_maps(dense, image[None])
    with pytest.raises(ValueError, match="feature_maps: most: got 0"):
        viz.feature_maps(dense, image, most=0)
    with pytest.raises(ValueError, match="feature_maps: 16 of 16 numbers in image are not finite"):
        viz.feature_maps(dense, image * np.inf)
    broken = nn.Conv2d(1, 2, 3)
    broken.weight.data[0] = np.nan
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match="8 numbers in the maps of layer 0"),
    ):
        viz.feature_maps(nn.Sequential(broken), image)


def test_a_single_layer_name():
    model = nn.Sequential({"conv": nn.Conv2d(1, 2, 3), "relu": nn.ReLU()})
    picture = viz.feature_maps(model, np.ones((1, 5, 5)), "relu")
    assert [text.split("\n")[0] for text in words(picture)] == ["input", "relu"]


def test_layers_whose_output_is_not_a_tensor_have_no_maps():
    class Packed(nn.Module):
        def forward(self, x):
            return {"x": x}

    class Model(nn.Module):
        def __init__(self):
            self.conv, self.pack = nn.Conv2d(1, 2, 3), Packed()

        def forward(self, x):
            return self.pack(self.conv(x))["x"]

    picture = viz.feature_maps(Model(), np.ones((1, 5, 5)))
    assert [text.split("\n")[0] for text in words(picture)] == ["input", "conv"]
