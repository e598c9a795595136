"""Rematerialisation: values that kernels compute again rather than store (the fourth walk).

    %y = graph.tanh %x               group 1
    %q = graph.square %y             group 1
    %p = graph.matmul %y, %w         group 2, reads %y
    %d = graph.matmul %e, %w         group 3
    %g = graph.multiply %d, %q       group 3, reads %q

At first group 1 yields %y and %q. %y is stored for group 2 in any case, and %q is one cheap operation away from it. So
group 3 reads %y and computes %q again: its body is {q, d, g}, and group 1 computes and yields %y alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.indexed import Concatenation, shares_loops
from pullback.dialects.graph.state.variables import Read
from pullback.passes.kernels.form.bodies import Bodies, Body, Cones, Repeats
from pullback.passes.kernels.form.classify import Classified, Outside
from pullback.passes.kernels.form.deferred import is_cheap, size_of
from pullback.passes.kernels.form.grouping import Groups
from pullback.passes.kernels.form.groups import Group
from pullback.passes.lowering.kinds import CONCAT
from pullback.passes.lowering.outputs import source_of_piece

MOST_OPERATIONS = 8
"""The longest way from a stored value to one that is computed again."""
SMALL = 16
"""A tensor that has this many times fewer elements than another, a mean of its rows say, may be stored for it."""


def rematerialize(classified: Classified, groups: Groups) -> Bodies:
    """Finds the body of each group's kernel: what those after it need of it. A group that nothing needs has none."""
    items = [item for item in groups.items if isinstance(item, Outside)]
    outside = {v for item in items for inner in item.op.walk() for v in inner.operands}
    bodies = _bodies(classified, groups, outside, {})
    repeats = cheap_repeats(classified, groups, bodies, outside)
    computed = pieces_computed(classified, groups, bodies, outside)
    repeats = {
        group: repeats.get(group, set()) | computed.get(group, set()) for group in {**repeats, **computed}
    }
    return _bodies(classified, groups, outside, repeats) if repeats else bodies


def _bodies(classified: Classified, groups: Groups, outside: set[SSAValue], repeats: Repeats) -> Bodies:
    """Goes from the last kernel to the first (liveness): what is needed of each, and what that needs in turn."""
    results: defaultdict[Group, list[SSAValue]] = defaultdict(list)
    for value, home in groups.homes.items():
        results[home].append(value)
    cones = Cones(classified, groups, repeats)
    needed = set(outside)
    bodies: dict[Group, Body] = {}
    for item in reversed(groups.items):
        if isinstance(item, Outside) or not (outputs := [v for v in results[item] if v in needed]):
            continue
        outputs.sort(key=lambda v: classified.order[v.owner])  # pyright: ignore[reportArgumentType] only operations have homes
        bodies[item] = cones.of(item, outputs)
        needed.update(bodies[item].inputs)
    return bodies


def cheap_repeats(
    classified: Classified, groups: Groups, bodies: Bodies, outside: set[SSAValue]
) -> Mapping[Group, set[SSAValue]]:
    """Finds values that all their readers should compute again, so that they are not stored at all.

    That is worth it where a few cheap operations lead from tensors that are stored anyway, or are small, of which a
    reader reads at most one as large that it would not read otherwise: the slope `1 - y * y` of a tanh, say, whose `y`
    the next layer needs, the product of two tensors that the reader has, or rows minus their mean.
    `outside` is read outside of kernels.
    """
    readers: defaultdict[SSAValue, list[Group]] = defaultdict(list)
    for group, body in bodies.items():
        for value in body.inputs:
            if value in groups.homes:
                readers[value].append(group)
    repeats: defaultdict[Group, set[SSAValue]] = defaultdict(set)
    dropped: set[SSAValue] = set()
    kept: set[SSAValue] = set()
    for value, users in readers.items():
        if value in outside or value in kept:
            continue
        found = _from_others(classified, groups, value)
        if found is None:
            continue
        steps, leaves = found
        small = {leaf for leaf in leaves if is_small_beside(leaf, value)}
        stored = all(v not in groups.homes or (v in readers and v not in dropped) for v in leaves - small)
        stored = stored and not dropped & small
        home = groups.homes[value]
        large = {leaf for leaf in leaves if size_of(leaf) >= size_of(value)}
        if stored and all(_may_repeat(home, group, bodies[group], steps, large) for group in users):
            dropped.add(value)
            kept |= leaves
            for group in users:
                repeats[group] |= steps
    return repeats


