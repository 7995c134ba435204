"""A report at the end of the run: how many calls were compared with PyTorch."""

from __future__ import annotations

import sys
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    module = sys.modules.get("support.torch_check")  # not imported where PyTorch is missing
    if module is not None and module.TALLY.calls:
        tally = module.TALLY
        terminalreporter.write_line(
            f"PyTorch: {tally.calls:,} calls compared in results, first and second gradients; "
            f"largest error {tally.largest:.1e} ({tally.where})"
        )
