"""Removes operands of operations that take any number: terms of sums, parts of concatenations."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.irdl import VarOperandDef

from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.tools.reduce.reductions.edit import Edit, ReductionKind


def _variadic(module: ModuleOp) -> Iterator[GraphOp]:
    """Operations of one list of operands of any length, and without regions that have an argument for each."""
    for op in module.walk():
        if isinstance(op, GraphOp) and not op.regions and len(op.operands) > 1 and op.results:
            definition = type(op).get_irdl_definition()
            lists = [d for _, d in definition.operands if isinstance(d, VarOperandDef)]
            if len(lists) == 1 and not isinstance(op, Gradients):
                yield op


def _edits(module: ModuleOp) -> list[Edit]:
    def of(op: Operation, place: int) -> Edit:
        def edit() -> None:
            if len(op.operands) > 1:
                op.operands = [v for at, v in enumerate(op.operands) if at != place]

        return edit

    return [of(op, place) for op in _variadic(module) for place in range(len(op.operands))]


OPERANDS = ReductionKind("remove operands", _edits)
