"""Makes native code of level `loops`: prints LLVM IR, and compiles it."""

from __future__ import annotations

from pathlib import Path

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cpu.entry_arguments import parameters_of
from pullback.backends.cpu.host_functions import HostFunctions, declared_in
from pullback.backends.cpu.kept_objects import emit_beside
from pullback.backends.cpu.llvm.debug_lines import DebugLines
from pullback.backends.cpu.llvm.module_parts import module_parts
from pullback.backends.cpu.llvm.printer import print_module
from pullback.backends.cpu.native_code import NativeCode
from pullback.backends.cpu.threads.thread_pool import pool, texts_of_pool
from pullback.dialects.graph.kernel.written_arguments import written_arguments
from pullback.process.locks import COMPILING
from pullback.process.whole_files import write_bytes


def make_native_code(
    module: ModuleOp, entry: str = "main", library: Path | None = None
) -> tuple[NativeCode, HostFunctions]:
    """The code of an entry function, which `Executable` loads, with the functions of the host; see `compile_module`."""
    functions = [op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == entry]
    if not functions or not functions[0].body.blocks:
        raise ValueError(f"the module has no function @{entry} with a body")
    parameters = parameters_of(functions[0], written_arguments(module)[entry])
    printed = print_module(module, entry, None if library is None else DebugLines())
    declarations = declared_in(module)
    host = HostFunctions(declarations, entry, printed.polls)
    texts = list(module_parts(printed.text))
    if host:
        texts.append(host.llvm_text if library is None else host.text_with_addresses)
    if library is not None:
        write_bytes(library.with_suffix(".ll"), printed.text.encode())
        texts += [pool().text_with_addresses] if printed.calls_pool else []
    with COMPILING:
        objects = emit_beside(texts, texts_of_pool() if printed.calls_pool else [])
    facts = printed.polls, printed.changed, printed.calls_host_late, printed.calls_pool
    return NativeCode(entry, objects, parameters, declarations, *facts), host
