"""What modules and summaries show in a notebook."""

from __future__ import annotations

from support.html import texts_of

import minicnn as mc
from minicnn import models, nn


def test_a_module_is_a_tree_of_its_layers() -> None:
    model = nn.Sequential(
        {"block": nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), "d": nn.Dropout()}
    )
    assert texts_of(model._repr_html_()) == [
        *("name", "module", "weights", "parameters"),
        "Sequential",
        *("block", "Sequential"),
        *("    0", "Conv2d(1, 2, kernel_size=(3, 3), stride=1, padding=0)"),
        *("weight (2, 1, 3, 3)\nbias (2,)", "20"),
        *("    1", "ReLU()", "0"),
        *("d", "Dropout(p=0.5)", "0"),
        *("total", "20"),
    ]  # fmt: skip


def test_shared_weights_are_counted_once() -> None:
    layer = nn.Linear(3, 3)
    other = nn.Linear(3, 3, bias=False)
    other.weight = layer.weight
    texts = texts_of(nn.Sequential(layer, layer, other)._repr_html_())
    assert texts.count("12") == 2  # of the first, and in total
    assert texts[-1] == "12"


def test_looking_runs_nothing() -> None:
    model = nn.Sequential(nn.Linear(3, 3))
    model[0].register_forward_pre_hook(lambda *_: 1 / 0)
    assert "Linear(3, 3, bias=True)" in texts_of(model._repr_html_())


def test_names_are_escaped() -> None:
    html = nn.Sequential({"<script>": nn.ReLU()})._repr_html_()
    assert "<script>" in texts_of(html)
    assert "<script>" not in html


def test_a_summary_is_its_table() -> None:
    table = mc.summary(models.lenet5(), (1, 28, 28))
    texts = texts_of(table._repr_html_())
    assert texts[:9] == [
        "LeNet5", "Layer (type)", "Output shape", "Parameters", "Multiply-adds", "conv1 (Conv2d)",
        "(N, 6, 24, 24)", "156", "86,400",
    ]  # fmt: skip
    assert texts[-5:] == ["Trainable", "44,426", "Total", "44,426", "281,640"]
