"""`merge-loops`: loop fusion: a loop, and a later one that computes the same and more, become one.

The gradient of a loop begins with a twin of it that also counts trips and keeps values; the original need not run then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, IRNode, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.ir.operations_within import operations_of_class
from pullback.passes.rewriting.replacement import Replacements
from pullback.passes.rewriting.statistic import Statistic
from pullback.passes.simplify.canonicalize import settled_functions
from pullback.passes.simplify.side_effects import reads_in, updates_in

Values: TypeAlias = dict[SSAValue, SSAValue]
OpKey: TypeAlias = tuple[object, ...]


@dataclass(frozen=True)
class MergeLoops(ModulePass):
    """Replaces each `graph.while` by a later one of its block that has it as a prefix.

    That one has the same first inits and the same condition, and its body computes the same first values. The loop is
    merged only if it updates no variable, if nothing between the two updates one that it reads, and if nothing between
    them uses its results.
    """

    name = "merge-loops"
    anchor = "func.func"
    merged = Statistic("loops that became part of a later one")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in settled_functions(op):
            loops: dict[Block, list[While]] = {}
            for inner in operations_of_class(While, function):
                if inner.parent is not None:
                    loops.setdefault(inner.parent, []).append(inner)
            for block, own in loops.items():
                there = [loop for loop in own if loop.parent is block]  # not in a loop that has been merged
                if len(there) > 1:
                    merge_in(block, there)


def merge_in(block: Block, loops: Sequence[While]) -> None:
    """Merges loops of one block, in order."""
    positions = {op: i for i, op in enumerate(block.ops)}
    by_init: dict[SSAValue | None, list[While]] = {}
    for loop in loops:
        by_init.setdefault(loop.operands[0] if loop.operands else None, []).append(loop)
    replacements = Replacements()
    for group in by_init.values():
        for i, loop in enumerate(group):
            for other in group[i + 1 :]:
                if _may_wait(loop, other, positions) and is_prefix(loop, other):
                    replacements.replace(loop, other.results[: len(loop.results)])
                    break
    MergeLoops.merged.add(len(replacements.replaced))
    if replacements.replaced:
        for op in block.walk():
            replacements.update(op)
        replacements.drop_replaced()


def _may_wait(loop: While, other: While, positions: dict[Operation, int]) -> bool:
    """Tells whether `loop` may be moved to where `other` is: nothing between them uses it, or updates what it reads."""
    end = positions[other]
    for result in loop.results:
        for use in result.uses:
            user = use.operation
            while user not in positions:
                user = user.parent_op()
                assert user is not None
            if positions[user] <= end:
                return False
    if updates_in(loop) or updates_in(other):
        return False
    if not reads_in(loop):
        return True
    between = loop.next_op
    while between is not None and between is not other:
        if updates_in(between):
            return False
        between = between.next_op
    return True


def is_prefix(loop: While, other: While) -> bool:
    """Tells whether the first carried values of `other` are those of `loop`, trip by trip."""
    count = len(loop.operands)
    if count >= len(other.operands) or loop.properties != other.properties:
        return False
    if any(a is not b for a, b in zip(loop.operands, other.operands, strict=False)):
        return False
    for region, longer in zip(loop.regions, other.regions, strict=True):
        known = _matched(region, longer, {})
        pairs = zip(_ends_of(region), _ends_of(longer), strict=False)
        if any(known.get(a, a) is not b for a, b in pairs):
            return False
    return True


def _ends_of(region: Region) -> Sequence[SSAValue]:
    last = region.block.last_op
    return last.operands if last is not None else ()


def _matched(region: Region, longer: Region, outside: Values) -> Values:
    """Maps the values of one region to equal ones of another."""
    known = {**outside, **dict(zip(region.block.args, longer.block.args, strict=False))}
    theirs: dict[OpKey, list[Operation]] = {}
    for op in longer.block.ops:
        theirs.setdefault(_key(op, {}), []).append(op)
    for op in region.block.ops:
        candidates = theirs.get(_key(op, known), ())
        equal = next((c for c in candidates if _same_regions(op, c, known)), None)
        if equal is not None:
            known.update(zip(op.results, equal.results, strict=True))
    return known


def _key(op: Operation, known: Values) -> OpKey:
    """Equal for operations of equal meaning, up to their regions."""
    operands = tuple(id(known.get(v, v)) for v in op.operands)
    attributes = frozenset({**op.attributes, **op.properties}.items())
    return (type(op), operands, attributes, op.result_types)


def _same_regions(a: Operation, b: Operation, known: Values) -> bool:
    context: dict[IRNode | SSAValue, IRNode | SSAValue] = {**known}
    return all(
        mine.is_structurally_equivalent(yours, context)
        for mine, yours in zip(a.regions, b.regions, strict=True)
    )