def is_small_beside(leaf: SSAValue, value: SSAValue) -> bool:
    """Tells whether storing one tensor takes next to nothing beside storing another."""
    return size_of(leaf) * SMALL <= size_of(value)


def pieces_computed(
    classified: Classified, groups: Groups, bodies: Bodies, outside: set[SSAValue]
) -> Repeats:
    """Finds what is computed only to be put together with other pieces: the kernel of those can compute it in place."""
    readers: defaultdict[SSAValue, list[Group]] = defaultdict(list)
    for group, body in bodies.items():
        for value in body.inputs:
            readers[value].append(group)
    found: defaultdict[Group, set[SSAValue]] = defaultdict(set)
    for group, body in bodies.items():
        if group.kind is not CONCAT:
            continue
        for value in body.inputs:
            home = groups.homes.get(value)
            if home is None or value in outside or readers[value] != [group] or not _is_piece(body, value):
                continue
            if bodies[home].outputs == [value] and _moves(home, group, bodies[home], classified):
                found[group].update(v for op in bodies[home].ops for v in op.results if v in groups.homes)
    return found


def _is_piece(body: Body, value: SSAValue) -> bool:
    """Tells whether all that a kernel does with a value is to put it in its place, perhaps in another shape."""
    uses = [op for op in body.ops if value in op.operands]
    if len(uses) == 1 and isinstance(uses[0], Reshape):
        shaped = uses[0].results[0]
        return source_of_piece(shaped) is value and _is_piece(body, shaped)
    return len(uses) == 1 and isinstance(uses[0], Concatenation) and list(uses[0].operands).count(value) == 1


def _moves(home: Group, group: Group, body: Body, classified: Classified) -> bool:
    """Tells whether a kernel computes a few elementwise operations, which that of another group can do as well."""
    if home.kind is not None or home.reductions or home.boundary is not None:
        return False
    if home.segment != group.segment or home.device != group.device:
        return False
    computed = [op for op in body.ops if op not in classified.deferred]
    # Old contents of a variable should be done with soon: an update may be waiting.
    return len(computed) <= MOST_OPERATIONS and not any(isinstance(v.owner, Read) for v in body.inputs)


def _may_repeat(home: Group, reader: Group, body: Body, steps: set[SSAValue], large: set[SSAValue]) -> bool:
    """Tells whether a reader should compute these values in its loops: it reads none whole, no gate is between, and
    of the large values that it takes for that at most one is not read anyway.
    """
    if len(large.difference(body.inputs)) > 1:
        return False
    if reader.segment != home.segment or not (reader.kind is None or reader.kind.has_epilogue):
        return False
    uses = [(op, i) for op in body.ops for i, operand in enumerate(op.operands) if operand in steps]
    return all(shares_loops(op, i) for op, i in uses)


def _from_others(
    classified: Classified, groups: Groups, value: SSAValue
) -> tuple[set[SSAValue], set[SSAValue]] | None:
    """Finds the cheap operations that lead to a value, and what these start from."""
    home = groups.homes[value]
    steps: set[SSAValue] = set()
    leaves: set[SSAValue] = set()
    pending = [value]
    while pending:
        at = pending.pop()
        op = at.owner
        if at in steps or at in leaves or op in classified.constants:
            continue
        if groups.homes.get(at) is home and is_small_beside(at, value):
            leaves.add(at)
        elif groups.homes.get(at) is home and isinstance(op, Operation) and is_cheap(op):
            if len(steps) == MOST_OPERATIONS:
                return None
            steps.add(at)
            pending += op.operands
        elif op in classified.deferred or isinstance(op, Read):
            # Old contents of a variable should be done with soon: an update may be waiting.
            return None
        else:
            leaves.add(at)
    return (steps, leaves) if value in steps else None
