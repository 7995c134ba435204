"""Commands with limited memory, as by ``ulimit -v``: they do their work or say what was missing.

With MINICNN_LIMITS=20 in the environment, each is run under so many limits. Below the lowest one
the imports of NumPy fail, or OpenBLAS, which ends the process when it gets no memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

resource = pytest.importorskip("resource", reason="Windows has no such limits")
LIMITS = int(os.environ.get("MINICNN_LIMITS", "1"))
LOWEST, HIGHEST = 230, 1200  # MiB
SMALL = "--data digits --epochs 1 --no-weights --batch-size 60000"


def run_limited(command: str, mebibytes: int) -> subprocess.CompletedProcess:
    limit = mebibytes << 20
    return subprocess.run(
        [sys.executable, "-m", "minicnn", *command.split()], capture_output=True, text=True,
        timeout=120, env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MINICNN_NUM_THREADS": "8"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not obey the limit")
@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (f"train scaled_alexnet {SMALL}", "; try a smaller --batch-size"),
        (f"train scaled_alexnet --device native {SMALL}", "; try a smaller --batch-size"),
        ("predict lenet5-digits large.png", "; try fewer images at a time"),
    ],
)
def test_not_enough_memory_is_one_line(command: str, advice: str, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    picture = image.new("RGB", (9000, 9000), "white")
    picture.paste("black", (4100, 1500, 4900, 7500))  # a 1
    picture.save(tmp_path / "large.png", compress_level=1)
    command = command.replace("large.png", str(tmp_path / "large.png"))
    ended = {0: 0, 2: 0}
    for k in range(LIMITS):
        limit = LOWEST + (HIGHEST - LOWEST) * k // LIMITS
        done = run_limited(command, limit)
        lines = [x for x in done.stderr.splitlines() if not x.startswith("minicnn: compiling")]
        assert done.returncode in ended, (limit, done.stderr)
        ended[done.returncode] += 1
        if done.returncode == 2:
            (line,) = lines
            assert line.startswith("minicnn: not enough memory ("), limit
            assert line.endswith(advice), limit
    assert ended[2] > 0, ended
    print(command.split()[:4], ended)
