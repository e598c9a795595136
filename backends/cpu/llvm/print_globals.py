"""Prints the globals of level `loops`: arrays with their values, or uninitialized."""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, UnitAttr

from pullback.backends.cpu.llvm.function_printer import LLVMPrintError
from pullback.backends.cpu.llvm_types import dense_literals, size_in_bytes, spell
from pullback.dialects.ir.dense import is_uniform
from pullback.dialects.upstream.memref import GlobalOp

LONGEST_SPLAT = 1 << 22
"""The most equal elements of a global that are written out: LLVM IR has no short form, unless they are zero."""


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
