"""What a reader can do in the window lab: controls, keys, addresses, pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import OpenPage


@pytest.fixture
def show(lab: OpenPage) -> Callable[..., None]:
    """Open the lab with these options, as an address would."""

    def show_options(**options: Any) -> None:
        defaults = {
            "size": 7, "kernel": 3, "stride": 2, "padding": 1, "mode": "zeros", "dilation": 1,
            "input": "ramp", "filter": "vertical",
        }  # fmt: skip
        values = defaults | options
        address = "&".join(f"{name}={value}" for name, value in values.items())
        lab.tab.evaluate("(hash) => { location.hash = hash; }", f"#panel=lab&{address}")
        lab.settle()

    return show_options


def texts(lab: OpenPage, selector: str) -> list[str]:
    return lab.tab.locator(f"#panel-lab {selector}").all_inner_texts()


def grid(lab: OpenPage, name: str) -> list[str]:
    return lab.tab.locator(f".lab-{name} .cells text:not(.name)").all_text_contents()


def test_an_address_opens_the_lab_with_its_options(lab: OpenPage, show: Any) -> None:
    show(size=5, kernel=2, stride=1, padding=2, mode="reflect", dilation=2)
    assert lab.tab.locator("#panel-lab").is_visible()
    assert texts(lab, ".slider output") == ["5", "2", "1", "2", "2"]
    assert lab.tab.locator(".lab-controls select").first.input_value() == "reflect"
    assert texts(lab, ".lab-formula span")[-1] == "= 7"
    names = lab.tab.locator(".lab-input .name").all_text_contents()[::2]
    assert names == list("210123432")[:9]


def test_a_control_changes_the_formula_the_grids_and_the_address(lab: OpenPage, show: Any) -> None:
    show(size=6, kernel=3, stride=2, padding=0)
    assert texts(lab, ".lab-formula span")[-1] == "= 2"
    assert texts(lab, ".lab-unused") == [
        "The last row and the last column are used by no window: 11 of 36 pixels."
    ]
    assert grid(lab, "max") == ["14", "16", "26", "28"]
    assert grid(lab, "mean") == ["7", "9", "19", "21"]
    stride = lab.tab.get_by_label("Stride S")
    stride.press("ArrowLeft")
    lab.settle()
    assert texts(lab, ".lab-formula span")[-1] == "= 4"
    assert texts(lab, ".lab-unused") == ["Every pixel of the input is used."]
    assert grid(lab, "min")[:5] == ["0", "1", "2", "3", "6"]
    assert "size=6&kernel=3&stride=1&padding=0&mode=zeros&dilation=1" in lab.tab.url


def test_arrow_keys_move_the_window_and_show_the_computation(lab: OpenPage, show: Any) -> None:
    show(size=6, kernel=2, stride=2, padding=0, filter="identity")
    maximum = lab.tab.locator(".lab-max .cells")
    maximum.focus()
    for key in ("Home", "ArrowUp", "ArrowUp", "ArrowRight", "ArrowDown"):
        maximum.press(key)
    assert grid(lab, "patch") == ["14", "15", "20", "21"]
    assert texts(lab, ".lab-computation dd") == [
        "21 (row 3, column 3)",
        "14 (row 2, column 2)",
        "(14 + 15 + 20 + 21) / 4 = 70 / 4 = 17.5",
        "14 + 0 + 0 + 0 = 14",
    ]
    current = lab.tab.locator(f"#{maximum.get_attribute('aria-activedescendant')} title")
    assert current.text_content() == "row 1, column 1: 21"


def test_a_click_on_an_output_moves_the_window(lab: OpenPage, show: Any) -> None:
    show(size=6, kernel=2, stride=2, padding=0)
    cells = lab.tab.locator(".lab-convolution .cells")
    box = cells.bounding_box()
    cells.click(position={"x": box["width"] - 8, "y": 8})
    assert grid(lab, "patch") == ["4", "5", "10", "11"]
    window = lab.tab.locator(".lab-input .window")
    assert [window.get_attribute(name) for name in ("x", "y", "width")] == ["160", "0", "80"]


def test_padding_is_named_by_what_it_copies(lab: OpenPage, show: Any) -> None:
    show(size=4, kernel=3, stride=1, padding=2, mode="circular")
    titles = lab.tab.locator(".lab-input .cells title").all_text_contents()
    assert titles[0] == "padding, a copy of row 2, column 2; used by 1 window"
    assert titles[8 * 2 + 2] == "row 0, column 0; used by 9 windows"
    lab.tab.get_by_label("Show").select_option("uses")
    assert grid(lab, "input")[:4] == ["1", "2", "3", "3"]
    lab.tab.get_by_label("Show").select_option("values")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"size": 4, "kernel": 5, "padding": 2, "dilation": 2},
            "Impossible: a 5{x}5 kernel with dilation 2 spans 9 pixels, but the padded input is "
            "8{x}8 (unpadded 4{x}4).",
        ),
        (
            {"size": 3, "padding": 3, "mode": "reflect"},
            "Impossible: padding 3 in mode reflect, but an axis of 3 pixels gives at most "
            "3 \N{MINUS SIGN} 1 = 2, since the pixel at the edge is not repeated.",
        ),
        (
            {"size": 3, "padding": 4, "mode": "circular"},
            "Impossible: padding 4 in mode circular, but an axis of 3 pixels gives at most 3: once "
            "around.",
        ),
    ],
)
def test_an_impossible_window_is_explained_and_not_drawn(
    lab: OpenPage, show: Any, options: dict[str, Any], sentence: str
) -> None:
    show(**options)
    assert texts(lab, ".lab-problem") == [sentence.replace("{x}", "\N{MULTIPLICATION SIGN}")]
    assert lab.tab.locator(".lab-problem").is_visible()
    assert not lab.tab.locator(".lab-windows").is_visible()
    assert not lab.tab.locator(".lab-formula").is_visible()


def test_sliding_moves_on_until_it_is_paused(lab: OpenPage, show: Any) -> None:
    from playwright.sync_api import expect

    show(size=7, kernel=3, stride=2, padding=0)
    where = lab.tab.locator(".lab-where")
    lab.tab.locator(".lab-max .cells").click(position={"x": 5, "y": 5})
    assert where.inner_text().startswith("Output row 0, column 0")
    lab.tab.get_by_role("button", name="Slide").click()
    assert where.inner_text().startswith("Output row 0, column 1")
    expect(where).to_contain_text("Output row 0, column 2")
    lab.tab.get_by_role("button", name="Pause").click()
    lab.tab.get_by_role("button", name="Next place").click()
    assert where.inner_text().startswith("Output row 1, column 0")
    assert lab.tab.get_by_role("button", name="Slide").is_visible()


def test_those_who_want_less_motion_get_steps_only(lab: OpenPage, show: Any) -> None:
    lab.tab.emulate_media(reduced_motion="reduce")
    show(size=5)
    assert not lab.tab.get_by_role("button", name="Slide").is_visible()
    assert lab.tab.get_by_role("button", name="Next place").is_visible()
    lab.tab.emulate_media(reduced_motion="no-preference")


def test_a_kernel_is_chosen_changed_and_used_by_both_parts(lab: OpenPage, show: Any) -> None:
    show(size=4, kernel=3, stride=1, padding=0)
    lab.tab.get_by_role("button", name="identity").click()
    lab.settle()
    assert grid(lab, "convolution")[0] == "5"
    after = "[...document.querySelectorAll('.lab-pair canvas')].map((c) => c.toDataURL())"
    assert len(set(lab.tab.evaluate(after))) == 1
    lab.tab.get_by_label("Kernel, row 1, column 2").fill("2")
    lab.settle()
    assert grid(lab, "convolution")[0] == "17"
    assert lab.tab.get_by_label("Convolution").first.input_value() == "own"
    assert len(set(lab.tab.evaluate(after))) == 2
    lab.tab.get_by_label("Kernel, row 1, column 2").fill("")
    assert lab.tab.get_by_label("Kernel, row 1, column 2").get_attribute("aria-invalid") == "true"
    assert grid(lab, "convolution")[0] == "17"


def test_a_picture_of_the_reader_is_filtered(lab: OpenPage, show: Any, tmp_path: Path) -> None:
    pil = pytest.importorskip("PIL.Image")
    pixels = np.zeros((300, 512, 3), np.uint8)
    pixels[:, 256:] = 255
    pil.fromarray(pixels).save(tmp_path / "half.png")
    show(filter="vertical")
    lab.tab.locator(".lab-kernel input[type=file]").set_input_files(tmp_path / "half.png")
    lab.tab.get_by_role("button", name="Back to the image").wait_for()
    sizes, middle, flat = lab.tab.evaluate(
        """(() => {
            const [before, after] = document.querySelectorAll('.lab-pair canvas');
            const { data } = after.getContext('2d').getImageData(0, 70, 256, 1);
            const colour = (x) => [...data.subarray(4 * x, 4 * x + 4)];
            return [[before.width, after.height], colour(128), colour(20)];
        })()"""
    )
    assert sizes == [256, 150]
    assert middle == [103, 0, 31, 255]
    assert flat == [247, 247, 247, 255]
    (tmp_path / "text.png").write_text("not a picture")
    lab.tab.locator(".lab-kernel input[type=file]").set_input_files(tmp_path / "text.png")
    lab.tab.get_by_text("text.png is not a picture").wait_for()
    lab.tab.get_by_role("button", name="Back to the image").click()
    assert not lab.tab.get_by_role("button", name="Back to the image").is_visible()


def test_the_lab_follows_the_image_on_the_stage(lab: OpenPage, show: Any) -> None:
    show(size=8, kernel=1, stride=1, padding=0, input="image")
    image = lab.run("[...page.stage.samples[4].image.data]")
    lab.tab.locator(".sample").nth(4).click()
    lab.settle()
    assert grid(lab, "max") == [str(round(9 * value)) for value in image]


@pytest.mark.parametrize("width", [360, 1200])
def test_the_lab_fits_the_screen(lab: OpenPage, show: Any, width: int) -> None:
    lab.tab.set_viewport_size({"width": width, "height": 900})
    for size, kernel in ((3, 7), (16, 1)):
        show(size=size, kernel=kernel, stride=1, padding=2 if size == 3 else 6)
        assert lab.tab.evaluate("document.documentElement.scrollWidth") <= width
        too_wide = lab.tab.evaluate(
            """(width) => [...document.querySelectorAll('#panel-lab *')]
                .filter((e) => e.getBoundingClientRect().right > width + 3)
                .map((e) => e.outerHTML.slice(0, 80))""",
            width,
        )
        assert too_wide == []
    lab.tab.set_viewport_size({"width": 1200, "height": 900})


def test_a_closed_lab_does_no_work(lab: OpenPage, show: Any) -> None:
    show(size=8, kernel=1, stride=1, padding=0, input="image")
    before = grid(lab, "max")
    lab.tab.get_by_role("tab", name="Watch").click()
    lab.tab.locator(".sample").nth(1).click()
    lab.settle()
    assert grid(lab, "max") == before
    lab.tab.get_by_role("tab", name="Window lab").click()
    assert grid(lab, "max") != before
