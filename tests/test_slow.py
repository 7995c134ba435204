"""The list of slow tests names tests that exist."""

from __future__ import annotations

import re

import pytest
from support.slow import ROOT, SLOW


@pytest.mark.parametrize("path", SLOW)
def test_slow_tests_exist(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    defined = set(re.findall(r"^def (test_\w+)\(", text, re.MULTILINE))
    assert set(SLOW[path]) - defined == set()
