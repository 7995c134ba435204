"""Where a trained network is saved: never over another one unasked."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

from .. import io, models
from ..models import ImageClassifier, ModelCard
from .inputs import InputError
from .sources import Source


def where_to_save(options: argparse.Namespace, source: Source, recipe: str) -> Path | None:
    """Where the trained network goes; a place that was not asked for is free, and checked."""
    if options.no_weights or options.weights:
        if options.no_weights and options.weights:
            raise InputError("--no-weights: got --weights too, expected one of them")
        return options.weights
    data_name = re.sub(r"[^\w.+-]+", "_", Path(source.name).resolve().name, flags=re.ASCII)
    path = _free(Path(f"{options.model}-{data_name or 'data'}-{recipe}.safetensors"))
    try:
        io.check_writable("--weights", path)
    except OSError as error:
        raise InputError(f"{error}; name another place, or add --no-weights") from error
    return path


def _free(path: Path) -> Path:
    """The path, or the first of name-2, name-3, ... that does not exist."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return free


def save(path: Path, model: ImageClassifier, card: ModelCard, options: argparse.Namespace) -> None:
    if not options.weights:
        path = _free(path)  # another training may have ended meanwhile
    models.save(path, model, card)
    print(f"weights saved to {path}; next:")
    print(f"  minicnn evaluate {_quoted(path)}")
    print(f"  minicnn predict {_quoted(path)} PICTURE...")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
