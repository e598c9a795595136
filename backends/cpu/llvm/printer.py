"""Prints level `loops` as textual LLVM IR (level 5)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from math import prod

from xdsl.dialects import func
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, MemRefType, ModuleOp, UnitAttr
from xdsl.ir import Operation, SSAValue

from pullback.backends.cpu.llvm import (
    owned_memory,
    print_control_flow,
    print_elementwise,
    print_memory,
    print_pairs,
    print_parallel,
    print_vectors,
    print_views,
)
from pullback.backends.cpu.llvm.costs import Costs
from pullback.backends.cpu.llvm.function_printer import (
    ATTRIBUTES,
    EmitterTable,
    FunctionPrinter,
    LLVMPrintError,
    ModuleNeeds,
)
from pullback.backends.cpu.llvm.math_calls import MathCalls
from pullback.backends.cpu.llvm.notes import Comments, NoNotes, Notes
from pullback.backends.cpu.llvm.polling import Polling, poll_declarations, poll_function
from pullback.backends.cpu.llvm.run_counts import RunCounts
from pullback.backends.cpu.llvm_types import alignment, dense_literals, size_in_bytes, spell
from pullback.backends.cpu.math.call_model import MODEL, CallModel
from pullback.dialects.graph.kernel.host_call import is_host_function
from pullback.dialects.graph.kernel.written_arguments import written_arguments
from pullback.dialects.ir.dense import is_uniform
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.upstream.memref import GlobalOp
from pullback.dialects.upstream.redeclared import TWINS

_ours: EmitterTable = {
    **print_elementwise.EMITTERS,
    **print_pairs.EMITTERS,
    **print_vectors.EMITTERS,
    **print_memory.EMITTERS,
    **print_views.EMITTERS,
    **print_control_flow.EMITTERS,
    **print_parallel.EMITTERS,
}
EMITTERS: EmitterTable = {**_ours, **{xdsl: _ours[ours] for xdsl, ours in TWINS.items() if ours in _ours}}
"""Operation class -> what prints it; every operation of level `loops` has a row."""

LONGEST_SPLAT = 1 << 22
"""The most equal elements of a global that are written out: LLVM IR has no short form, unless they are zero."""


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
    calls = calls_without_recursion(module)
    math = MathCalls(RunCounts(calls, entry).of, model)
    needs = ModuleNeeds(notes or NoNotes(), math, Costs.of_module(module))
    written = written_arguments(module)
    hosts = [op for op in module.ops if isinstance(op, func.FuncOp) and is_host_function(op)]
    needs.host |= {op.sym_name.data for op in hosts}
    needs.declarations |= {declare_host(op, written[op.sym_name.data]) for op in hosts}
    globals_: list[str] = []
    functions: list[str] = []
    polling: Polling | None = None
    for op in module.ops:
        if isinstance(op, GlobalOp):
            with blamed_on(op):
                globals_.append(print_global(op))
        elif not isinstance(op, func.FuncOp):
            raise LLVMPrintError(op, "a module of level 'loops' holds functions and globals")
        elif op in hosts:
            continue
        elif not op.body.blocks:
            raise LLVMPrintError(
                op, f"@{op.sym_name.data} has no body, and names no operation that the host runs"
            )
        else:
            is_entry = op.sym_name.data == entry
            if is_entry and (found := Polling(op, written, needs.costs)).is_needed:
                polling = found
            hooks = polling if is_entry else None
            with blamed_on(op):
                functions.append(print_function(op, needs, written[op.sym_name.data], hooks))
                if is_entry:
                    functions.append(print_packed(op))
    functions, library, declarations = needs.math.decided(functions)
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
    if polling is None:
        return Printed(text, calls_pool=needs.calls_pool)
    return Printed(text, polling.is_used, polling.variables, polling.calls_host_late, needs.calls_pool)


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


def print_global(op: GlobalOp) -> str:
    """Prints a global array, with its values or uninitialized."""
    element = op.type.element_type
    size_in_bytes(element)  # refuses i1
    count = prod(op.type.get_shape())
    value = op.initial_value
    if value is None:
        raise LLVMPrintError(op, f"@{op.sym_name.data} has no initial value")
    if isinstance(value, UnitAttr):
        text = "undef"
    else:
        assert isinstance(value, DenseIntOrFPElementsAttr)
        if count > LONGEST_SPLAT and is_uniform(value) and not _is_zero(value):
            raise LLVMPrintError(op, f"it would list each of {count} equal elements: fill them in a loop")
        text = array_literal(value)
    kind = "constant" if op.constant is not None else "global"
    align = op.alignment.value.data if op.alignment is not None else 64
    return f"@{op.sym_name.data} = internal {kind} [{count} x {spell(element)}] {text}, align {align}"


def array_literal(value: DenseIntOrFPElementsAttr) -> str:
    """The elements of a dense attribute as an LLVM array constant."""
    if is_uniform(value) and _is_zero(value):
        return "zeroinitializer"
    element = spell(value.get_element_type())
    return f"[{', '.join(f'{element} {scalar}' for scalar in dense_literals(value))}]"


def _is_zero(value: DenseIntOrFPElementsAttr) -> bool:
    """Tells whether the first element has no bit set."""
    return not any(value.data.data[: value.get_element_type().compile_time_size])


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
