"""The loops along the terms of a product: one for each dim, and long sums in blocks that are added up in f64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from xdsl.dialects import arith
from xdsl.dialects.builtin import VectorType
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.accumulators import LONG_PRODUCT, TOTALS
from pullback.dialects.upstream.types import vector_type
from pullback.passes.lowering.code_builder import CodeBuilder, index_op, named, result_of

Indices: TypeAlias = Mapping[int, SSAValue]
Sums: TypeAlias = Sequence[SSAValue]
Step: TypeAlias = Callable[[Indices, Sums], Sums]
"""Adds the products of one term, at these indices, to the sums so far."""
Within: TypeAlias = Mapping[int, tuple[SSAValue, SSAValue]]
"""The first index along some dims whose terms are added, and the one after the last: all those of other dims are."""
ALL: Within = {}
Turn: TypeAlias = Callable[[Indices], None]
"""What is done before each loop along the last dim, whose index is not among these."""


@dataclass(frozen=True)
class TermBlocks:
    """Dims of terms, and where they are cut into blocks: `size` of dim `cut`, with all of the dims after it."""

    dims: tuple[int, ...]
    extents: tuple[int, ...]
    cut: int = 0
    size: int = 0
    """0 where sums are short enough to be formed at once."""

    @staticmethod
    def of(dims: Sequence[int], extents: Sequence[int], longest: int = LONG_PRODUCT) -> TermBlocks:
        """Cuts sums of many terms into blocks of about `longest` terms."""
        whole = TermBlocks(tuple(dims), tuple(extents))
        if prod(extents) < 2 * longest:
            return whole
        cut, inner = len(extents) - 1, 1
        while cut > 0 and inner * extents[cut] <= longest:
            inner *= extents[cut]
            cut -= 1
        most = min(max(longest // inner, 1), extents[cut])
        even = next(n for n in range(most, 0, -1) if extents[cut] % n == 0)
        return TermBlocks(whole.dims, whole.extents, cut, even if 2 * even > most else most)

    # ---- loops ------------------------------------------------------------------------------------------

    def sums(
        self, builder: CodeBuilder, zeros: Sums, step: Step, turn: Turn | None = None, within: Within = ALL
    ) -> list[Scalar]:
        """The sums over all terms, or over those `within` some indices, of the type of `zeros`."""
        type_ = zeros[0].type
        assert isinstance(type_, VectorType)
        wide = TOTALS.get(type_.element_type)
        if not self.size or wide is None:
            return [Scalar(s) for s in _nest(builder, self._all(), {}, zeros, step, turn, within)]
        none = [builder.number(0, vector_type(wide, *type_.get_shape())).value] * len(zeros)

        def add(indices: Indices, totals: Sums) -> Sums:
            def one(block: Block, totals: Sums) -> Sums:
                def inside(here: Indices, sums: Sums) -> Sums:
                    return step({**indices, **here}, sums)

                def before(here: Indices) -> None:
                    if turn is not None:
                        turn({**indices, **here})

                sums = self.block(builder, block, zeros, inside, before, within)
                pairs = zip(totals, sums, strict=True)
                return [named((Scalar(t) + Scalar(s).cast(wide)).value, "so_far") for t, s in pairs]

            return self._along(builder, indices, totals, one)

        totals = _nest(builder, self._all()[: self.cut], {}, none, add, within=within)
        return [Scalar(t).cast(type_.element_type) for t in totals]

    def each_block(self, builder: CodeBuilder, around: Indices, body: Callable[[Block], None]) -> None:
        """Loops over the blocks, but along the dims that have an index already."""

        def blocks(indices: Indices, carried: Sums) -> Sums:
            def one(block: Block, carried: Sums) -> Sums:
                body(block)
                return carried

            return self._along(builder, {**around, **indices}, carried, one)

        _nest(builder, [d for d in self._all()[: self.cut] if d[0] not in around], {}, [], blocks)

    def _along(
        self, builder: CodeBuilder, around: Indices, carried: Sums, body: Callable[[Block, Sums], Sums]
    ) -> Sums:
        """Loops over the blocks along the dim that is cut, the last of which may be shorter."""
        extent = self.extents[self.cut]

        def at(start: SSAValue, carried: Sums) -> list[SSAValue]:
            end = builder.sum_of([(start, 1)], self.size, "end")
            if extent % self.size:
                end = result_of(index_op(arith.MinUIOp, end, builder.index(extent)), "end")
            return list(body(Block(around, start, end), carried))

        return builder.loop((0, extent, self.size), "block", carried, at)

    def block(
        self,
        builder: CodeBuilder,
        block: Block,
        zeros: Sums,
        step: Step,
        turn: Turn | None = None,
        within: Within = ALL,
    ) -> Sums:
        """The sums over the terms of a block."""
        (dim, _), *inner = self._all()[self.cut :]

        def at(index: SSAValue, carried: Sums) -> list[SSAValue]:
            return list(_nest(builder, inner, {dim: index}, carried, step, turn, within))

        if not inner and turn is not None:
            turn({})
        start, end = block.start, block.end
        if dim in within:
            start, end = builder.greatest(start, within[dim][0]), builder.least(end, within[dim][1])
        return builder.loop_between((start, end, builder.index(1)), "k", zeros, at)

    def _all(self) -> list[tuple[int, int]]:
        return list(zip(self.dims, self.extents, strict=True))


@dataclass(frozen=True)
class Block:
    """A block of terms: indices along the dims before the one that is cut, and where it begins and ends along that."""

    around: Indices
    start: SSAValue
    end: SSAValue


def _nest(
    builder: CodeBuilder,
    dims: Sequence[tuple[int, int]],
    indices: Indices,
    carried: Sums,
    body: Step,
    turn: Turn | None = None,
    within: Within = ALL,
) -> Sums:
    """One loop for each of these dims and extents, which carry values, around a body; `turn` before the last one."""
    if not dims:
        return body(indices, carried)
    (dim, extent), *inner = dims

    def at(index: SSAValue, carried: Sums) -> list[SSAValue]:
        return list(_nest(builder, inner, {**indices, dim: index}, carried, body, turn, within))

    if not inner and turn is not None:
        turn(indices)
    start, end = within.get(dim, (builder.index(0), builder.index(extent)))
    return builder.loop_between((start, end, builder.index(1)), "k", carried, at)
