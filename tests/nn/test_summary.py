"""summary: the table of a model, and that looking leaves the model as it was."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import models, nn

LENET5 = """\
LeNet5
---------------------------------------------------------------
Layer (type)        Output shape     Parameters   Multiply-adds
---------------------------------------------------------------
conv1 (Conv2d)      (N, 6, 24, 24)          156          86,400
relu1 (ReLU)        (N, 6, 24, 24)            0               0
pool1 (MaxPool2d)   (N, 6, 12, 12)            0               0
conv2 (Conv2d)      (N, 16, 8, 8)         2,416         153,600
relu2 (ReLU)        (N, 16, 8, 8)             0               0
pool2 (MaxPool2d)   (N, 16, 4, 4)             0               0
flatten (Flatten)   (N, 256)                  0               0
fc1 (Linear)        (N, 120)             30,840          30,720
relu3 (ReLU)        (N, 120)                  0               0
fc2 (Linear)        (N, 84)              10,164          10,080
relu4 (ReLU)        (N, 84)                   0               0
fc3 (Linear)        (N, 10)                 850             840
---------------------------------------------------------------
Total parameters: 44,426
Trainable parameters: 44,426
Multiply-adds for one image: 281,640
After the scores: softmax, in the loss"""


def rows(table) -> list[tuple]:
    """Without the multiply-adds."""
    return [tuple(row)[:3] for row in table.rows]


def test_lenet5_is_the_table_of_the_course():
    assert repr(mc.summary(models.lenet5(), (1, 28, 28))) == LENET5


def test_alexnet_mnist_has_the_rows_of_the_course():
    table = mc.summary(models.alexnet_mnist(), (1, 28, 28))
    assert rows(table) == [
        ("conv1 (Conv2d)", (32, 26, 26), 320),
        ("relu1 (ReLU)", (32, 26, 26), 0),
        ("pool1 (MaxPool2d)", (32, 13, 13), 0),
        ("conv2 (Conv2d)", (64, 11, 11), 18_496),
        ("relu2 (ReLU)", (64, 11, 11), 0),
        ("pool2 (MaxPool2d)", (64, 5, 5), 0),
        ("conv3 (Conv2d)", (128, 3, 3), 73_856),
        ("relu3 (ReLU)", (128, 3, 3), 0),
        ("flatten (Flatten)", (1152,), 0),
        ("fc1 (Linear)", (128,), 147_584),
        ("relu4 (ReLU)", (128,), 0),
        ("fc2 (Linear)", (10,), 1_290),
    ]
    assert (table.total, table.trainable) == (241_546, 241_546)


def test_nested_chains_are_listed_by_path():
    model = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), nn.Flatten())
    assert rows(mc.summary(model, (1, 4, 4))) == [
        ("0.0 (Conv2d)", (2, 2, 2), 20),
        ("0.1 (ReLU)", (2, 2, 2), 0),
        ("1 (Flatten)", (8,), 0),
    ]


def test_a_model_of_one_layer():
    table = mc.summary(nn.Linear(3, 2), (3,))
    assert rows(table) == [("(Linear)", (2,), 8)]
    assert (table.name, table.total) == ("Linear", 8)


def test_shared_layers_are_listed_as_used_and_counted_once():
    layer = nn.Linear(3, 3)
    table = mc.summary(nn.Sequential(layer, nn.ReLU(), layer), (3,))
    assert [row.parameters for row in table.rows] == [12, 0, 0]
    assert table.total == 12


def test_a_shared_layer_has_one_name_the_first():
    layer = nn.Linear(3, 3)
    table = mc.summary(nn.Sequential(layer, nn.ReLU(), layer), (3,))
    assert [row.layer for row in table.rows] == ["0 (Linear)", "1 (ReLU)", "0 (Linear)"]


def test_shared_weights_are_counted_once():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    table = mc.summary(model, (3,))
    assert [row.parameters for row in table.rows] == [9, 3]
    assert table.total == 12


def test_frozen_parameters_are_not_trainable():
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    model[0].weight.requires_grad = False
    table = mc.summary(model, (3,))
    assert (table.total, table.trainable) == (11, 5)
    assert "Total parameters: 11\nTrainable parameters: 5\n" in str(table)


def test_a_layer_with_two_outputs_shows_the_first():
    table = mc.summary(nn.MaxPool2d(2, return_indices=True), (3, 4, 4))
    assert rows(table) == [("(MaxPool2d)", (3, 2, 2), 0)]


def test_the_input_takes_the_dtype_of_the_model():
    assert mc.summary(nn.Linear(3, 2).to(np.float64), (3,)).total == 8


@pytest.fixture
def watched():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 1))
    seen = []
    model[1].register_forward_hook(lambda module, *_: seen.append(module.training))
    return model, seen


@pytest.mark.parametrize("shape", [(3,), (4,)], ids=["fits", "fails"])
@pytest.mark.parametrize("training", [True, False])
def test_mode_hooks_and_gradients_are_left_as_they_were(watched, shape, training):
    model, seen = watched
    model.train(training)
    state = model.state_dict()
    try:
        mc.summary(model, shape)
    except ValueError:
        assert shape == (4,)
    else:
        assert seen == [False]  # run in evaluation mode
    assert [m.training for m in model.modules()] == [training] * 4
    assert [len(m._hooks) for m in model.modules()] == [0, 0, 1, 0]
    assert all(p.grad is None for p in model.parameters())
    assert all(np.array_equal(array, state[name]) for name, array in model.state_dict().items())
    assert mc.is_grad_enabled()


def test_parts_in_evaluation_mode_stay_in_it():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    model[0].eval()  # a frozen part of a model that trains
    mc.summary(model, (3,))
    assert [m.training for m in model.modules()] == [True, False, True]


def test_an_input_that_does_not_fit_raises_what_the_model_raises():
    with pytest.raises(ValueError, match="conv2d"):
        mc.summary(models.lenet5(), (3, 28, 28))


def test_normalisation_and_dropout_are_listed_and_left_as_they_were():
    model = nn.Sequential(
        nn.ZeroPad2d(1),
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.LocalResponseNorm(5),
        nn.MinPool2d(2),
        nn.Dropout2d(0.5),
        nn.LPPool2d(2, 2, padding="same"),
        nn.AdaptiveMaxPool2d((None, 2)),
        nn.GlobalAvgPool2d(),
        nn.BatchNorm1d(4, affine=False),
        nn.Dropout(),
        nn.LayerNorm(4),
    )
    state = model.state_dict()
    mc.manual_seed(0)
    table = mc.summary(model, (1, 8, 8))
    drawn = mc.ops.dropout(mc.tensor(np.ones(9))).data
    assert [row[1:] for row in rows(table)] == [
        ((1, 10, 10), 0),
        ((4, 8, 8), 40),
        ((4, 8, 8), 8),
        ((4, 8, 8), 0),
        ((4, 4, 4), 0),
        ((4, 4, 4), 0),
        ((4, 2, 2), 0),
        ((4, 2, 2), 0),
        ((4,), 0),
        ((4,), 0),
        ((4,), 0),
        ((4,), 8),
    ]
    assert table.total == table.trainable == 56  # running statistics are not counted
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    mc.manual_seed(0)
    np.testing.assert_array_equal(mc.ops.dropout(mc.tensor(np.ones(9))).data, drawn)


def test_multiply_adds_are_those_of_convolutions_and_dense_layers():
    class Own(nn.Module):
        def forward(self, x):
            return x * 2

    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, groups=2), nn.ConvTranspose2d(4, 2, 2), nn.Flatten(), nn.Linear(32, 5)
    )
    table = mc.summary(model, (2, 5, 5))
    assert [row.multiply_adds for row in table.rows] == [9 * 36, 4 * 2 * 4 * 9, 0, 160]
    assert table.multiply_adds == 9 * 36 + 288 + 160
    unknown = mc.summary(nn.Sequential(nn.Linear(2, 3), Own()), (2,))
    assert [row.multiply_adds for row in unknown.rows] == [6, None]
    assert str(unknown).endswith("Multiply-adds for one image: 6 + ?")
    assert ">?<" in unknown._repr_html_()
