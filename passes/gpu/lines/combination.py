"""Combinations: reductions as functions of scalars, with their neutral elements and the dtype of long totals."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import VectorType, i32
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.upstream.gpu import ShuffleMode, ShuffleOp
from pullback.passes.gpu.kernel_builder import WARP, KernelBuilder
from pullback.passes.gpu.lines.lane_values import elements_of, joined
from pullback.passes.lowering.code_builder import combine, named, result_of
from pullback.passes.lowering.long_sums import total_type
from pullback.passes.lowering.nodes import Reduce


@dataclass(frozen=True)
class Combination:
    """A reduction of scalars: its combining function, its neutral element, and the dtype of long totals."""

    element_type: Attribute
    combine: Callable[[Scalar, Scalar], Scalar]
    neutral: Number
    total_type: Attribute | None = None

    @staticmethod
    def of(node: Reduce) -> Combination:
        """The combination of a reduction."""
        kind = node.element_type
        combined = functools.partial(combine, node.op)
        return Combination(kind, combined, node.op.neutral(kind), total_type(node.op, kind))

    def where(self, builder: KernelBuilder, condition: SSAValue | None, term: Scalar) -> Scalar:
        """The term, or the neutral element where the condition does not hold."""
        if condition is None:
            return term
        return select(Scalar(condition), term, builder.number(self.neutral, term.type))

    def across_lanes(self, builder: KernelBuilder, total: Scalar, distances: Sequence[int]) -> Scalar:
        """All lanes of a warp that are sums of these powers of two apart learn their common total, by shuffles.

        Of a vector, each element is a total of its own.
        """
        if distances and isinstance(total.type, VectorType):
            return joined([self.across_lanes(builder, element, distances) for element in elements_of(total)])
        width = named(builder.number(WARP, i32).value, f"c{WARP}")
        for distance in distances:
            away = named(builder.number(distance, i32).value, f"c{distance}")
            op = ShuffleOp(ShuffleMode.XOR, total.value, away, width)
            total = self.combine(total, Scalar(result_of(op, "other")))
        return total

    def of_elements(self, total: Scalar) -> Scalar:
        """The total of the elements of a vector, in order."""
        return functools.reduce(self.combine, elements_of(total))


def powers_between(least: int, end: int) -> list[int]:
    """The powers of two from `least` up to below `end`, the largest first."""
    found: list[int] = []
    while least < end:
        found.append(least)
        least *= 2
    return found[::-1]
