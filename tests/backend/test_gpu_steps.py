"""What a training step asks of a GPU: how many operations, no waiting, and all on its own GPU."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
from support.fake_cupy import GPU, FakeArray, FakeCupy

import minicnn as mc
from minicnn import data, nn, ops, optim, train
from minicnn.backend import device_of, on_device_of, to_device
from minicnn.backend.cuda import cublas, nvrtc, source
from minicnn.backend.layout import as_chwn, as_nchw
from minicnn.backend.random import Part

pytestmark = pytest.mark.usefixtures("cupy")

LABELS = np.arange(8) % 4


def images(device: str = "cuda:0", channels: int = 1, size: int = 28) -> mc.Tensor:
    """A batch as a loader makes it: batch-last, on the device."""
    values = np.random.default_rng(0).random((8, channels, size, size), np.float32)
    return mc.Tensor(to_device(as_nchw(as_chwn(values)), device))


def step_of(model: nn.Module, optimizer: optim.Optimizer, x: mc.Tensor) -> Callable[[], None]:
    """A step with other labels each time, as batches have them."""
    shifts = count()

    def step() -> None:
        loss = ops.cross_entropy(model(x), np.roll(LABELS, next(shifts)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def counted(step: Callable[[], Any]) -> dict[str, int]:
    """The operations of one step, after others have filled the caches."""
    step()
    step()
    with GPU.without_waiting(), GPU.counting() as operations:
        step()
    return dict(operations)


@pytest.mark.parametrize("kind", [optim.Adam, optim.SGD, optim.RMSprop])
def test_operations_of_a_step_of_lenet5(kind: type[optim.Optimizer]) -> None:
    """So that none comes back unnoticed (``python -m benchmarks operations``)."""
    model = mc.models.lenet5().to("cuda")
    operations = counted(step_of(model, kind(model.parameters()), images()))
    assert sum(operations.values()) <= 44, operations
    copies = {name: n for name, n in operations.items() if name.startswith("copy")}
    assert copies == {"copy to the GPU": 1}  # the labels
    assert operations["kernel join"] == 1  # of the gradients, none of which was copied before


LAYERS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "batch norm": (lambda: nn.BatchNorm2d(4), 9),
    "batch norm, mean of all": (lambda: nn.BatchNorm2d(4, momentum=None), 9),
    "layer norm": (lambda: nn.LayerNorm((4, 6, 6)), 9),
    "local response norm": (lambda: nn.LocalResponseNorm(3), 3),
    "gelu": (lambda: nn.GELU(), 2),
    "sigmoid": (lambda: nn.Sigmoid(), 4),
    "dropout": (lambda: nn.Dropout(0.5), 7),
    "max pool": (lambda: nn.MaxPool2d(2), 2),
}


@pytest.mark.parametrize("name", LAYERS)
def test_operations_of_a_layer_forward_and_back(name: str) -> None:
    make, most = LAYERS[name]
    layer, x = make().to("cuda"), images("cuda:0", 4, 6)
    seed = layer(x).detach()
    inputs = [x, *layer.parameters()]
    x.requires_grad = True
    operations = counted(lambda: mc.grad(layer(x), inputs, seed))
    assert sum(operations.values()) <= most, operations


def trainer(device: str = "cuda:0", **options: Any) -> train.Trainer:
    mc.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same"), nn.BatchNorm2d(4), nn.GELU(), nn.MaxPool2d(2),
        nn.LocalResponseNorm(3), nn.Dropout(0.2), nn.Flatten(), nn.LayerNorm(64), nn.Linear(64, 4),
    )  # fmt: skip
    optimizer = optim.SGD(model.parameters(), 0.05, 0.9)
    return train.Trainer(model, optimizer, device=device, **options)


def loader(batches: int) -> data.DataLoader:
    values = np.random.default_rng(0).integers(0, 256, (8 * batches, 8, 8), np.uint8)
    labels = np.arange(8 * batches) % 4
    return data.DataLoader(data.ArrayDataset(values, labels), 8, shuffle=True, seed=0)


@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_a_step_of_a_trainer_waits_for_nothing(clip_norm: float | None) -> None:
    trained = trainer(clip_norm=clip_norm)
    trained.fit(loader(2), 1)
    step = train.steps.Steps(trained, trained._measures, trained._parallel)
    part = Part(0, 8, 8)
    operations = counted(lambda: trained.progress.end_batch(8, *step(images(size=8), LABELS, part)))
    assert operations["copy to the GPU"] == 1  # once for the loss and the accuracy


def test_an_epoch_waits_a_few_times_however_many_batches_it_has() -> None:
    waits = []
    for batches in (2, 6):
        trained = trainer(clip_norm=1.0)
        GPU.waits.clear()
        trained.fit(loader(batches), 1)
        waits.append(len(GPU.waits))
    assert waits[0] == waits[1] <= 6


def test_clipping_has_the_same_norm_and_gradients_on_a_gpu() -> None:
    found = []
    for device in ("cpu", "cuda"):
        ones = [to_device(np.ones(n, np.float32), device) for n in (3, 5)]
        parameters = [mc.Parameter(array) for array in ones]
        for p in parameters:
            p.grad = mc.tensor(np.arange(p.size, dtype=np.float32), device=device)
        norms = [optim.clip_grad_norm(parameters, most) for most in (1.0, 100.0)]
        found.append((norms, [p.grad.numpy().tolist() for p in parameters]))
    (cpu_norms, cpu_grads), (gpu_norms, gpu_grads) = found
    np.testing.assert_allclose(gpu_norms, cpu_norms, rtol=1e-6)
    assert gpu_grads == [pytest.approx(g, rel=1e-6) for g in cpu_grads]


def test_labels_that_change_are_uploaded_again() -> None:
    scores = mc.tensor(np.eye(2, dtype=np.float32), device="cuda")
    labels = np.array([0, 1])
    assert ops.accuracy(scores, labels).item() == 1
    labels[...] = 1 - labels
    assert ops.accuracy(scores, labels).item() == 0


# Two GPUs: the model is on one, and the program uses the other in between


@pytest.mark.parametrize("own", [0, 1])
def test_everything_happens_on_the_gpu_of_the_model(cupy: FakeCupy, own: int) -> None:
    other = cupy.cuda.Device(1 - own)
    losses = []
    for device in ("cpu", f"cuda:{own}"):
        trained, batches = trainer(device, clip_norm=1.0), loader(3)
        for _ in range(2):
            other.use()
            trained.fit(batches, 1, validation=loader(1))
        losses.append(trained.history["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    other.use()
    assert trained.predict(images("cpu", size=8)).device == device
    arrays = [p.data for p in trained.model.parameters()]
    arrays += [p.grad.data for p in trained.model.parameters() if p.grad is not None]
    arrays += [a for _, state in trained.optimizer.state_arrays() for a in state.values()]
    assert {device_of(a) for a in arrays} == {device}


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_stay_on_their_gpu(cupy: FakeCupy, copied: Callable[[Any], Any]) -> None:
    trained = trainer("cuda:1")
    trained.fit(loader(1), 1)
    cupy.cuda.Device(0).use()
    model, optimizer = copied((trained.model, trained.optimizer))
    assert {p.device for p in model.parameters()} == {"cuda:1"}
    step_of(model, optimizer, images("cuda:1", size=8))()
    assert {device_of(a) for _, s in optimizer.state_arrays() for a in s.values()} == {"cuda:1"}


def test_a_state_of_cupy_arrays_is_loaded() -> None:
    model = nn.Linear(2, 1).to("cuda:1")
    state = {
        name: to_device(np.full_like(a, 3), "cuda:0") for name, a in model.state_dict().items()
    }
    assert all(isinstance(array, FakeArray) for array in state.values())
    model.load_state_dict(state)
    assert model.weight.device == "cuda:1"
    np.testing.assert_array_equal(model.weight.numpy(), [[3, 3]])


def test_a_tensor_made_of_a_tensor_on_the_other_gpu(cupy: FakeCupy) -> None:
    x = mc.tensor([1.0, 2.0], device="cuda:1")
    cupy.cuda.Device(0).use()
    made = mc.tensor(x, dtype="float64", device="cuda:1")
    assert (made.device, made.dtype, made.numpy().tolist()) == ("cuda:1", np.float64, [1, 2])
    assert made.data.base is not x.data


# Where CuPy differs from NumPy


def test_the_sign_of_minus_zero_arrives() -> None:
    x = mc.tensor([1.0, -1.0], device="cuda")
    assert np.signbit((x * -0.0).numpy()).tolist() == [True, False]
    assert np.signbit(to_device(to_device(np.array(-0.0), "cuda"), "cpu"))


@pytest.mark.parametrize("find", [ops.argmax, ops.argmin])
def test_of_several_nan_the_first_is_found(find: Callable[..., mc.Tensor]) -> None:
    x = mc.tensor([[1.0, np.nan, np.nan], [5.0, 0.0, 1.0]], device="cuda")
    assert find(x).item() == 1
    expected = [1, 0] if find is ops.argmax else [1, 1]
    assert find(x, 1).data.tolist() == expected


def test_a_header_that_changed_is_compiled_again(
    cupy: FakeCupy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CuPy keeps compiled kernels on disk by their source and options, without what is included."""

    def read(name: str) -> str:
        return source.read_source(name) + "// changed" * (name == "common.cuh")

    x = to_device(np.ones((1, 2, 2, 1)), "cuda")
    for _ in range(2):
        with on_device_of(x):
            nvrtc._compiled("channels.cu", "sum_per_channel<double, int>", "cuda:0")
        nvrtc._compiled.cache_clear()
        monkeypatch.setattr(nvrtc, "read_source", read)
    before, after = cupy.RawModule.asked
    assert before["code"] == after["code"]
    assert before["options"] != after["options"]


