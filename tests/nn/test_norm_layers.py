"""The normalisation layers: against their ops, what they remember, and how it is saved."""

from __future__ import annotations

import copy
import inspect

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops

SHAPES = {"BatchNorm1d": (6, 4), "BatchNorm2d": (6, 4, 3, 5)}
batch_norms = pytest.mark.parametrize("name", SHAPES)


def batch(name: str, step: int = 0) -> mc.Tensor:
    values = np.random.default_rng(step).normal(step, step + 1, SHAPES[name])
    return mc.tensor(values.astype(np.float32))


def spoiled(layer: nn.Module) -> nn.Module:
    """No parameter or buffer at the value it starts with."""
    rng = np.random.default_rng(9)
    layer.load_state_dict({n: rng.integers(1, 9, a.shape) for n, a in layer.state_dict().items()})
    return layer


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 5), (6, 4, 3, 5)])
def test_batch_norm_is_its_op(shape, training):
    kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    layer = spoiled(kind(4, eps=0.25, momentum=0.5)).train(training)
    x = mc.tensor(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    running = [mc.Tensor(v.data.copy()) for v in (layer.running_mean, layer.running_var)]
    count = layer.num_batches_tracked.item()
    expected = ops.batch_norm(x, *running, layer.weight, layer.bias, training, 0.5, 0.25)
    np.testing.assert_array_equal(layer(x).data, expected.data)
    np.testing.assert_array_equal(layer.running_mean.data, running[0].data)
    np.testing.assert_array_equal(layer.running_var.data, running[1].data)
    assert layer.num_batches_tracked.item() == count + training


@batch_norms
def test_a_new_layer_holds_what_pytorchs_does(name):
    layer = getattr(nn, name)(4)
    state = layer.state_dict()
    keys = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert list(state) == keys
    assert [a.tolist() for a in state.values()] == [[1] * 4, [0] * 4, [0] * 4, [1] * 4, 0]
    assert [str(a.dtype) for a in state.values()] == ["float32"] * 4 + ["int64"]
    assert [n for n, _ in layer.named_parameters()] == keys[:2]
    assert [n for n, _ in layer.named_buffers()] == keys[2:]


@batch_norms
def test_without_affine(name):
    layer, x = getattr(nn, name)(4, affine=False), batch(name)
    assert list(layer.parameters()) == []
    assert layer.weight is layer.bias is None
    expected = ops.batch_norm(x, None, None)
    np.testing.assert_array_equal(layer(x).data, expected.data)


@batch_norms
def test_without_running_statistics(name):
    layer, x = getattr(nn, name)(4, track_running_stats=False), batch(name)
    assert list(layer.state_dict()) == ["weight", "bias"]
    expected = ops.batch_norm(x, None, None)
    for training in (True, False):
        np.testing.assert_array_equal(layer.train(training)(x).data, expected.data)


@batch_norms
def test_evaluation_moves_nothing_and_does_not_see_the_batch(name):
    layer = getattr(nn, name)(4)
    for step in range(3):
        layer(batch(name, step))
    state = layer.eval().state_dict()
    x = batch(name, 5)
    alone = [layer(x[i : i + 1]).data for i in range(6)]
    np.testing.assert_allclose(layer(x).data, np.concatenate(alone), rtol=1e-6)
    for key, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, state[key])
    layer.train()(x)
    assert layer.num_batches_tracked.item() == 4


@batch_norms
def test_momentum_none_is_the_mean_over_all_batches(name):
    layer, moments = getattr(nn, name)(4, momentum=None), []
    for step in range(4):
        x = batch(name, step)
        layer(x)
        axes = (0, *range(2, x.ndim))
        moments.append((x.data.mean(axes), x.data.var(axes, ddof=1)))
    mean, var = np.mean(moments, 0)
    np.testing.assert_allclose(layer.running_mean.data, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.data, var, rtol=1e-5)


def test_gradients_flow_while_the_running_statistics_get_none():
    layer, x = nn.BatchNorm2d(4), mc.Tensor(batch("BatchNorm2d").data, requires_grad=True)
    (layer(x) ** 3).sum().backward()
    assert all(v.grad is not None for v in (x, layer.weight, layer.bias))
    assert all(buffer.grad is None for buffer in layer.buffers())


@pytest.mark.parametrize("dtype", [np.float64, "float32"])
def test_to_converts_floats_but_no_counter(dtype):
    layer = nn.BatchNorm2d(4).to(dtype)
    assert [v.dtype for v in layer.buffers()] == [np.dtype(dtype)] * 2 + [np.int64]
    assert layer(batch("BatchNorm2d").to(dtype)).dtype == dtype
    assert layer.running_mean.dtype == dtype
    assert layer.to("cpu").num_batches_tracked.item() == 1


def test_a_deep_copy_goes_its_own_way():
    layer, x = nn.BatchNorm2d(4), batch("BatchNorm2d")
    layer(x)
    state, twin = layer.state_dict(), copy.deepcopy(layer)
    twin(x)
    assert (twin.num_batches_tracked.item(), layer.num_batches_tracked.item()) == (2, 1)
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, state[name])


