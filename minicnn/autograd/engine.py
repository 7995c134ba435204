"""The walk back: from results to leaves, giving each Function the gradient of its output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from ..backend import Array, array_module, on_device_of, to_device
from ..backend.arrays import to_array
from .function import Edge, Function, edge_of
from .in_place import changes
from .modes import no_grads, observers
from .ownership import take_last
from .stale import mark_stale
from .tensor import Tensor

Node = TypeVar("Node")


def walk_back(ends: Iterable[Node], before: Callable[[Node], list[Node]]) -> Iterator[Node]:
    """Every node that leads to the ends, each after all those that it leads to.

    before: the nodes that lead to a node directly, as often as they are used. The order is found
    by counting uses, without recursion: a graph may be deeper than Python's stack.
    """
    uses = dict.fromkeys(ends, 0)
    unseen = list(uses)
    sources: dict[Node, list[Node]] = {}
    while unseen:
        node = unseen.pop()
        sources[node] = before(node)
        for source in sources[node]:
            if source not in uses:
                uses[source] = 0
                unseen.append(source)
            uses[source] += 1
    ready = [node for node, count in uses.items() if count == 0]
    while ready:
        node = ready.pop()
        for source in sources.pop(node):
            uses[source] -= 1
            if uses[source] == 0:
                ready.append(source)
        yield node


def functions_before(function: Function) -> list[Function]:
    """The Functions whose results this one used. Raises RuntimeError if the graph is released."""
    if not hasattr(function, "edges"):
        raise RuntimeError(
            f"the graph at {type(function).__name__} was released by an earlier backward(); "
            "pass retain_graph=True to that call to use the graph again"
        )
    return [edge for edge in function.edges if isinstance(edge, Function)]


def backward(
    tensor: Tensor,
    grad: Tensor | Array | None = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
) -> None:
    """Add d(tensor)/d(leaf) to ``leaf.grad`` for every leaf the tensor was computed from.

    grad: the gradient of the tensor itself; may be omitted for one element, then it is 1.
    create_graph: record the gradients too, so that they can be differentiated again.
    retain_graph: keep the graph for another backward(); by default only with create_graph.
    Raises RuntimeError if nothing was recorded or the graph was released before.

    >>> x = mc.tensor([1.0, 2.0], requires_grad=True)
    >>> mc.autograd.backward(x * x, grad=np.array([1.0, 10.0]))
    >>> x.grad
    tensor([ 2., 40.])
    """
    grads = _propagate([tensor], [grad], create_graph, retain_graph, keep=())
    while grads:
        leaf, leaf_grad, is_unshared = take_last(grads)
        if create_graph:
            leaf._grad = leaf_grad * 1.0 if leaf._grad is None else leaf._grad + leaf_grad
            continue
        with on_device_of(leaf_grad._array):
            if leaf._grad is not None:
                leaf._grad = Tensor(leaf._grad._array + leaf_grad._array)
            else:
                leaf._grad = leaf_grad if is_unshared else Tensor(leaf_grad._array.copy(order="K"))


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Array | Sequence[Tensor | Array | None] | None = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    allow_unused: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of the sum of outputs with respect to each input; ``.grad`` is not changed.

    With ``create_graph=True`` the result can be differentiated again. Raises RuntimeError for an
    input that the outputs do not depend on; with allow_unused its gradient is zeros instead.

    >>> x = mc.tensor(2.0, requires_grad=True)
    >>> (slope,) = mc.grad(x**3, x, create_graph=True)  # 3 x²
    >>> mc.grad(slope, x)  # 6 x
    (tensor(12.),)
    """
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    seeds: list[Any] = [None] * len(outputs)
    if grad_outputs is not None:
        seeds = list(grad_outputs) if isinstance(grad_outputs, tuple | list) else [grad_outputs]
    if len(seeds) != len(outputs):
        raise ValueError(f"grad_outputs: got {len(seeds)}, expected {len(outputs)}, one per output")
    wanted = [edge_of(t) for t in inputs]
    grads = _propagate(outputs, seeds, create_graph, retain_graph, keep=wanted)
    found = [None if edge is None else grads.get(edge) for edge in wanted]
    unused = [i for i, g in enumerate(found) if g is None]
    if unused and not allow_unused:
        raise RuntimeError(
            f"grad: input {unused[0]} was not used to compute the outputs "
            "(or does not require a gradient); pass allow_unused=True to get zeros for it"
        )
    return tuple(_zeros_like(t) if g is None else g for t, g in zip(inputs, found, strict=True))


