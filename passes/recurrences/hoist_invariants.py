"""`hoist-invariants`: loop-invariant code motion: what every trip would compute alike is computed before the loop."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.op.indexed import Alias, ContractionOp, Pointwise, View
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.operations_within import operations_of_class
from pullback.passes.recurrences.known_trips import trip_count
from pullback.passes.recurrences.loop_values import before, bytes_of_row, is_outside, is_tensor
from pullback.passes.rewriting.replacement import drop, replace_operands
from pullback.passes.rewriting.statistic import Statistic
from pullback.passes.simplify.canonicalize import settled_functions
from pullback.passes.simplify.side_effects import is_pure

FEWEST_TRIPS = 4
"""A factor is transposed before a loop that runs so often, or it is not known how often."""
MOST_ROWS_TRANSPOSED = 64
"""Products of more rows transpose their factor while they pack it, at little cost beside their own work."""


@dataclass(frozen=True)
class HoistInvariants(ModulePass):
    """Moves pure operations on values from outside of a loop before it.

    Constants and views stay, which cost nothing where they are, and so does what is larger than what it is made of. A
    loop that may not run at all keeps what is not known to end well. The transposed factor of a small product is
    transposed before the loop.
    """

    name = "hoist-invariants"
    anchor = "func.func"
    hoisted = Statistic("operations that were moved out of loops")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in settled_functions(op):
            for loop in reversed(operations_of_class(While, function)):
                HoistInvariants.hoisted.add(hoist_from(loop) + transpose_factors(loop))


def hoist_from(loop: While) -> int:
    """Moves what may go from the condition and the body of a loop; how many operations."""
    moved = 0
    runs = bool(trip_count(loop))
    for region in loop.regions:
        for op in list(region.block.ops):
            views: list[Operation] = []
            if _may_go(op, loop, runs) and all(_is_invariant(v, loop, views) for v in op.operands):
                for each in (*dict.fromkeys(views), op):
                    each.detach()
                    assert loop.parent is not None
                    loop.parent.insert_op_before(each, loop)
                    moved += 1
    return moved


def _may_go(op: Operation, loop: While, runs: bool) -> bool:
    if not op.operands or op.regions or not is_pure(type(op)) or isinstance(op, View | Alias):
        return False
    if not (runs or isinstance(op, Pointwise | ContractionOp | Reduction)):
        return False
    if not all(is_tensor(v) for v in (*op.operands, *op.results)):
        return False
    return sum(map(bytes_of_row, op.results)) <= sum(map(bytes_of_row, op.operands))


def _is_invariant(value: SSAValue, loop: While, views: list[Operation]) -> bool:
    """Whether a value is from outside, or made of such by views and constants alone, which are appended."""
    if is_outside(value, loop):
        return True
    op = value.owner
    if not isinstance(op, Operation) or op.regions or not is_pure(type(op)):
        return False
    if not (isinstance(op, View | Alias) or not op.operands) or not all(is_tensor(r) for r in op.results):
        return False
    found = all(_is_invariant(v, loop, views) for v in op.operands)
    views.append(op)
    return found


def transpose_factors(loop: While) -> int:
    """Transposes the second factors of small products before a loop, where they are from outside; how many."""
    trips = trip_count(loop)
    if trips is not None and trips < FEWEST_TRIPS:
        return 0
    known: dict[SSAValue, Tensor] = {}
    for op in list(loop.body.block.ops):
        if not isinstance(op, MatMul) or not op.transposes[1] or not is_outside(op.operands[1], loop):
            continue
        a, b = (Tensor(v) for v in op.operands)
        rows = prod(op.iteration_shape()[:-2])
        if b.ndim != 2 or not (is_tensor(a.value) and is_tensor(b.value)) or rows > MOST_ROWS_TRANSPOSED:
            continue
        if b.value not in known:
            with inserting(before(loop, op)):
                known[b.value] = Transpose.of(b)
        with inserting(before(op)):
            product = MatMul.product(a, known[b.value], transpose_a=op.transposes[0])
        for user in [use.operation for use in op.results[0].uses]:
            replace_operands(user, {op.results[0]: product.value})
        drop(op)
    return len(known)
