"""Random numbers as plain loops: Philox, whose number i depends on the key and on i only."""

from __future__ import annotations

import numpy as np

from ..arrays import Array


def uniform(like: Array, count: int, key: int) -> Array:
    numbers = []
    for counter in range(1, -(-count // 8) + 1):
        for word in _philox([counter, 0, 0, 0], [key, 0]):
            numbers += [word % 2**32 >> 8, word >> 40]  # 24 bits, as many as a float32 holds
    return (np.array(numbers[:count]) / 2**24).astype(np.float32)


def _philox(counter: list[int], key: list[int]) -> list[int]:
    """Ten rounds: the counter is multiplied and mixed with the key, which grows each time."""
    for _ in range(10):
        high_a, low_a = divmod(0xD2E7470EE14C6C93 * counter[0], 2**64)
        high_b, low_b = divmod(0xCA5A826395121157 * counter[2], 2**64)
        counter = [high_b ^ counter[1] ^ key[0], low_b, high_a ^ counter[3] ^ key[1], low_a]
        key = [(key[0] + 0x9E3779B97F4A7C15) % 2**64, (key[1] + 0xBB67AE8584CAA73B) % 2**64]
    return counter
