"""occlusion, saliency, Grad-CAM: each map against its formula, written out."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
from support.unchanged import unchanged

import minicnn as mc
from minicnn import models, nn, ops, viz
from minicnn.data import transforms


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).random((2, 9, 7)).astype(np.float32)


@pytest.fixture
def model() -> nn.Module:
    """A small network whose dropout would show if it were on."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 7 * 5, 3)
    )


def scores(model, image) -> np.ndarray:
    model.eval()
    with mc.no_grad():
        return model(mc.tensor(image[None])).numpy()[0]


def probability(model, image, label) -> float:
    powers = np.exp(scores(model, image).astype(np.float64))
    return powers[label] / powers.sum()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_occlusion_is_a_plain_loop(model, image, size):
    found = viz.occlusion_map(model, image, 1, size)
    expected = np.empty((9, 7))
    for h, w in np.ndindex(9, 7):
        covered = image.copy()
        top, left = h - size // 2, w - size // 2
        for c in range(2):
            rows, columns = slice(max(0, top), top + size), slice(max(0, left), left + size)
            covered[c, rows, columns] = image[c].mean()
        expected[h, w] = probability(model, image, 1) - probability(model, covered, 1)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_large_squares_are_shared_by_pixels():
    model = nn.Sequential(nn.Flatten(), nn.Linear(31 * 20, 2))
    image = np.random.default_rng(1).random((1, 31, 20)).astype(np.float32)
    found = viz.occlusion_map(model, image, 0, size=12)  # a square for each 3x3 pixels
    assert found.shape == (31, 20)
    blocks = found.reshape(31, 20)[:30, :18].reshape(10, 3, 6, 3).transpose(0, 2, 1, 3)
    assert (blocks == blocks[:, :, :1, :1]).all()
    covered = image.copy()
    covered[0, 13 - 6 : 13 + 6, 7 - 6 : 7 + 6] = image.mean()  # around the middle of block (4, 2)
    lost = probability(model, image, 0) - probability(model, covered, 0)
    np.testing.assert_allclose(found[12:15, 6:9], lost, atol=1e-6)


def test_occlusion_finds_the_pixels_of_the_class():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2, bias=False))
    nn.init.zeros_(model[1].weight)
    model[1].weight.data.reshape(2, 8, 8)[0, 1:3, 5:7] = 2.0  # class 0: light at the top right
    image = np.zeros((1, 8, 8), np.float32)
    image[0, 1:3, 5:7] = 1.0
    map_ = viz.occlusion_map(model, image, size=2)
    assert map_[2, 6] == map_.max() > 0.3
    assert map_[5:, :4].max() < 0.01
    assert viz.occlusion_map(model, image, 1, size=2)[2, 6] < -0.3


def test_saliency_is_the_numerical_gradient(model, image):
    found = viz.saliency_map(model.to(np.float64), image.astype(np.float64), 2)
    slopes = np.empty((2, 9, 7))
    for place in np.ndindex(slopes.shape):
        step = np.zeros(slopes.shape)
        step[place] = 1e-4
        slopes[place] = (scores(model, image + step)[2] - scores(model, image - step)[2]) / 2e-4
    np.testing.assert_allclose(found, np.abs(slopes).max(0), rtol=1e-5, atol=1e-8)


def test_grad_cam_by_hand():
    """Two maps of 2x2; class 0 sums the first and subtracts the second, with weights 1/4."""
    maps = nn.Conv2d(1, 2, 1, bias=False)
    maps.weight.data[:, 0, 0, 0] = 2.0, 1.0
    output = nn.Linear(2, 2, bias=False)
    output.weight.data[:] = [[1.0, -1.0], [0.0, 3.0]]
    model = nn.Sequential(maps, nn.GlobalAvgPool2d(), output)
    image = np.array([[[1.0, -2.0], [0.0, 4.0]]], np.float32)
    # A = (2·image, image); weight[k] = output[label, k] / 4
    expected = np.maximum(1 / 4 * 2 * image[0] - 1 / 4 * image[0], 0)
    np.testing.assert_allclose(viz.grad_cam_map(model, image, "0", 0), expected, rtol=1e-6)
    expected = np.maximum(3 / 4 * image[0], 0)
    np.testing.assert_allclose(viz.grad_cam_map(model, image, maps, 1), expected, rtol=1e-6)


def test_grad_cam_is_enlarged_to_the_image():
    model, image = models.lenet5(), np.random.default_rng(0).random((1, 28, 28), np.float32)
    kept = {}
    remove = model.conv2.register_forward_hook(lambda _, inputs, output: kept.update(maps=output))
    score = model(mc.tensor(image[None]))[0, 3]
    remove()
    (slopes,) = mc.grad(score, kept["maps"])
    weights = slopes.numpy().sum((2, 3)) / 64  # (1, 16)
    small = np.maximum(np.einsum("nk,nkhw->nhw", weights, kept["maps"].numpy()), 0)  # (1, 8, 8)
    expected = transforms.Resize(28)(small[None])[0, 0]
    found = viz.grad_cam_map(model, image, "conv2", 3)
    assert found.shape == (28, 28)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


MAPS = {
    "occlusion": lambda model, image, label=None: viz.occlusion_map(model, image, label),
    "saliency": lambda model, image, label=None: viz.saliency_map(model, image, label),
    "grad_cam": lambda model, image, label=None: viz.grad_cam_map(model, image, "0", label),
}
PICTURES = {
    "occlusion": lambda model, image, label=None: viz.occlusion(model, image, label),
    "saliency": lambda model, image, label=None: viz.saliency(model, image, label),
    "grad_cam": lambda model, image, label=None: viz.grad_cam(model, image, "0", label),
}


