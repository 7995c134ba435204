"""Evaluation of a module in one thread, without switching the modes of others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from ..autograd import no_grad
from .tree import Tree


class _Modes(threading.local):
    """The modes inside ``evaluating``, by the id of the module: a matter of this thread."""

    training: dict[int, bool] = {}  # noqa: RUF012 - replaced, never written into, outside a block


modes = _Modes()
"""Those of the current thread."""


@contextmanager
def evaluating(model: Tree, recording: bool = False) -> Iterator[None]:
    """Evaluation mode in this thread, with gradients only if recording.

    Afterwards every module is as before, whatever is set in between. It does not call ``train``
    or ``eval``: a model that overrides them sees it in ``self.training``.
    """
    modules, before = list(model.modules()), modes.training
    modes.training = {**before, **{id(module): False for module in modules}}
    try:
        with nullcontext() if recording else no_grad():
            yield
    finally:
        modes.training = before