def _zeros_like(t: Tensor) -> Tensor:
    with on_device_of(t._array):
        return Tensor(array_module(t._array).zeros_like(t._array))


def _propagate(
    outputs: Sequence[Tensor],
    grad_outputs: Sequence[Tensor | Array | None],
    create_graph: bool,
    retain_graph: bool | None,
    keep: Iterable[Edge | None],
) -> dict[Edge, Tensor]:
    """The gradients of all leaves below the outputs, and of the Functions in ``keep``.

    Each Function comes after everything that used its output, so its gradient is complete.
    """
    release = not (create_graph if retain_graph is None else retain_graph)
    grads: dict[Edge, Tensor] = {}
    for output, seed in zip(outputs, grad_outputs, strict=True):
        _accumulate(grads, _root(output), _seed(output, seed))
    keep = set(keep)
    ends = [edge for edge in grads if isinstance(edge, Function)]
    before = no_grads.get()
    no_grads.set(() if create_graph else (_propagate,))
    try:
        for function in walk_back(ends, functions_before):
            grad = grads.get(function) if function in keep else grads.pop(function, None)
            if grad is not None:
                for edge, g in zip(function.edges, _input_grads(function, grad), strict=True):
                    if edge is not None and g is not None:
                        _accumulate(grads, edge, g)
            if release:
                function.release()
    finally:
        no_grads.set(before)
    return grads


def _accumulate(grads: dict[Edge, Tensor], edge: Edge, grad: Tensor) -> None:
    known = grads.get(edge)
    grads[edge] = grad if known is None else known + grad


def _root(output: Tensor) -> Edge:
    edge = edge_of(output)
    if edge is None:
        raise RuntimeError(
            "backward: nothing was recorded for this tensor; it needs an input or a parameter of "
            "floats with requires_grad=True (is every layer frozen?), outside no_grad()"
        )
    return edge


def _seed(output: Tensor, seed: Tensor | Array | None) -> Tensor:
    """The gradient of an output, with which the walk starts."""
    if seed is None:
        if output.size != 1:
            raise RuntimeError(
                f"backward: got a tensor of shape {output.shape}; grad may be omitted only for a "
                "one-element tensor; pass grad=..."
            )
        with on_device_of(output._array):
            return Tensor(array_module(output._array).ones_like(output._array))
    if not isinstance(seed, Tensor):
        values = to_array("grad", seed).astype(output.dtype, copy=False)
        seed = Tensor(to_device(values, output.device))
    if seed.shape != output.shape:
        raise ValueError(
            f"grad: got shape {seed.shape}, expected {output.shape}, that of its tensor"
        )
    return seed.to(output.dtype)


def _input_grads(function: Function, grad: Tensor) -> Sequence[Tensor | None]:
    """Run one backward and check what it returns, since users write ops too."""
    if function.changes_before != changes.count:
        mark_stale(function)
    if watching := observers.get():
        observers.set(())  # they are told about it as a whole, below
    try:
        with on_device_of(grad._array):  # a backward may compute with arrays, too
            returned = function.backward(grad)
    finally:
        if watching:
            observers.set(watching)
    grads: Sequence[Any] = returned if isinstance(returned, tuple | list) else [returned]
    name = type(function).__name__
    if len(grads) != len(function.edges):
        raise RuntimeError(
            f"{name}.backward returned {len(grads)} gradients for {len(function.edges)} inputs"
        )
    for i, (g, shape) in enumerate(zip(grads, function.shapes, strict=True)):
        if g is None:
            continue
        if not isinstance(g, Tensor):
            raise TypeError(f"{name}.backward returned a {type(g).__name__}, expected a Tensor")
        if g._array.shape != shape:
            raise RuntimeError(
                f"{name}.backward returned a gradient of shape {g.shape} "
                f"for input {i} of shape {shape}"
            )
    if watching:
        with on_device_of(grad._array):
            for observer in watching:
                observer.after_backward(function, grads)
    typed = zip(grads, function.dtypes, strict=True)
    return [g if g is None or g.dtype == dtype else g.to(dtype) for g, dtype in typed]
