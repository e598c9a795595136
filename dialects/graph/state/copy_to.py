"""Copies between the memories of devices, which `place-devices` inserts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from xdsl.dialects.builtin import StringAttr, TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.op.graph_op import (
    GradientTerms,
    GraphOp,
    PassesSlices,
    Properties,
    graph_op,
)
from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, SlicesType, StackType


@graph_op
class CopyTo(GraphOp):
    """A copy of x in the memory of its device; from level `kernels` it alone takes an operand from another device.

    The gradient is that of x itself: `place-devices` copies it to where it is used, if it is not there.
    """

    name = "graph.copy_to"
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        '%r = graph.copy_to %x {device = "cuda:1"} : MATRIX',
        '%r = graph.copy_to %p {device = "cpu:0"} : SLICES',
    )
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), PassesSlices())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = operands
        if not isinstance(type_, TensorType | SlicesType | StackType):
            raise GraphError(f"{cls.name}: copy_c2: expected a tensor, slices or a stack, got {type_}")
        return [type_]

    def verify_(self) -> None:
        super().verify_()
        if DEVICE not in self.attributes:
            raise GraphError(
                f'{self.name}: copy_c1: needs the device to copy to, as in {{device = "cuda:1"}}'
            )

    @classmethod
    def to(cls, x: Tensor, device: str) -> Tensor:
        """Emits the copy of `x` on a device."""
        op = cls.of_value(x.value, device)
        insert(op)
        return Tensor(op.results[0])

    @classmethod
    def of_value(cls, value: SSAValue, device: str) -> Self:
        """Builds the copy of a value on a device, not inserted yet."""
        return cls.create(
            operands=[value], result_types=[value.type], attributes={DEVICE: StringAttr(device)}
        )

    def numpy(self, *operands: Any) -> Any:
        return operands[0]

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy,)
