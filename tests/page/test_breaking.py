"""The panel that distorts the image, switches parts off, and shows states of the training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.backend.random import generator
from minicnn.data import transforms
from minicnn.nn.modes import evaluating

from .conftest import OpenPage, OpenPageOf, from_base64, to_base64

SIDE = 8  # pixels of a digit
PANEL = "page.panels.find(({ name }) => name === 'breaking')"
HELPERS = f"""
    const distortion = modules['network/distort.js'];
    const panel = {PANEL};
    const image = (text, shape = [1, 8, 8]) => valueOf(shape, text);
"""


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return mc.data.load("digits", "test")[:20][0]


@pytest.fixture(scope="module")
def trained() -> tuple[Any, mc.train.Snapshots]:
    """A network with batch norm, trained on digits for three epochs, and its states."""
    mc.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32, 10),
    )
    snapshots = mc.train.Snapshots(8)
    optimizer = mc.optim.Adam(model.parameters(), lr=0.01)
    trainer = mc.train.Trainer(model, optimizer, callbacks=[snapshots])
    digits = mc.data.load("digits", "train")
    batches = mc.data.DataLoader(digits, 32, shuffle=True, seed=0)
    trainer.fit(batches, 3)
    return model, snapshots


@pytest.fixture(scope="module")
def page(open_shared_page: OpenPageOf, trained: Any) -> OpenPage:
    """One page for all tests, which leave it as they found it."""
    model, snapshots = trained
    digits = mc.data.load("digits", "test")
    return open_shared_page(model, None, digits, "#panel=breaking&sample=3", snapshots)


@pytest.fixture(autouse=True)
def undistorted(page: OpenPage) -> Iterator[None]:
    yield
    page.tab.get_by_role("button", name="Reset the sliders").click()
    page.run("(page.stage.off.clear(), page.input.chooseSample(3))")


def ask(page: OpenPage, script: str, *arguments: Any) -> Any:
    """What a function body with HELPERS returns."""
    return page.run(f"(() => {{ {HELPERS} {script} }})()", *arguments)


def numbers(found: Any) -> np.ndarray:
    return np.array(found, np.float32)


def outputs_of(model: Any, image: np.ndarray, off: tuple[int, int] | None = None) -> list[Any]:
    """What each layer makes of an image (C, H, W), one output channel set to zero."""
    x, found = mc.tensor(image[None]), []
    with evaluating(model), mc.no_grad():
        for number, layer in enumerate(model):
            x = layer(x)
            if off and off[0] == number:
                values = x.data.copy()
                values[:, off[1]] = 0
                x = mc.tensor(values)
            found.append(x.data[0])
    return found


def draw_amounts(seed: int, count: int) -> np.ndarray:
    """The turn, slant, right and down that RandomAffine draws with this seed, from -1 to 1."""
    mc.manual_seed(seed)
    return generator().uniform(-1, 1, (4, count))


def test_turning_and_shifting_agree_with_random_affine(page: OpenPage, digits: np.ndarray) -> None:
    turn, _, right, down = draw_amounts(5, len(digits))
    mc.manual_seed(5)
    expected = transforms.RandomAffine(180, translate=(0.4, 0.4))(digits)
    amounts = [
        {"degrees": 180 * a, "right": 0.4 * SIDE * r, "down": 0.4 * SIDE * d}
        for a, r, d in zip(turn, right, down, strict=True)
    ]
    moved = ask(
        page,
        "return given[0].map((x, k) => Array.from(distortion.move(image(x), given[1][k]).data));",
        [to_base64(digit) for digit in digits],
        amounts,
    )
    np.testing.assert_allclose(numbers(moved).reshape(expected.shape), expected, atol=1e-5)


def test_turning_agrees_with_random_rotation(page: OpenPage, digits: np.ndarray) -> None:
    turn = draw_amounts(6, len(digits))[0]
    mc.manual_seed(6)
    expected = transforms.RandomRotation(90)(digits)
    turned = ask(
        page,
        "return given[0].map((x, k) =>"
        " Array.from(distortion.move(image(x), { degrees: given[1][k] }).data));",
        [to_base64(digit) for digit in digits],
        list(90 * turn),
    )
    np.testing.assert_allclose(numbers(turned).reshape(expected.shape), expected, atol=1e-5)


def test_whole_pixels_agree_with_random_shift(page: OpenPage, digits: np.ndarray) -> None:
    mc.manual_seed(7)
    down = generator().integers(0, 7, len(digits)) - 3
    right = generator().integers(0, 7, len(digits)) - 3
    mc.manual_seed(7)
    shifted = transforms.RandomShift(3)(digits)
    # A crop that begins further down shows the image further up.
    amounts = [{"down": -int(d), "right": -int(r)} for d, r in zip(down, right, strict=True)]
    found = ask(
        page,
        "return given[0].map((x, k) => Array.from(distortion.move(image(x), given[1][k]).data));",
        [to_base64(digit) for digit in digits],
        amounts,
    )
    np.testing.assert_array_equal(numbers(found).reshape(shifted.shape), shifted)


def test_nothing_changes_nothing(page: OpenPage, digits: np.ndarray) -> None:
    for colourful in (digits[0], np.random.default_rng(0).random((3, 5, 7), np.float32)):
        found = ask(
            page,
            "const { distort, NO_DISTORTION } = distortion;"
            " return Array.from(distort(image(...given), NO_DISTORTION).data);",
            to_base64(colourful),
            list(colourful.shape),
        )
        np.testing.assert_array_equal(numbers(found).reshape(colourful.shape), colourful)


@pytest.mark.parametrize("amount", [0.25, 1.0, 2.5, -0.5, -2.0])
def test_thickness_is_grey_dilation_and_erosion(page: OpenPage, amount: float) -> None:
    x = np.random.default_rng(1).random((3, 6, 9), np.float32)
    pick, edge = (np.maximum, -np.inf) if amount > 0 else (np.minimum, np.inf)

    def step(x: np.ndarray) -> np.ndarray:
        p = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=edge)
        near = p[:, :-2, 1:-1], p[:, 2:, 1:-1], p[:, 1:-1, :-2], p[:, 1:-1, 2:]
        return pick.reduce([x, *near])

    thick = [x, *([] for _ in range(3))]
    for k in range(3):
        thick[k + 1] = step(thick[k])
    whole, share = divmod(abs(amount), 1)
    expected = (1 - share) * thick[int(whole)] + share * thick[min(int(whole) + 1, 3)]
    found = ask(
        page,
        "return Array.from(distortion.thicken(image(given[0], [3, 6, 9]), given[1]).data);",
        to_base64(x),
        amount,
    )
    np.testing.assert_allclose(numbers(found).reshape(x.shape), expected, atol=1e-6)


def test_noise_has_the_standard_deviation_asked_for_and_stays_in_range(page: OpenPage) -> None:
    found = ask(
        page,
        """
        const grey = { shape: [1, 200, 200], data: new Float32Array(40000).fill(0.5) };
        return [[0.1, 1], [0.1, 1], [0.1, 2], [0.8, 1]].map(([deviation, seed]) =>
            encode(distortion.addNoise(grey, deviation, seed).data));
        """,
    )
    first, again, other, strong = map(from_base64, found)
    assert abs(first.std() - 0.1) < 0.002
    assert abs(first.mean() - 0.5) < 0.002
    skew_and_tails = [np.mean(((first - 0.5) / 0.1) ** power) for power in (3, 4)]
    np.testing.assert_allclose(skew_and_tails, [0, 3], atol=0.15)
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.02
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.02
    assert (strong.min(), strong.max()) == (0, 1)


@pytest.mark.parametrize(("layer", "unit"), [(0, 2), (4, 5), (7, 3)])
def test_a_unit_switched_off_is_zero_for_all_later_layers(
    page: OpenPage, trained: Any, digits: np.ndarray, layer: int, unit: int
) -> None:
    page.run("page.stage.switchUnit(given[0], given[1], false)", layer, unit)
    found = [
        from_base64(values)
        for values in ask(
            page,
            """
        page.stage.show(image(given[0]));
        return page.stage.outputs.slice(1).map(({ data }) => encode(Float32Array.from(data)));
        """,
            to_base64(digits[3]),
        )
    ]
    wanted = outputs_of(trained[0], digits[3], (layer, unit))
    for ours, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, expected.ravel(), atol=1e-5, rtol=1e-5)
    assert not np.any(found[layer].reshape(wanted[layer].shape)[unit])


def test_the_ranking_is_what_switching_each_off_does(page: OpenPage) -> None:
    page.settle()  # else these may be the drops of the image before
    page.wait("document.querySelector('.ranking[aria-busy=false]')")
    drops, expected = ask(
        page,
        """
        const { stage } = page;
        const before = stage.probabilities();
        const best = before.indexOf(Math.max(...before));
        const expected = [0, 1, 2, 3, 4, 5].map((unit) => {
            stage.switchUnit(0, unit, false);
            const drop = before[best] - stage.probabilities()[best];
            stage.switchUnit(0, unit, true);
            return drop;
        });
        return [panel.units.ranking.drops, expected];
        """,
    )
    assert [drop["drop"] for drop in drops] == pytest.approx(sorted(expected, reverse=True))
    assert [expected[drop["unit"]] for drop in drops] == [drop["drop"] for drop in drops]


def test_a_button_switches_a_map_off_and_says_what_happens(page: OpenPage) -> None:
    button = page.tab.get_by_role("switch", name="map 1", exact=True)
    assert button.get_attribute("aria-checked") == "true"
    button.focus()
    page.tab.keyboard.press("Space")
    page.wait("document.querySelector('.unit[aria-checked=\"false\"]')")
    assert page.run("[...page.stage.off]") == ["0/1"]
    assert page.tab.get_by_text("Without this one the answer is").is_visible()
    assert page.tab.get_by_text("1 unit is switched off,").is_visible()
    page.tab.get_by_role("button", name="Switch all on again").click()
    page.wait("document.querySelector('.unit').getAttribute('aria-checked') === 'true'")
    assert page.run("page.stage.off.size") == 0
    assert not page.tab.get_by_text("1 unit is switched off,").is_visible()


def test_other_layers_can_be_chosen(page: OpenPage) -> None:
    choice = page.tab.get_by_label("Layer")
    assert choice.locator("option").all_inner_texts() == [
        "Conv2d 0, 6 maps",
        "Conv2d 4, 8 maps",
        "Linear 7, 10 units",
    ]
    choice.select_option("Linear 7, 10 units")
    assert page.tab.get_by_role("switch", name="unit 9").is_visible()
    choice.select_option("Conv2d 0, 6 maps")
    assert page.tab.get_by_role("switch").count() == 6


@pytest.mark.parametrize("name", ["Shift right", "Shift down", "Turn", "Noise", "Thickness"])
def test_a_curve_holds_the_answers_for_all_settings_of_the_last_slider(
    page: OpenPage, name: str
) -> None:
    slider = page.tab.get_by_label(name)
    slider.focus()
    page.tab.keyboard.press("ArrowRight")
    page.wait(f"{PANEL}.distortion.curve.shares.filter(Boolean).length === "
             f"{PANEL}.distortion.state.axis.values.length")  # fmt: skip
    shares, expected, own, answer, setting = ask(
        page,
        """
        const { state: { axis, settings, seed, image: distorted }, curve } = panel.distortion;
        const expected = axis.values.map((value) => page.stage.answer(
            distortion.distort(page.stage.image, { ...settings, [axis.name]: value }, seed)));
        const own = curve.shares[axis.values.indexOf(settings[axis.name])];
        return [curve.shares, expected, own, page.stage.answer(distorted), settings[axis.name]];
        """,
    )
    assert shares == expected
    assert own == answer
    assert setting == pytest.approx(float(slider.get_attribute("step")))


def test_the_sentence_says_where_the_answer_changes(page: OpenPage) -> None:
    found = ask(
        page,
        "return given[0].map(([answers, start]) => distortion.changesOf(answers, start));",
        [[[3, 3, 7, 7, 2], 2], [[7, 7, 7], 1]],
    )
    assert found == [
        {"before": [{"at": 1, "answer": 3}], "after": [{"at": 4, "answer": 2}]},
        {"before": [], "after": []},
    ]
    page.tab.get_by_label("Turn").fill("5")
    page.wait("document.querySelector('.curve .finding').textContent.startsWith('At 0°')")
    text = page.tab.locator(".curve .finding").inner_text()
    assert "° clockwise on it is" in text
    degrees = int(text.split("From ")[1].split("°")[0])
    before, after = ask(
        page,
        """
        const { image: own } = page.stage;
        const answer = (degrees) => page.stage.answer(distortion.move(own, { degrees }));
        return [given[0] - 5, given[0]].map((d) => answer(d).indexOf(Math.max(...answer(d))));
        """,
        degrees,
    )
    assert (before, before == after) == (3, False)


def test_the_distorted_image_can_become_the_image_of_the_page(page: OpenPage) -> None:
    page.tab.get_by_label("Shift right").fill("2")
    expected = ask(page, "return Array.from(panel.distortion.state.image.data);")
    page.tab.get_by_role("button", name="Use this image everywhere").click()
    assert page.run("Array.from(page.stage.image.data)") == expected
    assert page.tab.get_by_label("Shift right").input_value() == "0"


def test_halves_are_numpys_float16(page: OpenPage) -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    found = ask(
        page,
        "return encode(modules['network/values.js'].decodeHalves(given[0]));",
        to_base64(halves, "<f2"),
    )
    decoded = from_base64(found)
    np.testing.assert_array_equal(decoded, halves.astype(np.float32))
    known = ~np.isnan(halves)
    assert np.array_equal(np.signbit(decoded[known]), np.signbit(halves[known]))


def test_a_snapshot_computes_what_the_network_with_its_weights_does(
    page: OpenPage, trained: Any, digits: np.ndarray
) -> None:
    model, snapshots = trained
    earlier = nn.Sequential(*model)
    final = {name: array.copy() for name, array in model.state_dict().items()}
    found = ask(
        page,
        """
        page.stage.show(image(given[0]));
        return page.stage.snapshots.map(({ epoch }, number) => ({
            epoch,
            outputs: panel.snapshots.outputs(number).slice(1).map(({ data }) => Array.from(data)),
        }));
        """,
        to_base64(digits[3]),
    )
    assert [state["epoch"] for state in found] == [0, 1, 2, 3]
    for state, (_, weights) in zip(found, snapshots.states, strict=True):
        earlier.load_state_dict(weights)
        for ours, expected in zip(state["outputs"], outputs_of(earlier, digits[3]), strict=True):
            np.testing.assert_allclose(ours, expected.ravel(), atol=1e-5, rtol=1e-5)
    model.load_state_dict(final)


def test_the_slider_shows_each_state(page: OpenPage) -> None:
    slider = page.tab.get_by_label("State")
    slider.focus()
    page.tab.keyboard.press("Home")
    titles, first = (
        page.tab.locator(".states h3"),
        page.tab.locator(".states .filters canvas").first,
    )
    assert titles.all_inner_texts() == ["start", "final network"]
    before = first.evaluate("(canvas) => canvas.toDataURL()")
    for title in ("epoch 1", "epoch 2", "epoch 3"):
        page.tab.keyboard.press("ArrowRight")
        assert titles.all_inner_texts() == [title, "final network"]
        assert slider.get_attribute("aria-valuetext") == title
        assert first.evaluate("(canvas) => canvas.toDataURL()") != before
    assert page.tab.locator(".states .filters canvas").count() == 12


def test_a_page_without_snapshots_says_how_to_get_them(open_page: OpenPageOf, trained: Any) -> None:
    page = open_page(trained[0], None, mc.data.load("digits", "test"), "#panel=breaking")
    assert page.tab.get_by_text("with the callback mc.train.Snapshots()").is_visible()
    page.run("page.stage.show(null)")
    page.tab.get_by_text("then it can be distorted here").wait_for()


def test_snapshots_of_another_network_are_refused(trained: Any, tmp_path: Path) -> None:
    model, snapshots = trained
    other = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    digits = mc.data.load("digits", "test")
    with pytest.raises(
        mc.page.PageError, match="epoch 0 is not a state of this Sequential: .*miss"
    ):
        mc.page.write(other, tmp_path / "page.html", dataset=digits, snapshots=snapshots)
    smaller = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), *list(model)[1:])
    with pytest.raises(mc.page.PageError, match=r"0.weight has shape \(6, 1, 3, 3\), expected"):
        mc.page.write(smaller, tmp_path / "page.html", dataset=digits, snapshots=snapshots)
    assert not (tmp_path / "page.html").exists()
