"""A browser for the tests of the page, and pages open in it; without one they are skipped."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.missing import skip_without

import minicnn as mc
from benchmarks.browser import find_chromium, open_browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    skip_without("playwright")
    if find_chromium() is None:
        pytest.skip("there is no Chromium; Debian's package chromium has one")
    with open_browser() as program:
        yield program


HELPERS = """
    const page = window.minicnn;
    const encode = (data) => btoa(Array.from(new Uint8Array(data.buffer),
        (byte) => String.fromCharCode(byte)).join(''));
    const valueOf = (shape, text) =>
        ({ shape, data: modules['network/values.js'].decodeNumbers(text) });
"""


class OpenPage:
    """A page of minicnn in the browser, with what it complained of and asked the network for."""

    def __init__(self, browser: Any, path: Path, address: str = "", **options: Any) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.tab = browser.new_page(**{"viewport": {"width": 1200, "height": 900}, **options})
        self.tab.on("console", self._note)
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.url = path.as_uri()
        self.tab.goto(self.url + address)

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def close(self) -> None:
        """Close it; it must neither have complained nor asked for anything but itself."""
        assert self.errors == []
        assert [url for url in self.requests if not url.startswith(self.url)] == []
        self.tab.close()

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a JavaScript expression.

        It may use `given` (the arguments), `page` (what start() returned), `modules`,
        `encode` (a typed array as base64) and `valueOf` (a value from a shape and ``to_base64``).
        """
        return self.tab.evaluate(f"(given) => {{ {HELPERS} return ({script}); }}", list(arguments))

    def settle(self) -> None:
        """Wait until events have been handled and the next frame is drawn."""
        self.tab.evaluate(
            "new Promise((done) => setTimeout(() => requestAnimationFrame(() => setTimeout(done))))"
        )

    def wait(self, script: str) -> None:
        """Wait until a JavaScript expression is true, for five seconds at most.

        Playwright's own wait_for_function needs eval, which the page forbids.
        """
        end = time.monotonic() + 5
        while not self.run(script):
            assert time.monotonic() < end, f"after five seconds still not: {script}"
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """The text of an element, with a minus sign that float() reads."""
        return str(self.tab.inner_text(selector)).replace("\N{MINUS SIGN}", "-")

    def outputs(self, layers: list[dict[str, Any]], images: np.ndarray) -> list[list[np.ndarray]]:
        """What the page's JavaScript makes of images (N, C, H, W), layer by layer, image by image.

        layers: as describe_layers gives them, of any network.
        """
        found = self.run(OUTPUTS, layers, list(images.shape[1:]), list(map(to_base64, images)))
        return [[from_base64(text).reshape(shape) for shape, text in values] for values in found]


OpenPageOf = Callable[..., OpenPage]

OUTPUTS = """(() => {
    const [layers, shape, images] = given;
    const decoded = modules['network/run.js'].decodeLayers(layers);
    return images.map((numbers) => {
        const outputs = modules['network/run.js'].runLayers(decoded, valueOf(shape, numbers));
        return outputs.slice(1).map((y) => [y.shape, encode(Float32Array.from(y.data))]);
    });
})()"""


def from_base64(text: str, dtype: str = "<f4") -> np.ndarray:
    """The numbers that `encode` has sent."""
    return np.frombuffer(base64.b64decode(text), dtype)


def to_base64(array: np.ndarray, dtype: str = "<f4") -> str:
    """Numbers as the page reads them."""
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()


@pytest.fixture(scope="module")
def any_page(open_shared_page: OpenPageOf) -> OpenPage:
    """One page for all tests of a module that only ask its JavaScript for numbers."""
    return open_shared_page(*mc.models.load("lenet5-digits"))


@pytest.fixture(scope="module")
def lab(open_shared_page: OpenPageOf) -> OpenPage:
    """One page for all tests of a module about the window lab."""
    digits = mc.data.load("digits", "test")
    return open_shared_page(*mc.models.load("lenet5-digits"), digits, "#panel=lab")


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[OpenPageOf]:
    """Write the page of a model and open it; at the end it must not have complained.

    open_page(model, card, dataset, "#panel=lab", viewport={...}) -> OpenPage
    """
    yield from _open_pages(browser, tmp_path)


@pytest.fixture(scope="module")
def open_shared_page(
    browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OpenPageOf]:
    """open_page for a page that all tests of a file use."""
    yield from _open_pages(browser, tmp_path_factory.mktemp("page"))


def _open_pages(browser: Any, folder: Path) -> Iterator[OpenPageOf]:
    opened: list[OpenPage] = []

    def write_and_open(
        model: Any, card: Any = None, dataset: Any = None, address: str = "",
        snapshots: Any = None, **options: Any,
    ) -> OpenPage:  # fmt: skip
        path = folder / f"page{len(opened)}.html"
        mc.page.write(model, path, card, dataset, snapshots=snapshots)
        opened.append(OpenPage(browser, path, address, **options))
        return opened[-1]

    yield write_and_open
    for page in opened:
        page.close()
