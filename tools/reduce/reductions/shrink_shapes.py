"""Shrinks extents, everywhere at once: types that follow from others are inferred again."""

from __future__ import annotations

import math
from collections.abc import Callable

from xdsl.dialects import func
from xdsl.dialects.builtin import DYNAMIC_INDEX, ModuleOp, TensorType
from xdsl.ir import Attribute, Operation

from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.types import (
    data_type_of,
    element_type_of,
    is_static,
    shape_of_type,
    tensor_type,
)
from pullback.passes.shapes.shape_inference import ShapeInference, Types, retype
from pullback.tools.reduce.reductions.edit import Edit, ReductionKind, functions_in
from pullback.tools.reduce.reductions.retyping import Retyping


class _InferredAgain(ShapeInference):
    """Infers types without regard to those that are declared, but for results of calls."""

    def op(self, op: Operation) -> None:
        if not isinstance(op, func.CallOp):
            super().op(op)

    def settled(self, declared: Attribute, inferred: Attribute) -> Attribute:
        return inferred

    def types_of(self, op: GraphOp) -> Types:
        if isinstance(op, Reshape):
            type_, source = op.results[0].type, op.operands[0].type
            if is_static(type_) and is_static(source):
                return [_reshaped(type_, math.prod(shape_of_type(source)))]
        return super().types_of(op)


def _reshaped(type_: Attribute, size: int) -> Attribute:
    """A type of this number of elements: one extent is changed, where that is enough."""
    shape = shape_of_type(type_)
    if math.prod(shape) == size:
        return type_
    for axis in range(len(shape)):
        others = math.prod(n for at, n in enumerate(shape) if at != axis)
        if others and size % others == 0:
            extents = [size // others if at == axis else n for at, n in enumerate(shape)]
            return tensor_type(element_type_of(type_), extents)
    return type_


def _extents(module: ModuleOp) -> list[int]:
    """The different extents of a program above 1, the smallest first."""
    found: set[int] = set()
    for op in module.walk():
        for value in (*op.results, *(a for r in op.regions for b in r.blocks for a in b.args)):
            type_ = data_type_of(value.type)
            if isinstance(type_, TensorType):
                found.update(n for n in shape_of_type(type_) if n != DYNAMIC_INDEX)
    return sorted(n for n in found if n > 1)


def _edits(to: int) -> Callable[[ModuleOp], list[Edit]]:
    def edits(module: ModuleOp) -> list[Edit]:
        def of(extent: int) -> Edit:
            return lambda: shrink(module, extent, to)

        return [of(extent) for extent in _extents(module) if extent > to]

    return edits


def shrink(module: ModuleOp, extent: int, to: int) -> None:
    """Replaces an extent by another in all types, and infers those that follow from others.

    Raises:
        GraphError: an operation is not defined on these types.
    """
    Retyping(lambda n: to if n == extent else n).run(module)
    for function in functions_in(module):
        _InferredAgain().block(function.body.block)
        function.update_function_type()


def _static(module: ModuleOp) -> list[Edit]:
    """Each `?` becomes 2, in all types at once."""

    def edit() -> None:
        for op in module.walk():
            for value in (*op.results, *(a for r in op.regions for b in r.blocks for a in b.args)):
                if isinstance(type_ := value.type, TensorType) and not is_static(type_):
                    extents = (2 if n == DYNAMIC_INDEX else n for n in shape_of_type(type_))
                    retype(value, tensor_type(element_type_of(type_), extents))
        for function in functions_in(module):
            _InferredAgain().block(function.body.block)
            function.update_function_type()

    return [edit]


SHAPES = (
    *(ReductionKind(f"shrink extents to {to}", _edits(to)) for to in (1, 2, 3, 4)),
    ReductionKind("make shapes static", _static),
)
