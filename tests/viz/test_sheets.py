"""images, mistakes, filters, feature_maps: what lies on the sheet, its scale and its words."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from support.unchanged import unchanged

import minicnn as mc
from minicnn import models, nn, ops, viz
from minicnn.viz.picture import Picture

SOME = np.random.default_rng(0).random((7, 1, 5, 4)).astype(np.float32)


def drawn(picture: Picture) -> list[np.ndarray]:
    """The arrays of all pictures on the sheet, in the order of drawing."""
    return [np.asarray(image.get_array()) for image in picture.axes[0].images]


def words(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.axes[0].texts]


def scales(picture: Picture) -> set[tuple]:
    return {(i.get_cmap().name, *i.get_clim()) for i in picture.axes[0].images}


def overlap(picture: Picture) -> bool:
    """Whether any two pictures or texts on the sheet cover each other, or one is cut off."""
    picture.draw_without_rendering()
    axes = picture.axes[0]
    boxes = [thing.get_window_extent() for thing in (*axes.images, *axes.texts)]
    whole = picture.bbox.padded(1)
    inside = all(whole.x0 <= b.x0 and b.x1 <= whole.x1 and b.y0 >= whole.y0 for b in boxes)
    covered = any(
        min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
        for i, a in enumerate(boxes)
        for b in boxes[:i]
    )
    return covered or not inside


FORMS = {
    "(N, C, H, W)": SOME,
    "(N, H, W)": SOME[:, 0],
    "Tensor": mc.tensor(SOME),
    "list of (C, H, W)": list(SOME),
    "list of (H, W)": list(SOME[:, 0]),
    "list of Tensors": [mc.tensor(image) for image in SOME],
}


@pytest.mark.parametrize("form", FORMS)
def test_images_in_every_form(form):
    picture = viz.images(FORMS[form], captions=range(7), title="seven")
    np.testing.assert_array_equal(drawn(picture), SOME[:, 0])
    assert scales(picture) == {("gray", 0.0, SOME.max())}
    assert words(picture) == ["seven", *"0123456"]
    assert not overlap(picture)


def test_images_below_zero_are_centred_on_it():
    picture = viz.images(SOME - 0.9)
    assert scales(picture) == {("RdBu_r", -(0.9 - SOME.min()), 0.9 - SOME.min())}


def test_colours_are_drawn_as_they_are_or_stretched():
    colours = np.random.default_rng(0).random((2, 3, 4, 4))
    (first, _) = drawn(viz.images(colours))
    np.testing.assert_array_equal(first, colours[0].transpose(1, 2, 0))
    stretched = np.array(drawn(viz.images(colours * 20 - 7)))
    assert (stretched.min(), stretched.max()) == (0, 1)
    np.testing.assert_array_equal(drawn(viz.images(np.full((1, 3, 2, 2), 9))), 0)


def test_images_of_different_sizes_keep_their_proportions():
    picture = viz.images([np.ones((10, 20)), np.ones((3, 30, 30))], ["wide", "square"])
    shapes = [i.get_window_extent() for i in picture.axes[0].images]
    assert shapes[0].width / shapes[0].height == pytest.approx(2)
    assert shapes[1].width / shapes[1].height == pytest.approx(1)


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (5, 5), (30, 10), (12, 6), (64, 16)])
def test_rows_are_full(count, columns):
    lefts = {i.get_extent()[0] for i in viz.images(np.ones((count, 4, 4))).axes[0].images}
    assert len(lefts) == columns


def test_columns_can_be_chosen():
    lefts = {i.get_extent()[0] for i in viz.images(SOME, columns=3).axes[0].images}
    assert len(lefts) == 3


def test_long_captions_do_not_run_into_each_other():
    captions = [f"taken for an ankle boot, number {i}" for i in range(7)]
    assert not overlap(viz.images(SOME, captions))
    assert not overlap(viz.images(SOME[:1], title="A title that is wider than the one image"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": SOME[:0]}, "images: images is empty"),
        ({"images": []}, "images: images is empty"),
        ({"images": 3.0}, "images: an image has shape (), expected (1 or 3, H, W)"),
        ({"images": SOME[0, 0]}, "images: an image has shape (4,), expected (1 or 3, H, W)"),
        ({"images": np.ones((1, 2, 5, 5))}, "images: an image has shape (2, 5, 5)"),
        ({"images": SOME + np.float32(np.nan)}, "images: 140 of 140 numbers in images are not"),
        ({"images": np.array([["a"]])}, "images: images holds <U1, expected numbers"),
        ({"images": SOME, "captions": "ab"}, "images: 7 images, but 2 captions"),
        ({"images": SOME, "columns": 0}, "images: columns is 0, expected 1 or more"),
    ],
)
def test_bad_images(arguments, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        viz.images(**arguments)


SCORES = np.array([[4, 0, 0], [0, 1, 0], [0, 0, 3], [2, 0, 0], [0, 0, 1.0]], np.float32)
LABELS = np.array([0, 2, 1, 2, 2])  # images 1, 2 and 3 are wrong, 2 the most surely


def test_mistakes_begin_with_the_surest():
    picture = viz.mistakes(SOME[:5], LABELS, SCORES)
    np.testing.assert_array_equal(drawn(picture), SOME[[2, 3, 1], 0])
    assert words(picture) == [
        "3 of 5 wrong", "is 1\nsaid 2, 91%", "is 2\nsaid 0, 79%", "is 2\nsaid 1, 58%"
    ]  # fmt: skip


def test_mistakes_of_probabilities_and_logits_are_the_same():
    chances = ops.softmax(mc.tensor(SCORES))
    shown = words(viz.mistakes(SOME[:5], mc.tensor(LABELS), chances))
    assert shown == words(viz.mistakes(SOME[:5], LABELS, mc.tensor(SCORES)))


def test_mistakes_with_names_and_a_limit():
    names = ["T-shirt/top", "Ankle boot", "Pullover"]
    picture = viz.mistakes(SOME[:5], LABELS, SCORES, names, most=2)
    assert words(picture) == [
        "3 of 5 wrong, the 2 surest of them",
        "is Ankle boot\nsaid Pullover, 91%",
        "is Pullover\nsaid T-shirt/top, 79%",
    ]
    assert not overlap(picture)


def test_no_mistakes():
    picture = viz.mistakes(SOME[:5], SCORES.argmax(1), SCORES)
    assert (drawn(picture), words(picture)) == ([], ["0 of 5 wrong"])


@pytest.mark.parametrize(
    ("labels", "scores", "names", "message"),
    [
        (LABELS[:4], SCORES, None, "mistakes: 5 images, but labels have shape (4,) and scores (5,"),
        (LABELS, SCORES[:4], None, "mistakes: 5 images, but labels have shape (5,) and scores (4,"),
        (LABELS, SCORES[0], None, "mistakes: scores have shape (3,), expected (N, K)"),
        (LABELS + 1, SCORES, None, "mistakes: labels are not all class indices, 0 to 2"),
        (LABELS * 1.0, SCORES, None, "mistakes: labels are not all class indices, 0 to 2"),
        (LABELS, SCORES, ["a"], "mistakes: 1 names for 3 classes"),
        (LABELS, np.full((5, 3), np.inf), None, "mistakes: 15 of 15 numbers in scores are not"),
    ],
)
def test_bad_mistakes(labels, scores, names, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        viz.mistakes(SOME[:5], labels, scores, names)


def test_filters_of_one_channel():
    layer = nn.Conv2d(1, 6, 3)
    picture = viz.filters(layer, title="conv1")
    np.testing.assert_array_equal(drawn(picture), layer.weight.numpy()[:, 0])
    largest = np.abs(layer.weight.numpy()).max()
    assert scales(picture) == {("RdBu_r", -largest, largest)}
    assert words(picture) == ["conv1"]
    bar = picture.axes[1]
    assert bar.get_ylim() == pytest.approx((-largest, largest))


@pytest.mark.parametrize("kernel", [(3, 3), (5, 2)])
def test_filters_of_more_channels_are_columns(kernel):
    weight = np.random.default_rng(0).normal(size=(4, 2, *kernel))
    picture = viz.filters(weight)
    ((mosaic,), (high, wide)) = (drawn(picture), kernel)
    for o, c in np.ndindex(4, 2):
        part = mosaic[c * high : (c + 1) * high, o * wide : (o + 1) * wide]
        np.testing.assert_array_equal(part, weight[o, c])
    assert scales(picture) == {("RdBu_r", -np.abs(weight).max(), np.abs(weight).max())}
    assert words(picture) == ["4 filters", "2 channels"]


def test_filters_of_colours_have_zero_at_grey():
    weight = np.zeros((2, 3, 5, 5))
    weight[0, 0], weight[1, 2] = 2.0, -1.0
    red, blue = drawn(viz.filters(weight))
    assert (red == (1, 0.5, 0.5)).all()
    assert (blue == (0.5, 0.5, 0.25)).all()


def test_filters_of_a_table_and_of_zeros():
    layer = models.LeNet5_1998().c3
    np.testing.assert_array_equal(drawn(viz.filters(layer)), layer.weight.numpy())
    assert scales(viz.filters(np.zeros((2, 1, 3, 3)))) == {("RdBu_r", -1.0, 1.0)}


@pytest.mark.parametrize("given", [nn.Linear(3, 4), np.ones(3), np.ones((0, 1, 3, 3)), nn.ReLU()])
def test_bad_filters(given):
    with pytest.raises(ValueError, match="^filters: weight (has shape|holds)"):
        viz.filters(given)


def test_feature_maps_are_the_outputs_of_the_layers():
    model, image = models.lenet5(), np.random.default_rng(0).random((1, 28, 28), np.float32)
    with unchanged(model):
        picture = viz.feature_maps(model, image)
    conv1 = ops.conv2d(mc.tensor(image[None]), model.conv1.weight, model.conv1.bias)
    pool1 = ops.max_pool2d(conv1, 2)
    arrays = drawn(picture)
    assert len(arrays) == 1 + 6 + 6 + 16 + 16
    np.testing.assert_array_equal(arrays[0], image[0])
    np.testing.assert_allclose(arrays[1:7], conv1.numpy()[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(arrays[7:13], pool1.numpy()[0], rtol=1e-5, atol=1e-6)
    labels = words(picture)
    assert labels[0] == "input\n28x28"
    assert [label.split("\n")[0] for label in labels[1:]] == ["conv1", "pool1", "conv2", "pool2"]
    assert labels[3].split("\n")[1] == "16 maps 8x8"
    assert not overlap(picture)


def test_feature_maps_have_one_scale_in_each_row():
    image = np.random.default_rng(0).random((2, 8, 8), np.float32)
    model = nn.Sequential(nn.Conv2d(2, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(180, 2))
    picture = viz.feature_maps(model, image, ["1", "0"], most=3)
    assert [label.split("\n")[:2] for label in words(picture)] == [
        ["input", "8x8"], ["0", "first 3 of 5 maps 6x6"], ["1", "first 3 of 5 maps 6x6"]
    ]  # fmt: skip
    arrays, shown = drawn(picture), picture.axes[0].images
    assert len(arrays) == 2 + 3 + 3
    for row in (range(2, 5), range(5, 8)):
        scale = viz.colour_scale(*(arrays[i] for i in row))
        assert {(i.get_cmap().name, *i.get_clim()) for i in (shown[r] for r in row)} == {
            (scale["cmap"], scale["vmin"], scale["vmax"])
        }


@pytest.mark.parametrize("name", ["lenet5_sigmoid", "LeNet5_1998", "scaled_alexnet"])
def test_feature_maps_of_other_networks(name):
    model = getattr(models, name)()
    with unchanged(model):
        picture = viz.feature_maps(model, np.ones(model.input_shape, np.float32), most=2)
    assert not overlap(picture)


def test_bad_feature_maps():
    image, dense = np.ones((1, 4, 4)), nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with pytest.raises(ValueError, match="feature_maps: Sequential has no layer that gives maps"):
        viz.feature_maps(dense, image)
    with pytest.raises(ValueError, match="feature_maps: the output of layer 1 is not"):
        viz.feature_maps(dense, image, ["1"])
    with pytest.raises(ValueError, match="feature_maps: layer is 'conv', expected one of 0, 1"):
        viz.feature_maps(dense, image, ["conv"])
    with pytest.raises(ValueError, match=r"feature_maps: image has shape \(1, 1, 4, 4\)"):
        viz.feature_maps(dense, image[None])
    with pytest.raises(ValueError, match="feature_maps: most is 0"):
        viz.feature_maps(dense, image, most=0)
    with pytest.raises(ValueError, match="feature_maps: 16 of 16 numbers in image are not finite"):
        viz.feature_maps(dense, image * np.inf)
    broken = nn.Conv2d(1, 2, 3)
    broken.weight.data[0] = np.nan
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="8 numbers in 0 are not"):
        viz.feature_maps(nn.Sequential(broken), image)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_pictures_are_files(tmp_path, suffix):
    path = tmp_path / f"sheet.{suffix}"
    viz.images(SOME).savefig(path)
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert path.read_bytes().startswith(starts[suffix])


def test_pyplot_stays_unimported():
    code = (
        "import sys, numpy as np; from minicnn import models, viz; "
        "viz.images(np.ones((2, 4, 4))); viz.confusion_matrix(np.eye(2)); "
        "viz.panels(models.lenet5(), np.ones((2, 1, 28, 28)), np.array([0, 1])); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
