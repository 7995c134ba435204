"""The graph that the converters build: nodes and names, independent of the package onnx."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import Array
from .record import Step


@dataclass
class Node:
    """One ONNX node with one output; "" among the inputs stands for an omitted one."""

    op_type: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


class Graph:
    """Nodes in the order of computation; every value has a unique name."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.nodes: list[Node] = []
        self._taken = set(taken)

    def unused(self, name: str) -> str:
        """The name, followed by underscores if a value has it already."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def node(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = self.unused(f"{op_type}_{len(self.nodes)}")
        self.nodes.append(Node(op_type, inputs, output, attributes))
        return output

    def constant(self, values: Any, dtype: Any = np.int64) -> str:
        """Add an array or a number that is not a parameter (a shape, an exponent)."""
        array: Array = np.asarray(values, dtype)
        return self.node("Constant", value=array)

    def rename(self, old: str, new: str) -> None:
        """Give a value another name."""
        for node in self.nodes:
            node.output = new if node.output == old else node.output
            node.inputs = tuple(new if name == old else name for name in node.inputs)


Converter = Callable[[Graph, Step, tuple[str, ...]], str]
"""Adds the nodes of a step whose inputs have these names; returns the name of the result."""
