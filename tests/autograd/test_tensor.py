"""Creating Tensors, their attributes, and how they work with NumPy."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops
from minicnn.testing.strategies import in_order


@pytest.mark.parametrize(
    ("value", "shape", "dtype"),
    [
        (1.5, (), np.float32),
        (2, (), np.int64),
        (True, (), np.bool_),
        ([1.0, 2], (2,), np.float32),
        ([[1, 2], [3, 4]], (2, 2), np.int64),
        ((), (0,), np.float32),
        ([[], []], (2, 0), np.float32),
        ([True, False], (2,), np.bool_),
        (range(3), (3,), np.int64),
        (np.float64(2), (), np.float64),
        (np.float16([1, 2]), (2,), np.float16),
        (np.zeros((2, 3)), (2, 3), np.float64),
        (np.zeros((2, 3), "u1"), (2, 3), np.uint8),
        (np.zeros((2, 0, 3), "f4"), (2, 0, 3), np.float32),
        (mc.Tensor(np.ones(2)), (2,), np.float64),
        ([np.float64(1), np.float64(2)], (2,), np.float32),
        ([np.ones(2), np.zeros(2)], (2, 2), np.float32),
    ],
)
def test_tensor_of_everything(value: Any, shape: tuple[int, ...], dtype: Any) -> None:
    t = mc.tensor(value)
    assert (t.shape, t.dtype, t.ndim, t.device) == (shape, dtype, len(shape), "cpu")
    assert t.size == np.prod(shape)
    assert (t.requires_grad, t.grad, t.function) == (False, None, None)
    assert type(t.data) is np.ndarray
    np.testing.assert_array_equal(t.numpy(), np.asarray(value))


@pytest.mark.parametrize("order", ["batch-last", "C", "strided"])
def test_tensor_copies_and_keeps_the_memory_order(order: str) -> None:
    x = in_order(np.arange(120.0).reshape(2, 3, 4, 5), order)
    t = mc.tensor(x)
    assert not np.shares_memory(t.data, x)
    assert np.argsort(t.data.strides).tolist() == np.argsort(x.strides).tolist()
    assert not np.shares_memory(mc.tensor(t).data, t.data)


def test_tensor_of_a_tensor_is_a_leaf() -> None:
    x = mc.tensor([1.0], requires_grad=True)
    y = mc.tensor(x * 2)
    assert not y.requires_grad
    assert y.function is None


@pytest.mark.parametrize(
    "value",
    ["3", "abc", None, ["a"], [None], 1j, b"x", {1: 2}, ..., np.array(["a"]), [1, "a"],
     np.array([1j]), np.array([None]), np.array("2020", "M8[D]"), 2**70],
    ids=repr,
)  # fmt: skip
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(TypeError, match="tensor: got .* data, expected floats, integers or bool"):
        mc.tensor(value)


@pytest.mark.parametrize("value", [[[1], [1, 2]], [1, [2]], [np.ones(2), np.ones(3)]], ids=repr)
def test_ragged_lists(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="tensor: "):
        mc.tensor(value)


@pytest.mark.parametrize("dtype", ["complex128", "U5", object, "M8[s]"])
def test_dtypes_that_are_no_numbers(dtype: Any) -> None:
    with pytest.raises(TypeError, match="tensor: got .*, expected floats, integers or booleans"):
        mc.tensor([1.0], dtype=dtype)


@pytest.mark.parametrize("dtype", ["float64", np.float16, np.int8, bool])
def test_dtype_argument(dtype: Any) -> None:
    assert mc.tensor([1.0, 0.0], dtype=dtype).dtype == np.dtype(dtype)


def test_only_floats_require_gradients() -> None:
    for make in (lambda: mc.tensor([1], requires_grad=True),
                 lambda: mc.tensor([1.5], dtype="int32", requires_grad=True),
                 lambda: mc.Tensor(np.array([True]), requires_grad=True),
                 lambda: mc.Parameter(np.arange(3))):  # fmt: skip
        with pytest.raises(TypeError, match="requires_grad: only floats have gradients"):
            make()
    for dtype in (np.float16, np.float32, np.float64):
        assert mc.tensor([1], dtype=dtype, requires_grad=True).requires_grad


@pytest.mark.parametrize("target", ["int64", "bool"])
def test_gradients_end_where_a_tensor_becomes_integers(target: str) -> None:
    x = mc.tensor([1.5], requires_grad=True)
    assert not x.to(target).requires_grad


@pytest.mark.parametrize("data", [[1, 2], 1.0, None, "a"], ids=repr)
@pytest.mark.parametrize("kind", [mc.Tensor, mc.Parameter])
def test_the_bare_constructor_wants_an_array(kind: Any, data: Any) -> None:
    with pytest.raises(TypeError, match="expected an array"):
        kind(data)


SUBCLASSES = {
    "matrix": np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.matrix),
    "masked": np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]]),
    "record": np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.recarray),
}


def loaded(array: Any) -> mc.Tensor:
    layer = mc.nn.LayerNorm((2, 2), bias=False)
    layer.load_state_dict({"weight": array})
    return layer.weight


MAKERS = {
    "tensor": mc.tensor,
    "Tensor": mc.Tensor,
    "Parameter": mc.Parameter,
    "operand": lambda a: mc.tensor(np.zeros((2, 2))) + a,
    "state": lambda a: loaded(a),
    "data": lambda a: setattr(t := mc.tensor(np.zeros((2, 2))), "data", a) or t,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("array", SUBCLASSES.values(), ids=SUBCLASSES)
def test_subclasses_of_arrays_become_plain(make: Any, array: Any) -> None:
    t = make(array)
    assert type(t.data) is np.ndarray
    np.testing.assert_array_equal((t * t).data, [[1, 4], [9, 16]])


@pytest.mark.parametrize("make", {k: v for k, v in MAKERS.items() if k != "Tensor"}.values())
def test_the_byte_order_of_another_machine_is_left_at_the_door(make: Any) -> None:
    """Files in big-endian order, such as those of MNIST, are read as such arrays."""
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    swapped = array.astype(array.dtype.newbyteorder())
    t = make(swapped)
    assert t.data.dtype.isnative
    assert t.dtype in (np.float32, np.float64)
    np.testing.assert_array_equal((t @ t).data, array @ array)
    assert (mc.tensor([1.0]) * swapped[0, 0]).dtype == np.float32


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_masked_elements_are_refused(make: Any) -> None:
    array = np.ma.masked_greater([[1.0, 2.0], [3.0, 9.0]], 5)
    with pytest.raises(TypeError, match="masked array with 1 masked elements.*filled"):
        make(array)


LEAVING = {
    "asarray": np.asarray,
    "array": np.array,
    "stack": lambda t: np.stack([t, t]),
    "concatenate": lambda t: np.concatenate([t, t]),
    "dot": lambda t: np.dot(np.ones(2), t),
    "tensor of a list": lambda t: mc.tensor([t, t]),
    "operand": lambda t: ops.add(mc.tensor([1.0, 2.0]), [t, t]),
    "sum": np.sum,
    "var, by name": lambda t: np.var(a=t),
    "assert": lambda t: np.testing.assert_array_equal(t, t),
}


@pytest.mark.parametrize("leave", LEAVING.values(), ids=LEAVING)
def test_numpy_takes_no_values_out_of_the_graph_silently(leave: Any) -> None:
    for t in (x := mc.tensor([1.0, 2.0], requires_grad=True), x * 2):
        with pytest.raises(RuntimeError, match="got a tensor that requires a gradient.*detach"):
            leave(t)
        leave(t.detach())
        with mc.no_grad():
            leave(t * 1)


def test_numpy_functions_point_to_the_op() -> None:
    t = mc.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"^numpy.stack: .*; use minicnn.ops.stack, or"):
        np.stack([t.detach(), t])
    with pytest.raises(RuntimeError, match=r"^numpy.sort: .*; use an op of minicnn,"):
        np.sort(t)
    assert (np.shape(t), np.ndim(t), np.size(t)) == ((2,), 1, 2)


def test_numpy_functions_of_tensors_without_gradient() -> None:
    t = mc.tensor([[1.0, 3.0]])
    assert np.sum(t) == 4
    assert np.array_equal(t, t.data)
    np.testing.assert_array_equal(np.concatenate([t, np.ones((1, 2))]), [[1, 3], [1, 1]])


def test_the_gradient_of_a_result_is_told_to_be_elsewhere() -> None:
    x = mc.tensor([1.0], requires_grad=True)
    y = x * 2
    with pytest.warns(UserWarning, match="grad: this tensor is the result of Mul.*minicnn.grad"):
        assert y.grad is None
    y.backward()
    assert x.grad is not None
    assert mc.tensor([1.0]).grad is None
    assert y.detach().grad is None


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.ones(2), TypeError, "grad: got a ndarray, expected a Tensor or None"),
        (1.0, TypeError, "grad: got a float"),
        (mc.Tensor(np.ones(1)), ValueError, r"grad: got shape \(1,\), expected \(2,\)"),
    ],
)
def test_what_cannot_be_a_gradient(value: Any, error: Any, message: str) -> None:
    x = mc.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(error, match=message):
        x.grad = value
    x.grad = mc.tensor([1.0, 2.0])
    x.grad = None


def test_parameter() -> None:
    p = mc.Parameter(np.ones(2))
    assert p.requires_grad
    assert isinstance(p, mc.Tensor)
    assert not mc.Parameter(np.ones(2), requires_grad=False).requires_grad


def test_numpy_shares_and_asarray_converts() -> None:
    assert (p := mc.tensor([[1.0]], requires_grad=True)).numpy() is p.data
    t = mc.tensor([[1.0, 2.0]])
    assert t.numpy() is t.data
    assert np.shares_memory(np.asarray(t), t.data)
    assert not np.shares_memory(np.array(t), t.data)
    assert np.asarray(t, np.float64).dtype == np.float64
    assert np.asarray(mc.tensor(3.0)).shape == ()
    np.testing.assert_array_equal(np.stack([t, t * 2]), [[[1, 2]], [[2, 4]]])


@pytest.mark.parametrize("value", [3.0, 3, True])
def test_item_and_numbers(value: Any) -> None:
    for t in (mc.tensor(value), mc.tensor([[value]])):
        assert type(t.item()) is type(value)
        assert t.item() == value
        assert float(t) == value
        assert int(t) == value
        assert bool(t) is True


@pytest.mark.parametrize("shape", [(0,), (2,), (2, 2)])
def test_many_elements_are_no_number(shape: tuple[int, ...]) -> None:
    t = mc.Tensor(np.ones(shape))
    for convert in (float, int, mc.Tensor.item):
        with pytest.raises(ValueError, match="item: got a tensor of shape .* expected one element"):
            convert(t)
    with pytest.raises(ValueError, match="truth of a tensor of shape .* is ambiguous"):
        bool(t)


def test_len_and_iteration() -> None:
    t = mc.tensor([[1, 2], [3, 4]])
    assert len(t) == 2
    assert [row.numpy().tolist() for row in t] == [[1, 2], [3, 4]]
    with pytest.raises(TypeError, match="the tensor has no axes"):
        len(mc.tensor(1.0))
    with pytest.raises(TypeError):
        list(mc.tensor(1.0))


def test_detach_shares_data_outside_the_graph() -> None:
    x = mc.tensor([1.0], requires_grad=True)
    for t in (x, x * 2):
        d = t.detach()
        assert d.data is t.data
        assert (d.requires_grad, d.function) == (False, None)


def test_hash_is_identity() -> None:
    a, b = mc.tensor([1.0]), mc.tensor([1.0])
    assert {a: 1, b: 2}[a] == 1
    assert len({a, b, a}) == 2


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (mc.tensor([1.0, 2.5]), "tensor([1. , 2.5])"),
        (mc.tensor(3), "tensor(3, dtype=int64)"),
        (mc.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
        (mc.tensor([1.0], "float64", requires_grad=True) * 2,
         "tensor([2.], dtype=float64, function=Mul)"),
        (mc.tensor([[1, 2], [3, 4]]),
         "tensor([[1, 2],\n        [3, 4]], dtype=int64)"),
        (mc.tensor([]), "tensor([])"),
    ],
)  # fmt: skip
def test_repr(t: mc.Tensor, text: str) -> None:
    assert repr(t) == text


def test_tensors_have_no_other_attributes() -> None:
    with pytest.raises(AttributeError):
        mc.tensor([1.0]).gradient = 3  # a typing slip is an error, not a new attribute


@pytest.mark.parametrize("target", ["float64", np.float16, "cpu", np.int8, np.dtype("f8")])
def test_to(target: Any) -> None:
    x = mc.tensor([1.0, 2.0], requires_grad=True)
    y = x.to(target)
    assert y.dtype == (np.float32 if target == "cpu" else np.dtype(target))
    assert y.device == "cpu"


@pytest.mark.parametrize("target", [None, "banana", 3, [1]], ids=repr)
def test_to_nonsense(target: Any) -> None:
    with pytest.raises(TypeError):
        mc.tensor([1.0]).to(target)


def test_gradients_flow_back_through_to_in_the_first_dtype() -> None:
    x = mc.tensor([1.0, 2.0], requires_grad=True)
    (x.to("float64") * np.array([3.0, 4.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad.numpy(), [3, 4])


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("kind", ["leaf", "parameter", "integers"])
def test_copies_and_pickles_of_leaves(how, kind, device):
    x = mc.tensor([1.0, 2.0], device=device, requires_grad=kind == "leaf")
    if kind == "parameter":
        x = mc.Parameter(x.data)
    if kind == "integers":
        x = mc.tensor([1, 2], device=device)
    else:
        (x * x).sum().backward()
    made = how(x)
    assert type(made) is type(x)
    assert (made.requires_grad, made.dtype, made.device) == (x.requires_grad, x.dtype, x.device)
    np.testing.assert_array_equal(made.numpy(), x.numpy())
    if kind == "integers":
        assert made.grad is None
        return
    np.testing.assert_array_equal(made.grad.numpy(), x.grad.numpy())
    (made * made).sum().backward()  # it is a leaf


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_result_in_a_graph_is_neither_copied_nor_pickled(how):
    x = mc.tensor([1.0, 2.0], requires_grad=True)
    message = r"shape \(2,\) made by Mul\w* cannot be copied or pickled.*use x\.detach\(\)"
    with pytest.raises(RuntimeError, match=message):
        how(x * 2)
    how((x * 2).detach())
    with mc.no_grad():
        how(x * 2)


def test_copies_of_a_subclass_keep_its_attributes_and_storage_order():
    class Named(mc.Parameter):
        def __init__(self, name):
            super().__init__(np.ones((2, 3, 4), order="F"))
            self.name = name

    x = copy.deepcopy(Named("a"))
    assert (type(x), x.name, x.data.strides) == (Named, "a", Named("b").data.strides)
