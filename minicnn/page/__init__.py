"""Floor 7, the page in the browser: draw a digit, watch every layer, click any number.

``write(model, "page.html")`` makes one HTML file that anybody can open, offline. describe.py and
layers.py say what a network is, contents.py what else the page holds, assemble.py makes one file of
it; js/network computes the same numbers as minicnn, js/view shows them.
"""

from __future__ import annotations

from .layers import PageError
from .output import show, write

__all__ = ["PageError", "show", "write"]
