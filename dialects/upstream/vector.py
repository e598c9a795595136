"""`vector`: reductions with the right result type, and reshaping; see `gather.py` for access by index."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

from xdsl.dialects import vector
from xdsl.dialects.arith import FastMathFlagsAttr
from xdsl.dialects.builtin import DenseArrayBase, IndexType, VectorType, i1, i64
from xdsl.dialects.utils import FastMathFlag
from xdsl.dialects.vector import CombiningKindAttr, CombiningKindFlag
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    ParsePropInAttrDict,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.upstream.gather import GatherOp, ScatterOp
from pullback.dialects.upstream.outer_product import OuterProductOp
from pullback.dialects.upstream.redeclared import each_verified_once, with_operations


@irdl_op_definition
class ReductionOp(IRDLOperation):
    """`vector.reduction <kind>, %vector (, %acc)? : V into T`: reduces all elements of a vector to one.

    Without `fastmath<reassoc>`, floats are added (multiplied) in order. With it, halves of a power of two of lanes are
    combined until one lane is left, with the same bits on all targets. C1: the vector has rank 1.
    """

    name = "vector.reduction"
    T: ClassVar = VarConstraint("T", AnyAttr())
    vector = operand_def(VectorType.constr(T))
    acc = opt_operand_def(T)
    dest = result_def(T)
    kind = prop_def(CombiningKindAttr)
    fastmath = opt_prop_def(FastMathFlagsAttr)
    traits = traits_def(Pure())
    assembly_format = (
        "$kind `,` $vector (`,` $acc^)? (`fastmath` `` $fastmath^)? attr-dict"
        " `:` type($vector) `into` type($dest)"
    )

    def __init__(
        self,
        vector: SSAValue | Operation,
        kind: CombiningKindAttr | str,
        acc: SSAValue | Operation | None = None,
        fastmath: FastMathFlagsAttr | None = None,
    ):
        """`kind` may be given by name: add, mul, minsi, maxui, maximumf, and, …"""
        vector = SSAValue.get(vector, type=VectorType)
        if isinstance(kind, str):
            kind = CombiningKindAttr(CombiningKindFlag(kind))
        super().__init__(
            operands=[vector, acc],
            result_types=[vector.type.element_type],
            properties={"kind": kind, "fastmath": fastmath},
        )

    @property
    def is_by_halves(self) -> bool:
        """Whether halves are combined until one lane is left."""
        type_, flags = self.vector.type, self.fastmath
        lanes = prod(type_.get_shape()) if isinstance(type_, VectorType) else 1
        is_free = flags is not None and FastMathFlag.REASSOC in flags.data
        return is_free and self.acc is None and lanes & (lanes - 1) == 0

    def verify_(self) -> None:
        if isinstance(self.vector.type, VectorType) and self.vector.type.get_num_dims() != 1:
            raise VerifyException(f"C1: expected a vector of rank 1, got {self.vector.type}")


@irdl_op_definition
class StepOp(IRDLOperation):
    """`vector.step : vector<Nxindex>`: 0, 1, …, N - 1. C1: the result is a rank-1 vector of index."""

    name = "vector.step"
    result = result_def(VectorType.constr(IndexType()))
    traits = traits_def(Pure())
    assembly_format = "attr-dict `:` type($result)"

    def __init__(self, length: int):
        super().__init__(result_types=[VectorType(IndexType(), [length])])

    def verify_(self) -> None:
        if self.result.type.get_num_dims() != 1:
            raise VerifyException(f"C1: expected a vector of rank 1, got {self.result.type}")


@irdl_op_definition
class ConstantMaskOp(IRDLOperation):
    """`vector.constant_mask [n, …]`: true where every index is below its bound.

    C1: one bound per dimension of the result. C2: 0 <= bound <= dimension.
    """

    name = "vector.constant_mask"
    mask_dim_sizes = prop_def(DenseArrayBase.constr(i64))
    result = result_def(VectorType.constr(i1))
    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$mask_dim_sizes attr-dict `:` type($result)"

    def __init__(self, bounds: Sequence[int], shape: Sequence[int]):
        super().__init__(
            result_types=[VectorType(i1, shape)],
            properties={"mask_dim_sizes": DenseArrayBase.from_list(i64, bounds)},
        )

    def verify_(self) -> None:
        bounds, shape = self.mask_dim_sizes.get_values(), self.result.type.get_shape()
        if len(bounds) != len(shape):
            raise VerifyException(
                f"C1: expected {len(shape)} bounds for {self.result.type}, got {len(bounds)}"
            )
        if any(not 0 <= bound <= size for bound, size in zip(bounds, shape, strict=True)):
            raise VerifyException(f"C2: expected bounds between 0 and {list(shape)}, got {list(bounds)}")


@irdl_op_definition
class ShapeCastOp(IRDLOperation):
    """`vector.shape_cast %v : V to W`: the same elements in row-major order under another shape.

    C1: one element type. C2: the same number of elements.
    """

    name = "vector.shape_cast"
    source = operand_def(VectorType)
    result = result_def(VectorType)
    traits = traits_def(Pure())
    assembly_format = "$source attr-dict `:` type($source) `to` type($result)"

    def __init__(self, source: SSAValue | Operation, result_type: VectorType):
        super().__init__(operands=[source], result_types=[result_type])

    def verify_(self) -> None:
        source, result = self.source.type, self.result.type
        assert isinstance(source, VectorType)
        if source.element_type != result.element_type:
            raise VerifyException(f"C1: expected one element type, got {source} to {result}")
        if prod(source.get_shape()) != prod(result.get_shape()):
            raise VerifyException(f"C2: expected the same number of elements, got {source} to {result}")


@irdl_op_definition
class TransposeOp(IRDLOperation):
    """`vector.transpose %v, [p0, …] : V to W`: dimension i of W is dimension p_i of V.

    C1: p is a permutation of V's dimensions. C2: W's shape is V's, permuted.
    """

    name = "vector.transpose"
    vector = operand_def(VectorType)
    permutation = prop_def(DenseArrayBase.constr(i64))
    result = result_def(VectorType)
    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$vector `,` $permutation attr-dict `:` type($vector) `to` type($result)"

    def __init__(self, vector: SSAValue | Operation, permutation: Sequence[int]):
        vector = SSAValue.get(vector, type=VectorType)
        shape = vector.type.get_shape()
        super().__init__(
            operands=[vector],
            result_types=[VectorType(vector.type.element_type, [shape[p] for p in permutation])],
            properties={"permutation": DenseArrayBase.from_list(i64, permutation)},
        )

    def verify_(self) -> None:
        permutation, source = self.permutation.get_values(), self.vector.type
        assert isinstance(source, VectorType)
        shape = source.get_shape()
        if sorted(permutation) != list(range(len(shape))):
            raise VerifyException(
                f"C1: expected a permutation of 0..{len(shape) - 1}, got {list(permutation)}"
            )
        if self.result.type != VectorType(source.element_type, [shape[p] for p in permutation]):
            raise VerifyException(f"C2: expected the permuted type of {source}, got {self.result.type}")


@irdl_op_definition
class InterleaveOp(IRDLOperation):
    """`vector.interleave %a, %b : V -> W`: a0, b0, a1, b1, … along the last dimension.

    C1: W's last dimension is twice V's, and the others are equal.
    """

    name = "vector.interleave"
    T: ClassVar = VarConstraint("T", VectorType.constr(AnyAttr()))
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(VectorType)
    traits = traits_def(Pure())
    assembly_format = "$lhs `,` $rhs attr-dict `:` type($lhs) `->` type($result)"

    def __init__(self, lhs: SSAValue | Operation, rhs: SSAValue | Operation):
        lhs = SSAValue.get(lhs, type=VectorType)
        super().__init__(operands=[lhs, rhs], result_types=[self.doubled(lhs.type)])

    @staticmethod
    def doubled(type: VectorType) -> VectorType:
        """The vector type whose last dimension is twice that of `type`."""
        *outer, last = type.get_shape()
        return VectorType(type.element_type, [*outer, 2 * last])

    def verify_(self) -> None:
        assert isinstance(self.lhs.type, VectorType)
        if self.result.type != self.doubled(self.lhs.type):
            raise VerifyException(
                f"C1: expected the result type {self.doubled(self.lhs.type)}, got {self.result.type}"
            )


@irdl_op_definition
class FromElementsOp(IRDLOperation):
    """`vector.from_elements %a, %b, … : V`: a vector from its elements in row-major order.

    C1: one operand per element. C2: the operands have V's element type.
    """

    name = "vector.from_elements"
    elements = var_operand_def()
    dest = result_def(VectorType)
    traits = traits_def(Pure())

    def __init__(self, elements: Sequence[SSAValue | Operation], result_type: VectorType):
        super().__init__(operands=[elements], result_types=[result_type])

    def verify_(self) -> None:
        count = prod(self.dest.type.get_shape())
        if len(self.elements) != count:
            raise VerifyException(
                f"C1: expected {count} operands for {self.dest.type}, got {len(self.elements)}"
            )
        if any(element.type != self.dest.type.element_type for element in self.elements):
            raise VerifyException(f"C2: expected operands of type {self.dest.type.element_type}")

    @classmethod
    def parse(cls, parser: Parser) -> FromElementsOp:
        unresolved = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        start = parser.pos
        type = parser.parse_type()
        if not isinstance(type, VectorType):
            parser.raise_error("expected a vector type", start, parser.pos)
        types: list[Attribute] = [type.element_type] * len(unresolved)
        op = cls(parser.resolve_operands(unresolved, types, start), type)
        op.attributes |= attributes
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.elements, printer.print_ssa_value)
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.dest.type)


Vector = each_verified_once(
    with_operations(
        vector.Vector,
        ReductionOp,
        StepOp,
        ConstantMaskOp,
        ShapeCastOp,
        TransposeOp,
        InterleaveOp,
        FromElementsOp,
        OuterProductOp,
        GatherOp,
        ScatterOp,
    )
)
