"""Changes in place: augmented assignment, ``data``, and graphs that need the values before."""

from __future__ import annotations

import gc
import operator
import re
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops, optim
from minicnn.autograd.in_place import Changes, changes

AUGMENTED = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "**=": operator.ipow,
    "@=": operator.imatmul,
}
OTHER = np.array([[1.5, 0.5], [2.0, 1.0]])


def leaf(*, requires_grad: bool = True) -> mc.Tensor:
    return mc.tensor(np.array([[1.0, 2.0], [3.0, 4.0]]), requires_grad=requires_grad)


IN_PLACE: dict[str, Callable[[], mc.Tensor]] = {
    "leaf, no_grad": leaf,
    "parameter, no_grad": lambda: mc.Parameter(leaf().data),
    "result, no_grad": lambda: leaf() * 1,
    "constant, no_grad": lambda: leaf(requires_grad=False),
    "constant": lambda: leaf(requires_grad=False),
    "frozen": lambda: mc.Parameter(leaf().data, requires_grad=False),
}


@pytest.mark.parametrize("symbol", AUGMENTED)
@pytest.mark.parametrize("other", [OTHER, mc.Tensor(OTHER)], ids=["array", "Tensor"])
@pytest.mark.parametrize("kind", IN_PLACE)
def test_what_is_not_recorded_changes_in_place(kind: str, symbol: str, other: Any) -> None:
    """With it momentum, clipping and averages by hand do what they say."""
    x = IN_PLACE[kind]()
    kept, array, before = x, x.data, (x.requires_grad, x.function)
    expected = AUGMENTED[symbol](x.data.copy(), OTHER)
    with mc.no_grad() if "no_grad" in kind else nullcontext():
        x = AUGMENTED[symbol](x, other)
    assert x is kept
    assert x.data is array
    assert (x.requires_grad, x.function) == before
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("symbol", AUGMENTED)
@pytest.mark.parametrize(
    ("make", "other"),
    [
        (leaf, OTHER),
        (lambda: mc.Parameter(np.eye(2)), OTHER),
        (lambda: mc.Parameter(np.eye(2), False), leaf()),
    ],
)
def test_what_is_learned_does_not_change_while_recording(
    symbol: str, make: Any, other: Any
) -> None:
    x = make()
    before = x.data.copy()
    with pytest.raises(RuntimeError, match=f"^{re.escape(symbol)}: a .* only inside no_grad"):
        AUGMENTED[symbol](x, other)
    np.testing.assert_array_equal(x.data, before)


@pytest.mark.parametrize("symbol", AUGMENTED)
@pytest.mark.parametrize("make", [lambda: leaf() * 1, lambda: leaf(requires_grad=False)])
def test_what_is_recorded_is_a_new_tensor(symbol: str, make: Any) -> None:
    """``total += loss`` adds up losses in the graph."""
    x, other = make(), leaf()
    before = x.data.copy()
    y = AUGMENTED[symbol](x, other)
    assert y is not x
    assert y.requires_grad
    np.testing.assert_array_equal(x.data, before)


def test_masks_change_in_place() -> None:
    mask = kept = mc.tensor([True, True, False])
    mask &= mc.tensor([True, False, True])
    mask |= np.array([False, False, True])
    mask ^= True
    assert mask is kept
    assert mask.data.tolist() == [False, True, False]


def test_rows_are_views() -> None:
    w = leaf()
    with mc.no_grad():
        for row in w:
            row *= 0
    assert not w.data.any()


def test_momentum_by_hand() -> None:
    """Velocities in a list, which stayed 0 while ``v *= 0.9`` made new tensors."""
    p, q = leaf(), mc.Parameter(leaf().data)
    velocities = [mc.tensor(np.zeros((2, 2)))]
    optimizer = optim.SGD([q], lr=0.01, momentum=0.9)
    for _ in range(5):
        for x in (p, q):
            x.grad = None
            (x**2).sum().backward()
        for x, v in zip([p], velocities, strict=True):
            v *= 0.9
            v += x.grad
            x.data -= 0.01 * v
        optimizer.step()
    np.testing.assert_allclose(p.data, q.data, rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "other", "error"),
    [
        (mc.tensor([1]), 0.5, "the result is float32, expected int64"),
        (mc.tensor([True]), 1, "the result is int64, expected bool"),
        (mc.tensor([1.0]), np.ones(2), r"the result has shape \(2,\), expected \(1,\)"),
    ],
)
def test_what_does_not_fit_in_place(x: mc.Tensor, other: Any, error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error + r".* write x = x \+ \.\.\."):
        x += other


