"""Nodes: the expressions that a kernel computes per point of its iteration space, each loaded, computed or reduced.

`kernel_model` shows those of one kernel. Elements of equal value and position are one node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from xdsl.ir import Attribute

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.along_axes.scans import Scan
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.families import is_expensive
from pullback.dialects.graph.op.indexed import ContractionOp, Counted, Pointwise
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.accumulators import TOTALS
from pullback.dialects.graph.tensor.tensor import Number
from pullback.passes.lowering.long_sums import BLOCK
from pullback.passes.lowering.register_types import register_type


@dataclass(eq=False, slots=True)
class Node:
    """The element of a value at a position. `dims` are the loops that it changes with."""

    element_type: Attribute
    operands: tuple[Node, ...] = field(default=(), repr=False)
    dims: frozenset[int] = frozenset()
    stage: int = 0
    """How many inner reductions, one after the other, must be done before it is known."""
    is_late: bool = False
    """Whether it needs a reduction over the outer loops."""

    def gather_facts(self) -> None:
        """Dims and stages of the operands."""
        self.stage, self.is_late = 0, False
        for operand in self.operands:
            self.dims |= operand.dims
            self.stage = max(self.stage, operand.stage)
            self.is_late = self.is_late or operand.is_late


@dataclass(eq=False, slots=True)
class Fixed(Node):
    """A number."""

    number: Number = 0


@dataclass(frozen=True, slots=True)
class Bound:
    """What must hold of an index, so that an element exists: it is in range of so many."""

    index: Affine
    extent: int

    def merged(self, groups: Sequence[Sequence[int]], extents: Sequence[int]) -> Bound:
        """The same of dims that are merged from these groups, counting in elements of the group behind its dim."""
        whole = Affine(tuple(self.index.coefficients[group[-1]] for group in groups), self.index.constant)
        if len(self.index.dims) != 1:
            return Bound(whole, self.extent)
        (dim,) = self.index.dims
        for number, group in enumerate(groups):
            if dim in group and dim != group[-1] and not whole.coefficients[number]:
                size = prod(extents[d] for d in group[group.index(dim) + 1 :])
                counted = Affine.dim(len(groups), number)
                return Bound(counted + self.index.constant * size, self.extent * size)
        return Bound(whole, self.extent)

    def allows(self, dim: int, following: int, extents: Sequence[int]) -> bool:
        """Tells whether a dim and the `following` one inside it can be merged to one."""
        outer, inner = (self.index.coefficients[d] for d in (dim, following))
        return outer == inner * extents[following] or (not inner and outer == 1 and len(self.index.dims) == 1)


@dataclass(eq=False, slots=True)
class Load(Node):
    """An element of a kernel input: at `offset`, in the row that the operand (if any) names.

    `rows` is how many rows there are, `row_stride` their distance; outside of them the element is 0. Where one of the
    `bounds` does not hold it is the number `outside`.
    """

    argument: int = 0
    offset: Affine = field(default_factory=lambda: Affine(()))
    rows: int = 0
    row_stride: int = 0
    bounds: tuple[Bound, ...] = ()
    outside: Number = 0

    @property
    def is_plain(self) -> bool:
        """Whether it is the element at its offset, whatever the values of others and wherever the loops are."""
        return not self.operands and not self.bounds


@dataclass(eq=False, slots=True)
class Coordinate(Node):
    """What is counted along dims, as an integer: `number`."""

    number: Affine = field(default_factory=lambda: Affine(()))


@dataclass(eq=False, slots=True)
class IdentityElement(Coordinate):
    """An element of the row of the identity matrix that the operand names: 1 where the number is that one, else 0."""


@dataclass(eq=False, slots=True)
class Compute(Node):
    """An operation element by element."""

    op: Pointwise | Counted = field(kw_only=True)

    @property
    def is_expensive(self) -> bool:
        """Whether it is worth a store and a load rather than a second computation."""
        return is_expensive(self.op)


@dataclass(eq=False, slots=True)
class Rounded(Node):
    """Its operand, rounded to half precision: what an operation with such a result gives to others, and to memory."""

    to: Attribute = field(kw_only=True)


@dataclass(eq=False, slots=True)
class Reduce(Node):
    """A reduction of its operand over some loops; `is_outer` if these are the loops around the others."""

    op: Reduction = field(kw_only=True)
    over: frozenset[int] = frozenset()
    is_outer: bool = False
    is_crossed: bool = False
    """Whether its result is asked for along a loop that it runs over, where it has no single value."""


@dataclass(eq=False, slots=True)
class Contraction(Node):
    """The sum, along the reduced dims, of the products of its two operands.

    The first of them is 0 where `border` does not hold, which changes with one dim of rows and one that is reduced. The
    second one is other than 0 at one point at most of each block of the extents `one_in` along these reduced dims.
    """

    op: ContractionOp = field(kw_only=True)
    border: Bound | None = None
    one_in: Mapping[int, int] = field(default_factory=dict[int, int])


@dataclass(eq=False, slots=True)
class Scanned(Node):
    """An element of a scan of its operands along a dim; along none, if there is but one element."""

    op: Scan = field(kw_only=True)
    along: frozenset[int] = frozenset()


@dataclass(eq=False, slots=True)
class Output:
    """A value that leaves the kernel: where its element goes.

    With a `row`, it is combined with what is there, in the one of `rows` rows (`row_stride` apart) that it names;
    `number` counts the rows that are combined.
    """

    node: Node
    result: int
    offset: Affine
    row: Node | None = None
    number: Affine | None = None
    rows: int = 0
    row_stride: int = 0
    combine: Callable[[Scalar, Scalar], Scalar] | None = None
    adds: bool = False
    """Whether rows are added or subtracted, and do not replace what is there."""
    rounds: bool = False
    """Whether memory holds fewer digits of the result than registers, so that each sum that is stored is rounded."""
    base: int | None = None
    """The argument that is what is there, of a kernel whose loops compute the rows, too."""

    @property
    def nodes(self) -> list[Node]:
        """The nodes that it takes: the element, and the row."""
        return [self.node] if self.row is None else [self.node, self.row]

    def rows_added(self, extents: Sequence[int]) -> int:
        """The number of rows that are combined, in a space of these extents."""
        assert self.number is not None
        return prod(extents[d] for d in self.number.dims)

    def long_total(self, extents: Sequence[int]) -> Attribute | None:
        """The higher precision of sums of rows, where one index at least has more of them than a block.

        Where sums are rounded when they are stored, more than one row is too many.
        """
        block = 1 if self.rounds else BLOCK
        is_long = self.adds and self.rows_added(extents) > block * self.rows
        return TOTALS.get(self.node.element_type) if is_long else None


def rounded(node: Node, element_type: Attribute) -> Node:
    """What an operation with results of this type makes of a node: half precision is rounded, once.

    So the value of an operation does not depend on which others share its kernel, nor on whether it was in memory.
    """
    if node.element_type == element_type or node.element_type != register_type(element_type):
        return node
    result = Rounded(node.element_type, (node,), to=element_type)
    result.gather_facts()
    return result


def cone(roots: Sequence[Node], is_given: Callable[[Node], bool] = lambda node: False) -> list[Node]:
    """The nodes that these are computed from, operands first; what is behind a given one is left out."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, is_done = stack.pop()
        if is_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            if not node.operands or is_given(node):
                order.append(node)
            else:
                stack.append((node, True))
                stack += [(o, False) for o in reversed(node.operands)]
    return order
