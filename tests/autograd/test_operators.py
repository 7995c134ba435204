"""The operators of Tensor: values, reflected forms, NumPy partners and dtype rules."""

from __future__ import annotations

import ast
import inspect
import operator
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.ops.methods import METHODS

tensor = import_module("minicnn.autograd.tensor")  # the function has the name of the module

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
BODY = ast.parse(inspect.getsource(mc.Tensor)).body[0].body  # type: ignore[attr-defined]
DECLARED = {
    node.id
    for statement in BODY
    if isinstance(statement, ast.Assign | ast.AnnAssign)
    for node in ast.walk(statement)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
}
A, B = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([2.0, 3.0])


@pytest.mark.parametrize("op", [*BINARY, operator.matmul, *COMPARISONS])
def test_operands_of_every_kind(op: Callable[[Any, Any], Any]) -> None:
    expected = op(A, B)
    a, b = mc.Tensor(A), mc.Tensor(B)
    for got in (op(a, b), op(a, B), op(A, b), op(a, B.tolist())):
        assert isinstance(got, mc.Tensor)
        np.testing.assert_allclose(got.numpy(), expected)
        assert got.dtype == expected.dtype


@pytest.mark.parametrize("op", [*BINARY, *COMPARISONS])
@pytest.mark.parametrize("number", [2, 2.0, True, np.float64(2), np.int64(2), np.float32(2)])
def test_numbers_on_both_sides(op: Callable[[Any, Any], Any], number: Any) -> None:
    for x in (A, np.asarray(A[1, 1])):
        t = mc.Tensor(x)
        np.testing.assert_allclose(op(t, number).numpy(), op(x, number))
        np.testing.assert_allclose(op(number, t).numpy(), op(number, x))


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("shape", [(), (2, 1)])
@pytest.mark.parametrize("number", [2, 2.0, True, np.float64(2.0), np.int64(2)], ids=repr)
def test_float32_stays_float32_beside_a_number(
    op: Callable[[Any, Any], Any], shape: tuple[int, ...], number: Any
) -> None:
    t = mc.tensor(np.ones(shape, np.float32))
    assert op(t, number).dtype == np.float32
    assert op(number, t).dtype == np.float32


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("shape", [(), (2,)])
def test_integers_beside_a_float_become_float32(op: Any, shape: tuple[int, ...]) -> None:
    t = mc.tensor(np.ones(shape, np.int64))
    assert op(t, 2.0).dtype == np.float32
    assert op(2.0, t).dtype == np.float32


@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.pow])
@pytest.mark.parametrize("dtype", ["i8", "i4", "u1"])
def test_integers_beside_an_integer_stay(op: Any, dtype: str) -> None:
    t = mc.tensor(np.array([3, 4], dtype))
    assert op(t, 2).dtype == np.dtype(dtype)
    np.testing.assert_array_equal(op(t, 2).numpy(), op(np.array([3, 4]), 2))


def test_a_quotient_of_integers_is_float32() -> None:
    t = mc.tensor([1, 2])
    assert [(t / 2).dtype, (t / t).dtype, t.mean().dtype] == [np.float32] * 3


@pytest.mark.parametrize("name", ["exp", "log", "sqrt"])
def test_functions_of_integers_are_float32(name: str) -> None:
    assert getattr(mc.tensor([1, 2]), name)().dtype == np.float32


def test_booleans_beside_numbers_count() -> None:
    t = mc.tensor([True, False])
    np.testing.assert_array_equal((t + 1).numpy(), [2, 1])
    np.testing.assert_array_equal((t * 3).numpy(), [3, 0])
    np.testing.assert_array_equal((t * 0.5).numpy(), [0.5, 0])
    np.testing.assert_array_equal((t == 2).numpy(), [False, False])


@pytest.mark.parametrize("op", COMPARISONS)
@pytest.mark.parametrize("number", [-1, 300, 3.5, 2**40])
def test_small_integers_compare_with_every_number(op: Any, number: Any) -> None:
    x = np.array([0, 3, 255], np.uint8)
    got = op(mc.tensor(x), number)
    assert (got.dtype, got.requires_grad) == (np.bool_, False)
    np.testing.assert_array_equal(got.numpy(), op(x.astype(np.float64), number))


def test_float32_and_float64_give_float64() -> None:
    assert (mc.tensor([1.0]) + mc.tensor([1.0], "float64")).dtype == np.float64
    assert (mc.tensor([1.0]) + np.ones(1)).dtype == np.float64


