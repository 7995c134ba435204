"""An error inside a network names the layer by its path, and what would fit there."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import minicnn as mc
from minicnn import models, nn


def zeros(*shape: int) -> mc.Tensor:
    return mc.tensor(np.zeros(shape, np.float32))


def message_of(model: nn.Module, *inputs: object, error: type[Exception] = ValueError) -> str:
    with pytest.raises(error) as caught:
        model(*inputs)
    assert type(caught.value) is error
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "shape", "start", "end"),
    [
        (models.lenet5(), (1, 3, 28, 28), "conv1 (Conv2d): conv2d: x has 3 channels, ",
         "; Conv2d(3, 6, (5, 5)) would fit"),
        (models.lenet5(), (1, 28, 28, 1), "conv1 (Conv2d): ",
         "; channels first, x.permute(0, 3, 1, 2), would fit"),
        (models.lenet5(), (1, 28, 28), "conv1 (Conv2d): ",
         "; a batch of one image, x.reshape(1, *x.shape), would fit"),
        (models.lenet5(), (1, 1, 32, 32), "fc1 (Linear): linear: x has shape (1, 400)",
         "; Linear(400, 120) would fit"),
        (models.lenet5(), (1, 1, 4, 4), "conv1 (Conv2d): conv2d: a 5x5 kernel", ""),
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=2)), (1, 6, 4, 4), "0 (Conv2d): ",
         "; Conv2d(6, 4, (3, 3), groups=2) would fit"),
        (nn.Sequential(nn.ConvTranspose2d(4, 2, 3)), (1, 6, 4, 4), "0 (ConvTranspose2d): ",
         "; ConvTranspose2d(6, 2, (3, 3)) would fit"),
        (nn.Sequential(nn.Identity(), nn.Linear(16, 10)), (3, 1, 4, 4), "1 (Linear): ",
         "; Flatten() before it would fit"),
        (nn.Sequential(nn.Linear(9, 10)), (3, 2, 4, 4), "0 (Linear): ",
         "; Flatten() and Linear(32, 10) would fit"),
        (nn.Sequential(nn.BatchNorm2d(3)), (2, 4, 5, 5), "0 (BatchNorm2d): ",
         "; BatchNorm2d(4) would fit"),
        (nn.Sequential(nn.BatchNorm1d(3)), (2, 4), "0 (BatchNorm1d): ",
         "; BatchNorm1d(4) would fit"),
        (nn.Sequential(nn.BatchNorm1d(3)), (2, 3, 4, 5), "0 (BatchNorm1d): BatchNorm1d: x has ",
         "(N, C) or (N, C, L)"),
        (nn.Sequential(nn.LayerNorm(3)), (2, 4), "0 (LayerNorm): ", "; LayerNorm(4) would fit"),
        (nn.Sequential(nn.LayerNorm((2, 3))), (1, 4, 5), "0 (LayerNorm): ",
         "; LayerNorm((4, 5)) would fit"),
        (nn.Sequential(nn.Sequential({"pool": nn.MaxPool2d(5)})), (1, 1, 2, 2),
         "0.pool (MaxPool2d): max_pool2d: ", ""),
    ],
)  # fmt: skip
def test_the_layer_and_what_would_fit(model, shape, start, end):
    message = message_of(model, zeros(*shape))
    assert message.startswith(start)
    assert message.endswith(end)
    if "would fit" not in end:
        assert "would fit" not in message


@pytest.mark.parametrize(
    ("layer", "better", "shape"),
    [
        (nn.Linear(9, 10), nn.Linear(16, 10), (3, 16)),
        (nn.Conv2d(6, 16, 5), nn.Conv2d(16, 16, (5, 5)), (1, 16, 8, 8)),
        (nn.BatchNorm2d(3), nn.BatchNorm2d(4), (2, 4, 5, 5)),
        (nn.LayerNorm((2, 3)), nn.LayerNorm((4, 5)), (1, 4, 5)),
    ],
)
def test_what_would_fit_does(layer, better, shape):
    message_of(layer, zeros(*shape))
    nn.Sequential(better)(zeros(*shape))


def test_a_layer_called_directly_keeps_its_message():
    assert message_of(nn.Linear(3, 1), zeros(1, 2)).startswith("linear: x has shape (1, 2)")


def test_containers_of_every_kind_have_paths():
    class Net(nn.Module):
        def __init__(self) -> None:
            self.blocks = [nn.Identity(), {"conv": nn.Linear(3, 1)}]

        def forward(self, x):
            return self.blocks[1]["conv"](self.blocks[0](x))

    assert message_of(Net(), zeros(1, 2)).startswith("blocks.1.conv (Linear): linear: ")
    outer = nn.Sequential({"net": Net()})
    assert message_of(outer, zeros(1, 2)).startswith("net.blocks.1.conv (Linear): linear: ")


class Fails(nn.Module):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def forward(self, x):
        raise self.error


def test_an_error_of_the_users_forward_names_the_block():
    model = nn.Sequential({"block": Fails(ValueError("no"))})
    assert message_of(model, zeros(1)) == "block (Fails): no"
    assert message_of(Fails(RuntimeError("no")), zeros(1), error=RuntimeError) == "no"


class Stop(Exception):  # noqa: N818 - control flow, not an error
    pass


@pytest.mark.parametrize(
    "error", [KeyError("key"), Stop("data"), ValueError("a", 1), ValueError(3), OSError(2, "file")]
)
def test_errors_whose_argument_is_no_message_are_left_alone(error):
    before = copy.copy(error.args)
    with pytest.raises(type(error)) as caught:
        nn.Sequential(Fails(error))(zeros(1))
    assert caught.value is error
    assert error.args == before


def test_a_layer_outside_of_the_tree_is_named_by_the_part_that_has_it():
    class Wraps(nn.Module):
        def __init__(self, other: nn.Module) -> None:
            self.other = lambda: other

        def forward(self, x):
            return self.other()(x)

    teacher = nn.Sequential({"fc": nn.Linear(3, 1)})
    assert message_of(Wraps(teacher), zeros(1, 2)).startswith("fc (Linear): linear: ")
    model = nn.Sequential({"student": Wraps(teacher)})
    assert message_of(model, zeros(1, 2)).startswith("student (Wraps): linear: ")


def test_an_error_that_forward_expects_is_not_changed_yet():
    class Tries(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(3, 1)

        def forward(self, x):
            try:
                return self.fc(x)
            except ValueError as error:
                return str(error)

    assert Tries()(zeros(1, 2)).startswith("linear: ")


def test_a_raised_error_keeps_its_traceback_and_is_named_once():
    model = models.lenet5()
    for _ in range(2):
        message = message_of(model, zeros(1, 1, 32, 32))
        assert message.count("fc1 (Linear)") == 1
    with pytest.raises(ValueError, match="fc1") as caught:
        model(zeros(1, 1, 32, 32))
    assert caught.traceback[-1].name == "linear"


def test_an_error_raised_twice_is_named_once():
    error = ValueError("bad")

    class Fails(nn.Module):
        def forward(self, x):
            raise error

    model = nn.Sequential(Fails())
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^0 \(Fails\): bad$"):
            model(1)


def test_the_error_itself_is_never_lost():
    class Called:
        def __call__(self, x):
            raise ValueError("bad")

    model = nn.Sequential(type("Odd", (nn.Module,), {"forward": Called()})())
    model.extra = [nn.ReLU()]
    model.extra.append({nn.ReLU()})  # which the walk to the path refuses
    with pytest.raises(ValueError, match="bad"):
        model(1)


class NoReturn(nn.Module):
    def forward(self, x):
        x * 2


def test_a_forward_without_return_is_told_where_it_is():
    told = r"\(NoReturn\) returned None; its forward must return the result$"
    with pytest.raises(TypeError, match=rf"^0 {told}"):
        nn.Sequential(NoReturn(), nn.ReLU())(zeros(1))
    with pytest.raises(TypeError, match=rf"^0 \(Sequential\): 1 {told}"):
        nn.Sequential(nn.Sequential(nn.ReLU(), NoReturn()), nn.ReLU())(zeros(1))


def test_a_layer_that_is_given_none_by_the_one_before():
    class Net(nn.Module):
        def __init__(self):
            self.block, self.fc = NoReturn(), nn.Linear(1, 1)

        def forward(self, x):
            return self.fc(self.block(x))

    message = "x is a NoneType, .*; the forward that computed it must return the result$"
    with pytest.raises(TypeError, match=rf"^fc \(Linear\): linear: {message}"):
        Net()(zeros(1))


@pytest.mark.parametrize(
    ("layer", "shape", "fits"),
    [
        (
            nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False),
            (1, 3, 8, 8),
            r"Conv2d\(3, 16, \(3, 3\), stride=2, padding=1, bias=False\)",
        ),
        (nn.Conv2d(1, 6, 5), (4, 28, 28), r"images with a channel axis, x\[:, None\],"),
        (nn.Linear(4, 2, bias=False), (1, 3), r"Linear\(3, 2, bias=False\)"),
        (
            nn.BatchNorm2d(4, momentum=0.5, affine=False),
            (2, 3, 1, 1),
            r"BatchNorm2d\(3, momentum=0.5, affine=False\)",
        ),
        (nn.BatchNorm2d(4), (2, 3, 1, 1), r"BatchNorm2d\(3\)"),
        (nn.LayerNorm(4, eps=0.5, bias=False), (2, 3), r"LayerNorm\(3, eps=0.5, bias=False\)"),
        (
            nn.LayerNorm((4, 4), elementwise_affine=False),
            (2, 3, 4),
            r"LayerNorm\(\(3, 4\), elementwise_affine=False\)",
        ),
        (
            nn.ConvTranspose2d(1, 2, 3, stride=2, output_padding=1, dilation=2),
            (1, 3, 8, 8),
            r"ConvTranspose2d\(3, 2, \(3, 3\), stride=2, output_padding=1, dilation=2\)",
        ),
        (
            nn.Conv2d(4, 2, 3, padding="same", groups=2, padding_mode="circular"),
            (1, 6, 8, 8),
            r"Conv2d\(6, 2, \(3, 3\), padding='same', groups=2, padding_mode='circular'\)",
        ),
        (nn.Linear(4, 2, bias=False), (1, 1, 3, 3), r"Flatten\(\) and Linear\(9, 2, bias=False\)"),
    ],
)
def test_what_fits_keeps_the_other_options(layer, shape, fits):
    with pytest.raises(ValueError, match=fits + " would fit$"):
        nn.Sequential(layer)(zeros(*shape))
