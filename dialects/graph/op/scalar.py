"""`Scalar`: a handle of an SSA value whose operators emit `arith` and `math`, for bodies of elementwise operations.

The same body serves one element (`f32`) and a vector of them (`vector<16xf32>`): the emitted operations have the type
of their operands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from xdsl.dialects.builtin import (
    ComplexType,
    DenseIntOrFPElementsAttr,
    FixedBitwidthType,
    FloatAttr,
    IntegerAttr,
    VectorType,
    bf16,
    f16,
    f32,
    f64,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import IRDLOperation

from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.graph.tensor.types import GraphError, is_float
from pullback.dialects.ir.dense import dense_elements
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream import upstream_operation
from pullback.dialects.upstream.types import vector_type

# Operations are named, and their dialects imported with the first of them: who builds graphs makes no bodies.


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A value in a register: an element, or a vector of elements."""

    value: SSAValue

    @property
    def type(self) -> Attribute:
        return self.value.type

    @property
    def element_type(self) -> Attribute:
        type_ = self.value.type
        return type_.element_type if isinstance(type_, VectorType) else type_

    def __add__(self, other: Scalar | Number) -> Scalar:
        return self._arithmetic("arith.addf", "arith.addi", other)

    def __sub__(self, other: Scalar | Number) -> Scalar:
        return self._arithmetic("arith.subf", "arith.subi", other)

    def __mul__(self, other: Scalar | Number) -> Scalar:
        return self._arithmetic("arith.mulf", "arith.muli", other)

    def __truediv__(self, other: Scalar | Number) -> Scalar:
        if not is_float(self.element_type):
            raise GraphError(f"no division of {self.type}")
        return emit("arith.divf", self.type, self, self.like(other))

    def __radd__(self, other: Number) -> Scalar:
        return self.like(other) + self

    def __rsub__(self, other: Number) -> Scalar:
        return self.like(other) - self

    def __rmul__(self, other: Number) -> Scalar:
        return self.like(other) * self

    def __rtruediv__(self, other: Number) -> Scalar:
        return self.like(other) / self

    def __neg__(self) -> Scalar:
        return emit("arith.negf", self.type, self) if is_float(self.element_type) else 0 - self

    def __gt__(self, other: Scalar | Number) -> Scalar:
        return self._compare("ogt", "sgt", other)

    def __ge__(self, other: Scalar | Number) -> Scalar:
        return self._compare("oge", "sge", other)

    def __lt__(self, other: Scalar | Number) -> Scalar:
        return self._compare("olt", "slt", other)

    def __le__(self, other: Scalar | Number) -> Scalar:
        return self._compare("ole", "sle", other)

    def equal(self, other: Scalar | Number) -> Scalar:
        return self._compare("oeq", "eq", other)

    def not_equal(self, other: Scalar | Number) -> Scalar:
        return self._compare("une", "ne", other)

    def __and__(self, other: Scalar | Number) -> Scalar:
        return emit("arith.andi", self.type, self, self.like(other))

    def __or__(self, other: Scalar | Number) -> Scalar:
        return emit("arith.ori", self.type, self, self.like(other))

    def __xor__(self, other: Scalar | Number) -> Scalar:
        return emit("arith.xori", self.type, self, self.like(other))

    def __invert__(self) -> Scalar:
        return self ^ (True if self.element_type == i1 else -1)

    def like(self, value: Scalar | Number) -> Scalar:
        """Emits `value` as a constant of this type (a splat, for vectors); a Scalar is returned unchanged."""
        return value if isinstance(value, Scalar) else constant(value, self.type)

    def cast(self, element_type: Attribute) -> Scalar:
        """Casts to another element type: floats truncate to integers, and become `x != 0` as i1; see `Cast`."""
        source = self.element_type
        if source == element_type:
            return self
        if _goes_through_f32(source, element_type):
            return self.cast(f32).cast(element_type)
        result = with_element_type(self.type, element_type)
        if element_type == i1:
            return self._compare("une", "ne", 0)
        if is_float(source):
            if not is_float(element_type):
                return self._truncated(element_type)
            widens = bit_width(element_type) > bit_width(source)
            if not widens and (op := self._made_by("arith.extf")) and op.operands[0].type == result:
                return Scalar(op.operands[0])
            return emit("arith.extf" if widens else "arith.truncf", result, self)
        if is_float(element_type):
            return emit("arith.uitofp" if source == i1 else "arith.sitofp", result, self)
        if bit_width(element_type) < bit_width(source):
            return emit("arith.trunci", result, self)
        return emit("arith.extui" if source == i1 else "arith.extsi", result, self)

    def _truncated(self, element_type: Attribute) -> Scalar:
        """Truncates floats to integers by way of i32 or i64, whose smallest value results for numbers out of range."""
        wide = i64 if element_type == i64 else i32
        limit = 2 ** (bit_width(wide) - 1)
        is_in_range = emit("math.absf", self.type, self) < limit
        # Out of range the conversion is poison, which a select does not propagate where it takes the other value.
        whole = emit("arith.fptosi", with_element_type(self.type, wide), self)
        chosen = emit("arith.select", whole.type, is_in_range, whole, whole.like(-limit))
        return chosen.cast(element_type)

    def _made_by(self, name: str) -> Operation | None:
        """The operation that made the value, if this is its name."""
        owner = self.value.owner
        return owner if isinstance(owner, Operation) and owner.name == name else None

    def _arithmetic(self, for_floats: str, for_integers: str, other: Scalar | Number) -> Scalar:
        op = for_floats if is_float(self.element_type) else for_integers
        return emit(op, self.type, self, self.like(other))

    def _compare(self, for_floats: str, for_integers: str, other: Scalar | Number) -> Scalar:
        from pullback.dialects.upstream.arith import CmpfOp, CmpiOp

        other = self.like(other)
        if is_float(self.element_type):
            op: Operation = CmpfOp(self.value, other.value, for_floats)
        else:
            op = CmpiOp(self.value, other.value, for_integers)
        insert(op)
        return Scalar(op.results[0])


