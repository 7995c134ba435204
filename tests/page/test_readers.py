"""The page for all readers: with the keyboard, by ear, on a phone, on paper, in large contrast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn as mc
from benchmarks.browser import OPTIONS, find_chromium
from minicnn import nn
from minicnn.data import ArrayDataset

from .conftest import OpenPage

OpenPageOf = Callable[..., OpenPage]
NAMES = ("cat", "a bird of the northern hemisphere", "pickup_truck_with_trailer")
PHONE = {"viewport": {"width": 360, "height": 780}, "has_touch": True}


@pytest.fixture(scope="module")
def lenet(open_shared_page: OpenPageOf) -> OpenPage:
    return open_shared_page(*mc.models.load("lenet5-digits"))


@pytest.fixture
def selected(lenet: OpenPage) -> Iterator[OpenPage]:
    """LeNet-5 with a number that is explained."""
    lenet.tab.locator(".layer canvas").nth(1).click(position={"x": 9, "y": 9})
    yield lenet
    if lenet.tab.get_by_role("button", name="Close").is_visible():
        lenet.tab.get_by_role("button", name="Close").click()


@pytest.fixture(scope="module")
def phone(open_shared_page: OpenPageOf) -> OpenPage:
    model, card = mc.models.load("lenet5-digits")
    return open_shared_page(model, card, address="#layer=conv2&unit=3", **PHONE)


def box_of(page: OpenPage, selector: str) -> dict[str, float]:
    found: dict[str, float] = page.run(
        f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()"
    )
    return found


def test_the_verdict_is_said_once_when_the_pen_rests(lenet: OpenPage) -> None:
    lenet.wait("document.querySelector('#answer [role=status]').textContent !== ''")
    lenet.run("""(() => {
        window.said = [];
        const spoken = document.querySelector('#answer [role=status]');
        new MutationObserver(() => window.said.push(spoken.textContent))
            .observe(spoken, { childList: true });
    })()""")
    board = lenet.tab.locator("#board").bounding_box()
    lenet.tab.mouse.move(board["x"] + 140, board["y"] + 60)
    lenet.tab.mouse.down()
    for step in range(8):
        lenet.tab.mouse.move(board["x"] + 140, board["y"] + 60 + 20 * step)
        lenet.tab.wait_for_timeout(40)
    lenet.tab.mouse.up()
    assert lenet.run("window.said") == []
    lenet.wait("window.said.length === 1")
    assert lenet.run("window.said[0]") == lenet.tab.inner_text("#verdict")


def test_of_an_explanation_only_the_result_is_said(selected: OpenPage) -> None:
    assert selected.tab.locator(".inspector [aria-live]").count() == 0
    result = selected.tab.inner_text(".terms .result td")
    expected = f"{selected.tab.inner_text('.inspector h2')}: {result}"
    spoken = "document.querySelector('.inspector [role=status]').textContent"
    selected.wait(f"{spoken} !== ''")
    assert selected.run(spoken) == expected


def test_escape_closes_the_inspector(selected: OpenPage) -> None:
    selected.tab.keyboard.press("Escape")
    assert selected.tab.inner_text(".inspector h2") == "One number"


def test_closing_gives_the_focus_back_to_the_layer(selected: OpenPage) -> None:
    selected.tab.get_by_role("button", name="Close").click()
    assert selected.run("document.activeElement === document.querySelectorAll('.layer canvas')[1]")


def test_every_number_can_be_read_on_its_colour(lenet: OpenPage) -> None:
    least = lenet.run("""(() => {
        const { colourOf, inkOn } = modules['view/colours.js'];
        const luminance = (colour) => {
            const [r, g, b] = colour.map((part) => {
                const share = part / 255;
                return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ratios = [true, false].flatMap((isSigned) =>
            Array.from({ length: 401 }, (_, n) => {
                const colour = colourOf(isSigned ? n / 200 - 1 : n / 400, { isSigned, reach: 1 });
                const [own, ink] = [luminance(colour), inkOn(colour) === '#fff' ? 1 : 0];
                return (Math.max(own, ink) + 0.05) / (Math.min(own, ink) + 0.05);
            }));
        return Math.min(...ratios);
    })()""")
    assert least >= 4.5


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_long_names_of_classes_leave_room_for_their_bars(open_page: OpenPageOf, width: int) -> None:
    images = np.zeros((3, 1, 8, 8), np.float32)
    dataset = ArrayDataset(images, np.arange(3), "things", NAMES)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    page = open_page(model, None, dataset, viewport={"width": width, "height": 800})
    rows = page.run("""Array.from(document.querySelectorAll('#bars li'), (row) =>
        Array.from(row.children, (part) => {
            const range = document.createRange();
            range.selectNodeContents(part);
            const { left, right } = part.textContent ? range.getBoundingClientRect()
                : part.getBoundingClientRect();
            return [left, right];
        }))""")
    assert len({bar[0] for _, bar, _ in rows}) == 1  # they begin below each other
    for name, bar, share in rows:
        assert name[1] <= bar[0]
        assert bar[1] - bar[0] >= 24
        assert bar[1] <= share[0]


def test_letters_of_twice_the_size_fit_a_phone(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    model, card = mc.models.load("lenet5-digits")
    mc.page.write(model, path, card)
    letters = "--blink-settings=defaultFontSize=32"
    large = browser.browser_type.launch(executable_path=find_chromium(), args=[*OPTIONS, letters])
    try:
        page = OpenPage(large, path, **PHONE)
        for panel in page.tab.get_by_role("tab").all():
            panel.click()
            page.settle()
            assert page.run("getComputedStyle(document.body).fontSize") == "32px"
            assert page.run("document.documentElement.scrollWidth") == 360, panel.inner_text()
        page.close()
    finally:
        large.close()


def test_a_phone_shows_the_selected_number_and_the_way_out(phone: OpenPage) -> None:
    phone.wait("document.querySelector('.inspector').classList.contains('open')")
    mark = "document.querySelector('.layer .mark:not([hidden])').getBoundingClientRect()"
    sheet = "document.querySelector('.inspector').getBoundingClientRect()"
    tabs = "document.getElementById('tabs').getBoundingClientRect()"
    phone.wait(f"{mark}.bottom < {sheet}.top && {mark}.top > {tabs}.bottom")
    for place in (10000, 0):
        phone.run("document.querySelector('.inspector').scrollTo(0, given[0])", place)
        close = phone.tab.get_by_role("button", name="Close").bounding_box()
        assert box_of(phone, ".inspector")["top"] <= close["y"]
        assert close["y"] + close["height"] < 780


def test_a_phone_scrolls_to_the_panel_that_a_tab_opens(phone: OpenPage) -> None:
    phone.run("window.scrollTo(0, 0)")
    for name in ("Train here", "Window lab"):
        phone.tab.get_by_role("tab", name=name).tap()
        panel = f"panel-{'training' if name == 'Train here' else 'lab'}"
        top = f"document.getElementById('{panel}').getBoundingClientRect().top"
        phone.wait(f"{top} >= 0 && {top} < 200")
        assert box_of(phone, "#tabs")["top"] >= 0


def test_fingers_find_the_buttons(phone: OpenPage) -> None:
    for button in phone.tab.get_by_role("button").all():
        if button.is_visible():
            assert button.bounding_box()["height"] >= 44, button.inner_text()


def test_on_paper_the_explanation_covers_nothing(selected: OpenPage) -> None:
    selected.tab.emulate_media(media="print", color_scheme="dark")
    selected.tab.set_viewport_size({"width": 720, "height": 1000})
    styles = "getComputedStyle(document.querySelector({0!r}))"
    assert selected.run(f"{styles.format('.inspector')}.position") == "static"
    assert selected.run(f"{styles.format('body')}.color") == "rgb(28, 28, 26)"
    selected.tab.set_viewport_size({"width": 1200, "height": 900})
    selected.tab.emulate_media(media="screen", color_scheme="light")


def test_colours_of_the_system_keep_bars_and_numbers(open_page: OpenPageOf) -> None:
    page = open_page(*mc.models.load("lenet5-digits"), forced_colors="active")
    page.tab.locator(".layer canvas").nth(1).click(position={"x": 9, "y": 9})
    bar, track = (
        page.run(f"getComputedStyle(document.querySelector('.best .bar'){part}).backgroundColor")
        for part in (", '::after'", "")
    )
    assert bar != track
    cells = "document.querySelectorAll('.numbers td')"
    assert (
        page.run(f"new Set(Array.from({cells}, (c) => getComputedStyle(c).backgroundColor)).size")
        > 2
    )