@pytest.mark.parametrize("op", [*BINARY, operator.matmul])
def test_gradients_have_the_dtype_of_their_tensor(op: Any) -> None:
    a = mc.tensor([1.0, 2.0], "float32", requires_grad=True)
    b = mc.tensor([3.0, 4.0], "float64", requires_grad=True)
    op(a, b).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert (a.grad.dtype, b.grad.dtype) == (np.float32, np.float64)


@pytest.mark.parametrize("op", [*BINARY, operator.lt])
@pytest.mark.parametrize("other", ["a", None, object(), [None], {}], ids=lambda x: str(type(x)))
def test_what_is_no_number(op: Any, other: Any) -> None:
    """The error speaks of what was given, not of NumPy's loops."""
    t = mc.tensor([1.0, 2.0])
    for call in (lambda: op(t, other), lambda: op(other, t)):
        with pytest.raises(TypeError, match="expected|unsupported operand type|not supported"):
            call()


@pytest.mark.parametrize("op", [*BINARY, *COMPARISONS])
def test_shapes_that_do_not_broadcast(op: Any) -> None:
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        op(mc.tensor([1.0, 2.0]), mc.tensor([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    ("call", "ours"),
    [
        (lambda x: np.exp(x), "minicnn.ops.exp"),
        (lambda x: np.absolute(x), "minicnn.ops.abs"),
        (lambda x: np.negative(x), "minicnn.ops.neg"),
        (lambda x: np.maximum(x, 0), "minicnn.ops.maximum"),
        (lambda x: np.sin(x), "an op of minicnn"),
        (lambda x: np.add.reduce(x), "an op of minicnn"),
        (lambda x: np.add(x, 1, dtype=np.float64), "minicnn.ops.add"),
        (lambda x: np.pad(x, 1), "an op of minicnn"),  # ops.pad is a module
    ],
)
def test_numpy_functions_name_the_op(call: Any, ours: str) -> None:
    x = mc.tensor([1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match=f"got a tensor that requires .*; use {ours}.*x.detach"):
        call(x)
    call(x.detach())


def test_a_tensor_as_out() -> None:
    with pytest.raises(TypeError, match="numpy.add: out is a Tensor, expected an array"):
        np.add(np.ones(1), 1, out=(mc.tensor([1.0]),))


def test_numpy_functions_without_a_gradient_to_lose() -> None:
    x = mc.tensor([1.0, np.nan], requires_grad=True)
    assert np.isnan(x).tolist() == [False, True]
    assert np.argmin(x.detach()) == 1
    assert np.zeros_like(x).shape == (2,)
    assert not np.array_equal(x, x)
    assert np.array_equal(x, x, equal_nan=True)


@pytest.mark.parametrize("op", [*BINARY, operator.matmul])
def test_an_array_before_the_operator_stays_in_the_graph(op: Any) -> None:
    x = mc.Tensor(B.copy(), requires_grad=True)
    op(A, x).sum().backward()
    expected = mc.Tensor(B.copy(), requires_grad=True)
    op(mc.Tensor(A), expected).sum().backward()
    assert x.grad is not None
    assert expected.grad is not None
    np.testing.assert_array_equal(x.grad.data, expected.grad.data)


def test_results_are_arrays() -> None:
    """Zero-dimensional results too: ``.data`` is documented as an array."""
    t = mc.tensor([1.0, 2.0])
    for result in (t[0], t.sum(), t[0] + t[1], t[0] * 2, -t[0], t[0].exp(), t @ t, t.max()):
        assert type(result.data) is np.ndarray


@pytest.mark.parametrize("name", METHODS)
def test_the_table_is_attached_and_declared(name: str) -> None:
    assert getattr(mc.Tensor, name) is METHODS[name]
    assert name in DECLARED


def test_what_is_declared_is_in_the_table() -> None:
    placeholders = {tensor._unary, tensor._binary, tensor._method}
    assert not [name for name in DECLARED if getattr(mc.Tensor, name) in placeholders]


def test_methods_are_the_ops() -> None:
    x = mc.tensor(A)
    assert x.T.numpy().tolist() == A.T.tolist()
    assert abs(-x).numpy().tolist() == A.tolist()
    assert x.clip(2, 3).numpy().tolist() == A.clip(2, 3).tolist()
    assert x.var().item() == pytest.approx(A.var(ddof=1))
    assert x.permute(1, 0).transpose(0, 1).reshape(-1).flatten().shape == (4,)
    assert x[..., 0].numpy().tolist() == [1, 3]
    assert x[x > 2].numpy().tolist() == [3, 4]


def test_minus_zero_beside_a_tensor_is_not_zero(device: str) -> None:
    x = mc.tensor([1.0], device=device)
    for number in (0.0, -0.0, 0):
        sign = np.copysign(1, number)
        assert np.copysign(1, (x * number).item()) == sign
