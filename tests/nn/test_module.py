"""Module: the tree of parameters, buffers and children, and what is done to all of it at once."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import minicnn as mc
from minicnn import Parameter, Tensor, nn

NAMES = ["scale", "first.weight", "first.bias", "rest.1.weight"]


def test_parameters_come_in_the_order_of_setting_own_before_childrens(net):
    assert [name for name, _ in net.named_parameters()] == NAMES
    expected = [net.scale, net.first.weight, net.first.bias, net.rest[1].weight]
    assert all(a is b for a, b in zip(net.parameters(), expected, strict=True))
    assert all(isinstance(p, Parameter) and p.requires_grad for p in net.parameters())


def test_children_and_modules_are_named_by_path(net):
    assert [name for name, _ in net.named_children()] == ["first", "rest"]
    assert list(net.children()) == [net.first, net.rest]
    assert dict(net.named_modules("net")) == {
        "net": net,
        "net.first": net.first,
        "net.rest": net.rest,
        "net.rest.0": net.rest[0],
        "net.rest.1": net.rest[1],
    }
    assert [name for name, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert list(net.modules()) == [module for _, module in net.named_modules()]


def test_buffers_are_saved_but_not_learned(net):
    assert [name for name, _ in net.named_buffers()] == ["mean"]
    assert list(net.buffers()) == [net.mean]
    assert isinstance(net.mean, Tensor)
    assert not net.mean.requires_grad
    assert net.mean not in {*net.parameters()}
    net.mean = mc.tensor([9.0] * 4)  # still the buffer, as after a running mean's update
    assert list(net.state_dict()["mean"]) == [9.0] * 4


def test_a_registered_buffer_may_be_a_tensor():
    module = nn.Identity()
    module.register_buffer("mean", mc.tensor([1.0, 2.0]))
    np.testing.assert_array_equal(module.state_dict()["mean"], [1, 2])


def test_shared_weights_count_once_but_are_saved_under_both_names():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(list(model.parameters())) == 3
    assert set(model.state_dict()) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    model(mc.tensor([[1.0, 2.0]])).sum().backward()
    one = nn.Sequential(*copy.deepcopy([model[0], model[1]]))
    assert one[0].weight is one[1].weight  # sharing survives the copy


def test_a_shared_module_is_listed_once():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert [name for name, _ in model.named_modules()] == ["", "0", "1"]  # as in PyTorch
    assert len(list(model.modules())) == 3
    assert len(model) == 3  # the chain itself still runs it twice
    x = mc.tensor([[1.0, -2.0]])
    expected = layer(mc.ops.relu(layer(x)))
    np.testing.assert_array_equal(model(x).data, expected.data)


def test_a_removed_attribute_is_no_longer_part(net):
    del net.first
    net.scale = None
    assert [name for name, _ in net.named_parameters()] == ["rest.1.weight"]


def test_a_module_without_init_or_attributes_is_empty():
    module = nn.Module()
    assert [*module.parameters(), *module.buffers(), *module.children()] == []
    assert list(module.modules()) == [module]
    assert module.state_dict() == {}
    assert module.training
    with pytest.raises(NotImplementedError, match="Module defines no forward"):
        module(mc.tensor([1.0]))


def test_train_and_eval_reach_every_module(net):
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.rest.train()
    assert [m.training for m in net.modules()] == [False, False, True, True, True]
    assert net.train() is net
    assert all(m.training for m in net.modules())


@pytest.mark.parametrize("dtype", [np.float64, "float64", np.dtype("float16")])
def test_to_a_float_dtype_converts_everything_but_integers(net, dtype):
    net.register_buffer("count", np.array([3]))
    parameters = list(net.parameters())
    assert net.to(dtype) is net
    assert {p.dtype for p in net.parameters()} == {np.dtype(dtype)}
    assert net.mean.dtype == np.dtype(dtype)
    assert net.count.dtype == np.int64
    assert all(a is b for a, b in zip(net.parameters(), parameters, strict=True))


def test_to_the_same_place_copies_nothing(net):
    before = [p.data for p in net.parameters()]
    net.to("cpu").to(np.float32)
    assert all(p.data is array for p, array in zip(net.parameters(), before, strict=True))


@pytest.mark.parametrize("dtype", [np.int64, "bool", np.complex64])
def test_to_refuses_a_dtype_that_cannot_learn(net, dtype):
    with pytest.raises(TypeError, match="float"):
        net.to(dtype)
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float32)}


def test_to_refuses_what_is_no_dtype_and_a_device_that_is_not_there(net):
    with pytest.raises(TypeError):
        net.to("banana")
    message = 'device "cuda:99": .*(CuPy|GPU)'  # missing, or with fewer GPUs
    with pytest.raises(mc.DeviceError, match=message):
        net.to("cuda:99")
    with pytest.raises(mc.DeviceError, match=message):
        nn.Identity().to("cuda:99")  # even with nothing to move


def test_zero_grad_forgets_all_gradients(net):
    net(mc.tensor(np.ones((2, 3), np.float32))).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_repr_shows_the_tree_indented(net):
    assert repr(net) == (
        "Net(\n"
        "  (first): Linear(3, 4, bias=True)\n"
        "  (rest): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Linear(4, 2, bias=False)\n"
        "  )\n"
        ")"
    )


def test_a_deep_copy_shares_nothing(net):
    x = mc.tensor(np.ones((2, 3), np.float32))
    net(x).sum().backward()
    net.eval()
    twin = copy.deepcopy(net)
    assert list(twin.state_dict()) == list(net.state_dict())
    np.testing.assert_array_equal(twin(x).data, net(x).data)
    assert not twin.training
    assert isinstance(twin.scale, Parameter)
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        assert not np.shares_memory(a.data, b.data)
        np.testing.assert_array_equal(a.grad.data, b.grad.data)
    for p in twin.parameters():
        p.data[...] = 0
    assert any(p.data.any() for p in net.parameters())
