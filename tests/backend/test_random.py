"""The seeded generators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn.backend.random import generator, manual_seed


@pytest.mark.parametrize("seed", [0, 1, 2**63, 10**30, np.int64(7), np.uint8(7)])
def test_the_same_seed_gives_the_same_bits(seed: Any) -> None:
    manual_seed(seed)
    first = generator().random(100)
    manual_seed(seed)
    np.testing.assert_array_equal(generator().random(100), first)
    np.testing.assert_array_equal(generator(seed).random(100), first)
    assert not np.array_equal(generator().random(100), first)
    assert not np.array_equal(generator(int(seed) + 1).random(100), first)


def test_a_generator_of_its_own_leaves_the_global_one_alone() -> None:
    manual_seed(0)
    first = generator().random()
    manual_seed(0)
    generator(5).random(10)
    assert generator().random() == first


@pytest.mark.parametrize("seed", [-1, 1.0, "1", None, True, [1], np.array([1, 2])], ids=repr)
def test_what_is_no_seed(seed: Any) -> None:
    error = ValueError if isinstance(seed, int) and seed < 0 else TypeError
    with pytest.raises(error, match="seed: got .*, expected an integer of 0 or more"):
        mc.manual_seed(seed)
