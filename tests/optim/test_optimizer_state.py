"""state_dict and load_state_dict of optimizers: bit-identical continuation, all or nothing."""

from __future__ import annotations

import copy
from itertools import permutations

import numpy as np
import pytest

from minicnn.optim import SGD, Adadelta, Adagrad, Adam, RMSprop


def train(parameters, stepper, give, steps) -> None:
    for step in steps:
        give(parameters, step, without=(1,) if step == 2 else ())
        stepper.step()


@pytest.mark.parametrize("there", ["the same device", "the CPU"])
def test_a_loaded_state_continues_bit_by_bit(device, make, give, build, there):
    """Also on another device: any of them continues from what another saved."""
    other = device if there == "the same device" else "cpu"
    whole, first = make(np.float32, device=device), make(np.float32, device=device)
    second = make(np.float32, device=other)
    train(whole, build(whole), give, range(8))
    stepper = build(first)
    train(first, stepper, give, range(4))
    state = copy.deepcopy(stepper.state_dict())
    for p, q in zip(first, second, strict=True):
        q.data = p.to(other).data.copy()
    later = build(second)
    later.load_state_dict(state)
    train(second, later, give, range(4, 8))
    for p, q in zip(whole, second, strict=True):
        tolerance = 0 if other == device else 1e-5
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=tolerance, atol=tolerance)


def test_options_are_loaded_too(make, build):
    stepper, other = build(make()), build(make())
    stepper.param_groups[0]["lr"] = 0.007
    other.load_state_dict(stepper.state_dict())
    assert other.param_groups[0]["lr"] == 0.007
    assert [p.shape for p in other.param_groups[0]["params"]] == [p.shape for p in make()]


def test_the_state_has_pytorchs_form_and_is_a_copy(device, make, give, build):
    a, b, c, d = parameters = make(device=device)
    stepper = build([{"params": [a, b]}, {"params": [c, d]}])
    train(parameters, stepper, give, range(3))
    state = stepper.state_dict()
    assert [g["params"] for g in state["param_groups"]] == [[0, 1], [2, 3]]
    assert [state["state"][i]["step"] for i in range(4)] == [3, 2, 3, 3]
    for i, p in enumerate(parameters):
        arrays = [v for name, v in state["state"][i].items() if name != "step"]
        assert arrays
        assert all(v.shape == p.shape and v.any() for v in arrays)
        assert {type(v) for v in arrays} == {np.ndarray}  # whatever the device
    later = copy.deepcopy(state)
    for entry in state["state"].values():
        for name in entry.keys() - {"step"}:
            entry[name][...] = np.nan
    np.testing.assert_equal(stepper.state_dict(), later)


def test_a_loaded_state_is_copied(device, make, give, build):
    parameters, other = make(device=device), make(device=device)
    stepper, later = build(parameters), build(other)
    train(parameters, stepper, give, range(2))
    state = stepper.state_dict()
    later.load_state_dict(state)
    before = copy.deepcopy(later.state_dict())
    train(parameters, stepper, give, range(2, 4))
    for entry in state["state"].values():
        entry["step"] = 99
    np.testing.assert_equal(later.state_dict(), before)


def last(state):
    return state["state"][max(state["state"])]


def spoil_array(state, value):
    name = next(name for name in last(state) if name != "step")
    last(state)[name] = value


