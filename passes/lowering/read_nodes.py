"""From the region of a kernel to nodes: every operation family says where its operands are read."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import BlockArgument, Operation, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.gradient.markers import Accumulate, AddN
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.movement.split_concat import Split
from pullback.dialects.graph.op.affine import Affine, Position, delinearize, linear, row_major_strides
from pullback.dialects.graph.op.families import Elementwise
from pullback.dialects.graph.tensor.attributes import integer_list
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type
from pullback.dialects.ir.dense import is_uniform
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.lowering.nodes import Compute, Contraction, Fixed, Load, Node, OneHot, Reduce
from pullback.passes.lowering.space import Space

Request: TypeAlias = tuple[SSAValue, Position]
Rule: TypeAlias = Generator[Request, Node, Node]
"""Asks for the elements that an operation reads, one by one, and returns what it makes of them."""


class Builder:
    """Makes one node for each value and position that is asked for."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._known: dict[Request, Node] = {}

    def node(self, value: SSAValue, position: Position) -> Node:
        """The element of a value at a position. Long chains of operations are followed without recursion."""
        if (value, position) in self._known:
            return self._known[value, position]
        pending = [((value, position), self._rule(value, position))]
        answer: Node | None = None
        while pending:
            request, rule = pending[-1]
            try:
                wanted = rule.send(answer)  # pyright: ignore[reportArgumentType] None starts a generator
            except StopIteration as done:
                answer = self._known[request] = done.value
                pending.pop()
                continue
            answer = self._known.get(wanted)
            if answer is None:
                pending.append((wanted, self._rule(*wanted)))
        assert answer is not None
        return answer

    def _rule(self, value: SSAValue, position: Position) -> Rule:
        if isinstance(value, BlockArgument):
            return self._input(value, position)
        op = value.owner
        assert isinstance(op, Operation)
        for family in type(op).__mro__:
            if family in RULES:
                return RULES[family](self, op, value, position)
        raise DiagnosticError(f"'{op.name}' has no place inside a kernel on the CPU", self.space.kernel)

    def _input(self, value: BlockArgument, position: Position) -> Rule:
        return self._load(value, linear(position, shape_of_type(value.type), self.space.rank))

    def _load(self, value: BlockArgument, offset: Affine) -> Rule:
        return Load(element_type_of(value.type), dims=offset.dims, argument=value.index, offset=offset)
        yield

    # ---- families ---------------------------------------------------------------------------------------

    def elementwise(self, op: Any, value: SSAValue, position: Position) -> Rule:
        operands: list[Node] = []
        for operand in op.operands:
            operands.append((yield operand, self.broadcast(operand, position)))  # noqa: PERF401 it yields
        node = Compute(element_type_of(value.type), tuple(operands), op=op)
        node.gather_facts()
        return node

    def broadcast(self, operand: SSAValue, position: Position) -> Position:
        """Where an operand that broadcasts is read."""
        shape = shape_of_type(operand.type)
        trailing = position[len(position) - len(shape) :]
        return tuple(self.space.number() if n == 1 else p for n, p in zip(shape, trailing, strict=True))

    def fill(self, op: Any, value: SSAValue, position: Position) -> Rule:
        return Fixed(element_type_of(value.type), number=op.number)
        yield

    def constant(self, op: Any, value: SSAValue, position: Position) -> Rule:
        array = op.array()
        if array.size != 1:
            raise DiagnosticError("a kernel holds constants of one element only", self.space.kernel)
        return Fixed(element_type_of(value.type), number=array.reshape(()).item())
        yield

    def broadcast_to(self, op: Any, value: SSAValue, position: Position) -> Rule:
        return (yield op.operands[0], self.broadcast(op.operands[0], position))

    def expand_dims(self, op: Any, value: SSAValue, position: Position) -> Rule:
        new = integer_list(op.properties, "axes")
        return (yield op.operands[0], tuple(p for axis, p in enumerate(position) if axis not in new))

    def transpose(self, op: Any, value: SSAValue, position: Position) -> Rule:
        order = op.order
        return (yield op.operands[0], tuple(position[order.index(axis)] for axis in range(len(order))))

    def reshape(self, op: Any, value: SSAValue, position: Position) -> Rule:
        operand = op.operands[0]
        offset = linear(position, shape_of_type(value.type), self.space.rank)
        if isinstance(operand, BlockArgument):
            return (yield from self._load(operand, offset))
        inner = delinearize(offset, shape_of_type(operand.type), self.space.extents)
        if inner is None:
            raise DiagnosticError(
                f"reshape of {operand.type} to {value.type} does not follow the loops of the kernel", op
            )
        return (yield operand, inner)

    def split(self, op: Any, value: SSAValue, position: Position) -> Rule:
        axis: IntegerAttr[Any] = op.axis
        at = axis.value.data
        before = sum(shape_of_type(r.type)[at] for r in op.results[: op.results.index(value)])
        return (yield op.operands[0], (*position[:at], position[at] + before, *position[at + 1 :]))

    def strided_slice(self, op: Any, value: SSAValue, position: Position) -> Rule:
        operand = op.operands[0]
        taken = [range(n)[s] for n, s in zip(shape_of_type(operand.type), op.slices, strict=True)]
        first = [t.start if t else 0 for t in taken]
        return (yield operand, tuple(p * t.step + f for p, t, f in zip(position, taken, first, strict=True)))

    def gather(self, op: Any, value: SSAValue, position: Position) -> Rule:
        params, indices = op.operands
        shape, rank = shape_of_type(params.type), len(shape_of_type(indices.type))
        if not isinstance(params, BlockArgument):
            raise DiagnosticError("gather reads rows of what a kernel is given, not of what it computes", op)
        if shape[0] == 0:
            return Fixed(element_type_of(value.type), number=0)
        row = yield indices, position[:rank]
        if is_identity(self.space.kernel.operands[params.index]):
            hot = OneHot(element_type_of(value.type), (row,), position[-1].dims, column=position[-1])
            hot.gather_facts()
            return hot
        offset = linear((self.space.number(), *position[rank:]), shape, self.space.rank)
        node = Load(
            element_type_of(value.type),
            (row,),
            offset.dims,
            argument=params.index,
            offset=offset,
            rows=shape[0],
            row_stride=row_major_strides(shape)[0],
        )
        node.gather_facts()
        return node

    def matmul(self, op: MatMul, value: SSAValue, position: Position) -> Rule:
        rank = len(shape_of_type(value.type))
        *batch, m, n, k = map(self.space.dim, range(rank + 1))
        if position != (*batch, m, n):
            raise DiagnosticError("a product is used at other places than it is computed at", op)
        a, b = op.transposes
        lhs = yield op.operands[0], self.broadcast(op.operands[0], (*batch, *((k, m) if a else (m, k))))
        rhs = yield op.operands[1], self.broadcast(op.operands[1], (*batch, *((n, k) if b else (k, n))))
        return Contraction(element_type_of(value.type), (lhs, rhs), frozenset(range(rank)))

    def reduction(self, op: Any, value: SSAValue, position: Position) -> Rule:
        operand = op.operands[0]
        shape, axes = shape_of_type(operand.type), op.reduced
        kept = [p for a, p in enumerate(position) if a not in axes] if op.keeps_dims else list(position)
        dims = self.space.reduced_dims(shape, axes)
        inside = [*kept]
        for axis in axes:
            inside.insert(axis, self.space.dim(dims[axis]) if axis in dims else self.space.number())
        node = yield operand, tuple(inside)
        over = set(dims.values())
        for group, is_outer in ((self.space.inner, False), (self.space.outer, True)):
            if here := over & set(group):
                total = reduced(op, node, frozenset(here), None if is_outer else self.space.outer)
                total.is_crossed = any(p.dims & here for p in kept)
                node = total
        return node


