"""The course's networks in minicnn, PyTorch, Keras and DeZero: one training step of each.

All have the same layers and start from the same weights; ``train_step.py`` compares them. Each
framework is imported only by its own functions.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module  # for packages that the type checker may lack
from typing import Any

import numpy as np

from .contest import Build, Step
from .devices import compiled

__all__ = [
    "CONTESTANTS",
    "NETWORKS",
    "QUICK",
    "batch_of",
    "cores",
    "initial",
    "keras_network",
    "minicnn_step",
    "native_step",
    "torch_layers",
    "torch_step",
    "training_step",
]

Shape = tuple[int, ...]

# A tuple is a layer with weights: input channels, output channels and kernel size of a convolution;
# input and output features of a dense layer.
LENET5 = ((1, 6, 5), "pool", "relu", (6, 16, 5), "pool", "relu", "flatten")
ALEXNET = ((1, 32, 3), "pool", "relu", (32, 64, 3), "pool", "relu", (64, 128, 3), "relu", "flatten")
NETWORKS: dict[str, tuple[Any, ...]] = {
    "lenet5": (*LENET5, (256, 120), "relu", (120, 84), "relu", (84, 10)),
    "alexnet_mnist": (*ALEXNET, (1152, 128), "relu", (128, 10)),
}
QUICK = ("lenet5",)
"""With --quick: a step of the other takes ten seconds on the emulator."""
PARAMETERS = {"lenet5": 44_426, "alexnet_mnist": 241_546}


def minicnn_step(network: str, batch: int, device: str = "cpu", dtype: str = "float32") -> Step:
    """The step in minicnn."""
    import minicnn as mc

    x, y = batch_of(batch)
    model = getattr(mc.models, network)()
    for parameter, value in zip(model.parameters(), _weights(network), strict=True):
        parameter.data[...] = value.reshape(parameter.shape)
    optimizer = mc.optim.Adam(model.to(dtype).to(device).parameters())
    images, labels = mc.Tensor(x).to(dtype).to(device), mc.Tensor(y)
    return training_step(model, mc.ops.cross_entropy, optimizer, images, labels)


def native_step(network: str, batch: int) -> Step:
    """The step in minicnn on the device "native", recorded and replayed as a Trainer does it."""
    import minicnn as mc
    from minicnn.train.step_graph import StepGraph

    x, y = batch_of(batch)
    model = getattr(mc.models, network)()
    for parameter, value in zip(model.parameters(), _weights(network), strict=True):
        parameter.data[...] = value.reshape(parameter.shape)
    optimizer = mc.optim.Adam(model.to(compiled()).parameters())
    images, labels = mc.Tensor(x).to("native"), mc.Tensor(y)

    def compute(images: Any, labels: Any) -> dict[str, Any]:
        loss = mc.ops.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        return {"loss": loss}

    graph = StepGraph(compute, model.parameters(), "native")

    def step() -> object:
        loss = graph(images, labels)["loss"]
        optimizer.step()
        return loss.data

    return step


def torch_step(
    network: str,
    batch: int,
    channels_last: bool = False,
    device: str = "cpu",
    capturable: bool = False,
) -> Step:
    """The step in PyTorch, in its default memory format or in channels_last.

    capturable: so that it can be part of a CUDA graph.
    """
    import torch

    torch.set_num_threads(cores())
    x, y = batch_of(batch)
    memory = torch.channels_last if channels_last else torch.contiguous_format
    model = torch.nn.Sequential(*torch_layers(network)).to(device, memory_format=memory)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), _weights(network), strict=True):
            parameter.copy_(torch.from_numpy(value).view(parameter.shape))
    optimizer = torch.optim.Adam(model.parameters(), capturable=capturable)
    images = torch.tensor(np.ascontiguousarray(x)).contiguous(memory_format=memory).to(device)
    labels = torch.tensor(y).to(device)
    return training_step(model, torch.nn.functional.cross_entropy, optimizer, images, labels)


def training_step(
    model: Any, cross_entropy: Callable[..., Any], optimizer: Any, images: Any, labels: Any
) -> Step:
    """The step of both minicnn and PyTorch, which share these names."""

    def step() -> object:
        loss = cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.data

    return step


def torch_layers(network: str) -> Iterator[Any]:
    """The layers in PyTorch, with weights as it initialises them."""
    from torch import nn

    others = {"pool": lambda: nn.MaxPool2d(2), "relu": nn.ReLU, "flatten": nn.Flatten}
    for layer in NETWORKS[network]:
        if isinstance(layer, str):
            yield others[layer]()
        else:
            yield nn.Conv2d(*layer) if len(layer) == 3 else nn.Linear(*layer)


def channels_last_step(network: str, batch: int) -> Step:
    """The step in PyTorch in the memory format that suits its convolutions best."""
    return torch_step(network, batch, channels_last=True)


def keras_fit_step(network: str, batch: int) -> Step:
    """The compiled step that Keras's ``fit`` runs for each batch of a tf.data pipeline."""
    tf, model, images, labels = _keras_model(network, batch)
    batches = iter(tf.data.Dataset.from_tensors((images, labels)).repeat())
    model.make_train_function()
    return lambda: model.train_function(batches)["loss"]


def keras_train_on_batch_step(network: str, batch: int) -> Step:
    """The step of Keras for a training loop of one's own."""
    _, model, images, labels = _keras_model(network, batch)
    return lambda: model.train_on_batch(images, labels)


