"""What every optimizer shares: groups, missing gradients, the flat buffer, and errors."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import minicnn as mc
from minicnn.backend import on_device_of
from minicnn.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop


def values(parameters) -> list[np.ndarray]:
    return [p.numpy().copy() for p in parameters]


def assert_equal(parameters, expected) -> None:
    for p, array in zip(parameters, expected, strict=True):
        np.testing.assert_array_equal(p.numpy(), array)


def test_making_an_optimizer_changes_no_value_shape_or_gradient(device, make, give, build):
    parameters = [
        *make(device=device),
        mc.Parameter(mc.tensor(np.arange(6.0).reshape(2, 3).T, device=device).data),
    ]
    give(parameters, 0)
    grads, before = [p.grad for p in parameters], values(parameters)
    build(parameters)
    assert_equal(parameters, before)
    assert all(p.grad is g for p, g in zip(parameters, grads, strict=True))


def test_groups_have_options_of_their_own(device, make, give):
    a, b, c, d = parameters = make(device=device)
    stepper = SGD([{"params": [a, b], "lr": 0.5}, {"params": iter([c, d])}], lr=0.1)
    before = values(parameters)
    give(parameters, 0)
    stepper.step()
    rates = [0.5, 0.5, 0.1, 0.1]
    expected = [v - r * p.grad.numpy() for v, r, p in zip(before, rates, parameters, strict=True)]
    assert_equal(parameters, expected)
    assert [g["lr"] for g in stepper.param_groups] == [0.5, 0.1]


def test_options_changed_in_the_groups_take_effect(device, make, give):
    (p,) = make(shapes=[(3,)], device=device)
    stepper = SGD([p], lr=0.5)
    give([p], 0)
    before = p.numpy().copy()
    stepper.param_groups[0]["lr"] = 0.0
    stepper.step()
    np.testing.assert_array_equal(p.numpy(), before)
    stepper.param_groups[0].update(lr=2.0, weight_decay=1.0)
    stepper.step()
    np.testing.assert_allclose(p.numpy(), before - 2 * (p.grad.numpy() + before))


def test_parameters_without_a_gradient_are_skipped_and_count_their_own_steps(
    device, make, give, build
):
    together, alone = make(device=device), make(device=device)
    steppers = [build(together), *[build([p]) for p in alone]]
    for step, without in enumerate([(0, 2), (1,), (0, 1, 2, 3), (), (3,), ()]):
        for parameters in (together, alone):
            give(parameters, step, without)
        before = values(together)
        for stepper in steppers:
            stepper.step()
        for i in without:
            np.testing.assert_array_equal(together[i].numpy(), before[i])
        assert_equal(together, values(alone))  # as if each had an optimizer to itself
    counts = [entry["step"] for entry in steppers[0].state_dict()["state"].values()]
    assert counts == [4, 4, 4, 4]


def test_a_step_without_any_gradient_does_nothing(device, make, build):
    parameters = make(device=device)
    stepper, before = build(parameters), values(parameters)
    stepper.step()
    assert_equal(parameters, before)


def test_zero_grad_forgets_the_gradients_of_all_groups(make, give):
    parameters = make()
    stepper = SGD([{"params": parameters[:2]}, {"params": parameters[2:]}])
    give(parameters, 0)
    stepper.zero_grad()
    assert all(p.grad is None for p in parameters)


def test_new_arrays_between_steps_are_taken_up(device, make, give, build):
    ours, reference = make(device=device), make(device=device)
    steppers = build(ours), build(reference)
    for step in range(4):
        for parameters in (ours, reference):
            give(parameters, step)
        for p in ours:  # replaced, as by a user or by to() and back
            p.data = mc.tensor(np.array(p.numpy() * 2, order="F"), device=device).data
        for p in reference:  # written into
            with on_device_of(p.data):
                p.data *= 2
        for stepper in steppers:
            stepper.step()
        assert_equal(ours, values(reference))


def test_a_state_loaded_into_the_model_afterwards_is_what_the_next_step_starts_from(
    device, give, build
):
    model = mc.nn.Linear(3, 2).to(device)
    state = {name: np.full_like(array, 5) for name, array in model.state_dict().items()}
    stepper = build(model.parameters())
    model.load_state_dict(state)
    model.to("cpu").to(np.float32).to(device)
    twin = mc.nn.Linear(3, 2).to(device)
    twin.load_state_dict(state)
    for parameters, optimizer in (
        (list(model.parameters()), stepper),
        (list(twin.parameters()), build(twin.parameters())),
    ):
        give(parameters, 0)
        optimizer.step()
    assert_equal(model.parameters(), values(twin.parameters()))
    assert not any((array == 5).any() for array in values(model.parameters()))


def test_parameters_that_move_to_another_device_take_their_state_along(device, make, give, build):
    ours, reference = make(), make()
    steppers = build(ours), build(reference)
    for step in range(4):
        if step == 2:
            for p in ours:
                p.data = p.to(device).data
        for parameters, stepper in zip((ours, reference), steppers, strict=True):
            give(parameters, step)
            stepper.step()
        assert {p.device for p in ours} == {device if step >= 2 else "cpu"}
        for p, q in zip(ours, reference, strict=True):
            np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-12)


def test_two_optimizers_over_the_same_parameters_take_turns(device, make, give):
    ours, reference = make(device=device), make(device=device)
    first, second = SGD(ours, lr=0.1), Adam(ours[::-1], lr=0.1)
    alone = SGD(reference, lr=0.1), Adam(reference[::-1], lr=0.1)
    for step in range(6):
        for parameters in (ours, reference):
            give(parameters, step)
        (first, second)[step % 2].step()
        for p in reference:
            p.data = p.data.copy()
        alone[step % 2].step()
        assert_equal(ours, values(reference))


def test_a_copy_of_model_and_optimizer_goes_on_training(device, build):
    model = mc.nn.Linear(3, 2).to(device)
    stepper = build(model.parameters())
    x = mc.tensor(np.ones((4, 3), np.float32), device=device)
    model(x).sum().backward()
    stepper.step()
    twin, twin_stepper = copy.deepcopy((model, stepper))
    for network, optimizer in ((model, stepper), (twin, twin_stepper)):
        optimizer.zero_grad()
        network(x).sum().backward()
        optimizer.step()
    assert_equal(twin.parameters(), values(model.parameters()))


def test_a_dtype_changed_afterwards_is_an_error(give, build):
    model = mc.nn.Linear(3, 4)
    stepper = build(model.parameters())
    model.to(np.float64)
    give(list(model.parameters()), 0)
    with pytest.raises(RuntimeError, match="make a new optimizer"):
        stepper.step()


P = mc.Parameter(np.ones(2))
Q = mc.Parameter(np.ones(2, np.float32))
WRONG = {
    "nothing": (lambda: SGD([]), ValueError, "no parameters"),
    "used up": (lambda: SGD(iter(())), ValueError, "no parameters"),
    "empty group": (lambda: SGD([{"params": []}]), ValueError, "group without parameters"),
    "group without params": (lambda: SGD([{"lr": 1.0}]), TypeError, "params"),
    "one tensor": (lambda: SGD(P), TypeError, "one Tensor"),
    "module": (lambda: SGD(mc.nn.Linear(1, 1)), TypeError, "."),
    "named": (lambda: SGD(mc.nn.Linear(1, 1).named_parameters()), TypeError, "tuple"),
    "array": (lambda: SGD([P.data]), TypeError, "ndarray"),
    "constant": (lambda: SGD([mc.tensor([1.0])]), TypeError, "require grad"),
    "not a leaf": (lambda: SGD([P * 2]), TypeError, "leaves"),
    "group and parameter": (lambda: SGD([{"params": [P]}, Q]), TypeError, "params"),
    "parameter and group": (lambda: SGD([Q, {"params": [P]}]), TypeError, "dict"),
    "twice": (lambda: SGD([P, P]), ValueError, "twice"),
    "in two groups": (lambda: SGD([{"params": [P]}, {"params": [P]}]), ValueError, "twice"),
    "dtypes": (lambda: SGD([P, Q]), ValueError, "one device and dtype"),
    "unknown": (lambda: SGD([{"params": [P], "beta": 1}]), ValueError, r"unknown .*beta"),
    "lr": (lambda: SGD([P], lr=-0.1), ValueError, "lr: got -0.1"),
    "lr nan": (lambda: Adam([P], lr=float("nan")), ValueError, "lr: got nan"),
    "lr in a group": (lambda: SGD([{"params": [P], "lr": -1}]), ValueError, "lr: got -1"),
    "decay": (lambda: SGD([P], weight_decay=-1), ValueError, "weight_decay: got -1"),
    "momentum": (lambda: SGD([P], momentum=-1), ValueError, "momentum: got -1"),
    "nesterov": (lambda: SGD([P], nesterov=True), ValueError, "nesterov"),
    "beta 1": (lambda: Adam([P], betas=(1.0, 0.9)), ValueError, "betas"),
    "beta 2": (lambda: Adam([P], betas=(0.9, -0.1)), ValueError, "betas"),
    "beta nan": (lambda: Adam([P], betas=(0.9, float("nan"))), ValueError, "betas"),
    "one beta": (lambda: Adam([P], betas=(0.9,)), TypeError, "betas"),
    "betas as one number": (lambda: Adam([P], betas=0.9), TypeError, "betas: got 0.9"),
    "eps": (lambda: Adam([P], eps=-1e-8), ValueError, "eps: got -1e-08"),
    "lr text": (lambda: SGD([P], lr="fast"), TypeError, "lr: got 'fast', expected a number"),
    "lr inf": (lambda: SGD([P], lr=float("inf")), ValueError, "lr: got inf"),
    "adamw beta": (lambda: AdamW([P], betas=(0.9, 1)), ValueError, r"betas\[1\]: got 1"),
    "adamw decay": (lambda: AdamW([P], weight_decay=-1), ValueError, "weight_decay: got -1"),
    "adagrad decay": (lambda: Adagrad([P], lr_decay=-1), ValueError, "lr_decay: got -1"),
    "adagrad eps": (lambda: Adagrad([P], eps=-1), ValueError, "eps: got -1"),
    "adagrad sum": (
        lambda: Adagrad([P], initial_accumulator_value=-1),
        ValueError,
        "initial_accumulator_value: got -1",
    ),
    "rmsprop alpha": (lambda: RMSprop([P], alpha=1.1), ValueError, "alpha: got 1.1"),
    "rmsprop alpha below 0": (lambda: RMSprop([P], alpha=-1), ValueError, "alpha: got -1"),
    "rmsprop eps": (lambda: RMSprop([P], eps=-1), ValueError, "eps: got -1"),
    "rmsprop momentum": (lambda: RMSprop([P], momentum=-1), ValueError, "momentum: got -1"),
    "adadelta rho": (lambda: Adadelta([P], rho=1.1), ValueError, "rho: got 1.1, .*from 0 to 1"),
    "adadelta eps": (lambda: Adadelta([P], eps=None), TypeError, "eps: got None"),
}


def test_repr_shows_the_options_of_each_group(make):
    a, b, c, _ = make()
    assert repr(SGD([a])) == (
        "SGD(1 parameter, lr=0.001, momentum=0.0, weight_decay=0.0, nesterov=False)"
    )
    groups = [{"params": [a, b], "lr": np.float64(0.5)}, {"params": [c]}]
    assert repr(Adadelta(groups)) == (
        "Adadelta(\n"
        "  group 0: 2 parameters, lr=0.5, rho=0.9, eps=1e-06, weight_decay=0.0\n"
        "  group 1: 1 parameter, lr=1.0, rho=0.9, eps=1e-06, weight_decay=0.0\n"
        ")"
    )


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_learned_is_refused(case):
    make_optimizer, error, message = WRONG[case]
    data = P.data
    with pytest.raises(error, match=message):
        make_optimizer()
    assert P.data is data  # a refused parameter is not taken into a buffer


def test_a_subclass_needs_an_update():
    with pytest.raises(NotImplementedError, match="Optimizer defines no update"):
        Optimizer([mc.Parameter(np.ones(2))], lr=0.1, weight_decay=0.0)
