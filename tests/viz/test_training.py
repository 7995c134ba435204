"""learning_curves and confusion_matrix: lines, bands and cells against the numbers given."""

from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
from matplotlib.colors import same_color

import minicnn as mc
from minicnn import train, viz
from minicnn.viz.picture import COLOURS


def history(*losses: float, accuracies: tuple[float, ...] = (), validated: bool = True):
    made = train.History()
    for i, loss in enumerate(losses):
        row = {"loss": loss, "seconds": 1.0}
        if accuracies:
            row["accuracy"] = accuracies[i]
        if validated:
            row.update({f"val_{k}": v / 2 for k, v in row.items() if k != "seconds"})
        made.rows.append(row)
    return made


ONE = history(2.0, 1.0, 0.5, accuracies=(0.4, 0.8, 0.9))


def lines(axes) -> list[tuple[str, str, list[float]]]:
    return [(ln.get_linestyle(), ln.get_color(), list(ln.get_ydata())) for ln in axes.lines]


def legend(picture) -> list[str]:
    return [text.get_text() for text in picture.axes[-1].get_legend().get_texts()]


def test_one_run_is_dashed_and_solid():
    picture = ONE.plot()
    loss, accuracy = picture.axes
    assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
    blue = COLOURS[0]
    assert lines(loss) == [("--", blue, [2, 1, 0.5]), ("-", blue, [1, 0.5, 0.25])]
    assert lines(accuracy) == [("--", blue, [0.4, 0.8, 0.9]), ("-", blue, [0.2, 0.4, 0.45])]
    assert legend(picture) == ["training", "validation"]
    assert loss.get_ylim()[0] == 0
    picture.draw_without_rendering()
    assert accuracy.yaxis.get_ticklabels()[0].get_text().endswith("%")


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 40])
def test_epochs_are_integers(epochs):
    picture = viz.learning_curves(history(*np.linspace(2, 1, epochs)))
    low, high = picture.axes[0].get_xlim()
    ticks = [t for t in picture.axes[0].get_xticks() if low <= t <= high]
    assert ticks
    assert all(float(tick).is_integer() for tick in ticks)


def test_one_epoch_is_visible():
    axes = viz.learning_curves(history(1)).axes[0]
    assert [(ln.get_marker(), ln.get_fillstyle()) for ln in axes.lines] == [
        ("o", "none"), ("o", "full")
    ]  # fmt: skip
    assert axes.get_ylim()[1] > 1.04


def test_runs_have_names_and_colours():
    picture = viz.learning_curves({"first": ONE, "second": history(3, 2, 1)})
    assert legend(picture) == ["first", "second", "training", "validation"]
    colours = [colour for _, colour, _ in lines(picture.axes[0])]
    assert colours == [COLOURS[0]] * 2 + [COLOURS[1]] * 2
    assert len(picture.axes[1].lines) == 2  # the second has no accuracy


def test_seeds_are_a_mean_and_a_band():
    seeds = [history(4, 2), history(2, 1, 0.5), history(3, 3)]
    picture = viz.learning_curves({"lenet5": seeds})
    (axes,) = picture.axes
    (_, _, mean), (_, _, validated) = lines(axes)
    assert (mean, validated) == ([3, 2], [1.5, 1])  # as many epochs as all have
    vertices = axes.collections[0].get_paths()[0].vertices
    assert {tuple(v) for v in vertices} >= {(1, 2), (1, 4), (2, 1), (2, 3)}


def test_without_validation():
    picture = viz.learning_curves(history(2, 1, validated=False))
    assert legend(picture) == ["training"]
    assert len(picture.axes[0].lines) == 1


def test_losses_of_zero():
    assert viz.learning_curves(history(0, 0)).axes[0].get_ylim() == (0, 1)


def test_losses_below_zero_are_visible():
    assert viz.learning_curves(history(1, -2)).axes[0].get_ylim()[0] <= -2


def test_more_runs_than_colours():
    runs = {str(i): history(i + 1, 1) for i in range(len(COLOURS) + 2)}
    assert len(viz.learning_curves(runs).axes[0].lines) == 2 * len(runs)


