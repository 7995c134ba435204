"""Against PyTorch: the same weights give the same outputs and gradients."""

from __future__ import annotations

import copy
from collections import OrderedDict

import numpy as np
import pytest

import minicnn as mc
from minicnn import models, nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch
T = torch.nn


def lenet_twin() -> T.Module:
    features = {"conv1": T.Conv2d(1, 6, 5), "relu1": T.ReLU(), "pool1": T.MaxPool2d(2)}
    features |= {"conv2": T.Conv2d(6, 16, 5), "relu2": T.ReLU(), "pool2": T.MaxPool2d(2)}
    dense = {"flatten": T.Flatten(), "fc1": T.Linear(256, 120), "relu3": T.ReLU()}
    dense |= {"fc2": T.Linear(120, 84), "relu4": T.ReLU(), "fc3": T.Linear(84, 10)}
    return T.Sequential(OrderedDict({**features, **dense}))


def chain(n):
    return n.Sequential(
        n.Conv2d(2, 4, (3, 2), stride=(1, 2), padding=1, groups=2),
        n.Tanh(),
        n.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
        n.MaxPool2d(3, 2, 1, ceil_mode=True),
        n.Conv2d(6, 3, 3, dilation=2, padding=2, padding_mode="reflect", bias=False),
        n.Sigmoid(),
        n.AvgPool2d(2, 1, 1, count_include_pad=False),
        n.Flatten(),
        n.Linear(3 * 10 * 8, 5),
    )


def normalised(n):
    """The layers that remember, those that choose by chance switched off, and other poolings."""
    pad = {nn: ((2, 1), (0, 1)), T: (0, 1, 2, 1)}[n]  # PyTorch: left, right, top, bottom
    return n.Sequential(
        n.ReflectionPad2d(1),
        n.Conv2d(2, 6, 3, bias=False),
        n.BatchNorm2d(6, eps=1e-3, momentum=None),
        n.ReLU(),
        n.LocalResponseNorm(4, 1e-2, 0.5, 2.0),
        n.ReplicationPad2d(pad),
        n.LPPool2d(2, 3, 2, ceil_mode=True),
        n.Dropout2d(0.0),
        n.CircularPad2d(1),
        n.AdaptiveAvgPool2d((5, None)),
        n.ZeroPad2d(pad),
        n.BatchNorm2d(6, affine=False, track_running_stats=False),
        n.ConstantPad2d(1, 0.5),
        n.AdaptiveMaxPool2d((3, 4)),
        n.Flatten(),
        n.LayerNorm(72),
        n.Dropout(0.0),
        n.Linear(72, 8),
        n.BatchNorm1d(8, momentum=0.3),
        n.LayerNorm((8,), elementwise_affine=False),
        n.Linear(8, 5),
    )


PAIRS = [
    pytest.param(models.lenet5, lenet_twin, (4, 1, 28, 28), 10, id="lenet5"),
    pytest.param(lambda: chain(nn), lambda: chain(T), (3, 2, 8, 10), 5, id="every-layer"),
    pytest.param(lambda: normalised(nn), lambda: normalised(T), (4, 2, 8, 9), 5, id="normalised"),
]


@pytest.mark.parametrize(("ours", "theirs", "shape", "classes"), PAIRS)
@pytest.mark.parametrize("direction", ["to torch", "from torch"])
def test_a_twin_with_the_same_state_computes_the_same(ours, theirs, shape, classes, direction):
    mc.manual_seed(0)
    torch.manual_seed(0)
    model, twin = ours().to(np.float64), theirs().double()
    assert set(model.state_dict()) == set(twin.state_dict())
    if direction == "to torch":
        twin.load_state_dict({k: torch.from_numpy(v) for k, v in model.state_dict().items()})
    else:
        model.load_state_dict({k: v.numpy() for k, v in twin.state_dict().items()})
    rng = np.random.default_rng(0)
    pixels, labels = rng.normal(size=shape), rng.integers(0, classes, shape[0])
    x = mc.tensor(pixels, requires_grad=True)
    tx = torch.tensor(pixels, requires_grad=True)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)(model(x), mc.tensor(labels))
    torch_loss = T.CrossEntropyLoss(label_smoothing=0.1)(twin(tx), torch.tensor(labels))
    np.testing.assert_allclose(loss.item(), torch_loss.item(), rtol=1e-10)
    loss.backward()
    torch_loss.backward()
    np.testing.assert_allclose(x.grad.data, tx.grad.numpy(), rtol=1e-7, atol=1e-12)
    expected = {name: p.grad.numpy() for name, p in twin.named_parameters()}
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.grad.data, expected[name], rtol=1e-7, atol=1e-12)
    for name, value in twin.state_dict().items():  # running statistics among them
        np.testing.assert_allclose(model.state_dict()[name], value.numpy(), rtol=1e-9)
    y, torch_y = model.eval()(x), twin.eval()(tx)
    np.testing.assert_allclose(y.data, torch_y.detach().numpy(), rtol=1e-7, atol=1e-12)


def test_a_torch_state_dict_loads_as_it_is():
    twin = lenet_twin()
    model = models.lenet5()
    model.load_state_dict(twin.state_dict())
    state = copy.deepcopy(twin.state_dict())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, state[name].numpy())


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu", "selu"])
def test_gains(name):
    assert nn.init.gain(name) == pytest.approx(T.init.calculate_gain(name))


@pytest.mark.parametrize("shape", [(5, 7), (4, 3, 2, 5)])
def test_fans(shape):
    expected = T.init._calculate_fan_in_and_fan_out(torch.zeros(shape))
    assert nn.init.fans(mc.Parameter(np.zeros(shape, np.float32))) == expected
