"""The frame of both lowerings: each function of level `kernels` becomes a host function and the code of its kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.lowering.host import Host, OperationsOfHost
from pullback.passes.lowering.host_memory import Memories
from pullback.passes.lowering.lowered_kernels import LoweredKernel, LoweredKernels, Signature
from pullback.passes.lowering.structure import Structure


@dataclass(frozen=True)
class LoweredFunction:
    """A lowered function of level `kernels`."""

    main: func.FuncOp
    """The host function."""
    constants: list[Operation]
    """The globals that it reads."""
    host_functions: list[func.FuncOp]
    """Declarations of what the host runs between kernels."""
    kernels: list[Operation]
    """The functions of its kernels, and the memory that these declare."""


def lower_functions(
    module: ModuleOp,
    lower_kernel: Callable[[Signature], LoweredKernel],
    structures: Mapping[Kernel, Structure],
    memories: type[Memories] = Memories,
    native: Callable[[], OperationsOfHost] = OperationsOfHost,
) -> list[LoweredFunction]:
    """Lowers all functions of a module, whose tensors are in such memories, and leaves it empty.

    The structures of its kernels may be known from their check. `native` makes what has the
    functions of operations that are in no kernel.

    Raises DiagnosticError for what is no function with a body, and as `Host` does.
    """
    lowered: list[LoweredFunction] = []
    for function in module.ops:
        if not isinstance(function, func.FuncOp) or not function.body.blocks:
            raise DiagnosticError(f"'{function.name}' has no place in a module of level `kernels`", function)
        kernels, operations = LoweredKernels(lower_kernel, structures), native()
        host = Host(function, kernels, memories, operations)
        main = host.lower()
        code = [*kernels.operations, *operations.made]
        lowered.append(LoweredFunction(main, host.arguments.globals, host.host_functions, code))
    for function in list(module.ops):
        function.detach()
        function.erase()
    return lowered
