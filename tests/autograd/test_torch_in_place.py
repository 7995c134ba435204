"""The same programs with in-place changes in PyTorch: the same gradients, or an error in both."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minicnn as mc

pytestmark = pytest.mark.torch

W = np.array([[1.0, -2.0], [0.5, 3.0]])
X = np.array([[2.0, 1.0], [-1.0, 4.0], [0.5, 0.5]])


class Program:
    """One weight, one input and an optimizer, in minicnn or in PyTorch."""

    def __init__(self, lib: Any) -> None:
        self.lib = lib
        self.w = lib.tensor(W, requires_grad=True)
        self.x = lib.tensor(X)
        self.optimizer = lib.optim.SGD([self.w], lr=0.25)

    def step_between(self) -> None:
        """The second loss is quadratic in w, so its gradient needs the old w."""
        first, second = (self.x @ self.w).sum(), ((self.x @ self.w) * self.w[0]).sum()
        first.backward()
        self.optimizer.step()
        second.backward()

    def step_between_linear(self) -> None:
        """Neither loss needs w."""
        first, second = (self.x @ self.w).sum(), (2 * self.x @ self.w).sum()
        first.backward()
        self.optimizer.step()
        second.backward()

    def step_after(self) -> None:
        first, second = (self.x @ self.w).sum(), (self.w**3).sum()
        first.backward()
        second.backward()
        self.optimizer.step()

    def descend_by_hand(self) -> None:
        for _ in range(3):
            self.w.grad = None
            ((self.x @ self.w) ** 2).mean().backward()
            with self.lib.no_grad():
                self.w -= 0.01 * self.w.grad
                self.w *= 0.5
                self.w += 1
                self.w /= 4

    def descend_through_data(self) -> None:
        (self.w**2).sum().backward()
        self.w.data = self.w.data - 0.25 * self.w.grad
        self.w.data -= 0.25 * self.w.grad

    def descend_with_momentum(self) -> None:
        velocity = self.w.detach() * 0
        for _ in range(3):
            self.w.grad = None
            ((self.x @ self.w) ** 2).mean().backward()
            velocity *= 0.9
            velocity += self.w.grad
            self.w.data -= 0.01 * velocity

    def change_a_result(self) -> None:
        """The result keeps its place in the graph, and its new value counts."""
        y = self.w * 2
        with self.lib.no_grad():
            y += 1
        (y * y).sum().backward()

    def change_while_recording(self) -> None:
        self.w += 1

    def change_a_view_of_what_is_needed(self) -> None:
        loss = (self.w.reshape(4) ** 2).sum()
        with self.lib.no_grad():
            self.w += 1
        loss.backward()

    def change_what_exp_does_not_need(self) -> None:
        """exp keeps its output, not its input."""
        loss = self.w.exp().sum()
        with self.lib.no_grad():
            self.w += 1
        loss.backward()

    def change_through_two_graphs(self) -> None:
        total = self.w.sum() * 0
        for i in range(3):
            total += (self.w * i).sum()
        total.backward()

    def values(self) -> list[Any]:
        return [self.w.detach().numpy(), self.w.grad.detach().numpy()]


PROGRAMS = [name for name in vars(Program) if name.startswith(("step", "descend", "change"))]
REFUSED = {"step_between", "change_while_recording", "change_a_view_of_what_is_needed"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_program(torch: ModuleType, name: str) -> None:
    ours, theirs = Program(mc), Program(torch)
    if name in REFUSED:
        for program in (ours, theirs):
            with pytest.raises(RuntimeError):
                getattr(program, name)()
        return
    for program in (ours, theirs):
        getattr(program, name)()
    for a, b in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
