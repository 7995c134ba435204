"""Every kernel gives the same bits in whatever order blocks and threads run."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.kernel_cases import CASES, STATES, computed_bits, use_several_pieces

from minicnn.backend import DeviceError, cuda, resolve_device
from minicnn.backend.cuda import launch
from minicnn.backend.cuda.source import DIRECTORY
from minicnn.backend.kernels import Kernels

ALL = [name for name in vars(Kernels) if not name.startswith("_")]


@pytest.fixture(autouse=True)
def several_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        resolve_device("emulator")
    except DeviceError as error:
        pytest.skip(str(error))
    use_several_pieces(monkeypatch)


@pytest.mark.parametrize("most_blocks", [launch.MOST_BLOCKS, 2])
@pytest.mark.parametrize("name", [*CASES, *STATES])
def test_the_order_changes_no_bit(
    name: str, most_blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a block for each share of the work, and with two blocks that take several in turn."""
    monkeypatch.setattr(launch, "MOST_BLOCKS", most_blocks)
    forwards = computed_bits(name, "emulator")
    for order in ("backwards", "shuffled"):
        monkeypatch.setenv("MINICNN_EMULATOR_ORDER", order)
        assert computed_bits(name, "emulator") == forwards


def test_every_kernel_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kernel of the contract, of the optimizers, and in the CUDA sources."""
    assert list(CASES) == ALL == cuda.__all__
    launched = set()

    def run(source: str, expression: str, *rest: Any) -> None:
        launched.add(expression.split("<")[0])

    monkeypatch.setattr(launch.emulator, "run", run)
    for name in [*CASES, *STATES]:
        computed_bits(name, "emulator")
    texts = [path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.cu")]
    kernels = {name for text in texts for name in re.findall(r"__global__ void (\w+)\(", text)}
    in_graphs = {"uniform_of_stored_key"}  # see test_capture.py
    assert launched == kernels - in_graphs
