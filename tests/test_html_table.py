"""The table of HTML: what it shows, and what it escapes."""

from __future__ import annotations

from support.html import texts_of

from minicnn.html_table import html_table


def test_a_table() -> None:
    html = html_table([["a <b>", 1234], ["sum &", 5]], ("x > y", "n"), '"t"', totals=1)
    assert texts_of(html) == ['"t"', "x > y", "n", "a <b>", "1,234", "sum &", "5"]
    assert "a &lt;b&gt;" in html
    assert "<b>sum &amp;</b>" in html
    assert html.count("text-align: right") == 3  # the header of numbers too
    assert texts_of(html_table([["only"]])) == ["only"]
