"""`GraphOp`, the base class of the dialect's operations: type inference, building, verification, syntax, registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeAlias, TypeVar, cast, overload

from xdsl.dialects.builtin import FunctionType, TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition
from xdsl.parser import Parser, UnresolvedOperand
from xdsl.printer import Printer
from xdsl.traits import OpTrait

from pullback.dialects.graph.op.checks import check_results, check_tensor
from pullback.dialects.graph.tensor import tensor as value
from pullback.dialects.graph.tensor.arrays import Array as Array
from pullback.dialects.graph.tensor.arrays import array_of, beside, is_array, is_number
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.tensor import Operand, Operators, Tensor
from pullback.dialects.graph.tensor.types import GraphError, numpy_dtype, shape_of_type
from pullback.dialects.ir.diagnostics import UnsupportedError
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.ir.operation_class import OperationClass
from pullback.dialects.ir.verified_once import verified_once
from pullback.process.registries import Registry

Properties: TypeAlias = Mapping[str, Attribute]
"""The properties of an operation, by name: its options."""
GradientTerms: TypeAlias = tuple[Tensor | None, ...]
"""The result of a gradient rule: the cotangent of each operand, or `None` where it has none."""

OPS: Registry[type[GraphOp]] = value.OPS
"""Every graph operation by name, of the graph dialect and of others, in the order of definition."""

OpT = TypeVar("OpT", bound="type[GraphOp]")


@overload
def graph_op(cls: OpT, /) -> OpT: ...
@overload
def graph_op(*, replace: bool) -> Callable[[OpT], OpT]: ...
def graph_op(cls: Any = None, /, *, replace: bool = False) -> Any:
    """Defines a graph operation (class decorator) and registers it, by its name, whose prefix is its dialect's.

    With `@graph_op(replace=True)` an operation that the program registered before under this name gives way.

    Raises:
        DuplicateError: there is another operation of this name.
        GraphError: there is no name, or it has no dialect.
        TypeError: the class is not derived from `GraphOp`.
    """

    def define(cls: OpT) -> OpT:
        if not (isinstance(cls, type) and issubclass(cls, GraphOp)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"graph_op: expected a class derived from GraphOp, got {cls!r}")
        if not isinstance(getattr(cls, "name", None), str):
            raise GraphError(
                f"operation {cls.__name__}: expected a name after that of a dialect, as in my.cube"
            )
        defined = verified_once(irdl_op_definition(cls))
        if not all(defined.name.partition(".")[::2]):
            raise GraphError(
                f"operation '{defined.name}': expected a name after that of a dialect, as in my.cube"
            )
        OPS.add(defined.name, defined, replace=replace)
        return defined

    return define if cls is None else define(cls)


class NotDifferentiable(OpTrait):
    """The operation has no gradient, and that is no error: requests get `None` for every operand."""


class Broadcasts(OpTrait):
    """Operands broadcast to the result's shape; the gradient engine sums each cotangent back to its operand's shape."""


class PassesSlices(OpTrait):
    """The gradient rule accepts indexed slices as cotangents; for every other rule they are made dense first."""


class SeesItsArguments(OpTrait):
    """Regions see only their arguments, as in IsolatedFromAbove, but share the names of values with the text around."""


class KeepsRows(OpTrait):
    """Rows of the result may be rows of an operand: then a cotangent of slices stays one, by `rows_back`."""


Rows: TypeAlias = "tuple[Tensor, Tensor]"
"""Rows of a tensor along its first axis, and their indices in it; -1 is the index of no row."""


class GraphOp(IRDLOperation, metaclass=OperationClass):
    """Base of the dialect. A subclass states its types (`infer`), its meaning (`numpy`) and its gradient."""

    EXAMPLES: ClassVar[tuple[str, ...]] = ()
    """Examples of the syntax, with the arguments and aliases of `graph/examples.py`."""
    SHAPE_OPERAND: ClassVar[int | None] = None
    """The position of the optional operand that holds the shape of a result whose type has a `?`."""
    TAKES: ClassVar[slice | None] = None
    """The operands whose elements the result's elements are, unchanged; `None` where elements are computed."""
    ADDS: ClassVar[slice | None] = None
    """The operands in which the result is linear with finite factors, so that zeros give zeros."""
    NOT_PRINTED: ClassVar[frozenset[str]] = frozenset()
    """Properties that the custom assembly format prints in its own way."""

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        """Infers the result types from the operand types; raises `GraphError` with the label of a broken constraint."""
        raise NotImplementedError(f"{cls.name}: result types are given, not inferred")

    @classmethod
    def emit(cls, operands: Sequence[SSAValue], properties: Properties | None = None) -> Self:
        """Builds the operation with inferred result types and inserts it at the current insertion point."""
        properties = properties or {}
        op = new_operation(
            cls,
            operands=operands,
            result_types=infer_cached(cls, tuple(v.type for v in operands), properties),
            properties=properties,
        )
        insert(op)
        return op

    @classmethod
    def emit_as(
        cls, operands: Sequence[SSAValue], result_type: Attribute, properties: Properties | None = None
    ) -> Tensor:
        """Builds and inserts the operation with this type of its only result, which is checked, not inferred."""
        op = new_operation(cls, operands=operands, result_types=[result_type], properties=properties or {})
        op.verify_()
        insert(op)
        return Tensor(op.results[0])

    @classmethod
    def of(cls, *args: Operand, **properties: Attribute) -> Tensor:
        """Emits the operation on these arguments, and returns its only result; numbers and arrays become constants."""
        return Tensor(cls.emit(as_values(args, cls.name), properties).results[0])

    @classmethod
    def examples(cls) -> Sequence[str]:
        """The examples of the syntax: `EXAMPLES`, unless a family generates them for all its operations."""
        return cls.EXAMPLES

    def verify_(self) -> None:
        expected = infer_cached(type(self), tuple(v.type for v in self._operands), self.properties)
        check_results(self, expected)

    def numpy(self, *operands: Array) -> Any:
        """Evaluates the operation on NumPy arrays: returns the result, or a tuple of results."""
        raise UnsupportedError(
            f"'{self.name}' has no meaning on NumPy arrays: its class defines no numpy()", self
        )

    @classmethod
    def has_meaning(cls) -> bool:
        """Tells whether the class says what the operation computes on NumPy arrays."""
        return cls.numpy is not GraphOp.numpy

    def rows_back(self, rows: Tensor, indices: Tensor) -> Sequence[Rows | None] | None:
        """Computes the cotangents of the operands from those of some rows of the result, as rows again.

        For operations with the trait `KeepsRows`. `None` for an operand without cotangent, and `None` altogether
        where rows of the result are no rows of the operands.

        Args:
            rows: the cotangents, of shape (n, *row).
            indices: of these rows in the result, of shape (n,); an index out of range names no row.
        """
        raise NotImplementedError(f"{self.name} keeps no rows")

    def shape_operand(self) -> SSAValue | None:
        """The operand that holds the shape of the result, where there is one."""
        at = self.SHAPE_OPERAND
        return None if at is None or len(self._operands) <= at else self._operands[at]

    def runtime_shape(self, operands: Sequence[Array]) -> tuple[int, ...]:
        """The shape of the result at run time: from the shape operand, where there is one, else from the type."""
        if self.shape_operand() is None:
            return shape_of_type(self.result_types[0])
        assert self.SHAPE_OPERAND is not None
        return tuple(map(int, operands[self.SHAPE_OPERAND]))

    # ---- text -------------------------------------------------------------------------------------------

    def print(self, printer: Printer) -> None:
        if self._operands:
            printer.print_string(" ")
            printer.print_list(self._operands, printer.print_operand)
        hidden = self.NOT_PRINTED
        shown = {k: v for k, v in self.properties.items() if k not in hidden} | self.attributes
        if shown:
            printer.print_op_attributes(shown)
        print_types(printer, [v.type for v in self._operands], self.result_types)

    @classmethod
    def has_results(cls) -> bool:
        return bool(cls.get_irdl_definition().results)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        operands = parse_operands(parser)
        attributes = parser.parse_optional_attr_dict()
        operand_types, result_types = parse_types(parser, len(operands), cls.has_results())
        position = parser.pos
        values = parser.resolve_operands(operands, operand_types, position)
        known = cls.get_irdl_definition().properties
        properties = {k: attributes.pop(k) for k in list(attributes) if k in known}
        return new_operation(
            cls, operands=values, result_types=result_types, properties=properties, attributes=attributes
        )


