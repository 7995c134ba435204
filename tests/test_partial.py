"""Files that are written under another name until they are complete."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from minicnn import partial
from minicnn.partial import replacing

pytest.importorskip("fcntl", reason="Windows refuses to remove an open file instead")

WRITER = """
import runpy, sys
from pathlib import Path
replacing = runpy.run_path(sys.argv[2])["replacing"]  # without the second that minicnn takes
with replacing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def writer(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that is writing tmp_path/other, until it gets a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "other"), partial.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def parts(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob(".*.part"))


def write(target: Path, content: bytes = b"new") -> None:
    with replacing(target) as file:
        file.write(content)


def test_a_file_replaces_another_one_and_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "secret"
    target.write_text("before")
    target.chmod(0o600)
    with replacing(target) as file:
        (name,) = parts(tmp_path)  # nobody else can read what is written
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        file.write(b"after")
        assert target.read_text() == "before"
    assert target.read_text() == "after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_group_and_owner_are_kept_where_the_system_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, asked = tmp_path / "shared", []
    target.write_text("before")
    target.chmod(0o640)
    monkeypatch.setattr(os, "chown", lambda path, *ids: asked.append(ids))
    write(target)
    found = target.stat()
    assert asked == [(-1, found.st_gid), (found.st_uid, -1)]
    assert stat.S_IMODE(found.st_mode) == 0o640


def test_another_group_gets_no_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.write_text("")
    theirs.write_text("")
    theirs.chmod(0o664)
    monkeypatch.setattr(os, "chown", refuse)
    found = list(theirs.stat())
    found[stat.ST_GID] += 1
    partial._take_permissions(mine, os.stat_result(found))
    assert stat.S_IMODE(mine.stat().st_mode) == 0o604


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


def test_the_file_of_a_killed_process_is_removed_by_the_next(
    writer: subprocess.Popen[str], tmp_path: Path
) -> None:
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    assert len(parts(tmp_path)) == 1
    write(tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_file_of_a_process_that_still_writes_is_kept(
    writer: subprocess.Popen[str], tmp_path: Path
) -> None:
    (before,) = parts(tmp_path)
    os.utime(tmp_path / before, (0, 0))  # it may be old
    write(tmp_path / "mine")
    assert parts(tmp_path) == [before]
    writer.communicate("\n", timeout=60)
    assert writer.returncode == 0
    assert (tmp_path / "other").read_bytes() == b"half"
    assert parts(tmp_path) == []


def test_an_interrupt_before_the_file_is_locked_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(partial.fcntl, "flock", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "file")
    assert parts(tmp_path) == []


def test_other_files_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".name.part").write_bytes(b"")
    (tmp_path / ".minicnn-folder.part").mkdir()
    os.mkfifo(tmp_path / ".minicnn-pipe.part")
    write(tmp_path / "mine")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"mine", ".name.part", ".minicnn-folder.part", ".minicnn-pipe.part"}


def test_a_file_swept_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, locked = partial.fcntl.flock, []

    def sweep_first(file: object, how: int) -> None:
        if not locked:
            (tmp_path / parts(tmp_path)[0]).unlink()
        locked.append(how)
        lock(file, how)

    monkeypatch.setattr(partial.fcntl, "flock", sweep_first)
    write(tmp_path / "mine")
    assert len(locked) >= 2
    assert (tmp_path / "mine").read_bytes() == b"new"


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(partial.fcntl, "flock", refuse)
    (tmp_path / ".minicnn-theirs.part").write_bytes(b"")
    write(tmp_path / "mine")
    assert {path.name for path in tmp_path.iterdir()} == {"mine", ".minicnn-theirs.part"}


def test_a_system_without_fcntl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "fcntl", None)
    write(tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
