"""Loop coalescing: merges neighbouring dims that every access traverses as one.

Of the space (4, 5, 6) of a pointwise kernel on %x : tensor<4x5x6xf32> and %b : tensor<5x6xf32>, the offsets are

    %x:  30 * d0 + 6 * d1 + d2        %b:  6 * d1 + d2

d1 and d2 are one run of 30 elements in both, d0 and d1 in %x alone: what is left is the space (4, 30) with

    %x:  30 * d0 + d1                 %b:  d1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod

from pullback.dialects.graph.op.affine import Affine, mergeable
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.nodes import Contraction, IdentityElement, Reduce


def merge_dims(model: KernelModel) -> KernelModel:
    """Merges what can be of P, of R and of the pieces, each on its own, and drops dims of extent 1."""
    space, offsets = model.space, _offsets(model)
    groups: list[list[int]] = []
    bounds: list[int] = [0]
    for dims in (space.outer, space.inner, space.extra):
        start = len(groups)
        for dim in dims:
            if space.extents[dim] == 1:
                continue
            if len(groups) > start and mergeable(offsets, groups[-1][-1], space.extents, dim):
                groups[-1].append(dim)
            else:
                groups.append([dim])
        bounds.append(len(groups))
    extents = _renumber(model, groups)
    parallel, reduce, pieces = (extents[a:b] for a, b in pairwise(bounds))
    return replace(model, space=replace(space, parallel=parallel, reduce=reduce, pieces=pieces))


def merge_batch_dims(model: KernelModel) -> KernelModel:
    """Merges the dims of a batch of products with each other, and with the rows, as far as that goes.

    A product's blocks need its rows, its columns and what is summed over apart.
    """
    space, offsets = model.space, _offsets(model)
    *batch, rows, columns = space.outer
    groups: list[list[int]] = []
    for dim in (*(d for d in batch if space.extents[d] != 1), rows):
        if groups and mergeable(offsets, groups[-1][-1], space.extents, dim):
            groups[-1].append(dim)
        else:
            groups.append([dim])
    if len(groups) > 1 and space.extents[rows] == 1 and not _second_factor_dims(model) & {*groups[-2]}:
        groups.pop()  # one row of each matrix: the matrices are the rows
    groups += [[columns], *([dim] for dim in space.inner)]
    *parallel, reduce = _renumber(model, groups)
    return replace(model, space=replace(space, parallel=tuple(parallel), reduce=(reduce,)))


def _second_factor_dims(model: KernelModel) -> frozenset[int]:
    """The dims that the second factor of a product changes with."""
    factors = (n.operands[1] for n in model.nodes if isinstance(n, Contraction))
    return frozenset().union(*(factor.dims for factor in factors))


def _offsets(model: KernelModel) -> list[Affine]:
    """All that is counted along dims."""
    offsets = [*(o.offset for o in model.outputs), *(load.offset for load in model.loads)]
    offsets += [o.number for o in model.outputs if o.number is not None]
    offsets += [n.column for n in model.nodes if isinstance(n, IdentityElement)]
    return offsets


def _renumber(model: KernelModel, groups: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Makes each group one dim, in all nodes and outputs; gives the new extents."""
    number = {dim: new for new, group in enumerate(groups) for dim in group}

    def affine(old: Affine) -> Affine:
        return Affine(tuple(old.coefficients[group[-1]] for group in groups), old.constant)

    def dims(old: frozenset[int]) -> frozenset[int]:
        return frozenset(number[d] for d in old if d in number)

    for load in model.loads:
        load.offset = affine(load.offset)
    for node in model.nodes:
        node.dims = dims(node.dims)
        if isinstance(node, IdentityElement):
            node.column = affine(node.column)
        elif isinstance(node, Reduce):
            node.over = dims(node.over)
    for output in model.outputs:
        output.offset = affine(output.offset)
        if output.number is not None:
            output.number = affine(output.number)
    return tuple(prod(model.space.extents[d] for d in group) for group in groups)
