"""Floor 6, training: the loop, its history, the callbacks beside it, checkpoints."""

from __future__ import annotations

from .callbacks import Callback, LearningRate, ProgressBar
from .checkpoint import Checkpoint, CheckpointError, load_weights
from .csv_logger import CSVLogger
from .early_stopping import EarlyStopping
from .history import History
from .report import confusion_matrix, report
from .trainer import Trainer

__all__ = [
    "Trainer",
    "History",
    "Callback",
    "ProgressBar",
    "LearningRate",
    "EarlyStopping",
    "CSVLogger",
    "Checkpoint",
    "CheckpointError",
    "load_weights",
    "confusion_matrix",
    "report",
]
