"""Floor 5, export: networks as ONNX files, which other programs run without minicnn."""

from __future__ import annotations

from .onnx_file import export_onnx
from .record import ExportError

__all__ = ["ExportError", "export_onnx"]
