"""What training measured, epoch by epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..viz import Picture


class History:
    """One row of numbers per epoch: ``history["loss"]`` is a column, ``history.rows`` everything.

    Columns: loss and each metric over the training batches, the same with the prefix ``val_`` over
    the validation data (if any), seconds, and images_per_second during training.

    >>> history = mc.train.History()
    >>> history.rows += [{"loss": 2.0}, {"loss": 0.5, "val_loss": 0.7}]
    >>> history["loss"], history["val_loss"]
    ([2.0, 0.5], [nan, 0.7])
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def __getitem__(self, column: str) -> list[float]:
        """One column, NaN where an epoch lacks it. Raises KeyError, naming the columns."""
        columns = {name: None for row in self.rows for name in row}
        if self.rows and column not in columns:
            raise KeyError(f"history: no column {column!r}, there are {', '.join(columns)}")
        return [row.get(column, math.nan) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        if not self.rows:
            return "History(no epochs)"
        last = ", ".join(f"{name}={value:.4g}" for name, value in self.rows[-1].items())
        return f"History({len(self.rows)} epochs, last: {last})"

    def plot(self) -> Picture:
        """Draw loss and accuracy by epoch, see ``viz.learning_curves``.

        Raises ImportError, naming the extra, without matplotlib; ValueError before the first epoch.
        """
        from ..viz import learning_curves  # imports matplotlib

        return learning_curves(self)
