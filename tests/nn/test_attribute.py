"""Setting an attribute: what is learned or saved is not replaced by what is not."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import Parameter, nn


@pytest.mark.parametrize(
    "value",
    [
        lambda w: w - 0.5,
        lambda w: w.detach(),
        lambda w: w.data,
        lambda w: w.data.tolist(),
        lambda w: [w - 1],
        lambda w: 0.0,
        lambda w: mc.tensor(w.data, requires_grad=True),
    ],
)
def test_a_parameter_is_not_replaced_by_something_that_is_not_learned(value):
    layer = nn.Linear(2, 2)
    weight = layer.weight
    with pytest.raises(TypeError, match=r"Linear.weight: got a .*(no_grad|mc.Parameter)"):
        layer.weight = value(weight)
    assert layer.weight is weight
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_a_parameter_gives_way_to_a_parameter_none_or_after_del():
    layer = nn.Linear(2, 2)
    layer.weight = Parameter(np.ones((2, 2)))
    layer.bias = None
    assert list(layer.state_dict()) == ["weight"]
    del layer.weight
    layer.weight = np.ones(3)  # on purpose
    assert list(layer.state_dict()) == []


def test_a_layer_is_not_replaced_by_a_function(net):
    with pytest.raises(TypeError, match=r"Net.first: got a function, but it holds a Linear"):
        net.first = mc.ops.relu
    net.first = nn.Identity()
    net.first = [nn.Identity()]  # found as well
    with pytest.raises(TypeError, match="Net.first: got a list, but it holds a Identity"):
        net.first = [mc.ops.relu]
    net.first = []
    net.first = mc.ops.relu


def test_parameters_in_a_list_are_not_replaced_by_results():
    module = nn.Identity()
    module.weights = [Parameter(np.ones(2)), Parameter(np.ones(3))]
    with pytest.raises(TypeError, match=r"Identity.weights: got a list, but it is a Parameter"):
        module.weights = [w - 1 for w in module.weights]
    module.weights = [Parameter(w.data - 1) for w in module.weights]


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"a": x}])
def test_a_leaf_that_is_no_parameter_is_told(wrap):
    module = nn.Identity()
    with pytest.raises(TypeError, match=r"Identity.w: .*mc.Parameter\(x.data\)"):
        module.w = wrap(mc.tensor([1.0], requires_grad=True))
    module.w = wrap(mc.tensor([1.0]))
    module.fc = nn.Linear(1, 1)
    module.w = wrap(module.fc.weight * 2)  # a result, kept to look at
    module.w = wrap(module.fc(mc.tensor([[1.0]])))


def test_a_buffer_stays_a_buffer(net):
    net.mean = np.full(4, 9.0)
    assert isinstance(net.mean, mc.Tensor)
    assert list(net.state_dict()["mean"]) == [9.0] * 4
    for value in ([1.0] * 4, 1.0, nn.ReLU()):
        with pytest.raises(TypeError, match="Net.mean: got a .* but it is a buffer"):
            net.mean = value
    net.mean = None
    assert "mean" not in net.state_dict()
    net.mean = mc.tensor([1.0])
    assert list(net.state_dict()["mean"]) == [1.0]


def test_a_buffer_does_not_take_the_place_of_a_parameter(net):
    with pytest.raises(TypeError, match="Net.scale: got a Tensor, but it is a Parameter"):
        net.register_buffer("scale", np.ones(4))
    assert "scale" in dict(net.named_parameters())
    net.register_buffer("mean", None)
    net.register_buffer("mean", np.ones(3))
    assert [name for name, _ in net.named_buffers()] == ["mean"]


@pytest.mark.parametrize("name", ["train", "eval", "parameters", "children", "to", "forward"])
@pytest.mark.parametrize("value", [True, [], nn.ReLU(), None])
def test_a_method_is_not_hidden(name, value):
    module = nn.Identity()
    with pytest.raises(TypeError, match=rf"Identity.{name}: is a method"):
        setattr(module, name, value)
    module.forward = lambda x: x * 2  # a function in its place is meant
    assert module(mc.tensor([1.0])).item() == 2


def test_a_layer_has_a_name_without_dots():
    with pytest.raises(ValueError, match=r"'a\.b' cannot name a layer"):
        setattr(nn.Identity(), "a.b", nn.ReLU())


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.to("float16"),
        lambda p: p * 0.1,
        lambda p: -p,
        lambda p: p.reshape(2, 1),
        lambda p: [p.T],
        lambda p: p.to("float16").to("float32"),
        lambda p: p.to("float16").reshape(2, 1) * 0.1 + 1,
    ],
)
def test_a_result_of_a_parameter_that_nobody_holds_is_told(change):
    """nn.Parameter(...).to(dtype) is not a Parameter."""
    module = nn.Identity()
    with pytest.raises(TypeError, match=r"Identity.w: got a result of a Parameter.*mc.Parameter\("):
        module.w = change(Parameter(np.ones(2)))
    module.p = Parameter(np.ones(2))
    module.w = change(module.p)


def test_a_result_kept_in_forward_costs_no_walk_through_the_module(monkeypatch):
    module = nn.Linear(1, 1)
    monkeypatch.setattr(type(module), "parameters", None)
    module.kept = mc.ops.relu(module(mc.tensor([[1.0]])))


def test_a_forward_may_keep_what_it_was_given():
    class Critic(nn.Module):
        def forward(self, x):
            self.last, self.both = x, (x, x * 1)
            self.scaled = Parameter(np.ones(1)) * 2
            return x.sum()

    x = mc.tensor([1.0], requires_grad=True)
    model = nn.Sequential(Critic())
    model(x)
    assert vars(model)["0"].last is x
    with pytest.raises(TypeError, match="Critic.last: got a Tensor that requires a gradient"):
        model[0].last = x


@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_hook_may_keep_what_it_was_given(register):
    layer = nn.ReLU()

    def keep(module, inputs, output=None):
        module.seen = inputs

    getattr(layer, register)(keep)
    x = mc.tensor([1.0], requires_grad=True)
    layer(x)
    assert layer.seen[0] is x


@pytest.mark.parametrize(
    "value",
    [
        nn.Linear(1, 1),
        nn.BatchNorm1d(2),
        nn.BatchNorm1d(2, affine=False),  # only buffers
        nn.Sequential(nn.ReLU(), nn.Linear(1, 1)),
        Parameter(np.ones(1)),
        Parameter(np.ones(1)) * 2,
        mc.tensor([1.0], requires_grad=True),
        [nn.ReLU(), nn.Linear(1, 1)],
        {"a": nn.Linear(1, 1)},
    ],
)
def test_layers_of_the_class_are_told(value):
    message = r"^Net.fc: a \w+ of the class .*self.fc = "
    with pytest.raises(TypeError, match=message):
        type("Net", (nn.Module,), {"fc": value})
    with pytest.raises(TypeError, match=message):
        type("Net", (type("Mixin", (), {"fc": value}), nn.Module), {})


def test_what_a_class_may_hold():
    """Nothing to learn or save."""
    kept = {"activation": nn.ReLU(), "scale": mc.tensor([1.0]), "sizes": [1, 2], "kind": nn.Linear}
    base = type("Base", (nn.Module,), kept)
    assert type("Net", (base,), {})().activation is kept["activation"]


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x, x], lambda x: {"a": x}])
def test_a_layer_without_its_base_is_told(wrap):
    class Block:
        def __init__(self):
            self.fc = nn.Linear(1, 1)

        def forward(self, x):
            return self.fc(x)

    class Listed(Block):
        def __init__(self):
            self.layers = [nn.Linear(1, 1)]

    class Holder:
        def __init__(self):
            self.teacher = nn.Linear(1, 1)

    class Plain:
        def forward(self, x):
            return x

    module = nn.Identity()
    for kind in (Block, Listed):
        message = rf"{kind.__name__} has a forward .* write class {kind.__name__}\(nn.Module\)"
        with pytest.raises(TypeError, match="Identity.block: " + message):
            module.block = wrap(kind())
        with pytest.raises(TypeError, match="Net.block: " + message):
            type("Net", (nn.Module,), {"block": wrap(kind())})
    for kind in (Holder, Plain):
        module.block = wrap(kind())
    module.kind = Block


def test_requires_grad_is_not_of_a_module():
    module = nn.Linear(1, 1)
    with pytest.raises(AttributeError, match="for p in module.parameters"):
        module.requires_grad = False
    assert not hasattr(module, "requires_grad")


@pytest.mark.parametrize("mode", ["false", None, 0])
def test_train_takes_a_bool(mode):
    layer = nn.Linear(1, 1)
    with pytest.raises(TypeError, match="Linear: training: got .*, expected True or False"):
        layer.train(mode)
    with pytest.raises(TypeError, match="Linear: training: got .*, expected True or False"):
        layer.training = mode
    assert layer.training is True
    assert layer.train(np.False_).training is False
