"""The page as people use it: pointing, clicking, keys, addresses, names that are not harmless."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.explain import explain

from .conftest import OpenPage, OpenPageOf

NASTY = "<script>window['broken'] = 1</script>&"


@pytest.fixture
def lenet(open_page: OpenPageOf) -> OpenPage:
    """LeNet-5 on the first image of the bundled digits' classes, a 0."""
    return open_page(*mc.models.load("lenet5-digits"), mc.data.load("digits", "test"))


def first_image(dataset: Any) -> np.ndarray:
    """The image that is shown when a page opens: the first of class 0."""
    return dataset[[int(np.flatnonzero(np.asarray(dataset.labels) == 0)[0])]][0]


def test_something_is_shown_at_once(lenet: OpenPage) -> None:
    assert lenet.tab.title() == "lenet5 · minicnn"
    assert lenet.tab.inner_text("#verdict").startswith("This is 0: ")
    assert lenet.tab.locator(".layer").count() == 13  # and one that makes 28x28 of 8x8
    shown = lenet.run("Array.from(page.stage.image.data)")
    np.testing.assert_array_equal(
        np.float32(shown), first_image(mc.data.load("digits", "test")).ravel()
    )


def test_the_probabilities_are_those_of_minicnn(lenet: OpenPage) -> None:
    model, _ = mc.models.load("lenet5-digits")
    image = first_image(mc.data.load("digits", "test"))
    expected = mc.ops.softmax(model(mc.tensor(model.as_input(image)))).numpy()[0]
    assert lenet.run("page.stage.probabilities()") == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_click_explains_a_number(lenet: OpenPage) -> None:
    canvas = lenet.tab.locator(".layer canvas").nth(4)  # conv2, after the sizing
    canvas.click(position={"x": 130, "y": 20})
    heading = re.compile(r"conv2, map (\d+), row (\d+), column (\d+)")
    unit, row, column = heading.fullmatch(lenet.text(".inspector h2")).groups()
    model, _ = mc.models.load("lenet5-digits")
    image = model.as_input(first_image(mc.data.load("digits", "test")))
    place = {"channel": int(unit), "i": int(row), "j": int(column)}
    expected = explain("conv2", mc.tensor(image), 0, model=model, **place)
    assert float(lenet.text(".terms .result td")) == pytest.approx(
        expected.result, rel=1e-4, abs=1e-6
    )
    assert lenet.tab.url.endswith(f"#layer=conv2&unit={unit},{row},{column}")


def test_the_numbers_of_a_grid_fit_into_their_cells(lenet: OpenPage) -> None:
    lenet.tab.locator(".layer canvas").nth(1).click(position={"x": 50, "y": 50})
    cells = "Array.from(document.querySelectorAll('.numbers td'))"
    assert lenet.run(f"{cells}.length") == 75
    assert lenet.run(f"{cells}.filter((e) => e.scrollWidth > e.clientWidth)") == []
    assert lenet.run(f"{cells}.filter((e) => e.clientHeight > 20)") == []


def test_the_inspector_closes(lenet: OpenPage) -> None:
    lenet.tab.locator(".layer canvas").nth(1).click(position={"x": 9, "y": 9})
    assert lenet.tab.locator("#wires path").count() > 0
    lenet.tab.get_by_role("button", name="Close").click()
    assert lenet.tab.inner_text(".inspector h2") == "One number"
    lenet.tab.mouse.move(1, 1)
    lenet.wait("document.querySelectorAll('#wires path').length === 0")


def test_pointing_frames_the_receptive_field(lenet: OpenPage) -> None:
    assert lenet.tab.locator("#field").is_hidden()
    lenet.tab.locator(".layer canvas").nth(1).hover(position={"x": 2, "y": 2})
    lenet.tab.wait_for_selector("#field", state="visible")


