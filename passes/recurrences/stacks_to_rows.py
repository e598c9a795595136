"""`stacks-to-rows`: what one loop pushes and another one pops, trip by trip backwards, becomes a tensor of all rows.

Of two loops of six trips, as a recurrence and its gradient are

    %stack = graph.while %none … do {                      %rows = graph.while %zeros … do {
    ^bb0(%s …):                                            ^bb0(%r …):
      %t = graph.push %s, %h                                 %t = row %i of %r replaced by %h
      graph.yield %t …                      becomes          graph.yield %t …
    }                                                      }
    graph.while %stack … do {                              graph.while … do {
    ^bb0(%s …):                                            ^bb0(%j …):
      %t, %h = graph.pop %s                                  %h = graph.gather %rows, %j
      graph.yield %t …                                       graph.yield …

A stack grows, and what is popped is a copy. The tensor has its place in the plan of memory, and kernels read its rows
where they lie.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ComplexType, ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.stacks import Pop
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.types import element_type_of
from pullback.dialects.ir.operations_within import operations_of_class
from pullback.passes.recurrences.kept_rows import KeptRows
from pullback.passes.recurrences.known_trips import trip_count
from pullback.passes.recurrences.loop_values import before, is_tensor
from pullback.passes.rewriting.replacement import replace_in
from pullback.passes.rewriting.statistic import Statistic
from pullback.passes.simplify.canonicalize import settled_functions
from pullback.passes.simplify.dce import remove_dead


@dataclass(frozen=True)
class StacksToRows(ModulePass):
    """Makes tensors of stacks that one loop fills and another empties, where both run equally often, and it is known
    how often.

    Extents must be static. Stacks of complex numbers stay: the host would have to copy their rows.
    """

    name = "stacks-to-rows"
    anchor = "func.func"
    replaced = Statistic("stacks that became tensors")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in settled_functions(op):
            loops = operations_of_class(While, function)
            found = sum(map(replace_stacks, loops))
            if found:
                StacksToRows.replaced.add(found)
                remove_dead(function)


def replace_stacks(loop: While) -> int:
    """Lets a loop read rows instead of popping them; how many stacks it did so for."""
    trips = trip_count(loop)
    if not trips:
        return 0
    rows = KeptRows.of(loop, trips)
    pops = [op for op in loop.body.block.ops if isinstance(op, Pop) and _has_rows(op.results[1], rows)]
    for pop in pops:
        popped = pop.results[1]
        kept, number = rows.keep(popped), rows.row_number()
        with inserting(before(pop)):
            row = Gather.of(kept, number)
        replace_in(loop.body.block, {popped: row.value})
    return len(pops)


def _has_rows(popped: SSAValue, rows: KeptRows) -> bool:
    is_kept = is_tensor(popped) and not isinstance(element_type_of(popped.type), ComplexType)
    return is_kept and rows.pushed(popped) is not None
