"""Values that are cheaper to compute again than to store: what one stored tensor tells."""

from __future__ import annotations

from collections import defaultdict

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.kernel.access import operand_axes
from pullback.dialects.graph.state.variables import Read
from pullback.passes.kernels.form.build_kernels import Contents
from pullback.passes.kernels.form.deferred import is_cheap, size_of
from pullback.passes.kernels.form.grouping import Scope
from pullback.passes.kernels.form.groups import Group

MOST_OPERATIONS = 8
Repeats = dict[Group, set[SSAValue]]
"""Values of other groups that a group computes again for itself."""


def cheap_repeats(scope: Scope, kernels: dict[Group, Contents], outside: set[SSAValue]) -> Repeats:
    """Which values their readers should compute again, so that nobody has to store them.

    That is worth it where a few cheap operations lead from one tensor of the same size, which is stored anyway: the
    slope `1 - y * y` of a tanh, say, whose `y` the next layer needs. `outside` is read outside of kernels.
    """
    readers: defaultdict[SSAValue, list[Group]] = defaultdict(list)
    for group, contents in kernels.items():
        for value in contents.inputs:
            if value in scope.homes:
                readers[value].append(group)
    repeats: Repeats = defaultdict(set)
    dropped: set[SSAValue] = set()
    kept: set[SSAValue] = set()
    for value, groups in readers.items():
        if value in outside or value in kept:
            continue
        found = _from_one_tensor(scope, value)
        if found is None:
            continue
        steps, leaves = found
        home = scope.homes[value].root()
        stored = all(v not in scope.homes or (v in readers and v not in dropped) for v in leaves)
        if stored and all(_may_repeat(home, group, kernels[group], steps) for group in groups):
            dropped.add(value)
            kept |= leaves
            for group in groups:
                repeats[group] |= steps
    return repeats


def _may_repeat(home: Group, reader: Group, contents: Contents, steps: set[SSAValue]) -> bool:
    """Whether a reader may compute these values within its loops: it reads none whole, and no gate is between."""
    if reader.kind not in ("loop", "matmul") or reader.wall != home.wall:
        return False
    uses = [(op, i) for op in contents.ops for i, operand in enumerate(op.operands) if operand in steps]
    return all(operand_axes(op, i) is not None for op, i in uses)


def _from_one_tensor(scope: Scope, value: SSAValue) -> tuple[set[SSAValue], set[SSAValue]] | None:
    """The values on the way to `value` from at most one tensor as large, and what they are computed from."""
    home = scope.homes[value].root()
    steps: set[SSAValue] = set()
    leaves: set[SSAValue] = set()
    pending = [value]
    while pending:
        at = pending.pop()
        if at in steps or at in leaves or scope.deferred.is_constant(at):
            continue
        op = at.owner
        here = at in scope.homes and scope.homes[at].root() is home
        if here and isinstance(op, Operation) and is_cheap(op):
            steps.add(at)
            pending += op.operands
        elif at in scope.deferred or isinstance(op, Read):
            # Old contents of a variable should be done with soon: an update may be waiting.
            return None
        else:
            leaves.add(at)
    large = sum(size_of(leaf) >= size_of(value) for leaf in leaves)
    return (steps, leaves) if value in steps and len(steps) <= MOST_OPERATIONS and large <= 1 else None
