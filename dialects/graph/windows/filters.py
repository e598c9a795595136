"""The op family of convolutions: windows, groups of channels, and im2col for those that are matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase, StringAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.checks import check_operand_dtypes
from pullback.dialects.graph.op.families import Composite, OfDtypes, check_dtype, numeric
from pullback.dialects.graph.op.graph_op import Array, Properties
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, Shape, element_type_of, shape_of_type
from pullback.dialects.graph.windows.windows import Windows, check_images, check_windows, window_count


class Convolution(Composite, OfDtypes):
    """A convolution or its transpose: with windows, and groups of channels.

    There are C / (C of the filters) groups. Each has as many outputs, which depend on its own channels only.
    """

    DTYPES: ClassVar = numeric
    result = result_def(AnyAttr())
    strides = prop_def(DenseArrayBase)
    dilations = prop_def(DenseArrayBase)
    padding = prop_def(base(DenseArrayBase) | base(StringAttr))
    traits = traits_def(Pure())

    def patches(self, x: Array, filters: Sequence[int], groups: int) -> Array:
        """Extracts the elements that each window reads (im2col): (groups, windows, elements of a filter)."""
        patches = self.windows(filters).patches(x, self.name)
        *counts, places, channels = patches.shape
        split = patches.reshape(math.prod(counts), places, groups, channels // groups)
        return split.transpose(2, 0, 1, 3).reshape(groups, math.prod(counts), places * (channels // groups))

    def windows(self, filters: Sequence[int]) -> Windows:
        """The windows for filters of this shape."""
        return Windows.of(filters[:2], self.properties)

    def is_pointwise(self, images: Shape, filters: Shape) -> bool:
        """Tells whether each output depends on one position of the image, all channels: then it is a matrix product."""
        windows = self.windows(filters)
        moves = (windows.size, windows.strides, *windows.pads(images[1:3]))
        return moves == ((1, 1), (1, 1), (0, 0), (0, 0)) and images[3] == filters[2]

    @classmethod
    def check_operands(cls, images: Attribute, filters: Attribute, properties: Properties) -> None:
        """Checks that images and filters have one dtype, and the windows are valid."""
        check_operand_dtypes(cls.name, images, filters)
        check_dtype(cls, element_type_of(images))
        check_windows(cls.name, properties)
        x, f = shape_of_type(images), shape_of_type(filters)
        check_images(cls.name, x, "images")
        if len(f) != 4:
            raise GraphError(
                f"{cls.name}: rank_c5: filters must have rank 4 (rows, columns, channels, outputs), got {filters}"
            )

    @classmethod
    def convolved(cls, images: Attribute, filters: Attribute, properties: Properties) -> Shape:
        """Infers the shape of a convolution of these types; `GraphError` where there is none."""
        cls.check_operands(images, filters, properties)
        x, f = shape_of_type(images), shape_of_type(filters)
        if not _is_multiple(x[3], f[2]):
            raise GraphError(
                f"{cls.name}: channels_c1: channels must be as many as the filters have, or a multiple, got {x[3]} "
                f"and {f[2]}"
            )
        if DYNAMIC_INDEX not in (x[3], f[2]) and not _is_multiple(f[3], groups_of(x[3], f[2])):
            raise GraphError(
                f"{cls.name}: channels_c2: groups must have as many outputs each, got {f[3]} outputs in "
                f"{groups_of(x[3], f[2])} groups"
            )
        return (x[0], *window_count(cls.name, Windows.of(f[:2], properties), x[1:3]), f[3])


def _is_multiple(n: int, of: int) -> bool:
    """Tells whether one extent is a multiple of another, as far as both are known."""
    return DYNAMIC_INDEX in (n, of) or (n == 0 if of == 0 else n % of == 0)


def by_group(filters: Array, groups: int) -> Array:
    """Splits filters, or outputs, by group: (groups, everything else, outputs of one group)."""
    *others, outputs = filters.shape
    return filters.reshape(math.prod(others), groups, outputs // groups).transpose(1, 0, 2)


def rows_of(x: Tensor) -> Tensor:
    """Merges all axes but the last to one."""
    return Reshape.to(x, (math.prod(x.extents[:-1]), x.extents[-1]))


def joined(outputs_by_group: Array) -> Array:
    """Joins outputs of groups, the inverse of `by_group`: (everything else, outputs)."""
    groups, others, outputs = outputs_by_group.shape
    return outputs_by_group.transpose(1, 0, 2).reshape(others, groups * outputs)


def groups_of(channels: int, of_filters: int) -> int:
    """The number of groups, from the channels of the images and of the filters."""
    return channels // of_filters if of_filters else 1
