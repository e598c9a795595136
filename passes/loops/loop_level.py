"""Code at a level of a loop nest: each node is computed as far outside as its dims allow, and once there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from xdsl.dialects.builtin import VectorType, i64
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.families import Elementwise
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import Insert, inserting
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.element_access import Buffer, Term, cast_index, inside_rows, lane_steps, safe_row
from pullback.passes.loops.vectors import Lanes, splat
from pullback.passes.lowering.function_builder import FunctionBuilder, result_of
from pullback.passes.lowering.nodes import Compute, Fixed, Load, Node, OneHot, Output, cone


class Level:
    """The inside of a loop, or the function around all loops.

    Args:
        builder: of the function.
        parent: the loop around this one.
        place: where new operations go.
        indices: the dims that this level fixes, with their indices.
        lanes: the dim that is computed as a vector, here and further inside.
    """

    def __init__(
        self,
        builder: FunctionBuilder,
        inputs: Sequence[Buffer],
        parent: Level | None,
        place: Insert,
        indices: Mapping[int, SSAValue],
        lanes: Lanes | None = None,
    ) -> None:
        self.builder = builder
        self.inputs = inputs
        self.parent = parent
        self.place = place
        self.indices: dict[int, SSAValue] = {**(parent.indices if parent else {}), **indices}
        self.lanes = lanes or (parent.lanes if parent else None)
        self.known: dict[Node, Scalar] = {}
        self.kept: dict[Node, Callable[[Level], Scalar]] = dict(parent.kept) if parent else {}
        """Nodes that an earlier stage has stored, and how to load them again."""
        self._rows: dict[tuple[Node, int], tuple[SSAValue, Scalar]] = {}
        self._splats: dict[tuple[Node, int], Scalar] = {}

    def inside(self, place: Insert, indices: Mapping[int, SSAValue], lanes: Lanes | None = None) -> Level:
        """A level within this one."""
        return Level(self.builder, self.inputs, self, place, indices, lanes)

    # ---- values -----------------------------------------------------------------------------------------

    def values(self, nodes: Sequence[Node]) -> list[Scalar]:
        """These nodes in registers: vectors, where they change along the lanes."""
        for node in cone(nodes, self._is_at_hand):
            if self._find(node) is None and not isinstance(node, Fixed):
                self._owner(node)._compute(node)
        return [self.operand(node, node.element_type) for node in nodes]

    def vector(self, node: Node) -> Scalar:
        """A node as a vector, even where all its lanes are the same."""
        self.values([node])
        assert self.lanes is not None
        return self.operand(node, vector_type(node.element_type, self.lanes.count))

    def operand(self, node: Node, type_: object) -> Scalar:
        """A node that is known, splat where a vector is asked for."""
        wants_vector = isinstance(type_, VectorType)
        if isinstance(node, Fixed):
            return self.builder.number(node.number, type_ if wants_vector else node.element_type)
        owner = self._find(node)
        assert owner is not None
        value = owner.known[node]
        if wants_vector and not isinstance(value.type, VectorType):
            assert self.lanes is not None
            key = node, self.lanes.count
            if key not in owner._splats:
                with inserting(owner.place):
                    owner._splats[key] = splat(value, self.lanes.count)
            return owner._splats[key]
        return value

    def _is_at_hand(self, node: Node) -> bool:
        return node in self.kept or self._find(node) is not None

    def _find(self, node: Node) -> Level | None:
        level: Level | None = self
        while level is not None and node not in level.known:
            level = level.parent
        return level

    def _owner(self, node: Node) -> Level:
        """The outermost level that fixes all dims of a node."""
        level = self
        while level.parent is not None and node.dims <= level.parent.indices.keys():
            level = level.parent
        return level

    def is_vector(self, node: Node) -> bool:
        """Whether the node changes along the lanes."""
        return self.lanes is not None and self.lanes.dim in node.dims

    def _compute(self, node: Node) -> None:
        with inserting(self.place):
            if node in self.kept:
                self.known[node] = self.kept[node](self)
            elif isinstance(node, Load):
                self.known[node] = self._load(node)
            elif isinstance(node, OneHot):
                self.known[node] = self._one_hot(node)
            else:
                assert isinstance(node, Compute), f"{node} must be known before it is used"
                self.known[node] = self._apply(node)

    def _apply(self, node: Compute) -> Scalar:
        operands: list[Scalar] = []
        for operand in node.operands:
            type_ = operand.element_type
            if self.is_vector(node):
                assert self.lanes is not None
                type_ = vector_type(type_, self.lanes.count)
            operands.append(self.operand(operand, type_))
        if isinstance(node.op, Elementwise):
            return node.op.body(*operands)
        return reduce(Scalar.__add__, operands)

    def _one_hot(self, node: OneHot) -> Scalar:
        """Compares the index that is hot with the column; both are counted from the first lane's column."""
        (row,) = node.operands
        type_ = row.element_type
        hot = self.operand(row, self._type_of(row))
        first = self.builder.sum_of(self.terms(node.column), node.column.constant)
        base = Scalar(result_of(cast_index(first, type_)))
        stride = node.column.coefficients[self.lanes.dim] if self.lanes else 0
        if self.lanes is None or not self.is_vector(node):
            is_hot = (hot - base).equal(0)
        else:
            distance = hot - (splat(base, self.lanes.count) if self.is_vector(row) else base)
            lanes = Scalar(lane_steps(self.builder, self.lanes.count, stride)).cast(type_)
            if not self.is_vector(row):
                distance = splat(distance, self.lanes.count)
            is_hot = distance.equal(lanes)
        return is_hot.cast(node.element_type)

    def _type_of(self, node: Node) -> Attribute:
        """The type of a node in a register here."""
        if not self.is_vector(node):
            return node.element_type
        assert self.lanes is not None
        return vector_type(node.element_type, self.lanes.count)

    # ---- memory -----------------------------------------------------------------------------------------

    def terms(self, offset: Affine) -> list[Term]:
        """The indices of an offset, and how far each steps."""
        return [(self.indices[d], c) for d, c in enumerate(offset.coefficients) if c]

    def _load(self, node: Load) -> Scalar:
        buffer, terms = self.inputs[node.argument], self.terms(node.offset)
        if not node.operands:
            return self.load(buffer, node.offset)
        (row,) = node.operands
        index = self.operand(row, row.element_type)
        if isinstance(index.type, VectorType):
            assert self.lanes is not None
            inside = inside_rows(index, node.rows)
            if node.rows * node.row_stride >= 2**31:
                index = index.cast(i64)
            stride = node.offset.coefficients[self.lanes.dim]
            place = terms, node.offset.constant, (stride, node.row_stride)
            return buffer.load_rows(self.builder, self.lanes, index, inside, place)
        safe, inside = self._owner(row)._row(row, index, node.rows)
        value = self.load(buffer, node.offset, [(safe, node.row_stride)])
        return select(inside, value, self.builder.number(0, value.type))

    def _row(self, node: Node, index: Scalar, rows: int) -> tuple[SSAValue, Scalar]:
        """The row that a node names, 0 instead of one that is not there, and whether it is there."""
        if (node, rows) not in self._rows:
            with inserting(self.place):
                inside = inside_rows(index, rows)
                self._rows[node, rows] = safe_row(self.builder, index, inside), inside
        return self._rows[node, rows]

    def load(self, buffer: Buffer, offset: Affine, more: Sequence[Term] = ()) -> Scalar:
        """What lies at an offset: a vector, if it changes along the lanes."""
        terms = [*self.terms(offset), *more]
        stride = offset.coefficients[self.lanes.dim] if self.lanes else 0
        if self.lanes is None or not stride:
            return buffer.load(self.builder, terms, offset.constant)
        return buffer.load_vector(self.builder, self.lanes, terms, offset.constant, stride)

    def store(self, buffer: Buffer, offset: Affine, value: Scalar, more: Sequence[Term] = ()) -> None:
        """Stores an element, or one per lane, at an offset."""
        terms = [*self.terms(offset), *more]
        with inserting(self.place):
            if isinstance(value.type, VectorType):
                assert self.lanes is not None
                place = terms, offset.constant, offset.coefficients[self.lanes.dim]
                buffer.store_vector(self.builder, self.lanes, value, place)
            else:
                buffer.store(self.builder, value, terms, offset.constant)

    def store_outputs(self, outputs: Sequence[Output], buffers: Sequence[Buffer]) -> None:
        """Computes outputs, and only then stores them: an output may take the place of an input."""
        values = self.values([o.node for o in outputs])
        for output, value in zip(outputs, values, strict=True):
            if self.lanes is not None and output.offset.coefficients[self.lanes.dim]:
                value = self.operand(output.node, vector_type(value.element_type, self.lanes.count))
            self.store(buffers[output.result], output.offset, value)
