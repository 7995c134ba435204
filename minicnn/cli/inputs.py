"""The files and numbers that the user names, and the one error for unusable ones."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import io, train
from ..models import MODELS, ImageClassifier, ModelCard
from ..models.card import card_for, from_metadata, load_weights
from ..models.shipped import shipped_names, shipped_path
from ..train.checkpoint_file import is_checkpoint
from ..train.finite import describe_nonfinite


class InputError(Exception):
    """Raised for user input that cannot be used; printed as one line."""


def make_number_type(
    kind: Callable[[str], Any], least: float, below: float = math.inf
) -> Callable[[str], Any]:
    """The argparse type of an option whose value is a number from ``least`` to ``below``."""

    def parse(text: str) -> Any:
        value = kind(text)
        if not least <= value < below:
            limit = f"from {least} to below {below}" if below < math.inf else f"of {least} or more"
            raise argparse.ArgumentTypeError(f"got {text}, expected a number {limit}")
        return value

    parse.__name__ = kind.__name__  # argparse shows it: "invalid int value"
    return parse


def file_path(text: str) -> Path:
    """The argparse type of a file. ``out/`` is a folder, of which a Path would forget the slash."""
    if text.endswith(("/", os.sep)):
        raise argparse.ArgumentTypeError(f"got {text}, expected the path of a file")
    return Path(text)


def load_network(weights: str, model: str | None = None) -> tuple[ImageClassifier, ModelCard]:
    """A trained network and its card: from a file, a checkpoint, or what comes with minicnn.

    model: the name of the model, for a file without a card.
    """
    path = Path(weights)
    if not path.exists():
        path = _shipped(weights)
    try:
        state, metadata = io.load_with_metadata(path, "WEIGHTS")
        card = from_metadata(metadata, str(path))
        if is_checkpoint(metadata):
            state = train.load_weights(path)
        if card is None:
            if model is None:
                raise InputError(
                    f"{path}: does not say which model it holds; add --model, one of "
                    f"{', '.join(MODELS)}"
                )
            card = card_for(model, state)
        elif model not in (None, card.model):
            raise InputError(f"--model {model}: {path} holds a {card.model}")
        if bad := describe_nonfinite(state):
            raise InputError(
                f"{path}: NaN or infinity in {bad}; the network cannot be used: its training "
                "diverged, or the file is not what it seems"
            )
        return load_weights(card, state, str(path)), card
    except ValueError as error:
        raise InputError(str(error)) from error


def _shipped(weights: str) -> Path:
    """The file of a name that comes with minicnn, the path itself if it looks like one."""
    found = shipped_path(weights)
    if found is None and weights.isidentifier():
        raise InputError(
            f"there is no file {weights}, and no trained network of that name; minicnn comes with "
            f"{', '.join(shipped_names())}"
        )
    return found or Path(weights)


def mark(is_well: bool) -> str:
    """A tick or a cross, in letters where the terminal has no such signs."""
    sign, word = ("✓", "yes") if is_well else ("✗", "no ")
    try:
        sign.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return word
    return sign