@pytest.mark.parametrize("map_of", MAPS.values(), ids=MAPS.keys())
def test_the_default_label_is_the_prediction(model, image, map_of):
    answer = int(scores(model, image).argmax())
    np.testing.assert_array_equal(map_of(model, image), map_of(model, image, answer))
    other = map_of(model, mc.tensor(image), (answer + 1) % 3)  # a Tensor works as well
    assert np.abs(other - map_of(model, image)).max() > 1e-3


@pytest.mark.parametrize("map_of", MAPS.values(), ids=MAPS.keys())
def test_frozen_models(model, image, map_of):
    expected = map_of(model, image)
    for parameter in model.parameters():
        parameter.requires_grad = False
    np.testing.assert_array_equal(map_of(model, image), expected)


@pytest.mark.parametrize("map_of", MAPS.values(), ids=MAPS.keys())
def test_every_device_gives_the_same(model, image, map_of, device):
    expected = map_of(model, image)
    np.testing.assert_allclose(map_of(model.to(device), image), expected, atol=1e-5)


@pytest.mark.parametrize("picture_of", PICTURES.values(), ids=PICTURES.keys())
def test_a_picture_is_the_image_and_the_map(model, image, picture_of, tmp_path):
    with unchanged(model):
        picture = picture_of(model, image, 1)
    left, right, _ = picture.axes
    assert left.get_title() == f"class 1, probability {probability(model, image, 1):.2f}"
    assert right.images[0].get_array().shape == (9, 7, 3)
    picture.savefig(tmp_path / "picture.png")
    assert right.images[0].get_array().min() >= 0
    assert right.images[0].get_array().max() <= 1


def test_occlusion_shows_both_signs_with_one_scale(model, image):
    low, high = viz.occlusion(model, image, 1).axes[2].get_ylim()
    assert -low == high == pytest.approx(np.abs(viz.occlusion_map(model, image, 1)).max())
    assert viz.saliency(model, image).axes[2].get_ylim()[0] == 0


def test_colour_images_and_constant_ones():
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.GlobalAvgPool2d())
    picture = viz.occlusion(model, np.full((3, 8, 8), 0.5))
    assert picture.axes[0].images[0].get_array().shape == (8, 8, 3)
    assert not np.asarray(viz.occlusion_map(model, np.full((3, 8, 8), 0.5))).any()
    picture.savefig("/dev/null", format="png")


@pytest.mark.parametrize("of", [*MAPS.values(), *PICTURES.values()])
def test_wrong_images_and_labels(model, image, of):
    with pytest.raises(ValueError, match=r"image has shape \(9, 7\), expected \(C, H, W\)"):
        of(model, image[0])
    with pytest.raises(ValueError, match="label: got 3, expected an integer from 0 to 2"):
        of(model, image, 3)
    for label in ("cat", True, 1.0, mc.tensor(1.0)):
        with pytest.raises(TypeError, match="label: got .*, expected an integer from 0 to 2"):
            of(model, image, label)


@pytest.mark.parametrize("of", MAPS.values())
def test_labels_as_data_sets_hold_them(model, image, of):
    for label in (np.int64(1), np.array(1), mc.tensor(np.array(1))):
        np.testing.assert_array_equal(of(model, image, label), of(model, image, 1))


def test_gradients_need_a_recording(model, image):
    with mc.no_grad():
        assert viz.occlusion_map(model, image).shape == (9, 7)
        with pytest.raises(RuntimeError, match="saliency: no_grad"):
            viz.saliency_map(model, image)
        with pytest.raises(RuntimeError, match="grad_cam: no_grad"):
            viz.grad_cam_map(model, image, "0")


def test_sizes_may_be_numpy_integers(model, image):
    same = viz.occlusion_map(model, image, size=np.int64(3))
    np.testing.assert_array_equal(same, viz.occlusion_map(model, image, size=3))


@pytest.mark.parametrize(
    ("size", "error"), [(0, ValueError), (8, ValueError), (2.5, TypeError), (True, TypeError)]
)
def test_wrong_sizes_of_squares(model, image, size, error):
    with pytest.raises(error, match=f"size: got {size}, expected an integer from 1 to 7"):
        viz.occlusion(model, image, size=size)


def test_wrong_layers(model, image):
    with pytest.raises(ValueError, match="layer is 'conv9', expected one of 0, 1, 2, 3, 4"):
        viz.grad_cam(model, image, "conv9")
    with pytest.raises(ValueError, match=r"layer 4 outputs \(3,\), expected maps"):
        viz.grad_cam(model, image, "4")
    with pytest.raises(ValueError, match="expected one of"):
        viz.grad_cam(model, image, nn.ReLU())


def test_models_without_scores(image):
    with pytest.raises(ValueError, match=r"outputs \(1, 2, 9, 7\), expected scores \(N, K\)"):
        viz.saliency(nn.Sequential(nn.ReLU()), image)
    with pytest.raises(ValueError, match=r"occlusion: the model outputs a tuple, expected scores"):
        viz.occlusion(nn.MaxPool2d(2, return_indices=True), image)


def test_a_diverged_model(model, image):
    model[0].weight.data[:] = np.nan
    with pytest.raises(ValueError, match="saliency: 3 of 3 numbers in the model's scores are not"):
        viz.saliency(model, image)


def test_scores_that_are_distances():
    model, image = models.lenet5_1998(), np.random.default_rng(0).random((1, 32, 32), np.float32)
    with unchanged(model):
        assert viz.saliency_map(model, image).shape == (32, 32)
        assert viz.grad_cam_map(model, image, "c3").min() >= 0
    assert ops.softmax(model(mc.tensor(image[None]))).numpy().sum() == pytest.approx(1)
