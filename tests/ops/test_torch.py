"""Every op against PyTorch: results, first and second gradients of drawn calls.

``python -m pytest -m torch`` draws more than 2,000 calls and reports how many there were and the
largest error. The tables op -> call are in tests/support/torch_cases.py and torch_image_cases.py.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import ops

pytest.importorskip("torch", reason="torch is not installed")
from support import torch_cases, torch_image_cases
from support.torch_check import check

pytestmark = pytest.mark.torch

CASES = {**torch_cases.CASES, **torch_image_cases.CASES}
ALIASES = {"fold", "unfold"}
NOT_DIFFERENTIABLE = {"accuracy", "argmax", "argmin", "one_hot", "topk_accuracy"}
CALLS = max(32, settings.default.max_examples)


def test_every_op_has_a_twin() -> None:
    assert sorted({*CASES, *ALIASES, *NOT_DIFFERENTIABLE}) == sorted(ops.__all__)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=CALLS)
@given(data=st.data())
def test_results_and_gradients(name: str, data: st.DataObject) -> None:
    arrays, ours, theirs = data.draw(st.composite(CASES[name])())
    check(ours, theirs, *arrays)
