"""pytest executes the notebooks in their quick form if nbmake is installed."""

import os

import pytest

os.environ.setdefault("MINICNN_LESSONS", "quick")


def pytest_configure(config: pytest.Config) -> None:
    """Turn on nbmake, whose option is unknown to pytest where it is not installed."""
    if hasattr(config.option, "nbmake"):
        config.option.nbmake = True
