"""Grouping: greedy fusion of each value with the groups of its operands (the third walk).

    1  %h = graph.add %x, %b                 a group {h} at position 1, loops over 64 x 10
    2  %m = graph.max %h {axes = [1]}        joins it: {h, m}, reduces the trailing dim
    3  %d = graph.subtract %h, %m            joins it: {h, m, d}, a row's maximum is known in time
    4  %p = graph.matmul %d, %w              reads %d whole: {p} at position 4
    5  %t = graph.tanh %p                    joins it: {p, t}, the epilogue of the product
    6  func.return %t                        outside, at position 6

Groups and the operations outside have one order, by position. A value is at first a group of its own. From the last
operand's group to the first it is fused with those that `fit` allows. The union is where the operand's group was, if
nothing that the value needs comes between; or where the value is, if nothing that reads from the operand's group does.
A border around the result of a product joins the product. What is only summed up stays out of the kernel of a product
which stores what it is made of anyway (`totals_only`), and so do functions of mathematics of a product with one or few
columns, where lanes are along these. So there is no search and no cycle: each value looks at its
operands alone. Reads and assignments of variables make way as far as that changes nothing (`variable_order`): a kernel
may yield several updates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.ir import SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.gradient.markers import AddN
from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.op.access import Axes
from pullback.dialects.graph.op.families import is_expensive
from pullback.dialects.graph.op.indexed import Counted, result_axes
from pullback.dialects.graph.state.variables import Assign, Read, VariableOp
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.passes.kernels.form.classify import Classified, Computed, Outside, loop_shape
from pullback.passes.kernels.form.fusion import fit, join, join_scatter
from pullback.passes.kernels.form.groups import Dim, Dims, Group, Known, Link, OpenGroup, Reduces
from pullback.passes.kernels.form.siblings import Siblings
from pullback.passes.kernels.form.totals_only import Reads, reads_of
from pullback.passes.kernels.form.variable_order import Place, VariableOrder
from pullback.passes.lowering.kinds import kind_of_op
from pullback.passes.lowering.outputs import is_border

Item: TypeAlias = Group | Outside


@dataclass(frozen=True)
class Groups:
    """The groups of a block, each of which becomes a kernel."""

    items: tuple[Item, ...]
    """The groups and the operations outside of them, in their new order."""
    homes: Mapping[SSAValue, Group]
    """The group that computes a value."""


def group(classified: Classified, limit: int, *, for_cpu: bool = False) -> Groups:
    """Groups the values that are computed, at most `limit` operations to a group.

    CPUs store a border around the result of a product in the kernel of the product, and their lanes are along columns.
    """
    walk = _Walk(limit, reads_of(classified.steps), for_cpu=for_cpu)
    for position, step in enumerate(classified.steps, start=1):
        if isinstance(step, Computed):
            walk.compute(step, position)
        else:
            walk.leave(step, position)
    return walk.finished()


@dataclass(frozen=True)
class Home:
    """The group that computes a value, the dims that the value runs along, and when it is known."""

    group: OpenGroup
    dims: Dims
    known: Known


class _Walk:
    """The walk as far as it has come."""

    def __init__(self, limit: int, reads: Reads, *, for_cpu: bool) -> None:
        self._limit = limit
        self._reads = reads
        self._for_cpu = for_cpu
        self._bordered: set[SSAValue] = set()
        """What a product stores with a border around it, which others read from memory."""
        self._homes: dict[SSAValue, Home] = {}
        self._variables = VariableOrder()
        self._siblings = Siblings(limit)
        self._outside: list[tuple[Place, Outside]] = []
        """What stays where it is."""
        self._positions: dict[SSAValue, int] = {}
        """Where it is, by its results."""

    def finished(self) -> Groups:
        """Closes all groups."""
        closed = {opened: opened.closed() for opened in {h.group.root(): None for h in self._homes.values()}}
        placed = [((g.position, 0, g.position), g) for g in closed.values()]
        ordered = sorted([*placed, *self._outside, *self._variables.places], key=lambda entry: entry[0])
        items = tuple(item for _, item in ordered)
        return Groups(items, {value: closed[home.group.root()] for value, home in self._homes.items()})

    def leave(self, step: Outside, position: int) -> None:
        """Puts an operation outside after the groups that it needs."""
        if isinstance(step.op, Read):
            self._variables.read(step, position)
            return
        if isinstance(step.op, Assign) and (home := self._homes.get(step.op.operands[1])) is not None:
            self._update(step, position, home.group.root())
            return
        self._variables.leave(step, position)
        # References come first: a read may move up to anywhere.
        self._outside.append(((0 if isinstance(step.op, VariableOp) else position, 0, position), step))
        for value in step.after:
            source = self._homes[value].group.root()
            source.leaves = min(source.leaves, position)
        self._positions.update(dict.fromkeys(step.op.results, position))

    def _update(self, step: Outside, position: int, made: OpenGroup) -> None:
        """Puts an assignment after the group that computes the new contents, and what uses the old ones before both."""
        self._variables.assign(step, position, made)
        for value in step.after:
            source = self._homes[value].group.root()
            if source is not made:
                before = made.position if source.position < made.position else position
                source.leaves = min(source.leaves, before)

    def compute(self, step: Computed, position: int) -> None:
        """Groups a value: alone at first, then with the operands whose loops it can share."""
        opened, dims, own = alone(step, position)
        if (product := self._product_inside(step)) is not None and product.size < self._limit:
            product.absorb(OpenGroup(None, product.position, product.segment, [], (), product.device))
            self._homes[step.value] = Home(product, own, None)
            self._bordered.add(step.value)
            return
        size, which = len(opened.space), next(iter(opened.reductions), None)
        links: dict[OpenGroup, list[Link]] = {}
        latest_outside = 0
        for access in step.accesses:
            home = self._homes.get(access.value)
            if home is None:
                earliest = self._variables.earliest(access.value)
                if earliest is None:
                    earliest = self._positions.get(access.value, 0)
                latest_outside = max(latest_outside, earliest)
            elif access.axes is None or access.value in self._bordered:
                opened.whole.append(home.group.root())
            else:
                source = home.group.root()
                here = dims_along(access.axes, dims)
                link = Link(home.dims, here, source.effective(home.known), by_scalar=not opened.space)
                links.setdefault(source, []).append(link)
        sources = sorted(dict.fromkeys((*links, *opened.whole)), key=lambda source: -source.position)
        if step.rows is not None:
            # Nothing else reads the sum of rows alone, so that the position of this operation is right for both.
            opened = join_scatter(self._homes[step.rows].group.root(), opened)
        for source in sources:
            if source in links and not self._is_apart(step, source):
                moves_up = source is sources[0] and latest_outside < source.position
                moves_up = moves_up and self._variables.lets_move(step.value, source)
                opened = self._share(source, opened, links[source], moves_up)
        for access in step.accesses:
            self._variables.use(access.value, opened)
        for source in sources:
            if source.root() is not opened:
                source.root().users.append(opened)
                opened.whole.append(source)
        opened.inputs |= {a.value for a in step.accesses if not self._is_made_by(opened, a.value)}
        if isinstance(step.op, Reduction):
            opened = self._siblings.joined(opened)
        known: list[Known] = [
            opened.effective(link.known)
            for source, there in links.items()
            if source.root() is opened
            for link in there
        ]
        self._homes[step.value] = Home(opened, own, when_known(opened, size, which, known))

    def _is_apart(self, step: Computed, source: OpenGroup) -> bool:
        """Tells whether a value stays out of the kernel of a product, though it fits."""
        if not source.has_epilogue:
            return False
        if self._for_cpu and source.is_narrow and is_expensive(step.op):
            return True
        values = (a.value for a in step.accesses if self._is_made_by(source, a.value))
        return self._reads.is_summed_apart(step, values)

    def _product_inside(self, step: Computed) -> OpenGroup | None:
        """The group of a contraction, if an operation does nothing but to put a border around its result."""
        if not self._for_cpu or not is_border(step.op) or len(step.accesses) != 1:
            return None
        (access,) = step.accesses
        home = self._homes.get(access.value)
        if home is None or access.value not in step.op.operands or access.value in self._bordered:
            return None
        group = home.group.root()
        is_here = group.segment == step.segment and group.device == device_of_op(step.op)
        is_result = shape_of_type(access.value.type) == group.shape
        return group if is_here and is_result and group.has_rows_of_images else None

    def _is_made_by(self, group: OpenGroup, value: SSAValue) -> bool:
        home = self._homes.get(value)
        return home is not None and home.group.root() is group

    def _share(self, source: OpenGroup, user: OpenGroup, links: list[Link], moves_up: bool) -> OpenGroup:
        """Fuses two groups, if they can share loops and the order of everything else allows it; returns the user's."""
        if user.reads_whole(source):
            return user
        fitted = fit(source, user, links, self._limit)
        if fitted is None:
            return user
        if moves_up:
            return join(source, user, fitted, source.position)
        return user if source.is_used_before(user) else join(source, user, fitted, user.position)


