"""receptive_field: NaN as a dye against arithmetic, changed pixels, and the known sizes."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
from support.unchanged import unchanged

import minicnn as mc
from minicnn import models, nn, ops, viz
from minicnn.autograd import Function
from minicnn.backend.geometry import sides


def extents(field) -> list[tuple[int, int]]:
    """First row and number of rows, first column and number of columns."""
    return [(int(np.argmax(some)), int(some.sum())) for some in (field.any(1), field.any(0))]


def by_arithmetic(layers, places, size) -> np.ndarray:
    """The pixels from which a unit is made, layer by layer, along one axis: a boolean array.

    places: of the unit, in the last layer; input index of output o at tap k = o·s + k·d - p.
    """
    sizes = [size]
    for kernel, stride, padding, dilation in layers:
        span = dilation * (kernel - 1) + 1
        sizes.append((sizes[-1] + sum(padding) - span) // stride + 1)
    seen = set(places)
    for (kernel, stride, padding, dilation), length in reversed(
        list(zip(layers, sizes, strict=False))
    ):
        taps = {o * stride + k * dilation - padding[0] for o in seen for k in range(kernel)}
        seen = {tap for tap in taps if 0 <= tap < length}
    return np.isin(np.arange(size), list(seen))


def by_changing_pixels(model, shape, unit) -> np.ndarray:
    """Whether the unit changes with each pixel; the model is linear, so one number is enough."""
    zeros = np.zeros(shape, np.float64)
    field = np.zeros(shape[1:], bool)

    def value(image):
        return model(mc.tensor(image[None])).numpy()[(0, ..., *unit)]

    rest = value(zeros)
    for pixel in np.ndindex(shape[1:]):
        image = zeros.copy()
        image[(..., *pixel)] = 1.0
        field[pixel] = (value(image) != rest).any()
    return field


CHAINS = {
    "stride": [(3, 2, 0, 1), (3, 2, 0, 1)],
    "padding": [(3, 1, 1, 1), (5, 2, 2, 1), (3, 1, 1, 1)],
    "uneven padding": [(3, 1, ((2, 0), (1, 3)), 1), (2, 2, ((0, 1), (2, 0)), 1)],
    "dilation": [(3, 1, 0, 2), (3, 2, 1, 3)],
    "dilation and padding": [(3, 1, 2, 2), (3, 1, 3, 3)],
    "stride above the kernel": [(1, 3, 0, 1), (2, 2, 0, 1)],
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())
@pytest.mark.parametrize("corner", ["first", "middle", "last"])
def test_dye_arithmetic_and_changed_pixels_agree(chain, corner):
    model = nn.Sequential(*(nn.Conv2d(1, 1, k, s, p, d) for k, s, p, d in chain)).to(np.float64)
    rows, columns = model(mc.tensor(np.zeros((1, 1, 20, 17)))).shape[2:]
    at = {"first": (0, 0), "middle": (rows // 2, columns // 2), "last": (rows - 1, columns - 1)}
    place = at[corner]
    field = viz.receptive_field_map(model, (1, 20, 17), str(len(chain) - 1), place)
    np.testing.assert_array_equal(field, by_changing_pixels(model, (1, 20, 17), place))
    expected = [
        by_arithmetic([(k, s, sides(p)[axis], d) for k, s, p, d in chain], [place[axis]], size)
        for axis, size in enumerate((20, 17))
    ]
    np.testing.assert_array_equal(field, np.outer(*expected))


@pytest.mark.parametrize(
    ("layer", "size", "start"),
    # size = 1 + sum of (K - 1)·(strides before): 1 + 4, + 1, + 4·2, + 1·2; unit 2 of pool2 begins
    # at 2·4, unit 4 of conv2 at 4·2.
    [("conv1", 5, 12), ("pool1", 6, 12), ("conv2", 14, 8), ("pool2", 16, 8)],
)
def test_lenet5(layer, size, start):
    field = viz.receptive_field_map(models.lenet5(), (1, 28, 28), layer)
    assert extents(field) == [(start, size)] * 2
    assert field.sum() == size**2


def test_alexnet():
    """By hand for 227: K = 11, 3, 5, 3, 3, 3, 3, 3 at steps of 1, 4, 8, 8, 16, 16, 16, 16 pixels.

    1 + 10·1 + 2·4 + 4·8 + 2·8 + 2·16 + 2·16 + 2·16 + 2·16 = 195. The fields of neighbours lie 32
    apart; padding 2, 1, 1, 1 at these steps puts that of unit 0 at -2·8 - 3·16 = -64.
    """
    convolutions = [
        nn.Conv2d(3, 2, 11, stride=4),
        nn.Conv2d(2, 2, 5, padding=2, groups=2),
        *(nn.Conv2d(2, 2, 3, padding=1) for _ in range(3)),
    ]
    dense = [nn.Linear(72, 3), nn.Linear(3, 3), nn.Linear(3, 3)]
    model = models.alexnet_2012.EightLayers(convolutions, dense)  # its geometry with few channels
    sizes = {"conv1": 11, "pool1": 19, "conv2": 51, "pool2": 67}
    sizes |= {"conv3": 99, "conv4": 131, "conv5": 163, "pool5": 195}
    for layer, size in sizes.items():
        (_, rows), (_, columns) = extents(viz.receptive_field_map(model, (3, 227, 227), layer))
        assert rows == columns == size
    for unit in (0, 3, 5):
        field = viz.receptive_field_map(model, (3, 227, 227), "pool5", (unit, 2))
        first, after = max(0, 32 * unit - 64), min(227, 32 * unit - 64 + 195)
        assert extents(field) == [(first, after - first), (0, 195)]
    title = viz.receptive_field(model, (3, 227, 227), "pool5").get_suptitle()
    assert title.startswith("unit (3, 3) of layer pool5 sees 195x195 pixels, stride 32")
    assert viz.receptive_field_map(model, (3, 227, 227), "fc6", 1).all()


class Everything(nn.Module):
    """An op that may choose among its inputs, after a convolution."""

    def __init__(self, op):
        self.conv = nn.Conv2d(1, 2, 3)
        self.after = nn.Identity()
        self.op = op

    def forward(self, x):
        return self.after(self.op(self.conv(x) - 3.0))  # below 0: every ReLU is off


SAME = {
    "relu": ops.relu,
    "hardtanh": ops.hardtanh,
    "clip": lambda x: x.clip(5.0, 6.0),
    "where": lambda x: ops.where(x.data > 0, x, 0.0),
    "where, never": lambda x: ops.where(np.zeros((1, 1), bool), x, 0.0),
    "power 0": lambda x: x**0,
    "maximum": lambda x: ops.maximum(x, 9.0),
    "local_response_norm": lambda x: ops.local_response_norm(x, 2),
    "reshape": lambda x: x.reshape(1, 2, -1).reshape(*x.shape),
    "scaled": lambda x: x * mc.tensor(np.zeros((2, 1, 1), np.float32)),
    "join": lambda x: ops.concatenate([x[:, 1:], x[:, :1]], 1),
}
POOLS = {
    "max": lambda x: ops.max_pool2d(x, 3, 2, padding=1),
    "min": lambda x: ops.min_pool2d(x, 3, 2, padding=1),
    "avg": lambda x: ops.avg_pool2d(x, 3, 2, padding=1),
    "lp": lambda x: ops.lp_pool2d(ops.relu(x), 2.5, 3, 2, padding=1),
}


@pytest.mark.parametrize("op", SAME.values(), ids=SAME.keys())
def test_what_acts_on_each_pixel_changes_no_field(op):
    field = viz.receptive_field_map(Everything(op), (1, 8, 8), "after", (2, 5))
    assert extents(field) == [(2, 3), (5, 3)]
    assert field.sum() == 9


@pytest.mark.parametrize("op", POOLS.values(), ids=POOLS.keys())
def test_pooling_sees_its_whole_window(op, device):
    model = Everything(op).to(device)
    field = viz.receptive_field_map(model, (1, 9, 9), "after", (0, 2))
    assert extents(field) == [(0, 4), (3, 5)]  # rows -1 to 1 and columns 3 to 5 of the convolution
    assert field.sum() == 20


@pytest.mark.parametrize("op", [ops.global_max_pool2d, ops.global_min_pool2d])
def test_a_global_maximum_sees_everything(op):
    assert viz.receptive_field_map(Everything(op), (1, 6, 6), "after", 1).all()


def test_adaptive_maximum():
    model = Everything(lambda x: ops.adaptive_max_pool2d(x, 2))
    field = viz.receptive_field_map(model, (1, 7, 7), "after", (0, 1))
    assert extents(field) == [(0, 5), (2, 5)]  # regions of 3 in 5 rows, and the kernel of 3


def test_normalisation_and_dropout_in_evaluation_mode():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.9), nn.ReLU())
    assert extents(viz.receptive_field_map(model, (1, 6, 6), "3", (1, 1))) == [(1, 3), (1, 3)]


def test_branches_give_the_union():
    class Cross(nn.Module):
        def __init__(self):
            self.across, self.down = nn.Conv2d(1, 1, (1, 5)), nn.Conv2d(1, 1, (5, 1))

        def forward(self, x):
            return self.across(x)[:, :, 2:-2] + self.down(x)[:, :, :, 2:-2]

    model = nn.Sequential(Cross())
    field = viz.receptive_field_map(model, (1, 9, 9), "0", (1, 2))
    expected = np.zeros((9, 9), bool)
    expected[3, 2:7] = expected[1:6, 4] = True
    np.testing.assert_array_equal(field, expected)


def test_weights_of_zero_count_too():
    model = nn.Sequential(nn.Conv2d(1, 1, 3))
    nn.init.zeros_(model[0].weight)
    assert viz.receptive_field_map(model, (1, 5, 5), "0").sum() == 9


def test_a_layer_can_be_given_itself():
    model = models.lenet5()
    by_name = viz.receptive_field_map(model, (1, 28, 28), "conv2")
    np.testing.assert_array_equal(viz.receptive_field_map(model, (1, 28, 28), model.conv2), by_name)


@pytest.mark.parametrize(
    ("layer", "unit", "title"),
    [
        ("pool2", None, "unit (2, 2) of layer pool2 sees 16x16 pixels, stride 4"),
        ("conv1", (3, 4), "unit (3, 4) of layer conv1 sees 5x5 pixels, stride 1"),
        ("conv1", (3, 0), "unit (3, 0) of layer conv1 sees 5x5 pixels, stride 1"),
        ("pool2", (0, 3), "unit (0, 3) of layer pool2 sees 16x16 pixels, stride 4"),
        ("fc1", 7, "unit 7 of layer fc1 sees 28x28 pixels"),
    ],
)
def test_the_title_says_size_and_stride(layer, unit, title):
    picture = viz.receptive_field(models.lenet5(), (1, 28, 28), layer, unit)
    assert picture.get_suptitle().startswith(title)
    assert ("stride" in title) == ("stride" in picture.get_suptitle())
    assert picture.axes[-1].images[0].get_array().shape == (28, 28)
    maps = picture.axes[:-1]  # of a layer that makes maps
    assert [axes.images[0].get_array().sum() for axes in maps] == [1] * (layer != "fc1")


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())
def test_the_stride_is_how_far_the_next_field_lies(chain):
    model = nn.Sequential(*(nn.Conv2d(1, 1, k, s, p, d) for k, s, p, d in chain))
    rows, columns = (n // 2 for n in model(mc.tensor(np.zeros((1, 1, 40, 40), "f"))).shape[2:])
    title = viz.receptive_field(model, (1, 40, 40), "1", (rows, columns)).get_suptitle()
    stride = int(re.search(r"stride (\d+)", title)[1])
    field, across, down = (
        viz.receptive_field_map(model, (1, 40, 40), "1", unit)
        for unit in ((rows, columns), (rows, columns + 1), (rows + 1, columns))
    )
    np.testing.assert_array_equal(field[:, :-stride], across[:, stride:])
    np.testing.assert_array_equal(field[:-stride], down[stride:])


STRIDES = {
    "both directions": (lambda x: ops.max_pool2d(x, 2, (2, 3)), "2x3"),
    "average": (lambda x: ops.avg_pool2d(x, 2), "2"),
    "zeros": (lambda x: ops.pad2d(ops.relu(x), 2), "1"),
    "reflect": (lambda x: ops.pad2d(x, 2, "reflect"), None),
    "index": (lambda x: x[:, :, ::2], "2x1"),
    "crop": (lambda x: x[:, :, 3:, 4:-1], "1"),
    "turned": (lambda x: ops.max_pool2d(x, 2, (2, 3)).transpose(2, 3), None),
    "one row": (lambda x: x[:, :, 4:5, ::3], "3"),
    "one column": (lambda x: x[:, :, ::3, 4:5], "3"),
    "everything": (lambda x: x + x.mean((2, 3), keepdim=True), None),
    "adaptive, which divides": (lambda x: ops.adaptive_avg_pool2d(x, 3), "6"),
    "adaptive, which does not": (lambda x: ops.adaptive_max_pool2d(x, 5), None),
    "two ways": (lambda x: x + ops.max_pool2d(x, 3, 1, padding=1), "1"),
    "two ways that differ": (lambda x: x[:, :, :9, :9] + ops.max_pool2d(x, 2), None),
}


@pytest.mark.parametrize(("op", "stride"), STRIDES.values(), ids=STRIDES.keys())
def test_the_stride_of_ops(op, stride):
    title = viz.receptive_field(Everything(op), (1, 20, 20), "after").get_suptitle()
    assert title.partition(", stride ")[2] == (
        f"{stride} (dashed: its neighbour)" if stride else ""
    )


def test_a_map_of_one_unit_has_no_stride():
    title = viz.receptive_field(nn.MaxPool2d(4), (1, 4, 4), "").get_suptitle()
    assert title == "unit (0, 0) of MaxPool2d sees 4x4 pixels"


def test_an_op_of_a_user_is_seen_through_even_without_a_gradient():
    class Half(Function):
        def forward(self, a, b):
            return a + b

        def backward(self, grad):
            return grad, None

    class Net(nn.Module):
        def __init__(self):
            self.one, self.other = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 3, padding=1)
            self.sum = nn.Identity()

        def forward(self, x):
            return self.sum(Half.apply(self.one(x), self.other(x)))

    assert viz.receptive_field_map(Net(), (1, 5, 5), "sum").sum() == 9


def test_inside_no_grad():
    with mc.no_grad():
        assert viz.receptive_field_map(models.lenet5(), (1, 28, 28), "conv1").sum() == 25


@pytest.mark.parametrize("size", [11, 33])
def test_dilated_branches(size):
    """Each row and each column crosses some branch, but not every pixel of them does."""

    class Pyramid(nn.Module):
        def __init__(self):
            rates = (1, size // 8 + 1, size // 4)
            self.a, self.b, self.c = (nn.Conv2d(1, 1, 3, padding=r, dilation=r) for r in rates)

        def forward(self, x):
            return self.a(x) + self.b(x) + self.c(x)

    model = nn.Sequential(Pyramid()).to(np.float64)
    unit = (size // 2, size // 2 + 1)
    field = viz.receptive_field_map(model, (1, size, size), "0", unit)
    assert 9 < field.sum() < 27
    np.testing.assert_array_equal(field, by_changing_pixels(model, (1, size, size), unit))


def test_large_branches_that_leave_the_corners_out():
    class Cross(nn.Module):
        def forward(self, x):
            across = ops.avg_pool2d(x, (5, 15), 1, padding=(2, 7))
            return across + ops.avg_pool2d(x, (15, 5), 1, padding=(7, 2))

    field = viz.receptive_field_map(nn.Sequential(Cross()), (1, 20, 20), "0", (9, 9))
    expected = np.zeros((20, 20), bool)
    expected[7:12, 2:17] = expected[2:17, 7:12] = True
    np.testing.assert_array_equal(field, expected)


def test_a_unit_in_the_padding_sees_nothing():
    model = nn.Sequential(nn.Conv2d(1, 1, 1, padding=2))
    title = viz.receptive_field(model, (1, 3, 3), "0", (0, 0)).get_suptitle()
    assert title.startswith("unit (0, 0) of layer 0 sees 0x0 pixels")


@pytest.mark.parametrize(
    ("layer", "unit", "message"),
    [
        ("conv3", None, "layer is 'conv3', expected one of conv1, relu1, pool1"),
        ("conv1", (24, 0), "unit is (24, 0), expected a place in 24x24 units"),
        ("conv1", 3, "unit is 3, expected a place in 24x24 units"),
        ("conv1", (0.5, 1), "unit is (0.5, 1)"),
        ("fc1", (1, 1), "unit is (1, 1), expected a place in 120 units"),
    ],
)
def test_wrong_arguments(layer, unit, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        viz.receptive_field(models.lenet5(), (1, 28, 28), layer, unit)


def test_the_model_can_be_the_layer():
    title = viz.receptive_field(nn.MaxPool2d(2), (1, 8, 8), "").get_suptitle()
    assert title.startswith("unit (2, 2) of MaxPool2d sees 2x2 pixels, stride 2")


def test_the_input_shape_is_checked():
    with pytest.raises(ValueError, match="expected .C, H, W."):
        viz.receptive_field(models.lenet5(), (28, 28), "conv1")
    with pytest.raises(ValueError, match="input_shape: got .1, -28, 28., expected the sizes"):
        viz.receptive_field(models.lenet5(), (1, -28, 28), "conv1")


def test_a_layer_that_does_not_run():
    model = models.lenet5_1998()
    model.unused = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="does not run"):
        viz.receptive_field(model, (1, 32, 32), "unused")


def test_the_model_is_left_as_it_was():
    with unchanged(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())) as model:
        viz.receptive_field(model, (1, 6, 6), "2")
