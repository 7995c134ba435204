"""A recording on the device "native": its kernels and calls of NumPy, computed as it is made."""

from __future__ import annotations

from collections.abc import Callable

from ..arrays import Array
from ..capture import Capture, Result
from .array import NativeArray
from .record import Recording, RecordingArray, recording_into


class NativeCapture(Capture):
    """A list of kernels on the CPU."""

    computes = True

    def forget(self) -> None:
        super().forget()
        self._recording: Recording | None = None

    def seen_by_recordings(self, x: Array) -> Array:
        return x.view(RecordingArray) if type(x) is NativeArray else x

    def seen_outside(self, x: Array) -> Array:
        return x.view(NativeArray)

    def _record(self, function: Callable[[], Result]) -> Result:
        recording = Recording()
        with recording_into(recording):
            result = function()
        recording.finish()
        self._recording = recording
        return result

    def _launch(self) -> None:
        assert self._recording is not None
        self._recording.run()
