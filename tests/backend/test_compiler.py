"""The cache of compiled code: what is damaged or of others is compiled again, and never loaded."""

from __future__ import annotations

import atexit
import os
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
    compiler._temporary.cache_clear()
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