def test_an_address_opens_a_number(open_page: OpenPageOf) -> None:
    page = open_page(*mc.models.load("lenet5-mnist"), address="#layer=conv2&unit=3")
    assert page.tab.inner_text(".inspector h2") == "conv2, map 3, row 4, column 4"
    page.tab.evaluate("location.hash = '#layer=fc2&unit=7'")
    page.wait("document.querySelector('.inspector h2').textContent.includes('7')")
    assert page.tab.inner_text(".inspector h2") == "fc2, unit 7"
    for nonsense in (
        "#layer=nothing",
        "#layer=fc2&unit=x,y",
        "#layer=fc2&unit=-1e9",
        "#%",
        "#sample=77",
    ):
        page.tab.evaluate(f"location.hash = '{nonsense}'")
    page.tab.evaluate("location.hash = '#panel=lab'")
    page.tab.wait_for_selector("#panel-lab", state="visible")
    assert page.tab.locator("#panel-watch").is_hidden()


def test_the_address_names_the_image_and_what_is_shown(lenet: OpenPage) -> None:
    lenet.tab.get_by_role("tab", name="Window lab").click()
    lenet.tab.get_by_role("button", name="4", exact=True).click()
    assert lenet.tab.url.endswith("#sample=4&panel=lab")
    lenet.tab.get_by_role("tab", name="Watch").click()
    lenet.tab.locator(".layer canvas").nth(1).click(position={"x": 2, "y": 2})
    assert lenet.tab.url.endswith("#sample=4&layer=conv1&unit=0,0,0")
    lenet.tab.get_by_role("button", name="Clear").click()
    assert lenet.tab.url.endswith("#layer=conv1&unit=0,0,0")


def test_a_slide_ends_when_there_is_nothing_to_show(lenet: OpenPage) -> None:
    lenet.tab.locator(".layer canvas").nth(1).click(position={"x": 2, "y": 2})
    lenet.tab.get_by_role("button", name="Slide the window").click()
    lenet.tab.get_by_role("button", name="Clear").click()
    lenet.wait("document.querySelector('.inspector').textContent.includes('Draw something')")
    lenet.tab.locator(".sample").first.click()
    assert lenet.tab.get_by_role("button", name="Slide the window").is_visible()


def test_the_keyboard_draws_and_asks(open_page: OpenPageOf) -> None:
    """From an empty board to an explanation without a mouse."""
    page = open_page(*mc.models.load("lenet5-mnist"))
    keys = page.tab.keyboard
    page.tab.focus("#board")
    keys.press("Delete")
    assert page.tab.inner_text("#verdict").startswith("Draw something")
    for key in ["ArrowUp"] * 9 + [" "] + ["ArrowDown"] * 18 + [" "]:  # a one
        keys.press(key)
    page.wait("document.getElementById('verdict').textContent.includes('1:')")
    for _ in range(40):
        keys.press("Tab")
        if page.run("document.activeElement.closest('.layer canvas') !== null"):
            break
    keys.press("ArrowRight")
    keys.press("ArrowDown")
    keys.press("PageDown")
    assert page.tab.inner_text(".inspector h2") == "conv1, map 1, row 1, column 1"


def test_the_window_slides(lenet: OpenPage) -> None:
    lenet.tab.locator(".layer canvas").nth(1).click(position={"x": 2, "y": 2})
    assert lenet.tab.inner_text(".inspector h2") == "conv1, map 0, row 0, column 0"
    lenet.tab.get_by_role("button", name="Slide the window").click()
    lenet.wait("document.querySelector('.inspector h2').textContent.endsWith('column 2')")
    lenet.tab.get_by_role("button", name="Stop").click()
    assert lenet.tab.get_by_role("button", name="Slide the window").is_visible()


def test_an_address_stops_the_window(lenet: OpenPage) -> None:
    """The next number of a vector lies in no row."""
    lenet.tab.locator(".layer canvas").nth(1).click(position={"x": 2, "y": 2})
    lenet.tab.get_by_role("button", name="Slide the window").click()
    lenet.wait("document.querySelector('.inspector h2').textContent.endsWith('column 1')")
    lenet.tab.evaluate("location.hash = '#layer=fc1&unit=3'")
    lenet.wait("document.querySelector('.inspector h2').textContent === 'fc1, unit 3'")
    lenet.tab.wait_for_timeout(250)
    assert lenet.tab.inner_text(".inspector h2") == "fc1, unit 3"