def _keras_model(network: str, batch: int) -> tuple[Any, ...]:
    """TensorFlow, the compiled model with our weights, images (N, H, W, C) and labels (N,)."""
    tf, model = keras_network(network)
    model.set_weights(list(_keras_weights(network)))
    x, y = batch_of(batch)
    with _silent_stderr():
        images = tf.constant(np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
        labels = tf.constant(y)
    return tf, model, images, labels


def keras_network(network: str, seed: int = 0) -> tuple[Any, Any]:
    """TensorFlow, and the network as Keras initialises it and the course compiles it."""
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with _silent_stderr():
        tf, keras = import_module("tensorflow"), import_module("keras")
        tf.config.threading.set_intra_op_parallelism_threads(cores())
        tf.config.threading.set_inter_op_parallelism_threads(cores())
        tf.config.set_visible_devices([], "GPU")
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((28, 28, 1)), *_keras_layers(network, keras.layers)])
    assert model.count_params() == PARAMETERS[network]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(), loss=loss)
    return tf, model


def _keras_layers(network: str, layers: Any) -> Iterator[Any]:
    others = {
        "pool": lambda: layers.MaxPooling2D(2),
        "relu": layers.ReLU,
        "flatten": layers.Flatten,
    }
    for layer in NETWORKS[network]:
        if isinstance(layer, str):
            yield others[layer]()
        else:
            yield layers.Conv2D(*layer[1:]) if len(layer) == 3 else layers.Dense(layer[1])


def _keras_weights(network: str) -> Iterator[Any]:
    """The weights with inputs before outputs, and features in the order H, W, C."""
    maps = 1  # channels of the images that a dense layer gets flattened
    for value in _weights(network):
        if value.ndim == 4:
            maps = len(value)
            yield value.transpose(2, 3, 1, 0)  # (KH, KW, C, O)
        elif value.ndim == 2:
            by_map = value.reshape(len(value), maps, -1)  # (O, C, H·W)
            yield by_map.transpose(2, 1, 0).reshape(-1, len(value))  # (H·W·C, O)
            maps = 1
        else:
            yield value


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Suppress what C++ libraries write to file descriptor 2 when they start."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def dezero_step(network: str, batch: int) -> Step:
    """The step in DeZero, with its own convolution, pooling, dense layers and Adam.

    Three things are adapted. DeZero uses ``np.int``, which NumPy 1.24 removed. Its weights are cast
    to float32, since NumPy 2 makes them float64. The loss is composed of its operations: its own
    ``softmax_cross_entropy`` gives float64 gradients, twice the work for all other layers.
    """
    np.int = int  # type: ignore[attr-defined]
    try:
        dezero = import_module("dezero")
    finally:
        del np.int  # type: ignore[attr-defined]
    F = dezero.functions
    x, y = batch_of(batch)
    layers = list(_dezero_layers(network, dezero))
    model = dezero.models.Sequential(*(x for x in layers if isinstance(x, dezero.Layer)))
    weights = _weights(network)
    for layer in model.layers:
        value = next(weights)
        layer.W.data = value if value.ndim == 4 else np.ascontiguousarray(value.T)
        layer.b.data = next(weights)
    assert sum(parameter.size for parameter in model.params()) == PARAMETERS[network]
    optimizer = dezero.optimizers.Adam().setup(model)
    images, one_hot, count = np.ascontiguousarray(x), np.eye(10, dtype=np.float32)[y], len(y)

    def step() -> object:
        z = images
        for layer in layers:
            z = layer(z)
        loss = -F.sum(F.log_softmax(z) * one_hot) / np.float32(count)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return loss.data

    return step


def _dezero_layers(network: str, dezero: Any) -> Iterator[Any]:
    F, L = dezero.functions, dezero.layers
    others = {"pool": lambda x: F.pooling(x, 2, 2), "relu": F.relu, "flatten": F.flatten}
    for layer in NETWORKS[network]:
        if isinstance(layer, str):
            yield others[layer]
        else:
            yield L.Conv2d(*layer[1:]) if len(layer) == 3 else L.Linear(layer[1])


CONTESTANTS: dict[str, Build] = {
    "minicnn": minicnn_step,
    "minicnn native": native_step,
    "PyTorch": torch_step,
    "PyTorch channels_last": channels_last_step,
    "Keras fit": keras_fit_step,
    "Keras train_on_batch": keras_train_on_batch_step,
    "DeZero": dezero_step,
}


def cores() -> int:
    """The number of cores this process may use, which is also BLAS's default."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def batch_of(batch: int) -> tuple[Any, Any]:
    """Images (N, 1, 28, 28), batch-last as the DataLoader makes them, and labels (N,)."""
    rng = np.random.default_rng(0)
    pixels = rng.random((1, 28, 28, batch), np.float32)
    return pixels.transpose(3, 0, 1, 2), rng.integers(0, 10, batch)


def _weights(network: str) -> Iterator[Any]:
    """Weight (O, C, KH, KW) or (O, features) and bias (O,) of each layer in turn."""
    shapes: list[Shape] = []
    for layer in NETWORKS[network]:
        if not isinstance(layer, str):
            inputs, outputs, *kernel = layer
            shapes += [(outputs, inputs, *kernel * 2), (outputs,)]
    return initial(shapes)


def initial(shapes: Iterable[Shape]) -> Iterator[Any]:
    """Weights that preserve the scale of activations, and small biases; the same every time."""
    rng = np.random.default_rng(1)
    for shape in shapes:
        deviation = math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.1
        yield rng.standard_normal(shape, np.float32) * np.float32(deviation)
