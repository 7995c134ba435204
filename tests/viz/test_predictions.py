"""predictions: what a network saw, and its answers."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")

from minicnn import viz

SOME = np.random.default_rng(0).random((3, 1, 5, 4)).astype(np.float32)
SCORES = np.array([[0.7, 0.2, 0.1], [0.0, 0.1, 0.9], [0.3, 0.4, 0.3]])


def test_each_image_stands_next_to_its_likeliest_classes():
    picture = viz.predictions(SOME, SCORES, ["cat", "dog", "$x$"], ["a.png", "b.png", "c.png"], 2)
    seen, bars = picture.axes[::2], picture.axes[1::2]
    for i, (left, right) in enumerate(zip(seen, bars, strict=True)):
        np.testing.assert_array_equal(left.get_images()[0].get_array(), SOME[i, 0])
        best = np.argsort(-SCORES[i], kind="stable")[:2]
        widths = [bar.get_width() for bar in right.patches]
        np.testing.assert_allclose(widths[::-1], SCORES[i][best])
        assert right.get_title(loc="left") == "abc"[i] + ".png"
    assert [text.get_text() for text in bars[0].get_yticklabels()] == ["dog", "cat"]
    assert [text.get_text() for text in bars[0].texts] == ["20.0%", "70.0%"]


def test_logits_become_probabilities_and_numbers_names():
    picture = viz.predictions(SOME[:1], [[0.0, np.log(3.0)]])
    (right,) = picture.axes[1::2]
    np.testing.assert_allclose([bar.get_width() for bar in right.patches], [0.25, 0.75])
    assert [text.get_text() for text in right.get_yticklabels()] == ["0", "1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SOME[:2], SCORES), r"got 2 images, 0 captions and 3 names for scores of shape \(3, 3\)"),
        ((SOME, SCORES, ["a"]), "1 names"),
        ((SOME, SCORES, None, ["a"]), "1 captions"),
        ((SOME, SCORES[0]), "predictions: scores have shape"),
        ((SOME, SCORES, None, (), 0), "predictions: most: got 0"),
    ],
)
def test_what_does_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        viz.predictions(*arguments)
