"""The strided layout of a buffer in a kernel: a shape with one dimension for each stride of its loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Attribute

from pullback.dialects.graph.kernel.host_call import memory_type
from pullback.dialects.graph.op.affine import Affine


@dataclass(frozen=True)
class LoopAccess:
    """Elements that loops touch: at `offset`, and, where `rows` is not 0, in any of so many rows.

    With `reaches_beyond` some of them do not exist.
    """

    offset: Affine
    rows: int = 0
    row_stride: int = 0
    reaches_beyond: bool = False


@dataclass(frozen=True)
class StridedLayout:
    """A row-major shape and its strides."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def digits(self, constant: int) -> list[int]:
        """A constant offset as an index along each dimension."""
        result: list[int] = []
        for stride in self.strides:
            result.append(constant // stride)
            constant %= stride
        return result

    def dimension(self, coefficient: int) -> tuple[int, int]:
        """The dimension that a step of so many elements runs along, and how far it goes there."""
        axis = next(i for i, stride in enumerate(self.strides) if coefficient % stride == 0)
        return axis, coefficient // self.strides[axis]


def memref_type(shape: Sequence[int], element_type: Attribute) -> MemRefType:
    """A memref of identity layout for elements of this type."""
    return memref_of(memory_type(element_type), *shape)


@lru_cache(maxsize=1 << 12)
def memref_of(element_type: Attribute, *shape: int) -> MemRefType:
    """A memref of identity layout, the same object for equal arguments."""
    return MemRefType(element_type, shape)


def layout_of(size: int, accesses: Sequence[LoopAccess], extents: Sequence[int]) -> StridedLayout:
    """The layout of a buffer of `size` elements that suits all accesses from loops of these extents.

    One dimension of all elements where their strides do not divide each other, or an index would leave its
    dimension.
    """
    flat = StridedLayout((size,), (1,))
    if any(access.reaches_beyond for access in accesses):
        return flat
    steps = {1, *(a.row_stride for a in accesses if a.rows)}
    for access in accesses:
        steps.update(abs(c) for c in access.offset.coefficients if c)
    strides = sorted(steps, reverse=True)
    edges = [size, *strides]
    if size == 0 or any(a % b for a, b in zip(edges, strides, strict=False)):
        return flat
    shape = tuple(a // b for a, b in zip(edges, strides, strict=False))
    layout = StridedLayout(shape, tuple(strides))
    return layout if all(_fits(layout, access, extents) for access in accesses) else flat


def _fits(layout: StridedLayout, access: LoopAccess, extents: Sequence[int]) -> bool:
    first = layout.digits(access.offset.constant)
    last = list(first)
    for coefficient, extent in zip(access.offset.coefficients, extents, strict=True):
        if coefficient and extent:
            end, way = (last, 1) if coefficient > 0 else (first, -1)
            end[layout.strides.index(abs(coefficient))] += way * (extent - 1)
    if access.rows:
        last[layout.strides.index(access.row_stride)] += access.rows - 1
    return min(first, default=0) >= 0 and all(i < n for i, n in zip(last, layout.shape, strict=True))
