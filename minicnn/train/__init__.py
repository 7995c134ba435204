"""Floor 6, training: the loop, its history, and the callbacks beside it."""

from __future__ import annotations

from .callbacks import Callback, LearningRate, ProgressBar
from .history import History
from .trainer import Trainer

__all__ = ["Callback", "History", "LearningRate", "ProgressBar", "Trainer"]
