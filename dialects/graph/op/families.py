"""Op families (base classes): elementwise, unary, binary, predicate and composite operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from xdsl.dialects.builtin import i1
from xdsl.ir import Attribute, Operation
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.op.checks import check_operand_dtypes, check_tensor
from pullback.dialects.graph.op.graph_op import Array, Broadcasts, GraphOp, NotDifferentiable, Properties
from pullback.dialects.graph.op.indexed import Counted, Pointwise
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
    """No dtype."""
    return False


def numeric(element_type: Attribute) -> bool:
    """Every dtype but i1."""
    return is_inexact(element_type) or is_integer(element_type)


def real_numeric(element_type: Attribute) -> bool:
    """Every dtype whose values are ordered, but i1."""
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
"""The sets of dtypes that operations accept, and their names in messages."""


def check_dtype(op: type[OfDtypes], element_type: Attribute) -> None:
    """Checks that the operation accepts this dtype."""
    if not op.DTYPES(element_type):
        raise GraphError(
            f"{op.name}: dtype_c1: needs {DTYPE_CLASSES[op.DTYPES]}, got {element_type}: cast the operand first"
        )


class Composite(GraphOp):
    """An operation with a decomposition into others, of which kernels are formed; its gradient rule is its own."""

    def expand(self) -> Tensor | tuple[Tensor, ...] | None:
        """Emits the decomposition and returns its results, of the same types; `None` to keep the operation whole."""
        raise NotImplementedError


class OfDtypes(GraphOp):
    """An operation that states which dtypes it accepts."""

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


class Elementwise(OfDtypes, Pointwise):
    """An elementwise operation: the value at an index depends on the operands' values at that index alone."""

    NUMPY: ClassVar[Callable[..., Any]]

    SCALAR: ClassVar[Callable[..., Scalar]]
    """The scalar body, for one element or a vector of them, which both lowerings inline."""

    EXACT: ClassVar[Accepts] = no_dtype
    """The dtypes for which the result is exact to the bit: libraries differ in `exp`, and in complex quotients."""

    EXPENSIVE: ClassVar[bool] = False
    """Whether storing and loading the result is cheaper than recomputing it."""

    def body(self, *operands: Scalar) -> Scalar:
        """Builds the scalar body; overridden by operations whose body depends on their types too."""
        return type(self).SCALAR(*operands)

    def has_body(self) -> bool:
        return hasattr(type(self), "SCALAR") or type(self).body is not Elementwise.body

    def numpy(self, *operands: Array) -> Any:
        return type(self).NUMPY(*operands) if self.has_meaning() else super().numpy(*operands)

    @classmethod
    def has_meaning(cls) -> bool:
        return hasattr(cls, "NUMPY") or cls.numpy is not Elementwise.numpy


class Unary(Elementwise, OneOperand):
    """One operand; the result has its type."""

    INVOLUTION: ClassVar[bool] = False
    """Whether f(f(x)) is x, which folds."""
    IDEMPOTENT: ClassVar[Accepts] = no_dtype
    """The dtypes for which f(f(x)) is f(x), which folds."""
    EVEN: ClassVar[bool] = False
    """Whether f(-x) is f(x), which folds."""

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
    """Tells whether this is an operation whose elements are better stored than recomputed."""
    return _is_expensive(type(op))


@lru_cache(maxsize=1 << 12)
def _is_expensive(kind: type[Operation]) -> bool:
    return issubclass(kind, Counted) or (issubclass(kind, Elementwise) and kind.EXPENSIVE)


def broadcast(op: str, *types: Attribute) -> tuple[int, ...]:
    """Broadcasts the operands' shapes to one; `GraphError` with the operation's name where that is impossible."""
    shape: tuple[int, ...] = ()
    for type_ in types:
        check_tensor(op, type_, "an operand")
        try:
            shape = broadcast_shapes(shape, shape_of_type(type_))
        except GraphError:
            listed = " and ".join(map(str, types))
            raise GraphError(f"{op}: broadcast_c1: operands of {listed} do not broadcast") from None
    return shape