def test_gradient_descent_by_hand_learns() -> None:
    """The loop of every tutorial; it stayed where it was while ``p -= ...`` made new tensors."""
    train, _ = mc.data.load("digits")
    x, labels = mc.tensor(train.images[:200].reshape(200, -1) / 255), train.labels[:200]
    model = nn.Linear(64, 10).to(x.dtype)
    losses = []
    for _ in range(20):
        loss = ops.cross_entropy(model(x), labels)
        model.zero_grad()
        loss.backward()
        with mc.no_grad():
            for p in model.parameters():
                p -= 0.5 * p.grad
            model.bias *= 1.0
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert list(model.state_dict()) == ["weight", "bias"]


# data


@pytest.mark.parametrize("new", [np.zeros((2, 2)), mc.Tensor(np.zeros((2, 2))), leaf() * 0])
def test_data_takes_arrays_and_tensors(new: Any) -> None:
    x = leaf()
    x.data = new
    assert type(x.data) is np.ndarray
    np.testing.assert_array_equal(x.data, np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("new", "error", "message"),
    [
        (np.zeros((2, 1)), ValueError, r"data: got shape \(2, 1\), expected \(2, 2\)"),
        (np.zeros((2, 2), "f4"), TypeError, r"got float32, expected float64.*astype\('float64'\)"),
        (np.zeros((2, 2), int), TypeError, "data: got int64"),
        ([[1.0, 2.0], [3.0, 4.0]], TypeError, "data: got a list, expected an array"),
        (None, TypeError, "data: got a NoneType"),
    ],
)
def test_what_does_not_fit_as_data(new: Any, error: Any, message: str) -> None:
    x = leaf()
    before = x.data
    with pytest.raises(error, match=message):
        x.data = new
    assert x.data is before


@pytest.mark.parametrize("way", ["=", "-="])
def test_data_takes_a_step(way: str) -> None:
    p = leaf()
    (p**2).sum().backward()
    if way == "=":
        p.data = p.data - 0.25 * p.grad
    else:
        p.data -= 0.25 * p.grad
    np.testing.assert_array_equal(p.data, [[0.5, 1.0], [1.5, 2.0]])


def test_an_array_does_not_swallow_a_gradient() -> None:
    array, x = np.zeros((2, 2)), leaf()
    with pytest.raises(RuntimeError, match="subtract: got a tensor that requires a gradient"):
        array -= x
    array -= x.detach()
    np.testing.assert_array_equal(array, -x.data)


# graphs that need the values before


class Net(nn.Module):
    """Two outputs over one trunk."""

    def __init__(self) -> None:
        self.trunk, self.norm = nn.Linear(3, 4), nn.BatchNorm1d(4)
        self.a, self.b = nn.Linear(4, 1), nn.Linear(4, 1)

    def forward(self, x: mc.Tensor) -> tuple[mc.Tensor, mc.Tensor]:
        h = ops.tanh(self.trunk(x))
        return self.a(h).sum(), self.b(h).sum()


def changed_by_step(model: nn.Module) -> None:
    for p in model.parameters():
        p.grad = mc.tensor(np.ones(p.shape, np.float32))
    optim.SGD(model.parameters(), lr=0.1).step()


def changed_by_load(model: nn.Module) -> None:
    model.load_state_dict({k: v * 0 for k, v in model.state_dict().items()})


def changed_by_data(model: Any) -> None:
    model.trunk.weight.data = model.trunk.weight.data * 2
    model.b.weight.data *= 2


def changed_by_hand(model: Any) -> None:
    with mc.no_grad():
        model.b.weight -= 1


def changed_by_init(model: Any) -> None:
    nn.init.zeros_(model.b.weight)
    nn.init.normal_(model.b.weight)
    nn.init.xavier_uniform_(model.b.weight)


def changed_by_to(model: Any) -> None:
    model.to(np.float64)


