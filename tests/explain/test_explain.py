"""explain: its result is the layer's output, and text and picture show what contributed to it."""

from __future__ import annotations

import importlib.util
import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.html import texts_of

import minicnn as mc
from minicnn import nn
from minicnn.explain import explain
from minicnn.testing import strategies

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)


def check_place(data: st.DataObject, layer: nn.Module, x: mc.Tensor) -> Any:
    """Explain a drawn output number; it must equal the layer's, and the text must name it."""
    output = layer(x)
    place = tuple(data.draw(st.integers(0, size - 1)) for size in output.shape)
    explanation = explain(layer, x, *place)
    expected = output.numpy()[place]
    np.testing.assert_allclose(explanation.result, expected, rtol=1e-9, atol=1e-12)
    assert explanation.output_shape == output.shape
    assert f"y[{', '.join(map(str, place))}] = " in repr(explanation)
    return explanation


def convolution(kind: Any, case: strategies.Conv2dCase, **options: Any) -> nn.Module:
    """The layer with the weights of the case."""
    outputs, per_group, *kernel_size = case.weight.shape
    channels = (outputs, per_group * case.options["groups"])
    if kind is nn.Conv2d:
        channels = channels[::-1]
    has_bias = case.bias is not None
    layer = kind(*channels, tuple(kernel_size), bias=has_bias, **case.options, **options)
    layer.weight = mc.Parameter(case.weight.numpy())
    if has_bias:
        rng = np.random.default_rng(0)
        layer.bias = mc.Parameter(rng.standard_normal(channels[1]))
    return layer


@given(strategies.conv2d_cases(), st.data())
def test_conv2d(case: strategies.Conv2dCase, data: st.DataObject) -> None:
    layer = convolution(nn.Conv2d, case)
    e = check_place(data, layer, case.x)
    assert e.patch.shape == e.kernel.shape == layer.weight.shape[1:]
    by_hand = 0.0 if layer.bias is None else layer.bias.numpy()[e.place[1]]
    for c, channel in enumerate(e.channels):
        for kh, row in enumerate(e.view.rows.positions):
            for kw, column in enumerate(e.view.columns.positions):
                if 0 <= row < case.x.shape[2] and 0 <= column < case.x.shape[3]:
                    pixel = case.x.numpy()[e.place[0], channel, row, column]
                    by_hand += pixel * layer.weight.numpy()[e.place[1], c, kh, kw]
                else:
                    assert e.view.is_padding[kh, kw]
    assert e.result == pytest.approx(by_hand, abs=1e-12)


@given(strategies.conv2d_cases(), st.sampled_from(["reflect", "replicate", "circular"]), st.data())
def test_padding_that_copies_pixels(
    case: strategies.Conv2dCase, mode: str, data: st.DataObject
) -> None:
    layer = convolution(nn.Conv2d, case, padding_mode=mode)
    try:
        layer(case.x)
    except ValueError:
        return  # more padding than the mode allows
    e = check_place(data, layer, case.x)
    for axis in (e.view.rows, e.view.columns):
        assert all(0 <= source < axis.size for source in axis.sources)
    assert ("copies" in repr(e)) == e.view.is_padding.any()


@given(strategies.conv2d_cases(), st.data())
def test_conv_transpose2d(case: strategies.Conv2dCase, data: st.DataObject) -> None:
    if isinstance(case.options["padding"], str):
        case.options["padding"] = 0
    layer = convolution(nn.ConvTranspose2d, case)
    x = mc.tensor(np.random.default_rng(1).standard_normal((2, len(case.weight), 3, 4)))
    try:
        layer(x)
    except ValueError:
        return  # the padding cuts everything off
    check_place(data, layer, x)


@given(strategies.pool2d_cases(distinct=False), st.sampled_from(["max", "min"]), st.data())
def test_max_and_min_pooling(
    case: strategies.Pool2dCase, extreme: str, data: st.DataObject
) -> None:
    kind = nn.MaxPool2d if extreme == "max" else nn.MinPool2d
    e = check_place(data, kind(case.kernel_size, **case.options), case.x)
    n, channel, i, j = e.place
    layer = kind(case.kernel_size, **case.options, return_indices=True)
    _, indices = layer(case.x)
    row, column = e.view.pixel(*e.winner)  # the same on ties: the first in row order
    assert row * case.x.shape[3] + column == indices.numpy()[n, channel, i, j]
    assert f"row {row}, column {column} of channel {channel}" in repr(e)


