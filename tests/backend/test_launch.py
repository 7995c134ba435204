"""The launcher and the emulator: what they compile, what they check, and what they refuse."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from minicnn.backend import DeviceError, compiler, kernels_for, reference, resolve_device, to_device
from minicnn.backend.cuda import launch, nvrtc, source
from minicnn.backend.emulator import run as emulator
from minicnn.backend.geometry import make_window
from minicnn.backend.padding import padding_map

Array = NDArray[Any]
OUTSIDE = """
#include "common.cuh"
template <typename T, typename I>
__global__ void shift(array<const T> x, array<T> y, I by) {
    FOR_EACH(i, 600) y[i] = x[i + by];
}
"""
TOTAL = """
#include "common.cuh"
template <typename T, typename I>
__global__ void total(array<const T> x, array<T> y, I elements, I skew) {
    __shared__ T sums[256];
    const I i = I(blockIdx.x) * I(blockDim.x) + I(threadIdx.x);
    sums[threadIdx.x] = i < elements ? x[i + skew] : T(0);
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    if (threadIdx.x == 0) y[blockIdx.x] = sums[0];
}
"""
COUNT = """
#include "common.cuh"
template <typename T, typename I>
__global__ void count(array<const long long> x, array<T> counts, I elements) {
    FOR_EACH(i, elements) atomicAdd(&counts[x[i]], T(1));
}
"""
SOURCES = {"outside.cu": OUTSIDE, "total.cu": TOTAL, "count.cu": COUNT}


@pytest.fixture(autouse=True)
def has_compiler() -> None:
    try:
        resolve_device("emulator")
    except DeviceError as error:
        pytest.skip(str(error))


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of other CUDA sources in place of those of the package."""
    for name in source.HEADERS:
        shutil.copy(source.DIRECTORY / name, tmp_path)
    for name, text in SOURCES.items():
        (tmp_path / name).write_text(text)
    read_source = source.read_source.__wrapped__  # the one that remembers nothing
    monkeypatch.setattr(source, "DIRECTORY", tmp_path)
    monkeypatch.setattr(emulator, "read_source", read_source)
    options = [o for o in source.OPTIONS if not o.startswith("-I")]
    monkeypatch.setattr(emulator, "OPTIONS", (*options, f"-I{tmp_path}"))
    return tmp_path


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The emulator compiles as if it had never run, and remembers nothing of it afterwards."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(emulator, "_compiled", emulator._compiled.__wrapped__)
    return tmp_path / "cache"


def emulated(x: Any, dtype: Any = np.float32) -> Array:
    return to_device(np.asarray(x, dtype), "emulator")


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize(
    ("by", "thread", "block", "index"), [(1, 87, 2, 600), (88, 0, 2, 600), (-3, 0, 0, -3)]
)
def test_an_index_outside_names_who_asked(by: int, thread: int, block: int, index: int) -> None:
    message = (
        f"shift of outside.cu: thread {thread} of block {block} asks for x[{index}], "
        "but x has 600 elements"
    )
    x, y = emulated(np.arange(600)), emulated(np.zeros(600))
    with pytest.raises(IndexError, match=re.escape(message)):
        launch.launch("outside.cu", "shift", 600, x, y, by)
    launch.launch("outside.cu", "shift", 600, x, y, 0)  # the emulator is none the worse
    np.testing.assert_array_equal(y, x)


@pytest.mark.usefixtures("sources")
def test_an_index_outside_of_what_is_written() -> None:
    x, y = emulated(np.arange(600)), emulated(np.zeros(599))
    with pytest.raises(IndexError, match=r"asks for y\[599\], but y has 599 elements"):
        launch.launch("outside.cu", "shift", 600, x, y, 0)


def test_a_source_that_does_not_compile_shows_the_line(sources: Path) -> None:
    (sources / "broken.cu").write_text(OUTSIDE.replace("x[i + by]", "x[i + bye]"))
    x, y = emulated(np.zeros(600)), emulated(np.zeros(600))
    with pytest.raises(DeviceError) as caught:
        launch.launch("broken.cu", "shift", 600, x, y, 0)
    first, *rest = str(caught.value).splitlines()
    assert first == "shift<float, int> of broken.cu does not compile:"
    assert any("y[i] = x[i + bye];" in line for line in rest)
    assert any("broken.cu:5" in line for line in rest)


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_of_a_block_share_memory_and_meet(dtype: Any) -> None:
    x, y = emulated(np.arange(700), dtype), emulated(np.zeros(3), dtype)
    launch.launch("total.cu", "total", x.size, x, y, x.size, 0)
    expected = [sum(range(256)), sum(range(256, 512)), sum(range(512, 700))]
    np.testing.assert_array_equal(to_device(y, "cpu"), expected)


