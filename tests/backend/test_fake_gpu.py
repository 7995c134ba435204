"""What is asked of CuPy, with a stand-in for it: the launcher, moves, and a GPU that is full."""

from __future__ import annotations

import numpy as np
import pytest
from support.fake_cupy import FakeArray, FakeCupy

import minicnn as mc
from minicnn import data, nn, ops, optim, train
from minicnn.backend import DeviceError, to_device
from minicnn.backend.cuda import launch

pytestmark = pytest.mark.usefixtures("cupy")


def network() -> nn.Module:
    mc.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, padding_mode="reflect"), nn.BatchNorm2d(4), nn.ReLU(),
        nn.MaxPool2d(2), nn.LocalResponseNorm(3), nn.Dropout(0.2), nn.Flatten(), nn.Linear(64, 4),
    )  # fmt: skip


def history(device: str) -> list[float]:
    rng = np.random.default_rng(0)
    dataset = data.ArrayDataset(rng.integers(0, 256, (20, 8, 8), np.uint8), np.arange(20) % 4)
    model = network()
    trainer = train.Trainer(model, optim.SGD(model.parameters(), 0.05, 0.9), device=device)
    return trainer.fit(data.DataLoader(dataset, 8, shuffle=True, seed=0), 2)["loss"]


@pytest.mark.parametrize("device", ["cuda:0", "cuda:1"])
def test_a_training_on_a_gpu(device: str) -> None:
    assert history(device) == pytest.approx(history("cpu"), rel=1e-4)


def test_names_of_gpus() -> None:
    assert mc.cuda_is_available()
    assert mc.tensor([1.0], device="cuda").device == "cuda:0"
    assert mc.tensor([1.0], device="cuda:1").device == "cuda:1"
    with pytest.raises(DeviceError, match=r'"cuda:2": 2 GPUs were found, the last .*"cuda:1"'):
        mc.tensor([1.0], device="cuda:2")


def test_from_one_gpu_to_another_and_back() -> None:
    x = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)
    first = to_device(x, "cuda:0")
    second = to_device(first, "cuda:1")
    assert isinstance(second, FakeArray)
    assert (first.device.id, second.device.id) == (0, 1)
    back = to_device(second, "cpu")
    assert type(back) is np.ndarray
    np.testing.assert_array_equal(back, x)
    assert first.strides == second.strides == back.strides == x.strides
    assert mc.Tensor(second).to("emulator").device == "emulator"


def test_two_gpus_in_one_op() -> None:
    a, b = mc.tensor([1.0], device="cuda:0"), mc.tensor([1.0], device="cuda:1")
    with pytest.raises(DeviceError, match=r"Add: input 0 .* cuda:0, but input 1 .* cuda:1"):
        a + b


def test_a_kernel_is_compiled_once_for_each_gpu(cupy: FakeCupy) -> None:
    for _ in range(2):
        for device in ("cuda:0", "cuda:1"):
            ops.max_pool2d(mc.tensor(np.ones((2, 1, 4, 4)), device=device), 2)
    (asked, same) = cupy.RawModule.asked
    assert asked == same
    assert asked["name_expressions"] == ("max_pool<double, int>",)
    assert "-std=c++17" in asked["options"]


def test_a_kernel_that_does_not_compile(cupy: FakeCupy, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(module: object, expression: str) -> None:
        raise cupy.broken("columns.cu(7): error: expected a ';'")

    monkeypatch.setattr(cupy.RawModule, "get_function", fails)
    x = to_device(np.ones((1, 2, 2, 1)), "cuda")
    with pytest.raises(DeviceError, match=r"(?s)sum_over_.*<.*> of channels.cu .*\(7\): error"):
        launch.launch("channels.cu", "sum_over_neighbour_channels", 4, x, x, 1, 1, 1, 4)


def test_a_full_gpu_says_what_is_in_use(cupy: FakeCupy, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise cupy.out_of_memory("Out of memory allocating 400 bytes")

    x = mc.tensor(np.ones((1, 1, 2, 2)), device="cuda")
    monkeypatch.setattr(cupy, "empty", full, raising=False)
    message = (
        r"cuda:0: Out of memory allocating 400 bytes.* in use hold 3 MiB, 5 MiB are kept.*free"
    )
    with pytest.raises(MemoryError, match=message):
        ops.max_pool2d(x, 2)