@given(
    strategies.pool2d_cases(dilation=False),
    st.booleans(),
    st.sampled_from([None, None, 3, -0.5]),
    st.data(),
)
def test_avg_pooling(
    case: strategies.Pool2dCase, include: bool, divisor: float | None, data: st.DataObject
) -> None:
    options = {"count_include_pad": include, "divisor_override": divisor}
    e = check_place(data, nn.AvgPool2d(case.kernel_size, **case.options, **options), case.x)
    values = e.patch[e.view.is_pixel]
    assert e.result == pytest.approx(values.sum() / e.divisor, abs=1e-12)
    if divisor is None and not include:
        assert e.divisor == len(values)


@given(strategies.pool2d_cases(dilation=False), st.sampled_from([1, 2, 3, 4.0]), st.data())
def test_lp_pooling(case: strategies.Pool2dCase, p: float, data: st.DataObject) -> None:
    check_place(data, nn.LPPool2d(p, case.kernel_size, **case.options), case.x)


@given(strategies.images(), st.booleans(), st.data())
def test_global_and_adaptive_pooling(x: mc.Tensor, keepdim: bool, data: st.DataObject) -> None:
    for kind in (nn.GlobalMaxPool2d, nn.GlobalMinPool2d, nn.GlobalAvgPool2d):
        check_place(data, kind(keepdim), x)
    size = data.draw(st.tuples(st.integers(1, 9), st.one_of(st.none(), st.integers(1, 9))))
    for kind in (nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d):
        check_place(data, kind(size), x)


@given(strategies.images(max_channels=7), st.integers(1, 8), st.data())
def test_local_response_norm(x: mc.Tensor, size: int, data: st.DataObject) -> None:
    e = check_place(data, nn.LocalResponseNorm(size, alpha=0.3, beta=0.6, k=2.0), x)
    _, channel, _, _ = e.place
    assert channel in e.channels
    assert e.x == e.values[e.channels.index(channel)]


IMAGE = np.arange(16.0).reshape(1, 1, 4, 4)

CONV = """\
Conv2d(1, 1, kernel_size=(2, 2), stride=1, padding=1)
y[0, 0, 0, 1] = 4.5   (y has shape (1, 1, 5, 5))
window: rows -1 to 0, columns 0 to 1 of the 4x4 input
( ) padding: 0

 patch      kernel     products
 (0)(0)      1  2       0  0
  0  1   x   3  4   =   0  4

    sum over channel 0  4.00000
  + bias                0.50000
  = result              4.50000"""

POOL = """\
MaxPool2d(kernel_size=3, stride=2, padding=0, dilation=1, return_indices=False, ceil_mode=True)
y[0, 0, 1, 0] = 14   (y has shape (1, 1, 2, 2))
window: rows 2 to 4, columns 0 to 2 of the 4x4 input
 .  beyond the padded image (ceil_mode): not counted

 patch
   8   9  10
  12  13 [14]
   .   .   .

  [ ] the largest: row 3, column 2 of channel 0
  = result  14"""

MEAN = """\
AvgPool2d(kernel_size=2, stride=2, padding=1, ceil_mode=False, count_include_pad=False)
y[0, 0, 2, 1] = 13.5   (y has shape (1, 1, 3, 3))
window: rows 3 to 4, columns 1 to 2 of the 4x4 input
( ) padding: 0

 patch
  13  14
  (0) (0)

    sum                        27
  / pixels, without padding     2
  = result                   13.5"""


def small_conv(**options: Any) -> nn.Conv2d:
    layer = nn.Conv2d(1, 1, 2, **options)
    layer.weight.data[...] = [[[[1, 2], [3, 4]]]]
    assert layer.bias is not None
    layer.bias.data[...] = 0.5
    return layer.to(np.float64)


@pytest.mark.parametrize(
    ("layer", "place", "text"),
    [
        (small_conv(padding=1), (0, 0, 0, 1), CONV),
        (nn.MaxPool2d(3, 2, ceil_mode=True), (0, 0, 1, 0), POOL),
        (nn.AvgPool2d(2, 2, 1, count_include_pad=False), (0, 0, 2, 1), MEAN),
    ],
    ids=["conv", "max", "mean"],
)
def test_the_text(layer: nn.Module, place: tuple[int, ...], text: str) -> None:
    lines = [line.rstrip() for line in repr(explain(layer, mc.tensor(IMAGE), *place)).split("\n")]
    assert lines == text.split("\n")


