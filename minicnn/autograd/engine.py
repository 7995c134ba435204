"""The walk back: from results to leaves, handing each Function the gradient of its output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..backend import Array, array_module
from .anomaly import check_backward
from .function import Edge, Function, edge_of
from .modes import state
from .tensor import Tensor


def backward(
    tensor: Tensor,
    grad: Tensor | Array | None = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
) -> None:
    """Add d(tensor)/d(leaf) to ``leaf.grad`` for every leaf the tensor was computed from.

    grad: the gradient of the tensor itself, needed unless it has one element (then 1).
    create_graph: record the gradients too, so that they can be differentiated again.
    retain_graph: keep the graph for another backward(); by default only with create_graph.
    Raises RuntimeError when nothing was recorded or the graph was released before.
    """
    grads = _propagate([tensor], [grad], create_graph, retain_graph, keep=())
    for leaf, leaf_grad in grads.items():
        assert isinstance(leaf, Tensor)
        # A new array in each case: this one may be a view that other gradients share.
        if create_graph:
            leaf.grad = leaf_grad * 1.0 if leaf.grad is None else leaf.grad + leaf_grad
        elif leaf.grad is None:
            leaf.grad = Tensor(leaf_grad.data.copy(order="K"))
        else:
            leaf.grad = Tensor(leaf.grad.data + leaf_grad.data)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Array | Sequence[Tensor | Array | None] | None = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    allow_unused: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of the sum of outputs with respect to each input; no ``.grad`` is touched.

    With ``create_graph=True`` the result can be differentiated again. Raises RuntimeError for an
    input that the outputs do not depend on, unless allow_unused: then its gradient is zeros.
    """
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    seeds: list[Any] = [None] * len(outputs)
    if grad_outputs is not None:
        seeds = list(grad_outputs) if isinstance(grad_outputs, tuple | list) else [grad_outputs]
    if len(seeds) != len(outputs):
        raise ValueError(f"grad_outputs: got {len(seeds)}, expected {len(outputs)}")
    wanted = [edge_of(t) for t in inputs]
    grads = _propagate(outputs, seeds, create_graph, retain_graph, keep=wanted)
    found = [None if edge is None else grads.get(edge) for edge in wanted]
    unused = [i for i, g in enumerate(found) if g is None]
    if unused and not allow_unused:
        raise RuntimeError(
            f"grad: input {unused[0]} was not used to compute the outputs "
            "(or does not require a gradient); allow_unused=True gives zeros for it"
        )
    return tuple(
        Tensor(array_module(t.data).zeros_like(t.data)) if g is None else g
        for t, g in zip(inputs, found, strict=True)
    )


def _propagate(
    outputs: Sequence[Tensor],
    grad_outputs: Sequence[Tensor | Array | None],
    create_graph: bool,
    retain_graph: bool | None,
    keep: Iterable[Edge | None],
) -> dict[Edge, Tensor]:
    """The gradients of all leaves below the outputs, and of the Functions in ``keep``.

    Functions are taken in an order in which each comes after everything that used its output, so
    its gradient is complete. The order is found by counting uses, without recursion: a graph may be
    deeper than Python's stack.
    """
    release = not (create_graph if retain_graph is None else retain_graph)
    grads: dict[Edge, Tensor] = {}
    for output, seed in zip(outputs, grad_outputs, strict=True):
        _accumulate(grads, _root(output), _seed(output, seed))
    keep = set(keep)
    uses = _count_uses(grads)
    ready = [edge for edge in grads if isinstance(edge, Function) and edge not in uses]
    before, state.grad_enabled = state.grad_enabled, create_graph
    try:
        while ready:
            function = ready.pop()
            grad = grads.get(function) if function in keep else grads.pop(function, None)
            if grad is not None:
                for edge, g in zip(function.edges, _input_grads(function, grad), strict=True):
                    if edge is not None and g is not None:
                        _accumulate(grads, edge, g)
            for edge in function.edges:
                if isinstance(edge, Function):
                    uses[edge] -= 1
                    if uses[edge] == 0:
                        ready.append(edge)
            if release:
                function.release()
    finally:
        state.grad_enabled = before
    return grads


def _accumulate(grads: dict[Edge, Tensor], edge: Edge, grad: Tensor) -> None:
    known = grads.get(edge)
    grads[edge] = grad if known is None else known + grad


def _count_uses(roots: Iterable[Edge]) -> dict[Function, int]:
    """How often each Function below the roots feeds another one."""
    uses: dict[Function, int] = {}
    unseen = [root for root in roots if isinstance(root, Function)]
    seen = set(unseen)
    while unseen:
        function = unseen.pop()
        if not hasattr(function, "edges"):
            raise RuntimeError(
                f"backward: the graph at {type(function).__name__} was released by an earlier "
                "backward(); give that one retain_graph=True to go through it twice"
            )
        for edge in function.edges:
            if isinstance(edge, Function):
                uses[edge] = uses.get(edge, 0) + 1
                if edge not in seen:
                    seen.add(edge)
                    unseen.append(edge)
    return uses


def _root(output: Tensor) -> Edge:
    edge = edge_of(output)
    if edge is None:
        raise RuntimeError(
            "backward: nothing was recorded for this tensor; it needs an input with "
            "requires_grad=True, computed outside no_grad()"
        )
    return edge


def _seed(output: Tensor, seed: Tensor | Array | None) -> Tensor:
    """The gradient to start from at an output."""
    if seed is None:
        if output.size != 1:
            raise RuntimeError(
                f"backward: the tensor has shape {output.shape}; only for one element is the "
                "gradient 1 understood, pass grad for others"
            )
        return Tensor(array_module(output.data).ones_like(output.data))
    if not isinstance(seed, Tensor):
        seed = Tensor(array_module(output.data).asarray(seed, dtype=output.dtype))
    if seed.shape != output.shape:
        raise ValueError(
            f"grad: got shape {seed.shape}, expected that of its tensor, {output.shape}"
        )
    return seed.to(output.dtype)


def _input_grads(function: Function, grad: Tensor) -> Sequence[Tensor | None]:
    """Run one backward and check what it returns, for ops written by users too."""
    looked_through, state.detect_anomaly = state.detect_anomaly, False
    try:
        returned = function.backward(grad)  # looked through as one, below
    finally:
        state.detect_anomaly = looked_through
    grads: list[Any] = list(returned) if isinstance(returned, tuple | list) else [returned]
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
        if g.data.shape != shape:
            raise RuntimeError(
                f"{name}.backward returned a gradient of shape {g.shape} "
                f"for input {i} of shape {shape}"
            )
        if g.dtype != function.dtypes[i]:
            grads[i] = g.to(function.dtypes[i])
        if state.detect_anomaly:
            check_backward(function, i, g, function.called_at)
    return grads
