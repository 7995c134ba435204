"""The cache of compiled code: what is damaged or of others is compiled again, and never loaded."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from minicnn.backend import compiler

CODE = 'extern "C" int seven() { return 7; }\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no folder that an earlier test has made for want of one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(compiler, "_temporary_folders", {})
    return tmp_path / "cache"


def build() -> Path:
    try:
        command = [compiler.find_compiler("native"), "-shared", "-fPIC"]
    except compiler.DeviceError as error:
        pytest.skip(str(error))
    return compiler.built(CODE, command, [], "native", "seven", [])


def test_it_is_compiled_once_into_folders_of_the_user(home: Path, monkeypatch: Any) -> None:
    path = build()
    assert path.parent == home / "minicnn" / "native"
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    monkeypatch.setattr(compiler.subprocess, "run", None)
    assert build() == path


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_it_is_compiled_once_whatever_the_umask(umask: int, monkeypatch: Any) -> None:
    before = os.umask(umask)
    try:
        path = build()
    finally:
        os.umask(before)
    monkeypatch.setattr(compiler.subprocess, "run", None)
    assert build() == path


def test_nothing_else_is_left_in_the_cache() -> None:
    path = build()
    assert {other.name for other in path.parent.iterdir()} == {path.name, f"{path.name}.sha256"}


@pytest.mark.parametrize("damage", ["cut off", "changed", "empty", "no hash", "wrong hash"])
def test_a_damaged_library_is_compiled_again(damage: str) -> None:
    path = build()
    whole = path.read_bytes()
    digest = path.with_name(f"{path.name}.sha256")
    if damage == "no hash":
        digest.unlink()
    elif damage == "wrong hash":
        digest.write_bytes(b"\xff" * 64)
    else:
        changed = {"cut off": whole[:1000], "changed": whole[:-1] + b"x", "empty": b""}[damage]
        path.write_bytes(changed)
    assert build() == path
    assert len(path.read_bytes()) == len(whole)
    assert compiler._is_intact(path)


def test_a_library_that_others_can_change_is_compiled_again() -> None:
    path = build()
    path.chmod(0o666)
    before = path.stat().st_ino
    assert build() == path
    assert path.stat().st_ino != before
    assert not path.stat().st_mode & 0o022


@pytest.mark.parametrize("which", ["minicnn", "native"])
def test_a_folder_that_others_can_write_to_is_not_used(home: Path, capsys: Any, which: str) -> None:
    folder = build().parent
    folder = folder if which == "native" else folder.parent
    folder.chmod(0o777)
    path = build()
    assert home not in path.parents
    assert capsys.readouterr().err == (
        f"minicnn: compiled code is not kept: others can write to {folder}\n"
    )


@pytest.mark.parametrize(("mode", "is_used"), [(0o777, False), (0o1777, True), (0o755, True)])
def test_a_folder_that_others_can_replace_is_not_used(home: Path, mode: int, is_used: bool) -> None:
    home.mkdir()
    home.chmod(mode)
    assert (home in build().parents) == is_used


def test_a_link_cannot_lead_elsewhere_later(home: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o700)
    home.symlink_to(tmp_path / "disk")
    assert build().parent == tmp_path / "disk" / "minicnn" / "native"


def test_a_disk_that_is_full_in_the_end(home: Path, monkeypatch: Any, capsys: Any) -> None:
    replacing = compiler.replacing

    def fill(target: Path, mode: int) -> Any:
        if home in target.parents:
            raise OSError(28, "No space left on device")
        return replacing(target, mode)

    monkeypatch.setattr(compiler, "replacing", fill)
    path = build()
    assert home not in path.parents
    assert capsys.readouterr().err == (
        f"minicnn: compiled code is not kept: {home / 'minicnn' / 'native'} cannot be written "
        "(No space left on device)\n"
    )
    monkeypatch.setattr(compiler.subprocess, "run", None)
    assert build() == path
    assert capsys.readouterr().err == ""


def test_a_temporary_folder_that_was_cleaned_up_is_made_again(monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "~nosuch/cache")
    path = build()
    shutil.rmtree(path.parent)
    assert build().exists()


def test_a_relative_cache_is_ignored(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path / ".cache" in build().parents


def test_what_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    (tmp_path / "library.so").write_bytes(b"nonsense")
    with pytest.raises(compiler.DeviceError, match=r"cannot be loaded \(.*library.so: .*XDG_"):
        compiler.load(tmp_path / "library.so")


def test_a_compiler_that_cannot_be_run_or_says_anything(tmp_path: Path) -> None:
    path = tmp_path / "c++"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o700)
    with pytest.raises(compiler.DeviceError, match="seven: .*/c.. cannot be run"):
        compiler.built(CODE, [str(path)], [], "native", "seven")
    path.write_bytes(b"#!/bin/sh\nprintf '\\377' >&2\nexit 1\n")
    with pytest.raises(compiler.DeviceError, match="seven does not compile:\n\ufffd"):
        compiler.built(CODE, [str(path)], [], "native", "seven")


def test_a_folder_of_another_user_is_not_used(home: Path, monkeypatch: Any, capsys: Any) -> None:
    build()
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert home not in build().parents
    assert "others can write to" in capsys.readouterr().err


def test_without_a_home_folder_nothing_is_kept(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "~nosuch/cache")
    removers: list[Any] = []
    monkeypatch.setattr(atexit, "register", removers.append)
    path = build()
    assert capsys.readouterr().err == (
        "minicnn: compiled code is not kept: there is no home folder\n"
    )
    assert build() == path  # in the same folder, told once
    assert capsys.readouterr().err == ""
    (remove,) = removers
    remove()
    assert not path.parent.exists()
