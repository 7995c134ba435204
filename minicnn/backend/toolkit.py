"""What CuPy needs from the CUDA toolkit: NVRTC, the CUDA headers, and cuBLAS.

A CuPy wheel contains none of them unless it is installed with ``[ctk]``. CuPy looks for each one
only when it first needs it, so without this check an operation would fail, and not ``.to("cuda")``.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from .errors import DeviceError

LOOK_UPS: dict[str, Callable[[ModuleType], object]] = {
    "NVRTC": lambda cupy: cupy.cuda.nvrtc.getVersion(),
    "the CUDA headers": lambda cupy: cupy._core.core.assemble_cupy_compiler_options(()),
    "cuBLAS": lambda cupy: cupy.cuda.cublas,  # loads it
}
"""How CuPy itself looks for each part: in wheels, in conda, in the system and in CUDA_PATH.

Each raises one of FAILURES exactly where an operation would.
"""

FAILURES = (ImportError, OSError, RuntimeError)


def check_toolkit(cupy: ModuleType, version: int) -> None:
    """Raise DeviceError that names the parts that CuPy does not find, and what to install.

    version: of the CUDA that this CuPy was built for, as 13020.
    """
    missing: dict[str, Exception] = {}
    for part, look_up in LOOK_UPS.items():
        try:
            look_up(cupy)
        except FAILURES as error:
            missing[part] = error
        except Exception:  # a CuPy that looks for it in another way
            continue
    if missing:
        first, *_ = missing.values()
        reason = str(first).strip().split("\n")[0]
        raise DeviceError(
            f"CuPy does not find {' or '.join(missing)}: pip install "
            f"'cupy-cuda{version // 1000}x[ctk]', or set CUDA_PATH to a CUDA toolkit. "
            f"{type(first).__name__}: {reason}"
        ) from first
