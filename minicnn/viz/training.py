"""Results of training: learning curves, and which classes are confused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, Protocol

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ..text_table import printable
from .arrays import Numbers, TensorLike, as_numbers
from .picture import COLOURS, Picture, subplots, text_width

MOST_NUMBERS = 30  # classes whose counts can still be read


class History(Protocol):
    """What ``Trainer.fit`` returns: a row of metrics for each epoch."""

    rows: list[dict[str, float]]


def learning_curves(histories: History | Mapping[str, History | Sequence[History]]) -> Picture:
    """Loss and accuracy by epoch: dashed for the training batches, solid for the validation data.

    histories: that of one run, {name: history}, or {name: [history of each seed]}. With several
    seeds, the line is their mean and the band reaches from the lowest to the highest value, up to
    the last epoch that all of them have. Without accuracies only the loss is drawn.
    Raises TypeError for what is not a History; ValueError for no history, one without epochs, or
    neither loss nor accuracy.

    >>> history = mc.train.History()
    >>> history.rows += [{"loss": 2.3, "val_loss": 2.2}, {"loss": 1.1, "val_loss": 1.3}]
    >>> mc.viz.learning_curves({"lenet5": history}).savefig("curves.png")
    """
    runs = _group_runs(histories)
    rows = [row for seeds in runs.values() for seed in seeds for row in seed.rows]
    found = {key.removeprefix("val_") for row in rows for key in row}
    metrics = [metric for metric in ("loss", "accuracy") if metric in found]
    if not metrics:
        raise ValueError(f"learning_curves: got {sorted(found)}, expected a loss or an accuracy")
    picture, axes = subplots(1, len(metrics), squeeze=False)
    for panel, metric in zip(axes[0], metrics, strict=True):
        for colour, seeds in zip(cycle(COLOURS), runs.values(), strict=False):
            _draw_curve(panel, seeds, metric, colour, training=True)
            _draw_curve(panel, seeds, "val_" + metric, colour, training=False)
        panel.set(xlabel="epoch")
        panel.set_title(metric, fontsize=10)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    low, high = axes[0][0].dataLim.intervaly
    axes[0][0].set_ylim(min(0.0, low), 1.05 * max(0.0, high) or 1.0)
    if len(metrics) == 2:
        axes[0][1].yaxis.set_major_formatter(PercentFormatter(1))
    _draw_legend(axes[0][-1], runs)
    return picture


def _draw_curve(
    axes: Axes, seeds: Sequence[History], metric: str, colour: str, training: bool
) -> None:
    count = min(len(seed.rows) for seed in seeds)
    values = [[row.get(metric, math.nan) for row in seed.rows[:count]] for seed in seeds]
    epochs, table = range(1, count + 1), np.array(values)  # (seeds, epochs)
    if np.isnan(table).all():
        return
    axes.plot(epochs, table.mean(0), color=colour, **_line_style(training, count))
    if len(seeds) > 1:
        axes.fill_between(epochs, table.min(0), table.max(0), color=colour, alpha=0.2, linewidth=0)


def _line_style(training: bool, epochs: int) -> dict[str, Any]:
    """Dashed or solid; for a single epoch, which is not a line, a ring or a dot."""
    look = {"linestyle": "--", "fillstyle": "none"} if training else {"linestyle": "-"}
    return {**look, "marker": "o" if epochs == 1 else ""}


def _draw_legend(axes: Axes, runs: Mapping[str, Sequence[History]]) -> None:
    """The names of the runs in their colours, and what dashed and solid mean."""
    rows = [row for seeds in runs.values() for seed in seeds for row in seed.rows]
    epochs = max(len(seed.rows) for seeds in runs.values() for seed in seeds)
    lines = [Line2D([], [], color=c, label=n) for c, n in zip(cycle(COLOURS), runs, strict=False)]
    lines = lines if list(runs) != [""] else []
    lines.append(Line2D([], [], color="0.4", label="training", **_line_style(True, epochs)))
    if any("val_loss" in row for row in rows):
        lines.append(Line2D([], [], color="0.4", label="validation", **_line_style(False, epochs)))
    axes.legend(handles=lines, fontsize=8, frameon=False)


def _group_runs(histories: Any) -> dict[str, Sequence[History]]:
    """Every form of histories as {name: [history of each seed]}."""
    named = histories if isinstance(histories, Mapping) else {"": histories}
    runs: dict[str, Sequence[History]]
    runs = {n: list(h) if isinstance(h, list | tuple) else [h] for n, h in named.items()}
    for name, seeds in runs.items():
        for seed in seeds:
            if not hasattr(seed, "rows"):
                raise TypeError(f"learning_curves: got {type(seed).__name__}, expected a History")
        if not seeds or not all(seed.rows for seed in seeds):
            which = f"history {name!r}" if name != "" else "the history"
            raise ValueError(f"learning_curves: {which} has no epochs")
    if not runs:
        raise ValueError("learning_curves: got no history")
    return runs


def confusion_matrix(matrix: TensorLike, names: Sequence[str] | None = None) -> Picture:
    """How often class i (row) was predicted as class j (column); only the mistakes are coloured.

    matrix (K, K): counts, see ``train.confusion_matrix``; names: those of the K classes.
    Raises ValueError for another shape, negative counts, or a wrong number of names.

    >>> picture = mc.viz.confusion_matrix([[48, 2], [0, 50]], ["cat", "dog"])
    >>> picture.axes[0].get_title()
    '98 of 100 correct, 98.00%'
    """
    counts = _check_counts(matrix)
    K = len(counts)
    labels = [str(name) for name in (range(K) if names is None else names)]
    if len(labels) != K:
        raise ValueError(f"confusion_matrix: {len(labels)} names for {K} classes")
    mistakes = counts * (1 - np.eye(K, dtype=int))
    side = min(9.0, 1.6 + 0.46 * K)
    long = max(0.0, max(text_width(name, 8) for name in labels) - 1)  # inches beyond the first
    picture, axes = subplots(size=(side + 0.4 + long, side + long))
    axes.imshow(_colour_cells(mistakes))
    for i, j in np.argwhere(counts) if K <= MOST_NUMBERS else ():
        light = mistakes[i, j] > 0.6 * mistakes.max()
        style = {"color": "white" if light else "black", "fontsize": min(8, 200 / K)}
        axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", **style)
    _label_classes(axes, labels, counts)
    correct, total = int(counts.trace()), int(counts.sum())
    share = f", {correct / total:.2%}" if total else ""
    axes.set_title(
        f"{correct:,} of {total:,} correct{share}", fontsize=10, pad=16
    )  # above "recall"
    return picture


def _check_counts(matrix: TensorLike) -> Numbers:
    counts = as_numbers("confusion_matrix", "matrix", matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(
            f"confusion_matrix: got shape {counts.shape}, expected (K, K) counts, as from "
            "minicnn.train.confusion_matrix(labels, predictions)"
        )
    wrong = counts[(counts < 0) | (counts != np.rint(counts))]
    if wrong.size:
        raise ValueError(f"confusion_matrix: got {wrong[0]} in the matrix, expected counts")
    return counts.astype(np.int64)


def _colour_cells(mistakes: Numbers) -> Numbers:
    """Grey on the diagonal, elsewhere darker orange for more mistakes: (K, K, 4)."""
    colours = colormaps["Oranges"](mistakes / (mistakes.max() or 1))
    colours[mistakes == 0] = 1  # white
    np.einsum("iic->ic", colours)[:] = 0.85, 0.85, 0.85, 1
    return np.asarray(colours)


def _label_classes(axes: Axes, names: Sequence[str], counts: Numbers) -> None:
    """The names of the rows and columns, and on the right the recall of each class."""
    places, small = range(len(names)), min(8, 400 / len(names))  # points
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    names = [printable(name) for name in names]
    axes.set_xticks(places, names, fontsize=small, **(slanted if max(map(len, names)) > 3 else {}))
    axes.set_yticks(places, names, fontsize=small)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="predicted", ylabel="true")
    for i, row in enumerate(counts):
        recall = f"{row[i] / row.sum():.1%}" if row.sum() else "-"
        axes.text(len(names) - 0.35, i, recall, va="center", fontsize=small, color="0.4")
    axes.text(len(names) - 0.35, -0.6, "recall", va="bottom", fontsize=small, color="0.4")
