"""An op is complete: tested, reachable, exported, documented. A failure names all that it lacks."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, find, settings
from hypothesis.errors import NoSuchExample
from support.op_cases import ALIASES, CASES, Call

import minicnn as mc
from minicnn import nn, ops
from minicnn.export.table import CONVERTERS
from minicnn.ops.methods import METHODS

ROOT = Path(__file__).parent.parent.parent

# Ops whose layer has a name of its own; others are found by theirs: batch_norm is BatchNorm2d.
LAYERS = {
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "hinge_loss": "MultiMarginLoss",
    "pad2d": "ConstantPad2d",
}
FUNCTIONS_ONLY = {
    **dict.fromkeys(["col2im", "fold", "im2col", "unfold"], "what convolution is made of"),
    **dict.fromkeys(["concatenate", "stack", "einsum", "where"], "takes several tensors"),
    **dict.fromkeys(["maximum", "minimum"], "takes two tensors and is symmetric"),
    **dict.fromkeys(["accuracy", "topk_accuracy", "one_hot"], "for the evaluation of a network"),
    **dict.fromkeys(["broadcast_to", "sum_to"], "the operators broadcast by themselves"),
}
NOT_EXPORTED = {
    **dict.fromkeys(["accuracy", "argmax", "argmin", "one_hot", "topk_accuracy"], "no Function"),
    **dict.fromkeys(["col2im", "fold"], "the gradient of im2col"),
    **dict.fromkeys(["dropout", "dropout2d"], "the identity in evaluation mode"),
    "max_unpool2d": "its indices are computed outside the graph",
    "sum_to": "the gradient of broadcast_to",
    **dict.fromkeys(
        ["binary_cross_entropy_with_logits", "hinge_loss", "nll_loss"],
        "a loss, which the exported network does without",
    ),
}
OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@",
             "neg": "-", "getitem": "indexing"}  # fmt: skip


def missing(name: str) -> list[str]:
    """What this op of ``minicnn.ops.__all__`` lacks, each with the place where it belongs."""
    op = getattr(ops, name)
    case = CASES.get(ALIASES.get(name, name))
    tested = [
        (case is not None, "an OpCase in tests/support/op_cases/"),
        (case and callable(case.oracle), "an oracle in its OpCase"),
        (case and case.twin, "a twin in PyTorch in its OpCase, or the reason why there is none"),
        (
            name in NOT_EXPORTED or (case and is_exported(name)),
            "a converter in minicnn/export/table.py, or a reason in NOT_EXPORTED",
        ),
    ]
    offered = [
        (
            has_layer(name) or op in METHODS.values() or name in FUNCTIONS_ONLY,
            "a layer in minicnn/nn/, a method in minicnn/ops/methods.py, or a reason in "
            "FUNCTIONS_ONLY",
        ),
        (">>> " in (inspect.getdoc(op) or ""), "an example in its docstring"),
        (is_in_docs(name), "its name in docs/operations.md"),
    ]
    return [text for there, text in [*tested, *offered] if not there]


def has_layer(name: str) -> bool:
    stem = LAYERS.get(name, name).replace("_", "").lower()
    layers = {layer.lower() for layer in nn.__all__}
    return bool({stem, f"{stem}loss", f"{stem}1d", f"{stem}2d"} & layers)


def is_in_docs(name: str) -> bool:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = " ".join(line for line in text.splitlines() if line.startswith("|"))
    words = {word for code in re.findall(r"`([^`]*)`", table) for word in code.split()}
    return name in words or OPERATORS.get(name, name) in {*words, *re.findall(r"\w+", table)}


def is_exported(name: str) -> bool:
    """Whether some call of the op runs Functions, which all have a converter."""
    case = CASES[ALIASES.get(name, name)]

    def has_converters(call: Call) -> bool:
        inputs, options = call
        seen = Functions()
        with mc.autograd.observing(seen):
            case.op(*inputs, **options)
        return bool(seen.kinds) and seen.kinds <= set(CONVERTERS)

    quickly = settings(max_examples=20, database=None, phases=[Phase.generate])
    try:
        find(case.calls(), has_converters, settings=quickly)
    except NoSuchExample:
        return False
    return True


class Functions(mc.autograd.Observer):
    """The classes of the Functions that are called."""

    def __init__(self) -> None:
        self.kinds: set[type] = set()

    def after_forward(self, call: Any) -> None:
        self.kinds.add(type(call.function))


@pytest.mark.parametrize("name", ops.__all__)
def test_an_op_lacks_nothing(name: str) -> None:
    assert not missing(name), f"ops.{name} lacks:\n- " + "\n- ".join(missing(name))


def test_an_op_that_is_only_half_added_is_told_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops, "cube", lambda x: x * x * x, raising=False)
    text = "\n".join(missing("cube"))
    for part in ("OpCase", "oracle", "PyTorch", "export", "layer", "method", "example", "docs"):
        assert part in text


def test_nothing_is_listed_that_does_not_exist() -> None:
    assert sorted(CASES) == sorted(set(ops.__all__) - set(ALIASES))
    for names in (LAYERS, FUNCTIONS_ONLY, NOT_EXPORTED, OPERATORS):
        assert set(names) - set(ops.__all__) == set()
    assert [name for name in FUNCTIONS_ONLY if getattr(ops, name) in METHODS.values()] == []
    assert [name for name in NOT_EXPORTED if name in CASES and is_exported(name)] == []


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_the_same_function(alias: str) -> None:
    assert getattr(ops, alias) is getattr(ops, ALIASES[alias])
