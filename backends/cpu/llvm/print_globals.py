"""Prints the globals of level `loops`: arrays with their values, or uninitialized."""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, UnitAttr

from pullback.backends.cpu.llvm.function_printer import LLVMPrintError
from pullback.backends.cpu.llvm_types import dense_literals, size_in_bytes, spell
from pullback.dialects.ir.dense import is_uniform
from pullback.dialects.upstream.memref import GlobalOp

LONGEST_LIST = 256
"""The most elements that are written as numbers. Bytes are twenty times as fast to write, and as easy to read."""
ESCAPE = "\\"
"""Before each byte, in hexadecimal."""
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
        text = f"[{count} x {spell(element)}] undef"
    else:
        assert isinstance(value, DenseIntOrFPElementsAttr)
        if count > LONGEST_SPLAT and is_uniform(value) and not _is_zero(value):
            raise LLVMPrintError(op, f"it would list each of {count} equal elements: fill them in a loop")
        text = _array(value, count)
    kind = "constant" if op.constant is not None else "global"
    align = op.alignment.value.data if op.alignment is not None else 64
    return f"@{op.sym_name.data} = internal {kind} {text}, align {align}"


def _array(value: DenseIntOrFPElementsAttr, count: int) -> str:
    """A dense attribute as an LLVM array constant after its type: numbers, or else bytes in the order of memory."""
    element, data = value.get_element_type(), value.data.data
    numbers = f"[{count} x {spell(element)}]"
    if is_uniform(value):
        if _is_zero(value):
            return f"{numbers} zeroinitializer"
        data = data[: element.compile_time_size] * count
    if count > LONGEST_LIST:
        return f'[{len(data)} x i8] c"{ESCAPE}{data.hex(ESCAPE)}"'
    return f"{numbers} [{', '.join(f'{spell(element)} {scalar}' for scalar in dense_literals(value))}]"


def _is_zero(value: DenseIntOrFPElementsAttr) -> bool:
    """Tells whether the first element has no bit set."""
    return not any(value.data.data[: value.get_element_type().compile_time_size])
