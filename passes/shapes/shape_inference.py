"""Shape inference: result types from operand types, in one walk through a block, its loops and its kernels.

Integers that shapes are computed from are folded along the way (constant propagation), so that a shape operand becomes
part of its result's type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import DYNAMIC_INDEX, TensorType
from xdsl.ir import Attribute, Block, Operation, SSAValue

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.gradient.custom_gradient import CustomGradient
from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.movement.shapes import Reshape, ShapeOf, Size
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.stacks import EmptyStack, Push
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.types import (
    GraphError,
    SlicesType,
    StackType,
    data_type_of,
    differentiable_type,
    element_type_of,
    format_shape,
    gradient_type_of,
    is_integer,
    is_static,
    shape_of_type,
    tensor_type,
)
from pullback.passes.shapes.type_lattice import refined, widened

Integers = npt.NDArray[Any]
Types = Sequence[Attribute]
FEW = 64
"""Elements up to which integers are computed: extents, not data."""


def infer_block(block: Block) -> None:
    """Infers the type of every result in a block.

    Raises:
        GraphError: an operation is not defined on its operands' types; `error.op` is the operation.
    """
    ShapeInference().block(block)
    for op in block.walk():
        _drop_shape_operand(op)
        if isinstance(op, GraphOp) and not op.regions:
            _check(op)


def _check(op: GraphOp) -> None:
    """Checks declared result types against the operands' types, which are known now."""
    try:
        op.verify_()
    except GraphError as error:
        error.op = op  # pyright: ignore[reportAttributeAccessIssue]
        raise


class ShapeInference:
    """Infers a block, operation by operation; a subclass may settle what a result's type is otherwise."""

    def __init__(self) -> None:
        self.integers: dict[SSAValue, Integers] = {}

    def block(self, block: Block) -> None:
        for op in list(block.ops):
            try:
                self.op(op)
            except GraphError as error:
                if not hasattr(error, "op"):
                    error.op = op  # pyright: ignore[reportAttributeAccessIssue]  what the diagnostic points at
                raise

    def op(self, op: Operation) -> None:
        if isinstance(op, While):
            self.loop(op)
        elif isinstance(op, Kernel):
            self.kernel(op)
        elif isinstance(op, CustomGradient):
            self.custom_gradient(op)
        elif isinstance(op, GraphOp) and op.results:
            for result, type_ in zip(op.results, self.types_of(op), strict=True):
                retype(result, self.settled(result.type, type_))
            self.compute_integers(op)
        elif isinstance(op, func.CallOp):
            raise GraphError(f"{op.name}: no shapes are known of a call: run inline-calls first")

    def settled(self, declared: Attribute, inferred: Attribute) -> Attribute:
        """The type of a result: what is inferred, with extents that only the declared one knows."""
        return refined(declared, inferred)

    def types_of(self, op: GraphOp) -> Types:
        own = INFER.get(type(op))
        if own is not None:
            return own(self, op)
        if type(op).SHAPE_OPERAND is not None:
            return _shaped(self, op)
        return type(op).infer(op.operand_types, op.properties)

    # ---- regions --------------------------------------------------------------------------------------------

    def kernel(self, op: Kernel) -> None:
        for argument, operand in zip(op.body.block.args, op.operands, strict=True):
            retype(argument, operand.type)
        self.block(op.body.block)
        last = op.body.block.last_op
        assert last is not None
        for result, value in zip(op.results, last.operands, strict=True):
            retype(result, value.type)

    def custom_gradient(self, op: CustomGradient) -> None:
        """Infers the region, whose arguments are the gradients of the values."""
        arriving = [gradient_type_of(v.type) for v in op.values if differentiable_type(v.type)]
        for argument, type_ in zip(op.backward.block.args, arriving, strict=True):
            retype(argument, type_)
        self.block(op.backward.block)
        for result, value in zip(op.results, op.values, strict=True):
            retype(result, value.type)

    def loop(self, op: While) -> None:
        """Infers a loop to a fixed point: an extent that changes from trip to trip is widened to `?`."""
        condition, body = op.condition.block, op.body.block
        types = [v.type for v in op.operands]
        empty = [isinstance(v.owner, EmptyStack) for v in op.operands]
        declared = {r: r.type for o in (*condition.walk(), *body.walk()) for r in o.results}
        while True:
            for arguments in (condition.args, body.args):
                for argument, type_ in zip(arguments, types, strict=True):
                    retype(argument, type_)
            for value, type_ in declared.items():
                retype(value, type_)
            self.block(condition)
            self.block(body)
            last = body.last_op
            assert last is not None
            # An empty stack holds whatever is pushed first; from then on it is as any other value.
            wider = [
                y.type if e else widened(t, y.type)
                for t, y, e in zip(types, last.operands, empty, strict=True)
            ]
            empty = [False] * len(empty)
            if wider == types:
                break
            types = wider
        op.operands = [_as_type(v, t, op) for v, t in zip(op.operands, types, strict=True)]
        for result, type_ in zip(op.results, types, strict=True):
            retype(result, type_)

    # ---- integers that shapes are computed from ---------------------------------------------------------------

    def compute_integers(self, op: GraphOp) -> None:
        """Folds an operation on known integers, and keeps the results."""
        for result in op.results:
            self.integers.pop(result, None)
        if isinstance(op, ShapeOf | Size):
            type_ = op.operands[0].type
            if is_static(type_):
                shape = shape_of_type(type_)
                known = shape if isinstance(op, ShapeOf) else math.prod(shape)
                self.integers[op.results[0]] = np.array(known, np.int64)
            return
        if isinstance(op, VariableOp) or not all(_is_few_integers(r.type) for r in op.results):
            return
        arrays = [self.integers.get(v) for v in op.operands]
        if any(a is None for a in arrays):
            return
        with np.errstate(all="ignore"):
            made: Any = op.numpy(*cast("list[Integers]", arrays))
        values = [made] if len(op.results) == 1 else made
        for result, value in zip(op.results, values, strict=True):
            self.integers[result] = np.asarray(value)

    def shape_given(self, op: GraphOp, shape: Sequence[int]) -> tuple[int, ...]:
        """`shape`, refined by the shape operand of an operation, where that is known."""
        given = op.shape_operand()
        known = None if given is None else self.integers.get(given)
        if known is None:
            return tuple(shape)
        if any(n not in (DYNAMIC_INDEX, int(k)) and int(k) >= 0 for n, k in zip(shape, known, strict=True)):
            raise GraphError(
                f"{op.name}: shape_c4: the shape operand is {format_shape(known.tolist())}, the result has "
                f"{format_shape(shape)}"
            )
        return tuple(int(k) if n == DYNAMIC_INDEX else n for n, k in zip(shape, known, strict=True))


