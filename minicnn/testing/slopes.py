"""The numerical and the analytical derivatives of a function, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..autograd import Tensor
from ..backend import Array, on_device_of, to_device

Function = Callable[..., Tensor]

REPEATS = 12  # evaluations of a derivative that is suspected to be random
DIRECTIONS = 2  # a single one may miss an error by bad luck


@dataclass
class Slopes:
    """The numerical and the analytical derivatives to one input, for each weighting v."""

    function: Function
    inputs: list[Tensor]
    position: int
    weightings: list[Array]
    gradients: list[Array]
    eps: float
    atol: float
    rtol: float

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the input."""
        return self.inputs[self.position].shape

    def __call__(self, u: Array) -> tuple[Array, Array]:
        """Both derivatives in a direction: (V,) and (V,)."""
        numerical = central_difference(
            self.function, self.inputs, self.position, u, self.weightings, self.eps
        )
        return numerical, np.array([np.sum(gradient * u) for gradient in self.gradients])

    def disagreement(self, u: Array) -> Array:
        """By how much the derivatives in a direction differ beyond the tolerance: (V,)."""
        a, b = self(u)
        with np.errstate(invalid="ignore"):  # infinities
            gap = np.abs(a - b) - self.atol - self.rtol * np.maximum(np.abs(a), np.abs(b))
        return np.where(np.isnan(gap), np.inf, gap)  # NaN does not agree with anything

    def worst_entry(self) -> tuple[int, int] | None:
        """The entry that differs most and the number of v, if any differs too much."""
        size = int(np.prod(self.shape))
        gaps = np.array([self.disagreement(self._entry(i)) for i in range(size)])  # (size, V)
        if not (gaps > 0).any():
            return None
        entry, v = np.unravel_index(gaps.argmax(), gaps.shape)
        return int(entry), int(v)

    def worst_in_directions(self, rng: np.random.Generator) -> tuple[int, int] | None:
        """The same, if random directions find that there is one."""
        for _ in range(DIRECTIONS):
            u = rng.standard_normal(self.shape)
            gaps = self.disagreement(u)
            if (gaps > 0).any():
                v = int(gaps.argmax())
                return self._bisect(u, v), v
        return None

    def _bisect(self, u: Array, v: int) -> int:
        """Find one entry by keeping the half of the direction that disagrees more."""
        entries = np.arange(u.size)
        while len(entries) > 1:
            halves = np.array_split(entries, 2)
            gaps = [abs(np.subtract(*self(_keep_entries(u, half)))[v]) for half in halves]
            entries = halves[not gaps[0] >= gaps[1]]
        return int(entries[0])

    def _entry(self, i: int) -> Array:
        return _keep_entries(np.ones(self.shape), np.array([i]))

    def is_random(self, entry: int) -> bool:
        """Whether the numerical derivative to an entry is not the same in each of some calls."""
        u = self._entry(entry)
        tries = np.array([self(u)[0] for _ in range(REPEATS)])  # (REPEATS, V)
        with np.errstate(invalid="ignore"):
            return bool((np.ptp(tries, 0) > self.atol + self.rtol * np.abs(tries).max(0)).any())

    def describe(self, entry: int, v: int) -> str:
        """What gradcheck raises for an entry and the number of v."""
        index = tuple(int(i) for i in np.unravel_index(entry, self.shape))
        numerical, analytical = (slopes[v] for slopes in self(self._entry(entry)))
        return (
            f"gradcheck: input {self.position} of shape {self.shape}, entry {index}: the gradient "
            f"is {analytical:.6g}, finite differences give {numerical:.6g} "
            f"(of the outputs' sum with random weights){self._advice(numerical)}"
        )

    def _advice(self, numerical: float) -> str:
        if numerical != 0:
            return ""
        return "; if the function does not use this argument, let it compute from its arguments"


def central_difference(
    function: Function,
    inputs: list[Tensor],
    position: int,
    u: Array,
    weightings: Sequence[Array],
    eps: float,
) -> Array:
    """The derivatives of <v, function> in the direction u of one input, for each v: (V,)."""

    def evaluate(t: float) -> Array:
        moved = list(inputs)
        x = inputs[position]
        with on_device_of(x.data):
            shifted = x.data + to_device(np.asarray(t * u), x.device)
        moved[position] = Tensor(shifted, x.requires_grad)
        return function(*moved).numpy()

    difference = evaluate(eps) - evaluate(-eps)  # before the sum, which would lose digits
    return np.array([np.sum(v * difference) for v in weightings]) / (2 * eps)


def _keep_entries(u: Array, entries: Array) -> Array:
    """The direction u with all other entries set to 0."""
    part = np.zeros(u.size)
    part[entries] = u.ravel()[entries]
    return part.reshape(u.shape)
