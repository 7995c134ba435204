"""explain_shapes: the arithmetic gives the sizes of the layers, and says where it fails."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.html import texts_of

import minicnn as mc
from minicnn import models, nn
from minicnn.explain import explain_shapes
from minicnn.testing import strategies

LENET5 = """\
LeNet5, input 1x28x28
-------------------------------------------------------------------------------------------------------------
layer     type        input -> output      size                                    parameters   multiply-adds
-------------------------------------------------------------------------------------------------------------
conv1     Conv2d      1x28x28 -> 6x24x24   (28 + 0 - 5) // 1 + 1 = 24                     156          86,400
relu1     ReLU        6x24x24 -> 6x24x24                                                    0               0
pool1     MaxPool2d   6x24x24 -> 6x12x12   (24 + 0 - 2) // 2 + 1 = 12                       0               0
conv2     Conv2d      6x12x12 -> 16x8x8    (12 + 0 - 5) // 1 + 1 = 8                    2,416         153,600
relu2     ReLU        16x8x8 -> 16x8x8                                                      0               0
pool2     MaxPool2d   16x8x8 -> 16x4x4     (8 + 0 - 2) // 2 + 1 = 4                         0               0
flatten   Flatten     16x4x4 -> 256        16 * 4 * 4 = 256                                 0               0
fc1       Linear      256 -> 120           each of 120 outputs sums 256 products       30,840          30,720
relu3     ReLU        120 -> 120                                                            0               0
fc2       Linear      120 -> 84            each of 84 outputs sums 120 products        10,164          10,080
relu4     ReLU        84 -> 84                                                              0               0
fc3       Linear      84 -> 10             each of 10 outputs sums 84 products            850             840
-------------------------------------------------------------------------------------------------------------
total                                                                                  44,426         281,640
"""  # noqa: E501


def test_lenet5() -> None:
    table = explain_shapes(models.lenet5(), (1, 28, 28))
    assert repr(table) + "\n" == LENET5
    assert (table.parameters, table.multiply_adds) == (44_426, 281_640)


def arithmetic(layer: nn.Module, shape: tuple[int, ...]) -> list[str]:
    """The lines for a model of this one layer."""
    (row,) = explain_shapes(layer, shape).rows
    return row.arithmetic


@pytest.mark.parametrize(
    ("layer", "shape", "lines"),
    [
        (nn.Conv2d(1, 1, 3, padding=1), (1, 5, 5), ["(5 + 1 + 1 - 3) // 1 + 1 = 5"]),
        (nn.Conv2d(1, 1, 3, dilation=2), (1, 9, 9),
         ["span 2 * (3 - 1) + 1 = 5", "(9 + 0 - 5) // 1 + 1 = 5"]),
        (nn.Conv2d(1, 1, 3, 2, "same"), (1, 5, 5),
         ["same: ceil(5 / 2) = 3", "padding 1 + 1 = max((3 - 1) * 2 + 3 - 5, 0)"]),
        (nn.Conv2d(1, 1, 3, padding="valid"), (1, 5, 5), ["(5 + 0 - 3) // 1 + 1 = 3"]),
        (nn.MaxPool2d(2), (1, 5, 5),
         ["(5 + 0 - 2) // 2 + 1 = 2", "drops the last 1 row and 1 column: no window reaches them"]),
        (nn.MaxPool2d((2, 4)), (1, 4, 7),
         ["height (4 + 0 - 2) // 2 + 1 = 2", "width  (7 + 0 - 4) // 4 + 1 = 1",
          "drops the last 3 columns: no window reaches them"]),
        (nn.MaxPool2d(2, ceil_mode=True), (1, 5, 5), ["ceil((5 + 0 - 2) / 2) + 1 = 3"]),
        (nn.AvgPool2d(2, padding=1, ceil_mode=True), (1, 3, 3),
         ["ceil((3 + 1 + 1 - 2) / 2) + 1 = 3", "the last would start outside the image, so 2"]),
        (nn.Conv2d(1, 1, 1, 3), (1, 5, 5),
         ["(5 + 0 - 1) // 3 + 1 = 2", "drops the last 1 row and 1 column: no window reaches them",
          "skips 2 rows and 2 columns between the taps"]),
        (nn.ConvTranspose2d(1, 1, 3, 2, 1, 1), (1, 7, 7), ["(7 - 1) * 2 - 1 - 1 + 3 + 1 = 14"]),
        (nn.ConvTranspose2d(1, 1, 3, dilation=2), (1, 7, 7),
         ["span 2 * (3 - 1) + 1 = 5", "(7 - 1) * 1 + 5 = 11"]),
        (nn.ZeroPad2d(((1, 2), (0, -1))), (1, 5, 5),
         ["height 5 + 1 + 2 = 8", "width  5 + 0 - 1 = 4"]),
        (nn.AdaptiveAvgPool2d((2, None)), (1, 5, 3),
         ["height 5 in 2 regions of 3", "width  3 in 3 regions of 1"]),
        (nn.AdaptiveMaxPool2d(3), (1, 5, 5), ["5 in 3 regions of 2 or 3"]),
        (nn.GlobalAvgPool2d(), (1, 5, 3), ["one number for 5 * 3 pixels"]),
        (nn.Flatten(), (2, 5, 3), ["2 * 5 * 3 = 30"]),
        (nn.Flatten(2), (2, 5, 3), ["5 * 3 = 15"]),
        (nn.Flatten(), (4,), []),
        (nn.ReLU(), (2, 5, 3), []),
    ],
    ids=repr,
)  # fmt: skip
def test_the_arithmetic_of(layer: nn.Module, shape: tuple[int, ...], lines: list[str]) -> None:
    assert arithmetic(layer, shape) == lines


def stated(lines: list[str]) -> tuple[int, int]:
    """The height and width that the lines result in."""
    found = {"height": 0, "width": 0}
    for line in lines:
        match = re.search(r"(?:\) // \d+ \+ 1|\+ 1|/ \d+\)) = (\d+)$|so (\d+)$", line)
        if match and "span" not in line:
            for axis in [a for a in found if line.startswith(a)] or found:
                found[axis] = int(match[1] or match[2])
    return found["height"], found["width"]


@given(strategies.conv2d_cases())
def test_the_arithmetic_of_convolutions_gives_their_size(case: strategies.Conv2dCase) -> None:
    outputs, per_group, *kernel = case.weight.shape
    layer = nn.Conv2d(per_group * case.options["groups"], outputs, tuple(kernel), **case.options)
    (row,) = explain_shapes(layer.to(np.float64), case.x.shape[1:]).rows
    assert stated(row.arithmetic) == row.output_shape[1:] == layer(case.x).shape[2:]
    assert row.multiply_adds == np.prod(row.output_shape) * per_group * np.prod(kernel)


@given(strategies.pool2d_cases())
def test_the_arithmetic_of_pools_gives_their_size(case: strategies.Pool2dCase) -> None:
    if case.options["padding"] == "same":
        case.options["ceil_mode"] = False
    (row,) = explain_shapes(nn.MaxPool2d(case.kernel_size, **case.options), case.x.shape[1:]).rows
    assert stated(row.arithmetic) == row.output_shape[1:]


@given(strategies.conv2d_cases(), st.sampled_from(["row", "column"]))
def test_pixels_reported_as_unread_have_no_gradient(case: strategies.Conv2dCase, line: str) -> None:
    case.options["groups"] = 1
    channels = case.x.shape[1]
    layer = nn.Conv2d(channels, 1, case.weight.shape[2:], **case.options).to(np.float64)
    layer.weight.data[...] = 1.0
    (row,) = explain_shapes(layer, case.x.shape[1:]).rows
    (gradient,) = mc.grad(layer(case.x).sum(), case.x)
    assume(gradient.numpy().any())  # otherwise both axes look unread
    unread = (gradient.numpy()[0, 0] == 0).all(1 if line == "row" else 0).sum()
    reported = re.findall(rf"(\d+) {line}s?\b", "\n".join(row.arithmetic))
    assert sum(map(int, reported)) == unread


def test_multiply_adds_of_groups_and_of_the_transposed_convolution() -> None:
    model = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.ConvTranspose2d(6, 4, 3, 2, groups=2))
    first, second = explain_shapes(model, (4, 5, 5)).rows
    assert first.multiply_adds == 6 * 3 * 3 * (2 * 3 * 3)
    assert second.multiply_adds == 6 * 3 * 3 * (2 * 3 * 3)


def test_custom_layers_have_unknown_cost() -> None:
    table = explain_shapes(models.lenet5_1998(), (1, 32, 32))
    assert [row.layer for row in table.rows if row.multiply_adds is None] == [
        "s2", "c3", "s4", "output",
    ]  # fmt: skip
    assert repr(table).endswith("175,680 + ?")
    assert table.parameters == 60_000


def test_a_shared_layer_is_counted_once() -> None:
    layer = nn.Linear(3, 3)
    table = explain_shapes(nn.Sequential(layer, nn.ReLU(), layer), (3,))
    assert [row.parameters for row in table.rows] == [12, 0, 0]
    assert [row.multiply_adds for row in table.rows] == [9, 0, 9]


@pytest.mark.parametrize(
    ("model", "shape", "parts"),
    [
        (models.lenet5(), (1, 14, 14),
         ["pool2 (MaxPool2d) fails on an input of 16x1x1: max_pool2d: a 2x2 kernel does not fit",
          "    (1 + 0 - 2) // 2 + 1 = 0", "the layers before:", "conv2   Conv2d"]),
        (models.lenet5(), (1, 32, 32),
         ["fc1 (Linear) fails on an input of 400: ", "    expects 256 inputs", "16 * 5 * 5 = 400"]),
        (models.lenet5(), (3, 28, 28),
         ["conv1 (Conv2d) fails on an input of 3x28x28: ", "    expects 1 channel"]),
        (nn.Conv2d(1, 2, 5), (28, 28), ["(Conv2d) fails on an input of 28x28: "]),
        (nn.Conv2d(1, 2, 5, dilation=3), (1, 9, 9),
         ["    span 3 * (5 - 1) + 1 = 13", "    (9 + 0 - 13) // 1 + 1 = -3"]),
        (nn.ConvTranspose2d(1, 2, 1, padding=2), (1, 3, 3), ["(3 - 1) * 1 - 2 - 2 + 1 = -1"]),
    ],
)  # fmt: skip
def test_an_input_that_does_not_fit(
    model: nn.Module, shape: tuple[int, ...], parts: list[str]
) -> None:
    with pytest.raises(ValueError, match="explain_shapes: ") as error:
        explain_shapes(model, shape)
    for part in parts:
        assert part in str(error.value)


class Between(nn.Module):
    """Fails between its layers."""

    def __init__(self) -> None:
        self.fc = nn.Linear(3, 2)

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return self.fc(x) + mc.tensor([1.0, 2.0, 3.0])


def test_a_failure_between_layers() -> None:
    with pytest.raises(ValueError, match=r"explain_shapes: after fc \(Linear\): "):
        explain_shapes(Between(), (3,))


def test_a_failure_leaves_no_hooks() -> None:
    model = models.lenet5()
    with pytest.raises(ValueError, match="pool2"):
        explain_shapes(model, (1, 14, 14))
    for module in model.modules():
        assert not any(vars(module).get(kind) for kind in ("_forward_hooks", "_forward_pre_hooks"))
    assert model.training


def test_the_table_in_a_notebook() -> None:
    texts = texts_of(explain_shapes(models.lenet5(), (1, 28, 28))._repr_html_())
    assert "LeNet5, input 1x28x28" in texts
    for text in ("conv1", "1x28x28", "6x24x24", "(28 + 0 - 5) // 1 + 1 = 24", "86,400", "281,640"):
        assert text in texts


@pytest.mark.parametrize("pack", [lambda x: {"x": x}, lambda x: [x], lambda x: (x,)])
def test_a_layer_whose_output_is_not_a_tensor(pack):
    class Packed(nn.Module):
        def forward(self, x):
            return pack(x)

    class Model(nn.Module):
        def __init__(self):
            self.conv, self.pack = nn.Conv2d(1, 2, 3), Packed()

        def forward(self, x):
            self.pack(self.conv(x))
            return x

    rows = explain_shapes(Model(), (1, 5, 5)).rows
    assert rows[0].output_shape == (2, 3, 3)
    assert rows[1].output_shape == (() if isinstance(pack(0), dict) else (2, 3, 3))


@pytest.mark.parametrize("shape", [28, None, "abc", (1, -2, 5), (1, 5.0, 5)])
def test_arguments_that_are_not_shapes(shape):
    for look in (explain_shapes, mc.summary):
        with pytest.raises(
            ValueError, match="input_shape: got .*, expected the sizes of one image"
        ):
            look(nn.ReLU(), shape)