def all_norms(n) -> nn.Module:
    return n.Sequential(
        n.Conv2d(2, 4, 3),
        n.BatchNorm2d(4, momentum=None),
        n.LocalResponseNorm(3, 1e-2),
        n.Flatten(),
        n.BatchNorm1d(36, affine=False),
        n.LayerNorm((36,)),
        n.LayerNorm(36, bias=False),
        n.BatchNorm1d(36, track_running_stats=False),
    )


def test_a_round_trip_through_a_file(tmp_path):
    model, twin = spoiled(all_norms(nn)), all_norms(nn)
    mc.save(tmp_path / "model.safetensors", model.state_dict())
    twin.load_state_dict(mc.load(tmp_path / "model.safetensors"))
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(twin.state_dict()[name], array)
        assert twin.state_dict()[name].dtype == array.dtype


@pytest.mark.torch
def test_a_round_trip_through_pytorch(torch):
    model, twin, again = spoiled(all_norms(nn)), all_norms(torch.nn), all_norms(nn)
    state = model.state_dict()
    assert list(state) == list(twin.state_dict())
    twin.load_state_dict({n: torch.from_numpy(a) for n, a in state.items()})
    again.load_state_dict(twin.state_dict())
    for name, array in again.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    model, twin = model.to(np.float64), twin.double()
    for step in range(4):
        if step == 3:
            model.eval(), twin.eval()
        x = np.random.default_rng(step).normal(step, 1, (5, 2, 5, 5))
        y, theirs = model(mc.tensor(x)), twin(torch.from_numpy(x))
        np.testing.assert_allclose(y.data, theirs.detach().numpy(), rtol=1e-9, atol=1e-9)
    for name, value in twin.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], value.numpy(), rtol=1e-9)


@pytest.mark.parametrize("shape", [5, (5,), (3, 5), [3, 5]])
@pytest.mark.parametrize("affine", [{}, {"bias": False}, {"elementwise_affine": False}], ids=str)
def test_layer_norm_is_its_op(shape, affine):
    layer = spoiled(nn.LayerNorm(shape, eps=0.5, **affine))
    own = (shape,) if isinstance(shape, int) else tuple(shape)
    expected = {"weight": own, "bias": own}
    for name in affine:
        expected = {} if name == "elementwise_affine" else {"weight": own}
    assert {n: a.shape for n, a in layer.state_dict().items()} == expected
    x = mc.tensor(np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32))
    y = ops.layer_norm(x, shape, layer.weight, layer.bias, eps=0.5)
    np.testing.assert_array_equal(layer(x).data, y.data)


def test_local_response_norm_is_its_op():
    x = mc.tensor(np.random.default_rng(0).normal(size=(2, 6, 3, 5)).astype(np.float32))
    layer = nn.LocalResponseNorm(3, 0.1, 0.5, 2.0)
    expected = ops.local_response_norm(x, 3, alpha=0.1, beta=0.5, k=2.0)
    np.testing.assert_array_equal(layer(x).data, expected.data)
    np.testing.assert_array_equal(
        nn.LocalResponseNorm(5)(x).data, ops.local_response_norm(x, 5).data
    )
    assert layer.state_dict() == {}


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (nn.BatchNorm1d, "num_features eps momentum affine track_running_stats"),
        (nn.BatchNorm2d, "num_features eps momentum affine track_running_stats"),
        (nn.LayerNorm, "normalized_shape eps elementwise_affine bias"),
        (nn.LocalResponseNorm, "size alpha beta k"),
    ],
)
def test_arguments_come_in_pytorchs_order(layer, names):
    assert list(inspect.signature(layer).parameters) == names.split()


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (
            nn.BatchNorm2d(4),
            "BatchNorm2d(num_features=4, eps=1e-05, momentum=0.1, affine=True, "
            "track_running_stats=True)",
        ),
        (nn.LayerNorm(5), "LayerNorm(normalized_shape=(5,), eps=1e-05, elementwise_affine=True)"),
        (nn.LocalResponseNorm(5), "LocalResponseNorm(size=5, alpha=0.0001, beta=0.75, k=1.0)"),
    ],
)
def test_repr_names_what_a_layer_was_made_with(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.BatchNorm2d(4, eps=0), ValueError, "BatchNorm2d: eps: got 0, .* above 0"),
        (lambda: nn.BatchNorm1d(4, eps="a"), TypeError, "BatchNorm1d: eps: got 'a'"),
        (lambda: nn.BatchNorm2d(4, momentum=1.5), ValueError, "momentum: got 1.5, .* from 0 to 1"),
        (lambda: nn.BatchNorm2d(4, momentum=-0.1), ValueError, "momentum: got -0.1"),
        (lambda: nn.LayerNorm(4, eps=0.0), ValueError, "LayerNorm: eps: got 0.0, .* above 0"),
    ],
)
def test_options_are_checked_when_the_layer_is_made(make, error, message):
    with pytest.raises(error, match=message):
        make()
