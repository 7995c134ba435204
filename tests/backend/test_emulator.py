"""What a GPU hides and the emulator reports: races, unwritten memory, threads that wait in vain."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from minicnn.backend import DeviceError, resolve_device, to_device
from minicnn.backend.cuda import launch, source
from minicnn.backend.emulator import run as emulator
from minicnn.backend.emulator.array import emulated_numpy as xp

Array = NDArray[Any]
FAULTY = Path(__file__).with_name("faulty")  # the kernels of these tests


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels come from the folder of the tests, what they include from the package."""
    try:
        resolve_device("emulator")
    except DeviceError as error:
        pytest.skip(str(error))
    package = source.DIRECTORY

    def read_source(name: str) -> str:
        folder = FAULTY if (FAULTY / name).exists() else package
        return (folder / name).read_text(encoding="utf-8")

    monkeypatch.setattr(source, "DIRECTORY", FAULTY)
    monkeypatch.setattr(emulator, "read_source", read_source)


ORDERS = ("forwards", "backwards", "shuffled")


@pytest.fixture(params=ORDERS)
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Blocks and threads run in this order."""
    monkeypatch.setenv("MINICNN_EMULATOR_ORDER", request.param)
    return str(request.param)


def numbers(n: int = 512, dtype: Any = np.float32) -> Array:
    return to_device(np.arange(n).astype(dtype), "emulator")


def run(kernel: str, *arguments: Any, threads: int = 512, **options: Any) -> None:
    launch.launch(f"{kernel}.cu", kernel, threads, *arguments, **options)


def fails(kernel: str, message: str, *arguments: Any, **options: Any) -> None:
    """The launch fails with the message; the next one is none the worse."""
    with pytest.raises(RuntimeError, match=re.escape(message)):
        run(kernel, *arguments, **options)
    x = numbers()
    run("reverse", x, y := xp.empty_like(x), 1)
    np.testing.assert_array_equal(y.reshape(2, 256), x.reshape(2, 256)[:, ::-1])


# Barriers


def test_all_threads_reach_one_barrier() -> None:
    run("barriers", y := xp.empty(512, np.float32), 0)
    assert (y == 1).all()


def test_a_thread_that_returns_while_others_wait() -> None:
    message = (
        "barriers of barriers.cu: thread 0 of block 0 waits at __syncthreads() (barriers.cu:11), "
        "but thread 100 has returned"
    )
    fails("barriers", message, numbers(), 1)


def test_threads_at_different_barriers() -> None:
    message = (
        "thread 0 of block 0 waits at __syncthreads() (barriers.cu:11), but thread 64 waits at "
        "__syncthreads() (barriers.cu:9)"
    )
    fails("barriers", message, numbers(), 2)


# Races


@pytest.mark.usefixtures("order")
def test_a_missing_barrier_is_found_in_any_order() -> None:
    x, y = numbers(), xp.empty(512, np.float32)
    run("reverse", x, y, 1)
    with pytest.raises(
        RuntimeError, match=r"row\[\d+\], which (was never|thread \d+ writes, with)"
    ):
        run("reverse", x, y, 0)
    run("again", x, y, 1)
    np.testing.assert_array_equal(y.reshape(2, 256), x.reshape(2, 256)[:, ::-1] + 1)
    with pytest.raises(
        RuntimeError, match=r"row\[\d+\], which thread \d+ (reads|writes), with no sy"
    ):
        run("again", x, y, 0)


RACE = ", with no synchronisation between them"


def test_a_race_names_both_threads() -> None:
    message = f"thread 128 of block 0 reads row[127], which thread 127 writes{RACE}"
    fails("again", f"again of again.cu: {message}", numbers(), numbers(), 0)
    message = f"thread 1 of block 0 writes row[0], which thread 0 reads{RACE}"
    fails("shift_row", message, numbers(), numbers())
    message = f"thread 1 of block 0 reads y[0], which thread 0 writes{RACE}"
    fails("neighbours", message, numbers(), 1, 0, threads=256)
    message = f"thread 1 of block 0 writes y[0], which thread 0 writes too{RACE}"
    fails("neighbours", message, numbers(), 1, 1, threads=256)


def test_no_barrier_orders_two_blocks() -> None:
    message = f"thread 0 of block 1 reads y[0], which thread 0 of block 0 writes{RACE}"
    fails("neighbours", message, numbers(), 256, 0)
    message = f"thread 3 of block 1 writes y[0], which a thread of another block reads{RACE}"
    fails("readers", message, numbers(), 259)
    run("readers", y := numbers(), 3, threads=256)  # all have read it when it is written
    assert y[0] == 1


# Memory that was never written


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, bool])
def test_reading_what_was_never_written(dtype: Any) -> None:
    x, y = xp.empty(512, dtype), xp.empty_like(numbers(dtype=dtype))
    x[:300] = x[301:] = True
    message = "copy of copy.cu: thread 44 of block 1 reads x[300], which was never written"
    fails("copy", message, x, y, 512)
    x[300] = False
    run("copy", x, y, 512)
    np.testing.assert_array_equal(x, y)


def test_adding_to_what_was_never_written() -> None:
    message = "thread 0 of block 0 reads y[0], which was never written"
    fails("count_all", message, xp.empty(512, np.int32), 512)
    with pytest.raises(RuntimeError, match=r"never written|no thread has written y\[0\]"):
        run("add", xp.empty(512, np.float32), 512)  # Clang announces the write only


def test_results_that_no_thread_writes() -> None:
    message = "copy of copy.cu: no thread has written y[511]"
    fails("copy", message, numbers(), xp.empty(512, np.float32), 511)
    run("copy", numbers(), numbers(), 511)


@pytest.mark.parametrize(
    ("missing", "element"),
    [(37, "tile[37]"), (256, "factor[0]"), (257, "pairs[0]")],
)
def test_shared_memory_that_was_never_written(missing: int, element: str) -> None:
    y = xp.empty(512, np.float32)
    run("tiles", y, 512)
    me = np.arange(512) % 256
    np.testing.assert_array_equal(to_device(y, "cpu"), 2 * me + 2 * (me % 2))
    fails("tiles", f"reads {element}, which was never written", y, missing)


# Shuffles


@pytest.mark.usefixtures("order")
def test_the_sum_of_a_warp() -> None:
    x, y = numbers(), xp.empty(512, np.float32)
    run("warp_sum", x, y)
    np.testing.assert_array_equal(y, x.reshape(-1, 32).sum(1).repeat(32))


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("width", [4, 8, 32])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shuffles(width: int, dtype: Any) -> None:
    """A lane whose source is outside of its group keeps its own value."""
    x, y = numbers(dtype=dtype), xp.empty(2048, dtype)
    run("shuffles", x, y, width)
    lanes = np.arange(512)
    place, group = lanes % width, lanes - lanes % width
    other = lanes ^ 9
    sources = [
        group + 5 % width,
        np.where(place >= 3, lanes - 3, lanes),
        np.where(place + 3 < width, lanes + 3, lanes),
        np.where(other < group + width, other, lanes),
    ]
    np.testing.assert_array_equal(to_device(y, "cpu").reshape(4, 512), sources)


def test_a_shuffle_of_some_lanes() -> None:
    x, y = numbers(), xp.empty(512, np.float32)
    run("half_a_warp", x, y, 0)
    lanes = np.arange(512)
    np.testing.assert_array_equal(to_device(y, "cpu"), np.where(lanes % 32 < 16, lanes ^ 1, lanes))


SHUFFLE = "half_a_warp of half_a_warp.cu: thread 0 of block 0 waits at __shfl_xor_sync() (half_a_"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (1, "warp.cu:11), but thread 16 waits at __syncthreads() (half_a_warp.cu:14)"),
        (2, "warp.cu:11), but its lane 0 is not in the mask 0x0000fffe"),
        (3, "warp.cu:11) for the value of lane 16, which is not in the mask 0x0000ffff"),
    ],
)
def test_a_shuffle_that_some_lanes_do_not_reach(kind: int, message: str) -> None:
    fails("half_a_warp", SHUFFLE + message, numbers(), numbers(), kind)


def test_a_lane_that_has_returned() -> None:
    message = (
        "thread 32 of block 0 waits at __syncwarp() (half_a_warp.cu:13), but thread 50 has ret"
    )
    fails("half_a_warp", message, numbers(), numbers(), 4)


@pytest.mark.usefixtures("order")
def test_a_warp_meets_in_shared_memory() -> None:
    x, y = numbers(), xp.empty(512, np.float32)
    run("through_memory", x, y, 7, 1)
    np.testing.assert_array_equal(to_device(y, "cpu"), np.arange(512) ^ 7)
    with pytest.raises(
        RuntimeError, match=r"row\[\d+\], which (was never|thread \d+ writes, with)"
    ):
        run("through_memory", x, y, 7, 0)
    with pytest.raises(
        RuntimeError, match=r"row\[\d+\], which (was never|thread \d+ writes, with)"
    ):
        run("through_memory", x, y, 32, 1)  # another warp


# Orders


def turns(kernel: str, count: int) -> Array:
    found = xp.full(count, -1, np.int32)
    run(kernel, xp.zeros(1, np.int32), found, 512, types=())
    return to_device(found, "cpu")


def test_forwards() -> None:
    np.testing.assert_array_equal(turns("in_turn", 512), np.arange(512))


def test_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINICNN_EMULATOR_ORDER", "backwards")
    np.testing.assert_array_equal(turns("in_turn", 512), np.arange(512)[::-1])
    blocks = np.arange(512).reshape(2, 1, 256)[::-1, :, ::-1]
    np.testing.assert_array_equal(turns("in_turn_twice", 1024), blocks.repeat(2, 1).ravel())


def test_shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block and each stretch between barriers in another order, in each launch the same."""
    monkeypatch.setenv("MINICNN_EMULATOR_ORDER", "shuffled")
    found = turns("in_turn_twice", 1024)
    np.testing.assert_array_equal(turns("in_turn_twice", 1024), found)
    stretches = found.reshape(4, 256)
    np.testing.assert_array_equal(np.sort(stretches % 256), np.arange(256) * np.ones((4, 1)))
    assert len({tuple(stretch % 256) for stretch in stretches}) == 4
    np.testing.assert_array_equal(stretches[0] // 256, stretches[1, 0] // 256)


def test_an_order_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINICNN_EMULATOR_ORDER", "sideways")
    message = (
        'MINICNN_EMULATOR_ORDER: got "sideways", expected one of "forwards", "backwards", "shu'
    )
    with pytest.raises(DeviceError, match=message):
        turns("in_turn", 512)
