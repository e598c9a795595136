"""Example texts of every operation, from its class: tests parse them, and the documentation shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pullback.dialects.graph import OPS

ARGUMENTS = """%x: MATRIX, %y: tensor<?x3xf32>, %v: VECTOR, %s: tensor<f32>, %i: tensor<4xi32>, %c: tensor<3xi1>,
  %n: tensor<2xi64>, %w: !graph.ref<MATRIX>, %d: tensor<4x3xf32>, %p: SLICES, %k: STACK,
  %z: tensor<2x3xcomplex<f32>>, %m: IMAGE, %f: FILTER, %q: SQUARE, %g: BATCH, %e: tensor<2x3xi1>, %j: tensor<2xi32>,
  %h: tensor<4x2xi32>, %l: tensor<2x4xi32>, %o: tensor<2x4xf32>, %t: tensor<i64>,
  %u: tensor<2x2xcomplex<f32>>, %ones: tensor<1x3x1xf32>"""
ALIASES = {
    "SLICES": "!graph.slices<tensor<4x3xf32>, tensor<4xi32>, tensor<2x3xf32>>",
    "STACK": "!graph.stack<tensor<3xf32>>",
    "MATRIX": "tensor<2x3xf32>",
    "IMAGE": "tensor<2x5x5x3xf32>",
    "FILTER": "tensor<2x2x3x4xf32>",
    "SQUARE": "tensor<3x3xf32>",
    "BATCH": "tensor<5x2x3xf32>",
    "VECTOR": "tensor<3xf32>",
}

EXAMPLES: Mapping[str, Sequence[str]] = {
    name: op.examples() for name, op in OPS.ours.items() if op.examples()
}
"""The examples that each operation's class states, by its name."""

INSIDE_OTHERS = frozenset({"graph.condition", "graph.yield"})
"""Terminators: the examples of the operations around them show them."""


def spelled_out(text: str) -> str:
    """Expands the type aliases in an example, or in `ARGUMENTS`."""
    for alias, type_ in ALIASES.items():
        text = re.sub(rf"\b{alias}\b", type_, text)
    return text


def program(example: str) -> str:
    """Wraps an example in a function whose arguments are all the values that examples use."""
    return spelled_out(f"func.func @main({ARGUMENTS}) {{\n  {example}\n  func.return\n}}")
