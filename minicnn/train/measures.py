"""What a Trainer measures of each batch: the loss and the metrics, each a mean over the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .. import ops
from ..autograd import Tensor, no_grad
from ..backend import to_device
from ..checks import check_choice
from ..ops.convert import as_tensor
from ..ops.metric import count_targets

Metric = Callable[[Any, Any], Tensor]
Measured = tuple[dict[str, Tensor], dict[str, int]]
"""The means over a batch, and the counts of those that are not over its images."""

METRICS: dict[str, Callable[..., Tensor]] = {"accuracy": ops.accuracy}
WITH_IGNORE_INDEX = (ops.cross_entropy, ops.nll_loss)
WITHOUT_CLASSES = (
    ops.binary_cross_entropy_with_logits,
    ops.huber_loss,
    ops.l1_loss,
    ops.mse_loss,
)  # fmt: skip


class Measures:
    """The loss and the metrics of batches, as named numbers.

    metrics: names or functions; None is the accuracy, or no metric for a loss without classes (mean
    squared error, for example). The accuracy ignores the class index that the loss ignores.

    Raises TypeError or ValueError for an unknown metric, ValueError for two of the same name.
    """

    def __init__(
        self, loss: Callable[[Any, Any], Tensor], metrics: Sequence[str | Metric] | None
    ) -> None:
        self._loss, ignored = loss, ignored_class(loss)
        self.ignore_index = -100 if ignored is None else ignored
        if isinstance(metrics, str):
            raise TypeError(f"metrics: got {metrics!r}, expected a list: [{metrics!r}]")
        if metrics is None:
            metrics = () if function_of(loss) in WITHOUT_CLASSES else ("accuracy",)
        named = [self._named(metric) for metric in metrics]
        names = ["loss", *(name for name, _ in named)]
        if len(set(names)) < len(names):
            raise ValueError(f"metrics: got {', '.join(names)}, expected different names")
        self.metrics = dict(named)
        # Means over class indices, whose number differs between images if some are ignored.
        self._over_classes = {metric for metric in metrics if isinstance(metric, str)}
        if ignored is not None:
            self._over_classes.add("loss")

    def values(self, loss: Tensor, outputs: Any, labels: Any) -> dict[str, Tensor]:
        """The loss and the metrics.

        Raises TypeError or ValueError where one is not a single number, or does not fit the labels.
        """
        if not isinstance(loss, Tensor):
            raise TypeError(
                f"loss: returned a {type(loss).__name__}, expected a Tensor, computed from the "
                "outputs with operations of minicnn"
            )
        values = {"loss": _check_number("loss", loss)}
        with no_grad():
            for name, metric in self.metrics.items():
                values[name] = _measure(name, metric, outputs, labels)
        return values

    def counts(self, labels: Any) -> dict[str, int]:
        """The counts of means that are not over the images."""
        if not self._over_classes or isinstance(labels, tuple) or labels.dtype.kind not in "iu":
            return {}
        return dict.fromkeys(self._over_classes, count_targets(labels, self.ignore_index))

    def divisor(self, labels: Any, images: int) -> float:
        """What the loss, a mean over these labels, divides by, up to a constant factor."""
        function, weight = function_of(self._loss), _option(self._loss, "weight", None)
        if function not in WITH_IGNORE_INDEX or isinstance(labels, tuple):
            return images
        if labels.dtype.kind not in "iu":
            return images
        if weight is None:
            return count_targets(labels, self.ignore_index)
        classes = to_device(labels.data, "cpu")
        weights = to_device(as_tensor(weight).data, "cpu")
        return float(weights[classes[classes != self.ignore_index]].sum())

    @property
    def is_sum(self) -> bool:
        """Whether the loss is known to be a sum over the batch."""
        return bool(_option(self._loss, "reduction", "mean") == "sum")

    def _named(self, metric: str | Metric) -> tuple[str, Metric]:
        if callable(metric):
            return getattr(metric, "__name__", type(metric).__name__), metric
        name = check_choice("metrics", metric, METRICS)
        return name, partial(METRICS[name], ignore_index=self.ignore_index)


def _measure(name: str, metric: Metric, outputs: Any, labels: Any) -> Tensor:
    try:
        value = metric(outputs, labels)
    except (TypeError, ValueError) as error:
        if name not in METRICS:
            raise
        raise type(error)(
            f"metrics: {error}. Pass other metrics, Trainer(..., metrics=[function]), or metrics=()"
        ) from error
    return _check_number(f"metrics: {name}", as_tensor(value))


def _check_number(name: str, value: Tensor) -> Tensor:
    if value.size != 1:
        raise ValueError(
            f"{name}: returned shape {value.shape}, expected one number, the mean over the batch"
        )
    return value if value.ndim == 0 else value.reshape(())


def function_of(loss: Any) -> Any:
    """The op behind a loss: a function of ops, perhaps with options, or a layer of nn."""
    return loss.func if isinstance(loss, partial) else getattr(loss, "op", loss)


def _option(loss: Any, name: str, default: Any) -> Any:
    """An option of the loss, given to a partial or to a layer."""
    if isinstance(loss, partial):
        return loss.keywords.get(name, default)
    return getattr(loss, name, default)


def ignored_class(loss: Any) -> int | None:
    """The class index that the loss ignores, if it is known to do so."""
    if isinstance(loss, partial):
        known = loss.func in WITH_IGNORE_INDEX
        return loss.keywords.get("ignore_index", -100) if known else None
    index: int | None = getattr(loss, "ignore_index", -100 if loss in WITH_IGNORE_INDEX else None)
    return index
