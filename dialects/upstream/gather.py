"""`vector.gather` and `vector.scatter`: memory access through a vector of indices."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IndexType, IntegerType, MemRefType, VectorType, i1
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, result_def, traits_def, var_operand_def
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect
from xdsl.utils.exceptions import VerifyException

# Lane i accesses the element at `base[offsets]`, moved on by `indices[i]` elements of the last dimension.
# Each class declares all its operands, since xDSL puts inherited ones after the class's own.
INDICES = VectorType.constr(IntegerType) | VectorType.constr(IndexType)
MASK = VectorType.constr(i1)


def verify_access(op: GatherOp | ScatterOp, value: VectorType) -> None:
    """Checks the constraints of both operations; `value` is the vector type that is read or written.

    C1: one offset per dimension of the memref. C2: the vector has the memref's element type.
    C3: indices and mask have the vector's shape.
    """
    base = op.base.type
    assert isinstance(base, MemRefType)
    if len(op.offsets) != base.get_num_dims():
        raise VerifyException(f"C1: expected {base.get_num_dims()} offsets for {base}, got {len(op.offsets)}")
    if base.element_type != value.element_type:
        raise VerifyException(f"C2: expected a vector of {base.element_type}, got {value}")
    for name, type in (("indices", op.indices.type), ("mask", op.mask.type)):
        assert isinstance(type, VectorType)
        if type.get_shape() != value.get_shape():
            raise VerifyException(f"C3: expected {name} of the shape of {value}, got {type}")


@irdl_op_definition
class GatherOp(IRDLOperation):
    """`vector.gather %base[%offsets] [%indices], %mask, %pass_thru`: masked-off lanes give `pass_thru`.

    C4: `pass_thru` has the type of the result.
    """

    name = "vector.gather"
    base = operand_def(MemRefType)
    offsets = var_operand_def(IndexType)
    indices = operand_def(INDICES)
    mask = operand_def(MASK)
    pass_thru = operand_def(VectorType)
    result = result_def(VectorType)
    traits = traits_def(MemoryReadEffect())
    assembly_format = (
        "$base `[` $offsets `]` `[` $indices `]` `,` $mask `,` $pass_thru attr-dict"
        " `:` type($base) `,` type($indices) `,` type($mask) `,` type($pass_thru) `into` type($result)"
    )

    def __init__(
        self,
        base: SSAValue | Operation,
        offsets: Sequence[SSAValue | Operation],
        indices: SSAValue | Operation,
        mask: SSAValue | Operation,
        pass_thru: SSAValue | Operation,
    ):
        super().__init__(
            operands=[base, offsets, indices, mask, pass_thru], result_types=[SSAValue.get(pass_thru).type]
        )

    def verify_(self) -> None:
        if self.pass_thru.type != self.result.type:
            raise VerifyException(
                f"C4: expected pass_thru of type {self.result.type}, got {self.pass_thru.type}"
            )
        verify_access(self, self.result.type)


@irdl_op_definition
class ScatterOp(IRDLOperation):
    """`vector.scatter %base[%offsets] [%indices], %mask, %value`: where indices repeat, the last lane wins.

    Lanes whose mask is false touch no memory.
    """

    name = "vector.scatter"
    base = operand_def(MemRefType)
    offsets = var_operand_def(IndexType)
    indices = operand_def(INDICES)
    mask = operand_def(MASK)
    value_to_store = operand_def(VectorType)
    traits = traits_def(MemoryWriteEffect())
    assembly_format = (
        "$base `[` $offsets `]` `[` $indices `]` `,` $mask `,` $value_to_store attr-dict"
        " `:` type($base) `,` type($indices) `,` type($mask) `,` type($value_to_store)"
    )

    def __init__(
        self,
        base: SSAValue | Operation,
        offsets: Sequence[SSAValue | Operation],
        indices: SSAValue | Operation,
        mask: SSAValue | Operation,
        value_to_store: SSAValue | Operation,
    ):
        super().__init__(operands=[base, offsets, indices, mask, value_to_store])

    def verify_(self) -> None:
        assert isinstance(self.value_to_store.type, VectorType)
        verify_access(self, self.value_to_store.type)
