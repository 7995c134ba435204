"""From a batch to new weights, operation by operation or recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..autograd import Tensor
from ..backend.random import Part, computing
from ..nn import Module
from ..optim.clip import scale_to_norm
from .batches import compute_outputs
from .data_parallel import DataParallel
from .fit_checks import check_graph, is_repeatable
from .measures import Measured, Measures
from .step_graph import StepGraph

if TYPE_CHECKING:
    from .trainer import Trainer


class Steps:
    """The steps of one ``fit``: each learns from one batch.

    What they read of the trainer, its callbacks may change between steps.
    """

    def __init__(self, trainer: Trainer, measures: Measures, parallel: DataParallel) -> None:
        self._trainer, self._measures, self._parallel = trainer, measures, parallel
        self._graph: StepGraph | None = None

    def begin_epoch(self) -> None:
        """Decide whether the coming steps are recorded; refuse what a graph would leave out."""
        if not self._are_recorded():
            self._graph = None
            return
        trainer = self._trainer
        check_graph(trainer.model, trainer.loss, trainer.optimizer, trainer.callbacks)
        if self._graph is None:
            modules = [m for m in (trainer.model, trainer.loss) if isinstance(m, Module)]
            read = [t for m in modules for t in (*m.parameters(), *m.buffers())]
            is_required = bool(trainer.graph)
            self._graph = StepGraph(
                self._gradients, self._learned(), trainer.device, read, is_required
            )
        self._graph.begin_epoch()

    def __call__(self, x: Any, y: Any, part: Part) -> Measured:
        """Learn from one batch; returns what was measured before the step."""
        if self._parallel.group.size > 1:
            measured = self._parallel_gradients(x, y, part)
        else:
            values = self._gradients(x, y) if self._graph is None else self._graph(x, y)
            measured = values, self._measures.counts(y)
        self._trainer.optimizer.step()
        return measured

    def _are_recorded(self) -> bool:
        trainer = self._trainer
        if trainer.graph is not None:
            return trainer.graph
        own = trainer.device == "native" and self._parallel.group.size == 1
        return own and is_repeatable(
            trainer.model,
            trainer.loss,
            trainer.metrics.values(),
            trainer.optimizer,
            trainer.callbacks,
        )

    def _gradients(self, x: Any, y: Any) -> dict[str, Tensor]:
        """Compute the gradients; returns the loss and the metrics. A CUDA graph holds all of it."""
        loss, values = self._forward(x, y)
        loss.backward()
        self._clip()
        return values

    def _parallel_gradients(self, x: Any, y: Any, part: Part) -> Measured:
        """Compute the gradients of a batch of which this process has a part."""
        with computing(part):
            loss, values = self._forward(x, y)
            measured = self._parallel.backward(loss, values, y, part, self._learned())
        self._clip()
        return measured

    def _forward(self, x: Any, y: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and what is measured: before the step, since a metric may raise."""
        outputs = compute_outputs(self._trainer.model, x)
        loss = self._trainer.loss(outputs, y)
        values = self._measures.values(loss, outputs, y)
        self._trainer.optimizer.zero_grad()
        return loss, values

    def _clip(self) -> None:
        if self._trainer.clip_norm is not None:
            # Only those of the optimizer: nothing resets the gradients of other parameters.
            scale_to_norm(self._learned(), self._trainer.clip_norm)

    def _learned(self) -> list[Tensor]:
        """The parameters of the optimizer."""
        return [p for group in self._trainer.optimizer.param_groups for p in group["params"]]