@pytest.mark.usefixtures("sources")
def test_an_index_outside_is_reported_between_barriers_too() -> None:
    x, y = emulated(np.arange(700)), emulated(np.zeros(3))
    message = "total of total.cu: thread 183 of block 2 asks for x[700], but x has 700 elements"
    with pytest.raises(IndexError, match=re.escape(message)):
        launch.launch("total.cu", "total", x.size, x, y, x.size, 5)
    launch.launch("total.cu", "total", x.size, x, y, x.size, 0)
    assert y.sum() == x.sum()
    message = "thread 0 of block 2 asks for y[2], but y has 2 elements"
    with pytest.raises(IndexError, match=re.escape(message)):  # after the last barrier
        launch.launch("total.cu", "total", x.size, x, y[:2], x.size, 0)


@pytest.mark.usefixtures("sources")
def test_atomic_add() -> None:
    x = np.random.default_rng(0).integers(0, 7, 1000)
    counts = emulated(np.zeros(7))
    launch.launch(
        "count.cu", "count", x.size, emulated(x, int), counts, x.size, types=(np.float32,)
    )
    np.testing.assert_array_equal(to_device(counts, "cpu"), np.bincount(x, minlength=7))


WINDOW = make_window("test", (5, 6), (2, 3), (2, 1), ((1, 0), (2, 1)), (2, 1))
IMAGE = np.random.default_rng(0).standard_normal((2, 5, 6, 3))
ROWS, COLUMNS = padding_map(5, 2, 1, "reflect"), padding_map(6, 1, 3, "circular")
CALLS: dict[str, tuple[Any, ...]] = {
    "im2col": (IMAGE, WINDOW),
    "max_pool": (IMAGE, WINDOW),
    "pad": (IMAGE, ROWS, COLUMNS, 1.5),
    "sum_over_neighbour_channels": (IMAGE, 1, 0),
    "softmax": (IMAGE, 2),
    "scatter_class": (IMAGE, np.random.default_rng(1).integers(0, 4, IMAGE.shape), 4),
    "uniform": (IMAGE, 2001, 2**64 - 1),
    "erf": (np.linspace(-3, 3, 1000),),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("limit", "index_type"), [("INT_LIMIT", "long long"), ("MOST_BLOCKS", "int")]
)
def test_large_arrays_take_wide_indices_and_several_turns_of_a_thread(
    device: str, monkeypatch: pytest.MonkeyPatch, name: str, limit: str, index_type: str
) -> None:
    """As if there were so few ints, or blocks, that these arrays needed more."""
    if device == "native":
        pytest.skip("it has wide indices and no blocks of threads")
    launched = []
    launcher = launch.emulator if device == "emulator" else nvrtc
    original = launcher.run

    def run(source: str, expression: str, blocks: int, *rest: Any) -> None:
        launched.append((expression.split(", ")[-1], blocks))
        original(source, expression, blocks, *rest)

    monkeypatch.setattr(launch, limit, 1)
    monkeypatch.setattr(launcher, "run", run)
    moved = [to_device(a, device) if isinstance(a, np.ndarray) else a for a in CALLS[name]]
    got = to_device(getattr(kernels_for(moved[0]), name)(*moved), "cpu")
    np.testing.assert_allclose(got, getattr(reference, name)(*CALLS[name]), atol=1e-12)
    assert [index for index, _ in launched] == [f"{index_type}>"] * (device != "cpu")
    assert limit == "INT_LIMIT" or all(blocks == 1 for _, blocks in launched)


def test_numbers_that_no_kernel_knows() -> None:
    x = emulated([0.0], np.float16)
    message = "erf_of: got float16, but the CUDA kernels support float32 and float64; conv"
    with pytest.raises(TypeError, match=message):
        kernels_for(x).erf(x)


def test_nothing_is_launched_for_no_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "run", None)
    assert kernels_for(emulated([])).erf(emulated([])).shape == (0,)


def test_kernels_are_kept_in_the_cache_directory(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = emulated([0.0, 1.0])
    first = kernels_for(x).erf(x)
    (library,) = empty_cache.rglob("*.so")
    monkeypatch.setattr(compiler.subprocess, "run", None)  # found, not compiled again
    np.testing.assert_array_equal(kernels_for(x).erf(x), first)
    assert {path.suffix for path in library.parent.iterdir()} == {".so", ".o", ".sha256"}


def test_a_cache_directory_that_cannot_be_written(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_cache.write_text("a file, so that root cannot make a directory here either")
    monkeypatch.setattr(compiler, "_temporary", lambda *_: empty_cache.parent)
    x = emulated([0.0, 1.0])
    np.testing.assert_allclose(kernels_for(x).erf(x), reference.erf(x))
    assert len(list(empty_cache.parent.glob("*.so"))) == 1


def test_the_kernels_can_be_compiled_for_a_debugger(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINICNN_EMULATOR_DEBUG", "1")
    x = emulated([0.0, 1.0])
    np.testing.assert_allclose(kernels_for(x).erf(x), reference.erf(x))
    (library,) = empty_cache.rglob("*.so")
    assert b".debug_info" in library.read_bytes()
