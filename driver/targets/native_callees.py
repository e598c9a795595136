"""The functions of the host in a module of level `gpu` as native code: kernels of mixed programs that the CPU runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

if TYPE_CHECKING:
    from pullback.backends.host_program.native_callee import NativeCallee

SHARED = ("func.call", "memref.get_global")
"""Operations that need the rest of the module."""


def native_callees(module: ModuleOp) -> Mapping[str, NativeCallee]:
    """The private functions of a module that are kernels of the host, by name, each compiled by LLVM.

    What somebody has written as a part of the host function, which uses devices or the module, is interpreted as that.
    """
    functions = [
        op
        for op in module.ops
        if isinstance(op, func.FuncOp)
        and op.sym_visibility is not None
        and op.body.blocks
        and _stands_alone(op)
    ]
    return {function.sym_name.data: _compiled(function) for function in functions}


def _stands_alone(function: func.FuncOp) -> bool:
    return not any(op.name.startswith("gpu.") or op.name in SHARED for op in function.walk())


def _compiled(function: func.FuncOp) -> NativeCallee:
    # LLVM takes a while to load, and most programs need none of this.
    from pullback.backends.cpu.runtime import compile_module
    from pullback.backends.host_program.native_callee import NativeCallee

    code = compile_module(ModuleOp([function.clone()]), function.sym_name.data)
    return NativeCallee(code, [parameter.position for parameter in code.parameters if parameter.is_written])