# ---- types: one line where they are all the same, a function type otherwise ---------------------------------


def print_types(printer: Printer, operands: Sequence[Attribute], results: Sequence[Attribute]) -> None:
    """Prints ` : T` if every operand and the only result has type T, else ` : (operands) -> results`.

    Without results just the operands' types: ` : T, U`.
    """
    printer.print_string(" : ")
    if not results:
        printer.print_list(operands, printer.print_attribute)
    elif len(results) == 1 and all(t is results[0] or t == results[0] for t in operands):
        printer.print_attribute(results[0])
    else:
        printer.print_function_type(operands, results)


def parse_types(
    parser: Parser, arity: int, has_results: bool = True
) -> tuple[Sequence[Attribute], Sequence[Attribute]]:
    """Parses the output of `print_types` for an operation with this many operands."""
    parser.parse_punctuation(":")
    if not has_results:
        return parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type), []
    type_ = parser.parse_type()
    if isinstance(type_, FunctionType):
        return type_.inputs.data, type_.outputs.data
    return [type_] * arity, [type_]


def parse_operands(parser: Parser) -> list[UnresolvedOperand]:
    """Parses `%a, %b`, or nothing."""
    operands = parser.parse_optional_undelimited_comma_separated_list(
        parser.parse_optional_unresolved_operand, parser.parse_unresolved_operand
    )
    return operands or []


