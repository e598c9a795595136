"""The functions of the host in a module of level `gpu` as native code: kernels of mixed programs that the CPU runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

if TYPE_CHECKING:
    from pullback.backends.host_program.native_callee import NativeCallee


def native_callees(module: ModuleOp) -> Mapping[str, NativeCallee]:
    """The private functions of a module that are kernels of the host, by name, each compiled by LLVM.

    What somebody has written as a part of the host function, which uses devices or the module, is interpreted as that.
    """
    functions = {
        op.sym_name.data: op
        for op in module.ops
        if isinstance(op, func.FuncOp)
        and op.sym_visibility is not None
        and op.body.blocks
        and _is_of_the_host(op)
    }
    called = {name: _called(function) for name, function in functions.items()}
    # What they call calls nothing in turn: these are loops that several kernels share.
    alone = {name for name, names in called.items() if not names}
    return {
        name: _compiled(function, [functions[callee] for callee in sorted(called[name])])
        for name, function in functions.items()
        if called[name] <= alone
    }


def _is_of_the_host(function: func.FuncOp) -> bool:
    return not any(op.name.startswith("gpu.") or op.name == "memref.get_global" for op in function.walk())


def _called(function: func.FuncOp) -> set[str]:
    return {op.callee.string_value() for op in function.walk() if isinstance(op, func.CallOp)}


def _compiled(function: func.FuncOp, callees: Sequence[func.FuncOp]) -> NativeCallee:
    # LLVM takes a while to load, and most programs need none of this.
    from pullback.backends.cpu.runtime import compile_module
    from pullback.backends.host_program.native_callee import NativeCallee

    code = compile_module(ModuleOp([op.clone() for op in (function, *callees)]), function.sym_name.data)
    return NativeCallee(code, [parameter.position for parameter in code.parameters if parameter.is_written])
