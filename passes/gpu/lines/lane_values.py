"""Neighbouring elements in one thread: vectors that are taken apart, for shuffles and shared memory, and made again."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import vector
from xdsl.dialects.builtin import DenseArrayBase, VectorType, i64
from xdsl.ir import Attribute

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.types import vector_type
from pullback.dialects.upstream.vector import FromElementsOp
from pullback.passes.gpu.point import Point
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.nodes import Node


def elements_of(value: Scalar) -> list[Scalar]:
    """The elements of a vector, or the one that a scalar is."""
    type_ = value.type
    if not isinstance(type_, VectorType):
        return [value]
    hint = value.value.name_hint
    return [
        Scalar(result_of(_extract(value, lane, type_.element_type), hint))
        for lane in range(type_.get_shape()[0])
    ]


def _extract(value: Scalar, lane: int, element_type: Attribute) -> vector.ExtractOp:
    return vector.ExtractOp.create(
        operands=[value.value],
        result_types=[element_type],
        properties={"static_position": DenseArrayBase.from_list(i64, [lane])},
    )


def joined(elements: Sequence[Scalar]) -> Scalar:
    """A vector of these elements; one of them stays a scalar."""
    first = elements[0]
    if len(elements) == 1:
        return first
    type_ = vector_type(first.type, len(elements))
    op = FromElementsOp.create(operands=[e.value for e in elements], result_types=[type_])
    return Scalar(result_of(op, first.value.name_hint))


def wide_values(point: Point, nodes: Sequence[Node]) -> list[Scalar]:
    """Nodes at a point: where it is several points side by side, a vector of each, also of what is the same there."""
    values = point.values(nodes)
    return [point.operand(node, as_vector=True) for node in nodes] if point.lanes > 1 else values


def know(point: Point, node: Node, value: Scalar) -> None:
    """Makes the value of a node known, of which there may be a vector though it is the same in all lanes."""
    is_wide = isinstance(value.type, VectorType) and not point.is_vector(node)
    point.known[node] = elements_of(value)[0] if is_wide else value