WRONG = {
    "empty": lambda s: s.clear(),
    "no state": lambda s: s.pop("state"),
    "no groups": lambda s: s["param_groups"].clear(),
    "one group more": lambda s: s["param_groups"].append(s["param_groups"][0]),
    "fewer parameters": lambda s: s["param_groups"][0]["params"].pop(),
    "a parameter missing": lambda s: s["state"].pop(max(s["state"])),
    "an array missing": lambda s: last(s).pop(next(n for n in last(s) if n != "step")),
    "a step missing": lambda s: last(s).pop("step"),
    "another shape": lambda s: spoil_array(s, np.ones((2, 2))),
    "broadcastable": lambda s: spoil_array(s, np.ones(())),
    "text": lambda s: spoil_array(s, np.full((2, 1, 3, 2), "x")),
    "no step": lambda s: last(s).update(step="x"),
    "a negative step": lambda s: last(s).update(step=-1),
    "negative lr": lambda s: s["param_groups"][0].update(lr=-1.0),
    "an unknown array": lambda s: last(s).update(nonsense=np.ones((2, 1, 3, 2))),
    "unknown option": lambda s: s["param_groups"][0].update(nonsense=1),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_state_that_does_not_fit_changes_nothing(make, give, build, case):
    parameters, other = make(), make()
    stepper, later = build(parameters), build(other)
    train(parameters, stepper, give, range(3))
    state = copy.deepcopy(stepper.state_dict())
    state["param_groups"][0]["lr"] = 0.123
    WRONG[case](state)
    before = copy.deepcopy(later.state_dict())
    with pytest.raises((KeyError, TypeError, ValueError), match="state dict|lr"):
        later.load_state_dict(state)
    np.testing.assert_equal(later.state_dict(), before)


@pytest.mark.parametrize("kind", [Adagrad, RMSprop, Adadelta, Adam])
def test_sums_of_squares_are_not_negative(make, kind):
    stepper = kind(make())
    for name in kind.squares:
        state = copy.deepcopy(stepper.state_dict())
        last(state)[name].flat[0] = -1e-9
        with pytest.raises(ValueError, match=rf"{name} of .* has -1\S*e-09, expected sums"):
            stepper.load_state_dict(state)
    assert set(kind.state_names) - set(kind.squares) <= {"exp_avg", "momentum_buffer", "grad_avg"}


def names_of_arrays(stepper) -> set:
    entries = stepper.state_dict()["state"].values()
    return {name for entry in entries for name in entry} - {"step"}


def test_arrays_that_no_option_needs_are_not_kept(make):
    assert names_of_arrays(SGD(make())) == set()
    assert names_of_arrays(SGD(make(), momentum=0.9)) == {"momentum_buffer"}
    assert names_of_arrays(RMSprop(make())) == {"square_avg"}
    assert names_of_arrays(RMSprop(make(), momentum=0.9)) == {"square_avg", "momentum_buffer"}
    assert names_of_arrays(RMSprop(make(), centered=True)) == {"square_avg", "grad_avg"}
    a, b, *_ = make()
    entries = SGD([{"params": [a]}, {"params": [b], "momentum": 0.9}]).state_dict()["state"]
    assert [sorted(entry) for entry in entries.values()] == [["step"], ["momentum_buffer", "step"]]


def test_an_array_is_there_once_an_option_needs_it(device, make, give):
    ours, reference = make(device=device), make(device=device)
    stepper, other = SGD(ours, lr=0.1), SGD(reference, lr=0.1, momentum=0.9)
    for parameters in (ours, reference):
        give(parameters, 0)
    saved = SGD(make(), lr=0.1)
    for optimizer in (stepper, saved):
        optimizer.param_groups[0]["momentum"] = 0.9
    assert names_of_arrays(saved) == {"momentum_buffer"}
    for optimizer in (stepper, other):
        optimizer.step()
    np.testing.assert_equal(stepper.state_dict(), other.state_dict())


def test_a_state_decides_which_arrays_there_are(make, give):
    """Its options come along; and an array that they do not need now is not forgotten."""
    parameters, other = make(), make()
    stepper, later = SGD(parameters, momentum=0.9), SGD(other)
    train(parameters, stepper, give, range(3))
    stepper.param_groups[0]["momentum"] = 0.0
    later.load_state_dict(stepper.state_dict())
    np.testing.assert_equal(later.state_dict(), stepper.state_dict())
    assert names_of_arrays(later) == {"momentum_buffer"}
    later.load_state_dict(SGD(make()).state_dict())
    assert names_of_arrays(later) == set()


def test_an_array_that_the_options_of_the_state_need_must_be_there(make):
    later = SGD(make())
    before = later.state_dict()
    state = copy.deepcopy(before)
    state["param_groups"][0]["momentum"] = 0.9
    with pytest.raises(ValueError, match=r"without \['momentum_buffer'\]"):
        later.load_state_dict(state)
    np.testing.assert_equal(later.state_dict(), before)


@pytest.mark.parametrize(
    ("mine", "theirs"), list(permutations([SGD, Adagrad, RMSprop, Adadelta, Adam], 2))
)
def test_the_state_of_another_optimizer_is_refused(make, give, mine, theirs):
    parameters, other = make(), make()
    stepper, later = mine(parameters), theirs(other)
    train(parameters, stepper, give, range(2))
    before = copy.deepcopy(later.state_dict())
    with pytest.raises((KeyError, ValueError), match="state dict"):
        later.load_state_dict(stepper.state_dict())
    np.testing.assert_equal(later.state_dict(), before)
