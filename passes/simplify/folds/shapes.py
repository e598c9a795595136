"""Folds known shapes, and reshapes, broadcasts and transposes that cancel or compose."""

from __future__ import annotations

from xdsl.ir import OpResult

from pullback.dialects.graph.along_axes.axis_families import AlongAxis
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.movement.rearranging import ExpandDims, Squeeze, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape, Reshaping, ShapeOf, SumTo
from pullback.dialects.graph.op.families import Unary
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.attributes import integer_list
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static, shape_of_type
from pullback.passes.simplify.matching import Folded, folds, full_like, producer, same_type


@folds(Reshape, BroadcastTo, SumTo)
def own_shape(op: Reshaping) -> Folded:
    """A change of shape to the same static shape is the operand."""
    if not same_type(op.x.type, op.results[0].type):
        return None
    if is_static(op.x.type):
        return op.x
    shape = producer(Tensor(op.operands[1]), ShapeOf) if len(op.operands) > 1 else None
    return op.x if shape is not None and shape.operands[0] is op.x.value else None


@folds(Reshape, BroadcastTo, SumTo)
def known_shape(op: Reshaping) -> Folded:
    """Drops a shape operand where the result's type is static."""
    result = op.results[0].type
    return type(op).to(op.x, shape_of_type(result)) if len(op.operands) > 1 and is_static(result) else None


@folds(Fill)
def known_fill_shape(op: Fill) -> Folded:
    """Drops the shape operand of a fill where its type is static."""
    result = op.results[0].type
    return full_like(op.number, result) if len(op.operands) and is_static(result) else None


@folds(ShapeOf)
def shape_without_values(op: ShapeOf) -> Folded:
    """The shape of an elementwise result is that of its operand; where a shape is given, it is that."""
    value = op.operands[0]
    source = value.op if isinstance(value, OpResult) else None
    if isinstance(source, Unary | AlongAxis):
        return ShapeOf.of(Tensor(source.operands[0]))
    # The shape that a reshape is given may leave an extent to be inferred.
    if not isinstance(source, GraphOp) or isinstance(source, Reshape):
        return None
    given = source.shape_operand()
    return Tensor(given) if given is not None and same_type(given.type, op.results[0].type) else None


@folds(Reshape)
def reshape_of_reshape(op: Reshape) -> Folded:
    """A reshape of a reshape is one reshape."""
    inner = producer(op.x, Reshape) or producer(op.x, ExpandDims)
    if inner is None or not is_static(op.results[0].type):
        return None
    return Reshape.to(Tensor(inner.operands[0]), shape_of_type(op.results[0].type))


@folds(ExpandDims)
def expanded_twice(op: ExpandDims) -> Folded:
    """`expand_dims` of `expand_dims` is one; of a reshape it is a reshape."""
    axes = integer_list(op.properties, "axes")
    x = Tensor(op.operands[0])
    if not axes:
        return x
    if (reshape := producer(x, Reshape)) is not None and is_static(op.results[0].type):
        return Reshape.to(reshape.x, shape_of_type(op.results[0].type))
    inner = producer(x, ExpandDims)
    if inner is None:
        return None
    kept = [i for i in range(x.ndim + len(axes)) if i not in axes]
    earlier = [kept[i] for i in integer_list(inner.properties, "axes")]
    return ExpandDims.at(Tensor(inner.operands[0]), sorted([*axes, *earlier]))


@folds(BroadcastTo)
def broadcast_twice(op: BroadcastTo) -> Folded:
    """A broadcast of a broadcast is one broadcast."""
    inner = producer(op.x, BroadcastTo)
    if inner is None:
        return None
    made = BroadcastTo.emit_as([inner.operands[0], *op.operands[1:]], op.results[0].type)
    return made


@folds(BroadcastTo)
def new_axes_in_front(op: BroadcastTo) -> Folded:
    """A broadcast of new leading axes needs no `expand_dims`: it adds them by itself."""
    inner = producer(op.x, ExpandDims)
    if inner is None or not is_static(op.results[0].type):
        return None
    axes = integer_list(inner.properties, "axes")
    if axes != list(range(len(axes))):
        return None
    return BroadcastTo.to(Tensor(inner.operands[0]), shape_of_type(op.results[0].type))


@folds(Squeeze)
def squeeze_of_static_shape(op: Squeeze) -> Folded:
    """A squeeze of static shape is a reshape, which composes with others."""
    result = op.results[0].type
    return (
        Reshape.to(Tensor(op.operands[0]), shape_of_type(result)) if is_static(op.operands[0].type) else None
    )


@folds(Squeeze, ExpandDims)
def axes_there_and_back(op: Squeeze | ExpandDims) -> Folded:
    """`squeeze` of the axes that `expand_dims` has added cancels it, and the converse."""
    inner = producer(Tensor(op.operands[0]), Squeeze if isinstance(op, ExpandDims) else ExpandDims)
    if inner is None or inner.axes != op.axes or not same_type(inner.operands[0].type, op.results[0].type):
        return None
    return Tensor(inner.operands[0])


@folds(Transpose)
def transposed_twice(op: Transpose) -> Folded:
    """A transpose of a transpose is one; the identity permutation is the operand."""
    order = op.order
    x = Tensor(op.operands[0])
    if order == list(range(len(order))):
        return x
    inner = producer(x, Transpose)
    if inner is None:
        return None
    before = inner.order
    return Transpose.ordered(Tensor(inner.operands[0]), [before[i] for i in order])


@folds(SumTo)
def sum_to_known_shape(op: SumTo) -> Folded:
    """`sum_to` of static shapes is a sum over known axes."""
    source, target = op.x.extents, shape_of_type(op.results[0].type)
    if not is_static(op.x.type) or not is_static(op.results[0].type):
        return None
    new = len(source) - len(target)
    repeated = [i + new for i, n in enumerate(target) if n == 1 and source[i + new] != 1]
    if not new:
        return Sum.over(op.x, repeated, keepdims=True)
    summed = Sum.over(op.x, [*range(new), *repeated])
    return Reshape.to(summed, target) if repeated else summed
