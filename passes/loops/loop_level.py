"""Code at a level of a loop nest: loop-invariant nodes are hoisted as far outside as their dims allow.

For `y[i, j] = exp(b[i]) * x[i, j]`, asked for in the vectors of the inner loop, `exp(b[i])` has the dim of the outer
loop alone: it is computed, and made a vector, before the inner loop begins.

    scf.parallel (%row) … {
      %b = memref.load %b[%row]
      %exp = math.exp %b
      %exp_1 = vector.broadcast %exp : f32 to vector<8xf32>
      scf.for %i … {
        %x = vector.load %x[%row, %i]
        %y = arith.mulf %exp_1, %x
        vector.store %y, %y[%row, %i]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from functools import reduce

from xdsl.dialects.builtin import VectorType, i32, i64
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar, emit
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import Insert, inserting
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.streamed_reads import (
    fetch_row,
    fetch_streamed,
    is_streamed,
    name_ahead,
    rows_are_far,
)
from pullback.passes.loops.vector_access import lane_steps, load_rows, load_vector, store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView, is_in_range, row_in_range
from pullback.passes.lowering.code_builder import CodeBuilder, Term, both, splat
from pullback.passes.lowering.node_values import NodeValues
from pullback.passes.lowering.nodes import Bound, Coordinate, Fixed, IdentityElement, Load, Node


class LoopLevel(NodeValues):
    """The inside of a loop, or the function around all loops.

    Args:
        builder: of the function.
        inputs: the buffers that loads name by number.
        parent: the loop around this one.
        insertion_point: where new operations go.
        indices: the dims that this level fixes, with their indices.
        lanes: the dim that is computed as a vector, here and further inside.
        is_inside: whether all bounds of loads are known to hold here, and further inside.
    """

    def __init__(
        self,
        builder: CodeBuilder,
        inputs: Sequence[BufferView],
        parent: LoopLevel | None,
        insertion_point: Insert,
        indices: Mapping[int, SSAValue],
        lanes: Lanes | None = None,
        *,
        is_inside: bool = False,
    ) -> None:
        super().__init__(builder, inputs, insertion_point)
        self.parent = parent
        self.indices: dict[int, SSAValue] = {**(parent.indices if parent else {}), **indices}
        self.lanes = lanes or (parent.lanes if parent else None)
        self.is_inside = is_inside or (parent is not None and parent.is_inside)
        self.kept: dict[Node, Callable[[LoopLevel], Scalar]] = dict(parent.kept) if parent else {}
        """Nodes that an earlier stage has stored, and how to load them again."""
        self._splats: dict[tuple[Node, int], Scalar] = {}
        self._fetched: set[tuple[Node, int]] = set()

    def inside(
        self,
        insertion_point: Insert,
        indices: Mapping[int, SSAValue],
        lanes: Lanes | None = None,
        *,
        is_inside: bool = False,
    ) -> LoopLevel:
        """A level within this one."""
        return LoopLevel(
            self.builder, self.inputs, self, insertion_point, indices, lanes, is_inside=is_inside
        )

    # ---- where nodes are known --------------------------------------------------------------------------

    def home(self, node: Node) -> LoopLevel:
        """The outermost level that fixes all dims of a node."""
        return self._around(node.dims)

    def _around(self, dims: Set[int]) -> LoopLevel:
        """The outermost level that fixes these dims."""
        level = self
        while level.parent is not None and dims <= level.parent.indices.keys():
            level = level.parent
        return level

    def find(self, node: Node) -> Scalar | None:
        owner = self._owner(node)
        return None if owner is None else owner.known[node]

    def is_at_hand(self, node: Node) -> bool:
        return node in self.kept or self._owner(node) is not None

    def computed(self, node: Node) -> Scalar:
        if node in self.kept:
            return self.kept[node](self)
        if isinstance(node, Load) and self.is_inside and node.bounds:
            return self.load(self.inputs[node.argument], node.offset)
        if isinstance(node, Load) and node.is_plain:
            self._fetch_ahead(self.inputs[node.argument], node.offset)
        return super().computed(node)

    def _fetch_ahead(self, view: BufferView, offset: Affine) -> None:
        if self.lanes is not None and self.stride(offset) == 1 and is_streamed(view, self.lanes):
            fetch_streamed(view, self.builder, *self.terms(offset))

    def terms(self, offset: Affine) -> tuple[Sequence[Term], int]:
        return [(self.indices[d], c) for d, c in enumerate(offset.coefficients) if c], offset.constant

    def _owner(self, node: Node) -> LoopLevel | None:
        """The level at which a node is known."""
        level: LoopLevel | None = self
        while level is not None and node not in level.known:
            level = level.parent
        return level

    # ---- vectors ----------------------------------------------------------------------------------------

    def is_vector(self, node: Node) -> bool:
        """Tells whether the node changes along the lanes."""
        return self.lanes is not None and self.lanes.dim in node.dims

    def stride(self, offset: Affine) -> int:
        return offset.coefficients[self.lanes.dim] if self.lanes else 0

    def vector(self, node: Node) -> Scalar:
        """A node as a vector, even where all its lanes are the same."""
        self.values([node])
        return self.operand(node, as_vector=True)

    def operand(self, node: Node, *, as_vector: bool = False) -> Scalar:
        if not as_vector:
            return super().operand(node)
        assert self.lanes is not None
        count = self.lanes.count
        if isinstance(node, Fixed):
            return self.builder.number(node.number, vector_type(node.element_type, count))
        value, owner = super().operand(node), self._owner(node)
        if isinstance(value.type, VectorType):
            return value
        assert owner is not None
        if (node, count) not in owner._splats:
            with inserting(owner.insertion_point):
                owner._splats[node, count] = splat(value, count)
        return owner._splats[node, count]

    def identity_element(self, node: IdentityElement) -> Scalar:
        """An identity matrix's element; a column that changes along the lanes is counted from the first lane's."""
        if self.lanes is None or not self.is_vector(node):
            return super().identity_element(node)
        (hot,) = node.operands
        index, count = self.operand(hot), self.lanes.count
        base = self.first_number(node, index.element_type)
        distance = index - (splat(base, count) if self.is_vector(hot) else base)
        lanes = Scalar(lane_steps(self.builder, count, self.stride(node.number))).cast(index.element_type)
        if not self.is_vector(hot):
            distance = splat(distance, count)
        return distance.equal(lanes).cast(node.element_type)

    def coordinate(self, node: Coordinate) -> Scalar:
        first = super().coordinate(node)
        if self.lanes is None or not self.is_vector(node):
            return first
        steps = Scalar(lane_steps(self.builder, self.lanes.count, self.stride(node.number)))
        return splat(first, self.lanes.count) + steps.cast(node.element_type)

    # ---- memory -----------------------------------------------------------------------------------------

    def load(self, view: BufferView, offset: Affine, more: Sequence[Term] = ()) -> Scalar:
        """A vector, if the offset changes along the lanes."""
        stride = self.stride(offset)
        if self.lanes is None or not stride:
            return super().load(view, offset, more)
        terms, constant = self.terms(offset)
        return load_vector(view, self.builder, self.lanes, [*terms, *more], constant, stride)

    def picked(self, node: Load) -> Scalar:
        """Gathered, where each lane names a row of its own."""
        (row,) = node.operands
        index = self.operand(row)
        if not isinstance(index.type, VectorType):
            self._fetch_row_ahead(node)
            return super().picked(node)
        assert self.lanes is not None
        inside = is_in_range(index, node.rows)
        if node.rows * node.row_stride >= 2**31:
            index = index.cast(i64)
        terms, constant = self.terms(node.offset)
        first = terms, constant, (self.stride(node.offset), node.row_stride)
        return load_rows(self.inputs[node.argument], self.builder, self.lanes, index, inside, first)

    def _fetch_row_ahead(self, node: Load) -> None:
        """Where the loop around names the rows one after the other: has one of the next fetched, once for all lanes."""
        (row,) = node.operands
        if self.lanes is None or self.stride(node.offset) != 1:
            return
        if not (isinstance(row, Load) and row.is_plain):
            return
        home, names, table = self.home(row), self.inputs[row.argument], self.inputs[node.argument]
        steps = [row.offset.coefficients[d] for d in home.indices if row.offset.coefficients[d]]
        if not steps or not rows_are_far(table, names, steps[-1]) or (row, node.argument) in home._fetched:
            return
        home._fetched.add((row, node.argument))
        with inserting(home.insertion_point):
            name = name_ahead(names, self.builder, home.terms(row.offset), steps[-1])
            at = row_in_range(self.builder, name, is_in_range(name, node.rows))
            outer = [d for d in home.indices if node.offset.coefficients[d]]
            terms = [(home.indices[d], node.offset.coefficients[d]) for d in outer]
            extent = max(self.lanes.swept, self.lanes.count)
            fetch_row(table, self.builder, [*terms, (at, node.row_stride)], node.offset.constant, extent)

    def bounded(self, node: Load) -> Scalar:
        """Of several lanes those whose bounds hold are loaded."""
        if self.lanes is None or not self.is_vector(node):
            return super().bounded(node)
        lanes = self.lanes
        along = [bound for bound in node.bounds if lanes.dim in bound.index.dims]
        around = [bound for bound in node.bounds if lanes.dim not in bound.index.dims]
        masks = [self._lanes_within(bound, lanes) for bound in along]
        if around:
            masks.append(splat(self.exists(around), lanes.count))
        inside = reduce(both, masks)
        mask = inside if lanes.mask is None else both(inside, Scalar(lanes.mask))
        terms, constant = self.terms(node.offset)
        view, stride = self.inputs[node.argument], self.stride(node.offset)
        value = load_vector(view, self.builder, replace(lanes, mask=mask.value), terms, constant, stride)
        if not node.outside:
            return value
        return select(inside, value, self.builder.number(node.outside, value.type))

    def exists(self, bounds: Sequence[Bound]) -> Scalar:
        """Compared as far outside as the dims of the bounds allow."""
        for bound in bounds:
            level = self._around(bound.index.dims)
            if level is not self:
                with inserting(level.insertion_point):
                    self._exists[bound] = level.exists([bound])
        return super().exists(bounds)

    def _lanes_within(self, bound: Bound, lanes: Lanes) -> Scalar:
        """Tells of each lane whether a bound holds there, which changes along the lanes."""
        first = self.builder.sum_of(*self.terms(bound.index))
        steps = Scalar(lane_steps(self.builder, lanes.count, self.stride(bound.index)))
        type_ = i64 if bound.extent >= 2**30 else i32
        index = splat(emit("arith.index_cast", type_, Scalar(first)), lanes.count) + steps.cast(type_)
        return is_in_range(index, bound.extent)

    def store(self, view: BufferView, offset: Affine, value: Scalar, more: Sequence[Term] = ()) -> None:
        """One element per lane, if the value is a vector."""
        if not isinstance(value.type, VectorType):
            super().store(view, offset, value, more)
            return
        assert self.lanes is not None
        terms, constant = self.terms(offset)
        with inserting(self.insertion_point):
            first = [*terms, *more], constant, self.stride(offset)
            store_vector(view, self.builder, self.lanes, value, first)
