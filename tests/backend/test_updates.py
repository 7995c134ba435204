"""The steps of the optimizers on every device against the plain loops, over drawn options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from minicnn.backend import kernels_for, reference_kernels, to_device

Array = NDArray[Any]
ROUNDING = {np.float32: 2e-4, np.float64: 1e-11}
RATES = st.sampled_from([0.0, 1e-3, 0.1, 1.0])
MOMENTA = st.sampled_from([0.5, 0.9, 0.999])  # where it is 0 the optimizers pass no buffer
ALPHAS = st.sampled_from([0.5, 0.99])  # not 0: v - m² would be rounding alone when centered
MEANS = st.sampled_from([0.0, 0.5, 0.9, 0.999])
DECAYS = st.sampled_from([0.0, 1e-2, 0.5])
EPS = st.sampled_from([1e-8, 1e-3])
SIZES = st.sampled_from([1, 2, 7, 300, 600])


def sgd(draw: st.DrawFn) -> tuple[int, dict[str, Any]]:
    return 1, {
        "lr": draw(RATES),
        "momentum": draw(MOMENTA),
        "weight_decay": draw(DECAYS),
        "nesterov": draw(st.booleans()),
    }


def adam(draw: st.DrawFn) -> tuple[int, dict[str, Any]]:
    return 2, {
        "lr": draw(RATES),
        "betas": (draw(MEANS), draw(st.sampled_from([0.9, 0.999]))),
        "eps": draw(EPS),
        "weight_decay": draw(DECAYS),
        "decay": draw(DECAYS),
    }


def adagrad(draw: st.DrawFn) -> tuple[int, dict[str, Any]]:
    return 1, {"lr": draw(RATES), "eps": draw(EPS), "weight_decay": draw(DECAYS)}


def rmsprop(draw: st.DrawFn) -> tuple[int, dict[str, Any]]:
    return 3, {
        "lr": draw(RATES),
        "alpha": draw(ALPHAS),
        "eps": draw(EPS),
        "weight_decay": draw(DECAYS),
        "momentum": draw(MOMENTA),
    }


def adadelta(draw: st.DrawFn) -> tuple[int, dict[str, Any]]:
    options = {"lr": draw(RATES), "rho": draw(MEANS), "eps": draw(EPS)}
    return 2, {**options, "weight_decay": draw(DECAYS)}


DRAWN = {f.__name__: f for f in (sgd, adam, adagrad, rmsprop, adadelta)}
OPTIONAL = {"sgd": [0], "rmsprop": [1, 2]}
"""Which of the state arrays may be None: the buffer; the mean and the buffer."""


@st.composite
def updates(draw: st.DrawFn, name: str) -> tuple[list[Array | None], dict[str, Any]]:
    """Parameters and state arrays, None where an option does without, and the options."""
    states, options = DRAWN[name](draw)
    dtype, size = draw(st.sampled_from([np.float32, np.float64])), draw(SIZES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arrays: list[Array | None] = [rng.standard_normal(size).astype(dtype)]
    arrays += [np.zeros(size, dtype) for _ in range(states)]
    for state in OPTIONAL.get(name, ()):
        if draw(st.booleans()):
            arrays[1 + state] = None
    return arrays, options


def gradients(like: Array, step: int) -> Array:
    """Numbers away from 0, where a step of Adam is a leap by its sign (as it is for beta2 = 0)."""
    rng = np.random.default_rng(step)
    return (rng.choice([-1, 1], like.size) * rng.uniform(0.1, 2, like.size)).astype(like.dtype)


@pytest.mark.parametrize("name", DRAWN)
@given(st.data())
def test_steps(device: str, name: str, data: st.DataObject) -> None:
    """Parameters and state are those of the loops after each step; gradients are left alone."""
    arrays, options = data.draw(updates(name))
    moved = [None if a is None else to_device(a.copy(), device) for a in arrays]
    p, kernels = arrays[0], kernels_for(moved[0])
    for step in range(1, 5):
        g = gradients(p, step)
        moved_g = to_device(g.copy(), device)
        number = {"step": step} if name == "adam" else {}
        getattr(reference_kernels, name)(p, g, *arrays[1:], **options, **number)
        result = getattr(kernels, name)(moved[0], moved_g, *moved[1:], **options, **number)
        assert result is None
        np.testing.assert_array_equal(to_device(moved_g, "cpu"), g)
        for got, expected in zip(moved, arrays, strict=True):
            if got is not None:
                got = to_device(got, "cpu")
                assert got.dtype == p.dtype
                atol = ROUNDING[p.dtype.type]
                np.testing.assert_allclose(got, expected, rtol=atol, atol=atol)


@pytest.mark.parametrize("name", DRAWN)
@given(st.data())
def test_slices_are_updated_alone(device: str, name: str, data: st.DataObject) -> None:
    """The optimizers hand in pieces of one flat array: the elements around them stay."""
    arrays, options = data.draw(updates(name))
    number = {"step": 3} if name == "adam" else {}
    whole = [None if a is None else to_device(np.pad(a, 2, constant_values=7), device)
             for a in arrays]  # fmt: skip
    g = to_device(np.pad(gradients(arrays[0], 1), 2, constant_values=np.nan), device)
    p, *states = [None if a is None else a[2:-2] for a in whole]
    getattr(kernels_for(g), name)(p, g[2:-2], *states, **options, **number)
    for a in whole:
        if a is not None:
            np.testing.assert_array_equal(to_device(a, "cpu")[[0, 1, -2, -1]], 7)
            assert np.isfinite(to_device(a, "cpu")).all()
