"""Activity analysis: the values that depend on an x, and the operations between xs and ys that gradients pass."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from xdsl.ir import BlockArgument, Operation, SSAValue

from pullback.dialects.graph.state.control_flow import captured_values
from pullback.dialects.graph.tensor.types import differentiable_type
from pullback.passes.gradients.rule_registry import facts_of, is_barrier
from pullback.passes.gradients.visible import Visible, levels


@dataclass(frozen=True)
class Paths:
    """The active part of the blocks that a request sees.

    Attributes:
        reached: values of differentiable type that depend on an x, the xs among them.
        carried: those that loops around carry, and that depend on an x outside of their loop.
        pending: for each operation between xs and ys, how many edges into its results will deliver a gradient.
    """

    reached: Collection[SSAValue]
    carried: Collection[BlockArgument]
    pending: dict[Operation, int]


def inputs_of(op: Operation) -> Sequence[SSAValue]:
    """The operands of an operation, and the values that its regions use from outside as they run."""
    runs_regions = op.regions and not facts_of(type(op)).closure
    return [*op.operands, *captured_values(op)] if runs_regions else op.operands


def find_paths(
    ys: Sequence[SSAValue], xs: Sequence[SSAValue], stops: Collection[SSAValue], visible: Visible
) -> Paths:
    """Finds the active values and operations: forward from the xs, back from the ys. Each edge is visited once."""
    reached: set[SSAValue] = set()
    carried: set[BlockArgument] = set()
    for level, group in levels(xs, visible).items():
        reached |= _reach_forward(group, level, visible, carried)
    return Paths(reached, carried, _walk_back(ys, reached, stops, visible))


def _reach_forward(
    xs: Sequence[SSAValue], level: int, visible: Visible, all_carried: set[BlockArgument]
) -> set[SSAValue]:
    """The values that depend on xs of one block; adds those that loops carry to `all_carried`."""
    reached: set[SSAValue] = set()
    seen: set[Operation] = set()
    work = [x for x in xs if differentiable_type(x.type)]
    while work:
        value = work.pop()
        if value in reached:
            continue
        reached.add(value)
        for use in value.uses:
            op = use.operation
            carried = visible.carried_from(op, use.index, level) if visible.loops else ()
            if carried:
                if differentiable_type(value.type):
                    all_carried.update(carried)
                    work.extend(carried)
                continue
            if op.parent not in visible.passed:
                op = visible.holder(op)
                if op is not None and facts_of(type(op)).closure:
                    continue  # how a gradient is computed is no path
            if op is None or op in seen:
                continue
            seen.add(op)
            if not is_barrier(op):
                work.extend(r for r in op.results if differentiable_type(r.type))
    return reached


def _walk_back(
    ys: Sequence[SSAValue], reached: Collection[SSAValue], stops: Collection[SSAValue], visible: Visible
) -> dict[Operation, int]:
    """The active operations, with the number of edges that will deliver to each (its in-degree in reverse)."""
    pending: dict[Operation, int] = {}

    def producer(value: SSAValue) -> Operation | None:
        owner = value.owner
        if value not in reached or value in stops or not isinstance(owner, Operation):
            return None
        if owner.parent not in visible.passed or is_barrier(owner):
            return None
        return owner if any(v in reached for v in inputs_of(owner)) else None

    work: list[Operation] = []
    for y in ys:
        op = producer(y)
        if op is not None and op not in pending:
            pending[op] = 0
            work.append(op)
    while work:
        for value in inputs_of(work.pop()):
            op = producer(value)
            if op is None:
                continue
            if op not in pending:
                pending[op] = 0
                work.append(op)
            pending[op] += 1
    return pending
