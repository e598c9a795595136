"""The functions of the host in a module of level `gpu` as native code: kernels of mixed programs that the CPU runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

if TYPE_CHECKING:
    from pullback.backends.host_program.native_callee import NativeCallee


def native_callees(module: ModuleOp) -> Mapping[str, NativeCallee]:
    """The private functions of a module that have a body, by name, each compiled by LLVM."""
    functions = [
        op
        for op in module.ops
        if isinstance(op, func.FuncOp) and op.sym_visibility is not None and op.body.blocks
    ]
    return {function.sym_name.data: _compiled(function) for function in functions}


def _compiled(function: func.FuncOp) -> NativeCallee:
    # LLVM takes a while to load, and most programs need none of this.
    from pullback.backends.cpu.runtime import compile_module
    from pullback.backends.host_program.native_callee import NativeCallee

    code = compile_module(ModuleOp([function.clone()]), function.sym_name.data)
    return NativeCallee(code, [parameter.position for parameter in code.parameters if parameter.is_written])
