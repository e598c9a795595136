"""`specialize-shapes`: makes all shapes static, given those of the arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import DYNAMIC_INDEX, ModuleOp, TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.types import (
    GraphError,
    VariableType,
    compatible_shapes,
    element_type_of,
    format_shape,
    is_static,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.shapes.shape_inference import infer_block

Shape = Sequence[int]
ENTRY = "main"
SCALAR = "scalar"
AS_DECLARED = "_"
LARGEST = 2**63 - 1
"""Elements that an index can count."""


class SpecializationError(DiagnosticError, ValueError):
    """The shapes given do not fit the function."""


@dataclass(frozen=True)
class SpecializeShapes(ModulePass):
    """Specialises `@main` to static shapes of its arguments, and infers every other shape from them.

    Shape operands that have become known are dropped; `canonicalize` then folds what is left of shape arithmetic.
    """

    name = "specialize-shapes"

    main: tuple[str | int, ...] = ()
    """One shape per argument: extents joined by `x`, `scalar` for rank 0, `_` for the declared shape (`4x64,32,_`)."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = next((o for o in op.ops if isinstance(o, func.FuncOp) and o.sym_name.data == ENTRY), None)
        if function is None:
            raise SpecializationError(f"specialize-shapes: the module has no function @{ENTRY}", op)
        written = [str(s) for s in self.main]
        specialize(function, [_shape_from(text, i, function) for i, text in enumerate(written)])


def _shape_from(text: str, index: int, function: func.FuncOp) -> Shape | None:
    if text == AS_DECLARED:
        return None
    parts = [] if text == SCALAR else text.split("x")
    if not all(p.isascii() and p.isdecimal() for p in parts):
        raise SpecializationError(
            f"specialize-shapes: shape {index} is '{text}': expected extents joined by x as in 4x64, '{SCALAR}', or "
            f"'{AS_DECLARED}' for the declared shape",
            function,
        )
    shape = [int(p) for p in parts]
    if prod(max(n, 1) for n in shape) > LARGEST:
        raise SpecializationError(
            f"specialize-shapes: shape {index} is '{text}': expected at most {LARGEST} elements", function
        )
    return shape


def specialize(function: func.FuncOp, shapes: Sequence[Shape | None]) -> None:
    """Specialises the types of a function, in place, to arguments of these shapes.

    Args:
        function: of levels 1 to 3, of one block.
        shapes: one per argument; `None` keeps what its type declares.

    Raises:
        SpecializationError: for a wrong number of shapes, one that does not fit its argument's type, or shapes on
            which an operation of the function is not defined. The function may then be partly rewritten.
    """
    block = function.body.block
    if len(shapes) != len(block.args):
        raise SpecializationError(
            f"specialize-shapes: {len(shapes)} shapes for the {len(block.args)} arguments of "
            f"@{function.sym_name.data}: give one per argument, '{AS_DECLARED}' for the declared shape",
            function,
        )
    for argument, shape in zip(block.args, shapes, strict=True):
        if shape is not None:
            _retype_argument(argument, tuple(shape), function)
    try:
        infer_block(block)
    except GraphError as error:
        given = ", ".join(str(a.type) for a in block.args)
        raise SpecializationError(
            f"specialize-shapes: @{function.sym_name.data} is not defined on ({given}): {error}",
            getattr(error, "op", function),
        ) from error
    function.update_function_type()


def is_specialized(function: func.FuncOp, shapes: Sequence[Shape | None]) -> bool:
    """Tells whether `specialize` would change nothing: all shapes are static, and no operand says one again.

    Functions with slices or stacks are not looked into: of these it is not told.
    """
    arguments = function.body.block.args
    if len(shapes) != len(arguments) or not all(
        shape is None
        or (isinstance(argument.type, TensorType) and tuple(shape) == shape_of_type(argument.type))
        for argument, shape in zip(arguments, shapes, strict=True)
    ):
        return False
    static: dict[int, bool] = {}  # types are shared by many values
    for op in operations_within(function):
        if isinstance(op, GraphOp) and op.shape_operand() is not None:
            return False
        inner = (argument for region in op.regions for block in region.blocks for argument in block.args)
        for value in (*op.results, *inner):
            known = static.get(id(value.type))
            if known is None:
                known = static[id(value.type)] = _is_static(value.type)
            if not known:
                return False
    return True


def _is_static(type_: Attribute) -> bool:
    data = type_.data_type if isinstance(type_, VariableType) else type_
    return isinstance(data, TensorType) and is_static(data)  # pyright: ignore[reportUnknownArgumentType]


def _retype_argument(argument: SSAValue, shape: tuple[int, ...], function: func.FuncOp) -> None:
    declared = argument.type
    if not isinstance(declared, TensorType):
        raise SpecializationError(
            f"specialize-shapes: argument '{name_of_value(argument)}' is {declared}, which has no shape: use "
            f"'{AS_DECLARED}'",
            function,
        )
    if DYNAMIC_INDEX in shape or not compatible_shapes(shape, shape_of_type(declared)):
        raise SpecializationError(
            f"specialize-shapes: argument '{name_of_value(argument)}' is {declared}, which shape "
            f"{format_shape(shape)} does not fit",
            function,
        )
    argument._type = tensor_type(element_type_of(declared), shape)  # pyright: ignore[reportPrivateUsage]  as xDSL's rewriter


__all__ = ["SpecializationError", "SpecializeShapes", "is_specialized", "specialize"]
