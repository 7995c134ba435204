"""LinearMap: the base of ops that are linear in their one input and come with their adjoint."""

from __future__ import annotations

from typing import ClassVar

from ..autograd import Function, Tensor


class LinearMap(Function):
    """A linear map A; its gradient is the adjoint Aᵀ, since <A x, g> = <x, Aᵀ g>.

    ``class B(LinearMap, adjoint_of=A)`` makes B the adjoint of A and A that of B; without it a map
    is its own adjoint. Both have the same options, except for ``shape``, the shape of the output.
    """

    keeps = "nothing"
    adjoint: ClassVar[type[LinearMap]]
    takes_shape: ClassVar[bool] = False
    """Whether forward needs the shape of its output, as the option ``shape``."""

    def __init_subclass__(cls, adjoint_of: type[LinearMap] | None = None) -> None:
        super().__init_subclass__()
        cls.adjoint = adjoint_of or cls
        cls.adjoint.adjoint = cls

    def backward(self, grad: Tensor) -> Tensor:
        options = {name: value for name, value in self.options.items() if name != "shape"}
        if self.adjoint.takes_shape:
            options["shape"] = self.shapes[0]
        return self.adjoint.apply(grad, **options)
