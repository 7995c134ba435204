"""What export_onnx refuses, what it leaves as it was, and how it writes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, ops
from minicnn.autograd import Function
from minicnn.backend.random import generator
from minicnn.export import ExportError, export_onnx
from minicnn.export.table import CONVERTERS
from minicnn.ops.activation import ReLU


class Computes(nn.Module):
    input_shape = (3, 4, 4)

    def __init__(self, function: Callable[[mc.Tensor], Any]) -> None:
        self.function = function

    def forward(self, x: mc.Tensor) -> Any:
        return self.function(x)


class Cube(Function):
    def forward(self, x: Any) -> Any:
        return x**3


def unpooled(x: mc.Tensor) -> mc.Tensor:
    return ops.max_unpool2d(*ops.max_pool2d(x, 2, return_indices=True), 2)


REFUSED: dict[str, tuple[Callable[[mc.Tensor], Any], str]] = {
    "unknown op": (
        lambda x: Cube.apply(x),
        "the op Cube has no counterpart in minicnn/export/table.py",
    ),
    "unpooling": (unpooled, "the op MaxUnpool2d has no counterpart"),
    "comparison": (lambda x: ops.where(x > 0.5, x, 0), "input 2 of Where depends on the images"),
    "through data": (lambda x: x * float(x.data.max()), "input 1 of Mul depends on the images"),
    "the batch's length": (lambda x: x.mean(0), "input 1 of Div depends on the images or on their"),
    "powers": (lambda x: ops.lp_pool2d(x, 2.5, 2), "the op Keep has no counterpart"),
    "indices": (lambda x: x[np.arange(len(x)), 0], "index of GetItem depends on the images"),
    "an output by data": (lambda x: mc.Tensor(x.data * 2), "the output of Computes depends on"),
    "other ops": (lambda x: x + 1 if len(x) == 2 else x * 1, "calls other ops for 2 images than"),
    "several indices": (lambda x: x[:, [0, 1], [1, 0]], "GetItem has the index"),
    "a large mask": (lambda x: x[:, np.eye(3, 4) == 1], "GetItem has a mask of 2 axes"),
    "two lengths": (
        lambda x: ops.einsum("iabc,jabc->ij", x, x).reshape(1, 1, *2 * (len(x),)),
        "several axes whose length depends on the number of images, (?, ?) -> (1, 1, ?, ?)",
    ),
    "repeated": (
        lambda x: ops.broadcast_to(x.sum(), (len(x), 3)),
        "BroadcastTo repeats () to (?, 3)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_graph_cannot_hold(name: str, onnx: Any, tmp_path: Path) -> None:
    function, message = REFUSED[name]
    apply = Function.__dict__["apply"]
    with pytest.raises(ExportError) as raised:
        export_onnx(Computes(function), tmp_path / "x.onnx")
    assert str(raised.value).startswith("export_onnx: ")
    assert message in str(raised.value)
    assert not list(tmp_path.iterdir())
    assert Function.__dict__["apply"] is apply


ARGUMENTS: dict[str, tuple[tuple[Any, ...], type[Exception], str]] = {
    "model": ((3,), TypeError, "model is a int, expected a Module"),
    "no shape": ((nn.ReLU(),), ValueError, "ReLU has no input_shape, expected one as an argument"),
    "shape": ((nn.ReLU(), 3), TypeError, "input_shape: got 3, expected the shape of one image"),
    "empty": ((nn.ReLU(), (1, 0)), ValueError, "input_shape: got 0, expected an integer of 1 or"),
    "half": ((nn.ReLU(), (1, 0.5)), TypeError, "input_shape: got 0.5, expected an integer of 1 or"),
    "batch": ((nn.ReLU(), (1,), 0), ValueError, "batch_size: got 0, expected an integer of 1 or"),
    "float": ((nn.ReLU(), (1,), 2.0), TypeError, "batch_size: got 2.0, expected an integer"),
    "name": ((nn.ReLU(), (1,), ""), ValueError, "batch_size: got '', expected a name"),
    "tuple": ((nn.MaxPool2d(2, return_indices=True), (1, 4, 4)), TypeError, "returns a tuple"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_other_arguments(name: str, onnx: Any, tmp_path: Path) -> None:
    (model, *others), kind, message = ARGUMENTS[name]
    with pytest.raises(kind) as raised:
        export_onnx(model, tmp_path / "x.onnx", *others)
    assert message in str(raised.value)


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"onnx is missing: pip install onnx"):
        export_onnx(mc.models.lenet5(), tmp_path / "x.onnx")


def test_the_package_is_imported_only_when_needed() -> None:
    code = "import sys, minicnn.export; assert not any(m.startswith('onnx') for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_model_is_left_as_it_was(onnx: Any, tmp_path: Path) -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(), nn.Flatten(), nn.Linear(8, 3)
    )
    model[2].eval()
    model(mc.Tensor(np.ones((2, 1, 4, 4), np.float32))).sum().backward()
    modes = [module.training for module in model.modules()]
    gradients = [p.grad for p in model.parameters()]
    arrays = [p.data for p in model.parameters()]
    state, chance = model.state_dict(), generator().bit_generator.state
    export_onnx(model, tmp_path / "x.onnx", (1, 4, 4))
    assert [module.training for module in model.modules()] == modes
    assert all(p.grad is g for p, g in zip(model.parameters(), gradients, strict=True))
    assert all(p.data is a for p, a in zip(model.parameters(), arrays, strict=True))
    assert all(np.array_equal(a, state[n]) for n, a in model.state_dict().items())
    assert generator().bit_generator.state == chance
    assert mc.is_grad_enabled()


def test_ops_of_other_threads_are_not_recorded(onnx: Any, tmp_path: Path) -> None:
    def function(x: mc.Tensor) -> mc.Tensor:
        if len(x) == 2:
            other = Thread(target=lambda: ops.relu(mc.tensor([1.0])))
            other.start()
            other.join()
        return x * 2

    export_onnx(Computes(function), tmp_path / "x.onnx")


def test_an_apply_bound_before_is_recorded_too(onnx: Any, tmp_path: Path) -> None:
    apply = ReLU.apply
    export_onnx(Computes(lambda x: apply(x) * 2), tmp_path / "x.onnx")
    ops_of = [node.op_type for node in onnx.load(tmp_path / "x.onnx").graph.node]
    assert "Relu" in ops_of


def test_a_fixed_batch(onnx: Any, tmp_path: Path) -> None:
    export_onnx(mc.models.lenet5(), tmp_path / "x.onnx", batch_size=4)
    graph = onnx.load(tmp_path / "x.onnx").graph
    for value, shape in ((graph.input[0], [4, 1, 28, 28]), (graph.output[0], [4, 10])):
        assert [d.dim_value for d in value.type.tensor_type.shape.dim] == shape


def test_another_dtype(onnx: Any, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    model = nn.Sequential(nn.Linear(4, 3), nn.Softmax()).to(np.float64)
    export_onnx(model, tmp_path / "x.onnx", (4,))
    x = np.random.default_rng(0).standard_normal((5, 4))
    (y,) = runtime.InferenceSession(tmp_path / "x.onnx").run(None, {"input": x})
    np.testing.assert_allclose(y, model(mc.tensor(x)).numpy(), rtol=1e-6)


def test_a_model_on_any_device(device: str, onnx: Any, tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.MaxPool2d(2), nn.Flatten())
    model.last = Computes(lambda x: x.to("cpu"))  # type: ignore[attr-defined]
    export_onnx(model, tmp_path / "cpu.onnx", (1, 6, 6))
    export_onnx(model.to(device), tmp_path / "device.onnx", (1, 6, 6))
    assert (tmp_path / "cpu.onnx").read_bytes() == (tmp_path / "device.onnx").read_bytes()


def test_an_output_that_is_a_parameter(onnx: Any, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    weight = nn.Linear(2, 3).weight
    for function in (lambda _: weight, lambda _: weight[...]):
        model = Computes(function)
        model.weight = weight  # type: ignore[attr-defined]
        export_onnx(model, tmp_path / "x.onnx")
        images = np.zeros((1, 3, 4, 4), np.float32)
        (y,) = runtime.InferenceSession(tmp_path / "x.onnx").run(None, {"input": images})
        np.testing.assert_array_equal(y, weight.data)


def test_an_op_that_the_output_does_not_need(onnx: Any, tmp_path: Path) -> None:
    export_onnx(Computes(lambda x: (Cube.apply(x), x * 2)[1]), tmp_path / "x.onnx")


def test_a_crash_leaves_the_old_file(
    onnx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        export_onnx(mc.models.lenet5(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_checker_refuses_is_not_written(
    onnx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONVERTERS, ReLU, lambda graph, _, inputs: graph.node("Relu", *inputs, a=1))
    with pytest.raises(onnx.checker.ValidationError, match="Unrecognized attribute: a"):
        export_onnx(nn.ReLU(), tmp_path / "x.onnx", (3,))
    assert not list(tmp_path.iterdir())


def test_a_directory_is_no_file(onnx: Any, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="export_onnx: .* is a folder, expected a file"):
        export_onnx(mc.models.lenet5(), tmp_path)
