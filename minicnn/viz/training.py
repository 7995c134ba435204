"""How a training went: its curves, and what is taken for what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, Protocol

import numpy as np
from matplotlib import colormaps
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from .arrays import Numbers, as_numbers
from .picture import COLOURS, Picture, subplots, text_width

MOST_NUMBERS = 30  # classes whose counts can still be read


class History(Protocol):
    """What ``Trainer.fit`` returns: a row of numbers for each epoch."""

    rows: list[dict[str, float]]


def learning_curves(histories: History | Mapping[str, History | Sequence[History]]) -> Picture:
    """Loss and accuracy by epoch: dashed over the training batches, solid over validation data.

    histories: that of one run, {name: history}, or {name: [history of each seed]}: then the line is
    the mean and the band goes from the lowest to the highest, up to the last epoch that all have.
    Without accuracies there is the loss alone.
    Raises ValueError for no history, one without epochs, or neither loss nor accuracy.
    """
    runs = _runs(histories)
    rows = [row for seeds in runs.values() for seed in seeds for row in seed.rows]
    found = {column.removeprefix("val_") for row in rows for column in row}
    columns = [column for column in ("loss", "accuracy") if column in found]
    if not columns:
        raise ValueError(f"learning_curves: got {sorted(found)}, expected a loss or an accuracy")
    picture, axes = subplots(1, len(columns), squeeze=False)
    for panel, column in zip(axes[0], columns, strict=True):
        for colour, seeds in zip(cycle(COLOURS), runs.values(), strict=False):
            _curve(panel, seeds, column, colour, training=True)
            _curve(panel, seeds, "val_" + column, colour, training=False)
        panel.set(xlabel="epoch")
        panel.set_title(column, fontsize=10)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    low, high = axes[0][0].dataLim.intervaly
    axes[0][0].set_ylim(min(0.0, low), 1.05 * max(0.0, high) or 1.0)
    if len(columns) == 2:
        axes[0][1].yaxis.set_major_formatter(PercentFormatter(1))
    _legend(axes[0][-1], runs)
    return picture


def _curve(axes: Any, seeds: Sequence[History], column: str, colour: str, training: bool) -> None:
    count = min(len(seed.rows) for seed in seeds)
    values = [[row.get(column, math.nan) for row in seed.rows[:count]] for seed in seeds]
    epochs, table = range(1, count + 1), np.array(values)  # (seeds, epochs)
    if np.isnan(table).all():
        return
    axes.plot(epochs, table.mean(0), color=colour, **_line(training, count))
    if len(seeds) > 1:
        axes.fill_between(epochs, table.min(0), table.max(0), color=colour, alpha=0.2, linewidth=0)


def _line(training: bool, epochs: int) -> dict[str, Any]:
    """Dashed or solid; of one epoch, which makes no line, a ring or a dot."""
    look = {"linestyle": "--", "fillstyle": "none"} if training else {"linestyle": "-"}
    return {**look, "marker": "o" if epochs == 1 else ""}


def _legend(axes: Any, runs: Mapping[str, Sequence[History]]) -> None:
    """The names of the runs in their colours, and what is dashed and solid."""
    rows = [row for seeds in runs.values() for seed in seeds for row in seed.rows]
    epochs = max(len(seed.rows) for seeds in runs.values() for seed in seeds)
    lines = [Line2D([], [], color=c, label=n) for c, n in zip(cycle(COLOURS), runs, strict=False)]
    lines = lines if list(runs) != [""] else []
    lines.append(Line2D([], [], color="0.4", label="training", **_line(True, epochs)))
    if any("val_loss" in row for row in rows):
        lines.append(Line2D([], [], color="0.4", label="validation", **_line(False, epochs)))
    axes.legend(handles=lines, fontsize=8, frameon=False)


def _runs(histories: Any) -> dict[str, Sequence[History]]:
    """Every form of histories as {name: [history of each seed]}."""
    named = histories if isinstance(histories, Mapping) else {"": histories}
    runs: dict[str, Sequence[History]]
    runs = {n: list(h) if isinstance(h, list | tuple) else [h] for n, h in named.items()}
    for name, seeds in runs.items():
        for seed in seeds:
            if not hasattr(seed, "rows"):
                raise ValueError(f"learning_curves: got {type(seed).__name__}, expected a History")
        if not seeds or not all(seed.rows for seed in seeds):
            which = f"history {name!r}" if name != "" else "the history"
            raise ValueError(f"learning_curves: {which} has no epochs")
    if not runs:
        raise ValueError("learning_curves: got no history")
    return runs


def confusion_matrix(matrix: Any, names: Sequence[str] | None = None) -> Picture:
    """How often class i (row) was taken for class j (column); the mistakes alone are coloured.

    matrix (K, K): counts, see ``train.confusion_matrix``; names: of the K classes.
    Raises ValueError for another shape, negative counts, or names that are not K.
    """
    counts = _counts(matrix)
    K = len(counts)
    called = [str(name) for name in (range(K) if names is None else names)]
    if len(called) != K:
        raise ValueError(f"confusion_matrix: {len(called)} names for {K} classes")
    mistakes = counts * (1 - np.eye(K, dtype=int))
    side = min(9.0, 1.6 + 0.46 * K)
    long = max(0.0, max(text_width(name, 8) for name in called) - 1)  # inches, beyond one
    picture, axes = subplots(size=(side + 0.4 + long, side + long))
    axes.imshow(_coloured(mistakes))
    for i, j in np.argwhere(counts) if K <= MOST_NUMBERS else ():
        light = mistakes[i, j] > 0.6 * mistakes.max()
        style = {"color": "white" if light else "black", "fontsize": min(8, 200 / K)}
        axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", **style)
    _name_classes(axes, called, counts)
    right, total = int(counts.trace()), int(counts.sum())
    share = f", {right / total:.2%}" if total else ""
    axes.set_title(f"{right:,} of {total:,} right{share}", fontsize=10, pad=16)  # above "recall"
    return picture


def _counts(matrix: Any) -> Numbers:
    counts = as_numbers("confusion_matrix", "matrix", matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(
            f"confusion_matrix: got shape {counts.shape}, expected (K, K) counts, as "
            "minicnn.train.confusion_matrix(labels, predictions) gives them"
        )
    wrong = counts[(counts < 0) | (counts != np.rint(counts))]
    if wrong.size:
        raise ValueError(f"confusion_matrix: got {wrong[0]} in the matrix, expected counts")
    return counts.astype(np.int64)


def _coloured(mistakes: Numbers) -> Numbers:
    """Grey on the diagonal, elsewhere the more orange the more mistakes: (K, K, 4)."""
    colours = colormaps["Oranges"](mistakes / (mistakes.max() or 1))
    colours[mistakes == 0] = 1  # white
    np.einsum("iic->ic", colours)[:] = 0.85, 0.85, 0.85, 1
    return np.asarray(colours)


def _name_classes(axes: Any, names: Sequence[str], counts: Numbers) -> None:
    """What the rows and columns are, and at the right the recall of each class."""
    places, small = range(len(names)), min(8, 400 / len(names))  # points
    slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(places, names, fontsize=small, **(slanted if max(map(len, names)) > 3 else {}))
    axes.set_yticks(places, names, fontsize=small)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="taken for", ylabel="is")
    for i, row in enumerate(counts):
        recall = f"{row[i] / row.sum():.1%}" if row.sum() else "-"
        axes.text(len(names) - 0.35, i, recall, va="center", fontsize=small, color="0.4")
    axes.text(len(names) - 0.35, -0.6, "recall", va="bottom", fontsize=small, color="0.4")
