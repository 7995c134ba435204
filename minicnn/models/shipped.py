"""The trained weights that come with minicnn.

``minicnn train lenet5 --recipe best --data mnist --weights PATH`` makes the first file again, and
``minicnn train lenet5 --data digits --weights PATH`` the second.
"""

from __future__ import annotations

from pathlib import Path

from .. import io
from ..checks import check_choice
from .classifier import ImageClassifier

FOLDER = Path(__file__).parent / "weights"
SHIPPED = {"lenet5": ("mnist", "digits")}
"""The data sets that there are weights for, by model; the first is the one to take."""


def shipped_path(name: str) -> Path | None:
    """The file that a name means: "lenet5-digits", or "lenet5" for the first of its data sets."""
    for model, trained_on in SHIPPED.items():
        for data in trained_on:
            if name in (model, f"{model}-{data}"):
                return FOLDER / f"{model}-{data}.safetensors"
    return None


def shipped_names() -> list[str]:
    """All names of files that come with minicnn: "lenet5-mnist", "lenet5-digits"."""
    return [f"{model}-{data}" for model, trained_on in SHIPPED.items() for data in trained_on]


def load_shipped(model: ImageClassifier, name: str, weights: str) -> None:
    """Give a model the weights that come with minicnn. Raises as ``lenet5`` does."""
    weights = check_choice(f"{name}: weights", weights, SHIPPED[name])
    state = io.load(FOLDER / f"{name}-{weights}.safetensors")
    for key, parameter in model.named_parameters():
        if parameter.shape != state[key].shape:
            raise ValueError(
                f"{name}: weights: those of {weights!r} are for 10 classes and 1 channel, got "
                f"num_classes={model.num_classes}, in_channels={model.input_shape[0]}"
            )
    model.load_state_dict(state)
