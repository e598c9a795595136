"""Sparse gradients (indexed slices): passed back through operations that keep rows, and summed with others."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import i64
from xdsl.ir import Operation

from pullback.dialects.graph.by_index.gather import MakeSlices, SliceIndices, SliceValues, indices_of
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.movement.shapes import dynamic_shape
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType, is_static, shape_of_type, tensor_type
from pullback.passes.gradients.rule_registry import Rule, facts_of


def rows_of(value: Tensor) -> Tensor:
    """The value whose shape a gradient has: a tensor itself; of slices their rows."""
    return SliceValues.of(value) if isinstance(value.type, SlicesType) else value


def rows_passed(op: Operation, rule: Rule, dys: Sequence[Tensor | None]) -> Sequence[Tensor | None] | None:
    """Passes slices back through an operation that keeps rows: one gradient, slices too, for each operand.

    `None` if it does not keep rows (here or ever), if an override or a registered rule counts, or where the gradient
    that arrives is dense.
    """
    if not facts_of(type(op)).keeps_rows or rule is not getattr(type(op), "gradient", None):
        return None
    (dy,) = dys
    if dy is None or not isinstance(dy.type, SlicesType):
        return None
    assert isinstance(op, GraphOp)
    maker = dy.op if isinstance(dy.op, MakeSlices) else None
    rows = Tensor(maker.operands[0]) if maker is not None else SliceValues.of(dy)
    passed = op.rows_back(rows, indices_of(dy))
    if passed is None:
        return None
    return [
        None if part is None else MakeSlices.make(*part, Tensor(operand))
        for part, operand in zip(passed, op.operands, strict=True)
    ]


def with_common_indices(terms: Sequence[Tensor], like: Tensor) -> Sequence[Tensor]:
    """Casts the indices of slices among the terms of one sum to i64, where their dtypes differ."""
    dtypes = {t.type.indices_type.element_type for t in terms if isinstance(t.type, SlicesType)}
    return [_with_wide_indices(t, like) for t in terms] if len(dtypes) > 1 else terms


def _with_wide_indices(term: Tensor, like: Tensor) -> Tensor:
    type_ = term.type
    if not isinstance(type_, SlicesType) or type_.indices_type.element_type == i64:
        return term
    indices = Cast.to(SliceIndices.of(term), i64)
    shape = [] if is_static(type_.data_type) else dynamic_shape(like)
    wide = SlicesType(type_.values_type, tensor_type(i64, shape_of_type(type_.indices_type)), type_.data_type)
    return MakeSlices.emit_as([SliceValues.of(term).value, indices.value, *shape], wide)
