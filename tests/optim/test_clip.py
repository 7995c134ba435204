"""Clipping of gradients: the norm, the coefficient, and what is left as it was."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minicnn as mc
from minicnn.optim import clip_grad_norm, clip_grad_value


def with_gradients(*grads, dtype=np.float64, device="cpu") -> list[mc.Parameter]:
    parameters = []
    for grad in grads:
        array = np.asarray(grad, dtype)
        parameters.append(mc.Parameter(mc.tensor(np.zeros_like(array), device=device).data))
        parameters[-1].grad = mc.tensor(array, device=device)
    return parameters


def gradients(parameters) -> list[list[float]]:
    return [p.grad.numpy().tolist() for p in parameters]


@pytest.mark.parametrize(
    ("norm_type", "norm"), [(2, 13.0), (1, 19.0), (3, 1819 ** (1 / 3)), (math.inf, 12.0)]
)
def test_gradients_are_scaled_to_the_norm(device, norm_type, norm):
    parameters = with_gradients([3.0, -4.0], -12.0, device=device)
    assert clip_grad_norm(parameters, 6.5, norm_type) == pytest.approx(norm, rel=1e-14)
    factor = 6.5 / (norm + 1e-6)
    expected = [[3 * factor, -4 * factor], -12 * factor]
    for p, values in zip(parameters, expected, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), values, rtol=1e-14)


def test_gradients_within_the_norm_are_left_alone(device):
    parameters = with_gradients([3.0, -4.0], device=device)
    grad = parameters[0].grad
    for max_norm in (5.1, math.inf):
        assert clip_grad_norm(parameters, max_norm) == 5.0
        if not device.startswith("cuda"):  # which multiplies by 1, to wait for nothing
            assert parameters[0].grad is grad
        np.testing.assert_array_equal(parameters[0].grad.numpy(), [3, -4])
    assert clip_grad_norm(parameters, 5.0) == 5.0  # PyTorch's 1e-6: a little less than they were
    assert 4.9999 < clip_grad_norm(parameters, math.inf) < 5.0


def test_a_norm_of_zero_is_no_division_by_zero(device):
    parameters = with_gradients([0.0, 0.0], device=device)
    assert clip_grad_norm(parameters, 1.0) == 0.0
    assert gradients(parameters) == [[0, 0]]
    assert clip_grad_norm(parameters, 0.0) == 0.0
    assert gradients(parameters) == [[0, 0]]


def test_squares_of_float32_do_not_overflow(device):
    parameters = with_gradients([3e30, 4e30], dtype=np.float32, device=device)
    assert clip_grad_norm(parameters, 1.0) == pytest.approx(5e30)
    np.testing.assert_allclose(parameters[0].grad.numpy(), [0.6, 0.8], rtol=1e-6)


def clip_values(parameters):
    clip_grad_value(parameters, 0.5)


def clip_norms(parameters):
    clip_grad_norm(parameters, 0.5)


both = pytest.mark.parametrize("clip", [clip_norms, clip_values])


@both
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_and_shapes_are_kept_and_arrays_not_written_into(device, clip, dtype):
    parameters = with_gradients([[3.0, -4.0]], 12.0, np.zeros((0, 2)), dtype=dtype, device=device)
    arrays = [p.grad.data for p in parameters]
    before = [mc.Tensor(a).numpy().copy() for a in arrays]
    clip(parameters)
    for p, array, old in zip(parameters, arrays, before, strict=True):
        np.testing.assert_array_equal(mc.Tensor(array).numpy(), old)
        assert (p.grad.dtype, p.grad.shape, p.grad.device) == (dtype, array.shape, device)
        assert abs(p.grad.numpy()).max(initial=0) <= 0.5
        assert not p.grad.requires_grad


@both
def test_what_parameters_may_be(clip):
    expected = with_gradients([3.0, -4.0])
    clip(expected)
    (single,) = with_gradients([3.0, -4.0])
    clip(single)
    generated = with_gradients([3.0, -4.0])
    clip(p for p in generated)
    missing = [*with_gradients([3.0, -4.0]), mc.Parameter(np.ones(2))]
    clip(missing)
    assert missing[1].grad is None
    for parameters in ([single], generated, missing[:1]):
        assert gradients(parameters) == gradients(expected) != [[3.0, -4.0]]


@pytest.mark.parametrize("norm_type", [2.0, math.inf])
def test_without_any_gradient_the_norm_is_zero(device, norm_type):
    for parameters in ([], [mc.Parameter(np.ones(2))], with_gradients(np.zeros(0), device=device)):
        assert clip_grad_norm(parameters, 1.0, norm_type) == 0.0
    clip_grad_value([], 1.0)


def test_elements_are_clipped_one_by_one(device):
    parameters = with_gradients([-3.0, -0.5, 0.2, 0.6], 2.0, device=device)
    clip_grad_value(parameters, 0.5)
    assert gradients(parameters) == [[-0.5, -0.5, 0.2, 0.5], 0.5]
    clip_grad_value(parameters, math.inf)
    assert gradients(parameters) == [[-0.5, -0.5, 0.2, 0.5], 0.5]


@pytest.mark.parametrize("norm_type", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_norm_that_is_not_finite_can_be_an_error(device, norm_type, value):
    parameters = with_gradients([1.0], [value, 2.0], [3.0], device=device)
    with pytest.raises(RuntimeError, match=f"the norm of the gradients is {abs(value)}"):
        clip_grad_norm(parameters, 1.0, norm_type, error_if_nonfinite=True)
    np.testing.assert_equal(gradients(parameters), [[1.0], [value, 2.0], [3.0]])
    with np.errstate(invalid="ignore"):
        norm = clip_grad_norm(parameters, 1.0, norm_type)
    np.testing.assert_equal(norm, abs(value))


WRONG = {
    "max_norm": (lambda p: clip_grad_norm(p, -1.0), ValueError, "max_norm: got -1.0"),
    "max_norm nan": (lambda p: clip_grad_norm(p, math.nan), ValueError, "max_norm: got nan"),
    "max_norm None": (lambda p: clip_grad_norm(p, None), TypeError, "max_norm: got None"),
    "norm_type": (lambda p: clip_grad_norm(p, 1.0, 0), ValueError, "norm_type: got 0"),
    "norm_type text": (lambda p: clip_grad_norm(p, 1.0, "2"), TypeError, "norm_type: got '2'"),
    "clip_value": (lambda p: clip_grad_value(p, -1.0), ValueError, "clip_value: got -1.0"),
    "clip_value nan": (lambda p: clip_grad_value(p, math.nan), ValueError, "clip_value: got nan"),
    "module": (lambda p: clip_grad_norm(mc.nn.Linear(1, 1), 1.0), TypeError, "got a Linear"),
    "named": (lambda p: clip_grad_value([("weight", p)], 1.0), TypeError, "got a tuple"),
    "arrays": (lambda p: clip_grad_norm([q.data for q in p], 1.0), TypeError, "got a ndarray"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_change_nothing(case):
    call, error, message = WRONG[case]
    parameters = with_gradients([3.0, -4.0])
    with pytest.raises(error, match=message):
        call(parameters)
    assert gradients(parameters) == [[3.0, -4.0]]


@pytest.mark.torch
@pytest.mark.parametrize("scale", [1e-9, 0.1, 1.0, 1e3, math.inf, math.nan])
@pytest.mark.parametrize("norm_type", [0.5, 1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("max_norm", [0.0, 0.7, 1e3])
def test_against_pytorch(make, give, scale, norm_type, max_norm):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    parameters = make()
    give(parameters, 0, without=(2,))
    parameters[0].grad.data[0] *= scale
    theirs = [torch.zeros(p.shape, dtype=torch.float64, requires_grad=True) for p in parameters]
    for p, t in zip(parameters, theirs, strict=True):
        t.grad = None if p.grad is None else torch.from_numpy(p.grad.data.copy())
    with np.errstate(invalid="ignore"):
        norm = clip_grad_norm(parameters, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    np.testing.assert_allclose(norm, expected.item(), rtol=1e-12)
    clip_grad_value(parameters, 0.3)
    torch.nn.utils.clip_grad_value_(theirs, 0.3)
    for p, t in zip(parameters, theirs, strict=True):
        assert (p.grad is None) == (t.grad is None)
        if p.grad is not None:
            np.testing.assert_allclose(p.grad.numpy(), t.grad.numpy(), rtol=1e-12)


def test_a_norm_of_infinity_only_measures():
    (p, q) = (mc.Parameter(np.ones(2, np.float32)) for _ in range(2))
    p.grad, q.grad = mc.tensor([np.inf, 1.0]), mc.tensor([2.0, 3.0])
    assert clip_grad_norm([p, q], math.inf) == math.inf
    np.testing.assert_array_equal(p.grad.data, [np.inf, 1])
    np.testing.assert_array_equal(q.grad.data, [2, 3])


def test_a_norm_that_is_far_below_the_limit():
    p = mc.Parameter(np.ones(2, np.float32))
    p.grad = mc.tensor([1e-45, 0.0])
    assert 0 < clip_grad_norm([p], 1e308) < 1e-44  # 1e308 / 1e-6 overflows
    assert p.grad.data[0] > 0
