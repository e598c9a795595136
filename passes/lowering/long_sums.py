"""Accuracy of long sums: terms are added up in blocks, whose sums are added up in higher precision.

Numbers that are added one after the other lose what is below the last place of the sum so far: of millions of terms
nothing is left. A block of few terms loses little, costs what it did, and its sum is added to one of f64.
"""

from __future__ import annotations

from xdsl.ir import Attribute

from pullback.dialects.graph.along_axes.reductions import Reduction

BLOCK = 48
"""How many terms are added up one after the other: 48 roundings of equal terms are 7.5e-7 of an f32 sum at most."""


def total_type(op: Reduction, element_type: Attribute) -> Attribute | None:
    """In which type totals of many terms are kept; `None` where they are exact, or as they are in any order."""
    return type(op).TOTALS.get(element_type)