def _goes_through_f32(source: Attribute, target: Attribute) -> bool:
    """Tells whether a cast of half precision is two: hardware knows them from f32 and to it, and f64 to f16.

    NumPy rounds whole numbers, and f64 to bf16, twice as well.
    """
    if f32 in (source, target) or (source, target) == (f64, f16):
        return False
    return source in _HALF or target in _HALF


_HALF = (f16, bf16)


def emit(name: str, result: Attribute, *operands: Scalar) -> Scalar:
    """Emits an upstream operation, by its name, with one result of this type at the insertion point."""
    op = upstream_operation(name)
    made = new_operation(
        op, operands=[s.value for s in operands], result_types=[result], properties=default_properties(op)
    )
    insert(made)
    return Scalar(made.results[0])


@cache
def default_properties(op: type[IRDLOperation]) -> dict[str, Attribute]:
    """The default properties of an operation (`create` fills in none)."""
    declared = op.get_irdl_definition().properties
    return {name: p.default_value for name, p in declared.items() if p.default_value is not None}


def constant(value: Number, type_: Attribute) -> Scalar:
    """Emits an `arith.constant` of this scalar or vector type (a splat of `value`)."""
    if isinstance(value, complex):
        raise GraphError(f"no register holds the complex number {value}")
    # 0.0 and -0.0 are equal.
    attribute = _number_attribute(value, str(value).startswith("-"), type_)
    made = new_operation(
        upstream_operation("arith.constant"), properties={"value": attribute}, result_types=[type_]
    )
    insert(made)
    return Scalar(made.results[0])


@lru_cache(maxsize=1 << 12)
def _number_attribute(value: float, is_negative: bool, type_: Attribute) -> Attribute:
    """Builds the value of an `arith.constant`, uniqued: equal numbers give the same object."""
    if isinstance(type_, VectorType):
        splat = DenseIntOrFPElementsAttr.from_list(type_, [value])  # pyright: ignore[reportArgumentType, reportUnknownArgumentType, reportUnknownVariableType]
        return dense_elements(type_, splat.data.data)
    if is_float(type_):
        return FloatAttr(float(value), type_)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType]
    return IntegerAttr(int(value), type_)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType]


def with_element_type(type_: Attribute, element_type: Attribute) -> Attribute:
    """Replaces the element type of a scalar or vector type."""
    return vector_type(element_type, *type_.get_shape()) if isinstance(type_, VectorType) else element_type


def bit_width(element_type: Attribute) -> int:
    """The width of an element type in bits."""
    if isinstance(element_type, ComplexType):
        return 2 * bit_width(element_type.element_type)
    if isinstance(element_type, FixedBitwidthType):
        return element_type.bitwidth
    raise GraphError(f"{element_type} has no width in bits")
