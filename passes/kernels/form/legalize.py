"""Legalisation: rewrites operations that kernels cannot hold into those that they can (the first walk).

    %a = graph.read %w                                     %a = graph.read %w
    %b = graph.tanh %a                                     %b = graph.tanh %a
    %s = graph.make_slices %r, %i                          %s = graph.make_slices %r, %i
    graph.assign_sub %w, %s                           ->   %rows = graph.densify %s
                                                           %new = graph.subtract %a, %rows
                                                           graph.assign %w, %new

What one operation becomes is a *bundle*: `(read)`, `(tanh)`, `(make_slices)`, `(densify, subtract, assign)`. What has
to come before an update, later walks put before the whole bundle.
"""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr, TensorType
from xdsl.ir import Block, Operation

from pullback.dialects.graph.by_index.gather import MakeSlices, SliceIndices, SliceValues
from pullback.dialects.graph.kernel.op_devices import device_of_value
from pullback.dialects.graph.movement.shapes import ShapeOf, Size, SumTo
from pullback.dialects.graph.movement.split_concat import SplitLike
from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.types import is_static
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.kernels.form.legalization_rules import ReachingValues, rule_of
from pullback.passes.rewriting.same_device import place_like

Bundle = tuple[Operation, ...]
"""What one operation of the program becomes: itself, or the operations that replace it."""
DYNAMIC = (ShapeOf, Size, SumTo, SplitLike)
"""Operations on shapes that are not known, which specialize-shapes and canonicalize remove."""
MOVES_NOTHING = (SliceValues, SliceIndices, MakeSlices)
"""Operations whose results are the memory of their operands."""


def legalize(block: Block, *, copies_operands: bool = True) -> tuple[Bundle, ...]:
    """Legalises a block in place, but not the regions in it; returns the bundle of each operation.

    `copies_operands` says that products do so, as those on CPUs do.

    Raises DiagnosticError where a shape is not known.
    """
    reaching = ReachingValues(copies_operands=copies_operands)
    return tuple(tuple(_legal(op, block, reaching)) for op in list(block.ops))


def _legal(op: Operation, block: Block, reaching: ReachingValues) -> list[Operation]:
    made = _replaced(op, block, reaching)
    if made is not None:
        return [legal for new in made for legal in _legal(new, block, reaching)]
    check_static(op)
    reaching.follow(op)
    return [op]


def _replaced(op: Operation, block: Block, reaching: ReachingValues) -> list[Operation] | None:
    """Replaces an operation by what its rule makes of it; `None` where it stays."""
    if (rule := rule_of(type(op))) is None:
        return None
    made: list[Operation] = []
    with inserting(made.append):
        found = rule(op, reaching)
    if found is None:
        return None
    for new in made:
        new.location = op.location
        _place(new, op)
        block.insert_op_before(new, op)
    results = found if isinstance(found, tuple) else (found,)
    for old, new in zip(op.results, results, strict=bool(op.results)):
        new.value.name_hint = old.name_hint
        old.replace_all_uses_with(new.value)
    block.erase_op(op)
    return made


def _place(new: Operation, op: Operation) -> None:
    """Has a new operation run where the old one did; slices, and parts of them, are where what they are taken of is."""
    device = device_of_value(new.operands[0]) if isinstance(new, MOVES_NOTHING) else None
    if device is not None:
        new.attributes[DEVICE] = StringAttr(device)
    place_like(new, op)


def check_static(op: Operation) -> None:
    """Raises DiagnosticError for an operation with an extent that is not known: no schedule can hold it."""
    tensors = [r.type for r in op.results if isinstance(r.type, TensorType)]
    if isinstance(op, DYNAMIC) or not all(map(is_static, tensors)):
        raise DiagnosticError(
            f"'{op.name}': a schedule needs static shapes: run specialize-shapes and canonicalize first", op
        )
