"""The page of a small network, opened at the window lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from page.conftest import OpenPage

import minicnn as mc


def open_lab(browser: Any, folder: Path) -> Iterator[OpenPage]:
    """One page for all tests of a file; at the end it must not have complained."""
    model, card = mc.models.load("lenet5-digits")
    path = folder / "page.html"
    mc.page.write(model, path, card, mc.data.load("digits", "test"))
    page = OpenPage(browser, path, "#panel=lab")
    yield page
    assert page.errors == []
    assert [url for url in page.requests if not url.startswith((page.url, "blob:"))] == []
    page.tab.close()
