"""Prints matrices in registers, whose rows are vectors of LLVM's: transfers from and to memory, outer products."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import vector
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import SSAValue

from pullback.backends.cpu.llvm.function_printer import EmitterTable, FunctionPrinter, row_of, static_strides
from pullback.backends.cpu.llvm.print_vectors import splat_value, vector_type
from pullback.backends.cpu.llvm_types import FLOATS, size_in_bytes, spell
from pullback.dialects.upstream.outer_product import OuterProductOp
from pullback.dialects.upstream.transfers import transferred_dims


def addresses(
    p: FunctionPrinter, base: SSAValue, indices: Sequence[SSAValue], dim: int, count: int
) -> Sequence[str]:
    """The addresses of `count` elements of a memref, one after the other along a dimension."""
    memref = base.type
    assert isinstance(memref, MemRefType)
    first, stride = p.address(base, indices), static_strides(memref)[dim]
    return [p.offset(first, memref.element_type, [(str(at), stride)]) for at in range(count)]


def transfer_read(p: FunctionPrinter, op: vector.TransferReadOp) -> None:
    """Prints a load for each row of a matrix. Factors of outer products are loaded element by element.

    Each element is needed in all lanes of a register, which a load can do at once.
    """
    base, indices, type = op.source, list(op.indices), vector_type(op.result)
    *outer, inner = transferred_dims(op)
    is_factor = all(isinstance(use.operation, OuterProductOp) and use.index == 0 for use in op.result.uses)
    align = size_in_bytes(type.element_type)
    shape = type.get_shape()
    if len(shape) == 1 and is_factor:
        element, count = spell(type.element_type), shape[0]
        p.parts[op.result] = [
            p.temporary(op.result.name_hint or "element", f"load {element}, ptr {at}, align {align}")
            for at in addresses(p, base, indices, inner, count)
        ]
        return
    require_contiguous(base, inner)
    row = spell(row_of(type))
    starts = addresses(p, base, indices, outer[0], shape[0]) if outer else [p.address(base, indices)]
    rows = [
        p.temporary(op.result.name_hint or "row", f"load {row}, ptr {at}, align {align}") for at in starts
    ]
    if outer:
        p.parts[op.result] = rows
    else:
        p.alias(op.result, rows[0])


def transfer_write(p: FunctionPrinter, op: vector.TransferWriteOp) -> None:
    """Prints a store for each row of a matrix."""
    base, indices, type = op.source, list(op.indices), vector_type(op.vector)
    *outer, inner = transferred_dims(op)
    require_contiguous(base, inner)
    row, align = spell(row_of(type)), size_in_bytes(type.element_type)
    rows = p.rows(op.vector)
    starts = addresses(p, base, indices, outer[0], len(rows)) if outer else [p.address(base, indices)]
    for text, at in zip(rows, starts, strict=True):
        p.line(f"store {row} {text}, ptr {at}, align {align}")


def require_contiguous(base: SSAValue, dim: int) -> None:
    """Refuses rows whose elements are not side by side."""
    assert isinstance(base.type, MemRefType)
    if static_strides(base.type)[dim] != 1:
        raise ValueError(f"expected rows along a dimension of stride 1, got dimension {dim} of {base.type}")


def outer_product(p: FunctionPrinter, op: OuterProductOp) -> None:
    """Prints row by row an element in all lanes, and what it adds, so that few of these are there at once."""
    (a, b, totals), result = op.operands, op.results[0]
    row = row_of(vector_type(result))
    type, columns, scalar = spell(row), p.text(b), spell(row.element_type)
    rows: list[str] = []
    for element, total in zip(p.elements(a), p.rows(totals), strict=True):
        factor = splat_value(p, f"{scalar} {element}", type, a.name_hint or "v")
        if row.element_type.__class__ in FLOATS:
            operands = [(type, factor), (type, columns), (type, total)]
            made = p.intrinsic("fma", row, operands)
        else:
            product = p.temporary("product", f"mul {type} {factor}, {columns}")
            made = f"add {type} {total}, {product}"
        rows.append(p.temporary(result.name_hint or "sum", made))
    p.parts[result] = rows


EMITTERS: EmitterTable = {
    OuterProductOp: outer_product,
    vector.TransferReadOp: transfer_read,
    vector.TransferWriteOp: transfer_write,
}
