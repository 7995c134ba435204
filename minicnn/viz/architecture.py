"""A network as a row of blocks: the maps that each layer outputs, on a compressed scale."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ..checks import Pair, check_pair
from ..nn import Module
from ..nn.modes import evaluating
from ..nn.watch import LayerCall, watch_calls, zero_input
from .picture import Picture, canvas, text_width

WIDEST = 11.5  # inches of a row; longer networks continue in the next
LARGEST = 1.3  # inches, side of the largest map
SHIFT = 0.05  # inches from one sheet of a stack to the next
LINE, POINTS = 0.16, 8.0  # inches from one line of text to the next, and its size
MARGIN = 0.4  # inches on both sides of the rows, for the arrows where a row continues
GAP = 0.25  # inches between the texts under two blocks
FILLS = {"input": "#e4e4e4", "convolution": "#bcd7ee", "window": "#fbd3ab", "vector": "#bfe3cd"}


class Block(NamedTuple):
    """The output of one layer, (C, H, W) or (K,); its window, if it has one; the text under it."""

    kind: str
    shape: tuple[int, ...]
    window: Pair | None
    lines: tuple[str, ...]

    @property
    def face(self) -> tuple[float, float]:
        """Width and height of the front sheet, in units of a 1x1 map; those of a bar in inches."""
        if len(self.shape) == 3:
            return math.sqrt(self.shape[2]), math.sqrt(self.shape[1])
        return 0.16, 0.15 * math.log2(1 + math.prod(self.shape))

    @property
    def sheets(self) -> int:
        """How many sheets represent the channels: one more for each doubling."""
        return 1 + round(math.log2(self.shape[0])) if len(self.shape) == 3 else 1


class Placed(NamedTuple):
    """A block and its place: the bottom left corner and size of its front sheet, in inches."""

    block: Block
    x: float
    y: float
    width: float
    height: float


def architecture(model: Module, input_shape: tuple[int, ...]) -> Picture:
    """Draw the network as blocks in the order in which its layers run, as in papers.

    Maps are stacked sheets: their sides grow with the square root of the pixels, their number with
    the logarithm of the channels. A vector is a bar whose height is the logarithm of its length.
    The square on a block is the window that one unit of the next block reads. A layer after a plus
    (ReLU, dropout, a norm) keeps the shape of its block. input_shape: that of one image, (C, H, W),
    or (K,) for vectors.
    Raises ValueError for another input_shape, and whatever the model raises for such an input.

    >>> mc.viz.architecture(mc.models.lenet5(), (1, 28, 28)).savefig("lenet5.svg")
    """
    blocks = _make_blocks(model, input_shape)
    scale = LARGEST / max((max(b.face) for b in blocks if len(b.shape) == 3), default=1.0)
    sizes = [_measure_stack(block, scale) for block in blocks]
    widths = [_measure_column(b, width) for b, (width, _) in zip(blocks, sizes, strict=True)]
    rows = _split_into_rows(widths)
    above = max(height for _, height in sizes) + 0.12
    below = LINE * max(len(block.lines) for block in blocks) + 0.25
    title = f"{type(model).__name__}: {sum(p.size for p in model.parameters()):,} parameters"
    width = max(text_width(title, 11), *(sum(columns) for _, columns in rows)) + 2 * MARGIN
    top = len(rows) * (above + below)
    picture, axes = canvas(width, top + 0.4)
    axes.text(MARGIN, top + 0.14, title, size=11)
    for start, columns in rows:
        middle, x, placed = top - above / 2, MARGIN, []
        for i, column in enumerate(columns, start):
            x += column
            placed.append(_place(blocks[i], sizes[i], x - column / 2, middle))
            _write_lines(axes, blocks[i], x - column / 2, top - above)
        _draw_row(axes, placed)
        _draw_arrows(axes, start > 0, x if start + len(columns) < len(blocks) else None, middle)
        top -= above + below
    return picture


def _make_blocks(model: Module, input_shape: tuple[int, ...]) -> list[Block]:
    """The input, and every layer that changes the shape or has weights, in order of execution."""
    x = zero_input(model, input_shape)
    if x.ndim not in (2, 4):
        raise ValueError(
            f"architecture: input_shape: got {input_shape}, expected (C, H, W) or (K,)"
        )
    blocks = [Block("input", x.shape[1:], None, ("input", _format_shape(x.shape[1:])))]
    with evaluating(model), watch_calls(model) as calls:
        model(x)
    for call in calls:
        if _keeps_shape(call):
            learned = f", {call.parameters:,} parameters" if call.parameters else ""
            line = f"+ {type(call.layer).__name__}{learned}"
            blocks[-1] = blocks[-1]._replace(lines=(*blocks[-1].lines, line))
        else:
            blocks.append(_make_block(call))
    return blocks


def _keeps_shape(call: LayerCall) -> bool:
    """Whether the layer has no block of its own: no window, and the same shape or Flatten."""
    before, after = call.input_shape, call.output_shape or ()
    is_dense = len(after) != 3 and any(True for _ in call.layer.parameters())  # and not a norm
    flattens = math.prod(before) == math.prod(after) and len(after) == 1
    return not is_dense and _window_of(call.layer) is None and (before == after or flattens)


def _make_block(call: LayerCall) -> Block:
    shape, window, kind = call.output_shape or (), _window_of(call.layer), type(call.layer).__name__
    lines = [call.name or kind, _format_shape(shape), kind]
    if window:
        lines[-1] += f" {window[0]}x{window[1]}{_format_stride(call.layer, window)}"
    if call.parameters:
        lines.append(f"{call.parameters:,} parameters")
    convolves = any(p.ndim > 2 for p in call.layer.parameters())
    fill = "vector" if len(shape) != 3 else "convolution" if convolves else "window"
    return Block(fill, shape, window, tuple(lines))


def _format_shape(shape: tuple[int, ...]) -> str:
    """The notation of papers: 6@24x24."""
    return f"{shape[0]}@{shape[1]}x{shape[2]}" if len(shape) == 3 else "x".join(map(str, shape))


def _window_of(module: Module) -> Pair | None:
    """The kernel size of a layer that has one, by its attribute or by its weight (.., KH, KW)."""
    weight = next((p.shape[-2:] for p in module.parameters() if p.ndim > 2), None)
    kernel = getattr(module, "kernel_size", weight)
    return None if kernel is None else check_pair("kernel_size", kernel)


def _format_stride(module: Module, window: Pair) -> str:
    """The stride as text, unless it is 1 or, as usual for pooling, the window itself."""
    stride = check_pair("stride", getattr(module, "stride", 1))
    if stride in ((1, 1), window):
        return ""
    height, width = stride
    return f", stride {height}" if height == width else f", stride {height}x{width}"


def _measure_stack(block: Block, scale: float) -> tuple[float, float]:
    """Width and height of the whole stack in inches."""
    if len(block.shape) != 3:
        return block.face
    back = SHIFT * (block.sheets - 1)
    return max(block.face[0] * scale, 0.06) + back, max(block.face[1] * scale, 0.06) + back


def _measure_column(block: Block, width: float) -> float:
    """The width that the block, its text and the gap need."""
    bold = text_width(block.lines[0], POINTS, "bold")
    return max(width, bold, *(text_width(line, POINTS) for line in block.lines)) + GAP


def _split_into_rows(columns: list[float]) -> list[tuple[int, list[float]]]:
    """The columns split into rows of about the same width: where each starts, and its columns."""
    count = math.ceil(sum(columns) / WIDEST)
    most = max(sum(columns) / count * 1.1, max(columns))
    rows: list[tuple[int, list[float]]] = []
    for i, column in enumerate(columns):
        if not rows or sum(rows[-1][1]) + column > most:
            rows.append((i, []))
        rows[-1][1].append(column)
    return rows


def _place(block: Block, size: tuple[float, float], x: float, y: float) -> Placed:
    """The block with the middle of its stack at (x, y)."""
    back = SHIFT * (block.sheets - 1)
    return Placed(block, x - size[0] / 2, y - size[1] / 2, size[0] - back, size[1] - back)


def _draw_arrows(axes: Axes, began_above: bool, end: float | None, y: float) -> None:
    """Short arrows where a row continues the one above, and where it continues in the one below."""
    starts = [0.1] * began_above + ([] if end is None else [end])
    for x in starts:
        style: Any = {"arrowstyle": "-|>", "color": "#555555"}
        axes.annotate("", (x + 0.3, y), (x, y), arrowprops=style)


def _write_lines(axes: Axes, block: Block, x: float, top: float) -> None:
    for i, line in enumerate(block.lines):
        weight, colour = ("bold", "black") if i == 0 else ("normal", "#444444")
        style: Any = {"weight": weight, "color": colour, "size": POINTS}
        axes.text(x, top - LINE * (i + 0.5), line, ha="center", va="center", **style)


def _draw_row(axes: Axes, row: list[Placed]) -> None:
    """The stacks from left to right, and between them the window from one to the next."""
    for placed in row:
        block, x, y, width, height = placed
        for back in reversed(range(block.sheets)):
            corner = (x + SHIFT * back, y + SHIFT * back)
            style: Any = {"facecolor": FILLS[block.kind], "edgecolor": "#333333", "linewidth": 0.7}
            axes.add_patch(Rectangle(corner, width, height, zorder=2, **style))
    for before, after in pairwise(row):
        _connect(axes, before, after)


def _connect(axes: Axes, before: Placed, after: Placed) -> None:
    """Lines from the window on one block, or from its whole face, to one unit of the next."""
    left, bottom, width, height = before[1:]
    if after.block.window and len(before.block.shape) == 3:
        kh, kw = after.block.window
        width *= min(1.0, kw / before.block.shape[2])
        height *= min(1.0, kh / before.block.shape[1])
        left += (before.width - width) * 0.6
        bottom += (before.height - height) * 0.6
        style: Any = {"facecolor": "white", "edgecolor": "#333333", "linewidth": 0.7, "alpha": 0.8}
        axes.add_patch(Rectangle((left, bottom), width, height, zorder=3, **style))
    is_map = len(after.block.shape) == 3
    x = after.x + after.width * (0.5 if is_map else 0.0)
    y = after.y + after.height * (0.6 if is_map else 0.5)
    for corner in (bottom, bottom + height):
        axes.plot((left + width, x), (corner, y), color="#888888", linewidth=0.6, zorder=4)
