"""Every network of minicnn.models as an ONNX file, and what the file holds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

import minicnn as mc
from minicnn import models, nn
from minicnn.export import export_onnx

TOO_LARGE = {  # more than 60 million parameters; their layers are those of scaled_alexnet
    "alexnet",
    "alexnet_torchvision",
}
PUBLIC = {name: getattr(models, name) for name in models.__all__}
NETWORKS = {n: v for n, v in PUBLIC.items() if inspect.isclass(v) and issubclass(v, nn.Module)}
del NETWORKS["ImageClassifier"]  # which has no layers
FUNCTIONS = {n: v for n, v in PUBLIC.items() if inspect.isfunction(v)}
RETURNED = {name: get_type_hints(v).get("return") for name, v in FUNCTIONS.items()}
BUILDERS = {n: FUNCTIONS[n] for n, kind in RETURNED.items() if kind in NETWORKS.values()}
BUILDERS |= {n: v for n, v in NETWORKS.items() if v not in RETURNED.values()}


def initializers(file: Any) -> dict[str, Any]:
    from onnx import numpy_helper

    return {i.name: numpy_helper.to_array(i) for i in file.graph.initializer}


@pytest.mark.parametrize("name", sorted(BUILDERS.keys() - TOO_LARGE))
def test_every_network_gives_the_same_outputs(name: str, agrees: Callable[..., Any]) -> None:
    model = BUILDERS[name]()
    assert_state(agrees(model), model)


def test_average_pooling_instead(agrees: Callable[..., Any]) -> None:
    agrees(models.lenet5_sigmoid("avg"))


def assert_state(file: Any, model: nn.Module) -> None:
    """The initializers are the state dict: the same names and the same numbers."""
    state, written = model.state_dict(), initializers(file)
    assert written.keys() == {n for n in state if not n.endswith("num_batches_tracked")}
    for name, array in written.items():
        assert array.dtype == state[name].dtype
        np.testing.assert_array_equal(array, state[name])


class Blocks(nn.Module):
    """What networks are made of besides chains: shortcuts, branches, shared layers, statistics."""

    input_shape = (3, 9, 8)

    def __init__(self) -> None:
        self.stem = nn.Conv2d(3, 4, 3, padding="same", stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.twice = nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")
        self.again = self.twice  # shared: one name in the file
        self.dropout = nn.Dropout(0.9)
        self.input = nn.Linear(8, 3)  # its nodes must not clash with the graph's own "input"

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        x = self.norm(self.stem(x))  # (N, 4, 5, 4)
        x = mc.ops.relu(x + self.again(self.twice(x)))
        x = mc.ops.concatenate([x.mean((2, 3)), x.max((2, 3))], 1)  # (N, 8)
        return self.input(self.dropout(x))


def test_a_network_of_blocks(agrees: Callable[..., Any]) -> None:
    model = Blocks()
    for name, buffer in model.named_buffers():
        if name != "norm.num_batches_tracked":
            buffer.data[...] = np.linspace(0.5, 2, 4)
    file = agrees(model)
    names = {*dict(model.named_parameters()), "norm.running_mean", "norm.running_var"}
    assert initializers(file).keys() == names


class Names(nn.Module):
    """Parameters with the names that the graph would take."""

    def __init__(self) -> None:
        self.input, self.output, self.Mul_0 = (mc.nn.Linear(4, 1).weight for _ in range(3))

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return x * self.input * self.output + self.Mul_0


def test_names_that_are_taken(onnx: Any, tmp_path: Path) -> None:
    model = Names()
    export_onnx(model, tmp_path / "x.onnx", (4,))
    file = onnx.load(tmp_path / "x.onnx")
    assert_state(file, model)
    (x,), (y,) = file.graph.input, file.graph.output
    assert (x.name, y.name) == ("input_", "output_")


def test_the_file_says_what_it_is(agrees: Callable[..., Any]) -> None:
    file = agrees(models.lenet5())
    assert (file.producer_name, file.producer_version) == ("minicnn", mc.__version__)
    assert [(o.domain, o.version) for o in file.opset_import] == [("", 19)]
    assert file.graph.name == "LeNet5"
    (x,), (y,) = file.graph.input, file.graph.output
    dims = [d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim]
    assert (x.name, dims) == ("input", ["N", 1, 28, 28])
    dims = [d.dim_param or d.dim_value for d in y.type.tensor_type.shape.dim]
    assert (y.name, dims) == ("output", ["N", 10])
    known = {v.name for v in file.graph.value_info} | {"output"}
    assert {name for node in file.graph.node for name in node.output} <= known
