"""Running an exported network with onnxruntime; the tests are skipped where it is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.export import export_onnx
from minicnn.nn.modes import evaluating


@pytest.fixture
def onnx() -> Any:
    """The package onnx; the test is skipped where it is missing."""
    return pytest.importorskip("onnx", reason="onnx is not installed")


@pytest.fixture
def agrees(onnx: Any, tmp_path: Path) -> Callable[..., Any]:
    """Write a network once, and compare onnxruntime's outputs for 1 and for 5 images with its own.

    Returns the file's content, as the package onnx reads it.
    """
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

    def check(model: nn.Module, input_shape: tuple[int, ...] | None = None) -> Any:
        path = tmp_path / "model.onnx"
        export_onnx(model, path, input_shape)
        session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for batch in (1, 5):
            shape = (batch, *(input_shape or model.input_shape))
            images = np.random.default_rng(batch).standard_normal(shape).astype(np.float32)
            with evaluating(model):
                expected = model(mc.tensor(images)).numpy()
            (got,) = session.run(["output"], {"input": images})
            assert got.dtype == expected.dtype
            assert np.abs(expected).max() > 0
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
        return onnx.load(path)

    return check
