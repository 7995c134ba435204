"""state_dict and load_state_dict: copies out, all or nothing in."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn


def everything(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.data.copy() for name, value in module._named_values()}


def test_a_state_dict_holds_copies_in_order(net):
    state = net.state_dict()
    assert list(state) == ["scale", "mean", "first.weight", "first.bias", "rest.1.weight"]
    assert all(type(array) is np.ndarray for array in state.values())
    before = everything(net)
    for array in state.values():
        array[...] = 77
    for name, array in everything(net).items():
        np.testing.assert_array_equal(array, before[name])


def test_a_round_trip_writes_into_the_arrays_there_are(net):
    state = net.state_dict()
    arrays = {name: value.data for name, value in net._named_values()}
    for array in arrays.values():
        array[...] = 0
    net.load_state_dict(state)
    for name, value in net._named_values():
        assert value.data is arrays[name]
        np.testing.assert_array_equal(value.data, state[name])
        assert not np.shares_memory(value.data, state[name])


@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(lambda a: a.astype(np.float64), id="float64"),
        pytest.param(lambda a: a.astype(">f4"), id="big-endian"),
        pytest.param(lambda a: mc.tensor(a, requires_grad=True), id="tensor"),
        pytest.param(lambda a: a.tolist(), id="list"),
        pytest.param(lambda a: np.asfortranarray(a), id="fortran"),
        pytest.param(lambda a: np.repeat(a, 2, axis=0)[::2], id="strided"),
    ],
)
def test_values_may_be_any_array_like_of_the_shape(net, convert):
    state = {name: array + 1 for name, array in net.state_dict().items()}
    net.load_state_dict({name: convert(array) for name, array in state.items()})
    for name, value in net._named_values():
        np.testing.assert_array_equal(value.data, state[name])
        assert value.dtype == np.float32
        assert value.requires_grad == (name != "mean")


def test_scalars_and_empty_arrays_load(net):
    net.register_buffer("count", np.array(0))
    net.register_buffer("nothing", np.zeros((0, 3), np.float32))
    net.load_state_dict({**net.state_dict(), "count": np.array(7)})
    assert net.count.data == 7
    assert net.count.shape == ()


WRONG = {
    "missing": (lambda s: s.pop("first.bias"), KeyError, "missing .*first.bias"),
    "unknown": (lambda s: s.update(extra=np.ones(1)), KeyError, "unknown .*extra"),
    "shape": (lambda s: s.update({"rest.1.weight": np.ones((4, 2))}), ValueError, r"\(4, 2\)"),
    "fewer axes": (lambda s: s.update({"rest.1.weight": np.ones(8)}), ValueError, "rest.1.weight"),
    "broadcastable": (lambda s: s.update({"rest.1.weight": np.ones((2, 1))}), ValueError, "shape"),
    "number": (lambda s: s.update({"rest.1.weight": 1.0}), ValueError, "shape"),
    "text": (
        lambda s: s.update({"rest.1.weight": np.full((2, 4), "x")}),
        (TypeError, ValueError),
        "rest.1.weight",
    ),
    "complex": (
        lambda s: s.update({"rest.1.weight": np.full((2, 4), 1j)}),
        (TypeError, ValueError),
        "rest.1.weight",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_state_that_does_not_fit_changes_nothing(net, case):
    spoil, error, message = WRONG[case]
    before = everything(net)
    state = {name: array + 1 for name, array in net.state_dict().items()}
    spoil(state)
    with pytest.raises(error, match=message):
        net.load_state_dict(state)
    for name, array in everything(net).items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("value", [1e300, -1e39])
def test_a_number_that_float32_cannot_hold_changes_nothing(net, value):
    before = everything(net)
    state = {name: array.astype(float) + 1 for name, array in net.state_dict().items()}
    last = list(state)[-1]
    state[last].flat[0] = value
    with np.errstate(all="warn"), pytest.raises(ValueError, match=f"{last} has .*, which float32"):
        net.load_state_dict(state)
    for name, array in everything(net).items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("value", [2.5, np.nan, 1e30, np.uint64(2**64 - 1)])
def test_a_number_that_an_integer_buffer_cannot_hold_is_refused(value):
    layer = nn.BatchNorm1d(2)
    state = {**layer.state_dict(), "num_batches_tracked": np.array(value)}
    with pytest.raises(ValueError, match="num_batches_tracked has .*, which int64 cannot hold"):
        layer.load_state_dict(state)
    layer.load_state_dict({**state, "num_batches_tracked": np.array(3.0)})
    assert layer.num_batches_tracked.item() == 3


def test_two_layers_change_places():
    layers = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    before = everything(layers)
    (a, b), own = layers, dict(layers.named_parameters())
    layers.load_state_dict({n: own[{"0": "1", "1": "0"}[n[0]] + n[1:]] for n in own})
    np.testing.assert_array_equal(a.weight.data, before["1.weight"])
    np.testing.assert_array_equal(b.weight.data, before["0.weight"])


def test_not_strict_takes_what_is_there_but_still_checks_shapes(net):
    before = everything(net)
    net.load_state_dict({"scale": np.zeros(4), "extra": np.ones(1)}, strict=False)
    assert not net.scale.data.any()
    np.testing.assert_array_equal(net.first.weight.data, before["first.weight"])
    net.load_state_dict({}, strict=False)
    with pytest.raises(ValueError, match="scale"):
        net.load_state_dict({"scale": np.zeros(3)}, strict=False)


def test_loading_does_not_touch_gradients_or_record_anything(net):
    net(mc.tensor(np.ones((1, 3), np.float32))).sum().backward()
    grads = [p.grad for p in net.parameters()]
    net.load_state_dict(net.state_dict())
    assert all(p.grad is g for p, g in zip(net.parameters(), grads, strict=True))
    assert all(p.function is None for p in net.parameters())


def test_a_model_loads_its_own_tensors(net):
    before = everything(net)
    net.load_state_dict(dict(net._named_values()))
    for name, array in everything(net).items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (lambda: nn.Linear(3, 4), {"weight": (4, 3), "bias": (4,)}),
        (lambda: nn.Linear(3, 4, bias=False), {"weight": (4, 3)}),
        (lambda: nn.Conv2d(4, 6, (2, 3), groups=2), {"weight": (6, 2, 2, 3), "bias": (6,)}),
        (lambda: nn.Conv2d(4, 6, 1, bias=False), {"weight": (6, 4, 1, 1)}),
        (
            lambda: nn.ConvTranspose2d(4, 6, (2, 3), groups=2),
            {"weight": (4, 3, 2, 3), "bias": (6,)},
        ),
        (lambda: nn.MaxPool2d(2), {}),
        (lambda: nn.AvgPool2d(2), {}),
        (lambda: nn.CrossEntropyLoss(), {}),
        (lambda: nn.CrossEntropyLoss(np.ones(3, np.float32)), {"weight": (3,)}),
    ],
)
def test_keys_and_shapes_are_pytorchs(layer, shapes):
    state = layer().state_dict()
    assert {name: array.shape for name, array in state.items()} == shapes
    assert all(array.dtype == np.float32 for array in state.values())


def test_what_was_missing_and_unexpected_is_returned_in_order(net):
    result = net.load_state_dict({"z": 1, "scale": np.zeros(4), "a": 2}, strict=False)
    assert result.missing_keys == ["mean", "first.weight", "first.bias", "rest.1.weight"]
    assert result.unexpected_keys == ["z", "a"]
    missing, unexpected = net.load_state_dict(net.state_dict())
    assert missing == unexpected == []


@pytest.mark.parametrize("wrong", ["model.safetensors", [1], None, nn.ReLU()])
def test_what_is_no_state_dict_is_told(net, wrong):
    with pytest.raises(TypeError, match=r"state dict: got a .* see mc.load\(path\)"):
        net.load_state_dict(wrong)


LOSSES = [
    ("CrossEntropyLoss", ["weight"]),
    ("NLLLoss", ["weight"]),
    ("MultiMarginLoss", ["weight"]),
    ("BCEWithLogitsLoss", ["weight", "pos_weight"]),
]


@pytest.mark.parametrize(("name", "keys"), LOSSES)
def test_weights_of_losses_are_part_of_the_state(name, keys):
    given = np.array([1.0, 2.0, 3.0])
    loss = getattr(nn, name)(**dict.fromkeys(keys, given))
    assert list(loss.state_dict()) == keys
    assert list(loss.parameters()) == []
    loss.load_state_dict({key: np.array([7.0, 8.0, 9.0]) for key in keys})
    assert given.tolist() == [1, 2, 3]  # the user's array is not written into
    assert all(getattr(loss, key).data.tolist() == [7, 8, 9] for key in keys)
    assert {v.dtype for v in loss.to(np.float32).buffers()} == {np.dtype(np.float32)}
    empty = getattr(nn, name)()
    assert empty.state_dict() == {}
    setattr(empty, keys[0], given)
    assert list(empty.state_dict()) == keys[:1]
    with pytest.raises(TypeError, match=f"{name}: {keys[0]}: "):
        getattr(nn, name)(**{keys[0]: "x"})


def test_weights_of_a_loss_are_used_where_the_outputs_are(device):
    outputs = mc.tensor(np.eye(3), device=device)
    loss = nn.CrossEntropyLoss([1.0, 2.0, 3.0])
    expected = mc.ops.cross_entropy(mc.tensor(np.eye(3)), [0, 1, 1], weight=[1.0, 2.0, 3.0])
    assert loss(outputs, [0, 1, 1]).item() == pytest.approx(expected.item())


@pytest.mark.torch
@pytest.mark.parametrize(("name", "keys"), LOSSES)
def test_weights_of_losses_have_pytorchs_keys(torch, name, keys):
    weights = torch.tensor([1.0, 2.0, 3.0])
    theirs = getattr(torch.nn, name)(**dict.fromkeys(keys, weights))
    ours = getattr(nn, name)(**{key: [0.0, 0.0, 0.0] for key in keys})
    ours.load_state_dict(theirs.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(value.tolist() == [1, 2, 3] for value in ours.state_dict().values())


def test_a_loss_in_a_model_saves_its_weights():
    class Model(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(2, 2, bias=False)
            self.loss = nn.CrossEntropyLoss([1.0, 2.0])

    assert list(Model().state_dict()) == ["fc.weight", "loss.weight"]


def test_the_arrays_of_a_checkpoint_point_to_load_weights():
    layer = nn.Linear(1, 1)
    state = {f"model.{name}": value for name, value in layer.state_dict().items()}
    with pytest.raises(KeyError, match=r"a checkpoint is read by train.load_weights\(path\)"):
        layer.load_state_dict(state)


def test_casts_that_round_to_0_under_strict_numpy():
    layer = nn.Linear(1, 1)
    with np.errstate(all="raise"):
        layer.load_state_dict({"weight": np.full((1, 1), 1e-50), "bias": np.zeros(1)})
        assert mc.tensor([1e-50]).item() == 0
        assert mc.tensor(np.array([1e-50]), dtype="float32").item() == 0
        assert mc.data.ArrayDataset(np.full((1, 1, 1), 1e-50), [0])[:][0].item() == 0
