"""Removes functions, and puts what is called in place of calls."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.passes.calls.inline_calls import inline_calls
from pullback.tools.reduce.reductions.edit import Edit, ReductionKind
from pullback.tools.reduce.reductions.remove_operations import drop_all

MOST = 10_000
"""Operations that a program may become where calls are inlined."""


def _functions(module: ModuleOp) -> list[Edit]:
    called = {op.callee.root_reference.data for op in module.walk() if isinstance(op, func.CallOp)}
    free = [op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data not in called]
    return [lambda f=f: drop_all(f) for f in free] if len(free) > 1 else []


def _calls(module: ModuleOp) -> list[Edit]:
    if not any(isinstance(op, func.CallOp) for op in module.walk()):
        return []

    def edit() -> None:
        inline_calls(module, MOST)

    return [edit]


FUNCTIONS = ReductionKind("remove functions", _functions)
CALLS = ReductionKind("inline calls", _calls)
