"""Makes native code of level `loops`: prints LLVM IR, and compiles it while other functions are still being lowered."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from pullback.backends.cpu.emit_objects import ObjectEmitter
from pullback.backends.cpu.entry_arguments import parameters_of
from pullback.backends.cpu.host_functions import HostFunctions, declared_in
from pullback.backends.cpu.kept_objects import keep_object, not_kept
from pullback.backends.cpu.llvm.debug_lines import DebugLines
from pullback.backends.cpu.llvm.module_parts import EarlyParts
from pullback.backends.cpu.llvm.printer import ModulePrinter
from pullback.backends.cpu.native_code import NativeCode
from pullback.backends.cpu.threads.thread_pool import pool, texts_of_pool
from pullback.process.locks import COMPILING
from pullback.process.whole_files import write_bytes


def make_native_code(
    module: ModuleOp, entry: str = "main", library: Path | None = None
) -> tuple[NativeCode, HostFunctions]:
    """The code of an entry function, which `Executable` loads, with the functions of the host; see `compile_module`."""
    with native_code_maker(entry, library) as maker:
        return maker.of(module)


@contextmanager
def native_code_maker(entry: str = "main", library: Path | None = None) -> Generator[NativeCodeMaker]:
    """What makes the code of one module; all its threads have ended afterwards."""
    with COMPILING, ObjectEmitter() as emitter:
        yield NativeCodeMaker(emitter, entry, library)


class NativeCodeMaker:
    """Makes the code of a module, some of whose functions may come before it."""

    def __init__(self, emitter: ObjectEmitter, entry: str, library: Path | None) -> None:
        self._emitter = emitter
        self._entry = entry
        self._library = library
        self._printer = ModulePrinter(entry, None if library is None else DebugLines())
        self._parts = EarlyParts()
        self._texts: list[str] = []
        """The parts that are being compiled."""
        self._pool: list[str] = []
        """The modules of the pool of threads that are compiled beside them."""

    def early(self, function: Operation) -> None:
        """Takes a function that the module will hold as it is now: it may be compiled at once.

        It may still turn out to be wrong: the module must be verified before its code is asked for.
        """
        try:
            text = self._printer.early(function) if isinstance(function, func.FuncOp) else None
        except Exception:
            return  # who verifies the module, or prints it as a whole, says what is wrong
        if text is None:
            return
        if self._printer.calls_pool and not self._pool:
            self._begin_pool()
        part = self._parts.add(text, self._printer.declarations)
        if part is not None:
            self._texts.append(part)
            self._emitter.add(part)

    def _begin_pool(self) -> None:
        self._pool = not_kept(texts_of_pool())
        for text in self._pool:
            self._emitter.add(text)

    def of(self, module: ModuleOp) -> tuple[NativeCode, HostFunctions]:
        """The code, and the functions of the host."""
        entry, library = self._entry, self._library
        functions = [op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == entry]
        if not functions or not functions[0].body.blocks:
            raise ValueError(f"the module has no function @{entry} with a body")
        printed = self._printer.module(module)
        parameters = parameters_of(functions[0], printed.written)
        declarations = declared_in(module)
        host = HostFunctions(declarations, entry, printed.polls)
        texts = [*self._texts, *self._parts.rest(printed.text)]
        if host:
            texts.append(host.llvm_text if library is None else host.text_with_addresses)
        if library is not None:
            write_bytes(library.with_suffix(".ll"), printed.text.encode())
            texts += [pool().text_with_addresses] if printed.calls_pool else []
        if printed.calls_pool and not self._pool:
            self._begin_pool()
        objects = self._emitter.objects([*texts, *self._pool])
        for text, made in zip(self._pool, objects[len(texts) :], strict=True):
            keep_object(text, made)
        facts = printed.polls, printed.changed, printed.calls_host_late, printed.calls_pool
        return NativeCode(entry, objects[: len(texts)], parameters, declarations, *facts), host
