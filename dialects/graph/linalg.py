"""Matrix multiplication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, UnitAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, opt_prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.base import Array, GradientTerms, GraphOp, Properties, flag, graph_op
from pullback.dialects.graph.types import (
    GraphError,
    element_type_of,
    is_inexact,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.value import Operand, Tensor, conj


@graph_op
class MatMul(GraphOp):
    """The product of two matrices, either of which may be taken transposed: (m, k) @ (k, n) -> (m, n)."""

    name = "graph.matmul"
    EXAMPLES: ClassVar = (
        "%r = graph.matmul %x, %d {transpose_b} : (MATRIX, tensor<4x3xf32>) -> tensor<2x4xf32>",
    )
    lhs = operand_def(AnyAttr())
    rhs = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    transpose_a = opt_prop_def(UnitAttr)
    transpose_b = opt_prop_def(UnitAttr)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        lhs, rhs = operands
        a, b = shape_of_type(lhs), shape_of_type(rhs)
        if len(a) != 2 or len(b) != 2:
            raise GraphError(f"{cls.name}: rank_c2: both operands must have rank 2, got {lhs} and {rhs}")
        if element_type_of(lhs) != element_type_of(rhs):
            raise GraphError(f"{cls.name}: dtype_c2: operands must have one dtype, got {lhs} and {rhs}")
        if not is_inexact(element_type_of(lhs)):
            raise GraphError(
                f"{cls.name}: dtype_c1: needs a floating-point dtype, got {element_type_of(lhs)}"
            )
        m, k = reversed(a) if "transpose_a" in properties else a
        inner, n = reversed(b) if "transpose_b" in properties else b
        if k != inner and DYNAMIC_INDEX not in (k, inner):
            raise GraphError(
                f"{cls.name}: inner_c1: inner extents {k} and {inner} differ, for {lhs} and {rhs}"
            )
        return [tensor_type(element_type_of(lhs), (m, n))]

    @classmethod
    def product(cls, a: Operand, b: Operand, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:
        """`a @ b`, each taken transposed if asked."""
        return cls.of(a, b, **flag(transpose_a, "transpose_a"), **flag(transpose_b, "transpose_b"))

    @property
    def transposes(self) -> tuple[bool, bool]:
        return "transpose_a" in self.properties, "transpose_b" in self.properties

    def numpy(self, *operands: Array) -> Any:
        a, b = (x.T if t else x for x, t in zip(operands, self.transposes, strict=True))
        return np.matmul(a, b)

    def gradient(self, dy: Tensor) -> GradientTerms:
        a, b = (conj(Tensor(v)) for v in self._operands)
        product = MatMul.product
        match self.transposes:
            case False, False:
                return product(dy, b, False, True), product(a, dy, True, False)
            case False, True:
                return product(dy, b), product(dy, a, True, False)
            case True, False:
                return product(b, dy, False, True), product(a, dy)
            case _:
                return product(b, dy, True, True), product(dy, a, True, True)
