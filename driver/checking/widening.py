"""Copies a function with all real numbers widened to f64: differences of f32 have but three digits."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    TensorType,
    f64,
)
from xdsl.ir import Attribute, Block, Operation, ParametrizedAttribute, Region, SSAValue
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.graph.creation.constants import array_of_elements, elements
from pullback.dialects.graph.tensor.types import (
    complex128,
    element_type_of,
    is_complex,
    is_float,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)


@dataclass
class Copy:
    """A copy of a function, with maps between the original and the copy.

    Attributes:
        wide: whether real numbers are f64 in it.
        values: the copy of each value.
        origins: what each operation is a copy of.
    """

    wide: bool
    values: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    origins: dict[Operation, Operation] = field(default_factory=dict[Operation, Operation])

    def operation(self, op: Operation) -> Operation:
        """A copy that uses the copies of the operands."""
        made = op.create(
            operands=[self.values.get(v, v) for v in op.operands],
            result_types=[self.attribute(t) for t in op.result_types],
            properties={k: self.attribute(a) for k, a in op.properties.items()},
            attributes={k: self.attribute(a) for k, a in op.attributes.items()},
            location=op.location,
            regions=[Region() for _ in op.regions],
        )
        self.origins[made] = op
        for result, copied in zip(op.results, made.results, strict=True):
            copied.name_hint = result.name_hint
            self.values[result] = copied
        for region, copied in zip(op.regions, made.regions, strict=True):
            for block in region.blocks:
                copied.add_block(self._block(block))
        return made

    def function(self, function: func.FuncOp) -> func.FuncOp:
        """A copy of the function."""
        made = self.operation(function)
        assert isinstance(made, func.FuncOp)
        return made

    def _block(self, block: Block) -> Block:
        made = Block(arg_types=[self.attribute(t) for t in block.arg_types])
        for argument, copied in zip(block.args, made.args, strict=True):
            copied.name_hint, copied.location = argument.name_hint, argument.location
            self.values[argument] = copied
        for op in block.ops:
            made.add_op(self.operation(op))
        return made

    def attribute(self, attribute: Attribute) -> Attribute:
        """A type or a property with its real numbers widened."""
        return _widened(attribute) if self.wide else attribute


def copied(function: func.FuncOp) -> tuple[func.FuncOp, Copy]:
    """A copy in f64; in the types as they are written where an operation does not take others."""
    copy = Copy(wide=True)
    made = copy.function(function)
    try:
        for op in made.body.walk():  # operation by operation: the function need not be finished
            op.verify_()
    except VerifyException:
        copy = Copy(wide=False)
        made = copy.function(function)
    return made, copy


def _widened(attribute: Attribute) -> Attribute:
    match attribute:
        case TensorType():
            return tensor_type(_widened(attribute.element_type), shape_of_type(attribute))
        case FloatAttr():
            return FloatAttr(attribute.value.data, f64)
        case DenseIntOrFPElementsAttr():
            return _widened_elements(attribute)
        case ArrayAttr():
            return ArrayAttr([_widened(a) for a in attribute])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case DenseArrayBase():
            return attribute
        case ParametrizedAttribute() if is_float(attribute):
            return f64
        case ParametrizedAttribute() if is_complex(attribute):
            return complex128
        case ParametrizedAttribute() if attribute.parameters:
            return type(attribute).new([_widened(p) for p in attribute.parameters])
        case _:
            return attribute


def _widened_elements(value: DenseIntOrFPElementsAttr) -> Attribute:
    element_type = element_type_of(value.type)
    wide = _widened(element_type)
    if wide == element_type:
        return value
    array = array_of_elements(value)
    return elements(array.astype(numpy_dtype(wide)))
