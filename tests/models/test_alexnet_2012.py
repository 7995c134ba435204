"""AlexNet of 2012, torchvision's, and the scaled one: the paper's numbers, names, and learning."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import models, nn, ops

LAYERS = {
    "conv1": 34_944,
    "conv2": 307_456,
    "conv3": 885_120,
    "conv4": 663_936,
    "conv5": 442_624,
    "fc6": 37_752_832,
    "fc7": 16_781_312,
    "fc8": 4_097_000,
}
TORCHVISION = {
    "features.0": (64, 3, 11, 11),
    "features.3": (192, 64, 5, 5),
    "features.6": (384, 192, 3, 3),
    "features.8": (256, 384, 3, 3),
    "features.10": (256, 256, 3, 3),
    "classifier.1": (4096, 9216),
    "classifier.4": (4096, 4096),
    "classifier.6": (1000, 4096),
}


@pytest.fixture(scope="module")
def alexnet() -> models.AlexNet:
    """Built once: 60 million weights take a second and 244 MB."""
    mc.manual_seed(0)
    return models.alexnet()


def images(count: int, *shape: int) -> mc.Tensor:
    pixels = np.random.default_rng(0).uniform(size=(count, *shape))
    return mc.tensor(pixels.astype(np.float32))


def counts(model: nn.Module) -> dict[str, int]:
    by_layer = {name: sum(p.size for p in m.parameters()) for name, m in model.named_children()}
    return {name: count for name, count in by_layer.items() if count}


def shapes(model: nn.Module, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {row.layer.split()[0]: row.output_shape for row in mc.summary(model, shape).rows}


def test_alexnet_layer_by_layer(alexnet):
    assert counts(alexnet) == LAYERS
    assert sum(LAYERS.values()) == 60_965_224
    found = shapes(alexnet, alexnet.input_shape)  # one forward at batch 1
    assert found["conv1"] == found["norm1"] == (96, 55, 55)
    assert found["pool1"] == (96, 27, 27)
    assert found["conv2"] == found["norm2"] == (256, 27, 27)
    assert found["pool2"] == (256, 13, 13)
    assert found["conv3"] == found["conv4"] == (384, 13, 13)
    assert found["conv5"] == (256, 13, 13)
    assert found["pool5"] == (256, 6, 6)
    assert found["dropout6"] == found["dropout7"] == (4096,)
    assert found["fc8"] == (1000,)
    assert (alexnet.input_shape, alexnet.num_classes) == ((3, 227, 227), 1000)


def test_alexnet_starts_as_in_the_paper(alexnet):
    ones = {"conv2", "conv4", "conv5", "fc6", "fc7"}
    for name in LAYERS:
        layer = getattr(alexnet, name)
        some = layer.weight.data.ravel()[:30_000]
        assert some.std() == pytest.approx(0.01, rel=0.03), name
        assert some.mean() == pytest.approx(0, abs=3e-4), name
        assert (layer.bias.data == float(name in ones)).all(), name


def test_alexnet_has_the_papers_dropout_pooling_and_groups(alexnet):
    assert [getattr(alexnet, f"conv{i}").groups for i in range(1, 6)] == [1, 2, 1, 2, 2]
    pools = [getattr(alexnet, f"pool{i}") for i in (1, 2, 5)]
    assert [(pool.kernel_size, pool.stride) for pool in pools] == [(3, 2)] * 3
    assert alexnet.dropout6.p == alexnet.dropout7.p == 0.5


@pytest.mark.parametrize("name", ["norm1", "norm2"])
def test_response_normalisation_is_the_papers_formula(alexnet, name):
    x = np.random.default_rng(0).normal(scale=30, size=(2, 8, 3, 3))  # large: the sum counts
    sums = [(x[:, max(0, c - 2) : c + 3] ** 2).sum(1) for c in range(8)]
    expected = x / (2 + 1e-4 * np.stack(sums, 1)) ** 0.75
    for model in (alexnet, models.scaled_alexnet(width=2)):
        np.testing.assert_allclose(getattr(model, name)(mc.tensor(x)).data, expected, rtol=1e-9)


def test_layers_have_the_papers_order(monkeypatch):
    calls = []
    monkeypatch.setattr("minicnn.models.alexnet_2012.Linear", lambda a, b: nn.Linear(1, 1))
    model = models.alexnet()
    for i in (6, 7, 8):
        setattr(model, f"fc{i}", nn.Identity())
    for name, layer in model.named_children():
        layer.register_forward_hook(lambda *_, name=name: calls.append(name))
    model.eval()(images(1, 3, 227, 227))
    expected = (
        "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 "
    )
    expected += "pool5 flatten fc6 relu6 dropout6 fc7 relu7 dropout7 fc8"
    assert " ".join(calls) == expected


def test_torchvisions_names_and_shapes():
    mc.manual_seed(0)
    model = models.alexnet_torchvision()
    parameters = {name: p.shape for name, p in model.named_parameters()}
    expected = {}
    for name, shape in TORCHVISION.items():
        expected |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    assert list(parameters.items()) == list(expected.items())
    assert sum(p.size for p in model.parameters()) == 61_100_840
    found = shapes(model, model.input_shape)
    assert found["features.2"] == (64, 27, 27)
    assert found["features.5"] == (192, 13, 13)
    assert found["features.12"] == found["avgpool"] == (256, 6, 6)
    assert found["classifier.6"] == (1000,)
    kinds = [type(layer).__name__ for layer in (*model.features, *model.classifier)]
    convolutions = "Conv2d ReLU MaxPool2d Conv2d ReLU MaxPool2d Conv2d ReLU Conv2d ReLU Conv2d ReLU"
    dense = "MaxPool2d Dropout Linear ReLU Dropout Linear ReLU Linear"
    assert " ".join(kinds) == f"{convolutions} {dense}"
    small = mc.tensor(np.zeros((1, 3, 63, 63), np.float32))
    assert model.avgpool(model.features(small)).shape == (1, 256, 6, 6)


@pytest.mark.torch
def test_torchvisions_features_compute_what_pytorchs_do(torch, monkeypatch):
    monkeypatch.setattr("minicnn.models.alexnet_2012.Linear", lambda a, b: nn.Linear(1, 1))
    ours = models.alexnet_torchvision().features
    t = torch.nn
    theirs = t.Sequential(
        *(t.Conv2d(3, 64, 11, 4, 2), t.ReLU(), t.MaxPool2d(3, 2)),
        *(t.Conv2d(64, 192, 5, padding=2), t.ReLU(), t.MaxPool2d(3, 2)),
        *(t.Conv2d(192, 384, 3, padding=1), t.ReLU(), t.Conv2d(384, 256, 3, padding=1), t.ReLU()),
        *(t.Conv2d(256, 256, 3, padding=1), t.ReLU(), t.MaxPool2d(3, 2)),
    )
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = images(2, 3, 127, 127)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x.numpy())).numpy()
    np.testing.assert_allclose(ours(x).data, expected, rtol=1e-3, atol=1e-5)


def test_scaled_alexnet_layer_by_layer():
    model = models.scaled_alexnet()
    assert counts(model) == {
        "conv1": 320,
        "conv2": 51_264,
        "conv3": 73_856,
        "conv4": 147_584,
        "conv5": 73_792,
        "fc6": 131_584,
        "fc7": 262_656,
        "fc8": 5_130,
    }
    assert sum(p.size for p in model.parameters()) == 746_186
    found = shapes(model, (1, 28, 28))
    assert found["norm1"] == (32, 28, 28)
    assert found["pool1"] == (32, 13, 13)
    assert found["norm2"] == (64, 13, 13)
    assert found["pool2"] == (64, 6, 6)
    assert found["conv3"] == found["conv4"] == (128, 6, 6)
    assert found["pool5"] == (64, 2, 2)
    assert found["dropout6"] == found["dropout7"] == (512,)


@pytest.mark.parametrize("size", [15, 16, 22, 23, 31, 32, 64])
def test_scaled_alexnet_for_other_data(size):
    model = models.scaled_alexnet(7, in_channels=3, image_size=size, width=4)
    assert (model.input_shape, model.num_classes) == ((3, size, size), 7)
    assert model(images(2, 3, size, size)).shape == (2, 7)


def test_scaled_alexnet_starts_with_a_signal_of_the_size_of_its_input():
    model = models.scaled_alexnet(width=16).eval()
    assert not any(p.data.any() for n, p in model.named_parameters() if n.endswith("bias"))
    for name, fan_in in {"conv2": 16 * 25, "conv4": 64 * 9, "fc7": 256}.items():
        std = getattr(model, name).weight.data.std()
        assert std == pytest.approx(np.sqrt(2 / fan_in), rel=0.05), name
    assert 0.05 < model(images(20, 1, 28, 28)).data.std() < 5
    model.train()
    assert not np.allclose(*(model(images(20, 1, 28, 28)).data for _ in range(2)))  # dropout


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"image_size": 14}, ValueError, "image_size: got 14, expected an integer of 15 or more"),
        ({"image_size": 28.0}, TypeError, "image_size: got 28.0, expected an integer"),
        ({"width": 0}, ValueError, "width: got 0"),
        ({"in_channels": 0}, ValueError, "in_channels: got 0"),
        ({"num_classes": 0}, ValueError, "num_classes: got 0"),
    ],
)
def test_arguments_that_make_no_network_are_refused(options, error, message):
    with pytest.raises(error, match=f"scaled_alexnet: {message}"):
        models.scaled_alexnet(**options)


def test_scaled_alexnet_learns_200_digits():
    pixels, labels = mc.data.load("digits", "train")[:200]
    x = mc.tensor(mc.data.transforms.Resize(16)(pixels))
    model = models.scaled_alexnet(image_size=16, width=12)
    optimizer = mc.optim.Adam(model.parameters(), lr=4e-3)
    losses = []
    for _ in range(40):
        loss = ops.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 2
    assert losses[-1] < 0.5
    assert all(p.grad.data.any() for p in model.parameters())
    assert ops.accuracy(model.eval()(x), labels).item() > 0.95


def test_scaled_alexnet_on_every_device(device):
    model = models.scaled_alexnet(image_size=15, width=2).eval()
    expected = model(images(2, 1, 15, 15)).numpy()
    scores = model.to(device)(images(2, 1, 15, 15).to(device))
    ops.cross_entropy(scores, np.array([1, 2])).backward()
    np.testing.assert_allclose(scores.numpy(), expected, rtol=1e-4, atol=1e-5)
    assert all(p.grad.device == device for p in model.parameters())


def test_mean_over_crops_averages_the_probabilities_of_each_image():
    scores = np.random.default_rng(0).normal(size=(3, 4, 5))  # crops, images, classes
    p = np.exp(scores) / np.exp(scores).sum(2, keepdims=True)
    found = models.mean_over_crops(mc.tensor(scores.reshape(12, 5)), crops=3)
    np.testing.assert_allclose(found.data, p.mean(0))
    ten = models.mean_over_crops(mc.tensor(np.repeat([[0.0, 1.0], [5.0, 2.0]], 5, 0)))
    assert ten.shape == (1, 2)  # ten crops are the default


@pytest.mark.parametrize(
    ("shape", "crops"), [((12, 5), 10), ((10,), 10), ((0, 5), 10), ((4, 2), 0)]
)
def test_mean_over_crops_refuses_other_shapes(shape, crops):
    with pytest.raises(ValueError, match="mean_over_crops: "):
        models.mean_over_crops(mc.tensor(np.zeros(shape)), crops)
