"""The numbers of the window lab against minicnn's own."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import ops

from .conftest import OpenPage

MODES = ("zeros", "reflect", "replicate", "circular")
COMBINATIONS = 240
OUTPUTS = ("max", "min", "mean", "convolution")

Options = dict[str, Any]


def draw_combinations(rng: np.random.Generator) -> list[Options]:
    ranges = {"size": 17, "kernel": 8, "stride": 6, "padding": 7, "dilation": 5}
    lowest = {"size": 3, "kernel": 1, "stride": 1, "padding": 0, "dilation": 1}
    drawn = []
    for number in range(COMBINATIONS):
        given = {name: int(rng.integers(lowest[name], stop)) for name, stop in ranges.items()}
        drawn.append({**given, "mode": MODES[number % len(MODES)]})
    return drawn


def compute(options: Options, image: np.ndarray, weights: np.ndarray) -> dict[str, Any] | None:
    """The four outputs and how often each pixel is used, by minicnn; None if it is impossible."""
    kernel, stride, dilation = options["kernel"], options["stride"], options["dilation"]
    x = mc.tensor(image[None, None], requires_grad=True)
    window = {"stride": stride, "dilation": dilation}
    ones = mc.tensor(np.ones((1, 1, kernel, kernel)))
    try:
        padded = ops.pad2d(x, options["padding"], options["mode"])
        found = {
            "max": ops.max_pool2d(padded, kernel, **window),
            "min": ops.min_pool2d(padded, kernel, **window),
            "mean": ops.conv2d(padded, ones, **window) / kernel**2,
            "convolution": ops.conv2d(padded, mc.tensor(weights[None, None]), **window),
        }
    except ValueError:
        return None
    if dilation == 1:
        pads = options["padding"] if _is_own(options) else 0
        found["mean"] = ops.avg_pool2d(x if pads else padded, kernel, stride, pads)
    numbers: dict[str, Any] = {name: y.numpy().ravel() for name, y in found.items()}
    spots = mc.tensor(np.zeros_like(padded.numpy()), requires_grad=True)
    ops.conv2d(spots, ones, **window).sum().backward()
    ops.conv2d(padded, ones, **window).sum().backward()
    assert spots.grad is not None
    assert x.grad is not None
    return numbers | {"counts": spots.grad.numpy()[0, 0], "uses": x.grad.numpy()[0, 0]}


def _is_own(options: Options) -> bool:
    """Whether avg_pool2d pads by itself, where no window lies in the padding only."""
    return options["mode"] == "zeros" and options["padding"] < options["kernel"]


@pytest.fixture(scope="module")
def drawn(lab: OpenPage) -> list[tuple[Options, dict[str, Any] | None, dict[str, Any]]]:
    """Options, what minicnn computes for them, and what the page does."""
    rng = np.random.default_rng(5)
    combinations = draw_combinations(rng)
    images = [rng.normal(size=(o["size"], o["size"])) for o in combinations]
    weights = [rng.normal(size=(o["kernel"], o["kernel"])) for o in combinations]
    given = [
        [options, image.ravel().tolist(), w.ravel().tolist()]
        for options, image, w in zip(combinations, images, weights, strict=True)
    ]
    # As one text: Playwright would send so many numbers one by one.
    text = lab.run(
        """JSON.stringify(JSON.parse(given[0]).map(([options, image, weights]) => {
            const lab = modules['network/window_lab.js'];
            const plan = lab.planWindow(options);
            if (plan.problem) return { plan };
            const outputs = lab.slideWindow(plan, lab.padMap(plan, image), weights);
            const [rows, unreached] = [lab.unreachedRows(plan), lab.countUnreached(plan)];
            return { plan, ...outputs, rows, unreached };
        }))""",
        json.dumps(given),
    )
    expected = map(compute, combinations, images, weights)
    return list(zip(combinations, expected, json.loads(text), strict=True))


def test_combinations_are_refused_exactly_when_minicnn_refuses_them(drawn: Any) -> None:
    refused = [
        (expected is None, found["plan"]["problem"] is not None) for _, expected, found in drawn
    ]
    assert all(ours == theirs for ours, theirs in refused)
    assert 25 < sum(ours for ours, _ in refused) < COMBINATIONS - 100


def test_outputs_agree_with_minicnn(drawn: Any) -> None:
    for options, expected, found in drawn:
        if expected is None:
            continue
        for name in OUTPUTS:
            assert len(found[name]) == found["plan"]["output"] ** 2
            np.testing.assert_allclose(
                found[name], expected[name], rtol=1e-9, atol=1e-9, err_msg=f"{name} {options}"
            )


def test_use_counts_are_those_of_minicnns_gradients(drawn: Any) -> None:
    for options, expected, found in drawn:
        if expected is not None:
            plan = found["plan"]
            np.testing.assert_array_equal(
                np.outer(plan["counts"], plan["counts"]), expected["counts"], f"{options}"
            )
            np.testing.assert_array_equal(
                np.outer(plan["uses"], plan["uses"]), expected["uses"], f"{options}"
            )


def test_unreached_pixels_are_counted(drawn: Any) -> None:
    for options, expected, found in drawn:
        if expected is None:
            continue
        size, padding = options["size"], options["padding"]
        inside = slice(padding, padding + size)
        is_unreached = expected["counts"][inside, inside] == 0
        assert found["unreached"]["pixels"] == is_unreached.sum()
        assert found["unreached"]["copied"] == (is_unreached & (expected["uses"] > 0)).sum()
        rows = found["rows"]["between"] + found["rows"]["last"]
        assert rows == np.flatnonzero(is_unreached.all(axis=1)).tolist()


def test_unreached_rows_are_those_of_explain_shapes(drawn: Any) -> None:
    for options, expected, found in drawn:
        if expected is None or options["mode"] != "zeros":
            continue
        names = ("kernel", "stride", "padding", "dilation")
        conv = mc.nn.Conv2d(1, 1, *(options[name] for name in names))
        size = options["size"]
        text = "\n".join(mc.explain.explain_shapes(conv, (1, size, size)).rows[0].arithmetic)
        last = re.search(r"drops the last (\d+) row", text)
        between = re.search(r"skips (\d+) row", text)
        assert len(found["rows"]["last"]) == int(last[1] if last else 0), options
        assert len(found["rows"]["between"]) == int(between[1] if between else 0), options


def test_the_steps_of_the_formula_end_at_the_output_size(drawn: Any, lab: OpenPage) -> None:
    plans = [found["plan"] for _, expected, found in drawn if expected is not None]
    lines = lab.run("given[0].map(modules['view/lab_steps.js'].explainSize)", plans)
    for plan, steps in zip(plans, lines, strict=True):
        assert steps[-1] == str(plan["output"])
        numbers = steps[1].translate(str.maketrans("⌊⌋·\N{MINUS SIGN}", "()*-"))
        assert int(eval(numbers.replace("/", "//"))) == plan["output"]


@pytest.mark.parametrize(
    "name", ["identity", "blur", "sharpen", "horizontal", "vertical", "emboss"]
)
def test_a_picture_is_filtered_as_minicnn_convolves(lab: OpenPage, name: str) -> None:
    grey = np.random.default_rng(2).random((9, 12))
    nine, found = lab.run(
        """(({ KERNELS, filterPicture }) => {
            const nine = KERNELS[given[1]](3);
            return [nine, [...filterPicture({ data: given[0], width: 12, height: 9 }, nine).data]];
        })(modules['network/lab_pictures.js'])""",
        grey.ravel().tolist(),
        name,
    )
    kernel = mc.tensor(np.reshape(nine, (1, 1, 3, 3)).astype(float))
    expected = ops.conv2d(mc.tensor(grey[None, None]), kernel, padding=1, padding_mode="replicate")
    np.testing.assert_allclose(found, expected.numpy().ravel(), atol=1e-6)
