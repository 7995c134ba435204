"""How tensors show themselves: short in a terminal, as a table in a notebook."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.html import texts_of

import minicnn as mc
from minicnn.autograd import display


def fields(tensor: mc.Tensor) -> dict[str, str]:
    """The table of a tensor: name and value of each row."""
    title, *cells, values = texts_of(tensor._repr_html_())
    return {"title": title, "values": values, **dict(zip(cells[::2], cells[1::2], strict=True))}


def test_a_tensor(device: str) -> None:
    x = mc.tensor([[1.0, -2.0], [3.0, 4.0]], device=device, requires_grad=True)
    assert fields(x) == {
        "title": "Tensor, 4 elements",
        "shape": "(2, 2)",
        "dtype": "float32",
        "device": device,
        "requires_grad": "True",
        "smallest": "-2",
        "mean": "1.5",
        "largest": "4",
        "values": "[[ 1., -2.],\n [ 3.,  4.]]",
    }


def test_a_result_names_the_function_that_made_it() -> None:
    assert fields(mc.tensor([1.0, 2.0], requires_grad=True) * 2)["made by"] == "Mul"


def test_a_parameter_is_called_one() -> None:
    assert fields(mc.Parameter(np.ones(1)))["title"] == "Parameter, 1 element"


def test_what_is_not_finite_is_counted_and_left_out(device: str) -> None:
    shown = fields(mc.tensor([1.0, np.nan, 3.0, np.inf, -np.inf, np.nan], device=device))
    assert (shown["NaN"], shown["infinite"]) == ("2", "2")
    assert (shown["smallest"], shown["mean"], shown["largest"]) == ("1", "2", "3")


def test_nothing_finite() -> None:
    shown = fields(mc.tensor([np.nan, np.inf]))
    assert (shown["NaN"], shown["infinite"]) == ("1", "1")
    assert "mean" not in shown


def test_booleans_are_counted() -> None:
    shown = fields(mc.tensor([True, False, True]))
    assert (shown["True"], shown["False"]) == ("2", "1")


def test_integers() -> None:
    shown = fields(mc.tensor([[3, 4], [5, 8]]))
    assert (shown["smallest"], shown["mean"], shown["largest"]) == ("3", "5", "8")


@pytest.mark.parametrize(
    ("value", "shape", "values"), [(3.0, "()", "3."), ([], "(0,)", "[]"), ([[]], "(1, 0)", "[]")]
)
def test_one_or_no_element(value: Any, shape: str, values: str) -> None:
    shown = fields(mc.tensor(value))
    assert (shown["shape"], shown["values"]) == (shape, values)
    assert "mean" not in shown


@pytest.mark.parametrize("shape", [(10**6,), (1000, 1000), (100, 1, 100, 100), (500_000, 2)])
def test_a_million_elements_are_shortened(shape: tuple[int, ...]) -> None:
    x = mc.tensor(np.arange(10**6, dtype=np.float32).reshape(shape))
    for text in (repr(x), x._repr_html_()):
        assert len(text) < 5000
        assert "..." in text
        assert "9.99999e+05" in text
    assert f", shape={shape})" in repr(x)
    numpy_text = np.array2string(x.numpy(), separator=", ", prefix="tensor(")
    assert repr(x) == f"tensor({numpy_text}, shape={shape})"


def test_only_the_corners_of_a_large_tensor_leave_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved = []
    monkeypatch.setattr(display, "to_device", lambda data, _: moved.append(data.size) or data)
    repr(mc.tensor(np.zeros((64, 3, 224, 224), np.float32)))
    assert moved == [7 * 3 * 7 * 7]


def test_repr_names_a_device_that_is_not_the_cpu(device: str) -> None:
    named = "" if device == "cpu" else f", device={device}"
    assert repr(mc.tensor([1.0], device=device)) == f"tensor([1.]{named})"
