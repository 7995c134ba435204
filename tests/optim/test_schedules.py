"""Learning rates from step to step: the formulas, PyTorch, states, and wrong arguments."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest

import minicnn as mc
from minicnn.optim import (
    SGD,
    Adagrad,
    Adam,
    CosineAnnealingLR,
    ExponentialLR,
    LinearWarmup,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    RMSprop,
    Schedule,
    StepLR,
)

STEPS = 60


def parameters() -> list[mc.Parameter]:
    return [mc.Parameter(np.ones(2)), mc.Parameter(np.ones(3))]


def optimizer(kind=SGD, **options):
    """With the learning rates 0.4 and 0.1."""
    a, b = parameters()
    return kind([{"params": [a], "lr": 0.4}, {"params": [b]}], lr=0.1, **options)


def metric(step: int) -> float:
    """Falls, rests, falls again, and then goes up and down."""
    return max(3.0 - 0.3 * step, 1.5) if step < 20 else 1.2 + 0.3 * math.sin(step)


def advance(schedule, step: int) -> None:
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.step(metric(step))
    else:
        schedule.step()


def trace(schedule, steps=STEPS, start=0) -> list[list[float]]:
    """The rates at each step, as the optimizer has them."""
    groups = schedule.optimizer.param_groups
    rates = []
    for step in range(start, start + steps):
        rates.append([group["lr"] for group in groups])
        assert schedule.get_last_lr() == rates[-1]
        assert schedule.last_epoch == step
        advance(schedule, step)
    return rates


def cosine(a: float, b: float, part: float) -> float:
    return b + (a - b) * (1 + math.cos(math.pi * part)) / 2


FORMULAS = {
    "step": (lambda o: StepLR(o, 7, 0.5), lambda base, t: base * 0.5 ** (t // 7)),
    "step default": (lambda o: StepLR(o, 30), lambda base, t: base * (0.1 if t >= 30 else 1)),
    "milestones": (
        lambda o: MultiStepLR(o, [20, 5, 20]),
        lambda base, t: base * (1 if t < 5 else 0.1 if t < 20 else 0.001),
    ),
    "exponential": (lambda o: ExponentialLR(o, 0.9), lambda base, t: base * 0.9**t),
    "cosine": (
        lambda o: CosineAnnealingLR(o, 40, 0.01),
        lambda base, t: cosine(base, 0.01, t / 40),
    ),
    "warm up": (lambda o: LinearWarmup(o, 8), lambda base, t: base * min((t + 1) / 8, 1)),
    "no warm up": (lambda o: LinearWarmup(o, 0), lambda base, t: base),
    "warm up, cosine": (
        lambda o: LinearWarmup(o, 8, CosineAnnealingLR(o, 50)),
        lambda base, t: base * (t + 1) / 8 if t < 8 else cosine(base, 0, (t - 8) / 50),
    ),
    "two warm ups": (
        lambda o: LinearWarmup(o, 2, LinearWarmup(o, 4)),
        lambda base, t: base * (t + 1) / 2 if t < 2 else base * min((t - 1) / 4, 1),
    ),
    "warm up, one cycle": (
        lambda o: LinearWarmup(o, 10, OneCycleLR(o, [2.0, 1.0], total_steps=50)),
        # base is 0.4 and 0.1, the cycle's are 2 / 25 and 1 / 25
        lambda base, t: (
            (2 if base == 0.4 else 1) / 25 * (t + 1) / 10
            if t < 10
            else cycle(2 if base == 0.4 else 1, t - 10, 50)
        ),
    ),
    "one cycle": (
        lambda o: OneCycleLR(o, 2.0, epochs=10, steps_per_epoch=6),
        lambda base, t: cycle(2.0, t, 60),
    ),
    "one cycle, a long fall": (
        lambda o: OneCycleLR(o, 2.0, 60, pct_start=0.0, anneal_strategy="linear", div_factor=4),
        lambda base, t: 2.0 + (2.0 / 4e4 - 2.0) * (t + 1) / 60,
    ),
    "one cycle, a long rise": (
        lambda o: OneCycleLR(o, 2.0, 60, pct_start=1.0, anneal_strategy="linear", div_factor=4),
        lambda base, t: 0.5 + 1.5 * t / 59,
    ),
}


def cycle(top: float, t: int, total: int) -> float:
    """One cycle with the default options."""
    u = 0.3 * total - 1
    if t <= u:
        return cosine(top / 25, top, t / u)
    return cosine(top, top / 25e4, (t - u) / (total - 1 - u))


@pytest.mark.parametrize("case", FORMULAS)
def test_rates_are_the_formula_and_groups_have_their_own(case):
    make, formula = FORMULAS[case]
    expected = [[formula(base, t) for base in (0.4, 0.1)] for t in range(STEPS)]
    np.testing.assert_allclose(trace(make(optimizer())), expected, rtol=1e-12, atol=1e-15)


def test_the_rate_is_what_the_optimizer_takes():
    stepper = optimizer()
    schedule = ExponentialLR(stepper, 0.5)
    p, q = (group["params"][0] for group in stepper.param_groups)
    for factor in (1.0, 0.5, 0.25):
        p.data[...], q.data[...] = 1, 1
        p.grad, q.grad = mc.tensor(np.ones(2)), mc.tensor(np.ones(3))
        stepper.step()
        schedule.step()
        np.testing.assert_allclose([p.data[0], q.data[0]], [1 - 0.4 * factor, 1 - 0.1 * factor])


@pytest.mark.parametrize(("kind", "name"), [(SGD, "momentum"), (RMSprop, "momentum")])
def test_one_cycle_moves_momentum(kind, name):
    stepper = optimizer(kind)
    schedule = OneCycleLR(stepper, 1.0, total_steps=10, anneal_strategy="linear")
    seen = []
    for _ in range(10):
        seen.append([group[name] for group in stepper.param_groups])
        schedule.step()
    rise = [0.95, 0.90, 0.85]
    expected = [*rise, *np.linspace(0.85, 0.95, 8)[1:]]
    np.testing.assert_allclose(seen, np.transpose([expected, expected]), rtol=1e-12)


def test_one_cycle_moves_the_first_beta_alone_or_nothing():
    stepper = optimizer(Adam)
    schedule = OneCycleLR(stepper, 1.0, 10, base_momentum=0.5, max_momentum=0.6)
    assert [g["betas"] for g in stepper.param_groups] == [(0.6, 0.999)] * 2
    schedule.step()
    schedule.step()
    assert [g["betas"] for g in stepper.param_groups] == [(0.5, 0.999)] * 2
    stepper = optimizer(Adam)
    OneCycleLR(stepper, 1.0, 10, cycle_momentum=False).step()
    assert [g["betas"] for g in stepper.param_groups] == [(0.9, 0.999)] * 2
    OneCycleLR(optimizer(Adagrad), 1.0, 10, cycle_momentum=False).step()


def test_one_cycle_keeps_max_momentum_until_the_warm_up_is_over():
    stepper = optimizer()
    schedule = LinearWarmup(stepper, 3, OneCycleLR(stepper, 1.0, 10, anneal_strategy="linear"))
    seen = []
    for _ in range(6):
        seen.append(stepper.param_groups[1]["momentum"])
        schedule.step()
    np.testing.assert_allclose(seen, [0.95, 0.95, 0.95, 0.95, 0.9, 0.85])


@pytest.mark.parametrize("total", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("pct_start", [0.0, 0.1, 0.25, 0.3, 0.5, 0.56, 0.9, 1.0])
@pytest.mark.parametrize("three_phase", [False, True])
def test_one_cycle_has_its_steps_and_then_ends(total, pct_start, three_phase):
    stepper = optimizer()
    schedule = OneCycleLR(stepper, 1.0, total, pct_start=pct_start, three_phase=three_phase)
    for _ in range(total):  # once after each batch
        schedule.step()
        assert all(1e-7 < rate <= 1.0 + 1e-9 for rate in schedule.get_last_lr())
        assert 0.85 - 1e-9 <= stepper.param_groups[0]["momentum"] <= 0.95 + 1e-9
    before = schedule.state_dict()
    with pytest.raises(ValueError, match=f"step {total + 1} of {total}"):
        schedule.step()
    assert schedule.state_dict() == before


def plateau(metrics, **options) -> list[float]:
    schedule = ReduceLROnPlateau(SGD(parameters(), lr=1.0), **options)
    rates = []
    for value in metrics:
        schedule.step(value)
        rates += schedule.get_last_lr()
    return rates


PLATEAUS = {
    "patience": ([3, 3, 3, 3, 3], {"patience": 1}, [1, 1, 0.1, 0.1, 0.01]),
    "better in between": ([3, 3, 2, 2, 2], {"patience": 1}, [1, 1, 1, 1, 0.1]),
    "no patience": ([3, 2, 2, 1], {"patience": 0}, [1, 1, 0.1, 0.1]),
    "max": ([3, 2, 4, 4], {"patience": 0, "mode": "max"}, [1, 0.1, 0.1, 0.01]),
    "rel": ([4, 3.1, 2.9], {"patience": 0, "threshold": 0.25}, [1, 0.1, 0.1]),
    "rel max": ([4, 4.9, 5.1], {"patience": 0, "threshold": 0.25, "mode": "max"}, [1, 0.1, 0.1]),
    "abs": (
        [4, 3.8, 3.7],
        {"patience": 0, "threshold": 0.25, "threshold_mode": "abs"},
        [1, 0.1, 0.1],
    ),
    "abs max": (
        [4, 4.2, 4.3],
        {"patience": 0, "threshold": 0.25, "threshold_mode": "abs", "mode": "max"},
        [1, 0.1, 0.1],
    ),
    "cooldown": ([3] * 6, {"patience": 0, "cooldown": 2}, [1, 0.1, 0.1, 0.1, 0.01, 0.01]),
    "least": ([3] * 4, {"patience": 0, "min_lr": 0.05}, [1, 0.1, 0.05, 0.05]),
    "eps": ([3] * 4, {"patience": 0, "eps": 0.5}, [1, 0.1, 0.1, 0.1]),
    "nan": ([math.nan, 3, math.nan, 3], {"patience": 1}, [1, 1, 1, 0.1]),
    "inf": ([3, -math.inf, 2, math.inf], {"patience": 0}, [1, 0.1, 0.1, 0.01]),
}


@pytest.mark.parametrize("case", PLATEAUS)
def test_plateaus(case):
    metrics, options, expected = PLATEAUS[case]
    np.testing.assert_allclose(plateau(metrics, **options), expected, rtol=1e-12)


def test_plateaus_have_a_least_rate_for_each_group_and_take_tensors():
    stepper = optimizer()
    schedule = ReduceLROnPlateau(stepper, patience=0, min_lr=[0.2, 0.001])
    for value in (mc.tensor(1.0), np.float32(1), 1):
        schedule.step(value)
    np.testing.assert_allclose(schedule.get_last_lr(), [0.2, 0.001])


SCHEDULES = {
    **{name: make for name, (make, _) in FORMULAS.items()},
    "one cycle, momentum": lambda o: OneCycleLR(o, 1.0, STEPS, three_phase=True),
    "plateau": lambda o: ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=1),
}


@pytest.mark.parametrize("case", SCHEDULES)
@pytest.mark.parametrize("state_first", [True, False])
@pytest.mark.parametrize("at", [0, 1, 9, 33])
def test_a_loaded_state_goes_on_as_if_nothing_had_happened(case, state_first, at):
    whole = SCHEDULES[case](optimizer(momentum=0.5))
    stepper = optimizer(momentum=0.5)
    first = SCHEDULES[case](stepper)
    trace(whole, at)
    trace(first, at)
    text = json.dumps(first.state_dict(), allow_nan=False)
    fresh = optimizer(momentum=0.5)
    if state_first:  # the new schedule then takes the wrong base rates, until it is told
        fresh.load_state_dict(stepper.state_dict())
    later = SCHEDULES[case](fresh)
    later.load_state_dict(json.loads(text))
    assert later.state_dict() == json.loads(text)
    assert fresh.param_groups[0]["momentum"] == stepper.param_groups[0]["momentum"]
    assert trace(later, STEPS - at - 1, at) == trace(whole, STEPS - at - 1, at)
    for ours, others in zip(fresh.param_groups, whole.optimizer.param_groups, strict=True):
        assert ours["momentum"] == others["momentum"]


def test_a_state_is_plain_numbers_and_a_copy():
    stepper = SGD(parameters(), lr=np.float32(0.5))
    schedule = ReduceLROnPlateau(stepper, patience=0)
    schedule.step(np.float32(2))
    state = schedule.state_dict()
    assert state == {
        "schedule": "ReduceLROnPlateau",
        "base_lrs": [0.5],
        "last_epoch": 1,
        "num_bad_epochs": 0,
        "cooldown_counter": 0,
        "best": 2.0,
    }
    kept = copy.deepcopy(state)
    schedule.step(3)
    assert state == kept
    schedule.load_state_dict(state)
    schedule.step(3)
    assert state == kept


FOREIGN = {
    "none": lambda s: None,
    "empty": lambda s: {},
    "another's": lambda s: ExponentialLR(optimizer(), 0.9).state_dict(),
    "another after": lambda s: {**s, "schedule": "LinearWarmup, StepLR"},
    "a key missing": lambda s: {k: v for k, v in s.items() if k != "last_epoch"},
    "a key more": lambda s: {**s, "gamma": 0.1},
    "fewer groups": lambda s: {**s, "base_lrs": [0.1]},
    "no list": lambda s: {**s, "base_lrs": 0.1},
    "a negative rate": lambda s: {**s, "base_lrs": [0.1, -0.1]},
    "text for a rate": lambda s: {**s, "base_lrs": [0.1, "0.1"]},
    "nan": lambda s: {**s, "base_lrs": [0.1, math.nan]},
    "a negative step": lambda s: {**s, "last_epoch": -1},
    "half a step": lambda s: {**s, "last_epoch": 0.5},
    "after the end": lambda s: {**s, "last_epoch": 10**6},
    "best as text": lambda s: {**s, "best": "1"},
    "best nan": lambda s: {**s, "best": math.nan},
    "bad epochs": lambda s: {**s, "num_bad_epochs": None},
    "cooldown": lambda s: {**s, "cooldown_counter": -1},
}
ONLY = {
    "after the end": "one cycle",
    **dict.fromkeys(["best as text", "best nan", "bad epochs", "cooldown"], "plateau"),
}
LOADED = [
    (name, case)
    for name in ("step", "one cycle", "plateau", "warm up, cosine")
    for case in FOREIGN
    if ONLY.get(case, name) == name
]


@pytest.mark.parametrize(("name", "case"), LOADED)
def test_a_state_that_does_not_fit_changes_nothing(name, case):
    schedule = SCHEDULES[name](optimizer())
    trace(schedule, 3)
    state = FOREIGN[case]({**schedule.state_dict(), "last_epoch": 7})
    before = schedule.state_dict(), schedule.get_last_lr()
    groups = [dict(group) for group in schedule.optimizer.param_groups]
    with pytest.raises(ValueError, match="state dict|the cycle is over"):
        schedule.load_state_dict(state)
    assert (schedule.state_dict(), schedule.get_last_lr()) == before
    assert [dict(group) for group in schedule.optimizer.param_groups] == groups


def one_cycle(**options):
    return lambda o: OneCycleLR(o, **{"max_lr": 1.0, "total_steps": 10, **options})


def on_plateau(**options):
    return lambda o: ReduceLROnPlateau(o, **options)


WRONG = {
    "step_size": (lambda o: StepLR(o, 0), "step_size: got 0, expected an integer of 1"),
    "step_size 1.5": (lambda o: StepLR(o, 1.5), "step_size: got 1.5"),
    "step gamma": (lambda o: StepLR(o, 1, -0.1), "gamma: got -0.1, expected a number of 0"),
    "milestones": (lambda o: MultiStepLR(o, 5), "milestones: got 5, expected a list"),
    "milestone 0": (lambda o: MultiStepLR(o, [5, 0]), "milestones: got 0"),
    "milestones' gamma": (lambda o: MultiStepLR(o, [5], math.nan), "gamma: got nan"),
    "gamma": (lambda o: ExponentialLR(o, None), "gamma: got None"),
    "T_max": (lambda o: CosineAnnealingLR(o, 0), "T_max: got 0"),
    "eta_min": (lambda o: CosineAnnealingLR(o, 5, -1), "eta_min: got -1"),
    "warmup_steps": (lambda o: LinearWarmup(o, -1), "warmup_steps: got -1"),
    "after": (lambda o: LinearWarmup(o, 5, StepLR), "after: got a type"),
    "after another's": (lambda o: LinearWarmup(o, 5, StepLR(optimizer(), 1)), "after: .*another"),
    "after a plateau": (lambda o: LinearWarmup(o, 5, ReduceLROnPlateau(o)), "after: .*a metric"),
    "max_lr": (one_cycle(max_lr=-1), "max_lr: got -1"),
    "max_lr list": (one_cycle(max_lr=[1.0]), "max_lr: got 1 numbers, expected 2"),
    "max_lr in a list": (one_cycle(max_lr=[1.0, "1"]), "max_lr: got '1'"),
    "total_steps": (one_cycle(total_steps=0), "total_steps: got 0"),
    "no total": (one_cycle(total_steps=None, epochs=3), "total_steps: got None, epochs 3"),
    "epochs": (one_cycle(total_steps=None, epochs=0, steps_per_epoch=1), "epochs: got 0"),
    "steps_per_epoch": (
        one_cycle(total_steps=None, epochs=1, steps_per_epoch=2.5),
        "steps_per_epoch: got 2.5",
    ),
    "pct_start": (one_cycle(pct_start=30), "pct_start: got 30, expected a number from 0 to 1"),
    "anneal": (one_cycle(anneal_strategy="sine"), "anneal_strategy: got 'sine', expected 'cos'"),
    "base_momentum": (one_cycle(base_momentum=1.0), "base_momentum: got 1.0"),
    "max_momentum": (one_cycle(max_momentum=-0.1), "max_momentum: got -0.1"),
    "div_factor": (one_cycle(div_factor=0), "div_factor: got 0, expected a number above 0"),
    "final_div_factor": (one_cycle(final_div_factor=math.inf), "final_div_factor: got inf"),
    "mode": (on_plateau(mode="low"), "mode: got 'low', expected 'min' or 'max'"),
    "factor": (on_plateau(factor=1.0), "factor: got 1.0"),
    "patience": (on_plateau(patience=-1), "patience: got -1"),
    "threshold": (on_plateau(threshold=-1), "threshold: got -1"),
    "threshold_mode": (on_plateau(threshold_mode="no"), "threshold_mode: got 'no'"),
    "cooldown": (on_plateau(cooldown=0.5), "cooldown: got 0.5"),
    "min_lr": (on_plateau(min_lr=-1), "min_lr: got -1"),
    "min_lr list": (on_plateau(min_lr=[0, 0, 0]), "min_lr: got 3 numbers, expected 2"),
    "eps": (on_plateau(eps=True), "eps: got True"),
    "metric": (lambda o: ReduceLROnPlateau(o).step("x"), "metric: got 'x', expected a number"),
}


WRONG_TYPES = {
    "step_size 1.5",
    "milestones",
    "gamma",
    "after",
    "max_lr in a list",
    "steps_per_epoch",
    "cooldown",
    "eps",
    "metric",
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_named(case):
    make, message = WRONG[case]
    with pytest.raises(TypeError if case in WRONG_TYPES else ValueError, match=message):
        make(optimizer())


def test_a_refused_schedule_leaves_the_optimizer_as_it_was():
    stepper = optimizer(Adagrad)
    with pytest.raises(ValueError, match="cycle_momentum: Adagrad has neither momentum nor betas"):
        OneCycleLR(stepper, 1.0, 10)
    assert [group["lr"] for group in stepper.param_groups] == [0.4, 0.1]


@pytest.mark.parametrize("make", [lambda o: StepLR(o, 1), one_cycle(), on_plateau()])
def test_what_is_no_optimizer_is_refused(make):
    with pytest.raises(TypeError, match="optimizer: got a list, expected an Optimizer"):
        make(parameters())


def test_a_schedule_needs_a_rate():
    with pytest.raises(NotImplementedError, match="Schedule defines no rate"):
        Schedule(optimizer())


TORCH = [
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 1, "gamma": 0.9}),
    ("MultiStepLR", {"milestones": [5, 30, 31], "gamma": 0.3}),
    ("MultiStepLR", {"milestones": []}),
    ("ExponentialLR", {"gamma": 0.93}),
    ("ExponentialLR", {"gamma": 1.02}),
    ("CosineAnnealingLR", {"T_max": 59}),
    ("CosineAnnealingLR", {"T_max": 13, "eta_min": 0.02}),
    ("CosineAnnealingLR", {"T_max": 1}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 60}),
    ("OneCycleLR", {"max_lr": [1.0, 0.5], "epochs": 12, "steps_per_epoch": 5, "three_phase": True}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 61, "pct_start": 0.13, "div_factor": 3.0}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 60, "anneal_strategy": "linear"}),
    (
        "OneCycleLR",
        {
            "max_lr": 1.0,
            "total_steps": 60,
            "pct_start": 0.41,
            "anneal_strategy": "linear",
            "base_momentum": 0.2,
            "max_momentum": 0.7,
            "final_div_factor": 10.0,
            "three_phase": True,
        },
    ),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 60, "cycle_momentum": False}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 60, "pct_start": 0.0}),
    ("ReduceLROnPlateau", {}),
    ("ReduceLROnPlateau", {"patience": 2, "factor": 0.5}),
    ("ReduceLROnPlateau", {"mode": "max", "patience": 3, "cooldown": 4}),
    ("ReduceLROnPlateau", {"patience": 0, "threshold": 0.3, "factor": 0.7}),
    ("ReduceLROnPlateau", {"patience": 1, "threshold": 0.2, "threshold_mode": "abs"}),
    ("ReduceLROnPlateau", {"patience": 0, "factor": 0.6, "min_lr": [0.1, 0.01]}),
    ("ReduceLROnPlateau", {"patience": 0, "factor": 0.6, "eps": 0.02}),
]


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "options"), TORCH, ids=str)
def test_against_pytorch(name, options, kind):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours = optimizer(getattr(mc.optim, kind))
    a, b = (torch.nn.Parameter(torch.from_numpy(p.data)) for p in parameters())
    theirs = getattr(torch.optim, kind)([{"params": [a], "lr": 0.4}, {"params": [b]}], lr=0.1)
    mine = getattr(mc.optim, name)(ours, **options)
    other = getattr(torch.optim.lr_scheduler, name)(theirs, **options)
    for step in range(STEPS):
        for group, expected in zip(ours.param_groups, theirs.param_groups, strict=True):
            for key in ("lr", "momentum" if kind == "SGD" else "betas"):
                # PyTorch gets from one rate to the next, and adds up what rounding leaves.
                np.testing.assert_allclose(group[key], expected[key], rtol=1e-9, atol=1e-12)
        assert mine.last_epoch == other.last_epoch == step
        np.testing.assert_allclose(mine.get_last_lr(), other.get_last_lr(), rtol=1e-9, atol=1e-12)
        if step < STEPS - 1:
            for schedule in (mine, other):
                schedule.step(*([metric(step)] if name == "ReduceLROnPlateau" else []))
