"""How many sums a warp of ``convolution.cu`` keeps in registers, on a GPU and on a CPU."""

from __future__ import annotations

from typing import NamedTuple


class Tiles(NamedTuple):
    """The constants of ``convolution.cu``, which are known when it is compiled."""

    most_maps: int
    """convolve: maps that a warp computes together,"""
    vectors: int
    """times vectors of places."""
    weight_maps: int
    """convolve_weights: maps that a warp computes together,"""
    columns: int
    """times columns (c, kh, kw)."""

    def options(self) -> list[str]:
        """What tells the compiler."""
        return [f"-D{name.upper()}={value}" for name, value in self._asdict().items()]


GPU = Tiles(most_maps=8, vectors=4, weight_maps=4, columns=4)  # a thread may use 255 registers
MANY_REGISTERS = Tiles(most_maps=8, vectors=2, weight_maps=4, columns=6)  # 32: AVX-512, ARM
FEW_REGISTERS = Tiles(most_maps=6, vectors=2, weight_maps=3, columns=4)  # 16: other x86
