"""`gate-gradients`: lowers the markers around gradients to gates (barriers), or drops them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from pullback.dialects.graph.gradient.markers import Backward, Gate, GateMarker, GradientResults
from pullback.dialects.graph.gradient.policies import Gating
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.rewriting.replacement import Replacements
from pullback.passes.rewriting.statistic import Statistic

MARKER_OF: dict[Gating, type[GateMarker]] = {Gating.OP: Backward, Gating.GRAPH: GradientResults}
"""The marker that becomes a gate, by mode."""


@dataclass(frozen=True)
class GateGradients(ModulePass):
    """Turns the markers of gradients into gates, or drops them.

    `op` gates the gradients of each operation together, `graph` those of each request; `none` gates nothing.
    """

    name = "gate-gradients"
    anchor = "func.func"
    gates = Statistic("markers that became gates")

    mode: Literal["requested", "none", "op", "graph"] = "requested"
    """`requested` is what each request asked for, and `none` where it left that open."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        replacements = Replacements()
        for inner in operations_within(op):
            replacements.update(inner)
            if isinstance(inner, GateMarker):
                own = inner.gate.data if inner.gate is not None else Gating.NONE
                mode = own if self.mode == "requested" else Gating(self.mode)
                replacements.replace(inner, resolved(inner, mode))
        replacements.drop_replaced()


def resolved(marker: GateMarker, mode: Gating) -> Sequence[SSAValue]:
    """The values that replace those of a marker: a gate's results, if the mode wants one and there are several."""
    values = list(marker.operands)
    if MARKER_OF.get(mode) is not type(marker) or len(values) < 2:
        return values
    gate = Gate.create(
        operands=values,
        result_types=[v.type for v in values],
        attributes=marker.attributes,
        location=marker.location,
    )
    assert marker.parent is not None
    marker.parent.insert_op_before(gate, marker)
    GateGradients.gates.add()
    return gate.results
