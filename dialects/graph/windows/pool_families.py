"""What poolings share: windows, and the types of what they pool and of what comes out."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import DenseArrayBase, StringAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.op.checks import check_operand_dtypes
from pullback.dialects.graph.op.families import Composite, OfDtypes, check_dtype
from pullback.dialects.graph.op.graph_op import Properties
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    Shape,
    compatible_shapes,
    element_type_of,
    format_shape,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.windows.windows import (
    Padding,
    Pair,
    Windows,
    check_images,
    check_windows,
    window_count,
    window_properties,
)


class Pooling(OfDtypes, Composite):
    """A pooling operation or its gradient, with windows."""

    result = result_def(AnyAttr())
    window = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    padding = prop_def(base(DenseArrayBase) | base(StringAttr))
    traits = traits_def(Pure())

    @property
    def windows(self) -> Windows:
        return Windows.of(integer_list(self.properties, "window"), self.properties)

    @classmethod
    def pooled(cls, images: Attribute, properties: Properties) -> Shape:
        """Infers the shape of the pooled images; `GraphError` where there is none."""
        check_dtype(cls, element_type_of(images))
        check_windows(cls.name, properties)
        shape = shape_of_type(images)
        check_images(cls.name, shape, "images")
        windows = Windows.of(integer_list(properties, "window"), properties)
        if windows.padding != "SAME" and any(
            max(pads) >= size for pads, size in zip(windows.padding, windows.size, strict=True)
        ):
            raise GraphError(
                f"{cls.name}: windows_c5: padding must be less than a window, got {windows.padding} for {windows.size}"
            )
        return (shape[0], *window_count(cls.name, windows, shape[1:3]), shape[3])

    @classmethod
    def check_pooled(cls, images: Attribute, dy: Attribute, properties: Properties) -> None:
        """Checks that outputs, or their gradient, have the type of these images, pooled."""
        expected = cls.pooled(images, properties)
        check_operand_dtypes(cls.name, images, dy)
        if not compatible_shapes(shape_of_type(dy), expected):
            raise GraphError(
                f"{cls.name}: gradient_c1: dy must have the shape of what is pooled, {format_shape(expected)}, got {dy}"
            )


class Pool(Pooling):
    """A pooling of images."""

    images = operand_def(AnyAttr())

    @property
    def x(self) -> Tensor:
        return Tensor(self._operands[0])

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (images,) = operands
        return [tensor_type(element_type_of(images), cls.pooled(images, properties))]

    @classmethod
    def apply(cls, x: Tensor, window: Pair, strides: Pair, padding: Padding) -> Tensor:
        """Emits the pooling of `x`."""
        return cls.of(x, window=integers(window), **window_properties(strides, padding))
