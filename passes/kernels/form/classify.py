"""Classification: what a kernel computes, what is computed where it is needed, what stays outside (the second walk)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.op.access import Axes
from pullback.dialects.graph.op.indexed import Alias, View, operand_axes, rows_terms
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.passes.kernels.form.deferred import Deferred
from pullback.passes.kernels.form.gates import Walls
from pullback.passes.kernels.form.legalize import Bundle
from pullback.passes.kernels.form.variable_readers import Readers
from pullback.passes.lowering.support import is_grouped, runs_natively


@dataclass(frozen=True)
class Access:
    """A value that an operation reads, past what is deferred in between.

    `axes` gives for each axis of the value the axis of the operation's iteration space along which it runs. It is
    `None` where the whole value must be in memory before the kernel starts.
    """

    value: SSAValue
    axes: Axes | None


@dataclass(frozen=True, eq=False)
class Computed:
    """A value that a kernel computes, and what its operation reads."""

    op: Operation
    value: SSAValue
    accesses: tuple[Access, ...]
    wall: int
    """How many gates come before."""
    rows: SSAValue | None
    """The sum of rows that the operation adds to a tensor, or subtracts: one scatter kernel does both."""


@dataclass(frozen=True, eq=False)
class Outside:
    """An operation that stays outside of kernels, and the values that are computed before it."""

    op: Operation
    after: tuple[SSAValue, ...]


Step: TypeAlias = Computed | Outside


@dataclass(frozen=True)
class Classified:
    """The operations of a block by what becomes of them."""

    steps: tuple[Step, ...]
    """What is computed and what stays outside, in the order of the program."""
    deferred: frozenset[Operation]
    """What is computed again in each kernel that needs it. Some of it is among the steps, too: it is stored as well."""
    constants: Mapping[Operation, int]
    """Of those the ones that read nothing, in order, and how many operations each repeats."""
    order: Mapping[Operation, int]
    """Where each operation lies in the program, those around the block first."""


def classify(block: Block, bundles: Sequence[Bundle], around: Mapping[Operation, int]) -> Classified:
    """Decides for each operation of a legal block; `around` are constants of blocks around it."""
    walk = _Walk(block, around)
    for bundle in bundles:
        walk.visit(bundle)
    everything = [*around, *(op for bundle in bundles for op in bundle)]
    return Classified(
        tuple(walk.steps),
        frozenset(walk.deferred.sizes),
        walk.deferred.constants,
        {op: number for number, op in enumerate(everything)},
    )


class _Walk:
    """The walk so far."""

    def __init__(self, block: Block, around: Mapping[Operation, int]) -> None:
        self.steps: list[Step] = []
        self.deferred = Deferred(around)
        self._readers = Readers(self.deferred)
        self._walls = Walls(block)
        self._wall = 0
        self._computed: dict[SSAValue, Computed] = {}
        self._outside: set[SSAValue] = set()
        for value in block.args:
            self.deferred.declare_input(value)

    def visit(self, bundle: Bundle) -> None:
        if not bundle:
            return
        self._wall = self._walls.before(bundle[0])
        self._readers.see(bundle)
        for rows in self._readers.rows_before(bundle):
            self._store(rows)
        for op in bundle:
            self._visit(op)

    def _visit(self, op: Operation) -> None:
        self._wall = self._walls.before(op)
        if self.deferred.takes(op) or self._takes_after_stored(op):
            self._readers.defer(op)
            if op not in self.deferred.constants and self._walls.are_crossed_by(op):
                for value in op.results:
                    self._store(value)
        elif is_grouped(op):
            self._compute(op, op.results[0])
        else:
            self._leave_outside(op)

    def _takes_after_stored(self, op: Operation) -> bool:
        """Whether a view is deferred once its operands are stored: there were too many before it."""
        if not isinstance(op, View) or not runs_natively(op):
            return False
        for value in op.operands:
            self._store(value)
        return self.deferred.takes(op, after_stored=True)

    def _leave_outside(self, op: Operation) -> None:
        """Keeps the operation outside; what it and its regions use from here will be stored."""
        used = dict.fromkeys(v for inner in op.walk() for v in inner.operands)
        # A region repeats the constants around it where it needs them.
        stored = [v for v in used if v in op.operands or not self.deferred.is_constant(v)]
        for value in stored:
            self._store(value)
        computed = [v for v in stored if v in self._computed]
        self.steps.append(Outside(op, (*computed, *self._readers.take(op))))
        for result in op.results:
            self._outside.add(result)
            self.deferred.declare_input(result)

    def _store(self, value: SSAValue) -> None:
        """Sees to it that the value will be in memory."""
        op = value.owner
        if value not in self.deferred or value in self._computed or value in self._outside:
            return
        assert isinstance(op, Operation)
        is_alias = isinstance(op, Alias) and op not in self.deferred.constants
        if isinstance(op, MakeSlices) or is_alias:
            self._leave_outside(op)
        else:
            self._compute(op, value)

    def _compute(self, op: Operation, value: SSAValue) -> None:
        rows = self._rows_added_by(op)
        accesses = self._accesses(op, value, all_stored=rows is not None)
        step = self._computed[value] = Computed(op, value, accesses, self._wall, rows)
        self.steps.append(step)
        for access in accesses:
            if access.value not in self._computed:
                self._readers.add(access.value, value)

    def _accesses(self, op: Operation, value: SSAValue, all_stored: bool) -> tuple[Access, ...]:
        """What an operation reads, through what is deferred; stores what must be in memory."""
        found: list[Access] = []
        pending: list[Access] = []

        def push(op: Operation, here: Axes | None, result: int = 0) -> None:
            for number, operand in enumerate(op.operands):
                axes = operand_axes(op, number, result)
                there = None if axes is None or here is None else composed(axes, here)
                pending.append(Access(operand, there))

        here = tuple(axis if extent != 1 else None for axis, extent in enumerate(iteration_shape(op, value)))
        push(op, None if all_stored else here)
        while pending:
            access = pending.pop()
            source = access.value.owner
            is_inside = access.axes is not None and access.value in self.deferred
            if isinstance(source, MakeSlices):
                push(source, None)
            elif is_inside and (
                access.value not in self._computed or self.deferred.is_constant(access.value)
            ):
                assert isinstance(source, Operation)
                push(source, access.axes, source.results.index(access.value))
            else:
                self._store(access.value)
                found.append(access)
        return tuple(found)

    def _rows_added_by(self, op: Operation) -> SSAValue | None:
        """The sum of rows that only this operation needs, to add it to (or subtract it from) a tensor."""
        for number in rows_terms(op):
            rows = op.operands[number]
            if rows.has_one_use() and rows in self._computed:
                is_base = op.operands[1 - number].type == rows.type
                if self._computed[rows].wall == self._wall and is_base:
                    return rows
        return None


def iteration_shape(op: Operation, value: SSAValue) -> tuple[int, ...]:
    """The extents of the loops in which an operation computes one of its results: a reduction's operand's."""
    return shape_of_type((op.operands[0] if isinstance(op, Reduction) else value).type)


def composed(axes: Axes, here: Axes) -> Axes:
    """The map of a value whose axes run along these axes of an operation that has the map `here` itself."""
    return tuple(None if axis is None else here[axis] for axis in axes)
