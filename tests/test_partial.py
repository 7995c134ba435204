"""Files that appear only when they are complete."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minicnn.partial import replacing

OLD = time.time() - 3600


def test_a_file_replaces_another_one_and_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "secret"
    target.write_text("before")
    target.chmod(0o600)
    with replacing(target) as file:
        file.write(b"after")
        assert target.read_text() == "before"
    assert target.read_text() == "after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("before")

    def fail() -> None:
        with replacing(target) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_is_removed_by_the_next_writer(tmp_path: Path) -> None:
    left, young, foreign = (tmp_path / name for name in (
        ".minicnn-1.part", ".minicnn-2.part", ".other.part"))  # fmt: skip
    for path in (left, young, foreign):
        path.write_text("half")
    for path in (left, foreign):
        os.utime(path, (OLD, OLD))
    with replacing(tmp_path / "file") as file:
        file.write(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"file", ".minicnn-2.part", ".other.part"}


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows has no such locks")
    code = (
        "import sys; from pathlib import Path; from minicnn.partial import replacing\n"
        "with replacing(Path(sys.argv[1])) as file:\n"
        "    file.write(b'whole'); print('writing', flush=True); sys.stdin.readline()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-c", code, str(tmp_path / "slow")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout.readline() == "writing\n"
        (partial,) = tmp_path.iterdir()
        os.utime(partial, (OLD, OLD))
        with replacing(tmp_path / "quick") as file:
            file.write(b"whole")
        assert partial.exists()
        process.stdin.write("\n")
    assert {path.name for path in tmp_path.iterdir()} == {"slow", "quick"}
