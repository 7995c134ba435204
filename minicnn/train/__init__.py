"""Floor 6, training: the loop, its history, callbacks, checkpoints."""

from __future__ import annotations

from .callback import Callback
from .checkpoint import Checkpoint
from .checkpoint_file import CheckpointError, load_weights
from .csv_logger import CSVLogger
from .early_stopping import EarlyStopping
from .history import History
from .learning_rate import LearningRate
from .mistakes import check
from .progress_bar import ProgressBar
from .report import confusion_matrix, report
from .snapshots import Snapshots
from .trainer import Trainer

# fmt: off
__all__ = [
    "Trainer", "History", "Callback",
    "ProgressBar", "LearningRate", "EarlyStopping", "CSVLogger", "Snapshots",
    "Checkpoint", "CheckpointError", "load_weights",
    "check", "confusion_matrix", "report",
]
# fmt: on
