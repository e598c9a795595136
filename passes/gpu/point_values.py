"""The nodes of a kernel as code in one thread: each is computed where it is first needed, and once there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import reduce

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.families import Elementwise
from pullback.dialects.graph.op.scalar import Scalar, constant, emit
from pullback.dialects.upstream.arith import IndexCastOp
from pullback.passes.gpu.point import Point, Rows
from pullback.passes.lowering.nodes import Compute, Fixed, Load, Node, OneHot, Output, cone


class Values:
    """What is known at one point: its own nodes, and those of the row around it."""

    def __init__(self, point: Point, around: Values | None = None) -> None:
        self.point = point
        self.known: dict[Node, Scalar] = dict(around.known) if around is not None else {}

    def of(self, nodes: Sequence[Node]) -> list[Scalar]:
        """These nodes; what they are computed from must be loads, numbers, or known."""
        for node in cone(nodes, self.known.__contains__):
            if node not in self.known:
                self.known[node] = self._computed(node)
        return [self.known[node] for node in nodes]

    def prepare(self, nodes: Sequence[Node], changing: Collection[int]) -> None:
        """Compute whatever these nodes need that does not change along these dims."""
        needed = cone(nodes, self.known.__contains__)
        self.of([n for n in needed if not isinstance(n, Fixed) and not n.dims & frozenset(changing)])

    def store(self, store: Callable[[int, Affine, Scalar], None], outputs: Sequence[Output]) -> None:
        """Compute outputs, and only then store them: one may take the place of an input."""
        for output, value in zip(outputs, self.of([o.node for o in outputs]), strict=True):
            store(output.result, output.offset, value)

    def _computed(self, node: Node) -> Scalar:
        operands = [self.known[operand] for operand in node.operands]
        match node:
            case Fixed():
                return constant(node.number, node.element_type)
            case Load():
                rows = Rows(operands[0], node.rows, node.row_stride) if operands else None
                return self.point.load(node.argument, node.offset, rows)
            case OneHot():
                (hot,) = operands
                column = emit(IndexCastOp, hot.type, Scalar(self.point.place(node.column)))
                return hot.equal(column).cast(node.element_type)
            case Compute():
                op = node.op
                return op.body(*operands) if isinstance(op, Elementwise) else reduce(Scalar.__add__, operands)
            case _:
                raise AssertionError(f"{node} must be known before it is used")