def is_identity(value: SSAValue) -> bool:
    """Whether this is a constant identity matrix, whose rows are cheaper to compute than to read."""
    op, shape = value.owner, shape_of_type(value.type)
    if not isinstance(op, Constant) or len(shape) != 2 or shape[0] != shape[1]:
        return False
    if shape[0] != 1 and is_uniform(op.value):
        return False
    return bool(np.array_equal(op.array(), np.eye(shape[0])))


def reduced(op: Reduction, operand: Node, over: frozenset[int], around: tuple[int, ...] | None) -> Reduce:
    """The reduction of a node over these dims; `around` are the loops around an inner one."""
    node = Reduce(operand.element_type, (operand,), op=op, over=over, is_outer=around is None)
    node.gather_facts()
    node.dims -= over
    if around is None:
        node.is_late = True
    else:
        node.dims |= set(around)
        node.stage += 1
    return node


RULES: dict[type, Callable[[Builder, Any, SSAValue, Position], Rule]] = {
    Elementwise: Builder.elementwise,
    AddN: Builder.elementwise,
    Accumulate: Builder.elementwise,
    Fill: Builder.fill,
    Constant: Builder.constant,
    BroadcastTo: Builder.broadcast_to,
    ExpandDims: Builder.expand_dims,
    Transpose: Builder.transpose,
    Reshape: Builder.reshape,
    Split: Builder.split,
    StridedSlice: Builder.strided_slice,
    Gather: Builder.gather,
    MatMul: Builder.matmul,
    Reduction: Builder.reduction,
}