# cuBLAS or kernels


def products_of(op: Callable[[], mc.Tensor], inputs: list[mc.Tensor]) -> int:
    """The matrix products of cuBLAS in a forward and a backward pass."""
    with GPU.counting() as operations:
        y = op()
        mc.grad(y, inputs, y.detach())
    return operations["product matmul"]


@pytest.mark.parametrize(
    ("maps", "kernel", "products"), [(40, 3, 0), (48, 3, 3), (16, 1, 3)], ids=str
)
def test_large_products_are_those_of_cublas(
    monkeypatch: pytest.MonkeyPatch, maps: int, kernel: int, products: int
) -> None:
    monkeypatch.setattr(cublas, "SMALL", 1000)
    x = images("cuda:0", 2, 6)
    x.requires_grad = True
    weight = mc.tensor(np.ones((maps, 2, kernel, kernel), np.float32), device="cuda")
    weight.requires_grad = True
    inputs = [x, weight]
    assert products_of(lambda: ops.conv2d(x, weight), inputs) == products
    monkeypatch.setattr(cublas, "SMALL", 1 << 24)
    assert products_of(lambda: ops.conv2d(x, weight), inputs) == 0


def test_cublas_and_kernels_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for small in (1 << 24, 1):
        monkeypatch.setattr(cublas, "SMALL", small)
        monkeypatch.setattr(cublas, "MOST_MAPS", 0)
        mc.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), nn.Flatten(), nn.Linear(36, 3)
        ).to("cuda")
        x = images("cuda:0", 2, 6)
        x.requires_grad = True
        with GPU.counting() as operations:
            grads = mc.grad(model(x).sum(), [x, *model.parameters()])
        assert operations["product matmul"] == (0 if small > 1 else 6)
        found.append([grad.numpy() for grad in grads])
    for kernels, products in zip(*found, strict=True):
        np.testing.assert_allclose(products, kernels, rtol=1e-5, atol=1e-5)
