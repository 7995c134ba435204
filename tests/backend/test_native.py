"""The device "native": memory shared with the CPU, threads, forks, the cache of compiled code."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kernel_cases import CASES, STATES, computed_bits, use_several_pieces
from support.kernel_twins import check_twins

import minicnn as mc
from minicnn.backend import DeviceError, compiler, device_of, kernels_for, resolve_device, to_device
from minicnn.backend.geometry import make_window
from minicnn.backend.native import run
from minicnn.backend.native.array import ALIGNMENT, NativeArray, address_of, native_numpy


@pytest.fixture(autouse=True)
def has_compiler() -> None:
    try:
        resolve_device("native")
    except DeviceError as error:
        pytest.skip(str(error))


def native(x: Any) -> Any:
    return to_device(np.asarray(x, np.float32), "native")


def test_memory_is_shared_with_the_cpu() -> None:
    x = np.arange(6.0).reshape(2, 3)
    there = to_device(x, "native")
    assert (type(there), device_of(there)) == (NativeArray, "native")
    assert np.shares_memory(x, there)
    assert np.shares_memory(x, to_device(there, "cpu"))
    t = mc.tensor([1.0, 2.0])
    assert np.shares_memory(t.to("native").data, t.data)
    assert type(t.to("native").numpy()) is np.ndarray
    assert not np.shares_memory(x, to_device(there, "emulator").view(np.ndarray))


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 5), (1, 3, 7)])
@pytest.mark.parametrize("dtype", [bool, np.float32, np.float64, np.int64])
def test_new_arrays_begin_at_a_cache_line(shape: tuple[int, ...], dtype: Any) -> None:
    made = native_numpy.empty(shape, dtype)
    like = native_numpy.empty_like(np.zeros(shape[::-1], dtype).T.view(NativeArray))
    for x in (made, like):
        assert (type(x), x.shape, x.dtype) == (NativeArray, shape, dtype)
        assert address_of(x) % ALIGNMENT == 0
        assert address_of(x) == x.ctypes.data
        assert x.flags.writeable
    order = np.empty_like(np.zeros(shape[::-1], dtype).T).strides
    if 0 not in shape:
        assert [s for s, n in zip(like.strides, shape, strict=True) if n > 1] == [
            s for s, n in zip(order, shape, strict=True) if n > 1
        ]


def test_results_of_numpy_stay_on_the_device() -> None:
    x = mc.tensor([[1.0, -2.0], [3.0, 4.0]], device="native", requires_grad=True)
    results = [
        x + 1, x.sum(), x[0], x.reshape(4), mc.ops.concatenate([x, x]), mc.ops.where(x > 0, x, 0),
        x.argmax(0), mc.ops.einsum("ij->i", x), x.max(), x.to("float64"), mc.ops.exp(x),
    ]  # fmt: skip
    assert {y.device for y in results} == {"native"}
    (results[0] * results[0]).sum().backward()
    assert x.grad is not None
    assert x.grad.device == "native"


@given(batch=st.integers(1, 40), channels=st.integers(1, 9), seed=st.integers(0, 9))
def test_any_batch_size(batch: int, channels: int, seed: int) -> None:
    """What is left when vectors are full: for every remainder the CPU's numbers and gradients."""
    rng = np.random.default_rng(seed)
    layers = [mc.nn.Conv2d(channels, 7, 3, padding=1), mc.nn.MaxPool2d(3, 2), mc.nn.Flatten()]
    model = mc.nn.Sequential(*layers, mc.nn.Linear(63, 5))
    x = mc.tensor(rng.standard_normal((batch, channels, 7, 7)), requires_grad=True)
    model.to("float64")
    results = []
    for device in ("cpu", "native"):
        model.to(device)
        inputs = mc.tensor(x.numpy(), device=device, requires_grad=True)
        mc.ops.cross_entropy(model(inputs), np.arange(batch) % 5).backward()
        grads = [p.grad for p in model.parameters()]
        results.append([g.numpy().copy() for g in (inputs.grad, *grads) if g is not None])
        model.zero_grad()
    for cpu, there in zip(*results, strict=True):
        np.testing.assert_allclose(there, cpu, atol=1e-12)