def test_copied_pixels_are_named() -> None:
    text = repr(explain(small_conv(padding=1, padding_mode="reflect"), mc.tensor(IMAGE), 0, 0))
    assert "( ) padding: row -1 copies row 1, column -1 copies column 1" in text


def test_a_position_that_no_kernel_reaches_is_the_bias() -> None:
    layer = nn.ConvTranspose2d(2, 1, 1, stride=2)
    e = explain(layer, mc.tensor(np.ones((1, 2, 3, 3), np.float32)), 0, 0, 1, 1)
    assert layer.bias is not None
    assert e.result == layer.bias.item()
    assert "no kernel of an input pixel reaches this position" in repr(e)


def test_the_transposed_kernel_names_its_taps() -> None:
    x = mc.tensor(np.ones((1, 1, 3, 3), np.float32))
    assert "its rows 2, 0 and columns 1 fall here" in repr(
        explain(nn.ConvTranspose2d(1, 1, 3, stride=2), x, 0, 0, 2, 1)
    )


def test_the_formula_of_local_response_norm() -> None:
    x = mc.tensor(np.arange(1.0, 5.0).reshape(1, 4, 1, 1))
    text = repr(explain(nn.LocalResponseNorm(3, 0.3, 0.5, 1.0), x, 0, 1))
    assert "channel  0  [1]  2" in text
    assert "    x^2  1   4   9" in text
    assert "= 2 / (1 + 0.3 / 3 * 14)^0.5" in text
    assert f"= {2 / math.sqrt(2.4):.6g}" in text


def test_many_channels_and_large_kernels_are_shortened() -> None:
    layer = nn.Conv2d(61, 1, 11)
    text = repr(explain(layer, mc.tensor(np.ones((1, 61, 11, 11), np.float32)), 0, 0))
    assert "+ ... 58 more channels, sum" in text
    assert " ... " in text
    assert len(text.split("\n")) < 50
    assert max(map(len, text.split("\n"))) < 135


def test_nan_wins_a_maximum() -> None:
    x = IMAGE.copy()
    x[0, 0, 1, 1] = np.nan
    e = explain(nn.MaxPool2d(2), mc.tensor(x), 0, 0)
    assert math.isnan(e.result)
    assert "[nan]" in repr(e)


def test_pixels_of_minus_infinity_win_over_padding() -> None:
    x = mc.tensor(np.full((1, 1, 2, 2), -np.inf))
    e = explain(nn.MaxPool2d(2, padding=1), x, 0, 0)
    assert e.view.pixel(*e.winner) == (0, 0)


def test_other_devices(device: str) -> None:
    x = mc.tensor(IMAGE, device=device)
    assert explain(small_conv(padding=1).to(device), x, 0, 0, 0, 1).result == 4.5


def test_the_mode_of_the_layer_is_left_as_it_was() -> None:
    layer = small_conv()
    explain(layer, mc.tensor(IMAGE), 0, 0)
    assert layer.training


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ((1, 0, 0, 0), "n: got 1, expected 0 to 0: x has shape (1, 1, 4, 4)"),
        ((0, 1, 0, 0), "channel: got 1, expected 0 to 0: the output has shape (1, 1, 3, 3)"),
        ((0, 0, 3, 0), "i: got 3, expected 0 to 2: the output has shape (1, 1, 3, 3)"),
        ((0, 0, 0, -1), "j: got -1, expected 0 to 2: the output has shape (1, 1, 3, 3)"),
    ],
)
def test_places_outside(place: tuple[int, int, int, int], message: str) -> None:
    with pytest.raises(IndexError) as error:
        explain(small_conv(), mc.tensor(IMAGE), *place)
    assert message in str(error.value)


def test_i_and_j_stay_0_where_the_output_has_two_axes() -> None:
    with pytest.raises(IndexError, match="i: got 1, expected 0 to 0"):
        explain(nn.GlobalMaxPool2d(), mc.tensor(IMAGE), 0, 0, 1)