CHANGES: dict[str, Callable[[Any], None]] = {
    r"SGD.step\(\)": changed_by_step,
    r"load_state_dict\(\)": changed_by_load,
    "an assignment to .data": changed_by_data,
    "x -= ...": changed_by_hand,
    r"nn.init.uniform_\(\)": changed_by_init,
    r"Module.to\(\)": changed_by_to,
}


@pytest.mark.parametrize("by", CHANGES)
def test_the_second_loss_tells_that_the_weights_have_changed(by: str) -> None:
    model = Net()
    first, second = model(mc.tensor(np.ones((5, 3), np.float32)))
    first.backward(retain_graph=True)
    CHANGES[by](model)
    message = (
        rf"Linear needs its input w.* \(a Parameter of shape \(1, 4\)\).* but {by} has changed"
    )
    with pytest.raises(RuntimeError, match=message):
        second.backward()


@pytest.mark.parametrize("order", ["backward first", "again"])
def test_what_the_message_advises_works(order: str) -> None:
    model, x = Net(), mc.tensor(np.ones((5, 3), np.float32))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    first, second = model(x)
    first.backward(retain_graph=True)
    if order == "backward first":
        second.backward()
        optimizer.step()
    else:
        optimizer.step()
        model(x)[1].backward()


def test_running_statistics_that_a_graph_needs() -> None:
    norm = nn.BatchNorm1d(2)
    x = mc.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    first, own = norm.eval()(x).sum(), (x * norm.running_mean).sum()
    norm.train()(x)
    first.backward()  # evaluation has made a scale of them, which stays as it was
    with pytest.raises(RuntimeError, match="but batch_norm in training has changed it"):
        own.backward()
    norm(x).sum().backward()  # the statistics of a batch are not needed afterwards


def test_an_output_that_changed() -> None:
    x = leaf()
    y = ops.tanh(x)
    y.data *= 2
    with pytest.raises(RuntimeError, match=r"Tanh needs its output \(shape \(2, 2\)\)"):
        y.sum().backward()


@pytest.mark.parametrize(
    "view",
    [
        lambda p: p.reshape(-1),
        lambda p: p.T,
        lambda p: p[1:],
        lambda p: ops.broadcast_to(p, (3, 2, 2)),
        lambda p: mc.Tensor(p.data, requires_grad=True),
        lambda p: p.detach().reshape(4) * mc.Parameter(np.ones(4)),
    ],
)
def test_views_of_a_changed_leaf(view: Any) -> None:
    p = leaf()
    loss = ops.exp(view(p) ** 2).sum()
    with mc.no_grad():
        p += 1
    with pytest.raises(RuntimeError, match=r"but x \+= ... has changed it"):
        loss.backward()


def test_data_that_was_replaced() -> None:
    """The graph refers to the tensor, whose data is another array now."""
    p = leaf()
    needs, does_not = (p * p).sum(), (3 * p).sum()
    p.data = p.data * 2
    does_not.backward()
    with pytest.raises(RuntimeError, match="but an assignment to .data has changed it"):
        needs.backward()


def test_only_what_is_read_has_to_be_unchanged() -> None:
    """The gradient of a linear model's weight is the input, whatever the weight is now."""
    w, b = leaf(), mc.Parameter(np.zeros(2))
    x = mc.Tensor(OTHER)
    first, second = (x @ w + b).sum(), ops.linear(x, w.detach() * 1, b).sum()
    with mc.no_grad():
        w *= 0
        b += 1
    first.backward()
    second.backward()
    assert w.grad is not None
    assert b.grad is not None
    np.testing.assert_array_equal(w.grad.data, OTHER.T @ np.ones((2, 2)))
    np.testing.assert_array_equal(b.grad.data, [4, 4])


def test_neighbours_in_a_flat_buffer_are_not_confused() -> None:
    """Parameters without a gradient are not updated, so a graph may still need them."""
    p, q = leaf(), leaf()
    optimizer = optim.Adam([p, q], lr=0.1)
    loss = (q * q).sum()
    (p * p).sum().backward()
    optimizer.step()
    loss.backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"Adam.step\(\) has changed"):
        (r := (q * q).sum(), optimizer.step(), r.backward())


def test_an_optimizer_made_between_forward_and_backward() -> None:
    """It moves the values into its flat buffer, and does not change them."""
    p, other = leaf(), leaf()
    loss = (p * p).sum()
    optimizer = optim.SGD([p], lr=0.1)
    with mc.no_grad():
        other += 1  # so that backward looks
    loss.backward()
    optimizer.step()


