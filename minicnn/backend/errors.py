"""The error raised when a device is unavailable."""

from __future__ import annotations


class DeviceError(RuntimeError):
    """Raised for a device that minicnn does not know, or that is unavailable on this machine."""
