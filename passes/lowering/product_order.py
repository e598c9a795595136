"""The order of the dims of a product: those of a batch, of rows, the columns, and of what is summed over.

The second factor changes with a batch and the columns, but not with rows. So for the convolution in groups

    (n, h, w, g, o, i, j, c) -> (n, h + i, w + j, g, c)         the images
    (n, h, w, g, o, i, j, c) -> (i, j, c, g, o)                 the filters

g is a batch, n, h and w are rows, and o is the columns: lowerings see the dims (g, n, h, w, o, i, j, c). For the CPU
neighbours are merged that every access traverses as one, as j and c of the images and the filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.merge_dims import Traversals, renumber
from pullback.passes.lowering.nodes import Contraction


def in_product_order(model: KernelModel) -> KernelModel:
    """Puts the dims of a batch before all others."""
    space, (batch, rows, columns) = model.space, _roles(model)
    dims = (*batch, *rows, *columns, *space.inner, *space.extra)
    parallel = renumber(model, [[d] for d in dims])[: len(space.outer)]
    return replace(model, space=replace(space, parallel=parallel))


def merge_product_dims(model: KernelModel) -> KernelModel:
    """Puts the dims of a batch before all others, and merges what can be of these, of the rows and of the terms.

    A product's blocks need its rows, its columns and what is summed over apart.
    """
    space, (batch, rows, columns) = model.space, _roles(model)
    merged = Traversals.of(model).merged
    parallel = [*merged(batch), *(merged(rows) or [rows[-1:]]), columns]
    terms = merged(space.inner) or [space.inner[-1:]]
    pieces = merged(space.extra)
    extents = renumber(model, [*parallel, *terms, *pieces])
    first, last = len(parallel), len(parallel) + len(terms)
    outer, inner, extra = extents[:first], extents[first:last], extents[last:]
    return replace(model, space=replace(space, parallel=outer, reduce=inner, pieces=extra))


def _roles(model: KernelModel) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """The dims of the batch, of the rows, and of the columns."""
    factors = (node.operands[1] for node in model.nodes if isinstance(node, Contraction))
    second = frozenset[int]().union(*(factor.dims for factor in factors))
    *others, columns = model.space.outer
    return [d for d in others if d in second], [d for d in others if d not in second], [columns]
