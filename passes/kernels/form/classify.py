"""Classification: what is computed in kernels, deferred to its uses, or left outside of kernels (the second walk).

    %b = graph.broadcast_to %v            deferred
    %h = graph.add %x, %b                 computed: accesses %x along its axes (0, 1), %v along (1)
    %m = graph.max %h {axes = [1]}        computed: accesses %h along (0, 1)
    %d = graph.subtract %h, %m            computed: accesses %m along (0, none), %h along (0, 1)
    %p = graph.matmul %d, %w              computed: %d and %w must be in memory before
    func.return %p                        outside, after %p

So a deferred operation is looked through: `%h` accesses `%v`. All but the deferred ones are *steps*. A deferred value
that something needs in memory is computed, too: an extra step comes before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.op.access import Axes
from pullback.dialects.graph.op.indexed import (
    Alias,
    Uniform,
    View,
    operand_axes,
    reads_where_it_writes,
    rows_terms,
)
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.passes.kernels.form.deferred import Deferred
from pullback.passes.kernels.form.gates import Barriers
from pullback.passes.kernels.form.legalize import Bundle
from pullback.passes.kernels.form.variable_readers import Readers
from pullback.passes.lowering.support import runs_natively


@dataclass(frozen=True)
class Access:
    """A value that an operation reads, directly or through deferred ones.

    `axes` is the access map: for each axis of the value the axis of the operation's iteration space along which it
    runs. It is `None` where the whole value must be in memory before the kernel starts.
    """

    value: SSAValue
    axes: Axes | None


@dataclass(frozen=True, eq=False)
class Computed:
    """A value that a kernel computes, and what its operation reads."""

    op: Operation
    value: SSAValue
    accesses: tuple[Access, ...]
    segment: int
    """The number of gates before the operation that needs it: nothing is fused across a gate."""
    rows: SSAValue | None
    """The sum of rows that the operation adds to a tensor or subtracts from it: one scatter kernel does both."""


@dataclass(frozen=True, eq=False)
class Outside:
    """An operation that stays outside of kernels, and the values that are computed before it."""

    op: Operation
    after: tuple[SSAValue, ...]


Step: TypeAlias = Computed | Outside


@dataclass(frozen=True)
class Classified:
    """The classes of a block's operations: computed in kernels, left outside, or deferred."""

    steps: tuple[Step, ...]
    """What is computed and what stays outside, each after all that it needs."""
    deferred: frozenset[Operation]
    """What each kernel that needs it computes for itself, also where it is among the steps."""
    constants: Mapping[Operation, int]
    """Those of the deferred that read nothing, in order, and how many operations each repeats."""
    order: Mapping[Operation, int]
    """The number of each operation in the program; the constants around the block come first."""


def classify(block: Block, bundles: Sequence[Bundle], around: Mapping[Operation, int]) -> Classified:
    """Classifies each operation of a legal block; `around` are the constants of blocks around it."""
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
    """The walk as far as it has come."""

    def __init__(self, block: Block, around: Mapping[Operation, int]) -> None:
        self.steps: list[Step] = []
        self.deferred = Deferred(around)
        self._readers = Readers(self.deferred)
        self._barriers = Barriers(block)
        self._segment = 0
        self._computed: dict[SSAValue, Computed] = {}
        self._outside: set[SSAValue] = set()
        for value in block.args:
            self.deferred.declare_input(value)

    def visit(self, bundle: Bundle) -> None:
        """Classifies the operations of a bundle."""
        if not bundle:
            return
        self._segment = self._barriers.segment(bundle[0])
        self._readers.see(bundle)
        for rows in self._readers.rows_before(bundle):
            self._store(rows)
        for op in bundle:
            self._visit(op)

    def _visit(self, op: Operation) -> None:
        self._segment = self._barriers.segment(op)
        is_native = runs_natively(op)
        if is_native and (self.deferred.takes(op) or self._takes_after_stored(op)):
            self._readers.defer(op)
            if op not in self.deferred.constants and self._barriers.are_crossed_by(op):
                for value in op.results:
                    self._store(value)
        elif is_native and not isinstance(op, View | Uniform):
            self._compute(op, op.results[0])
        else:
            self._leave_outside(op)

    def _takes_after_stored(self, op: Operation) -> bool:
        """Defers a view whose operands are stored, where too many views came before it; tells whether it did."""
        if not isinstance(op, View):
            return False
        for value in op.operands:
            self._store(value)
        return self.deferred.takes(op, after_stored=True)

    def _leave_outside(self, op: Operation) -> None:
        """Adds the step of an operation outside, after those of what it and its regions use."""
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
        """Adds the step of a deferred value that must be in memory, unless there is one."""
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
        """Adds the step of a value, after those of what must be in memory for it."""
        rows = self._rows_added_by(op)
        accesses = self._accesses(op, value, all_stored=rows is not None)
        step = self._computed[value] = Computed(op, value, accesses, self._segment, rows)
        self.steps.append(step)
        for access in accesses:
            if access.value not in self._computed:
                self._readers.add(access.value, value)

    def _accesses(self, op: Operation, value: SSAValue, all_stored: bool) -> tuple[Access, ...]:
        """Finds what an operation reads, through what is deferred; stores what must be in memory."""
        found: list[Access] = []
        pending: list[Access] = []

        def push(op: Operation, here: Axes | None, result: int = 0) -> None:
            for number, operand in enumerate(op.operands):
                # An axis of extent 1 runs along no dim, whatever reads it.
                if here is not None and None not in here and reads_where_it_writes(op, operand):
                    there = here
                else:
                    axes = operand_axes(op, number, result)
                    there = None if axes is None or here is None else composed(axes, here)
                pending.append(Access(operand, there))

        here = tuple(axis if extent != 1 else None for axis, extent in enumerate(loop_shape(op, value)))
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
        """Finds the sum of rows that only this operation needs, to add it to (or subtract it from) a tensor."""
        for number in rows_terms(op):
            rows = op.operands[number]
            if rows.has_one_use() and rows in self._computed:
                is_base = op.operands[1 - number].type == rows.type
                if self._computed[rows].segment == self._segment and is_base:
                    return rows
        return None


def loop_shape(op: Operation, value: SSAValue) -> tuple[int, ...]:
    """Gives the extents of the loops that a result is computed in: for a reduction those of its operand."""
    return shape_of_type((op.operands[0] if isinstance(op, Reduction) else value).type)


def composed(axes: Axes, here: Axes) -> Axes:
    """Composes access maps: of a value along axes of an operation, and of that along those of another (`here`)."""
    return tuple(None if axis is None else here[axis] for axis in axes)