# ---- types: inference, cached --------------------------------------------------------------------------------

_INFERRED: dict[tuple[object, ...], tuple[Sequence[Attribute], tuple[object, ...]]] = {}


def infer_cached(
    cls: type[GraphOp], operands: tuple[Attribute, ...], properties: Properties
) -> Sequence[Attribute]:
    """Caches `cls.infer` by the identity of its arguments (which the cache keeps alive)."""
    key = (cls, *map(id, operands), *map(id, properties.values()), *properties)
    known = _INFERRED.get(key)
    if known is None:
        if len(_INFERRED) > 200_000:
            _INFERRED.clear()
        results = cls.infer(operands, properties)
        for type_ in results:
            if isinstance(type_, TensorType):
                check_tensor(cls.name, type_, "the result")
        known = _INFERRED[key] = (results, (operands, dict(properties)))
    return known[0]


# ---- arguments ------------------------------------------------------------------------------------------------


def as_values(args: Sequence[Operand], op: str) -> list[SSAValue]:
    """Converts arguments to SSA values. Numbers and lists take the dtype of the last tensor among them."""
    if all(type(a) is Tensor for a in args):  # nearly always, and then there is nothing to convert
        return [a.value for a in cast("Sequence[Tensor]", args)]
    tensors = [a.as_tensor() if isinstance(a, Operators) else None for a in args]
    like = next((t for t in reversed(tensors) if t is not None), None)
    return [
        (t if t is not None else constant_like(a, like, op)).value for t, a in zip(tensors, args, strict=True)
    ]


def constant_like(data: Operand, like: Tensor | None, op: str) -> Tensor:
    """Emits `data` as a constant of `like`'s dtype; an array keeps its own dtype, which must be the same.

    NumPy's scalars count as numbers where they are of `like`'s kind, else as arrays.
    """
    if like is None:
        raise GraphError(f"{op}: at least one argument must be a tensor, to give the others its dtype")
    element_type = like.element_type
    dtype = numpy_dtype(element_type)
    data = beside(data, dtype, op)  # pyright: ignore[reportAssignmentType]
    if is_number(data):
        return value.OPS["graph.fill"].scalar(data, element_type)
    return value.OPS["graph.constant"].from_array(array_of(data, op, None if is_array(data) else dtype))
