"""How a Tensor is shown in a terminal and in a notebook, from its array and what describes it."""

from __future__ import annotations

from html import escape

import numpy as np

from ..backend import Array, array_module, device_of, on_device_of, to_device
from ..html_table import html_table
from ..text_table import Cell

MOST_VALUES = 1000  # above it only the corners of a tensor are shown, as in NumPy
EDGE = 3


def tensor_text(data: Array, made_by: str, requires_grad: bool) -> str:
    """What ``repr`` shows: the values, shortened if there are many, and what is not the default.

    made_by: the name of the Function whose result this is, "" for a leaf.
    """
    extras = "" if data.size <= MOST_VALUES else f", shape={data.shape}"
    extras += "" if data.dtype == np.float32 else f", dtype={data.dtype}"
    extras += "" if device_of(data) == "cpu" else f", device={device_of(data)}"
    if made_by:
        extras += f", function={made_by}"
    elif requires_grad:
        extras += ", requires_grad=True"
    return f"tensor({_values(data, 'tensor(')}{extras})"


def tensor_html(data: Array, made_by: str, requires_grad: bool, kind: str) -> str:
    """A table of the tensor's properties and the range of its values, followed by the values."""
    rows: list[tuple[Cell, Cell]] = [
        ("shape", str(data.shape)),
        ("dtype", str(data.dtype)),
        ("device", device_of(data)),
    ]
    if made_by:
        rows.append(("made by", made_by))
    elif requires_grad:
        rows.append(("requires_grad", "True"))
    with on_device_of(data):
        rows += _statistics(data)
    title = f"{kind}, {data.size:,} element{'s' * (data.size != 1)}"
    return f"{html_table(rows, title=title)}\n<pre>{escape(_values(data, ''))}</pre>"


def _statistics(data: Array) -> list[tuple[Cell, Cell]]:
    """The smallest, mean and largest finite value, and the number of values that are not finite."""
    if data.size < 2:
        return []
    if data.dtype.kind == "b":
        return [("True", int(data.sum())), ("False", int((~data).sum()))]
    xp = array_module(data)
    is_finite = xp.isfinite(data)
    counts = {"NaN": xp.isnan(data), "infinite": xp.isinf(data)}
    rows: list[tuple[Cell, Cell]] = [
        (name, int(found.sum())) for name, found in counts.items() if found.any()
    ]
    finite = data if not rows else data[is_finite]
    if not finite.size:
        return rows
    mean = float(finite.mean(dtype=np.float64))
    values = {"smallest": float(finite.min()), "mean": mean, "largest": float(finite.max())}
    return [*((name, f"{value:.6g}") for name, value in values.items()), *rows]


def _values(data: Array, prefix: str) -> str:
    """The values as NumPy prints them; only the corners of a large array leave the device."""
    is_shortened = data.size > MOST_VALUES
    if is_shortened:
        data = _corners(data)
    return np.array2string(
        to_device(data, "cpu"),
        separator=", ",
        prefix=prefix,
        threshold=0 if is_shortened else MOST_VALUES,
        edgeitems=EDGE,
    )


def _corners(data: Array) -> Array:
    with on_device_of(data):
        for axis, size in enumerate(data.shape):
            if size > 2 * EDGE + 1:  # one in the middle stays, which NumPy prints as dots
                ends = [*range(EDGE + 1), *range(size - EDGE, size)]
                data = data[(slice(None),) * axis + (ends,)]
        return data
