"""What applies an optimizer's formula on each device against the formula on NumPy arrays.

The formulas themselves are held against plain Python in ``test_formulas.py``.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import minicnn as mc
from minicnn import optim
from minicnn.backend import on_device_of, to_device
from minicnn.backend.cuda import updates as fused_updates
from minicnn.backend.updates import PIECE, Options, State, update_for

Array = NDArray[Any]
ROUNDING = {np.float32: 2e-4, np.float64: 1e-11}
RATES = st.sampled_from([0.0, 1e-3, 0.1, 1.0])
MOMENTA = st.sampled_from([0.5, 0.9, 0.999])
ALPHAS = st.sampled_from([0.5, 0.99])  # not 0: v - m² would be only rounding when centered
MEANS = st.sampled_from([0.0, 0.5, 0.9, 0.999])
DECAYS = st.sampled_from([0.0, 1e-2, 0.5])
EPS = st.sampled_from([1e-8, 1e-3])
SIZES = st.sampled_from([1, 2, 7, 300, 600])
BETAS = st.tuples(MEANS, st.sampled_from([0.9, 0.999]))
OPTIONS: dict[type[optim.Optimizer], dict[str, st.SearchStrategy[Any]]] = {
    optim.SGD: {"momentum": MOMENTA, "nesterov": st.booleans()},
    optim.Adam: {"betas": BETAS, "eps": EPS},
    optim.AdamW: {"betas": BETAS, "eps": EPS},
    optim.Adagrad: {
        "eps": EPS,
        "lr_decay": st.sampled_from([0.0, 0.1]),
        "initial_accumulator_value": st.just(0.0),
    },
    optim.RMSprop: {"alpha": ALPHAS, "eps": EPS, "momentum": MOMENTA, "centered": st.booleans()},
    optim.Adadelta: {"rho": MEANS, "eps": EPS},
}
"""Besides lr and weight_decay."""


@st.composite
def cases(
    draw: st.DrawFn, kind: type[optim.Optimizer]
) -> tuple[Array, dict[str, Array | None], dict[str, Any]]:
    """Parameters, state arrays (None where the options can do without), and the options."""
    options = {name: draw(strategy) for name, strategy in OPTIONS[kind].items()}
    options |= {"lr": draw(RATES), "weight_decay": draw(DECAYS)}
    dtype, size = draw(st.sampled_from([np.float32, np.float64])), draw(SIZES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    state: dict[str, Array | None] = {}
    for name, option in kind.state_names.items():
        is_there = option is None or draw(st.booleans())
        state[name] = np.zeros(size, dtype) if is_there else None
    return rng.standard_normal(size).astype(dtype), state, options


def gradients(like: Array, step: int) -> Array:
    """Numbers away from 0, where a step of Adam is a leap by its sign (as it is for beta2 = 0)."""
    rng = np.random.default_rng(step)
    return (rng.choice([-1, 1], like.size) * rng.uniform(0.1, 2, like.size)).astype(like.dtype)


def moved(state: dict[str, Array | None], device: str) -> dict[str, Array | None]:
    return {n: None if a is None else to_device(a.copy(), device) for n, a in state.items()}


@pytest.mark.parametrize("kind", OPTIONS)
@given(st.data())
def test_steps(device: str, kind: type[optim.Optimizer], data: st.DataObject) -> None:
    """Parameters and state are those of the formula after each step; gradients do not change."""
    p, state, options = data.draw(cases(kind))
    there, state_there = to_device(p.copy(), device), moved(state, device)
    update, _ = update_for(there, kind.update)
    for step in range(1, 5):
        grad = gradients(p, step)
        grad_there = to_device(grad.copy(), device)
        kind.update(p, grad, step, State(**state), Options(**options))
        with on_device_of(there):
            done = update(there, grad_there, step, State(**state_there), Options(**options))
        assert done is None
        np.testing.assert_array_equal(to_device(grad_there, "cpu"), grad)
        for got, expected in [(there, p), *((state_there[n], state[n]) for n in state)]:
            if got is not None:
                got = to_device(got, "cpu")
                assert got.dtype == p.dtype
                atol = ROUNDING[p.dtype.type]
                np.testing.assert_allclose(got, expected, rtol=atol, atol=atol)


@pytest.mark.parametrize("kind", OPTIONS)
@given(st.data())
def test_only_the_slice_is_updated(
    device: str, kind: type[optim.Optimizer], data: st.DataObject
) -> None:
    """The optimizers hand in pieces of one flat array: the elements around them stay."""
    p, state, options = data.draw(cases(kind))
    arrays = {"p": p, **state}
    whole = {
        n: None if a is None else to_device(np.pad(a, 2, constant_values=7), device)
        for n, a in arrays.items()
    }
    grad = to_device(np.pad(gradients(p, 1), 2, constant_values=np.nan), device)
    pieces = {n: None if a is None else a[2:-2] for n, a in whole.items()}
    update, _ = update_for(grad, kind.update)
    with on_device_of(grad):
        update(pieces.pop("p"), grad[2:-2], 3, State(**pieces), Options(**options))
    for a in whole.values():
        if a is not None:
            np.testing.assert_array_equal(to_device(a, "cpu")[[0, 1, -2, -1]], 7)
            assert np.isfinite(to_device(a, "cpu")).all()


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_fused_kernel_has_the_parameters_of_its_formula(kind: type[optim.Optimizer]) -> None:
    fused = getattr(fused_updates, kind.update.fused_kernel)
    formula, twin = (list(inspect.signature(f).parameters.values()) for f in (kind.update, fused))
    assert twin == formula


def test_what_is_taken_at_a_time() -> None:
    def formula() -> None: ...

    assert update_for(np.zeros(3), formula) == (formula, PIECE)
    assert update_for(np.zeros(3), optim.SGD.update) == (optim.SGD.update, PIECE)


def test_a_formula_of_ones_own_runs_on_every_device(device: str) -> None:
    """Without a fused kernel the formula itself is applied, also by a subclass of a fused one."""

    class Signs(optim.SGD):
        @staticmethod
        def update(p: Array, grad: Array, step: int, state: State, o: Options) -> None:
            p -= o.lr * grad / abs(grad)

    there = to_device(np.zeros(2), device)
    update, at_once = update_for(there, Signs.update)
    assert update is Signs.update
    assert at_once >= 2
    with on_device_of(there):
        update(there, to_device(np.array([-3.0, 4.0]), device), 1, State(), Options(lr=0.5))
    np.testing.assert_array_equal(to_device(there, "cpu"), [0.5, -0.5])


def test_updates_that_would_be_lost():
    class Returns(optim.Optimizer):
        @staticmethod
        def update(p, grad, step, state, o):
            return p - o.lr * grad

    class Forgets(optim.Optimizer):
        state_names: ClassVar = {"v": None}

        @staticmethod
        def update(p, grad, step, state, o):
            state.v *= 0.5  # in place, which is right
            state.v = state.v + grad

    for kind, message in ((Returns, "update returned a value"), (Forgets, r"state.v\[...\] = ")):
        p = mc.Parameter(np.ones(2))
        p.grad = mc.tensor(np.ones(2))
        with pytest.raises(TypeError, match=message):
            kind([p], lr=0.1).step()
