"""Reading the HTML with which notebooks display objects."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class _Page(HTMLParser):
    """The texts of a page in order; every tag except img must be closed, in the right order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert not any(word in str(attrs) for word in ("color", "background")), attrs
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data)


def texts_of(html: str) -> list[str]:
    """The texts between the tags; fails unless the tags are balanced and set no colours."""
    page = _Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page.texts
