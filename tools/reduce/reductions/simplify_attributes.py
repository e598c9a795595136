"""Removes attributes, and options of operations that may be left out."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.irdl import IRDLOperation, OptPropertyDef

from pullback.tools.reduce.reductions.edit import Edit, ReductionKind


def _edits(module: ModuleOp) -> list[Edit]:
    def of(op: Operation, name: str) -> Edit:
        def edit() -> None:
            op.attributes.pop(name, None)
            op.properties.pop(name, None)

        return edit

    return [of(op, name) for op in module.walk() for name in (*op.attributes, *_optional(op))]


def _optional(op: Operation) -> list[str]:
    if not isinstance(op, IRDLOperation):
        return []
    known = type(op).get_irdl_definition().properties
    return [name for name in op.properties if isinstance(known.get(name), OptPropertyDef)]


ATTRIBUTES = ReductionKind("remove attributes", _edits)
