"""Loop coalescing: merges neighbouring dims that every access traverses as one.

Of the space (4, 5, 6) of a pointwise kernel on %x : tensor<4x5x6xf32> and %b : tensor<5x6xf32>, the offsets are

    %x:  30 * d0 + 6 * d1 + d2        %b:  6 * d1 + d2

d1 and d2 are one run of 30 elements in both, d0 and d1 in %x alone: what is left is the space (4, 30) with

    %x:  30 * d0 + d1                 %b:  d1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, pairwise
from math import prod

from pullback.dialects.graph.op.affine import Affine, mergeable
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.nodes import Bound, Contraction, Coordinate, Load, Reduce, Scanned


def merge_dims(model: KernelModel) -> KernelModel:
    """Merges what can be of P, of R and of the pieces, each on its own, and drops dims of extent 1."""
    space = model.space
    traversals = Traversals.of(model)
    parts = [traversals.merged(dims) for dims in (space.outer, space.inner, space.extra)]
    extents = renumber(model, [group for groups in parts for group in groups])
    bounds = accumulate(map(len, parts), initial=0)
    parallel, reduce, pieces = (extents[a:b] for a, b in pairwise(bounds))
    return replace(model, space=replace(space, parallel=parallel, reduce=reduce, pieces=pieces))


@dataclass(frozen=True)
class Traversals:
    """How a kernel goes through its dims."""

    extents: Sequence[int]
    offsets: Sequence[Affine]
    """All that is counted along dims."""
    bounds: Sequence[Bound]
    """What is read within bounds only."""
    apart: frozenset[int]
    """Dims along which something is scanned, or terms are in blocks: each stays by itself."""

    @staticmethod
    def of(model: KernelModel) -> Traversals:
        """Finds them in the nodes of a kernel."""
        offsets = [o.offset for o in model.outputs]
        offsets += [o.number for o in model.outputs if o.number is not None]
        bounds: dict[Bound, None] = {}
        apart: set[int] = set()
        for node in model.nodes:
            match node:
                case Load():
                    offsets.append(node.offset)
                    bounds.update(dict.fromkeys(node.bounds))
                case Coordinate():
                    offsets.append(node.number)
                case Scanned():
                    apart.update(node.along)
                case Contraction():
                    apart.update(node.one_in)
                    if node.border is not None:
                        bounds[node.border] = None
                case _:
                    pass
        return Traversals(model.space.extents, list(dict.fromkeys(offsets)), list(bounds), frozenset(apart))

    def merged(self, dims: Sequence[int]) -> list[list[int]]:
        """Groups neighbours among these dims that every access traverses as one; dims of extent 1 are left out."""
        extents = self.extents
        groups: list[list[int]] = []
        for dim in dims:
            if extents[dim] == 1:
                continue
            joins = bool(groups) and not self.apart & {groups[-1][-1], dim}
            joins = joins and all(b.allows(groups[-1][-1], dim, extents) for b in self.bounds)
            if joins and mergeable(self.offsets, groups[-1][-1], extents, dim):
                groups[-1].append(dim)
            else:
                groups.append([dim])
        return groups


def renumber(model: KernelModel, groups: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Makes each group one dim, in all nodes and outputs; gives the new extents."""
    number = {dim: new for new, group in enumerate(groups) for dim in group}

    def affine(old: Affine) -> Affine:
        return Affine(tuple(old.coefficients[group[-1]] for group in groups), old.constant)

    @cache  # many nodes have the same
    def dims(old: frozenset[int]) -> frozenset[int]:
        return frozenset(number[d] for d in old if d in number)

    for load in model.loads:
        load.offset = affine(load.offset)
        load.bounds = tuple(bound.merged(groups, model.space.extents) for bound in load.bounds)
    for node in model.nodes:
        node.dims = dims(node.dims)
        if isinstance(node, Coordinate):
            node.number = affine(node.number)
        elif isinstance(node, Reduce):
            node.over = dims(node.over)
        elif isinstance(node, Scanned):
            node.along = dims(node.along)
        elif isinstance(node, Contraction):
            node.one_in = {number[dim]: extent for dim, extent in node.one_in.items()}
            if node.border is not None:
                node.border = node.border.merged(groups, model.space.extents)
    for output in model.outputs:
        output.offset = affine(output.offset)
        if output.number is not None:
            output.number = affine(output.number)
    return tuple(prod(model.space.extents[d] for d in group) for group in groups)