class OwnPool(nn.MaxPool2d):
    """A subclass: its forward could be anything."""


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.Linear(2, 2), OwnPool(2), mc.models.lenet5()])
def test_layers_without_an_explanation(layer: nn.Module) -> None:
    with pytest.raises(TypeError, match="expected one of Conv2d, ConvTranspose2d, MaxPool2d, .*"):
        explain(layer, mc.tensor(IMAGE), 0, 0)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (IMAGE, TypeError, "x is a ndarray, expected a Tensor"),
        (mc.tensor(IMAGE[0]), ValueError, "expected four axes"),
        (mc.tensor(IMAGE.astype(int)), TypeError, "expected floats"),
        (mc.tensor(np.ones((1, 2, 4, 4))), ValueError, "x has 2 channels"),
    ],
)
def test_wrong_x(x: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        explain(small_conv(), x, 0, 0)


@pytest.mark.parametrize("n", [0.0, True, None])
def test_an_index_is_an_integer(n: Any) -> None:
    with pytest.raises(TypeError, match="explain: n: got .*, expected an integer"):
        explain(small_conv(), mc.tensor(IMAGE), n, 0)


def cell_texts(axis: Any) -> list[str]:
    """The numbers in the cells of a panel, in row order."""
    return [text.get_text() for text in axis.texts if text.get_transform() is axis.transData]


def panel(picture: Any, title: str) -> Any:
    (found,) = (axis for axis in picture.axes if axis.get_title().startswith(title))
    return found


@needs_matplotlib
def test_the_numbers_in_the_cells_are_the_arrays() -> None:
    e = explain(small_conv(padding=1), mc.tensor(IMAGE), 0, 0, 0, 1)
    picture = e.picture()
    for title, array in (("patch", e.patch), ("kernel", e.kernel), ("products", e.products)):
        axis = panel(picture, title)
        assert [float(text) for text in cell_texts(axis)] == array.ravel().tolist()
        np.testing.assert_array_equal(axis.images[0].get_array(), array[0])
    assert panel(picture, "products").get_title() == "products, sum 4"
    assert picture.get_suptitle() == "y[0, 0, 0, 1] = 4 + 0.5 (bias) = 4.5"
    np.testing.assert_array_equal(panel(picture, "input").images[0].get_array(), IMAGE[0, 0])
    low, high = panel(picture, "kernel").images[0].get_clim()
    assert low == -high == -4


@needs_matplotlib
def test_the_window_and_the_winner_are_outlined() -> None:
    picture = explain(nn.MaxPool2d(3, 2, ceil_mode=True), mc.tensor(IMAGE), 0, 0, 1, 0).picture()
    boxes = [box.get_bbox().bounds for box in panel(picture, "input").patches if box.get_lw() > 0]
    assert boxes == [(-0.5, 1.5, 3, 3), (1.5, 2.5, 1, 1)]  # left, top, width, height
    assert cell_texts(panel(picture, "patch")) == ["8", "9", "10", "12", "13", "14"]


X = np.random.default_rng(0).random((1, 5, 9, 9)).astype(np.float32)


@needs_matplotlib
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(5, 1, 3, dilation=2, padding="same"),
        nn.Conv2d(5, 5, 9, groups=5, bias=False),
        nn.ConvTranspose2d(5, 1, 3, 2),
        nn.ConvTranspose2d(5, 1, 1, 2),
        nn.MinPool2d(3, padding=1),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.LPPool2d(3, 2, ceil_mode=True),
        nn.GlobalAvgPool2d(),
        nn.AdaptiveMaxPool2d(4),
        nn.LocalResponseNorm(3),
    ],
    ids=repr,
)
def test_every_picture_can_be_drawn(layer: nn.Module) -> None:
    x = mc.tensor(X)
    output = layer(x)
    e = explain(layer, x, *(size - 1 for size in output.shape))
    html = e._repr_html_()
    assert e.name in texts_of(html)[0]
    assert 'src="data:image/png;base64,' in html


@needs_matplotlib
def test_an_output_that_no_pixel_reaches_can_be_drawn() -> None:
    picture = explain(nn.ConvTranspose2d(5, 1, 1, 2), mc.tensor(X), 0, 0, 1, 1).picture()
    assert cell_texts(panel(picture, "patch")) == []


def test_without_matplotlib_a_notebook_shows_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.startswith(("minicnn.viz", "minicnn.explain.draw"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    e = explain(small_conv(), mc.tensor(IMAGE), 0, 0)
    with pytest.raises(ImportError, match="minicnn.viz needs matplotlib"):
        e.picture()
    html = e._repr_html_()
    assert html.startswith("<pre>")
    assert html.endswith("</pre>")
    assert "-&gt;" not in html
