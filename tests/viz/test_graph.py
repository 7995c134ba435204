"""graph: the boxes and edges of small expressions, and that what is drawn can be read."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from support.drawn import assert_apart, box_extents, inside, text_extents
from support.unchanged import unchanged

import minicnn as mc
from minicnn import models, nn, ops, viz
from minicnn.autograd.engine import functions_before, walk_back
from minicnn.viz.graph_layout import lay_out, spread
from minicnn.viz.record import autograd_graph


def leaf(*shape) -> mc.Tensor:
    return mc.tensor(np.ones(shape, np.float32), requires_grad=True)


def titles_and_edges(tensor, **names):
    boxes, edges = autograd_graph(tensor, names)
    titles = [box.title for box in boxes]
    return sorted(titles), sorted((titles[a], titles[b]) for a, b in edges)


def test_an_expression():
    a, b = leaf(2, 3), leaf(3)
    assert titles_and_edges((a * b).sum(), a=a, b=b) == (
        ["Mul", "Sum", "a", "b"],
        [("Mul", "Sum"), ("a", "Mul"), ("b", "Mul")],
    )


def test_shapes_and_kinds():
    a = leaf(2, 3)
    boxes, _ = autograd_graph((a * mc.tensor(np.ones(3, np.float32))).sum() / 6.0, {"a": a})
    assert {(box.kind, box.title, box.shape) for box in boxes} == {
        ("leaf", "a", "(2, 3)"),
        ("constant", "constant", "(3,)"),
        ("function", "Mul", "(2, 3)"),
        ("function", "Sum", "()"),
        ("constant", "6", "()"),
        ("function", "Div", "()"),
    }


def test_a_tensor_used_twice_is_one_box_with_two_edges():
    a = leaf(2)
    assert titles_and_edges(a * a, a=a) == (["Mul", "a"], [("a", "Mul"), ("a", "Mul")])


def test_a_result_used_twice_is_one_box():
    a = leaf(2)
    e = a.exp()
    assert titles_and_edges(e + e.log(), a=a, e=e) == (
        ["Add", "Exp = e", "Log", "a"],
        [("Exp = e", "Add"), ("Exp = e", "Log"), ("Log", "Add"), ("a", "Exp = e")],
    )


def test_a_constant_can_be_named_where_the_function_keeps_it():
    x, w = mc.tensor(np.ones((4, 2), np.float32)), leaf(3, 2)
    titles, edges = titles_and_edges(ops.linear(x, w), x=x)
    assert titles == ["Linear", "tensor", "x"]
    assert edges == [("tensor", "Linear"), ("x", "Linear")]


def test_a_leaf_alone():
    boxes, edges = autograd_graph(leaf(2), {})
    assert [box.title for box in boxes] == ["tensor"]
    assert edges == []
    viz.graph(leaf(2))


def test_every_edge_leads_down():
    a = leaf(2)
    y = ((a.exp() + a) * a.log()).sum() + (a * 3.0).sum()
    boxes, edges = autograd_graph(y, {})
    assert all(boxes[start].layer < boxes[end].layer for start, end in edges)
    assert min(box.layer for box in boxes) == 0


def test_functions_come_after_all_that_used_their_result():
    a = leaf(2)
    e = a.exp()
    y = (e * e.log() + e.sqrt()).sum()
    order = list(walk_back([y.function], functions_before))
    assert len(order) == len(set(order)) == 6
    place = {function: i for i, function in enumerate(order)}
    assert all(place[f] < place[b] for f in order for b in f.edges if b in place)


@pytest.fixture
def lenet_loss():
    model = models.lenet5()
    images = mc.tensor(np.zeros((8, 1, 28, 28), np.float32))
    return model, ops.cross_entropy(model(images), np.arange(8))


def test_the_loss_of_lenet5_has_every_parameter_by_name(lenet_loss):
    model, loss = lenet_loss
    texts = [text.get_text() for text in viz.graph(loss, model).axes[0].texts]
    assert {name for name, _ in model.named_parameters()} <= set(texts)
    assert Counter(texts)["Conv2d"] == 2
    assert Counter(texts)["Linear"] == 3


def branching():
    a, b = leaf(2, 3), leaf(2, 3)
    x = a
    for _ in range(4):
        x = ops.relu(x * b + a) + ops.tanh(x) * (x - x)
    return x.sum()


def unequal():
    a = leaf(2, 3, 4, 5)
    return sum((a * k).sum() for k in range(1, 12)) * leaf()


@pytest.mark.parametrize("made", ["lenet", branching, unequal])
def test_no_box_touches_another_and_texts_lie_in_their_boxes(made, lenet_loss):
    model, loss = lenet_loss if made == "lenet" else (None, made())
    picture = viz.graph(loss, model)
    boxes, _ = autograd_graph(loss, {})
    drawn = box_extents(picture, FancyBboxPatch)[: len(boxes)]
    assert_apart(drawn)
    texts = text_extents(picture)
    assert_apart(texts)
    for text in list(texts.values())[: 2 * len(boxes)]:
        assert sum(inside(text, box) for box in drawn) == 1
    assert all(inside(extent, picture.bbox) for extent in (*drawn, *texts.values()))


def bezier(curve):
    """Points along a cubic curve."""
    t = np.linspace(0, 1, 60)[:, None]
    p0, p1, p2, p3 = curve
    return (1 - t) ** 3 * p0 + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * p3


@pytest.mark.parametrize("made", [branching, unequal])
def test_edges_pass_between_boxes(made):
    """Between its ends an edge is in no box: it keeps to its place in the layers it passes."""
    picture = viz.graph(made())
    (axes,) = picture.axes
    boxes, edges = autograd_graph(made(), {})
    patches = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    places = [patch.get_bbox() for patch in patches[: len(boxes)]]
    arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == len(edges)
    for (start, end), arrow in zip(edges, arrows, strict=True):
        points = arrow._path_original.vertices
        assert points[0][1] == pytest.approx(places[start].y0)
        assert points[-1][1] == pytest.approx(places[end].y1)
        assert places[start].x0 <= points[0][0] <= places[start].x1
        assert places[end].x0 <= points[-1][0] <= places[end].x1
        line = np.concatenate([bezier(points[i : i + 4]) for i in range(0, len(points) - 1, 3)])
        for number, box in enumerate(places):
            if number not in (start, end):
                within = (box.x0 < line[:, 0]) & (line[:, 0] < box.x1)
                assert not (within & (box.y0 < line[:, 1]) & (line[:, 1] < box.y1)).any()


def test_two_edges_into_one_box_end_apart():
    a = leaf(2)
    (axes,) = viz.graph(a * a).axes
    arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    first, second = (arrow._path_original.vertices[-1][0] for arrow in arrows)
    assert abs(first - second) > 0.1


def test_a_deep_graph_needs_no_recursion(deep_recursion_fails):
    x = leaf(2)
    for _ in range(250):
        x = -x
    width, height = viz.graph(x).get_size_inches()
    assert height > 20 * width
    for _ in range(5000):
        x = x + 1.0
    with pytest.raises(ValueError, match="expected at most 300, to be readable; draw a part"):
        viz.graph(x)


def test_svg_holds_the_names(tmp_path):
    a = leaf(2)
    viz.graph(a.exp(), {"velocity": a}).savefig(tmp_path / "graph.svg")
    assert "velocity" in (tmp_path / "graph.svg").read_text()


def test_a_freed_graph():
    a = leaf(2)
    y = a.exp().sum()
    y.backward()
    with pytest.raises(
        ValueError,
        match="^graph: the graph at Sum was released by an earlier backward.*retain_graph=True",
    ):
        viz.graph(y)


def test_nothing_recorded():
    with pytest.raises(ValueError, match="nothing was recorded"):
        viz.graph(mc.tensor([1.0]))


def test_no_tensor():
    with pytest.raises(TypeError, match="tensor is a ndarray, expected a Tensor"):
        viz.graph(np.ones(2))
    with pytest.raises(TypeError, match="images is a list, expected a Tensor"):
        viz.graph(leaf(2), {"images": [1.0]})
    with pytest.raises(TypeError, match=r"names is a list, expected \{name: tensor\} or a Module"):
        viz.graph(leaf(2), [leaf(2)])
    with pytest.raises(TypeError, match="names is a Tensor, expected"):
        viz.graph(leaf(2), leaf(2))


def test_the_graph_can_still_be_walked_back():
    with unchanged(nn.Sequential(nn.Linear(2, 2), nn.Dropout())) as model:
        loss = model[0](mc.tensor(np.ones((1, 2), np.float32))).sum()
        viz.graph(loss, model)
    loss.backward()


@pytest.mark.parametrize("seed", range(5))
def test_spread_is_the_nearest_of_all_places(seed):
    """Against the same problem solved by projections: Dykstra's alternating method."""
    rng = np.random.default_rng(seed)
    wanted, weights, apart = rng.normal(0, 2, 6), rng.uniform(0.5, 2, 6), rng.uniform(0.3, 1.5, 5)
    x, corrections = wanted.copy(), np.zeros((5, 2))
    for _ in range(4000):
        for i in range(5):
            a, b = x[i] + corrections[i, 0], x[i + 1] + corrections[i, 1]
            push = max(0.0, apart[i] - (b - a)) / (1 / weights[i] + 1 / weights[i + 1])
            x[i], x[i + 1] = a - push / weights[i], b + push / weights[i + 1]
            corrections[i] = a - x[i], b - x[i + 1]
    np.testing.assert_allclose(spread(wanted, weights, apart), x, atol=1e-6)


def test_lay_out_keeps_the_gap_in_every_layer():
    rng = np.random.default_rng(0)
    layer = [0, 0, 1, 1, 1, 2, 3, 3]
    widths = rng.uniform(0.2, 2, 8)
    edges = [(0, 2), (1, 3), (0, 4), (2, 5), (3, 5), (0, 6), (5, 7), (1, 7)]
    layout = lay_out(layer, widths, [1.0] * 8, edges, 0.25)
    assert [len(way) for way in layout.ways] == [0, 0, 0, 0, 0, 2, 0, 2]
    for a, b in itertools.combinations(range(8), 2):
        if layer[a] == layer[b]:
            free = abs(layout.x[a] - layout.x[b]) - (widths[a] + widths[b]) / 2
            assert free >= 0.25 - 1e-9
