"""Host calls below level `kernels`: external functions (declarations) whose attributes state a graph operation.

    func.func private @main_host_0(memref<3x3xf32>, memref<3x3xf32>) attributes {graph.op = "graph.cholesky",
        graph.properties = {}, graph.operands = [tensor<3x3xf32>], graph.results = [tensor<3x3xf32>]}

Arguments are row-major memrefs of any offset: one for each operand, or two where it is slices (rows and indices), then
one for each result. So the text alone defines what a call does on every target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from weakref import finalize

from xdsl.dialects import func
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    IntegerType,
    MemRefType,
    StridedLayoutAttr,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, Block, Operation
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.graph.op.graph_op import OPS, GraphOp
from pullback.dialects.graph.tensor.types import SlicesType, element_type_of, is_static, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError

OPERATION = "graph.op"
PROPERTIES = "graph.properties"
OPERANDS = "graph.operands"
RESULTS = "graph.results"


def parts_of(type_: Attribute) -> list[Attribute]:
    """The tensor types that hold a value of this type in memory: rows and indices, for slices."""
    return [type_.values_type, type_.indices_type] if isinstance(type_, SlicesType) else [type_]


def memory_type(element_type: Attribute) -> Attribute:
    """The element type in memory: truth values take a byte, and integers are signless."""
    if isinstance(element_type, IntegerType):
        return IntegerType(max(element_type.width.data, 8))
    return element_type


def host_function(name: str, op: GraphOp, arguments: Sequence[MemRefType]) -> func.FuncOp:
    """Builds the declaration of the host function that runs an operation."""
    function = func.FuncOp.external(name, list(arguments), [])
    function.attributes |= {
        OPERATION: name_of_class(type(op)),
        PROPERTIES: DictionaryAttr(op.properties),
        OPERANDS: ArrayAttr([_written(v.type) for v in op.operands]),
        RESULTS: ArrayAttr([_written(r.type) for r in op.results]),
    }
    function.location = op.location
    return function


_CLASSES: dict[int, type[GraphOp]] = {}
"""The class of an operation by the identity of the attribute that names it, which copies of a module share."""


def name_of_class(cls: type[GraphOp]) -> StringAttr:
    """The name of operations, which stands for their class even if the name is given to another one later."""
    name = StringAttr(cls.name)
    if cls.name in OPS.added or OPS.registered.get(cls.name) is not cls:
        _CLASSES[id(name)] = cls
        finalize(name, _CLASSES.pop, id(name), None)
    return name


def _class_of(name: Attribute | None) -> type[GraphOp] | None:
    if not isinstance(name, StringAttr):
        return None
    return _CLASSES.get(id(name)) or OPS.get(name.data)


def is_host_function(op: Operation) -> bool:
    """Tells whether a function is the declaration of an operation that the host runs."""
    return isinstance(op, func.FuncOp) and not op.body.blocks and OPERATION in op.attributes


def operation_of(function: func.FuncOp) -> GraphOp:
    """Rebuilds the operation that a host function runs, on placeholder operands.

    Raises:
        DiagnosticError: the attributes name no operation, or one that does not verify.
    """
    attributes = function.attributes
    name, properties = attributes.get(OPERATION), attributes.get(PROPERTIES, DictionaryAttr({}))
    cls = _class_of(name)
    if cls is None:
        raise DiagnosticError(f"{OPERATION} is {name}: expected the name of a graph operation", function)
    if not isinstance(properties, DictionaryAttr):
        raise DiagnosticError(f"{PROPERTIES} is {properties}: expected a dictionary", function)
    op = cls.create(
        operands=Block(arg_types=_types(function, OPERANDS)).args,
        result_types=_types(function, RESULTS),
        properties=dict(properties.data),
    )
    op.location = function.location
    try:
        op.verify_()
    except (VerifyException, ValueError) as error:
        raise DiagnosticError(f"'{op.name}' as the attributes state it: {error}", function) from error
    _check_arguments(function, op)
    return op


def _check_arguments(function: func.FuncOp, op: GraphOp) -> None:
    """Checks that the arguments are memory of the operands' and results' types, which the host reads and writes."""
    given = function.function_type.inputs.data
    parts = [part for t in (*op.operand_types, *op.result_types) for part in parts_of(t)]
    if len(given) != len(parts):
        raise DiagnosticError(f"{len(given)} arguments for the {len(parts)} parts of '{op.name}'", function)
    for number, (argument, part) in enumerate(zip(given, parts, strict=True)):
        if not is_static(part):
            raise DiagnosticError(f"'{op.name}' works on {part}: in memory every extent is known", function)
        expected = MemRefType(memory_type(element_type_of(part)), shape_of_type(part))
        if not _is_row_of(argument, expected):
            raise DiagnosticError(
                f"argument {number} is {argument}, where '{op.name}' works on {part}: expected {expected}",
                function,
            )
    if outputs := function.function_type.outputs.data:
        raise DiagnosticError(
            f"'{op.name}' leaves its results in memory: expected none, got {outputs[0]}", function
        )


def _is_row_of(argument: Attribute, expected: MemRefType[Attribute]) -> bool:
    """Tells whether a memref type is the expected one up to its offset, as a row of a stack is."""
    if not isinstance(argument, MemRefType) or not isinstance(argument.layout, StridedLayoutAttr):
        return argument == expected
    shape = argument.get_shape()
    row_major = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return list(argument.layout.get_strides()) == row_major and expected == MemRefType(
        argument.element_type, shape, memory_space=argument.memory_space
    )


def written_positions(function: func.FuncOp) -> set[int]:
    """The positions of the arguments that a host function writes to: those of its results."""
    count = len(function.function_type.inputs)
    results = sum(len(parts_of(t)) for t in _types(function, RESULTS))
    return set(range(count - results, count))


def _written(type_: Attribute) -> Attribute:
    """Converts a type to one that upstream tools can read: slices become a list of three types."""
    return ArrayAttr(type_.parameters) if isinstance(type_, SlicesType) else type_


def _types(function: func.FuncOp, key: str) -> list[Attribute]:
    listed = function.attributes.get(key)
    if not isinstance(listed, ArrayAttr):
        raise DiagnosticError(f"{key} is {listed}: expected a list of types", function)
    return [_read(function, key, attribute) for attribute in listed.data]


def _read(function: func.FuncOp, key: str, attribute: Attribute) -> Attribute:
    match attribute:
        case TensorType():
            return attribute
        case ArrayAttr(data=(TensorType() as values, TensorType() as indices, TensorType() as data)):
            return SlicesType(values, indices, data)
        case _:
            raise DiagnosticError(
                f"{key} holds {attribute}: expected a tensor type, or three for slices", function
            )
