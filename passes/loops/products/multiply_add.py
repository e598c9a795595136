"""The step of a sum of products: one more product, of floats in one instruction and with one rounding."""

from __future__ import annotations

from xdsl.dialects import vector
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.types import is_float
from pullback.dialects.ir.new_operation import new_operation
from pullback.passes.lowering.code_builder import result_of


def multiply_add(a: Scalar, b: Scalar, total: SSAValue) -> SSAValue:
    """Emits `total + a * b` of vectors; of integers the lower bits, as NumPy does."""
    if not is_float(a.element_type):
        return (Scalar(total) + a * b).value
    fma = new_operation(vector.FMAOp, operands=[a.value, b.value, total], result_types=[total.type])
    return result_of(fma, "sum")
