"""The processes that were launched together, and what they tell each other."""

from __future__ import annotations

import atexit
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..backend import Array, default_device, device_of, is_array, to_device
from ..backend.arrays import is_gpu_array
from ..backend.native.run import available_cores
from ..backend.nccl import Nccl, unique_id
from ..backend.threads import limit_threads
from ..checks import brief, check_choice, check_integer
from .errors import ParallelError
from .failures import end_together, tell_and_end
from .launch import launched_size, world

REDUCTIONS = ("sum", "max")


class _Ended:
    """What a process that comes to its end sends, instead of what others may wait for."""


class Group:
    """Processes that were launched together; this one is number ``rank`` of ``size``.

    Every method is called by all of them, in the same order. A group of one answers at once.
    ``local_rank`` and ``local_size`` are the same among the processes of this machine; ``seconds``
    is the time that this process has spent in communication.
    comm: a communicator of mpi4py; None is a group of one.

    >>> processes = mc.parallel.group()
    >>> processes.rank, processes.size, processes.local_size
    (0, 1, 1)
    """

    def __init__(self, comm: Any = None) -> None:
        self._comm = comm
        self._nccl: dict[str, Nccl] = {}  # by device
        self.rank: int = 0 if comm is None else comm.Get_rank()
        self.size: int = 1 if comm is None else comm.Get_size()
        self.local_rank, self.local_size = 0, 1
        self.seconds = 0.0
        if self.size > 1:
            from mpi4py import MPI

            self._operations = {"sum": MPI.SUM, "max": MPI.MAX}
            local = comm.Split_type(MPI.COMM_TYPE_SHARED)
            self.local_rank, self.local_size = local.Get_rank(), local.Get_size()
            cores: frozenset[int] = frozenset().union(*local.allgather(available_cores()))
            limit_threads(max(1, len(cores) // self.local_size))

    def __repr__(self) -> str:
        return f"<process {self.rank} of {self.size}>"

    def sum_in_place(self, x: Array, operation: str = "sum") -> None:
        """Replace a contiguous array by its sum over all processes, bit for bit the same in each.

        Shapes and dtypes are not compared: see ``all_reduce``.
        """
        if self.size == 1:
            return
        with self._timed():
            if is_gpu_array(x):
                self._nccl_on(device_of(x)).all_reduce(x, operation)
            else:
                self._comm.Allreduce(self._in_place, np.asarray(x), self._operations[operation])

    def all_reduce(self, x: Any, operation: str = "sum") -> Any:
        """The sum over all processes of an array, a Tensor or a number, or the largest values.

        float16 is added up in float32. Raises ParallelError where shapes or dtypes differ,
        TypeError for what is no array of numbers.
        """
        check_choice("all_reduce: operation", operation, REDUCTIONS)
        if isinstance(x, Tensor):
            return Tensor(self.all_reduce(x.data, operation))
        if not is_array(x):
            total = self.all_reduce(np.asarray(x), operation)
            return total.item() if total.ndim == 0 else total
        if x.dtype.kind not in "fiu":
            raise TypeError(f"all_reduce: got {x.dtype}, expected an array of numbers")
        kinds = self.gather((x.shape, x.dtype.name, device_of(x).split(":")[0]))
        self.check_equal("all_reduce", [{"array": kind} for kind in kinds])
        wide = np.promote_types(x.dtype, np.float32) if x.dtype.kind == "f" else x.dtype
        # In the order of the axes: in memory it may differ from process to process.
        total = x.astype(wide, order="C", copy=True)
        self.sum_in_place(total, operation)
        return total.astype(x.dtype, copy=False)

    def broadcast(self, value: Any, root: int = 0) -> Any:
        """The value that the process ``root`` has, on the device where this process has its own.

        Arrays, Tensors, and whatever can be pickled; those of the others are not looked at
        otherwise.
        """
        root = check_integer("broadcast: root", root, least=0, most=self.size - 1)
        if self.size == 1:
            return value
        if isinstance(value, Tensor):
            return Tensor(self.broadcast(value.data, root))
        if is_array(value):
            here = device_of(value)
            return to_device(self._send(to_device(value, "cpu"), root), here)
        return self._send(value, root)

    def gather(self, value: Any) -> list[Any]:
        """What each process has, by rank; whatever can be pickled."""
        if self.size == 1:
            return [value]
        with self._timed():
            values = list(self._comm.allgather(value))
        ended = [number for number, other in enumerate(values) if isinstance(other, _Ended)]
        if ended and not isinstance(value, _Ended):
            raise ParallelError(
                f"parallel: process {ended[0]} has come to its end, but process {self.rank} waits "
                "for it: fit, evaluate, and the functions of minicnn.parallel must be called in "
                "every process"
            )
        return values

    def end(self) -> None:
        """Tell the others, which may be waiting for something else, that this process ends."""
        self.gather(_Ended())

    def from_first(self, compute: Callable[[], Any]) -> Any:
        """What the first process computes, or the error that it raises, in every process."""
        found: tuple[Any, Exception | None] = None, None
        if self.rank == 0:
            try:
                found = compute(), None
            except Exception as raised:
                if self.size == 1 or not _can_be_sent(raised):
                    raise
                found = None, raised
        value, error = self.broadcast(found)
        if error is not None:
            raise error
        return value

    def check_equal(self, where: str, described: list[dict[str, Any]]) -> None:
        """Raise ParallelError, naming it, for what a process has otherwise than the first one.

        described: names and values, as ``gather`` gives them.
        """
        first = described[0]
        for number, other in enumerate(described):
            for name in {**first, **other}:
                if first.get(name) != other.get(name):
                    raise ParallelError(
                        f"{where}: parallel: {name}: process 0 has {brief(first.get(name))}, but "
                        f"process {number} has {brief(other.get(name))}; all must have the same"
                    )

    def abort(self, status: int) -> None:
        """End all processes at once."""
        if self._comm is not None:
            self._comm.Abort(status)

    @property
    def _in_place(self) -> Any:
        from mpi4py import MPI

        return MPI.IN_PLACE

    def _send(self, value: Any, root: int) -> Any:
        with self._timed():
            return self._comm.bcast(value, root)

    def _nccl_on(self, device: str) -> Nccl:
        if device not in self._nccl:
            devices = self.gather((self._machine(), device))
            for number, place in enumerate(devices):
                if place in devices[:number]:
                    raise ParallelError(
                        f"parallel: processes {devices.index(place)} and {number} are both on "
                        f'{place[1]} of {place[0]}; NCCL needs a GPU for each: device="cuda" '
                        "takes them in turn, start no more processes than there are"
                    )
            key = self.broadcast(unique_id() if self.rank == 0 else b"")
            self._nccl[device] = Nccl(device, self.rank, self.size, key)
        return self._nccl[device]

    @staticmethod
    def _machine() -> str:
        from mpi4py import MPI

        return str(MPI.Get_processor_name())

    @contextmanager
    def _timed(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - start


def _can_be_sent(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True


@cache
def group() -> Group:
    """The processes that were launched together with this one; a group of one without a launcher.

    From the first call on, an error that nobody catches in one process ends all of them. Raises
    ParallelError if several were launched, but mpi4py is missing or belongs to another MPI.

    >>> mc.parallel.group()
    <process 0 of 1>
    """
    launched = launched_size()
    if launched == 1:
        return Group()
    found = Group(world(launched))
    end_together(found)
    atexit.register(found.end)
    return found


def fail(message: str, status: int) -> None:
    """Print why this program fails; if there are other processes, end them too, with the status."""
    tell_and_end(group() if group.cache_info().currsize else Group(), message, status)


def own_device(device: str | None, processes: Group) -> str | None:
    """The device for this process: where "cuda" is meant, one GPU for each process of a machine."""
    name = device or default_device.current()
    if processes.size == 1 or name not in ("cuda", "cuda:0"):
        return device
    return f"cuda:{processes.local_rank}"


def rank() -> int:
    """The number of this process, from 0; 0 if nothing was launched.

    >>> if mc.parallel.rank() == 0:
    ...     print("once, however many processes there are")
    once, however many processes there are
    """
    return group().rank


def size() -> int:
    """The number of processes; 1 if nothing was launched.

    >>> mc.parallel.size()
    1
    """
    return group().size


def all_reduce(x: Any, operation: str = "sum") -> Any:
    """The sum of x over all processes, or with operation="max" its largest values.

    x: an array, a Tensor or a number, of one shape and dtype everywhere; the result is a new one,
    bit for bit the same in every process. No gradient flows through it. Raises ParallelError where
    shapes or dtypes differ, TypeError for what is no array of numbers.

    >>> mc.parallel.all_reduce(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    return group().all_reduce(x, operation)


def broadcast(value: Any, root: int = 0) -> Any:
    """What the process ``root`` has: an array, a Tensor, or whatever can be pickled.

    Raises ValueError for a process that does not exist.

    >>> mc.parallel.broadcast("the learning rate of process 0")
    'the learning rate of process 0'
    """
    return group().broadcast(value, root)


def gather(value: Any) -> list[Any]:
    """What each process has, as a list by rank, in every process.

    >>> mc.parallel.gather(mc.parallel.rank())
    [0]
    """
    return group().gather(value)