@pytest.mark.parametrize(
    ("histories", "message"),
    [
        (train.History(), "learning_curves: the history has no epochs"),
        ({"a": [ONE, train.History()]}, "learning_curves: history 'a' has no epochs"),
        ({"a": []}, "learning_curves: history 'a' has no epochs"),
        ({}, "learning_curves: got no history"),
    ],
)
def test_bad_histories(histories, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        viz.learning_curves(histories)


def test_histories_of_another_type():
    with pytest.raises(TypeError, match="^learning_curves: got int, expected a History"):
        viz.learning_curves([1, 2])


def test_plot_without_matplotlib(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("minicnn.viz")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(mc, "viz", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"needs matplotlib: pip install matplotlib"):
        ONE.plot()


MATRIX = np.array([[50, 1, 0], [4, 1200, 0], [0, 0, 0]])


def cells(axes) -> dict[tuple[float, float], str]:
    return {t.get_position()[::-1]: t.get_text() for t in axes.texts}


def test_confusion_matrix_has_every_count():
    picture = viz.confusion_matrix(MATRIX, ["shirt", "coat", "bag"])
    (axes,) = picture.axes
    written = cells(axes)
    counted = {(0, 0): "50", (0, 1): "1", (1, 0): "4", (1, 1): "1,200"}
    assert {place: text for place, text in written.items() if place[1] < 2.5} == counted
    recalls = [text for place, text in written.items() if place[1] > 2.5]
    assert recalls == ["98.0%", "99.7%", "-", "recall"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["shirt", "coat", "bag"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["shirt", "coat", "bag"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert axes.get_title() == "1,250 of 1,255 correct, 99.60%"


def test_only_mistakes_are_coloured():
    (image,) = viz.confusion_matrix(MATRIX).axes[0].images
    colours = np.asarray(image.get_array())
    for place in np.ndindex(3, 3):
        red, _, blue, _ = colours[place]
        if place in ((0, 1), (1, 0)):
            assert red > blue + 0.05
        else:
            expected = "0.85" if place[0] == place[1] else "white"
            assert same_color(tuple(colours[place]), expected)
    assert colours[1, 0].sum() < colours[0, 1].sum()  # more mistakes, darker


def test_numbers_can_be_read_on_dark_cells():
    texts = {t.get_text(): t.get_color() for t in viz.confusion_matrix(MATRIX).axes[0].texts}
    assert (texts["4"], texts["1"], texts["50"]) == ("white", "black", "black")


def test_counts_and_names_of_any_type():
    """Counts as floats are written as integers, and bytes are summed without wrapping around."""
    for matrix in (MATRIX.astype(float), mc.tensor(MATRIX)):
        assert cells(viz.confusion_matrix(matrix).axes[0])[1, 1] == "1,200"
    title = viz.confusion_matrix(np.full((2, 2), 200, np.uint8), names=[7, 8]).axes[0].get_title()
    assert title == "400 of 800 correct, 50.00%"


def test_long_names_leave_room_for_the_matrix():
    picture = viz.confusion_matrix(np.eye(2, dtype=int), ["a name of " * 6, "b"])
    picture.draw_without_rendering()
    assert picture.axes[0].get_window_extent().width > 40


def test_many_classes_show_only_colours():
    picture = viz.confusion_matrix(np.ones((100, 100), int))
    assert max(picture.get_size_inches()) < 10
    assert not [t for t in picture.axes[0].texts if t.get_position()[0] < 99]


def test_no_mistakes_and_no_images():
    assert viz.confusion_matrix([[3]]).axes[0].get_title() == "3 of 3 correct, 100.00%"
    assert viz.confusion_matrix(np.zeros((2, 2), int)).axes[0].get_title() == "0 of 0 correct"


@pytest.mark.parametrize(
    ("matrix", "names", "message"),
    [
        (np.ones((2, 3)), None, r"confusion_matrix: got shape \(2, 3\), expected \(K, K\) counts"),
        (np.ones(3), None, r"confusion_matrix: got shape \(3,\)"),
        (7, None, r"confusion_matrix: got shape \(\)"),
        (np.ones((0, 0)), None, r"confusion_matrix: got shape \(0, 0\)"),
        (-np.ones((2, 2)), None, "confusion_matrix: got -1.0 in the matrix, expected counts"),
        (np.full((2, 2), np.nan), None, "confusion_matrix: 4 of 4 numbers in matrix are not"),
        (np.eye(2) / 2, None, "confusion_matrix: got 0.5 in the matrix, expected counts"),
        ([[1], [1, 2]], None, "confusion_matrix: matrix is not an array"),
        (np.eye(2), ["a"], "confusion_matrix: 1 names for 2 classes"),
    ],
)
def test_bad_matrices(matrix, names, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        viz.confusion_matrix(matrix, names)


def test_a_history_without_loss_and_accuracy():
    other, validated = train.History(), train.History()
    other.rows.append({"seconds": 1.0, "val_top5": 0.5})
    with pytest.raises(ValueError, match="got .'seconds', 'top5'., expected a loss or an accuracy"):
        viz.learning_curves(other)
    validated.rows.append({"val_loss": 1.0})
    assert lines(viz.learning_curves(validated).axes[0])[0][2] == [1.0]
