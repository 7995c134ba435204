"""Forward hooks: called after each forward, may replace the output, and can be removed."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn

X = mc.tensor([[-1.0, 2.0]])


@pytest.fixture
def calls() -> list:
    return []


def test_a_hook_sees_module_inputs_and_output(calls):
    layer = nn.ReLU()
    layer.register_forward_hook(lambda *arguments: calls.append(arguments))
    output = layer(X)
    ((module, inputs, seen),) = calls
    assert module is layer
    assert inputs == (X,)
    assert inputs[0] is X
    assert seen is output


def test_what_a_hook_returns_replaces_the_output_for_the_next_hook_too(calls):
    layer = nn.Identity()
    layer.register_forward_hook(lambda module, inputs, output: output * 2)
    layer.register_forward_hook(lambda module, inputs, output: calls.append(output))
    layer.register_forward_hook(lambda module, inputs, output: output + 1)
    np.testing.assert_array_equal(layer(X).data, [[-1, 5]])
    np.testing.assert_array_equal(calls[0].data, [[-2, 4]])


@pytest.mark.parametrize("value", [0, False, ""])
def test_only_none_leaves_the_output_as_it_is(value):
    layer = nn.Identity()
    layer.register_forward_hook(lambda module, inputs, output: value)
    assert layer(X) is value


def test_a_removed_hook_is_not_called_and_removing_twice_is_harmless(calls):
    layer = nn.Identity()
    first = layer.register_forward_hook(lambda *_: calls.append("first"))
    layer.register_forward_hook(lambda *_: calls.append("second"))
    first()
    first()
    layer(X)
    assert calls == ["second"]


def test_a_hook_may_remove_itself_and_add_others_during_the_call(calls):
    layer = nn.Identity()

    def once(module, inputs, output):
        calls.append("once")
        remove()
        module.register_forward_hook(lambda *_: calls.append("added"))

    remove = layer.register_forward_hook(once)
    layer.register_forward_hook(lambda *_: calls.append("other"))
    layer(X)
    assert calls == ["once", "other"]
    layer(X)
    assert calls == ["once", "other", "other", "added"]


def test_the_same_hook_registered_twice_is_called_twice_and_removed_one_by_one(calls):
    layer = nn.Identity()

    def hook(*_):
        calls.append(1)

    removers = [layer.register_forward_hook(hook) for _ in range(2)]
    layer(X)
    assert len(calls) == 2  # as in PyTorch
    removers[0]()
    layer(X)
    assert len(calls) == 3
    removers[1]()
    layer(X)
    assert len(calls) == 3


def test_bound_methods_of_several_objects_are_different_hooks():
    class Recorder:
        def __init__(self):
            self.seen = 0

        def hook(self, *_):
            self.seen += 1

    layer, recorders = nn.Identity(), [Recorder(), Recorder()]
    for recorder in recorders:
        layer.register_forward_hook(recorder.hook)
    layer(X)
    assert [recorder.seen for recorder in recorders] == [1, 1]


def test_hooks_of_inner_modules_run_and_errors_in_them_reach_the_caller(calls):
    model = nn.Sequential(nn.ReLU(), nn.Identity())
    model[0].register_forward_hook(lambda *_: calls.append("inner"))
    model.register_forward_hook(lambda *_: calls.append("outer"))
    model(X)
    assert calls == ["inner", "outer"]

    def fail(*_):
        raise ZeroDivisionError

    model[1].register_forward_hook(fail)
    with pytest.raises(ZeroDivisionError):
        model(X)


def test_a_hook_is_no_child_no_parameter_and_not_saved(calls):
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(nn.Identity().forward)
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert list(layer.children()) == []
    assert repr(layer) == "Linear(2, 2, bias=True)"


def test_removing_a_hook_of_a_copy_leaves_the_original(calls):
    layer = nn.Identity()
    remove = layer.register_forward_hook(lambda *_: calls.append(1))
    twin = copy.deepcopy(layer)
    remove()
    layer(X)
    assert calls == []
    twin(X)
    assert calls == [1]


def test_a_pre_hook_sees_the_inputs_before_each_forward_until_it_is_removed(calls):
    layer = nn.ReLU()
    layer.register_forward_hook(lambda *_: calls.append("after"))
    remove = layer.register_forward_pre_hook(lambda *arguments: calls.append(arguments))
    layer(X)
    assert calls == [(layer, (X,)), "after"]
    remove()
    remove()
    layer(X)
    assert calls[2:] == ["after"]


def test_a_pre_hook_is_called_before_a_forward_that_fails(calls):
    layer = nn.Linear(3, 1)
    layer.register_forward_pre_hook(lambda module, inputs: calls.append(inputs[0].shape))
    with pytest.raises(ValueError, match="linear"):
        layer(X)
    assert calls == [X.shape]


def test_a_pre_hook_that_returns_a_value_is_told():
    layer = nn.ReLU()
    layer.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 0,))
    with pytest.raises(TypeError, match="ReLU: a forward pre-hook returned a value"):
        layer(mc.tensor([1.0]))