@pytest.mark.parametrize("batch", [1, 3, 8, 13, 16, 32])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_in_parts(batch: int, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long sums are cut into parts, where no vector lies across the end of a run."""
    use_several_pieces(monkeypatch)
    rng = np.random.default_rng(0)
    window = make_window("test", (7, 6), (3, 2), (1, 2), ((1, 2), (0, 1)))
    x = rng.standard_normal((4, 7, 6, batch)).astype(dtype)
    weight = rng.standard_normal((14, 2, 3, 2)).astype(dtype)
    grad = rng.standard_normal((14, *window.output_size, batch)).astype(dtype)
    bias = rng.standard_normal(14).astype(dtype)
    check_twins("native", "convolve", x, weight, bias, window, 2)
    check_twins("native", "convolve_input_gradient", grad, weight, window, 2)
    check_twins("native", "convolve_weight_gradient", x, grad, window, 2)
    check_twins(
        "native", "linear", x[:, 0, 0].copy(), rng.standard_normal((14, 4)).astype(dtype), bias
    )


@pytest.mark.parametrize("name", [*CASES, *STATES])
def test_the_number_of_threads_changes_no_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_several_pieces(monkeypatch)
    monkeypatch.setattr(run, "SHARE", 10)  # so that even small arrays are shared out
    found = []
    for threads in (1, 2, 3, 5):
        monkeypatch.setattr(run, "thread_count", lambda threads=threads: threads)
        found.append(computed_bits(name, "native"))
    assert all(bits == found[0] for bits in found)


def test_calls_from_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SHARE", 100)
    monkeypatch.setattr(run, "thread_count", lambda: 3)
    wrong = []

    def compute(k: int) -> None:
        x = native(np.full(5000, k))
        for _ in range(200):
            if not (kernels_for(x).relu(x) == max(k, 0)).all():
                wrong.append(k)

    threads = [threading.Thread(target=compute, args=(k,)) for k in range(-2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_after_the_threads_have_started() -> None:
    program = (
        "import os, numpy as np\n"
        "from minicnn.backend import kernels_for, to_device\n"
        "from minicnn.backend.native import run\n"
        "run.SHARE, run.thread_count = 10, lambda: 3\n"
        "x = to_device(np.ones(5000, np.float32), 'native')\n"
        "right = lambda: all((kernels_for(x).relu(x) == 1).all() for _ in range(50))\n"
        "assert right()\n"
        "child = os.fork()\n"
        "ok = right()\n"
        "if child == 0:\n"
        "    os._exit(0 if ok else 1)\n"
        "assert ok and os.waitpid(child, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# ---- the cache


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Compile as if nothing ever had been, and remember nothing of it afterwards."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for function in ("_function", "_library"):
        monkeypatch.setattr(run, function, getattr(run, function).__wrapped__)
    return tmp_path / "minicnn" / "native"


def test_it_is_compiled_once_and_says_so(
    empty_cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = native([-1.0, 2.0])
    np.testing.assert_array_equal(kernels_for(x).relu(x), [0, 2])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for part in ("elementwise.cu for float", compiler.find_compiler("native"), str(empty_cache)):
        assert part in said
    assert empty_cache.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(compiler.subprocess, "run", None)  # found, not compiled again
    np.testing.assert_array_equal(kernels_for(x).relu(x), [0, 2])
    assert capsys.readouterr().err == ""


def test_other_processors_and_flags_have_other_files(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = native([-1.0, 2.0])
    kernels_for(x).relu(x)
    processor = run._processor()
    monkeypatch.setattr(run, "_processor", lambda: processor + "#define __ANOTHER__ 1\n")
    kernels_for(x).relu(x)
    assert len(list(empty_cache.glob("*.so"))) == 2


def test_a_folder_that_others_can_write_to_is_not_used(empty_cache: Path) -> None:
    empty_cache.mkdir(parents=True)
    empty_cache.chmod(0o777)
    x = native([-1.0, 2.0])
    np.testing.assert_array_equal(kernels_for(x).relu(x), [0, 2])
    assert not list(empty_cache.iterdir())


def test_two_processes_compile_at_once(tmp_path: Path) -> None:
    program = (
        "import numpy as np\n"
        "from minicnn.backend import kernels_for, to_device\n"
        "x = to_device(np.arange(-3, 4).astype(np.float32), 'native')\n"
        "assert kernels_for(x).relu(x).sum() == 6\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(2)
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert {path.suffix for path in (tmp_path / "minicnn" / "native").iterdir()} == {
        ".so",
        ".sha256",
    }


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler.shutil, "which", lambda name: None)
    for function in ("compiler_command", "_processor"):
        monkeypatch.setattr(run, function, getattr(run, function).__wrapped__)
    with pytest.raises(DeviceError, match=r'device "native": no C\+\+ compiler.*install g\+\+ or'):
        run.compiler_command()


def test_a_compiler_that_does_not_know_this_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_macros", lambda compiler, flag: "")
    with pytest.raises(DeviceError, match='device "native": .* does not understand -march=native'):
        run.compiler_command.__wrapped__()


@pytest.mark.parametrize("threads", ["0", "-1", "two"])
def test_a_wrong_number_of_threads(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINICNN_NUM_THREADS", threads)
    with pytest.raises(DeviceError, match=f'MINICNN_NUM_THREADS: got "{threads}", expected an int'):
        run._found_threads.__wrapped__()


FEW_THREADS = """
import re, resource
from pathlib import Path
import numpy as np
from minicnn.backend import kernels_for, to_device
from minicnn.backend.native import run

x = to_device(np.arange(-2e5, 2e5, dtype=np.float32), "native")
run.set_thread_count(1)
expected = kernels_for(x).relu(x)
used = int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) << 10
resource.setrlimit(resource.RLIMIT_AS, (used + (45 << 20), -1))
run.set_thread_count(100)  # whose stacks would take 800 MiB
for _ in range(3):
    assert (kernels_for(x).relu(x) == expected).all()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")
def test_without_memory_for_threads_there_are_fewer() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FEW_THREADS], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
