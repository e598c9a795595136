"""Shapes that are known, and movements of elements that cancel or merge."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import SSAValue

from pullback.dialects.graph.creation import Fill
from pullback.dialects.graph.elementwise import Identity, Negative, StopGradient
from pullback.dialects.graph.exponential import Exp, Log
from pullback.dialects.graph.families import Elementwise
from pullback.dialects.graph.pieces import Concat, Split, SplitLike
from pullback.dialects.graph.reductions import Sum
from pullback.dialects.graph.shapes import (
    BroadcastTo,
    ExpandDims,
    Reshape,
    Reshaping,
    ShapeOf,
    SumTo,
    Transpose,
    integer_list,
    integers,
)
from pullback.dialects.graph.trigonometric import Tanh
from pullback.dialects.graph.types import is_static, shape_of_type
from pullback.dialects.graph.value import Tensor
from pullback.passes.simplify.matching import Folded, folds, full_like, producer, same_type


@folds(Reshape, BroadcastTo, SumTo)
def own_shape(op: Reshaping) -> Folded:
    """A tensor in the shape that it has."""
    if not same_type(op.x.type, op.results[0].type):
        return None
    if is_static(op.x.type):
        return op.x
    shape = producer(Tensor(op.operands[1]), ShapeOf) if len(op.operands) > 1 else None
    return op.x if shape is not None and shape.operands[0] is op.x.value else None


@folds(Reshape, BroadcastTo, SumTo)
def known_shape(op: Reshaping) -> Folded:
    """A shape operand says nothing that a static type does not."""
    result = op.results[0].type
    return type(op).to(op.x, shape_of_type(result)) if len(op.operands) > 1 and is_static(result) else None


@folds(Fill)
def known_fill_shape(op: Fill) -> Folded:
    """The same for a fill."""
    result = op.results[0].type
    return full_like(op.number, result) if len(op.operands) and is_static(result) else None


@folds(ShapeOf)
def shape_without_values(op: ShapeOf) -> Folded:
    """The shape of what keeps the shape, or is given one, needs no values."""
    x = Tensor(op.operands[0])
    source = next((s for c in _KEEPS if (s := producer(x, c)) is not None), None)
    if source is not None:
        return ShapeOf.of(Tensor(source.operands[0]))
    given: SSAValue | None = None
    if (fill := producer(x, Fill)) is not None and len(fill.operands):
        given = fill.operands[0]
    for cls in (BroadcastTo, SumTo):
        if (shaped := producer(x, cls)) is not None and len(shaped.operands) > 1:
            given = shaped.operands[1]
    return Tensor(given) if given is not None and same_type(given.type, op.results[0].type) else None


_KEEPS: tuple[type[Elementwise], ...] = (Negative, Exp, Log, Tanh, Identity, StopGradient)


@folds(Reshape)
def reshape_of_reshape(op: Reshape) -> Folded:
    """Only the last shape counts."""
    inner = producer(op.x, Reshape) or producer(op.x, ExpandDims)
    if inner is None or not is_static(op.results[0].type):
        return None
    return Reshape.to(Tensor(inner.operands[0]), shape_of_type(op.results[0].type))


@folds(ExpandDims)
def expanded_twice(op: ExpandDims) -> Folded:
    """New axes at once, or as part of the reshape before."""
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
    """The second broadcast repeats the source as well."""
    inner = producer(op.x, BroadcastTo)
    if inner is None:
        return None
    made = BroadcastTo.emit_as([inner.operands[0], *op.operands[1:]], op.results[0].type)
    return made


@folds(Reshape, BroadcastTo, ExpandDims, Transpose)
def fill_in_another_shape(op: Reshaping | ExpandDims | Transpose) -> Folded:
    """One value everywhere, in whatever shape."""
    fill = producer(Tensor(op.operands[0]), Fill)
    return (
        full_like(fill.number, op.results[0].type)
        if fill is not None and is_static(op.results[0].type)
        else None
    )


@folds(Transpose)
def transposed_twice(op: Transpose) -> Folded:
    """Two orders are one; the order as it is changes nothing."""
    order = op.order
    x = Tensor(op.operands[0])
    if order == list(range(len(order))):
        return x
    inner = producer(x, Transpose)
    if inner is None:
        return None
    before = inner.order
    return Transpose.of(Tensor(inner.operands[0]), permutation=integers([before[i] for i in order]))


@folds(SumTo)
def sum_to_known_shape(op: SumTo) -> Folded:
    """With static shapes it is known which axes are summed over."""
    source, target = op.x.extents, shape_of_type(op.results[0].type)
    if not is_static(op.x.type) or not is_static(op.results[0].type):
        return None
    new = len(source) - len(target)
    repeated = [i + new for i, n in enumerate(target) if n == 1 and source[i + new] != 1]
    if not new:
        return Sum.over(op.x, repeated, keepdims=True)
    summed = Sum.over(op.x, [*range(new), *repeated])
    return Reshape.to(summed, target) if repeated else summed


# ---- several tensors and one --------------------------------------------------------------------------------


@folds(Concat)
def concat_of_one(op: Concat) -> Folded:
    """One piece is the whole."""
    return Tensor(op.operands[0]) if len(op.operands) == 1 else None


@folds(SplitLike)
def split_at_known_places(op: SplitLike) -> Folded:
    """Pieces of static sizes."""
    assert isinstance(op.axis, IntegerAttr)
    axis = op.axis.value.data
    if not all(is_static(v.type) for v in op.operands):
        return None
    sizes = [shape_of_type(r.type)[axis] for r in op.results]
    made = Split.emit([op.operands[0]], {"axis": op.axis, "sizes": integers(sizes)})
    return [Tensor(r) for r in made.results]


@folds(Split)
def split_of_concat(op: Split) -> Folded:
    """The pieces that were put together; one piece is the whole; a fill falls into fills."""
    x = Tensor(op.operands[0])
    types = [r.type for r in op.results]
    if len(types) == 1 and same_type(types[0], x.type):
        return x
    if (fill := producer(x, Fill)) is not None and all(map(is_static, types)):
        return [full_like(fill.number, t) for t in types]
    joined = producer(x, Concat)
    if joined is None or joined.axis != op.axis or len(joined.operands) != len(types):
        return None
    if not all(is_static(t) and same_type(v.type, t) for v, t in zip(joined.operands, types, strict=True)):
        return None
    return [Tensor(v) for v in joined.operands]
