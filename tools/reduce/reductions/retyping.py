"""Gives the values of a program other types, their constants and schedules included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    ModuleOp,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, Operation, ParametrizedAttribute

from pullback.dialects.graph.creation.constants import array_of_elements, elements
from pullback.dialects.graph.kernel.schedule import ScheduleAttr
from pullback.dialects.graph.tensor.types import element_type_of, numpy_dtype, shape_of_type, tensor_type
from pullback.passes.shapes.shape_inference import retype

Extents = Callable[[int], int]
ElementType = Callable[[Attribute], Attribute]


class Retyping:
    """A map of types: of each extent, and of each element type.

    Args:
        extent: what each extent becomes; `?` is not asked for.
        element_type: what each element type becomes.
    """

    def __init__(
        self, extent: Extents = lambda n: n, element_type: ElementType = lambda type_: type_
    ) -> None:
        self._extent = extent
        self._element_type = element_type

    def run(self, module: ModuleOp) -> None:
        """Changes the type of every value, and attributes that hold types, elements or extents of loops."""
        for op in module.walk():
            self._operation(op)

    def _operation(self, op: Operation) -> None:
        for result in op.results:
            retype(result, self.attribute(result.type))
        for region in op.regions:
            for block in region.blocks:
                for argument in block.args:
                    retype(argument, self.attribute(argument.type))
        for attributes in (op.properties, op.attributes):
            for name, value in list(attributes.items()):
                changed = self.attribute(value)
                if changed != value:
                    attributes[name] = changed

    def attribute(self, attribute: Attribute) -> Attribute:
        """A type or attribute with its parts mapped."""
        match attribute:
            case TensorType():
                shape = (n if n < 0 else self._extent(n) for n in shape_of_type(attribute))
                return tensor_type(self._element_type(attribute.element_type), shape)
            case DenseIntOrFPElementsAttr():
                return self._elements(attribute)
            case ScheduleAttr():
                return self._schedule(attribute)
            case ArrayAttr():
                return ArrayAttr([self.attribute(a) for a in attribute])
            case DenseArrayBase() | StringAttr():
                return attribute
            case ParametrizedAttribute() if (mapped := self._element_type(attribute)) != attribute:
                return mapped
            case ParametrizedAttribute() if attribute.parameters:
                return type(attribute).new([self.attribute(p) for p in attribute.parameters])
            case _:
                return attribute

    def _elements(self, value: DenseIntOrFPElementsAttr) -> Attribute:
        """The first elements along each axis."""
        type_: Any = self.attribute(value.type)
        shape = shape_of_type(type_)
        array = array_of_elements(value)[tuple(slice(n) for n in shape)]
        return elements(array.astype(numpy_dtype(element_type_of(type_))))

    def _schedule(self, attribute: ScheduleAttr) -> Attribute:
        schedule = attribute.data
        return ScheduleAttr(
            replace(
                schedule,
                parallel=tuple(map(self._extent, schedule.parallel)),
                reduce=tuple(map(self._extent, schedule.reduce)),
            )
        )
