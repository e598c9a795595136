"""Legalisation: rewrites what kernels have no form for into operations that they have (the first walk).

    %r = graph.variable "w" ...                        %r = graph.variable "w" ...
    graph.assign_sub %r, %slices ...                   %old = graph.read %r
                                                  ->   %rows = graph.densify %slices
                                                       %new = graph.subtract %old, %rows
                                                       graph.assign %r, %new

The second line becomes one *bundle* of four: what must come before an update must come before all of its bundle.
"""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Block, Operation

from pullback.dialects.graph.movement.shapes import ShapeOf, Size, SumTo
from pullback.dialects.graph.movement.split_concat import SplitLike
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.types import is_static
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.kernels.form.legalization_rules import ReachingValues, rule_of

Bundle = tuple[Operation, ...]
"""What one operation of the program has become: itself, or those in its place."""
DYNAMIC = (ShapeOf, Size, SumTo, SplitLike)
"""What specialize-shapes and canonicalize leave nothing of."""


def legalize(block: Block) -> tuple[Bundle, ...]:
    """Rewrites a block in place, without the regions in it; gives what each of its operations has become.

    Raises DiagnosticError where a shape is not known.
    """
    reaching = ReachingValues()
    return tuple(tuple(_legal(op, block, reaching)) for op in list(block.ops))


def _legal(op: Operation, block: Block, reaching: ReachingValues) -> list[Operation]:
    made = _replaced(op, block, reaching)
    if made is not None:
        return [legal for new in made for legal in _legal(new, block, reaching)]
    check_static(op)
    reaching.follow(op)
    return [op]


def _replaced(op: Operation, block: Block, reaching: ReachingValues) -> list[Operation] | None:
    """Puts what a rule makes of `op` in its place; `None` where it stays."""
    if (rule := rule_of(type(op))) is None:
        return None
    made: list[Operation] = []
    with inserting(made.append):
        found = rule(op, reaching)
    if found is None:
        return None
    for new in made:
        new.location = op.location
        block.insert_op_before(new, op)
    results = found if isinstance(found, tuple) else (found,)
    for old, new in zip(op.results, results, strict=bool(op.results)):
        new.value.name_hint = old.name_hint
        old.replace_all_uses_with(new.value)
    block.erase_op(op)
    return made


def check_static(op: Operation) -> None:
    """Raises DiagnosticError for what has no place in a schedule: shapes that are not known."""
    tensors = [r.type for r in op.results if isinstance(r.type, TensorType)]
    if isinstance(op, DYNAMIC) or not all(map(is_static, tensors)):
        raise DiagnosticError(
            f"'{op.name}': a schedule needs static shapes: run specialize-shapes and canonicalize first", op
        )
