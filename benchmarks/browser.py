"""Chromium without a window, for what is measured, tested and pictured of the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ["--no-sandbox", "--disable-background-networking"]


def find_chromium() -> str | None:
    """The program that MINICNN_CHROMIUM names, or else the first one on the path."""
    names = (os.environ.get("MINICNN_CHROMIUM"), *PROGRAMS)
    return next((found for name in names if name and (found := shutil.which(name))), None)


@contextmanager
def open_browser() -> Iterator[Any]:
    """Playwright's browser.

    Raises FileNotFoundError without Chromium, ImportError without Playwright.
    """
    from playwright.sync_api import sync_playwright

    program = find_chromium()
    if program is None:
        raise FileNotFoundError(
            "there is no Chromium: install Debian's package chromium, or name its program in "
            "MINICNN_CHROMIUM"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()
