"""How large is a network's page, and how quick is it in the browser?

    python -m benchmarks.page

In Chromium without a window; MINICNN_CHROMIUM may name its program.
"show" is the command from its start until the file is written, "opened" from then until the page
shows its first image; a stroke is what happens after each movement of the pen: the drawing is read
and prepared, the network computes it, and all layers are drawn.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .browser import open_browser
from .contest import report
from .options import Parser

NETWORKS = ("lenet5", "scaled_alexnet")
TIMES = """(runs) => {
    const { stage, input, panels } = window.minicnn;
    const [watch] = panels;
    const timed = (task) => Array.from({ length: runs }, () => {
        const start = performance.now();
        task();
        return performance.now() - start;
    });
    const image = timed(() => stage.answer(stage.image));
    const pixels = input.board.pixels();
    for (let at = 0; at < pixels.data.length; at += 4) {
        const [row, column] = [Math.floor(at / 4 / pixels.width), (at / 4) % pixels.width];
        const isInk = Math.abs(column - 140) < 12 && row > 40 && row < 240;
        pixels.data.set(isInk ? [0, 0, 0, 255] : [255, 255, 255, 255], at);
    }
    const stroke = timed(() => { input.showPicture(pixels); watch.draw(); });
    return { image, stroke };
}"""


def measure(browser: Any, network: str, runs: int, folder: Path) -> dict[str, Any]:
    """The size of a network's page, and its times: seconds, or milliseconds for each run."""
    path = folder / f"{network}.html"
    command = [sys.executable, "-m", "minicnn", "show", network, "-o", str(path)]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shown = time.perf_counter() - start
    tab = browser.new_page()
    start = time.perf_counter()
    tab.goto(path.as_uri())
    tab.wait_for_selector("#bars li")
    opened = time.perf_counter() - start
    tab.evaluate(TIMES, 20)  # until the browser has compiled its loops
    times = tab.evaluate(TIMES, runs)
    tab.close()
    return {"bytes": path.stat().st_size, "show_s": shown, "opened_s": opened, **times}


def row(network: str, found: dict[str, Any]) -> str:
    """The line of the table."""
    times = []
    for name in ("image", "stroke"):
        low, median, high = statistics.quantiles(found[name], n=4)
        times.append(f"{median:.1f} ({low:.1f} to {high:.1f})")
    return (
        f"| {network} | {found['bytes'] / 1000:,.0f} | {found['show_s']:.1f} | "
        f"{found['opened_s']:.1f} | {' | '.join(times)} |"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each network, print the table and save it."""
    options = Parser(__doc__, runs=(200, 5)).options(arguments)
    lines = [
        "| network | page, kB | show, s | opened, s | image, ms (quartiles) | stroke, ms |",
        "|---|---|---|---|---|---|",
    ]
    numbers = {}
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        for network in NETWORKS:
            numbers[network] = measure(browser, network, options.runs, Path(folder))
            lines.append(row(network, numbers[network]))
        lines += ["", f"Chromium {browser.version}"]
    report("page" + options.more, lines, numbers, options.results)


if __name__ == "__main__":
    main()
