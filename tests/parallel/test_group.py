"""The group without other processes, and what goes wrong before there are any."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from support.fake_array import FakeArray
from support.fake_cupy import GPU, standing_in

import minicnn as mc
from minicnn import parallel
from minicnn.backend import threads, to_device
from minicnn.backend.native import run as native
from minicnn.data.loader import own_images
from minicnn.parallel import Group, ParallelError, launch
from minicnn.parallel.processes import own_device


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*launch.SIZES, *launch.RANKS):
        monkeypatch.delenv(name, raising=False)


def test_a_group_of_one_answers_at_once() -> None:
    assert (parallel.rank(), parallel.size()) == (0, 1)
    x = np.arange(3.0)
    total = parallel.all_reduce(x)
    assert total.tolist() == [0, 1, 2]
    assert not np.shares_memory(total, x)
    assert parallel.all_reduce(5) == 5
    assert parallel.gather("a") == ["a"]
    assert parallel.broadcast("a") == "a"
    assert parallel.all_maps(mc.tensor([[1.0, 2.0]])).data.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: parallel.all_reduce(np.array(["a"])), TypeError, "expected an array of numbers"),
        (lambda: parallel.all_reduce(1, "mean"), ValueError, "operation: got 'mean'"),
        (lambda: parallel.broadcast(1, root=1), ValueError, "broadcast: root: got 1"),
        (lambda: parallel.all_maps(mc.tensor([1])), TypeError, "expected floats"),
        (lambda: parallel.all_maps(mc.tensor([[1.0]]), replicated=1), TypeError, "True or False"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("environment", "size", "rank"),
    [
        ({}, 1, 0),
        ({"PMI_SIZE": "4", "PMI_RANK": "2"}, 4, 2),
        ({"OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_RANK": "1", "PMIX_RANK": "1"}, 3, 1),
        ({"PMIX_RANK": "5", "SLURM_NTASKS": "8"}, 8, 5),
        ({"SLURM_NTASKS": "8"}, 1, 0),
        ({"PMI_SIZE": "many"}, 1, 0),
    ],
)
def test_what_launchers_tell(
    environment: dict[str, str], size: int, rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (launch.launched_size(), launch.launched_rank()) == (size, rank)


def test_without_mpi4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ParallelError, match="2 processes were launched, but mpi4py cannot"):
        launch.world(2)


def test_the_launcher_of_another_mpi() -> None:
    pytest.importorskip("mpi4py")
    command = [sys.executable, "-W", "ignore", "-m", "minicnn", "train", "lenet5"]
    environment = {**os.environ, "OMPI_COMM_WORLD_SIZE": "2"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 2
    assert "2 processes were launched, but mpi4py sees 1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_trainer_that_is_alone_is_told(tmp_path: Any) -> None:
    model = mc.nn.Linear(2, 2)
    with pytest.warns(UserWarning, match=r"one process only; start several with mpiexec -n 2"):
        mc.train.Trainer(model, mc.optim.SGD(model.parameters(), lr=0.1), parallel=True)
    with pytest.raises(TypeError, match="parallel: got 'yes', expected True or False"):
        mc.train.Trainer(model, mc.optim.SGD(model.parameters(), lr=0.1), parallel="yes")


@pytest.mark.parametrize("images", [1, 2, 5, 12])
@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_each_image_belongs_to_one_part(images: int, parts: int) -> None:
    cuts = [own_images(images, (k, parts)) for k in range(parts)]
    assert [i for start, stop in cuts for i in range(start, stop)] == [*range(images)]
    sizes = [stop - start for start, stop in cuts]
    assert max(sizes) - min(sizes) <= 1


def test_threads_are_divided_unless_the_user_has_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[int] = []
    monkeypatch.setitem(
        sys.modules, "threadpoolctl", type("T", (), {"threadpool_limits": limits.append})
    )
    for name in (*threads.BLAS_VARIABLES, "MINICNN_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(native, "_given_threads", None)
    threads.limit_threads(3)
    assert (limits, native.thread_count()) == ([3], 3)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MINICNN_NUM_THREADS", "1")
    threads.limit_threads(5)
    assert (limits, native.thread_count()) == ([3], 3)
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.warns(UserWarning, match="OMP_NUM_THREADS=5"):
        threads.limit_threads(5)


# ---- NCCL, with stand-ins for CuPy and MPI


class Twin:
    """A communicator of two processes that have the same."""

    def __init__(self, same_place: bool = False) -> None:
        self.same_place = same_place

    def Get_rank(self) -> int:  # noqa: N802 - as in mpi4py
        return 0

    def Get_size(self) -> int:  # noqa: N802
        return 2

    def allgather(self, value: Any) -> list[Any]:
        is_place = isinstance(value, tuple) and len(value) == 2 and str(value[1]).startswith("cuda")
        other = (value[0], "cuda:1") if is_place and not self.same_place else value
        return [value, other]

    def bcast(self, value: Any, root: int) -> Any:
        return value

    def Split_type(self, kind: Any) -> Twin:  # noqa: N802
        return self


class FakeNccl:
    """cupy.cuda.nccl, where the other process has the same array."""

    NCCL_FLOAT32, NCCL_FLOAT64, NCCL_INT32, NCCL_INT64 = "f4", "f8", "i4", "i8"
    NCCL_SUM, NCCL_MAX = "sum", "max"

    @staticmethod
    def get_unique_id() -> tuple[int, ...]:
        return (1, 2, 3)

    class NcclCommunicator:
        def __init__(self, size: int, key: Any, rank: int) -> None:
            assert (size, key, rank) == (2, (1, 2, 3), 0)
            self.number = GPU.current

        def allReduce(  # noqa: N802
            self, source: int, target: int, count: int, kind: str, operation: str, stream: int
        ) -> None:
            assert GPU.current == self.number
            assert source == target
            import ctypes

            memory = (ctypes.c_char * (count * int(kind[1]))).from_address(target)
            array = np.frombuffer(memory, kind)
            if operation == "sum":
                array *= 2


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("mpi4py")
    monkeypatch.setattr("minicnn.parallel.processes.limit_threads", lambda count: None)
    with standing_in() as cupy:
        cupy.cuda.nccl = FakeNccl
        monkeypatch.setitem(sys.modules, "cupy.cuda", cupy.cuda)
        monkeypatch.setitem(sys.modules, "cupy.cuda.nccl", FakeNccl)
        yield Group


def test_a_sum_over_gpus(twins: Any) -> None:
    group = Group(Twin())
    for dtype in ("float32", "float64", "int64"):
        x = to_device(np.arange(4).astype(dtype), "cuda:0")
        total = group.all_reduce(x)
        assert isinstance(total, FakeArray)
        assert to_device(total, "cpu").tolist() == [0, 2, 4, 6]
    assert to_device(group.all_reduce(x, "max"), "cpu").tolist() == [0, 1, 2, 3]


def test_two_processes_on_one_gpu(twins: Any) -> None:
    with pytest.raises(ParallelError, match=r"processes 0 and 1 are both on cuda:0"):
        Group(Twin(same_place=True)).sum_in_place(to_device(np.ones(2), "cuda:0"))


def test_each_process_of_a_machine_takes_its_own_gpu(twins: Any) -> None:
    group = Group(Twin())
    group.local_rank = 1
    assert own_device("cuda", group) == "cuda:1"
    assert own_device("cpu", group) == "cpu"
    assert own_device(None, group) is None
    assert own_device("cuda", Group()) == "cuda"
