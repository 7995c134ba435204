"""Every op against PyTorch: results, first and second gradients of drawn calls.

``python -m pytest -m torch`` draws more than 2,000 calls and reports how many there were and the
largest error. The cases are in tests/support/op_cases/.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.op_cases import CASES, DIFFERENTIABLE

pytest.importorskip("torch", reason="torch is not installed")
import torch
from support.torch_check import check

pytestmark = pytest.mark.torch

CALLS = settings.default.max_examples * 32 // 25  # more than 2,000 in all
TWINS = [name for name in CASES if callable(CASES[name].twin)]


@pytest.mark.parametrize("name", [name for name in TWINS if name in DIFFERENTIABLE])
@settings(max_examples=CALLS)
@given(data=st.data())
def test_results_and_gradients(name: str, data: st.DataObject) -> None:
    case = CASES[name]
    inputs, options = data.draw(case.calls())
    arrays = [x.data for x in inputs]
    check(partial(case.op, **options), partial(case.twin, **options), *arrays)


@pytest.mark.parametrize("name", [name for name in TWINS if name not in DIFFERENTIABLE])
@settings(max_examples=CALLS)
@given(data=st.data())
def test_results(name: str, data: st.DataObject) -> None:
    case = CASES[name]
    inputs, options = data.draw(case.calls())
    got = case.op(*inputs, **options).numpy()
    expected = case.twin(*[torch.tensor(x.data) for x in inputs], **options).numpy()
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-6)
