"""Families of elementwise operations: what all of one family share, stated once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import i1
from xdsl.ir import Attribute, Operation
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.op.checks import check_operand_dtypes, check_tensor
from pullback.dialects.graph.op.graph_op import Array, Broadcasts, GraphOp, NotDifferentiable, Properties
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    broadcast_shapes,
    element_type_of,
    is_complex,
    is_float,
    is_inexact,
    is_integer,
    shape_of_type,
    tensor_type,
)

Accepts = Callable[[Attribute], bool]


def any_dtype(element_type: Attribute) -> bool:
    """Every dtype of the dialect."""
    return True


def no_dtype(element_type: Attribute) -> bool:
    """None of them."""
    return False


def numeric(element_type: Attribute) -> bool:
    """Every dtype but i1."""
    return is_inexact(element_type) or is_integer(element_type)


def real_numeric(element_type: Attribute) -> bool:
    """Every dtype whose values have an order, but i1."""
    return is_float(element_type) or is_integer(element_type)


def is_truth(element_type: Attribute) -> bool:
    """Truth values, i1."""
    return element_type == i1


def integer_or_truth(element_type: Attribute) -> bool:
    """Integers and truth values."""
    return is_integer(element_type) or is_truth(element_type)


def real_or_truth(element_type: Attribute) -> bool:
    """Every dtype but the complex ones."""
    return not is_complex(element_type)


DTYPE_CLASSES: Mapping[Accepts, str] = {
    any_dtype: "any dtype",
    numeric: "a numeric dtype",
    real_numeric: "a real numeric dtype",
    real_or_truth: "a real dtype",
    is_float: "a real floating-point dtype",
    is_inexact: "a floating-point dtype",
    is_complex: "a complex dtype",
    is_integer: "an integer dtype",
    is_truth: "i1",
    integer_or_truth: "an integer dtype or i1",
}
"""The sets of dtypes that operations take, and what messages call them."""


def check_dtype(op: type[OfDtypes], element_type: Attribute) -> None:
    """The dtype is one that the operation takes."""
    if not op.DTYPES(element_type):
        raise GraphError(
            f"{op.name}: dtype_c1: needs {DTYPE_CLASSES[op.DTYPES]}, got {element_type}: cast the operand first"
        )


class Composite(GraphOp):
    """An operation that others can say: kernels are formed of those; until then it is one, with its own rule."""

    def expand(self) -> Tensor | tuple[Tensor, ...] | None:
        """What takes the place of the results, of the same types; `None` where it stays whole."""
        raise NotImplementedError


class OfDtypes(GraphOp):
    """An operation that states the dtypes it takes."""

    DTYPES: ClassVar[Accepts] = numeric


class OneOperand(OfDtypes):
    """One operand, one result."""

    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @property
    def x(self) -> Tensor:
        return Tensor(self._operands[0])

    @property
    def y(self) -> Tensor:
        return Tensor(self.results[0])


class Elementwise(OfDtypes):
    """The value at an index depends on the operands' values at that index alone."""

    NUMPY: ClassVar[Callable[..., Any]]

    SCALAR: ClassVar[Callable[..., Scalar]]
    """The body for one element, or for a vector of them: what both lowerings inline."""

    EXACT: ClassVar[Accepts] = no_dtype
    """For which dtypes there is one right result, to the bit: libraries differ in `exp`, and in complex quotients."""

    EXPENSIVE: ClassVar[bool] = False
    """Whether to store the result and load it costs less than to compute it a second time."""

    def body(self, *operands: Scalar) -> Scalar:
        """`SCALAR`, for operations whose body depends on their types too."""
        return type(self).SCALAR(*operands)

    def numpy(self, *operands: Array) -> Any:
        return type(self).NUMPY(*operands)


class Unary(Elementwise, OneOperand):
    """One operand; the result has its type."""

    INVOLUTION: ClassVar[bool] = False
    """Whether f(f(x)) is x."""
    IDEMPOTENT: ClassVar[Accepts] = no_dtype
    """For which dtypes f(f(x)) is f(x)."""
    EVEN: ClassVar[bool] = False
    """Whether f(-x) is f(x)."""

    @classmethod
    def examples(cls) -> Sequence[str]:
        return cls.EXAMPLES or (f"%r = {cls.name} %x : MATRIX",)

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
    def examples(cls) -> Sequence[str]:
        return cls.EXAMPLES or (f"%r = {cls.name} %x, %v : (MATRIX, VECTOR) -> MATRIX",)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        lhs, rhs = operands
        element_type = element_type_of(lhs)
        check_operand_dtypes(cls.name, lhs, rhs)
        check_dtype(cls, element_type)
        if lhs is rhs:
            check_tensor(cls.name, lhs, "an operand")
            return [lhs]
        return [tensor_type(element_type, broadcast(cls.name, lhs, rhs))]


class UnaryPredicate(Unary):
    """A truth value for each element of the operand."""

    EXACT: ClassVar = any_dtype
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def examples(cls) -> Sequence[str]:
        return cls.EXAMPLES or (f"%r = {cls.name} %x : (MATRIX) -> tensor<2x3xi1>",)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = super().infer(operands, properties)
        return [tensor_type(i1, shape_of_type(type_))]


class BinaryPredicate(Binary):
    """A truth value for each pair of elements of two operands that broadcast."""

    EXACT: ClassVar = any_dtype
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def examples(cls) -> Sequence[str]:
        return cls.EXAMPLES or (f"%r = {cls.name} %x, %v : (MATRIX, VECTOR) -> tensor<2x3xi1>",)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (common,) = super().infer(operands, properties)
        return [tensor_type(i1, shape_of_type(common))]


def is_expensive(op: Operation) -> bool:
    """Whether this is an elementwise operation that is worth a store and a load rather than a second computation."""
    return isinstance(op, Elementwise) and op.EXPENSIVE


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
