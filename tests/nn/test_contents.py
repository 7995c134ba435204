"""Layers and parameters in lists, tuples, and dicts are found; what cannot be found is refused."""

from __future__ import annotations

import copy
from collections import OrderedDict, deque, namedtuple
from types import MappingProxyType

import numpy as np
import pytest

import minicnn as mc
from minicnn import Parameter, nn
from minicnn.nn.modes import evaluating


def parameter(value: float = 1.0) -> Parameter:
    return Parameter(np.full(2, value, np.float32))


class Blocks(nn.Module):
    """A layer for each way of keeping one without an attribute of its own."""

    def __init__(self) -> None:
        self.blocks = [nn.Linear(2, 3), {"act": nn.ReLU(), "drop": (nn.Dropout(0.5),)}]
        self.named = OrderedDict(head=nn.Linear(3, 1, bias=False))
        self.scales = (parameter(), [parameter(2)])
        self.sizes = [1, "two", (3, None)]

    def forward(self, x):
        x = x * self.scales[0] * self.scales[1][0]
        hidden, acts = self.blocks
        return self.named["head"](acts["drop"][0](acts["act"](hidden(x))))


NAMES = ["scales.0", "scales.1.0", "blocks.0.weight", "blocks.0.bias", "named.head.weight"]
PATHS = ["blocks.0", "blocks.1.act", "blocks.1.drop.0", "named.head"]
X = mc.tensor(np.ones((4, 2), np.float32))


def test_names_are_paths_through_the_containers():
    model = Blocks()
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert list(model.state_dict()) == NAMES
    assert [name for name, _ in model.named_modules()] == ["", *PATHS]
    assert [name for name, _ in model.named_children()] == PATHS
    assert [name for name, _ in model.named_parameters(recurse=False)] == NAMES[:2]