def alone(step: Computed, position: int) -> tuple[OpenGroup, Dims, Dims]:
    """Makes a group of one value; returns it, the dims of its operation, and those that the value runs along."""
    shape = loop_shape(step.op, step.value)
    space: list[Dim] = []
    dims: list[Dim | None] = []
    for extent in shape:
        dims.append(Dim(extent, len(space)) if extent != 1 else None)
        if dims[-1] is not None:
            space.append(dims[-1])
    size = len(step.op.operands) - 1 if isinstance(step.op, AddN) else 1
    opened = OpenGroup(kind_of_op(step.op), position, step.segment, space, shape, device_of_op(step.op), size)
    opened.counts = isinstance(step.op, Counted)
    opened.has_rows_of_images = isinstance(step.op, Contract)
    if not isinstance(step.op, Reduction):
        return opened, tuple(dims), tuple(dims)
    which, opened.boundary = reduces(step.op, dims)
    opened.reductions = frozenset({which})
    return opened, tuple(dims), dims_along(result_axes(step.op), tuple(dims))


def dims_along(axes: Axes, here: Dims) -> Dims:
    """Gives the dims of a value by its access map and the dims of the operation."""
    return tuple(None if axis is None else here[axis] for axis in axes)


def reduces(op: Reduction, dims: list[Dim | None]) -> tuple[Reduces, int | None]:
    """Tells which dims an operation reduces, and the boundary between those and the rest."""
    indices = [dim.index for axis in op.reduced if (dim := dims[axis]) is not None]
    rank = sum(dim is not None for dim in dims)
    if len(indices) == rank:
        return "all", None
    return ("leading", len(indices)) if indices[0] == 0 else ("trailing", rank - len(indices))


def when_known(opened: OpenGroup, size: int, which: Known, linked: list[Known]) -> Known:
    """Tells when a value is known that was just put into its group.

    `size` is the number of dims that its operation runs over, `which` of them it reduces (if any), and `linked` says
    when what it needs of the group is known.
    """
    if which is not None:
        return "late" if size < len(opened.space) else opened.effective(which)
    if size == len(opened.space):
        return None
    return "late" if "late" in linked else next((known for known in linked if known), None)
