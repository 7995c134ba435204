"""The error of a device that is not to be had."""

from __future__ import annotations


class DeviceError(RuntimeError):
    """A device that minicnn does not know or cannot use on this machine."""
