"""Against PyTorch over twenty steps."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.3}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.3}),
    ("Adagrad", {"initial_accumulator_value": 0.7, "eps": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.1, "alpha": 0.5, "eps": 0.1, "weight_decay": 0.3}),
    ("RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "weight_decay": 0.3}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.5, "eps": 0.1, "weight_decay": 0.3}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.3}),
    ("Adam", {"lr": 0.1, "betas": (0.5, 0.7), "eps": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "betas": (0.5, 0.7), "eps": 0.1, "weight_decay": 0.3}),
]
NAMES = list(dict.fromkeys(name for name, _ in CASES))


def twins(parameters) -> list:
    return [torch.nn.Parameter(torch.from_numpy(p.data.copy())) for p in parameters]


def copy_gradients(parameters, theirs) -> None:
    for p, t in zip(parameters, theirs, strict=True):
        t.grad = None if p.grad is None else torch.from_numpy(p.grad.data.copy())


def assert_same(parameters, theirs) -> None:
    for p, t in zip(parameters, theirs, strict=True):
        np.testing.assert_allclose(p.data, t.detach().numpy(), rtol=1e-9, atol=1e-12)


# Parameters without a gradient do not change, keep their step count, and catch up later.
WITHOUT = {"all": lambda step: (), "some": lambda step: {0: (1,), 1: (0, 3)}.get(step % 3, ())}


@pytest.mark.parametrize("without", WITHOUT)
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_twenty_steps(make, give, name, options, without):
    parameters = make()
    theirs = twins(parameters)
    ours, other = getattr(mc.optim, name), getattr(torch.optim, name)
    ours, other = ours(parameters, **options), other(theirs, **options)
    for step in range(20):
        give(parameters, step, WITHOUT[without](step))
        copy_gradients(parameters, theirs)
        ours.step()
        other.step()
        assert_same(parameters, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_groups_and_a_learning_rate_changed_on_the_way(make, give, name):
    parameters = make()
    theirs = twins(parameters)

    def groups(p):
        return [{"params": p[:1]}, {"params": p[1:], "lr": 0.01, "weight_decay": 0.5}]

    ours = getattr(mc.optim, name)(groups(parameters), lr=0.1)
    other = getattr(torch.optim, name)(groups(theirs), lr=0.1)
    for step in range(20):
        give(parameters, step)
        copy_gradients(parameters, theirs)
        for optimizer in (ours, other):
            optimizer.param_groups[1]["lr"] = 0.1 / (step + 1)
            optimizer.step()
        assert_same(parameters, theirs)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_the_state_is_pytorchs(make, give, name, options):
    (p,) = make(shapes=[(3, 4)])
    (t,) = twins([p])
    ours, other = getattr(mc.optim, name), getattr(torch.optim, name)
    ours, other = ours([p], **options), other([t], **options)
    for step in range(3):
        give([p], step)
        copy_gradients([p], [t])
        ours.step()
        other.step()
    # SGD counts no steps in PyTorch, and may have a None for the buffer that it does not need.
    expected = {k: v for k, v in other.state[t].items() if v is not None}
    (state,) = ours.state_dict()["state"].values()
    assert state.keys() == {*expected, "step"}
    for key, value in expected.items():
        np.testing.assert_allclose(state[key], value.numpy(), rtol=1e-9, atol=1e-12)


def test_defaults_are_pytorchs():
    p, t = [mc.Parameter(np.ones(1))], [torch.nn.Parameter(torch.ones(1))]
    for name in NAMES:
        (ours,) = getattr(mc.optim, name)(p).param_groups
        (other,) = getattr(torch.optim, name)(t).param_groups
        assert {k: v for k, v in ours.items() if k != "params"} == {
            k: other[k] for k in ours if k != "params"
        }


@pytest.mark.parametrize("without", WITHOUT)
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_a_state_of_pytorch_continues_here(make, give, name, options, without):
    ours = make()
    theirs = twins(ours)
    other = getattr(torch.optim, name)(theirs, foreach=False, **options)
    optimizer = getattr(mc.optim, name)(ours)  # the options come with the state
    for step in range(10):
        give(ours, step, WITHOUT[without](step))
        copy_gradients(ours, theirs)
        if step == 5:
            for p, t in zip(ours, theirs, strict=True):
                p.data[...] = t.detach().numpy()
            optimizer.load_state_dict(other.state_dict())
        other.step()
        if step >= 5:
            optimizer.step()
    for p, t in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, t.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_state_of_pytorch_in_groups_with_a_schedule_loads(make, name):
    theirs = [{"params": [t], "lr": 0.5} for t in twins(make())]
    other = getattr(torch.optim, name)(theirs)
    torch.optim.lr_scheduler.StepLR(other, 1)  # notes initial_lr in the groups
    optimizer = getattr(mc.optim, name)([{"params": [p]} for p in make()])
    optimizer.load_state_dict(other.state_dict())
    assert [group["lr"] for group in optimizer.param_groups] == [0.5] * 4
    assert optimizer.param_groups[0].keys() <= other.param_groups[0].keys()


@pytest.mark.parametrize(
    ("name", "options", "into", "message"),
    [
        ("Adam", {"amsgrad": True}, "Adam", "amsgrad=True, which Adam does not have"),
        ("Adam", {"maximize": True}, "Adam", "maximize=True"),
        ("SGD", {"momentum": 0.9, "dampening": 0.1}, "SGD", "dampening=0.1"),
        ("AdamW", {}, "Adam", "of AdamW, whose weight decay is not that of Adam"),
        ("Adam", {"weight_decay": 0.1}, "AdamW", "of Adam, whose weight decay"),
        ("RAdam", {}, "Adam", "of another optimizer"),
        ("NAdam", {}, "Adam", "of another optimizer|momentum_decay"),
        ("Adamax", {}, "Adam", "of another optimizer"),
        ("SGD", {}, "Adam", "unknown options.*momentum"),
        ("Adadelta", {}, "RMSprop", "unknown options.*rho"),
    ],
)
def test_a_state_of_pytorch_with_another_formula_is_refused_by_name(
    make, name, options, into, message
):
    other = getattr(torch.optim, name)(twins(make()), **options)
    optimizer = getattr(mc.optim, into)(make())
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=f"state dict: .*({message})"):
        optimizer.load_state_dict(other.state_dict())
    np.testing.assert_equal(optimizer.state_dict(), before)


def test_a_state_of_pytorch_for_fewer_parameters_is_refused(make):
    state = torch.optim.Adam(twins(make())[:2]).state_dict()
    with pytest.raises(ValueError, match="groups of"):
        mc.optim.Adam(make()).load_state_dict(state)