def test_the_same_file_can_be_opened_again(lenet: OpenPage) -> None:
    file = {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    for number in range(2):
        lenet.tab.locator("#tools input[type=file]").set_input_files([file])
        lenet.wait("document.getElementById('verdict').textContent.startsWith('a.png is not')")
        assert lenet.run("document.querySelector('#tools input[type=file]').value") == "", number


def test_a_second_finger_draws_nothing(open_page: OpenPageOf) -> None:
    """Not a line from one finger to the other."""
    page = open_page(*mc.models.load("lenet5-digits"), has_touch=True)
    page.tab.get_by_role("button", name="Clear").click()
    box = page.tab.locator("#board").bounding_box()
    fingers = page.tab.context.new_cdp_session(page.tab)

    def touch(kind: str, *xs: int, y: int = 0) -> None:
        points = [{"x": box["x"] + x, "y": box["y"] + y, "id": x} for x in xs]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 40, y=60)
    touch("touchStart", 40, 220, y=60)
    for y in range(80, 200, 20):
        touch("touchMove", 40, 220, y=y)
    touch("touchEnd")
    middle, own = ([4 * (280 * 120 + x)] for x in (140, 40))
    shades = page.run("given.map((at) => page.input.board.pixels().data[at])", *middle, *own)
    assert shades == [255, 0]


def test_a_large_network_is_folded(open_page: OpenPageOf) -> None:
    page = open_page(mc.models.scaled_alexnet(width=40))
    layers = page.tab.locator("details.layer")
    assert layers.count() == 23
    assert page.tab.locator("details.layer[open]").count() < 15
    more = page.tab.get_by_role("button", name="Show all 40")
    height = page.tab.locator(".layer canvas").first.bounding_box()["height"]
    more.first.click()
    assert page.tab.locator(".layer canvas").first.bounding_box()["height"] > height


def test_names_are_shown_as_text(open_page: OpenPageOf) -> None:
    model = nn.Sequential({NASTY: nn.Flatten(), "fc": nn.Linear(64, 10)})
    images, labels = mc.data.load("digits", "test")[:]
    dataset = mc.data.ArrayDataset(images, labels, NASTY, (NASTY, *map(str, range(1, 10))))
    page = open_page(model, None, dataset)
    assert page.run("window.broken") is None
    assert NASTY in page.tab.inner_text(".layer >> nth=0")
    assert NASTY in page.tab.inner_text("#bars")


def test_the_board_is_cleared_while_curves_are_computed(lenet: OpenPage) -> None:
    """The page ends the computation; open_page would report an error."""
    lenet.tab.click("#tab-breaking")
    lenet.wait("document.querySelectorAll('.curve polyline').length > 0")
    lenet.run(
        """(() => {
            const slider = document.querySelector('#panel-breaking input[type=range]');
            slider.value = 2;
            slider.dispatchEvent(new Event('input'));
            document.querySelector('#tools button').click();
            slider.dispatchEvent(new Event('input'));
        })()"""
    )
    lenet.tab.wait_for_timeout(100)
    assert lenet.tab.locator("#panel-breaking .notice").first.is_visible()


LONG = "Ж" * 80
SCRIPTS = (LONG, "مرحبا بالعالم", "line\nbreak", "👩‍👩‍👧‍👦 family", "_ " * 40)


@pytest.mark.parametrize("width", [360, 1200])
def test_long_names_in_any_script_fit(open_page: OpenPageOf, width: int) -> None:
    images = np.random.default_rng(0).random((5, 1, 8, 8), np.float32)
    dataset = mc.data.ArrayDataset(images, range(5), "own", SCRIPTS)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    page = open_page(model, None, dataset, viewport={"width": width, "height": 800})
    assert page.run("document.documentElement.scrollWidth") <= width
    page.tab.click("#tab-breaking")
    page.wait("document.querySelectorAll('.curve polyline').length > 3")
    page.wait("document.querySelector('.curve .finding').textContent !== ''")
    assert page.run("document.documentElement.scrollWidth") <= width
    lefts = (
        "Array.from(document.querySelectorAll('#bars .bar'), (e) => e.getBoundingClientRect().x)"
    )
    assert len(set(page.run(lefts))) == 1  # the bars begin below each other


