"""Every CUDA kernel compiled for real GPUs by NVRTC, which itself needs none."""

from __future__ import annotations

import re
from itertools import product
from types import ModuleType

import pytest

from minicnn.backend.cuda.source import DIRECTORY, OPTIONS, read_source

SOURCES = sorted(path.name for path in DIRECTORY.glob("*.cu"))
CAPABILITIES = ["75", "80", "90"]  # Turing, Ampere, Hopper
# What launch() puts in for each parameter of a template; V may be the positions of winners.
TYPES = {
    "T": ["float", "double"],
    "V": ["float", "double", "long long"],
    "I": ["int", "long long"],
}
SPILLING = """
template <typename T, typename I> __global__ void spill(T* x, I n) {
    T v[400];
    #pragma unroll
    for (int i = 0; i < 400; ++i) v[i] = x[threadIdx.x + i * n];
    #pragma unroll
    for (int i = 0; i < 400; ++i) v[i] = v[i] * v[(i * 7) % 400] + v[(i + 13) % 400];
    #pragma unroll
    for (int i = 0; i < 400; ++i) x[threadIdx.x + i * n] = v[i];
}
"""


@pytest.fixture(scope="module")
def nvrtc() -> ModuleType:
    """NVIDIA's compiler at run time, as CuPy finds it."""
    name = "cupy_backends.cuda.libs.nvrtc"
    module = pytest.importorskip(name, reason="CuPy is not installed", exc_type=ImportError)
    try:
        module.getVersion()
    except (RuntimeError, OSError) as error:
        pytest.skip(f"CuPy finds no NVRTC: {error}")
    return module


def instances(text: str) -> list[str]:
    """All kernels of a source with all types: "im2col<float, int>", ..."""
    found = []
    kernel = re.compile(r"template <([^>]*)>\s*__global__ void (\w+)\(")
    for parameters, name in kernel.findall(text):
        types = [TYPES[parameter] for parameter in re.findall(r"typename (\w+)", parameters)]
        found += [f"{name}<{', '.join(chosen)}>" for chosen in product(*types)]
    return found


def complaints(nvrtc: ModuleType, text: str, capability: str) -> str:
    """What the compiler and ptxas say about a source and all its kernels: errors and warnings."""
    program = nvrtc.createProgram(text, "source.cu", (), ())
    for expression in instances(text):
        nvrtc.addNameExpression(program, expression)
    # The second writes into the log, as a "ptxas warning".
    more = (f"-arch=sm_{capability}", "--ptxas-options=--warn-on-spills")
    try:
        nvrtc.compileProgram(program, (*OPTIONS, *more))
        assert len(nvrtc.getCUBIN(program)) > 1000
        for expression in instances(text):
            assert nvrtc.getLoweredName(program, expression)
    except nvrtc.NVRTCError as error:
        return f"{error}:\n{_log(nvrtc, program)}"
    return _log(nvrtc, program)


def _log(nvrtc: ModuleType, program: int) -> str:
    log: str = nvrtc.getProgramLog(program)
    return log.strip("\0\n ")


@pytest.mark.parametrize("source", SOURCES)
def test_all_kernels_of_a_source_are_found(source: str) -> None:
    names = {expression.split("<")[0] for expression in instances(read_source(source))}
    assert len(names) == read_source(source).count("__global__") > 0


@pytest.mark.parametrize("capability", CAPABILITIES)
@pytest.mark.parametrize("source", SOURCES)
def test_compiles_without_a_warning_or_spills(
    nvrtc: ModuleType, source: str, capability: str
) -> None:
    assert complaints(nvrtc, read_source(source), capability) == ""


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_spills_and_errors_would_be_seen(nvrtc: ModuleType, capability: str) -> None:
    assert "bytes spill stores" in complaints(nvrtc, SPILLING, capability)
    broken = SPILLING.replace("T v[400];", "T v[400]")
    assert "error: expected" in complaints(nvrtc, broken, capability)
