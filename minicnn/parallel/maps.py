"""The maps of all processes as an operation: for a network whose layers are cut into parts."""

from __future__ import annotations

from ..autograd import Function, Tensor
from ..backend import Array, array_module, device_of, to_device
from ..backend.layout import batch_axis_last
from ..checks import check_flag
from ..ops.check import check_float
from .processes import group


class AllMaps(Function):
    keeps = "nothing"

    def forward(self, x: Array, *, replicated: bool) -> Array:
        parts = group().gather(to_device(batch_axis_last(x), "cpu"))  # (C, ..., N) of each
        joined = array_module(parts[0]).concatenate(parts)
        y = to_device(joined, device_of(x))
        return array_module(y).moveaxis(y, -1, 0)

    def backward(self, grad: Tensor) -> Tensor:
        return OwnMaps.apply(grad, **self.options)


class OwnMaps(Function):
    """The gradient of AllMaps: of the gradient to all maps, what belongs to those of this process.

    If the processes compute different things from the maps, their gradients are added first.
    """

    keeps = "nothing"

    def forward(self, grad: Array, *, replicated: bool) -> Array:
        together = group()
        stored = batch_axis_last(grad)  # (size·C, ..., N)
        if not replicated:
            stored = stored.copy()
            together.sum_in_place(stored)
        maps = len(stored) // together.size
        own = stored[together.rank * maps : (together.rank + 1) * maps]
        return array_module(own).moveaxis(own, -1, 0)

    def backward(self, grad: Tensor) -> Tensor:
        return AllMaps.apply(grad, **self.options)


def all_maps(x: Tensor, replicated: bool = False) -> Tensor:
    """The maps that all processes have, in the order of their ranks.

    x (N, C, ...) -> (N, size·C, ...), of one shape everywhere. With it each process can hold a part
    of a layer's maps, as each of the two GPUs of AlexNet did in 2012: it convolves all maps of the
    layer before, or only its own where the layer has groups.

    replicated: whether what follows is the same in every process, as a loss is that each computes
    from all outputs. Otherwise each process computes other maps from these, and the gradients of
    all are added up.

    Raises TypeError unless x holds floats, ParallelError where shapes differ.

    >>> x = mc.tensor(np.ones((2, 3, 4, 4), np.float32))
    >>> mc.parallel.all_maps(x).shape == (2, 3 * mc.parallel.size(), 4, 4)
    True
    """
    check_float("all_maps", x=x)
    kinds = group().gather((x.shape, x.dtype.name))
    group().check_equal("all_maps", [{"x": kind} for kind in kinds])
    return AllMaps.apply(x, replicated=check_flag("all_maps: replicated", replicated))
