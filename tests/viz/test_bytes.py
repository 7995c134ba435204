"""Images of uint8 mean x / 255 everywhere, as in the data sets; other integers are refused."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")

import minicnn as mc
from minicnn import nn, viz
from minicnn.data import ArrayDataset

BYTES = np.random.default_rng(0).integers(0, 200, (6, 3, 9, 9)).astype(np.uint8)
LABELS = np.arange(6, dtype=np.uint8) % 3
FLOATS, _ = ArrayDataset(BYTES, LABELS)[:]


@pytest.fixture
def model() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(100, 3)
    )


def drawn(picture) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for axes in picture.axes for image in axes.images]


MAPS = {
    "occlusion": lambda model, x: viz.occlusion_map(model, x[0]),
    "saliency": lambda model, x: viz.saliency_map(model, x[0]),
    "grad_cam": lambda model, x: viz.grad_cam_map(model, x[0], "2"),
    "dead_units": lambda model, x: list(viz.dead_units(model, x).values()),
}
PICTURES = {
    "occlusion": lambda model, x: viz.occlusion(model, x[0]),
    "saliency": lambda model, x: viz.saliency(model, x[0]),
    "grad_cam": lambda model, x: viz.grad_cam(model, x[0], "2"),
    "feature_maps": lambda model, x: viz.feature_maps(model, x[0]),
    "images": lambda model, x: viz.images(x),
    "images of different sizes": lambda model, x: viz.images([x[0], x[1, :, 1:]]),
    "grey images": lambda model, x: viz.images(x[:, 0]),
    "mistakes": lambda model, x: viz.mistakes(x, LABELS, np.eye(3)[LABELS[::-1]]),
}


@pytest.mark.parametrize("kind", [np.asarray, mc.tensor])
@pytest.mark.parametrize("name", MAPS)
def test_maps_of_bytes_are_those_of_the_data_sets(model, name, kind):
    np.testing.assert_array_equal(MAPS[name](model, kind(BYTES)), MAPS[name](model, FLOATS))


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_bytes_are_those_of_the_data_sets(model, name):
    of_bytes, of_floats = drawn(PICTURES[name](model, BYTES)), drawn(PICTURES[name](model, FLOATS))
    assert len(of_bytes) == len(of_floats) > 0
    for got, expected in zip(of_bytes, of_floats, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_panels_of_bytes_have_the_histograms_of_the_data_sets(model):
    titles = [
        [axes.get_title() for axes in viz.panels(model, x, LABELS).axes] for x in (BYTES, FLOATS)
    ]
    assert titles[0] == titles[1]


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, bool])
@pytest.mark.parametrize("name", [*MAPS, "feature_maps"])
def test_other_integers_are_no_image_for_a_model(model, name, dtype):
    message = rf"{name}: images?: got {np.dtype(dtype)}, expected uint8 \(0..255\) or a float type"
    with pytest.raises(TypeError, match=message):
        {**PICTURES, **MAPS}[name](model, BYTES.astype(dtype))


def test_an_op_tells_how_bytes_become_floats(model):
    advice = r"x is uint8, .* convert it with x.to\('float32'\) / 255 if these are the bytes of"
    with pytest.raises(TypeError, match=f"conv2d: {advice}"):
        model(mc.tensor(BYTES))
    with pytest.raises(TypeError, match=f"explain: {advice}"):
        mc.explain.explain(model[0], mc.tensor(BYTES), 0, 0, 0, 0)
    with pytest.raises(TypeError, match=r"conv2d: x is int64, .*x.to\('float32'\)$"):
        model(mc.tensor(BYTES.astype(np.int64)))