def _is_few_integers(type_: Attribute) -> bool:
    if not isinstance(type_, TensorType) or not is_integer(type_.element_type):
        return False
    return is_static(type_) and math.prod(shape_of_type(type_)) <= FEW


# ---- operations whose result type is given ------------------------------------------------------------------


def _as_declared(inference: ShapeInference, op: Operation) -> Types:
    return op.result_types


def _cast(inference: ShapeInference, op: Operation) -> Types:
    return [tensor_type(element_type_of(op.results[0].type), shape_of_type(op.operands[0].type))]


def _shaped(inference: ShapeInference, op: GraphOp) -> Types:
    type_ = op.results[0].type
    return [tensor_type(element_type_of(type_), inference.shape_given(op, shape_of_type(type_)))]


def _reshape(inference: ShapeInference, op: Operation) -> Types:
    """Refines a reshape by its shape operand; a single `?` follows from the number of elements."""
    assert isinstance(op, Reshape)
    (type_,) = _shaped(inference, op)
    shape, source = list(shape_of_type(type_)), op.operands[0].type
    if shape.count(DYNAMIC_INDEX) == 1 and is_static(source):
        others = math.prod(n for n in shape if n != DYNAMIC_INDEX)
        size = math.prod(shape_of_type(source))
        if others and size % others:
            raise GraphError(f"{op.name}: shape_c3: {size} elements do not fit {format_shape(shape)}")
        if others:
            shape[shape.index(DYNAMIC_INDEX)] = size // others
    return [tensor_type(element_type_of(type_), shape)]


def _make_slices(inference: ShapeInference, op: Operation) -> Types:
    declared = op.results[0].type
    assert isinstance(op, MakeSlices)
    assert isinstance(declared, SlicesType)
    dense = inference.shape_given(op, shape_of_type(declared.data_type))
    values, indices = (v.type for v in op.operands[:2])
    assert isinstance(values, TensorType)
    assert isinstance(indices, TensorType)
    return [SlicesType(values, indices, tensor_type(element_type_of(values), dense))]


def _push(inference: ShapeInference, op: Operation) -> Types:
    """A stack holds values of the type that is pushed."""
    return [StackType(op.operands[1].type)]


def _gradients(inference: ShapeInference, op: Operation) -> Types:
    """Infers requests for gradients: as declared, but a dense gradient has the shape of its x."""
    assert isinstance(op, Gradients)
    return [
        r.type if isinstance(r.type, SlicesType) else data_type_of(x.type)
        for x, r in zip(op.xs, op.results, strict=True)
    ]


INFER: dict[type[GraphOp], Callable[[ShapeInference, Operation], Types]] = {
    VariableOp: _as_declared,
    EmptyStack: _as_declared,
    Cast: _cast,
    Reshape: _reshape,
    MakeSlices: _make_slices,
    Push: _push,
    Gradients: _gradients,
}
"""Inference of operations whose class does not infer its result types."""


def _drop_shape_operand(op: Operation) -> None:
    """Drops shape operands where the result's type is static: they say nothing more."""
    if not isinstance(op, GraphOp) or op.shape_operand() is None:
        return
    if is_static(data_type_of(op.results[0].type)):
        op.operands = op.operands[: op.SHAPE_OPERAND]


# ---- types of values ----------------------------------------------------------------------------------------


def retype(value: SSAValue, type_: Attribute) -> None:
    """Gives a value another type, as xDSL's rewriter does."""
    value._type = type_  # pyright: ignore[reportPrivateUsage]


def _as_type(value: SSAValue, type_: Attribute, user: Operation) -> SSAValue:
    """Gives a user of an empty stack one of the type that it needs; other users may need other types."""
    if value.type == type_ or not isinstance(value.owner, EmptyStack):
        return value
    empty = EmptyStack.create(
        result_types=[type_], attributes=value.owner.attributes, location=value.owner.location
    )
    assert user.parent is not None
    user.parent.insert_op_before(empty, user)
    return empty.results[0]
