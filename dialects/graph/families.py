"""Families of elementwise operations: what all of one family share, stated once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.base import (
    Array,
    Broadcasts,
    GraphOp,
    Properties,
    check_tensor,
)
from pullback.dialects.graph.scalar import Scalar
from pullback.dialects.graph.types import (
    GraphError,
    broadcast_shapes,
    element_type_of,
    is_float,
    is_integer,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.value import Tensor

Accepts = Callable[[Attribute], bool]


def any_dtype(element_type: Attribute) -> bool:
    """Every dtype of the dialect."""
    return True


def numeric(element_type: Attribute) -> bool:
    """Every dtype but i1."""
    return is_float(element_type) or is_integer(element_type)


DTYPE_CLASSES: Mapping[Accepts, str] = {
    any_dtype: "any dtype",
    numeric: "a numeric dtype",
    is_float: "a floating-point dtype",
}


def check_dtype(op: type[Elementwise], element_type: Attribute) -> None:
    """The dtype is one that the operation takes."""
    if not op.DTYPES(element_type):
        raise GraphError(
            f"{op.name}: dtype_c1: needs {DTYPE_CLASSES[op.DTYPES]}, got {element_type}: cast the operand first"
        )


class Elementwise(GraphOp):
    """The value at an index depends on the operands' values at that index alone."""

    DTYPES: ClassVar[Accepts] = numeric
    NUMPY: ClassVar[Callable[..., Any]]

    SCALAR: ClassVar[Callable[..., Scalar]]
    """The body for one element, or for a vector of them: what both lowerings inline."""

    def body(self, *operands: Scalar) -> Scalar:
        """`SCALAR`, for operations whose body depends on their types too."""
        return type(self).SCALAR(*operands)

    def numpy(self, *operands: Array) -> Any:
        return type(self).NUMPY(*operands)


class Unary(Elementwise):
    """One operand; the result has its type."""

    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @property
    def x(self) -> Tensor:
        return Tensor(self._operands[0])

    @property
    def y(self) -> Tensor:
        return Tensor(self.results[0])

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        check_tensor(cls.name, operands[0], "the operand")
        check_dtype(cls, element_type_of(operands[0]))
        return [operands[0]]


class Binary(Elementwise):
    """Two operands of one dtype, broadcast against each other as in NumPy."""

    lhs = operand_def(AnyAttr())
    rhs = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), Broadcasts())

    @property
    def a(self) -> Tensor:
        return Tensor(self._operands[0])

    @property
    def b(self) -> Tensor:
        return Tensor(self._operands[1])

    @property
    def y(self) -> Tensor:
        return Tensor(self.results[0])

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        lhs, rhs = operands
        element_type = element_type_of(lhs)
        if element_type != element_type_of(rhs):
            raise GraphError(
                f"{cls.name}: dtype_c2: operands must have one dtype, got {lhs} and {rhs}; cast one of them"
            )
        check_dtype(cls, element_type)
        if lhs is rhs:
            check_tensor(cls.name, lhs, "an operand")
            return [lhs]
        return [tensor_type(element_type, broadcast(cls.name, lhs, rhs))]


def broadcast(op: str, *types: Attribute) -> tuple[int, ...]:
    """The common shape of these operands; `GraphError` with the operation's name where there is none."""
    shape: tuple[int, ...] = ()
    for type_ in types:
        check_tensor(op, type_, "an operand")
        try:
            shape = broadcast_shapes(shape, shape_of_type(type_))
        except GraphError:
            listed = " and ".join(map(str, types))
            raise GraphError(f"{op}: broadcast_c1: operands of {listed} do not broadcast") from None
    return shape
