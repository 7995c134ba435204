"""Initial weights: each distribution against its formula."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.nn import init

FAN_IN, FAN_OUT = 3 * 4 * 5, 40 * 4 * 5


def weight(shape=(40, 3, 4, 5)) -> mc.Parameter:
    return mc.Parameter(np.full(shape, np.nan, np.float32))


def seeded(fill, *args, seed=0, shape=(400, 3, 4, 5), **kwargs) -> np.ndarray:
    mc.manual_seed(seed)
    return fill(weight(shape), *args, **kwargs).data


STDS = {
    "xavier": math.sqrt(2 / (FAN_IN + FAN_OUT)),
    "kaiming": math.sqrt(2 / FAN_IN),
    "lecun": math.sqrt(1 / FAN_IN),
}


@pytest.mark.parametrize("name", STDS)
def test_uniform_forms_are_bounded_by_root_three_times_their_std(name):
    values = seeded(getattr(init, f"{name}_uniform_"), shape=(40, 3, 4, 5))
    bound = math.sqrt(3) * STDS[name]
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    assert np.abs(values).max() > 0.99 * bound
    assert values.std() == pytest.approx(STDS[name], rel=0.05)
    assert abs(values.mean()) < 0.1 * STDS[name]


@pytest.mark.parametrize("name", STDS)
def test_normal_forms_have_their_std_and_tails(name):
    values = seeded(getattr(init, f"{name}_normal_"), shape=(40, 3, 4, 5))
    assert values.std() == pytest.approx(STDS[name], rel=0.05)
    assert abs(values.mean()) < 0.1 * STDS[name]
    assert np.abs(values).max() > 2.5 * STDS[name]  # a uniform one of this std ends at 1.73


@pytest.mark.parametrize("form", ["uniform_", "normal_"])
def test_xavier_and_kaiming_options_scale(form):
    def std(name, **options):
        return seeded(getattr(init, f"{name}_{form}"), shape=(40, 3, 4, 5), **options).std()

    assert std("xavier", gain=3) == pytest.approx(3 * std("xavier"), rel=1e-5)
    assert std("kaiming", mode="fan_out") == pytest.approx(
        std("kaiming") * math.sqrt(FAN_IN / FAN_OUT), rel=1e-5
    )
    assert std("kaiming", a=2.0) == pytest.approx(std("kaiming") / math.sqrt(5), rel=1e-5)
    assert std("kaiming", nonlinearity="linear") == pytest.approx(std("lecun"), rel=1e-5)
    assert std("kaiming", nonlinearity="relu", a=2.0) == pytest.approx(std("kaiming"), rel=1e-5)


def test_plain_uniform_and_normal():
    values = seeded(init.uniform_)
    assert 0 <= values.min() < 0.01
    assert 0.99 < values.max() <= 1
    values = seeded(init.uniform_, -3, -1)
    assert -3 <= values.min() < -2.99
    assert -1.01 < values.max() <= -1
    values = seeded(init.normal_)
    assert values.mean() == pytest.approx(0, abs=0.03)
    assert values.std() == pytest.approx(1, rel=0.02)
    values = seeded(init.normal_, 5, 0.1)
    assert values.mean() == pytest.approx(5, abs=0.01)
    assert values.std() == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize(
    ("fill", "value"),
    [(init.zeros_, 0), (init.ones_, 1), (lambda x: init.constant_(x, 2.5), 2.5)],
)
def test_constants(fill, value):
    assert (fill(weight((3,))).data == value).all()


FILLS = [name for name in vars(init) if name.endswith("_") and not name.startswith("_")]


@pytest.mark.parametrize("name", FILLS)
def test_every_function_fills_in_place_and_returns_its_argument(name):
    x = weight()
    array = x.data
    args = (1.0,) if name == "constant_" else ()
    assert getattr(init, name)(x, *args) is x
    assert x.data is array
    assert array.dtype == np.float32
    assert np.isfinite(array).all()
    assert x.requires_grad
    assert x.function is None


@pytest.mark.parametrize("name", [n for n in FILLS if n.endswith(("uniform_", "normal_"))])
def test_seeds_decide(name):
    fill = getattr(init, name)
    np.testing.assert_array_equal(seeded(fill), seeded(fill))
    assert not np.array_equal(seeded(fill), seeded(fill, seed=1))
    mc.manual_seed(0)
    assert not np.array_equal(fill(weight()).data, fill(weight()).data)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4, 3), (3, 4)),
        ((4, 3, 2, 5), (30, 40)),
        ((4, 3, 7), (21, 28)),
        ((1, 1), (1, 1)),
    ],
)
def test_fans(shape, expected):
    assert init.fans(weight(shape)) == expected


@pytest.mark.parametrize("shape", [(), (3,), (0, 3), (3, 0, 2, 2)])
def test_fans_need_two_axes_and_elements(shape):
    for function in (init.fans, init.xavier_uniform_, init.kaiming_normal_, init.lecun_uniform_):
        with pytest.raises(ValueError, match="no fan_in"):
            function(weight(shape))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("linear",), 1),
        (("sigmoid",), 1),
        (("tanh",), 5 / 3),
        (("relu",), math.sqrt(2)),
        (("leaky_relu",), math.sqrt(2)),
        (("leaky_relu", 0.2), math.sqrt(2 / 1.04)),
        (("selu",), 0.75),
    ],
)
def test_gains_are_pytorchs(arguments, expected):
    assert init.gain(*arguments) == pytest.approx(expected)


def test_unknown_names_change_nothing():
    x = weight((2, 2))
    with pytest.raises(ValueError, match="nonlinearity: got 'swish'.*relu"):
        init.kaiming_uniform_(x, nonlinearity="swish")
    with pytest.raises(ValueError, match="mode: got 'fan_avg'"):
        init.kaiming_normal_(x, mode="fan_avg")
    assert np.isnan(x.data).all()


def test_a_transposed_weight_is_filled_through_the_view():
    base = np.zeros((3, 4), np.float32)
    init.ones_(mc.Parameter(base.T))
    assert base.all()


def test_skipping_is_a_matter_of_one_thread() -> None:
    made = []
    with init.skip_init():
        thread = threading.Thread(target=lambda: made.append(nn.Linear(3, 2)))
        thread.start()
        thread.join()
        assert not nn.Linear(3, 2).weight.numpy().any()
    assert made[0].weight.numpy().any()
    assert nn.Linear(3, 2).weight.numpy().any()
