"""Prints views of memory, which are address arithmetic at most, and copies between them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects import memref
from xdsl.dialects.builtin import DYNAMIC_INDEX, NoneAttr
from xdsl.ir import Operation, SSAValue

from pullback.backends.cpu.llvm.function_printer import (
    EmitterTable,
    FunctionPrinter,
    LLVMPrintError,
    static_strides,
)
from pullback.backends.cpu.llvm.print_control_flow import loop
from pullback.backends.cpu.llvm.print_memory import bytes_of, memref_type, mixed
from pullback.dialects.upstream import memref as upstream


def view(p: FunctionPrinter, op: memref.ViewOp) -> None:
    """Prints the address of a view into an arena of bytes."""
    type = memref_type(op.result)
    p.sizes[op.result] = mixed(p, type.get_shape(), op.sizes)
    shift = p.text(op.byte_shift)
    if shift == "0":
        p.alias(op.result, p.text(op.source))
    else:
        p.define(op.result, f"getelementptr inbounds i8, ptr {p.text(op.source)}, i64 {shift}", "view")


def subview(p: FunctionPrinter, op: memref.SubviewOp) -> None:
    """Prints the address of a subview's first element; its strides are in its type."""
    source = memref_type(op.source)
    static_strides(memref_type(op.result))  # refuses dynamic ones
    offsets = mixed(p, op.static_offsets.get_values(), op.offsets)
    sizes = mixed(p, op.static_sizes.get_values(), op.sizes)
    # A subview may drop dimensions of size 1; those that stay are not 1, or all of them are.
    rank = memref_type(op.result).get_num_dims()
    p.sizes[op.result] = sizes if len(sizes) == rank else kept_sizes(sizes, rank)
    terms = list(zip(offsets, static_strides(source), strict=True))
    p.alias(op.result, p.offset(p.text(op.source), source.element_type, terms))


def kept_sizes(sizes: Sequence[str], rank: int) -> Sequence[str]:
    """`sizes` without as many leading ones as make the rank."""
    kept = list(sizes)
    while len(kept) > rank:
        kept.remove("1")
    return kept


def reinterpret_cast(p: FunctionPrinter, op: memref.ReinterpretCastOp) -> None:
    """Another shape over the same memory; the offset counts from the start of the buffer."""
    source = memref_type(op.source)
    if not isinstance(source.layout, NoneAttr):
        raise LLVMPrintError(op, f"expected a source of identity layout, got {source}")
    static_strides(memref_type(op.result))  # refuses dynamic ones
    p.sizes[op.result] = mixed(p, op.static_sizes.get_values(), op.sizes)
    offsets = mixed(p, op.static_offsets.get_values(), op.offsets)
    p.alias(op.result, p.offset(p.text(op.source), source.element_type, [(offsets[0], 1)]))


def cast(p: FunctionPrinter, op: memref.CastOp) -> None:
    """Prints nothing: a cast is the same pointer under a type that knows more or less of its shape."""
    p.alias(op.results[0], p.text(op.operands[0]))
    if op.operands[0] in p.sizes:
        p.sizes[op.results[0]] = p.sizes[op.operands[0]]


def size_of(p: FunctionPrinter, op: Operation, value: SSAValue, axis: int) -> str:
    """The size of one dimension; a memref is a plain pointer, so a dynamic one must come from its making."""
    size = memref_type(value).get_shape()[axis]
    if size != DYNAMIC_INDEX:
        return str(size)
    if value not in p.sizes:
        raise LLVMPrintError(op, f"the size of dimension {axis} is not known here; pass it beside the memref")
    return p.sizes[value][axis]


def dim(p: FunctionPrinter, op: memref.DimOp) -> None:
    """A size, as a literal or as the value that the memref was made with."""
    axis = p.literal(op.index)
    if axis is None:
        raise LLVMPrintError(op, "expected a constant dimension")
    p.alias(op.result, size_of(p, op, op.source, axis))


def copy(p: FunctionPrinter, op: upstream.CopyOp) -> None:
    """One `memcpy` where both are contiguous, else loops over the dimensions that are not."""
    source, target = op.source, op.destination
    rank = memref_type(source).get_num_dims()
    sizes = [known_size(p, op, axis) for axis in range(rank)]
    strides = [static_strides(memref_type(value)) for value in (source, target)]
    # The trailing dimensions from `inner` on are one run of memory in both.
    inner = rank
    while inner and all(is_run(row, sizes, inner - 1) for row in strides):
        inner -= 1
    run = bytes_of(p, memref_type(source), sizes[inner:])

    def copy_from(axis: int, from_text: str, to_text: str) -> None:
        if axis == inner:
            arguments = [("ptr", to_text), ("ptr", from_text), ("i64", run), ("i1", "false")]
            p.line(p.call("void", "@llvm.memcpy.p0.p0.i64", arguments))
            return

        def body(variable: str, carried: Sequence[str]) -> Sequence[str]:
            element = memref_type(source).element_type
            here = [
                p.offset(text, element, [(variable, row[axis])])
                for text, row in zip((from_text, to_text), strides, strict=True)
            ]
            copy_from(axis + 1, here[0], here[1])
            return []

        loop(p, "row", (("i64", "0"), sizes[axis], "1"), [], body)

    copy_from(0, p.text(source), p.text(target))


def known_size(p: FunctionPrinter, op: upstream.CopyOp, axis: int) -> str:
    """The size of a dimension of a copy, from whichever side knows it."""
    source, target = op.source, op.destination
    known = target if target in p.sizes and source not in p.sizes else source
    return size_of(p, op, known, axis)


def is_run(strides: Sequence[int], sizes: Sequence[str], axis: int) -> bool:
    """Tells whether dimension `axis` is contiguous with those behind it, which are."""
    behind = sizes[axis + 1 :]
    return all(size.isdigit() for size in behind) and strides[axis] == prod(map(int, behind))


EMITTERS: EmitterTable = {
    memref.CastOp: cast,
    memref.DimOp: dim,
    memref.ReinterpretCastOp: reinterpret_cast,
    memref.SubviewOp: subview,
    memref.ViewOp: view,
    upstream.CopyOp: copy,
}
