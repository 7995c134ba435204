"""How the page says that a number was computed, against the number and against mc.explain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minicnn as mc
from minicnn import nn
from minicnn.explain import explain
from minicnn.explain.layers import EXPLAINERS
from minicnn.explain.weighted_sum import MOST_CHANNELS, WeightedSum
from minicnn.page.describe import describe_layers

from .conftest import OpenPage, to_base64
from .drawn_layers import SHAPE, layers

EXPLANATIONS = """(() => {
    const [layers, shape, numbers, places] = given;
    const decoded = modules['network/run.js'].decodeLayers(layers);
    const outputs = modules['network/run.js'].runLayers(decoded, valueOf(shape, numbers));
    const shapes = outputs.map((value) => value.shape);
    const last = decoded.length - 1;
    const { explainNumber } = modules['network/explain.js'];
    const { receptiveField } = modules['network/receptive.js'];
    return places.map((place) => ({
        ...explainNumber(decoded[last], outputs[last], place),
        field: receptiveField(decoded, shapes, last, place),
    }));
})()"""


def explained(page: OpenPage, model: nn.Module, image: np.ndarray, places: Any) -> list[Any]:
    """What the page says of numbers of the last layer's output, for an image (C, H, W)."""
    described = describe_layers(model, image.shape)
    return page.run(EXPLANATIONS, described, list(image.shape), to_base64(image), places)


def draw_places(shape: tuple[int, ...], rng: np.random.Generator) -> list[list[int]]:
    return [[int(rng.integers(size)) for size in shape] for _ in range(4)]


@given(layer=layers, seed=st.integers(0, 1000))
@settings(max_examples=150)
def test_every_explanation_has_the_number_as_its_result(
    any_page: OpenPage, layer: nn.Module, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 1, SHAPE).astype(np.float32)
    x = mc.tensor(image[None].astype(np.float64))
    model = nn.Sequential(layer)
    described = describe_layers(model, SHAPE)
    y = model.to(np.float64).eval()(x).numpy()[0]
    model.to(np.float32)
    places = draw_places(y.shape, rng)
    for place, found in zip(places, explained(any_page, model, image, places), strict=True):
        assert found["result"] == pytest.approx(y[tuple(place)], rel=1e-5, abs=1e-5)
        if type(layer) in EXPLAINERS and len(described) == 1:
            n, c, i, j = (0, *place, 0, 0)[:4]
            assert_same_parts(found, explain(layer, mc.tensor(image[None]), n, c, i, j))


def assert_same_parts(found: dict[str, Any], expected: Any) -> None:
    """The page shows the numbers that mc.explain shows."""
    assert found["result"] == pytest.approx(expected.result, rel=1e-5, abs=1e-5)
    grids = found["grids"]
    if isinstance(expected, WeightedSum):
        shown = [grid for k in range(len(expected.channels[:MOST_CHANNELS])) for grid in (
            expected.patch[k], expected.kernel[k], expected.products[k])]  # fmt: skip
    elif hasattr(expected, "patch"):
        shown = [expected.patch]
    else:
        return
    for grid, wanted in zip(grids, shown, strict=True):
        values = np.reshape(np.array(grid["values"], float), (grid["rows"], grid["columns"]))
        is_real = ~np.array(grid.get("padding", np.zeros(values.shape)), bool).reshape(values.shape)
        np.testing.assert_allclose(values[is_real], wanted[is_real], rtol=1e-5, atol=1e-6)
    if hasattr(expected, "winner"):
        row, column = expected.winner
        assert grids[0]["marked"] == row * grids[0]["columns"] + column


def test_a_dense_layer_shows_its_largest_products(any_page: OpenPage) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(30, 2))
    image = np.random.default_rng(0).normal(0, 1, (1, 5, 6)).astype(np.float32)
    (found,) = explained(any_page, model, image, [[1]])
    products = model[1].weight.numpy()[1] * image.ravel()
    *largest, others, bias = found["terms"]
    order = np.argsort(-np.abs(products))
    assert [term["input"] for term in largest] == order[:12].tolist()
    assert [term["value"] for term in largest] == pytest.approx(products[order[:12]].tolist())
    assert (others["count"], others["value"]) == (18, pytest.approx(products[order[12:]].sum()))
    assert bias["value"] == pytest.approx(model[1].bias.numpy()[1])


@given(layer=layers, seed=st.integers(0, 1000))
@settings(max_examples=150)
def test_a_number_depends_on_its_receptive_field_only(
    any_page: OpenPage, layer: nn.Module, seed: int
) -> None:
    """What lies outside of the field may be anything: the number stays the same to the last bit."""
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 1, SHAPE).astype(np.float32)
    model = nn.Sequential(layer).eval()
    y = model(mc.tensor(image[None])).numpy()[0]
    places = draw_places(y.shape, rng)
    for place, found in zip(places, explained(any_page, model, image, places), strict=True):
        inside = np.zeros(SHAPE, bool)
        inside[tuple(slice(first, last + 1) for first, last in found["field"])] = True
        other = np.where(inside, image, rng.normal(0, 1, SHAPE)).astype(np.float32)
        assert model(mc.tensor(other[None])).numpy()[0][tuple(place)] == y[tuple(place)]


def test_the_first_of_equal_numbers_wins(any_page: OpenPage) -> None:
    image = np.zeros((1, 4, 4), np.float32)
    for layer in (nn.MaxPool2d(2), nn.MinPool2d(2)):
        (found,) = explained(any_page, nn.Sequential(layer), image, [[0, 1, 1]])
        assert found["grids"][0]["marked"] == 0


def test_the_receptive_field_of_lenet5(any_page: OpenPage) -> None:
    model = mc.models.lenet5()
    layers_until_conv2 = nn.Sequential(*list(model)[:4])
    image = np.zeros(model.input_shape, np.float32)
    (found,) = explained(any_page, layers_until_conv2, image, [[3, 2, 5]])
    assert found["field"] == [[0, 0], [4, 17], [10, 23]]  # 14 pixels: 5 + 2·4 + 1