def test_numbers_that_are_none_break_nothing(open_page: OpenPageOf) -> None:
    model = nn.Sequential(nn.ConstantPad2d(1, -np.inf), nn.MaxPool2d(2), nn.Hardtanh(0, np.inf),
                          nn.Flatten(), nn.Linear(25, 10))  # fmt: skip
    model[4].weight.data[0, 0] = np.nan
    page = open_page(model, None, mc.data.load("digits", "test"))
    assert page.tab.inner_text("#verdict").startswith("There is no answer: some scores are not")
    assert page.run("page.stage.outputs[1].data[0]") == -np.inf
    assert page.tab.locator(".range").first.inner_text() == "\N{MINUS SIGN}∞ to 1"
    page.tab.click("#tab-breaking")
    page.wait("document.querySelector('.curve .finding').textContent !== ''")


@pytest.mark.parametrize("last", [nn.Softmax(), nn.LogSoftmax(), nn.Sigmoid()])
def test_what_is_a_probability_stays_one(open_page: OpenPageOf, last: nn.Module) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), last, nn.Identity())
    page = open_page(model, None, mc.data.load("digits", "test"))
    scores = page.run("Array.from(page.stage.outputs.at(-1).data)")
    expected = np.exp(scores) if isinstance(last, nn.LogSoftmax) else scores
    assert page.run("page.stage.probabilities()") == pytest.approx(list(expected), abs=1e-6)


def test_a_network_without_weights(open_page: OpenPageOf) -> None:
    images = np.random.default_rng(0).normal(0, 1, (4, 1, 4, 6)).astype(np.float32)
    dataset = mc.data.ArrayDataset(images, range(4))
    page = open_page(nn.Sequential(nn.AvgPool2d(2, 3), nn.Flatten()), None, dataset)
    np.testing.assert_array_equal(
        np.float32(page.run("Array.from(page.stage.image.data)")), images[0].ravel()
    )
    page.tab.click("#tab-breaking")
    assert "nothing to switch off" in page.tab.inner_text("#panel-breaking")


def test_the_board_has_the_shape_of_the_images(open_page: OpenPageOf) -> None:
    """What is drawn at its edge is seen by the network."""
    dataset = mc.data.ArrayDataset(np.zeros((2, 1, 20, 30), np.float32), [0, 1])
    page = open_page(nn.Sequential(nn.Flatten(), nn.Linear(600, 2)), None, dataset)
    for selector in ("#board", "#seen"):
        box = page.tab.locator(selector).bounding_box()
        assert box["width"] / box["height"] == pytest.approx(1.5, abs=0.02)
    page.tab.mouse.click(page.tab.locator("#board").bounding_box()["x"] + 30,
                         page.tab.locator("#board").bounding_box()["y"] + 3)  # fmt: skip
    page.wait("page.stage.image.data.subarray(0, 30).some((value) => value > 0.9)")


def test_everything_that_can_be_used_has_a_name(lenet: OpenPage) -> None:
    nameless = lenet.run(
        """Array.from(document.querySelectorAll('button, input, select, [tabindex], [role]'))
            .filter((e) => !e.closest('[hidden]') && !e.textContent.trim() && !e.labels?.length
                && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby')
                && e.getAttribute('role') !== 'status' && !e.hidden)
            .map((e) => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []


@pytest.mark.parametrize("panel", ["watch", "lab", "breaking", "training"])
@pytest.mark.parametrize("width", [360, 768, 1200])
def test_nothing_is_wider_than_the_screen(open_page: OpenPageOf, panel: str, width: int) -> None:
    page = open_page(
        *mc.models.load("lenet5-digits"),
        address=f"#panel={panel}",
        viewport={"width": width, "height": 800},
    )
    assert page.run("document.documentElement.scrollWidth") <= width
