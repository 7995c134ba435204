"""images and mistakes: the images that are drawn, their scale and their texts."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
from support.drawn import drawn, overlap, scales, words

import minicnn as mc
from minicnn import nn, ops, viz

SOME = np.random.default_rng(0).random((7, 1, 5, 4)).astype(np.float32)


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
    np.testing.assert_array_equal(drawn(viz.images(np.full((1, 3, 2, 2), 9))), 1)


@pytest.mark.parametrize(("dtype", "low"), [(np.uint8, 0), (np.int8, -128)])
def test_colours_as_bytes(dtype, low):
    """Black stays black and the range of a small integer is not exceeded on the way."""
    pixels = np.array([low, low + 51, low + 255]).astype(dtype)  # (3,)
    (image,) = drawn(viz.images(np.broadcast_to(pixels, (1, 3, 1, 3))))
    np.testing.assert_allclose(image[0, :, 0], [0, 0.2, 1])


def test_captions_of_any_kind():
    assert words(viz.images(SOME, (f"no {i}" for i in range(7)))) == [f"no {i}" for i in range(7)]


def test_columns_that_are_not_needed_are_left_out():
    few = viz.images(SOME, columns=1000)
    assert tuple(few.get_size_inches()) == tuple(viz.images(SOME).get_size_inches())
    assert len({i.get_extent()[0] for i in viz.images(SOME, columns=5).axes[0].images}) == 5
    many = viz.images(np.ones((300, 2, 2)), columns=300).axes[0].images
    assert {round(i.get_extent()[1] - i.get_extent()[0], 6) for i in many} == {0.1}


@pytest.mark.parametrize("shape", [(300, 1), (1, 300)])
def test_images_that_are_lines_can_be_seen(shape):
    for picture in (
        viz.images(np.ones((2, *shape))),
        viz.feature_maps(nn.Conv2d(1, 2, 1), np.ones((1, *shape))),
    ):
        left, right, low, high = picture.axes[0].images[0].get_extent()
        assert (high - low) / (right - left) == pytest.approx(8 if shape[1] == 1 else 1 / 8)


def test_a_long_caption_does_not_blow_up_its_image():
    assert viz.images(SOME, ["word " * 50] * 7).get_size_inches()[1] < 15


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
    captions = [f"predicted as an ankle boot, number {i}" for i in range(7)]
    assert not overlap(viz.images(SOME, captions))
    assert not overlap(viz.images(SOME[:1], title="A title that is wider than the one image"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": SOME[:0]}, "images: images is empty"),
        ({"images": []}, "images: images is empty"),
        ({"images": 3.0}, "images: images have shape (), expected (N, C, H, W) or (N, H, W)"),
        ({"images": SOME[0, 0]}, "images: images have shape (5, 4), expected (N, C, H, W) or"),
        ({"images": np.ones((1, 2, 5, 5))}, "images: an image has shape (2, 5, 5)"),
        ({"images": SOME + np.float32(np.nan)}, "images: 140 of 140 numbers in images are not"),
        ({"images": [[[1, 2], [3]]]}, "images: images is not an array: "),
        ({"images": SOME, "captions": "ab"}, "images: 7 images, but 2 captions"),
        (
            {"images": SOME, "columns": 0},
            "images: columns: got 0, expected an integer of 1 or more",
        ),
    ],
)
def test_bad_images(arguments, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        viz.images(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.array([["a"]])}, "images: images holds <U1, expected numbers"),
        ({"images": None}, "images: images is a NoneType, expected numbers"),
        ({"images": SOME, "columns": 2.0}, "images: columns: got 2.0, expected an integer"),
    ],
)
def test_arguments_of_a_wrong_type(arguments, message):
    with pytest.raises(TypeError, match="^" + re.escape(message)):
        viz.images(**arguments)


SCORES = np.array([[4, 0, 0], [0, 1, 0], [0, 0, 3], [2, 0, 0], [0, 0, 1.0]], np.float32)
LABELS = np.array([0, 2, 1, 2, 2])  # images 1, 2 and 3 are wrong, 2 with the most confidence


def test_mistakes_begin_with_the_most_confident():
    picture = viz.mistakes(SOME[:5], LABELS, SCORES)
    np.testing.assert_array_equal(drawn(picture), SOME[[2, 3, 1], 0])
    assert words(picture) == [
        "3 of 5 misclassified",
        "true 1\npredicted 2, 91%", "true 2\npredicted 0, 79%", "true 2\npredicted 1, 58%",
    ]  # fmt: skip


def test_mistakes_of_probabilities_and_logits_are_the_same():
    chances = ops.softmax(mc.tensor(SCORES))
    shown = words(viz.mistakes(SOME[:5], mc.tensor(LABELS), chances))
    assert shown == words(viz.mistakes(SOME[:5], LABELS, mc.tensor(SCORES)))


def test_mistakes_with_names_and_a_limit():
    names = ["T-shirt/top", "Ankle boot", "Pullover"]
    picture = viz.mistakes(SOME[:5], LABELS, SCORES, names, most=2)
    assert words(picture) == [
        "3 of 5 misclassified, the 2 most confident",
        "true Ankle boot\npredicted Pullover, 91%",
        "true Pullover\npredicted T-shirt/top, 79%",
    ]
    assert not overlap(picture)


def test_no_mistakes():
    picture = viz.mistakes(SOME[:5], SCORES.argmax(1), SCORES)
    assert (drawn(picture), words(picture)) == ([], ["0 of 5 misclassified"])


@pytest.mark.parametrize(
    ("labels", "scores", "names", "message"),
    [
        (LABELS[:4], SCORES, None, "mistakes: 5 images, but labels have shape (4,) and scores (5,"),
        (LABELS, SCORES[:4], None, "mistakes: 5 images, but labels have shape (5,) and scores (4,"),
        (LABELS, SCORES[0], None, "mistakes: scores have shape (3,), expected (N, K)"),
        (
            LABELS + 1,
            SCORES,
            None,
            "mistakes: labels are int64 from 1 to 3, expected class indices",
        ),
        (
            LABELS * 1.0,
            SCORES,
            None,
            "mistakes: labels are float64 from 0.0 to 2.0, expected class",
        ),
        (LABELS, SCORES, ["a"], "mistakes: 1 names for 3 classes"),
        (LABELS, np.full((5, 3), np.inf), None, "mistakes: 15 of 15 numbers in scores are not"),
    ],
)
def test_bad_mistakes(labels, scores, names, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        viz.mistakes(SOME[:5], labels, scores, names)


@pytest.mark.parametrize("dtype", [np.uint8, bool])
def test_scores_of_small_integers(dtype):
    scores = np.eye(3)[(LABELS + 1) % 3].astype(dtype) * dtype(1 if dtype is bool else 200)
    _, *captions = words(viz.mistakes(SOME[:5], LABELS, scores))
    assert len(captions) == 5
    assert all("predicted" in text and text.endswith("100%") for text in captions)


@pytest.mark.parametrize(("most", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError)])
def test_how_many_mistakes_are_drawn_is_checked(most, error):
    with pytest.raises(error, match=f"mistakes: most: got {most}, expected an integer of 1"):
        viz.mistakes(SOME[:5], LABELS, SCORES, most=most)


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


def test_there_is_no_window() -> None:
    with pytest.raises(RuntimeError, match=r"savefig\('picture.png'\)"):
        viz.images(np.zeros((1, 4, 4))).show()
