"""architecture: the texts under the blocks, their proportions, and that nothing overlaps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
from matplotlib.patches import Rectangle
from support.drawn import assert_apart, box_extents, inside, text_extents
from support.unchanged import unchanged

import minicnn as mc
from minicnn import models, nn, viz

NETWORKS = {
    "lenet5": (models.lenet5, (1, 28, 28)),
    "lenet5_1998": (models.lenet5_1998, (1, 32, 32)),
    "alexnet_mnist": (models.alexnet_mnist, (1, 28, 28)),
    "scaled_alexnet": (models.scaled_alexnet, (1, 28, 28)),
}


def texts(picture) -> list[str]:
    return [text.get_text() for axes in picture.axes for text in axes.texts if text.get_text()]


def columns(picture) -> list[list[str]]:
    """The lines under each block: the texts with the same x, row by row."""
    _, *labels = (text for text in picture.axes[0].texts if text.get_text())
    return [
        [text.get_text() for text in group]
        for _, group in itertools.groupby(labels, lambda text: text.get_position()[0])
    ]


def small_alexnet() -> models.AlexNet:
    """The geometry of AlexNet, with few channels."""
    convolutions = [
        nn.Conv2d(3, 96, 11, stride=4),
        nn.Conv2d(96, 8, 5, padding=2),
        *(nn.Conv2d(8, 8, 3, padding=1) for _ in range(3)),
    ]
    dense = [nn.Linear(8 * 36, 4096), nn.Linear(4096, 4), nn.Linear(4, 1000)]
    return models.alexnet_2012.EightLayers(convolutions, dense)


def deep() -> nn.Module:
    """A network of many narrow layers with long names."""
    stages = [
        nn.Sequential(
            {"convolution": nn.Conv2d(4, 4, 3, padding=1), "normalisation": nn.BatchNorm2d(4)}
        )
        for _ in range(30)
    ]
    return nn.Sequential({f"stage{i}": stage for i, stage in enumerate(stages)})


def test_lenet5():
    picture = viz.architecture(models.lenet5(), (1, 28, 28))
    assert texts(picture)[0] == "LeNet5: 44,426 parameters"
    assert columns(picture) == [
        ["input", "1@28x28"],
        ["conv1", "6@24x24", "Conv2d 5x5", "156 parameters", "+ ReLU"],
        ["pool1", "6@12x12", "MaxPool2d 2x2"],
        ["conv2", "16@8x8", "Conv2d 5x5", "2,416 parameters", "+ ReLU"],
        ["pool2", "16@4x4", "MaxPool2d 2x2", "+ Flatten"],
        ["fc1", "120", "Linear", "30,840 parameters", "+ ReLU"],
        ["fc2", "84", "Linear", "10,164 parameters", "+ ReLU"],
        ["fc3", "10", "Linear", "850 parameters"],
    ]


def test_the_lenet5_of_1998():
    found = columns(viz.architecture(models.lenet5_1998(), (1, 32, 32)))
    assert found[2] == ["s2", "6@14x14", "Subsampling", "12 parameters"]
    assert found[3] == ["c3", "16@10x10", "TableConv2d 5x5", "1,516 parameters"]
    assert found[-1] == ["output", "10", "BitmapUnits"]
    assert len(found) == 8


def test_alexnet_has_its_eight_layers_and_three_pools():
    found = columns(viz.architecture(small_alexnet(), (3, 227, 227)))
    assert [lines[0] for lines in found] == [
        *("input", "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5"),
        *("fc6", "fc7", "fc8"),
    ]
    assert found[1][1:] == [
        "96@55x55",
        "Conv2d 11x11, stride 4",
        "34,944 parameters",
        "+ ReLU",
        "+ LocalResponseNorm",
    ]
    assert found[2][2] == "MaxPool2d 3x3, stride 2"
    assert found[9][-1] == "+ Dropout"


@pytest.mark.parametrize(
    ("make", "shape"),
    [*NETWORKS.values(), (small_alexnet, (3, 227, 227)), (deep, (4, 8, 8))],
    ids=[*NETWORKS, "alexnet", "deep"],
)
def test_no_texts_or_blocks_overlap(make, shape):
    picture = viz.architecture(make(), shape)
    extents = text_extents(picture)
    assert_apart(extents)
    blocks = box_extents(picture, Rectangle)
    assert all(inside(extent, picture.bbox) for extent in (*extents.values(), *blocks))
    for text, extent in extents.items():
        assert not any(extent.overlaps(block) for block in blocks), text
    assert picture.get_size_inches()[0] < 13.5


def sheets(picture) -> list[tuple[float, float, int]]:
    """Width and height of each stack, and how many sheets it has."""
    faces = [
        (round(patch.get_width(), 6), round(patch.get_height(), 6), patch.get_facecolor())
        for patch in picture.axes[0].patches
        if isinstance(patch, Rectangle) and patch.get_zorder() == 2
    ]
    return [(*face[:2], len(list(group))) for face, group in itertools.groupby(faces)]


def test_sides_grow_with_the_root_of_the_pixels_and_stacks_with_the_channels():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 1),
        nn.MaxPool2d((2, 1)),
        nn.Conv2d(4, 64, 1),
        nn.Flatten(),
        nn.Linear(8 * 16 * 64, 3),
    )
    stacks = sheets(viz.architecture(model, (1, 16, 16)))
    (side, _, one), (_, _, three), (_, half, _), (_, _, seven), (_, bar, _) = stacks
    assert (one, three, seven) == (1, 3, 7)  # 1 + log2 of 1, 4 and 64
    assert half == pytest.approx(side / np.sqrt(2), abs=1e-5)
    assert bar == pytest.approx(0.15 * 2)  # log2(1 + 3)


def test_layers_that_keep_the_shape_are_named_after_a_plus():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.GlobalAvgPool2d())
    assert columns(viz.architecture(model, (1, 5, 5))) == [
        ["input", "1@5x5"],
        ["0", "2@3x3", "Conv2d 3x3", "20 parameters", "+ BatchNorm2d, 4 parameters", "+ ReLU"],
        ["3", "2", "GlobalAvgPool2d"],
    ]


def test_windows_and_strides_in_both_directions():
    model = nn.Sequential(nn.Conv2d(1, 2, (3, 1), stride=(2, 1)), nn.MaxPool2d((1, 2)))
    found = columns(viz.architecture(model, (1, 9, 8)))
    assert [lines[2] for lines in found[1:]] == ["Conv2d 3x1, stride 2x1", "MaxPool2d 1x2"]


def test_a_model_of_one_layer_and_vectors():
    found = columns(viz.architecture(nn.Linear(3, 2), (3,)))
    assert found == [["input", "3"], ["Linear", "2", "Linear", "8 parameters"]]


def test_shared_layers_are_drawn_as_used_and_counted_once():
    layer = nn.Linear(3, 3)
    found = columns(viz.architecture(nn.Sequential(layer, layer), (3,)))
    assert found[1:] == [["0", "3", "Linear", "12 parameters"], ["0", "3", "Linear"]]


def test_a_layer_with_two_outputs_shows_the_first():
    found = columns(viz.architecture(nn.MaxPool2d(2, return_indices=True), (3, 4, 4)))
    assert found[1] == ["MaxPool2d", "3@2x2", "MaxPool2d 2x2"]


@pytest.mark.parametrize("shape", [(28, 28), (1, 1, 28, 28)])
def test_the_input_shape_is_checked(shape):
    with pytest.raises(ValueError, match="input_shape: got .*, expected .C, H, W. or .K,."):
        viz.architecture(models.lenet5(), shape)
    with pytest.raises(ValueError, match="input_shape: got 28, expected the sizes of one image"):
        viz.architecture(models.lenet5(), 28)


def test_an_input_that_does_not_fit_raises_what_the_model_raises():
    with pytest.raises(ValueError, match="conv2d"):
        viz.architecture(models.lenet5(), (3, 28, 28))


@pytest.mark.parametrize("shape", [(1, 6, 6), (2, 6, 6)], ids=["fits", "fails"])
def test_the_model_is_unchanged(shape):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    with unchanged(model):
        try:
            viz.architecture(model, shape)
        except ValueError:
            assert shape == (2, 6, 6)


def test_it_draws_on_every_device(device, tmp_path):
    model = nn.Sequential(nn.Conv2d(1, 2, 3)).to(device)
    viz.architecture(model, (1, 4, 4)).savefig(tmp_path / "model.svg")
    assert "2@2x2" in (tmp_path / "model.svg").read_text()
    assert mc.is_grad_enabled()
