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
        """The value of a JavaScript expression with `page` (what start() returned) and `modules`.

        arguments: ``given`` in the script.
        """
        return self.tab.evaluate(
            f"(given) => {{ const page = window.minicnn; return ({script}); }}", list(arguments)
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
        return [[from_base64(value) for value in values] for values in found]


OUTPUTS = """(() => {
    const [layers, shape, images] = given;
    const decoded = modules['network/run.js'].decodeLayers(layers);
    return images.map((numbers) => {
        const image = { shape, data: modules['network/values.js'].decodeNumbers(numbers) };
        const outputs = modules['network/run.js'].runLayers(decoded, image).slice(1);
        return outputs.map(({ shape, data }) => {
            const bytes = new Uint8Array(Float32Array.from(data).buffer);
            const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
            return { shape, numbers: btoa(text) };
        });
    });
})()"""


def from_base64(value: dict[str, Any]) -> np.ndarray:
    """A value of the page, as OUTPUTS sends it."""
    return np.frombuffer(base64.b64decode(value["numbers"]), "<f4").reshape(value["shape"])


def to_base64(array: np.ndarray) -> str:
    """Numbers as the page reads them."""
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


@pytest.fixture(scope="module")
def any_page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    """One page for all tests of a module that only ask its JavaScript for numbers."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    mc.page.write(*in_place(path))
    page = OpenPage(browser, path)
    yield page
    page.close()


def in_place(path: Path) -> tuple[Any, Path, Any]:
    """The arguments of ``page.write`` for the network that comes with minicnn."""
    model, card = mc.models.load("lenet5-digits")
    return model, path, card


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Callable[..., OpenPage]]:
    """Write the page of a model and open it; at the end it must not have complained.

    open_page(model, card, dataset, address="#panel=lab", viewport={...}) -> OpenPage
    """
    yield from _open_pages(browser, tmp_path)


@pytest.fixture(scope="module")
def open_shared_page(
    browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., OpenPage]]:
    """open_page for a page that all tests of a file use."""
    yield from _open_pages(browser, tmp_path_factory.mktemp("page"))


def _open_pages(browser: Any, folder: Path) -> Iterator[Callable[..., OpenPage]]:
    opened: list[OpenPage] = []

    def write_and_open(
        model: Any, card: Any = None, dataset: Any = None, address: str = "", **options: Any
    ) -> OpenPage:
        path = folder / f"page{len(opened)}.html"
        mc.page.write(model, path, card, dataset)
        opened.append(OpenPage(browser, path, address, **options))
        return opened[-1]

    yield write_and_open
    for page in opened:
        page.close()
