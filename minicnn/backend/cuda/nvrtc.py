"""The launcher for GPUs: kernels compiled by NVRTC through CuPy, which caches them on disk."""

from __future__ import annotations

import hashlib
import importlib
from functools import cache
from typing import Any

from ..errors import DeviceError
from .source import OPTIONS, read_source


def run(
    source: str, expression: str, blocks: int, threads: int, arguments: list[Any], device: str
) -> None:
    """Queue the kernel on the current stream of the device, without waiting for it."""
    _compiled(source, expression, device)((blocks,), (threads,), tuple(arguments))


@cache
def _compiled(source: str, expression: str, device: str) -> Any:
    cupy = importlib.import_module("cupy")
    # CuPy's cache of compiled kernels knows the source and the options, not what it includes.
    header = hashlib.sha256(read_source("common.cuh").encode()).hexdigest()[:16]
    module = cupy.RawModule(
        code=read_source(source),
        options=(*OPTIONS, f"-DHEADER=0x{header}"),
        name_expressions=(expression,),
    )
    try:
        return module.get_function(expression)
    except cupy.cuda.compiler.CompileException as error:
        raise DeviceError(f"{expression} of {source} does not compile:\n{error}") from error
