"""Evaluation of nodes: code that computes the elements that a kernel is made of, the same for every target.

Of the kernel

    %y = graph.kernel %x, %t … {
    ^bb0(%0: tensor<9x5xf32>, %1: tensor<4xi32>):
      %2 = graph.gather %0, %1 : (tensor<9x5xf32>, tensor<4xi32>) -> tensor<4x5xf32>
      %3 = graph.tanh %2 : tensor<4x5xf32>
      graph.yield %3 : tensor<4x5xf32>
    }

the node of the result is `Compute(tanh, Load(%x, offset=j, rows=9, row_stride=5, Load(%t, offset=i)))`. At a point
(i, j) of the loops it becomes

    %t = memref.load %t[%i]
    %inside = arith.cmpi ult, %t, 9
    %row = arith.index_cast %t : i32 to index
    %safe = arith.select %inside, %row, %c0
    %x = memref.load %x[%safe, %j]
    %element = arith.select %inside, %x, 0.0
    %y = math.tanh %element

A target says where a node is computed (`home`: the GPU where it is first asked for, the CPU as far outside as its dims
allow), what an offset is there (`terms`), and what changes along the lanes of a vector.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar, emit
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import Insert, inserting
from pullback.passes.lowering.buffer_view import BufferView, is_in_range, row_in_range
from pullback.passes.lowering.code_builder import CodeBuilder, Term, both, located
from pullback.passes.lowering.nodes import (
    Bound,
    Compute,
    Coordinate,
    Fixed,
    IdentityElement,
    Load,
    Node,
    Output,
    Rounded,
    cone,
)
from pullback.passes.lowering.register_types import rounded_to


class NodeValues(ABC):
    """The nodes that are in registers at one point of a kernel's code, and the code that makes others known.

    Args:
        builder: of the kernel's function.
        inputs: the buffers that loads name by number.
        insertion_point: where new operations go.
    """

    def __init__(self, builder: CodeBuilder, inputs: Sequence[BufferView], insertion_point: Insert) -> None:
        self.builder = builder
        self.inputs = inputs
        self.insertion_point = insertion_point
        self.known: dict[Node, Scalar] = {}
        self._exists: dict[Bound, Scalar] = {}
        self._rows: dict[tuple[Node, int], tuple[SSAValue, Scalar]] = {}

    # ---- what a target says -----------------------------------------------------------------------------

    @abstractmethod
    def home(self, node: Node) -> Self:
        """The level at which a new node is to be computed: this one, or one outside of loops around it (hoisting)."""

    @abstractmethod
    def terms(self, offset: Affine) -> tuple[Sequence[Term], int]:
        """An offset at this point, as a sum of indices times factors, and a constant."""

    def find(self, node: Node) -> Scalar | None:
        """A node that is known here."""
        return self.known.get(node)

    def is_vector(self, node: Node) -> bool:
        """Tells whether a node is computed for several lanes at once."""
        return False

    def stride(self, offset: Affine) -> int:
        """The stride of an offset from lane to lane."""
        return 0

    def operand(self, node: Node, *, as_vector: bool = False) -> Scalar:
        """A node that is known, or a number; `as_vector` in each lane, where there are lanes."""
        assert not as_vector, "there are no lanes"
        if isinstance(node, Fixed):
            return self.builder.number(node.number, node.element_type)
        value = self.find(node)
        assert value is not None, f"{node} must be known before it is used"
        return value

    def load(self, view: BufferView, offset: Affine, more: Sequence[Term] = ()) -> Scalar:
        """Loads the element at an offset, and so many terms further."""
        terms, constant = self.terms(offset)
        return view.load(self.builder, [*terms, *more], constant)

    def store(self, view: BufferView, offset: Affine, value: Scalar, more: Sequence[Term] = ()) -> None:
        """Stores an element at an offset, and so many terms further."""
        with inserting(self.insertion_point):
            terms, constant = self.terms(offset)
            view.store(self.builder, value, [*terms, *more], constant)

    # ---- evaluation -------------------------------------------------------------------------------------

    def values(self, nodes: Sequence[Node]) -> list[Scalar]:
        """These nodes in registers; what they are computed from must be loads, numbers, or known."""
        for node in cone(nodes, self.is_at_hand):
            if not isinstance(node, Fixed) and self.find(node) is None:
                home = self.home(node)
                with inserting(home.insertion_point):
                    home.known[node] = home.computed(node)
        return [self.operand(node) for node in nodes]

    def store_outputs(self, outputs: Sequence[Output], views: Sequence[BufferView]) -> None:
        """Computes outputs, and only then stores them: an output may take the place of an input."""
        self.values([output.node for output in outputs])
        for output in outputs:
            value = self.operand(output.node, as_vector=bool(self.stride(output.offset)))
            self.store(views[output.result], output.offset, value)

    def is_at_hand(self, node: Node) -> bool:
        """Tells whether a node needs no operands to become known."""
        return self.find(node) is not None

    def computed(self, node: Node) -> Scalar:
        """The code of a node whose operands are known. Each kind of node has its case here."""
        match node:
            case Load(bounds=(_, *_)):
                return self.bounded(node)
            case Load(operands=()):
                return self.load(self.inputs[node.argument], node.offset)
            case Load():
                return self.picked(node)
            case IdentityElement():
                return self.identity_element(node)
            case Coordinate():
                return self.coordinate(node)
            case Compute():
                operands = [self.operand(o, as_vector=self.is_vector(node)) for o in node.operands]
                return located(node.op.body(*operands), node.op.location).cast(node.element_type)
            case Rounded():
                (operand,) = node.operands
                return rounded_to(node.to, self.operand(operand, as_vector=self.is_vector(node)))
            case _:
                raise AssertionError(f"{node} must be known before it is used")

    def picked(self, node: Load) -> Scalar:
        """An element of the row that the operand names; 0 where there is no such row."""
        (row,) = node.operands
        safe, inside = self.home(row).row(row, node.rows)
        value = self.load(self.inputs[node.argument], node.offset, [(safe, node.row_stride)])
        return select(inside, value, self.builder.number(0, value.type))

    def bounded(self, node: Load) -> Scalar:
        """An element where its bounds hold, and a number elsewhere, where the first of all is loaded."""
        exists = self.exists(node.bounds)
        terms, constant = self.terms(node.offset)
        at = Scalar(self.builder.sum_of(terms, constant))
        safe = select(exists, at, Scalar(self.builder.index(0))).value
        value = self.inputs[node.argument].load(self.builder, [(safe, 1)], 0)
        return select(exists, value, self.builder.number(node.outside, value.type))

    def exists(self, bounds: Sequence[Bound]) -> Scalar:
        """Tells whether all these bounds hold at this point."""
        found: Scalar | None = None
        for bound in bounds:
            if bound not in self._exists:
                index = self.builder.sum_of(*self.terms(bound.index))
                self._exists[bound] = Scalar(self.builder.is_within(index, bound.extent))
            holds = self._exists[bound]
            found = holds if found is None else both(found, holds)
        assert found is not None
        return found

    def row(self, node: Node, rows: int) -> tuple[SSAValue, Scalar]:
        """The row index of a node, 0 if out of range, and whether it is in range."""
        if (node, rows) not in self._rows:
            with inserting(self.insertion_point):
                index = self.operand(node)
                inside = is_in_range(index, rows)
                self._rows[node, rows] = row_in_range(self.builder, index, inside), inside
        return self._rows[node, rows]

    def identity_element(self, node: IdentityElement) -> Scalar:
        """Compares the hot index with that of the column."""
        (hot,) = node.operands
        index = self.operand(hot)
        return index.equal(self.first_number(node, index.element_type)).cast(node.element_type)

    def coordinate(self, node: Coordinate) -> Scalar:
        """The number at the point, in the type of the node."""
        return self.first_number(node, node.element_type)

    def first_number(self, node: Coordinate, type_: Attribute) -> Scalar:
        """The number (that of the first lane) in an integer type."""
        terms, constant = self.terms(node.number)
        return emit("arith.index_cast", type_, Scalar(self.builder.sum_of(terms, constant)))
