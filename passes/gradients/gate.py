"""`gate-gradients`: what must be computed before gradients may be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.graph.markers import Backward, Gate, GateMarker, GradientResults
from pullback.dialects.graph.policies import Gating

MARKER_OF: dict[Gating, type[GateMarker]] = {Gating.OP: Backward, Gating.GRAPH: GradientResults}
"""Which marker becomes a gate in which mode."""


@dataclass(frozen=True)
class GateGradients(ModulePass):
    """Turns the markers of gradients into gates, or takes them away.

    `op` gates the gradients of each operation together, `graph` those of each request; `none` gates nothing.
    """

    name = "gate-gradients"

    mode: Literal["requested", "none", "op", "graph"] = "requested"
    """`requested` is what each request asked for, and `none` where it left that open."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for marker in [o for o in op.walk() if isinstance(o, GateMarker)]:
            own = marker.gate.data if marker.gate is not None else Gating.NONE
            resolve(marker, own if self.mode == "requested" else Gating(self.mode))


def resolve(marker: GateMarker, mode: Gating) -> None:
    """One marker: a gate if the mode wants one here and there is more than one value to wait for."""
    block = marker.parent
    assert block is not None
    values = list(marker.operands)
    if MARKER_OF.get(mode) is type(marker) and len(values) > 1:
        gate = Gate.create(
            operands=values,
            result_types=[v.type for v in values],
            attributes=marker.attributes,
            location=marker.location,
        )
        block.insert_op_before(gate, marker)
        values = list(gate.results)
    for old, new in zip(marker.results, values, strict=True):
        if old.name_hint and not new.name_hint:
            new.name_hint = old.name_hint
        old.replace_all_uses_with(new)
    marker.detach()
    marker.erase()
