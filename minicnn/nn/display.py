"""What notebooks show of a Module: the tree of its layers with the weights of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..autograd import Parameter
from ..html_table import html_table

if TYPE_CHECKING:
    from .module import Module

HEADER = ("name", "module", "weights", "parameters")


def module_html(model: Module) -> str:
    """The table of every module by its path; nothing is run."""
    rows: list[tuple[str, str, str, int | str]] = []
    total = sum(p.size for p in model.parameters())
    counted: set[int] = set()
    above: list[str] = []  # the paths of the modules that this one is in
    for path, module, values in model._tree():
        while above and not path.startswith(f"{above[-1]}."):
            above.pop()
        name = "    " * len(above) + (path[len(above[-1]) + 1 :] if above else path)
        above += [path] if path else []
        own = [(n.removeprefix(f"{path}."), v) for n, v in values if isinstance(v, Parameter)]
        new = sum(p.size for _, p in own if id(p) not in counted)
        counted.update(id(p) for _, p in own)
        is_leaf = not any(module.children())
        kind = type(module).__name__ + (f"({module._options()})" if is_leaf else "")
        shapes = "\n".join(f"{n} {p.shape}" for n, p in own)
        rows.append((name, kind, shapes, new if new or is_leaf else ""))
    return html_table([*rows, ("total", "", "", total)], HEADER, totals=1)
