"""The initial weights of the course's networks: those of Keras, in which it is written."""

from __future__ import annotations

from ..nn import Module, init


def start_as_keras(model: Module) -> None:
    """Every weight Glorot uniform, ±sqrt(6 / (fan_in + fan_out)), every bias 0."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            init.xavier_uniform_(parameter)
        else:
            init.zeros_(parameter)