def test_a_graph_of_gradients_tells_too() -> None:
    x = leaf()
    (slope,) = mc.grad((x**3).sum(), x, create_graph=True)
    with mc.no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="has changed it since"):
        slope.sum().backward()


def test_an_op_of_the_user() -> None:
    class Scale(mc.autograd.Function):
        def forward(self, x: Any, factor: Any) -> Any:
            return x * factor

        def backward(self, grad: mc.Tensor) -> Any:
            x, factor = self.inputs
            assert factor.shape == (2, 2)
            assert (factor.ndim, factor.size, factor.device) == (2, 4, "cpu")
            assert factor.dtype == np.float64
            return mc.Tensor(grad.data * factor.data), mc.Tensor(grad.data * x.data)

    x, factor = leaf(), leaf()
    y = Scale.apply(x, factor).sum()
    with mc.no_grad():
        factor /= 2
    with pytest.raises(RuntimeError, match="Scale needs its input factor"):
        y.backward()


def test_the_record_forgets_arrays_that_are_gone() -> None:
    record = Changes()
    x, y = np.ones(8), np.ones(8)
    record.record(x[2:4], "a")
    record.record(y, "b")
    assert record.since(x, 0) == record.since(x[3:], 0) == "a"
    assert record.since(x[4:], 0) is record.since(x[:2], 0) is record.since(x, 1) is None
    assert record.since(y[::-2], 1) == "b"
    assert record.since(np.ones(8), 0) is record.since(x[:0], 0) is None
    del x
    gc.collect()
    assert len(record._parts) == len(record._owners) == 1


def test_the_record_does_not_grow_with_steps() -> None:
    model = nn.Linear(3, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    sizes = []
    for _ in range(3):
        model(mc.tensor(np.ones((1, 3), np.float32))).sum().backward()
        optimizer.step()
        sizes.append(sum(map(len, changes._parts.values())))
    assert sizes[0] == sizes[2]


def test_changes_in_threads_are_all_counted() -> None:
    record = Changes()
    threads = [
        threading.Thread(target=lambda: [record.next() for _ in range(1000)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert record.count == 4000


@pytest.mark.parametrize(
    "op",
    [
        ops.relu,
        ops.hardtanh,
        ops.exp,
        ops.sigmoid,
        ops.softmax,
        ops.sqrt,
        lambda x: ops.max(x, 1),
        lambda x: ops.min(x, 1),
        lambda x: ops.max_pool2d(x.reshape(1, 1, 2, 2), 2),
        lambda x: ops.min_pool2d(x.reshape(1, 1, 2, 2), 2),
    ],
)
def test_every_op_that_reads_its_output(op: Any) -> None:
    y = op(leaf())
    y.data *= 2
    with pytest.raises(RuntimeError, match="its output .* but an assignment to .data has changed"):
        y.sum().backward()


def test_a_move_that_changes_nothing_is_no_change() -> None:
    model = nn.Linear(2, 2)
    loss = (model(mc.tensor([[1.0, 2.0]], requires_grad=True)) ** 2).sum()
    model.to("cpu").to(np.float32)
    nn.init.zeros_(mc.tensor([1.0]))  # so that backward looks
    loss.backward()


def test_an_array_that_an_op_of_the_user_kept() -> None:
    class Scale(mc.autograd.Function):
        def forward(self, x: Any, factor: Any) -> Any:
            self.factor = factor
            return x * factor

        def backward(self, grad: mc.Tensor) -> Any:
            return grad * self.factor, None

    x, factor = leaf(), leaf()
    y = Scale.apply(x, factor).sum()
    with mc.no_grad():
        factor += 1
    with pytest.raises(RuntimeError, match=r"Scale needs the array factor .* x \+= \.\.\. has"):
        y.backward()


def test_second_derivatives_of_a_changed_pool() -> None:
    """The winners' places are options of the graph of the gradient."""
    x = mc.tensor(np.arange(16.0).reshape(1, 1, 4, 4), requires_grad=True)
    (g,) = mc.grad((ops.max_pool2d(x, 2) ** 2).sum(), x, create_graph=True)
    with mc.no_grad():
        x *= -1
    with pytest.raises(RuntimeError, match="has changed it since"):
        (g**2).sum().backward()
