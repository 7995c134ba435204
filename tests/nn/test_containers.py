"""ModuleList and ModuleDict, which are Modules, and what Sequential shares with them."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn


def linears(n: int) -> list[nn.Module]:
    return [nn.Linear(1, 1, bias=False) for _ in range(n)]


class Net(nn.Module):
    def __init__(self) -> None:
        self.blocks = nn.ModuleList(linears(2))
        self.heads = nn.ModuleDict({"a": nn.Linear(1, 1, bias=False), "b": nn.ReLU()})

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.heads["a"](x)


def test_names_are_pytorchs():
    model = Net()
    assert list(model.state_dict()) == ["blocks.0.weight", "blocks.1.weight", "heads.a.weight"]
    paths = ["", "blocks", "blocks.0", "blocks.1", "heads", "heads.a", "heads.b"]
    assert [name for name, _ in model.named_modules()] == paths
    assert repr(model).startswith(
        "Net(\n  (blocks): ModuleList(\n    (0): Linear(1, 1, bias=False)"
    )
    called = [row.layer for row in mc.summary(model, (1,)).rows]
    assert called == ["blocks.0 (Linear)", "blocks.1 (Linear)", "heads.a (Linear)"]


@pytest.mark.torch
def test_state_dicts_go_both_ways(torch):
    t = torch.nn
    theirs = t.Module()
    theirs.blocks = t.ModuleList([t.Linear(1, 1, bias=False) for _ in range(2)])
    theirs.heads = t.ModuleDict({"a": t.Linear(1, 1, bias=False), "b": t.ReLU()})
    model = Net()
    model.load_state_dict(theirs.state_dict())
    theirs.load_state_dict({k: torch.from_numpy(v) for k, v in model.state_dict().items()})
    assert list(theirs.state_dict()) == list(model.state_dict())


def test_a_list_is_used_like_a_list():
    a, b, c, d = linears(4)
    layers = nn.ModuleList([a, b])
    assert layers.append(c) is layers
    layers.extend([d])
    layers += (a,)
    assert list(layers) == [a, b, c, d, a]
    assert len(layers) == 5
    assert layers[-2] is d
    assert a in layers
    assert isinstance(layers[1:3], nn.ModuleList)
    assert list(layers[::2].state_dict()) == ["0.weight", "1.weight", "2.weight"]
    layers.insert(1, d)
    assert list(layers) == [a, d, b, c, d, a]
    assert [name for name, _ in layers.named_children()] == list("012345")
    assert layers.pop() is a
    del layers[1]
    del layers[2:]
    layers[0] = c
    assert list(layers) == [c, b]
    assert list(layers.state_dict()) == ["0.weight", "1.weight"]
    for wrong in (2, -3):
        with pytest.raises(IndexError):
            layers[wrong]


def test_a_dict_is_used_like_a_dict():
    a, b, c = linears(3)
    layers = nn.ModuleDict(OrderedDict(a=a, b=b))
    layers["c"] = c
    layers.update({"a": c})
    layers.update([("d", a)])
    assert list(layers) == list(layers.keys()) == ["a", "b", "c", "d"]
    assert list(layers.values()) == [c, b, c, a]
    assert dict(layers.items()) == dict(layers) == {"a": c, "b": b, "c": c, "d": a}
    assert "a" in layers
    assert "x" not in layers
    assert layers.a is c
    del layers["a"]
    assert layers.pop("d") is a
    assert len(nn.ModuleDict(layers)) == len(layers) == 2
    with pytest.raises(KeyError):
        layers["a"]
    layers.clear()
    assert len(layers) == 0


def test_sequential_grows_and_lets_replace_its_layers():
    model = nn.Sequential({"one": nn.Linear(1, 1), "two": nn.ReLU()})
    model[1] = nn.Tanh()
    model[-2] = nn.Identity()
    model.append(nn.ReLU()).extend([nn.Tanh()])
    names = ["one", "two", "2", "3"]
    assert [name for name, _ in model.named_children()] == names
    assert [type(m) for m in model] == [nn.Identity, nn.Tanh, nn.ReLU, nn.Tanh]


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_only_modules_go_into_a_series(kind):
    layers = kind()
    for add in (layers.append, lambda m: layers.extend([m])):
        for value in (None, nn.ReLU, mc.ops.relu, [nn.ReLU()]):
            with pytest.raises(TypeError, match=f"{kind.__name__}: 0 is a .*, not a Module"):
                add(value)
    with pytest.raises(TypeError, match=f"{kind.__name__}: got a ReLU, expected a list of modules"):
        layers.extend(nn.ReLU())
    layers.append(nn.ReLU())
    with pytest.raises(TypeError, match="not a Module"):
        layers[0] = mc.ops.relu
    assert [type(m) for m in layers] == [nn.ReLU]


def test_a_list_that_refuses_is_unchanged():
    layers = nn.ModuleList(linears(2))
    before = list(layers)
    with pytest.raises(TypeError, match="not a Module"):
        layers.insert(0, 3)
    assert list(layers) == before
    with pytest.raises(TypeError, match="ModuleList: got a Linear, expected a list of modules"):
        nn.ModuleList(nn.Linear(1, 1))


@pytest.mark.parametrize("key", ["keys", "items", "training", "forward", "a.b", "", 1])
def test_keys_are_names(key):
    with pytest.raises(ValueError, match=f"ModuleDict: {key!r} cannot name a module"):
        nn.ModuleDict({key: nn.ReLU()})
    with pytest.raises(TypeError, match="ModuleDict: a is a function, not a Module"):
        nn.ModuleDict({"a": mc.ops.relu})


@pytest.mark.parametrize("kind", [nn.ModuleList, nn.ModuleDict])
def test_calling_one_says_what_to_do(kind):
    with pytest.raises(NotImplementedError, match=f"{kind.__name__}: call its modules"):
        kind()(mc.tensor(np.ones(1)))


def test_append_never_replaces_a_module():
    part = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(2, 3))[1:]  # named "1" and "2"
    part.append(nn.Softplus())
    assert [type(module) for module in part] == [nn.ReLU, nn.Linear, nn.Softplus]
    named = nn.Sequential({"1": nn.ReLU()}).append(nn.Tanh())
    assert [type(module) for module in named] == [nn.ReLU, nn.Tanh]


def order_of(model: nn.Module, x: mc.Tensor) -> list[tuple[int, ...]]:
    """The shapes that the ReLUs see, without an observer, which would be seen."""
    seen, original = [], mc.backend.kernels_for(x.data).relu

    def relu(array):
        seen.append(array.shape)
        return original(array)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mc.backend.kernels_for(x.data), "relu", relu)
        model(x)
    return seen


def test_a_relu_is_computed_after_the_max_pooling_unless_somebody_watches():
    x = mc.tensor(np.random.default_rng(0).normal(size=(2, 3, 8, 8)))
    model = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))
    assert order_of(model, x) == [(2, 3, 4, 4)]
    for layer in model:
        remove = layer.register_forward_hook(lambda *_: None)
        assert order_of(model, x) == [(2, 3, 8, 8)]
        remove()
    with mc.autograd.observing(mc.autograd.Observer()):
        assert order_of(model, x) == [(2, 3, 8, 8)]
    for pool in (nn.AvgPool2d(2), nn.MinPool2d(2), nn.MaxPool2d(2, return_indices=True)):
        assert order_of(nn.Sequential(nn.ReLU(), pool), x) == [(2, 3, 8, 8)]
    twice = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.ReLU(), nn.MaxPool2d(2))
    assert order_of(twice, x) == [(2, 3, 4, 4), (2, 3, 2, 2)]
