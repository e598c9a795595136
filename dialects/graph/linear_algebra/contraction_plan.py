"""Tensor contraction: an einsum of static shapes as a sequence of sums, transposes, reshapes and matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.elementwise.basic import Multiply
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.tensor.accumulators import ACCUMULATORS
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import MAX_RANK


class Labelled:
    """A tensor of static shape, with a label for each axis, each once."""

    def __init__(self, tensor: Tensor, labels: str) -> None:
        self.tensor, self.labels = tensor, labels

    def extent(self, label: str) -> int:
        return self.tensor.extents[self.labels.index(label)]

    def summed_to(self, kept: str) -> Labelled:
        """Sums over all other labels."""
        gone = [axis for axis, label in enumerate(self.labels) if label not in kept]
        if not gone:
            return self
        return Labelled(Sum.over(self.tensor, gone), "".join(label for label in self.labels if label in kept))

    def ordered(self, labels: str) -> Tensor:
        """Transposes to this order of axes."""
        order = [self.labels.index(label) for label in labels]
        if order == sorted(order):
            return self.tensor
        return Transpose.ordered(self.tensor, order)

    def beside(self, labels: str) -> Tensor:
        """Transposes to these axes, with extents of 1 for missing ones, so that it broadcasts."""
        own = "".join(label for label in labels if label in self.labels)
        return ExpandDims.at(self.ordered(own), [i for i, label in enumerate(labels) if label not in own])

    def grouped(self, *groups: str) -> Tensor:
        """Merges each group of labels to one axis."""
        extents = [math.prod(self.extent(label) for label in group) for group in groups]
        ordered = self.ordered("".join(groups))
        return ordered if list(ordered.extents) == extents else Reshape.to(ordered, extents)


def contracted(terms: Sequence[str], result: str, tensors: Sequence[Tensor]) -> Tensor | None:
    """Contracts these tensors pairwise, and returns the sum of their products.

    `None` where these operations do not suffice: for diagonals, and for products of too many axes.
    """
    if any(len(set(labels)) < len(labels) for labels in (*terms, result)):
        return None
    left = [Labelled(t, labels) for t, labels in zip(tensors, terms, strict=True)]
    for positions in _path(left, result):
        chosen = [left[p] for p in positions]
        left = [x for p, x in enumerate(left) if p not in positions]
        kept = result + "".join(x.labels for x in left)
        product, *others = chosen
        for i, other in enumerate(others, 1):
            needed = kept + "".join(x.labels for x in others[i:])
            made = _product(
                product.summed_to(needed + other.labels), other.summed_to(needed + product.labels), needed
            )
            if made is None:
                return None
            product = made
        left.append(product)
    (last,) = left
    return last.summed_to(result).ordered(result)


def _path(tensors: Sequence[Labelled], result: str) -> Sequence[Sequence[int]]:
    """Chooses the contraction order as NumPy does: the tensors to multiply at each step; products are appended."""
    equation = f"{','.join(x.labels for x in tensors)}->{result}"
    shapes = [np.broadcast_to(np.float32(0), x.tensor.extents) for x in tensors]
    _, *path = np.einsum_path(equation, *shapes, optimize="greedy")[0]
    return path


def _product(a: Labelled, b: Labelled, kept: str) -> Labelled | None:
    """Contracts a pair over the labels that only these two have: a matrix product, or elementwise if there are none."""
    both = [label for label in a.labels if label in b.labels]
    batch = "".join(label for label in both if label in kept)
    inner = "".join(label for label in both if label not in kept)
    rows = "".join(label for label in a.labels if label not in both)
    columns = "".join(label for label in b.labels if label not in both)
    labels = batch + rows + columns
    if len(labels) > MAX_RANK:
        return None
    if not inner:
        # In the order of a factor that has all labels, so that only the other one is turned around.
        labels = labels if rows and columns else a.labels if not columns else b.labels
        return Labelled(Multiply.of(a.beside(labels), b.beside(labels)), labels)
    has_wide_sums = (
        a.tensor.element_type not in ACCUMULATORS
    )  # else products would be rounded before they are added up
    if not (rows or columns) and a.labels[-1] in batch and has_wide_sums:
        products = Labelled(Multiply.of(a.tensor, b.ordered(a.labels)), a.labels)
        return Labelled(products.summed_to(batch).ordered(batch), batch)
    # Which of rows and inner comes last in memory decides whether a matrix is read transposed.
    transpose_a, transpose_b = a.labels[-1] in rows, b.labels[-1] in inner
    # Rows of a tensor times one matrix are a batch of their own: what is fused with the product has its shape.
    rows_apart = [rows] if batch or transpose_a or not rows else list(rows)
    matrices = (
        a.grouped(*batch, *((inner, rows) if transpose_a else (*rows_apart, inner))),
        b.grouped(*batch, *((columns, inner) if transpose_b else (inner, columns))),
    )
    product = MatMul.product(*matrices, transpose_a, transpose_b)
    extents = [(b if label in columns else a).extent(label) for label in labels]
    return Labelled(product if list(product.extents) == extents else Reshape.to(product, extents), labels)
