"""Grouping: one walk over a block that puts every operation into a group, defers it, or leaves it outside.

Groups and the operations outside stand in one order, by position. An operation joins the groups of its operands
where `groups.fit` allows it. It takes the place of the last group that it needs, or that group, if nobody else
reads from it yet, moves to the operation. So no search is needed: each operation looks at its operands alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.by_index.gather import Densify, MakeSlices
from pullback.dialects.graph.elementwise.basic import Add, Subtract
from pullback.dialects.graph.gradient.markers import Accumulate, AddN, Gate
from pullback.dialects.graph.kernel.access import Axes, operand_axes, result_axes
from pullback.dialects.graph.movement.shapes import ShapeOf, Size, SumTo
from pullback.dialects.graph.movement.split_concat import SplitLike
from pullback.dialects.graph.tensor.types import is_static, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.kernels.form.deferred import Deferred
from pullback.passes.kernels.form.gates import Walls
from pullback.passes.kernels.form.groups import (
    Dim,
    Group,
    Known,
    Link,
    Outside,
    Placement,
    Reduces,
    fit,
    join,
    join_scatter,
)
from pullback.passes.kernels.form.legalize import Contents, expanded
from pullback.passes.kernels.form.variable_readers import Readers
from pullback.passes.lowering.support import ALIASES, ALONE, VIEWS, Kind, is_grouped, runs_natively

ADDS_ROWS = (Add, Subtract, AddN, Accumulate)
DYNAMIC = (ShapeOf, Size, SumTo, SplitLike)
"""What specialize-shapes and canonicalize leave nothing of."""


@dataclass
class Needs:
    """What an operation reads: values that could share its loops, and others, which must be in memory before."""

    links: dict[Group, list[Link]] = field(default_factory=dict)
    stored: list[Group] = field(default_factory=list)
    loaded: list[SSAValue] = field(default_factory=list)
    """Values that no group makes, and that are in memory already."""
    latest_outside: int = 0
    """The position of the last operation outside that it waits for."""

    @property
    def sources(self) -> list[Group]:
        """All groups that it reads from, the last one first."""
        found = dict.fromkeys(group.root() for group in (*self.links, *self.stored))
        return sorted(found, key=lambda group: -group.position)


class Scope:
    """The groups of one block, and what stays outside of them."""

    def __init__(self, block: Block, limit: int, outer: Scope | None = None) -> None:
        self.deferred = Deferred()
        self.order: dict[Operation, int] = {}
        """Where each operation stood in the program."""
        self.homes: dict[SSAValue, Group] = {}
        """The group that computes a value, before later merges: `root()` is the present one."""
        self.outside: list[Outside] = []
        self.replaced: list[Operation] = []
        """Operations for which others stand now."""
        self._limit = limit
        self._places: dict[SSAValue, Placement] = {}
        self._known: dict[SSAValue, Known] = {}
        self._outside_positions: dict[SSAValue, int] = {}
        self._contents = Contents()
        self._readers = Readers(self.deferred)
        self._next = 0
        self._walls = Walls(block)
        if outer is not None:
            self.deferred.inherit(outer.deferred)
            self.order = {op: outer.order[op] - len(outer.order) for op in outer.deferred.constants}
        for value in block.args:
            self.deferred.declare_input(value)
        for op in list(block.ops):
            self._visit(op)

    @property
    def groups(self) -> list[Group]:
        """All groups, each once."""
        return list(dict.fromkeys(group.root() for group in self.homes.values()))

    def _position(self) -> int:
        self._next += 1
        return self._next

    # ---- one operation ----------------------------------------------------------------------------------

    def _visit(self, op: Operation) -> None:
        self._readers.see(op)
        for rows in self._readers.rows_before(op):
            self._store(rows)
        made = expanded(op, self._contents)
        if made is not None:
            self.replaced.append(op)
            for new in made:
                self._visit(new)
            return
        self.order[op] = len(self.order)
        check_static(op)
        if self.deferred.takes(op) or self._takes_after_stored(op):
            self._readers.defer(op)
            if op not in self.deferred.constants and self._walls.are_crossed_by(op):
                for value in op.results:
                    self._store(value)
        elif is_grouped(op):
            self._group(op, op.results[0])
        else:
            self._leave_outside(op)

    def _takes_after_stored(self, op: Operation) -> bool:
        """Whether a view is deferred once its operands are stored: there were too many before it."""
        if not isinstance(op, VIEWS) or not runs_natively(op):
            return False
        for value in op.operands:
            self._store(value)
        return self.deferred.takes(op, after_stored=True)

    def _leave_outside(self, op: Operation) -> Outside:
        """Keeps the operation outside; what it and its regions use from here will be stored."""
        self._contents.observe(op)
        used = dict.fromkeys(v for inner in op.walk() for v in inner.operands)
        # A region repeats the constants around it where it needs them.
        stored = [v for v in used if v in op.operands or not self.deferred.is_constant(v)]
        sources = [group for v in stored if (group := self._store(v)) is not None]
        item = Outside(op, self._position())
        self.outside.append(item)
        for group in sources:
            group.root().users.append(item)
        self._readers.wait(item)
        for result in op.results:
            self._outside_positions[result] = item.position
            self.deferred.declare_input(result)
        if isinstance(op, Gate):
            self._walls.passed += 1
        return item

    def _store(self, value: SSAValue) -> Group | None:
        """Sees to it that the value will be in memory; gives the group that puts it there, if one does."""
        if value in self.homes:
            return self.homes[value].root()
        op = value.owner
        if not isinstance(op, Operation) or value not in self.deferred or value in self._outside_positions:
            return None
        is_alias = isinstance(op, ALIASES) and op not in self.deferred.constants
        if isinstance(op, MakeSlices) or is_alias:
            self._leave_outside(op)
            return None
        return self._group(op, value)

    # ---- into a group -----------------------------------------------------------------------------------

    def _group(self, op: Operation, value: SSAValue) -> Group:
        """Puts the operation that computes `value` into a group, with others where it can share their loops."""
        group, places = self._alone(op, value)
        size, which = len(group.space), next(iter(group.reductions), None)
        rows = self._rows_added_by(op)
        needs = self._needs(op, group, all_stored=rows is not None)
        group.position = self._position()
        group.whole = needs.stored
        sources = needs.sources
        if rows is not None:
            # Nobody else reads the sum of rows alone, so that the place of this operation is right for both.
            group = join_scatter(rows, group)
        linked: dict[Group, list[Link]] = {}
        for home, links in needs.links.items():
            linked.setdefault(home.root(), []).extend(links)
        for source in sources:
            if source in linked:
                moves_up = source is sources[0] and needs.latest_outside < source.position
                group = self._share(source, group, linked[source], moves_up)
        for source in sources:
            if source.root() is not group:
                source.root().users.append(group)
                group.whole.append(source)
        for loaded in needs.loaded:
            self._readers.add(loaded, group)
        known: list[Known] = [
            group.effective(k.known) for g, ks in linked.items() if g.root() is group for k in ks
        ]
        self.homes[value], self._places[value] = group, places
        self._known[value] = when_known(group, size, which, known)
        return group

    def _alone(self, op: Operation, value: SSAValue) -> tuple[Group, Placement]:
        """A group of this operation alone, and where `value` stands in it."""
        shape = shape_of_type((op.operands[0] if isinstance(op, Reduction) else value).type)
        space: list[Dim] = []
        dims: list[Dim | None] = []
        for extent in shape:
            dims.append(Dim(extent, len(space)) if extent != 1 else None)
            if dims[-1] is not None:
                space.append(dims[-1])
        kind: Kind = ALONE.get(type(op), "loop")
        group = Group(kind, 0, self._walls.passed, space, shape, members=[op])
        if not isinstance(op, Reduction):
            return group, tuple(dims)
        which, group.boundary = reduces(op, dims)
        group.reductions = frozenset({which})
        return group, placed(result_axes(op), tuple(dims))

    def _needs(self, op: Operation, group: Group, all_stored: bool) -> Needs:
        """What an operation alone in its group reads, through what is deferred."""
        needs = Needs()
        dims = iter(group.space)
        here: Placement = tuple(next(dims) if extent != 1 else None for extent in group.shape)
        pending: list[tuple[SSAValue, Placement | None]] = []

        def push(op: Operation, here: Placement | None) -> None:
            for number, operand in enumerate(op.operands):
                axes = operand_axes(op, number)
                pending.append((operand, None if axes is None or here is None else placed(axes, here)))

        push(op, None if all_stored else here)
        while pending:
            value, place = pending.pop()
            source = value.owner
            if isinstance(source, MakeSlices):
                push(source, None)
            elif value in self.homes and not (place is not None and self.deferred.is_constant(value)):
                home = self.homes[value].root()
                if place is None or value not in self._places:
                    needs.stored.append(home)
                    continue
                known = home.effective(self._known[value])
                link = Link(value, self._places[value], place, known, by_scalar=not group.space)
                needs.links.setdefault(home, []).append(link)
            elif place is not None and value in self.deferred:
                assert isinstance(source, Operation)
                push(source, place)
            else:
                stored = self._store(value)
                needs.stored += [] if stored is None else [stored]
                needs.loaded += [value] if stored is None else []
                needs.latest_outside = max(needs.latest_outside, self._outside_positions.get(value, 0))
        return needs

    def _share(self, source: Group, group: Group, links: list[Link], moves_up: bool) -> Group:
        """One group of the two, if they can share loops and the order of everything else allows it."""
        if group.reads_whole(source):
            return group
        fitted = fit(source, group, links, self._limit)
        if fitted is None:
            return group
        if moves_up:
            return join(source, group, fitted, source.position)
        return group if source.is_used_before(group) else join(source, group, fitted, group.position)

    def _rows_added_by(self, op: Operation) -> Group | None:
        """The scatter kernel of rows that only this operation needs, to add them to (or subtract from) a tensor."""
        if not isinstance(op, ADDS_ROWS) or len(op.operands) != 2:
            return None
        for number in (1,) if isinstance(op, Subtract) else (1, 0):
            rows = op.operands[number]
            if isinstance(rows.owner, Densify) and rows.has_one_use() and rows in self.homes:
                home = self.homes[rows].root()
                is_base = op.operands[1 - number].type == rows.type
                if home.wall == self._walls.passed and len(home.members) == 1 and is_base:
                    return home
        return None


def check_static(op: Operation) -> None:
    """Raises DiagnosticError for what has no place in a schedule: shapes that are not known."""
    tensors = [r.type for r in op.results if isinstance(r.type, TensorType)]
    if isinstance(op, DYNAMIC) or not all(map(is_static, tensors)):
        raise DiagnosticError(
            f"'{op.name}': a schedule needs static shapes: run specialize-shapes and canonicalize first", op
        )


def placed(axes: Axes, here: Placement) -> Placement:
    """Where a value stands whose axes run along these axes of an operation that stands `here`."""
    return tuple(None if axis is None else here[axis] for axis in axes)


def reduces(op: Reduction, dims: list[Dim | None]) -> tuple[Reduces, int | None]:
    """Which dims an operation reduces, and the boundary between those and the rest."""
    indices = [dim.index for axis in op.reduced if (dim := dims[axis]) is not None]
    rank = sum(dim is not None for dim in dims)
    if len(indices) == rank:
        return "all", None
    return ("leading", len(indices)) if indices[0] == 0 else ("trailing", rank - len(indices))


def when_known(group: Group, size: int, which: Known, linked: list[Known]) -> Known:
    """When a value is known that was just put into its group.

    `size` is the number of dims that its operation runs over, `which` of them it reduces (if any), and `linked` says
    when what it needs of the group is known.
    """
    if which is not None:
        return "late" if size < len(group.space) else group.effective(which)
    if size == len(group.space):
        return None
    return "late" if "late" in linked else next((known for known in linked if known), None)
