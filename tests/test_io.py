"""save and load: everything comes back, nothing half-written stays, nothing foreign is read."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
import re
import stat
import struct

import numpy as np
import pytest

import minicnn as mc
from minicnn import io

INTEGERS = [f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")]
DTYPES = ["bool", *INTEGERS, "float16", "float32", "float64"]


def round_trip(path, value) -> np.ndarray:
    mc.save(path, {"x": value})
    return mc.load(path)["x"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def names(directory) -> list[str]:
    return sorted(os.listdir(directory))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back_bit_by_bit(path, dtype):
    rng = np.random.default_rng(0)
    dtype = np.dtype(dtype)
    raw = rng.integers(0, 2 if dtype.kind == "b" else 256, 24 * dtype.itemsize, dtype=np.uint8)
    array = raw.view(dtype).reshape(2, 3, 4)
    loaded = round_trip(path, array)
    assert loaded.dtype == dtype
    assert loaded.shape == (2, 3, 4)
    assert loaded.tobytes() == array.tobytes()  # NaN, infinities and -0.0 among them


@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (2, 0), (1, 1, 1, 1), (3, 2)])
def test_every_shape_comes_back(path, shape):
    loaded = round_trip(path, np.full(shape, 7, np.float32))
    assert loaded.shape == shape
    assert (loaded == 7).all()


BASE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
LAYOUTS = {
    "transposed": BASE.T,
    "every second": BASE[..., ::2],
    "reversed": BASE[::-1, :, ::-1],
    "fortran": np.asfortranarray(BASE),
    "broadcast": np.broadcast_to(BASE[:1], (5, 3, 4)),
    "big-endian": BASE.astype(">f4"),
    "unaligned": np.frombuffer(b"x" + BASE.tobytes(), np.float32, offset=1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_memory_layout_comes_back(path, layout):
    array = LAYOUTS[layout]
    before = array.copy()
    loaded = round_trip(path, array)
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, before)
    np.testing.assert_array_equal(array, before)


def test_tensors_parameters_and_models_are_saved(path):
    model = mc.models.lenet5()
    state = model.state_dict()
    mc.save(path, dict(model.named_parameters()))
    loaded = mc.load(path)
    assert loaded.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(loaded[name], array)
    np.testing.assert_array_equal(round_trip(path, mc.tensor([1, 2]).T), [1, 2])
    other = mc.models.lenet5()
    other.load_state_dict(loaded)
    for name, array in other.state_dict().items():
        np.testing.assert_array_equal(array, state[name])


def test_loaded_arrays_are_ones_own(path):
    loaded = round_trip(path, BASE)
    loaded += 1
    np.testing.assert_array_equal(mc.load(path)["x"], BASE)


def test_names_may_be_any_text_and_there_may_be_none(path):
    arrays = {name: np.float32([i]) for i, name in enumerate(["", "a.b", "größe", '"', "a/b"])}
    mc.save(path, arrays)
    assert {name: array[0] for name, array in mc.load(path).items()} == {
        name: array[0] for name, array in arrays.items()
    }
    mc.save(path, {})
    assert mc.load(path) == {}


def test_paths_may_be_text_and_relative(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    mc.save("w.st", {"x": BASE})
    np.testing.assert_array_equal(mc.load(path.parent / "w.st")["x"], BASE)
    np.testing.assert_array_equal(mc.load(os.fspath(path.parent / "w.st"))["x"], BASE)


def test_saving_again_replaces_the_file_and_leaves_no_other(path):
    mc.save(path, {"x": BASE})
    mc.save(path, {"y": BASE})
    assert list(mc.load(path)) == ["y"]
    assert names(path.parent) == [path.name]


class NoNumber:
    data = 3

    def __repr__(self):
        return "NoNumber"


@pytest.mark.parametrize(
    "value",
    [
        [1.0, 2.0],
        1.5,
        "text",
        None,
        NoNumber(),
        np.array(["a"]),
        np.array([1j]),
        np.array([None]),
        np.array([b"a"]),
        np.array(0, "M8[s]"),
        np.zeros(2, [("a", "f4")]),
        np.zeros(2, np.longdouble),
    ],
    ids=repr,
)
def test_what_is_no_array_of_numbers_is_refused_before_anything_is_written(path, value):
    mc.save(path, {"x": BASE})
    with pytest.raises(TypeError, match="save: wrong is a"):
        mc.save(path, {"fine": BASE, "wrong": value})
    assert list(mc.load(path)) == ["x"]
    assert names(path.parent) == [path.name]


@pytest.mark.parametrize("name", [1, None, "__metadata__"])
def test_names_that_the_format_cannot_hold_are_refused(path, name):
    with pytest.raises((TypeError, ValueError), match="save"):
        mc.save(path, {name: BASE})
    assert names(path.parent) == []


def disk_full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("fail", [disk_full, interrupted])
@pytest.mark.parametrize("existed", [True, False])
def test_a_failure_while_writing_leaves_the_old_file_or_none(
    path, monkeypatch, call, fail, existed
):
    if existed:
        mc.save(path, {"old": BASE})
    with monkeypatch.context() as patch:
        patch.setattr(io.os, call, fail)
        with pytest.raises((OSError, KeyboardInterrupt)):
            mc.save(path, {"new": BASE})
    assert names(path.parent) == ([path.name] if existed else [])
    if existed:
        assert list(mc.load(path)) == ["old"]


def test_the_content_is_on_the_disk_before_it_takes_its_place(path, monkeypatch):
    calls = []
    for call in ("fsync", "replace"):
        real = getattr(os, call)

        def spy(*args, call=call, real=real):
            sizes = [os.path.getsize(path.parent / name) for name in names(path.parent)]
            calls.append((call, path.exists(), sizes))
            return real(*args)

        monkeypatch.setattr(io.os, call, spy)
    mc.save(path, {"x": BASE})
    size = path.stat().st_size
    assert calls == [
        ("fsync", False, [size]),
        ("replace", False, [size]),
        ("fsync", True, [size]),  # of the directory
    ]


def test_a_directory_that_cannot_be_synced_is_no_error(path, monkeypatch):
    real = os.fsync
    synced = []

    def only_files(descriptor):
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        if synced[-1]:
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(io.os, "fsync", only_files)
    mc.save(path, {"x": BASE})
    assert synced == [False, True]
    np.testing.assert_array_equal(mc.load(path)["x"], BASE)


@pytest.mark.parametrize(
    "metadata", [{}, {"a": "b"}, {"größe": '{"x": [1, "\\"]}\n', "": ""}, {"x": "1"}]
)
def test_texts_may_lie_beside_the_arrays(path, metadata):
    mc.save(path, {"x": BASE}, metadata)
    arrays, loaded = io.load_with_metadata(path)
    assert loaded == metadata
    np.testing.assert_array_equal(arrays["x"], BASE)
    assert list(mc.load(path)) == ["x"]


def test_without_texts_there_are_none(path):
    mc.save(path, {"x": BASE})
    assert io.load_with_metadata(path)[1] == {}
    mc.save(path, {})
    assert io.load_with_metadata(path) == ({}, {})


def test_texts_that_are_no_text_are_refused(path):
    mc.save(path, {"x": BASE})
    with pytest.raises(TypeError):
        mc.save(path, {"y": BASE}, {"a": 1})
    assert list(mc.load(path)) == ["x"]
    assert names(path.parent) == [path.name]


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("old")
    for target in ("missing/w.st", "directory", "file/w.st"):
        with pytest.raises(OSError, match=target.split("/")[0]):
            mc.save(tmp_path / target, {"x": BASE})
    assert names(tmp_path) == ["directory", "file"]
    assert names(tmp_path / "directory") == []
    assert (tmp_path / "file").read_text() == "old"


def test_a_name_as_long_as_the_system_allows_can_be_saved(tmp_path):
    target = tmp_path / ("x" * 255)
    mc.save(target, {"x": BASE})
    assert names(tmp_path) == [target.name]


def test_a_loop_of_links_is_refused_before_and_when_writing(tmp_path):
    path = tmp_path / "loop"
    path.symlink_to(path)
    for refuse in (io.check_writable, lambda by, path: io.write_whole(by, path, b"")):
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            refuse("save", path)


def test_a_file_of_another_user_in_a_folder_with_the_sticky_bit(path, monkeypatch):
    if not hasattr(os, "geteuid"):
        pytest.skip("there are no users here")
    path.write_bytes(b"theirs")
    path.parent.chmod(0o1777)
    io.check_writable("save", path)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    for refuse in (io.check_writable, lambda by, path: io.write_whole(by, path, b"")):
        with pytest.raises(PermissionError, match="belongs to another user, in a folder with the"):
            refuse("save", path)
    io.check_writable("save", path.with_name("new"))
    path.parent.chmod(0o777)
    io.check_writable("save", path)


def test_a_file_that_is_mounted_cannot_be_replaced(tmp_path, monkeypatch):
    """As `docker run -v file:file` does."""
    path = tmp_path / "with space"
    path.write_bytes(b"")
    place = os.fsencode(path).replace(b" ", rb"\040")
    lines = b"22 1 0:21 / / rw - ext4 /dev/vda rw\n99 22 0:21 /f %s rw - ext4 /dev/vda rw\n" % place
    read_bytes = io.Path.read_bytes

    def read(path):
        return lines if str(path) == "/proc/self/mountinfo" else read_bytes(path)

    monkeypatch.setattr(io.Path, "read_bytes", read)
    with pytest.raises(OSError, match="with space: cannot be written .a file is mounted there"):
        io.check_writable("save", path)
    io.check_writable("save", tmp_path / "with")


def test_what_is_not_there_cannot_be_loaded(tmp_path):
    for missing in (tmp_path / "missing", tmp_path):
        with pytest.raises(OSError, match=tmp_path.name):
            mc.load(missing)


def safetensors_bytes(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(dtype="F32", shape=(2,), offsets=(0, 8)) -> dict:
    return {"x": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


FOREIGN = {
    "empty": b"",
    "text": b"hello, this is no weights file at all",
    "html": b"<html><body>404 Not Found</body></html>",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}q\x00.",
    "zip": b"PK\x03\x04" + bytes(60),
    "zeros": bytes(100),
    "huge header": struct.pack("<Q", 2**63) + b"{}",
    "header is a list": safetensors_bytes([]),
    "header is no utf-8": safetensors_bytes(b'{"\xff": 1}'),
    "unknown dtype": safetensors_bytes(entry("F99"), bytes(8)),
    "bfloat16, which NumPy lacks": safetensors_bytes(entry("BF16", (4,)), bytes(8)),
    "shape and size differ": safetensors_bytes(entry(shape=(3,)), bytes(8)),
    "negative shape": safetensors_bytes(entry(shape=(-2,)), bytes(8)),
    "offsets beyond the end": safetensors_bytes(entry(offsets=(0, 8)), bytes(4)),
    "bytes left over": safetensors_bytes(entry(), bytes(9)),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_a_value_error_naming_the_path(path, kind):
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(ValueError, match=r"weights\.safetensors"):
        mc.load(path)


def test_every_truncation_is_noticed(path):
    mc.save(path, {"x": BASE, "n": np.arange(3)})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"weights\.safetensors"):
            mc.load(path)


@pytest.mark.torch
def test_pytorchs_users_read_and_write_the_same_files(path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    theirs = pytest.importorskip("safetensors.torch")
    arrays = {name: np.arange(6).reshape(2, 3).astype(name) for name in DTYPES}
    mc.save(path, {**arrays, "weight": mc.tensor(BASE.T)})
    loaded = theirs.load_file(path)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name].numpy(), array)
        assert loaded[name].numpy().dtype == array.dtype
    assert torch.equal(loaded["weight"], torch.from_numpy(BASE.T.copy()))
    theirs.save_file({"x": torch.full((), 3.0)}, path)
    assert mc.load(path)["x"].shape == ()


@pytest.mark.torch
def test_a_tensor_of_pytorchs_is_saved_or_clearly_refused(path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with contextlib.suppress(TypeError):  # what it raises for all that is no array
        mc.save(path, {"x": torch.ones(2)})
        np.testing.assert_array_equal(mc.load(path)["x"], [1, 1])


LAYER = mc.nn.Linear(2, 3)
ADAM = mc.optim.Adam(LAYER.parameters())
TRAINER = mc.train.Trainer(LAYER, ADAM)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (LAYER, r"mapping: got a Linear, .* write save\('.*weights.safetensors', model.state_dict"),
        (ADAM, "mapping: got a Adam, expected named arrays; the callback train.Checkpoint"),
        (TRAINER, "mapping: got a Trainer, expected named arrays; the callback train.Checkpoint"),
        (ADAM.state_dict(), "state is a dict, .* use train.Checkpoint"),
        ({"model": LAYER.state_dict()}, "model is a dict, .* each state dict to its own file"),
        ({"model": LAYER}, "model is a Linear, .* each state dict to its own file"),
        (BASE, r"mapping: got a ndarray, expected named arrays, such as \{'x': array\}"),
        (LAYER.weight, "mapping: got a Parameter"),
        ([BASE], "mapping: got a list"),
        (None, "mapping: got a NoneType"),
        ("w.st", "mapping: got a path, which comes first"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_are_no_named_arrays_is_told_with_what_to_write(path, mapping, message):
    with pytest.raises(TypeError, match=f"save: {message}"):
        mc.save(path, mapping)
    assert names(path.parent) == []


def export(path):
    mc.export.export_onnx(mc.models.lenet5(), path)


WRITERS = {
    "save": lambda path: mc.save(path, {"x": BASE}),
    "Checkpoint": lambda path: mc.train.checkpoint_file.write_checkpoint(path, {"x": 1}),
    "CSVLogger": lambda path: mc.train.CSVLogger(path).on_fit_begin(TRAINER, 1),
    "export_onnx": export,
    "savefig": lambda path: mc.viz.filters(BASE).savefig(path),
    "--weights": lambda path: io.check_writable("--weights", path),
}
READERS = {
    "load": mc.load,
    "checkpoint": mc.train.load_weights,
}
for module, name in (("onnx", "export_onnx"), ("matplotlib", "savefig")):
    if importlib.util.find_spec(module) is None:
        del WRITERS[name]


@pytest.mark.parametrize("by", [*WRITERS, *READERS])
@pytest.mark.parametrize(
    ("wrong", "error"),
    [(3, TypeError), (None, TypeError), (b"w.st", TypeError), ({}, TypeError),
     ("", ValueError), ("a\0b", ValueError), ("\ud800", ValueError)],
)  # fmt: skip
def test_what_is_no_path_is_told(by, wrong, error):
    with pytest.raises(error, match=f"{by}: path: got"):
        {**WRITERS, **READERS}[by](wrong)


@pytest.mark.parametrize("by", WRITERS)
def test_errors_of_writing_name_the_path_that_the_user_gave(tmp_path, monkeypatch, by):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("old")
    for path, error, message in (
        ("no/such/w.png", FileNotFoundError, "there is no folder no/such; make it first, with"),
        ("~/no/w.png", FileNotFoundError, r"~ is not expanded, write os.path.expanduser\('~/no"),
        ("folder.png", OSError, "is a folder, expected a file, such as folder.png/NAME"),
        ("file/w.png", NotADirectoryError, r"cannot be written \(Not a directory\)"),
        ("x" * 300 + ".png", OSError, r"cannot be written \(File name too long\)"),
    ):
        with pytest.raises(error, match=rf"^{by}: {re.escape(path)}: {message}") as caught:
            WRITERS[by](path)
        assert ".part" not in str(caught.value)
        assert "[Errno" not in str(caught.value)
        assert caught.value.errno in (None, *errno.errorcode)
    assert names(tmp_path) == ["file", "folder.png"]
    assert (tmp_path / "file").read_text() == "old"


@pytest.mark.parametrize("by", [by for by in WRITERS if by not in ("CSVLogger", "--weights")])
def test_a_full_disk_names_the_path_and_leaves_the_old_file(tmp_path, monkeypatch, by):
    monkeypatch.setattr(io.os, "fsync", disk_full)
    (tmp_path / "w.png").write_text("old")
    with pytest.raises(OSError, match=rf"^{by}: .*w.png: cannot be written \(No space") as caught:
        WRITERS[by](tmp_path / "w.png")
    assert caught.value.errno == errno.ENOSPC
    assert names(tmp_path) == ["w.png"]
    assert (tmp_path / "w.png").read_text() == "old"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_a_log_on_a_full_disk_names_the_path():
    with pytest.raises(OSError, match=r"CSVLogger: /dev/full: cannot be written \(No space left"):
        mc.train.CSVLogger("/dev/full")._write("w", [["epoch", "loss"]])


@pytest.mark.parametrize("by", READERS)
def test_errors_of_reading_name_the_path_that_the_user_gave(tmp_path, monkeypatch, by):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for path, error, message in (
        ("w.st", FileNotFoundError, f"there is no such file in {tmp_path}"),
        ("~/w.st", FileNotFoundError, "~ is not expanded"),
        ("folder", IsADirectoryError, "is a folder, expected a file"),
        ("x" * 300, OSError, r"cannot be read \(File name too long\)"),
    ):
        with pytest.raises(error, match=f"^{by}: {path}: {message}"):
            READERS[by](path)


@pytest.mark.parametrize("by", READERS)
def test_a_file_that_may_not_be_read_is_named(path, monkeypatch, by):
    def denied(self, mode):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    mc.save(path, {"x": BASE})
    monkeypatch.setattr(io.Path, "open", denied)
    with pytest.raises(PermissionError, match=r"weights.safetensors: cannot be read \(Perm"):
        READERS[by](path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"epoch": 3}, r"'epoch' is 3, .*: str\(3\)"),
        (["a"], "got a list, expected strings"),
    ],
)
def test_metadata_that_is_no_text(tmp_path, metadata, message):
    with pytest.raises(TypeError, match=f"save: metadata: {message}"):
        mc.save(tmp_path / "a.safetensors", {"x": np.ones(1)}, metadata)


def test_a_file_is_read_with_a_limit(path, monkeypatch):
    mc.save(path, {"x": BASE}, {"about": "a" * 100})
    with path.open("r+b") as file:
        file.truncate(3 << 30)  # without taking room on the disk
    for by, read in READERS.items():
        with pytest.raises(OSError, match=f"^{by}: .*it has 3,221,225,472 bytes, expected at most"):
            read(path)
    path.write_bytes(struct.pack("<Q", 5 << 20))
    for read in READERS.values():
        with pytest.raises(
            ValueError, match="not an intact safetensors file .a header of 5,242,88"
        ):
            read(path)
    monkeypatch.setattr(io, "MOST_HEADER", 100)
    with pytest.raises(ValueError, match="save: the names and the metadata take .*at most 100"):
        mc.save(path, {"x": BASE}, {"about": "a" * 100})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(path):
    os.mkfifo(path)
    for read in READERS.values():
        with pytest.raises(OSError, match="it is not a file"):
            read(path)
