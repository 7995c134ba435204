"""Sequential: a chain of modules that is also a sequence."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn


@pytest.fixture
def chain() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))


def test_it_applies_its_modules_in_order(chain):
    x = mc.tensor([[1.0, -2.0], [0.5, 3.0]])
    expected = chain[2](mc.ops.relu(chain[0](x)))
    np.testing.assert_array_equal(chain(x).data, expected.data)


def test_it_is_indexed_iterated_and_measured_like_a_list(chain):
    modules = list(chain)
    assert len(chain) == 3
    assert [chain[i] for i in range(3)] == modules
    assert [chain[i] for i in (-1, -2, -3)] == modules[::-1]
    for wrong in (3, -4):
        with pytest.raises(IndexError):
            chain[wrong]
    with pytest.raises(TypeError):
        chain["0"]


@pytest.mark.parametrize(
    "part", [slice(1), slice(1, None), slice(None), slice(None, None, 2), slice(None, None, -1)]
)
def test_a_slice_is_a_chain_of_the_same_modules(chain, part):
    piece = chain[part]
    assert isinstance(piece, nn.Sequential)
    assert list(piece) == list(chain)[part]
    assert all(a is b for a, b in zip(piece, list(chain)[part], strict=True))


def test_an_empty_chain_is_the_identity(chain):
    x = mc.tensor([1.0])
    for empty in (nn.Sequential(), chain[3:], nn.Sequential({})):
        assert len(empty) == 0
        assert empty(x) is x


def test_a_mapping_names_the_modules_and_a_slice_keeps_the_names():
    model = nn.Sequential({"conv": nn.Conv2d(1, 2, 3), "act": nn.ReLU(), "pool": nn.MaxPool2d(2)})
    assert list(model.state_dict()) == ["conv.weight", "conv.bias"]
    assert model.conv is model[0]
    assert [name for name, _ in model[1:].named_children()] == ["act", "pool"]


def test_names_of_nested_chains_are_paths():
    model = nn.Sequential(
        nn.Sequential(nn.Identity(), nn.Linear(1, 2)),
        nn.Sequential({"head": nn.Sequential(nn.Linear(2, 1, bias=False))}),
    )
    assert list(model.state_dict()) == ["0.1.weight", "0.1.bias", "1.head.0.weight"]


def test_eleven_modules_keep_their_order():
    model = nn.Sequential(*[nn.Linear(1, 1, bias=False) for _ in range(11)])
    assert list(model.state_dict()) == [f"{i}.weight" for i in range(11)]
    assert list(model)[10] is model[10]


def test_the_same_module_twice_runs_twice():
    class Double(nn.Module):
        def forward(self, x):
            return x * 2

    double = Double()
    assert nn.Sequential(double, double)(mc.tensor([1.0])).item() == 4


@pytest.mark.parametrize(
    "wrong", [[[]], [None], [nn.ReLU], [mc.ops.relu], [nn.ReLU(), 3], [{"a": 1}]]
)
def test_other_things_than_modules_are_refused(wrong):
    with pytest.raises(TypeError, match="Sequential"):
        nn.Sequential(*wrong)


@pytest.mark.parametrize("name", ["training", "forward", "parameters", "a.b", "", 1])
def test_names_that_would_break_the_module_are_refused(name):
    # "training" would be overwritten by train(), "forward" hidden from the chain, and a dot or
    # nothing would make paths of state dicts ambiguous. PyTorch refuses them too.
    with pytest.raises((KeyError, TypeError, ValueError), match="Sequential"):
        nn.Sequential({name: nn.ReLU()})
