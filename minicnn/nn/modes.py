"""Evaluation of a module in one thread or asyncio task, without switching the modes of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from types import MappingProxyType

from ..autograd import no_grad
from .tree import Tree

modes: ContextVar[Mapping[int, bool]] = ContextVar("modes", default=MappingProxyType({}))
"""The modes inside ``evaluating``, by the id of the module."""


@contextmanager
def evaluating(model: Tree, recording: bool = False) -> Iterator[None]:
    """Evaluation mode in this thread or asyncio task, with gradients only if recording.

    Afterwards every module is as before, whatever is set in between. It does not call ``train``
    or ``eval``: a model that overrides them sees it in ``self.training``.
    """
    modules, before = list(model.modules()), modes.get()
    modes.set({**before, **{id(module): False for module in modules}})
    try:
        with nullcontext() if recording else no_grad():
            yield
    finally:
        modes.set(before)
