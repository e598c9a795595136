"""Prints level `loops` as textual LLVM IR (level 5)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Operation, SSAValue

from pullback.backends.cpu.llvm import (
    owned_memory,
    print_control_flow,
    print_divisions,
    print_elementwise,
    print_extrema,
    print_matrices,
    print_memory,
    print_pairs,
    print_parallel,
    print_reductions,
    print_vectors,
    print_views,
)
from pullback.backends.cpu.llvm.costs import Costs
from pullback.backends.cpu.llvm.function_printer import (
    ATTRIBUTES,
    EmitterTable,
    FunctionPrinter,
    LLVMPrintError,
)
from pullback.backends.cpu.llvm.math_calls import MathCalls, is_decided
from pullback.backends.cpu.llvm.module_needs import ModuleNeeds
from pullback.backends.cpu.llvm.notes import Comments, NoNotes, Notes
from pullback.backends.cpu.llvm.polling import Polling, poll_declarations, poll_function
from pullback.backends.cpu.llvm.print_globals import print_global
from pullback.backends.cpu.llvm.run_counts import RunCounts
from pullback.backends.cpu.llvm_types import alignment, spell
from pullback.backends.cpu.math.call_model import MODEL, CallModel
from pullback.dialects.graph.kernel.host_call import is_host_function
from pullback.dialects.graph.kernel.written_arguments import accesses_of, written_arguments, written_by
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.upstream.memref import GlobalOp
from pullback.dialects.upstream.redeclared import TWINS

_ours: EmitterTable = {
    **print_elementwise.EMITTERS,
    **print_divisions.EMITTERS,
    **print_pairs.EMITTERS,
    **print_vectors.EMITTERS,
    **print_extrema.EMITTERS,
    **print_reductions.EMITTERS,
    **print_matrices.EMITTERS,
    **print_memory.EMITTERS,
    **print_views.EMITTERS,
    **print_control_flow.EMITTERS,
    **print_parallel.EMITTERS,
}
EMITTERS: EmitterTable = {**_ours, **{xdsl: _ours[ours] for xdsl, ours in TWINS.items() if ours in _ours}}
"""Operation class -> what prints it; every operation of level `loops` has a row."""


def print_llvm(module: ModuleOp, entry: str | None = "main") -> str:
    """The LLVM IR of a module of level `loops`, with comments on its origins; see `print_module`."""
    return print_module(module, entry, Comments()).text


@dataclass(frozen=True)
class Printed:
    """LLVM IR, and what a caller needs to know of it."""

    text: str
    polls: bool = False
    """Whether the entry function asks for signals: it calls `@pb.interrupted`."""
    changed: tuple[str, ...] = ()
    """The variables of which the bytes of `@<entry>.changed` tell whether they have changed."""
    calls_host_late: bool = False
    """Whether the host may run an operation after a variable was changed, or change one itself."""
    calls_pool: bool = False
    """Whether it calls `@pb.parallel`, of the pool of threads."""
    written: frozenset[int] = frozenset()
    """The positions of the entry function's arguments that it may write to."""


def print_module(
    module: ModuleOp, entry: str | None = "main", notes: Notes | None = None, model: CallModel = MODEL
) -> Printed:
    """The LLVM IR of a module of level `loops`.

    With `entry`, a function `@<entry>.packed(ptr)` is added that takes the entry's arguments as an array of
    pointers. What the host runs is declared, and returns 0 unless it failed. `notes` adds to the lines, and
    `model` decides which functions of mathematics are called.

    Raises:
        LLVMPrintError: a ValueError, for what level `loops` does not have.
    """
    return ModulePrinter(entry, notes, model).module(module)


