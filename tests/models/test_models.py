"""The networks: sizes as the course and the papers give them, and that they learn."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn as mc
from minicnn import models, nn, ops

MODELS = {
    "lenet5": (
        models.lenet5,
        {"conv1": 156, "conv2": 2_416, "fc1": 30_840, "fc2": 10_164, "fc3": 850},
        44_426,
        (1, 28, 28),
    ),
    "lenet5_sigmoid": (
        models.lenet5_sigmoid,
        {"c1": 156, "c3": 2_416, "c5": 48_120, "f6": 10_164, "output": 850},
        61_706,
        (1, 32, 32),
    ),
    "lenet5_sigmoid avg": (
        lambda: models.lenet5_sigmoid("avg"),
        {"c1": 156, "c3": 2_416, "c5": 48_120, "f6": 10_164, "output": 850},
        61_706,
        (1, 32, 32),
    ),
    "alexnet_mnist": (
        models.alexnet_mnist,
        {"conv1": 320, "conv2": 18_496, "conv3": 73_856, "fc1": 147_584, "fc2": 1_290},
        241_546,
        (1, 28, 28),
    ),
}


@pytest.fixture(params=MODELS)
def known(request):
    mc.manual_seed(0)
    build, *facts = MODELS[request.param]
    return build(), *facts


def images(count: int, shape: tuple[int, ...], seed: int = 0) -> mc.Tensor:
    pixels = np.random.default_rng(seed).uniform(size=(count, *shape))
    return mc.tensor(pixels.astype(np.float32))


def test_parameters_layer_by_layer(known):
    model, layers, total, _ = known
    counts = {name: sum(p.size for p in m.parameters()) for name, m in model.named_children()}
    assert {name: count for name, count in counts.items() if count} == layers
    assert sum(p.size for p in model.parameters()) == total
    assert sum(layers.values()) == total


def test_output_is_one_row_of_logits_for_each_image(known):
    model, _, _, shape = known
    assert model.input_shape == shape
    for count in (1, 3):
        logits = model(images(count, shape))
        assert logits.shape == (count, 10)
        assert np.isfinite(logits.data).all()
        assert not np.allclose(logits.data.sum(1), 1)  # logits, no probabilities


def test_every_parameter_gets_a_gradient(known):
    model, _, _, shape = known
    ops.cross_entropy(model(images(4, shape)), mc.tensor([0, 3, 7, 9])).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None, name
        assert p.grad.shape == p.shape
        assert p.grad.data.any(), name


def test_images_do_not_influence_each_other(known):
    model, _, _, shape = known
    batch = images(5, shape)
    together = model(batch).data
    alone = [model(mc.tensor(batch.data[i : i + 1])).data[0] for i in range(5)]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_a_wrong_image_size_is_an_error(known):
    model, _, _, (c, h, w) = known
    for shape in [(c, h + 4, w), (c + 1, h, w), (c, 4, 4)]:
        with pytest.raises(ValueError, match=r"conv2d|linear"):
            model(images(2, shape))


@pytest.mark.parametrize(("num_classes", "in_channels"), [(1, 1), (26, 3), (1000, 2)])
def test_lenet5_for_other_data(num_classes, in_channels):
    model = models.lenet5(num_classes, in_channels=in_channels)
    assert model.input_shape == (in_channels, 28, 28)
    assert model(images(2, model.input_shape)).shape == (2, num_classes)
    expected = 44_426 - 850 + 85 * num_classes + 150 * (in_channels - 1)
    assert sum(p.size for p in model.parameters()) == expected
    assert models.lenet5().input_shape == (1, 28, 28)  # the class is not changed
    assert model.num_classes == num_classes


@pytest.mark.parametrize("name", ["lenet5", "lenet5_sigmoid", "alexnet_mnist"])
def test_weights_start_as_those_of_keras(name):
    for path, parameter in getattr(models, name)().named_parameters():
        values = parameter.numpy()
        if path.endswith("bias"):
            assert not values.any()
        else:
            bound = np.sqrt(6 / sum(mc.nn.init.fans(parameter)))
            assert 0.9 * bound < np.abs(values).max() <= bound


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: models.lenet5(0), ValueError, "lenet5: num_classes: got 0, expected"),
        (lambda: models.lenet5(10.0), TypeError, "lenet5: num_classes: got 10.0"),
        (lambda: models.lenet5(in_channels=0), ValueError, "lenet5: in_channels: got 0"),
        (lambda: models.lenet5(in_channels=-1), ValueError, "lenet5: in_channels: got -1"),
        (
            lambda: models.lenet5_sigmoid("sum"),
            ValueError,
            "lenet5_sigmoid: pooling: got 'sum', expected 'max' or 'avg'",
        ),
        (lambda: models.lenet5_sigmoid(None), TypeError, "lenet5_sigmoid: pooling: got None"),
        (lambda: models.alexnet(0), ValueError, "alexnet: num_classes: got 0"),
        (lambda: models.alexnet_torchvision(0), ValueError, "torchvision: num_classes: got 0"),
    ],
)
def test_arguments_that_make_no_network_are_refused(build, error, message):
    with pytest.raises(error, match=message):
        build()


@pytest.mark.parametrize("image", ["noise", "blank", "nan"])
def test_relu_after_pooling_is_the_same_as_before_it(known, image):
    """The order in which layers are computed, and the one in which they stand, when hooks watch."""
    model, _, _, shape = known
    pixels = images(6, shape).data * (image != "blank")  # blank: ties in every window
    if image == "nan":
        pixels[0, 0, 3, 4] = np.nan
    results = []
    for watched in (False, True):
        watching = model if watched else ()
        removers = [layer.register_forward_hook(lambda *_: None) for layer in watching]
        model.zero_grad()
        x = mc.tensor(pixels, requires_grad=True)
        logits = model(x)
        ops.cross_entropy(logits, mc.tensor([0, 1, 2, 3, 4, 5])).backward()
        results.append([logits.data, x.grad.data, *(p.grad.data for p in model.parameters())])
        for remove in removers:
            remove()
    for ours, courses in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, courses)


def test_sigmoid_network_pools_as_asked():
    x = images(2, (1, 32, 32))
    maximum, average = models.lenet5_sigmoid("max"), models.lenet5_sigmoid("avg")
    average.load_state_dict(maximum.state_dict())
    assert not np.allclose(maximum(x).data, average(x).data)
    assert isinstance(average.s2, nn.AvgPool2d)
    assert isinstance(average.s4, nn.AvgPool2d)


@pytest.mark.parametrize("name", ["lenet5", "alexnet_mnist", "lenet5_sigmoid"])
def test_a_network_learns_32_images_by_heart(name):
    mc.manual_seed(0)
    build, _, _, shape = MODELS[name]
    model = build()
    digits = mc.data.load("digits", "train")
    pixels, labels = digits[:32]
    x = mc.tensor(mc.data.transforms.Resize(shape[1:])(pixels))
    y = mc.tensor(labels)
    optimizer = mc.optim.Adam(model.parameters(), lr=0.01 if "sigmoid" in name else 0.003)
    for _ in range(150):
        optimizer.zero_grad()
        loss = ops.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        if ops.accuracy(model(x), y).item() == 1 and loss.item() < 0.2:
            return
    pytest.fail(f"after 150 steps the loss is {loss.item():.3f}")
