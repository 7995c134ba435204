"""The initial weights of the course's networks: those of Keras, which the course uses."""

from __future__ import annotations

from ..nn import Module, init


def init_like_keras(model: Module) -> None:
    """Set every weight to Glorot uniform, ±sqrt(6 / (fan_in + fan_out)), and every bias to 0."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            init.xavier_uniform_(parameter)
        else:
            init.zeros_(parameter)