def test_they_learn_and_are_saved(tmp_path):
    model, twin = Blocks(), Blocks()
    optimizer = mc.optim.SGD(model.parameters(), lr=0.1)
    before = {name: p.data.copy() for name, p in model.named_parameters()}
    model.eval()
    (model(X) ** 2).sum().backward()
    optimizer.step()
    assert all((p.data != before[name]).any() for name, p in model.named_parameters())
    mc.save(tmp_path / "model.safetensors", model.state_dict())
    twin.load_state_dict(mc.load(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(twin.eval()(X).data, model(X).data)


def test_what_is_done_to_all_modules_reaches_them():
    model = Blocks()
    assert {p.dtype for p in copy.deepcopy(model).to(np.float64).parameters()} == {
        np.dtype(np.float64)
    }
    assert not any(m.training for m in model.eval().modules())
    with evaluating(model.train()):
        assert not any(m.training for m in model.modules())
    (model(X) ** 2).sum().backward()
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    calls = []
    for name, module in model.named_children():
        module.register_forward_hook(lambda *_, name=name: calls.append(name))
    model(X)
    assert calls == PATHS


def test_repr_summary_and_the_notebook_show_them():
    model = Blocks()
    assert repr(model) == (
        "Blocks(\n"
        "  (blocks.0): Linear(2, 3, bias=True)\n"
        "  (blocks.1.act): ReLU()\n"
        "  (blocks.1.drop.0): Dropout(p=0.5)\n"
        "  (named.head): Linear(3, 1, bias=False)\n"
        ")"
    )
    table = mc.summary(model, (2,))
    assert [row.layer.split()[0] for row in table.rows] == PATHS
    assert table.total == 16
    html = model._repr_html_()
    assert [html.count(f">{path}</td>") for path in PATHS] == [1] * 4
    nested = nn.Sequential(model)._repr_html_()
    assert ">0</td>" in nested
    assert ">    blocks.0</td>" in nested


def test_a_leaf_with_parameters_in_a_tuple_shows_its_options_only():
    class Layer(nn.Module):
        def __init__(self) -> None:
            self.size = (2, 3)
            self.weights = (parameter(), parameter())

    assert repr(Layer()) == "Layer(size=(2, 3))"


def test_a_list_may_change_later():
    model = nn.Identity()
    model.blocks = []
    model.blocks.append(nn.Linear(2, 2))
    assert list(model.state_dict()) == ["blocks.0.weight", "blocks.0.bias"]
    model.blocks.clear()
    assert list(model.parameters()) == []


def test_a_list_to_loop_over_does_not_save_its_layers_twice():
    """As in PyTorch, which does not look into lists: the keys are those of the attributes."""
    model = nn.Identity()
    model.weights = []  # before the layers: the order does not matter
    model.first = nn.Sequential(nn.Linear(2, 2, bias=False))
    model.second = nn.Linear(2, 2, bias=False)
    model.layers = [model.first[0], model.second]
    model.weights += [model.second.weight, model.first[0].weight]
    assert list(model.state_dict()) == ["first.0.weight", "second.weight"]
    assert [name for name, _ in model.named_modules()] == ["", "first", "first.0", "second"]


def test_a_layer_in_two_lists_counts_once():
    layer = nn.Linear(2, 2, bias=False)
    model = nn.Identity()
    model.a, model.b = [layer, layer], [layer, nn.ReLU()]
    assert list(model.state_dict()) == ["a.0.weight"]
    assert [name for name, _ in model.named_modules()] == ["", "a.0", "b.1"]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda layer: {layer}, id="set"),
        pytest.param(lambda layer: frozenset([layer]), id="frozenset"),
        pytest.param(lambda layer: deque([layer]), id="deque"),
        pytest.param(lambda layer: [{layer}], id="set-in-list"),
        pytest.param(lambda layer: {"a": layer}.values(), id="values"),
        pytest.param(lambda layer: MappingProxyType({"a": layer}), id="proxy"),
        pytest.param(lambda layer: {layer: 1}, id="key"),
        pytest.param(lambda layer: (x for x in [layer]), id="generator"),
        pytest.param(lambda layer: zip([layer]), id="zip"),
        pytest.param(lambda layer: map(nn.Identity, [layer]), id="map"),
        pytest.param(lambda layer: filter(None, [layer]), id="filter"),
        pytest.param(lambda layer: enumerate([layer]), id="enumerate"),
        pytest.param(lambda layer: {"a": reversed([layer])}, id="reversed-in-dict"),
        pytest.param(lambda layer: {0: layer}, id="number-key"),
        pytest.param(lambda layer: {"a.b": layer}, id="key-with-dot"),
        pytest.param(lambda layer: {"": [layer]}, id="empty-key"),
    ],
)
@pytest.mark.parametrize("held", [nn.ReLU, parameter])
def test_what_cannot_be_found_is_refused_when_set(make, held):
    module = nn.Identity()
    with pytest.raises((TypeError, ValueError), match="Identity.blocks.*nn.ModuleDict"):
        module.blocks = make(held())
    assert "blocks" not in vars(module)


def test_what_becomes_unfindable_later_is_told_by_the_next_walk():
    module = nn.Identity()
    module.blocks = {}
    module.blocks[0] = nn.ReLU()
    with pytest.raises(ValueError, match="blocks: a dict with the key 0"):
        list(module.parameters())


@pytest.mark.parametrize(
    "value",
    [
        *({1, 2}, {1: "a"}, deque([1]), {1: mc.tensor([1.0])}, range(3), {2.5: {"x": [1]}}),
        *(np.arange(3), namedtuple("Size", "h w")(1, 2), iter([1]), "text", nn.ReLU, [nn.ReLU]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_as_free_as_before(value):
    module = nn.Identity()
    module.value = value
    assert module.value is value
    assert list(module.children()) == list(module.parameters()) == []


def test_a_module_does_not_contain_itself():
    parent, child = nn.Sequential(), nn.Identity()
    child.known = [parent]
    with pytest.raises(ValueError, match=r"Sequential.child: .* lambda: parent"):
        parent.child = child
    child.known = None
    child.known = lambda: parent
    parent.child = child
    assert list(parent.modules()) == [parent, child]
    with pytest.raises(ValueError, match="contains the module that it is set on"):
        child.parent = parent
    held = []
    child.later = held
    held.append(parent)
    with pytest.raises(RuntimeError, match="contains it"):
        list(child.parameters())


def test_what_walks_the_layers_names_them():
    model = Blocks()
    rows = mc.explain.explain_shapes(model, (2,)).rows
    assert [row.layer for row in rows] == PATHS
    model.blocks[0] = nn.Linear(5, 3)
    with pytest.raises(ValueError, match=r"blocks.0 \(Linear\) fails on an input of 2: linear: "):
        mc.explain.explain_shapes(model, (2,))
