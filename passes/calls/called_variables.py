"""Variables in inlined functions: unites the references to one variable, and adjusts requests about them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.ir import Attribute, Operation, SSAValue

from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.types import VariableType, differentiable_type
from pullback.dialects.ir.source import note_copies
from pullback.passes.rewriting.replacement import drop


class References:
    """The references to variables at the start of a function: one for each variable that its callees refer to.

    They are first in the block, since a gradient with respect to one is that of every read through it.
    """

    def __init__(self, caller: func.FuncOp) -> None:
        self.block = caller.body.blocks[0]
        self.known: dict[tuple[str, Attribute], VariableOp] = {}
        for op in self.block.ops:
            if isinstance(op, VariableOp):
                self.known.setdefault(_key(op), op)
        self.placed: dict[VariableOp, None] = {}

    def unite(self, op: Operation, copy: Operation, values: dict[SSAValue, SSAValue]) -> None:
        """Replaces the references in a copy by those of the block, also in `values`."""
        for original, made in list(zip(op.walk(), copy.walk(), strict=True)):
            if not isinstance(made, VariableOp):
                continue
            reference = self.known.setdefault(_key(made), made)
            self._place(reference)
            (old,), (new,) = made.results, reference.results
            if made is reference:
                made.location, new.name_hint = original.location, original.results[0].name_hint
            else:
                old.replace_all_uses_with(new)
                values[original.results[0]] = new
                drop(made)

    def _place(self, reference: VariableOp) -> None:
        if reference in self.placed:
            return
        reference.detach()
        if last := next(reversed(self.placed), None):
            self.block.insert_op_after(reference, last)
        else:
            first = self.block.first_op
            assert first is not None
            self.block.insert_op_before(reference, first)
        self.placed[reference] = None


def _key(op: VariableOp) -> tuple[str, Attribute]:
    return op.label, op.result.type


def stop_at(
    arguments: Sequence[SSAValue], op: Operation, copy: Operation, values: dict[SSAValue, SSAValue]
) -> None:
    """Adds a function's arguments to the stops of its requests about variables.

    An argument may be computed from the same variable by the caller; inside of the function it is a constant.
    """
    stops = [
        values[a] for a in arguments if differentiable_type(a.type) and not isinstance(a.type, VariableType)
    ]
    for original, made in list(zip(op.walk(), copy.walk(), strict=True)):
        if not isinstance(made, Gradients) or not any(isinstance(x.type, VariableType) for x in made.xs):
            continue
        options = {k: v for k, v in made.properties.items() if k not in ("operandSegmentSizes", "seed_of")}
        types = list(made.result_types)
        stopping = Gradients.request(made.ys, made.xs, made.seed_per_y, [*made.stops, *stops], types, options)
        stopping.attributes.update(made.attributes)
        stopping.location = made.location
        assert made.parent is not None
        made.parent.insert_op_before(stopping, made)
        note_copies(original, stopping)
        for old, kept, new in zip(original.results, made.results, stopping.results, strict=True):
            new.name_hint = kept.name_hint
            kept.replace_all_uses_with(new)
            values[old] = new
        drop(made)