class ModulePrinter:
    """Prints a module, whose functions may come before it, as they are made; see `print_module`."""

    def __init__(
        self, entry: str | None = "main", notes: Notes | None = None, model: CallModel = MODEL
    ) -> None:
        self._entry = entry
        self._functions: dict[str, func.FuncOp] = {}
        self._written: dict[str, set[int]] = {}
        self._needs = ModuleNeeds(notes or NoNotes(), MathCalls(model), Costs(self._functions))
        self._texts: dict[func.FuncOp, str] = {}
        """Functions that were printed before the others."""
        self._given: set[func.FuncOp] = set()
        """Those of them of which the module will have declarations alone."""

    @property
    def declarations(self) -> AbstractSet[str]:
        """The declarations that what is printed so far needs."""
        return self._needs.declarations

    @property
    def calls_pool(self) -> bool:
        """Whether what is printed so far calls the pool of threads."""
        return self._needs.calls_pool

    def early(self, op: func.FuncOp) -> str | None:
        """The text of a private function, if none of the others can change it; the module's text is without it then.

        None where it calls a function that did not come before, or one of mathematics: how depends on the module.
        """
        name, accesses = op.sym_name.data, accesses_of(op)
        if any(call.callee.string_value() not in self._functions for call in accesses.calls):
            return None
        self._functions[name] = op
        self._written[name] = written_by(op, accesses, self._written)
        try:
            text = self._texts[op] = print_function(op, self._needs, self._written[name])
        finally:
            self._needs.bodies.clear()
        if not is_decided(text):
            return None
        self._given.add(op)
        return text

    def module(self, module: ModuleOp) -> Printed:
        """The text of all that was not given early."""
        calls = calls_without_recursion(module)
        needs = self._needs
        self._functions |= {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
        self._written = written_arguments(module, self._written)
        for name, op in self._functions.items():
            if is_host_function(op):
                needs.host.add(name)
                needs.declarations.add(declare_host(op, self._written[name]))
        polling = self._polling()
        globals_: list[str] = []
        functions: list[str] = []
        for op in module.ops:
            with blamed_on(op):
                if isinstance(op, GlobalOp):
                    globals_.append(print_global(op))
                elif isinstance(op, func.FuncOp):
                    functions += self._function(op, polling)
                else:
                    raise LLVMPrintError(op, "a module of level 'loops' holds functions and globals")
        functions, library, declarations = needs.math.decided(functions, RunCounts(calls, self._entry).of)
        needs.declarations |= declarations
        if polling is not None:
            globals_ += polling.globals
            if polling.allocates:
                library += owned_memory.functions()
                needs.declarations |= owned_memory.DECLARATIONS
            if polling.is_used:
                library.append(poll_function())
                needs.declarations |= poll_declarations()
        sections = [
            "\n".join(globals_),
            *functions,
            *library,
            "\n".join(sorted(needs.declarations)),
            needs.notes.metadata(),
        ]
        text = "\n\n".join(section for section in sections if section) + "\n"
        written = frozenset(self._written.get(self._entry or "", ()))
        if polling is None:
            return Printed(text, calls_pool=needs.calls_pool, written=written)
        facts = polling.is_used, polling.variables, polling.calls_host_late, needs.calls_pool
        return Printed(text, *facts, written)

    def _polling(self) -> Polling | None:
        """How the entry function asks for signals, if there is one that does."""
        entry = self._functions.get(self._entry or "")
        if entry is None or not entry.body.blocks:
            return None
        polling = Polling(entry, self._written, self._needs.costs)
        return polling if polling.is_needed else None

    def _function(self, op: func.FuncOp, polling: Polling | None) -> list[str]:
        """The text of a function that was not given early, and what is printed beside it."""
        name = op.sym_name.data
        if op in self._given or is_host_function(op):
            return []
        if op in self._texts:
            return [self._texts[op]]
        if not op.body.blocks:
            raise LLVMPrintError(op, f"@{name} has no body, and names no operation that the host runs")
        if name != self._entry:
            return [print_function(op, self._needs, self._written[name])]
        return [print_function(op, self._needs, self._written[name], polling), print_packed(op)]


def calls_without_recursion(module: ModuleOp) -> dict[str, list[func.CallOp]]:
    """The calls of each function.

    Raises:
        LLVMPrintError: a function calls itself: nothing would end it but the end of the stack.
    """
    functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
    calls = {
        name: [op for op in operations_within(function) if isinstance(op, func.CallOp)]
        for name, function in functions.items()
    }
    try:
        TopologicalSorter(
            {name: {op.callee.string_value() for op in ops} for name, ops in calls.items()}
        ).prepare()
    except CycleError as error:
        names = " calls ".join(f"@{name}" for name in reversed(error.args[1]))
        raise LLVMPrintError(functions[error.args[1][0]], f"recursion: {names}") from None
    return calls


@contextmanager
def blamed_on(op: Operation) -> Generator[None]:
    """Turns errors about types that LLVM IR lacks into errors at the operation that has them."""
    try:
        yield
    except LLVMPrintError:
        raise
    except ValueError as error:
        raise LLVMPrintError(op, str(error)) from error


def declare_host(op: func.FuncOp, written: set[int]) -> str:
    """The declaration of a function that the host runs: it keeps no pointer, and writes to its results alone."""
    count = len(op.function_type.inputs)
    parameters = ["ptr captures(none)" + " readonly" * (at not in written) for at in range(count)]
    return f"declare i32 @{op.sym_name.data}({', '.join(parameters)})"


def print_function(
    op: func.FuncOp, needs: ModuleNeeds, written: set[int], polling: Polling | None = None
) -> str:
    """Prints a function; private ones are internal."""
    outputs = op.function_type.outputs.data
    if len(outputs) > 1:
        raise LLVMPrintError(op, "a function of level 'loops' returns at most one value")
    printer = FunctionPrinter(EMITTERS, needs, polling, op.sym_name.data)
    parameters = [
        print_parameter(printer, argument, at in written) for at, argument in enumerate(op.body.block.args)
    ]
    if polling is not None:
        polling.begin(printer)
    printer.operations(op.body.block)
    printer.finish()
    private = op.sym_visibility is not None and op.sym_visibility.data == "private"
    linkage = "internal " if private else ""
    returns = spell(outputs[0]) if outputs else "void"
    # Inlined, kernels would make one function of thousands of blocks, which LLVM takes half as long again for.
    apart = "noinline " if private else ""
    head = f"define {linkage}{returns} @{op.sym_name.data}({', '.join(parameters)}) {apart}{ATTRIBUTES} {{"
    lines = [head, "entry:", *printer.lines, "}"]
    needs.notes.function(op, lines)
    bodies, needs.bodies = needs.bodies, []
    return "\n\n".join(["\n".join(lines), *(body() for body in bodies)])


def print_parameter(printer: FunctionPrinter, argument: SSAValue, is_written: bool) -> str:
    """Prints a parameter. Memrefs are `noalias`: each is a buffer of its own."""
    name = printer.name(argument, "argument")
    if not isinstance(argument.type, MemRefType):
        return f"{spell(argument.type)} {name}"
    align = alignment(argument.type.element_type)
    access = "" if is_written else "readonly "
    attributes = printer.attributes[argument] = f"noalias captures(none) {access}align {align}"
    return f"ptr {attributes} {name}"


def print_packed(op: func.FuncOp) -> str:
    """Prints `@<name>.packed(ptr)`: loads each argument's pointer from an array, and calls the function."""
    types: Sequence[object] = op.function_type.inputs.data
    if not all(isinstance(type, MemRefType) for type in types) or op.function_type.outputs.data:
        raise LLVMPrintError(op, "an entry function takes memrefs and returns nothing")
    lines: list[str] = []
    for at in range(len(types)):
        lines.append(f"  %slot{at} = getelementptr inbounds ptr, ptr %arguments, i64 {at}")
        lines.append(f"  %pointer{at} = load ptr, ptr %slot{at}, align 8")
    name = op.sym_name.data
    call = f"  call void @{name}({', '.join(f'ptr %pointer{at}' for at in range(len(types)))})"
    head = f"define void @{name}.packed(ptr %arguments) nounwind {{"
    return "\n".join([head, "entry:", *lines, call, "  ret void", "}"])
