"""Prints loads, stores and allocations: a memref is a plain pointer to its first element, with strides in its type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod

from xdsl.dialects import memref, vector
from xdsl.dialects.builtin import DYNAMIC_INDEX, BFloat16Type, MemRefType, VectorType, i16
from xdsl.ir import Attribute, Operation, SSAValue

from pullback.backends.cpu.llvm.function_printer import (
    Argument,
    EmitterTable,
    FunctionPrinter,
    LLVMPrintError,
    static_strides,
)
from pullback.backends.cpu.llvm.owned_memory import allocate, release
from pullback.backends.cpu.llvm_types import element_type, length, size_in_bytes, spell, suffix
from pullback.dialects.upstream import gather as indexed
from pullback.dialects.upstream.prefetch import PrefetchOp
from pullback.dialects.upstream.types import vector_type


def memref_type(value: SSAValue) -> MemRefType:
    """The type of a value that is known to be a memref."""
    assert isinstance(value.type, MemRefType)
    return value.type


def require_rows(p: FunctionPrinter, op: Operation, base: SSAValue, type: Attribute) -> None:
    """Refuses vectors of rank other than 1, and last dimensions of stride other than 1."""
    strides = static_strides(memref_type(base))
    if isinstance(type, VectorType) and type.get_num_dims() > 1:
        raise LLVMPrintError(op, f"expected a vector of rank 1, got {type}")
    if strides and strides[-1] != 1:
        raise LLVMPrintError(op, f"expected a memref whose last dimension has stride 1, got {base.type}")


# --- access ------------------------------------------------------------------------------------------------


def load(p: FunctionPrinter, op: memref.LoadOp | vector.LoadOp) -> None:
    """Prints a load; vectors are aligned as their elements are."""
    base, *indices = op.operands
    result = op.results[0]
    if isinstance(op, vector.LoadOp):
        require_rows(p, op, base, result.type)
    align = size_in_bytes(element_type(result.type))
    p.define(result, f"load {spell(result.type)}, ptr {p.address(base, indices)}, align {align}")


def store(p: FunctionPrinter, op: memref.StoreOp | vector.StoreOp) -> None:
    """Prints a store; vectors are aligned as their elements are."""
    value, base, *indices = op.operands
    if isinstance(op, vector.StoreOp):
        require_rows(p, op, base, value.type)
    align = size_in_bytes(element_type(value.type))
    p.line(f"store {p.typed(value)}, ptr {p.address(base, indices)}, align {align}")


def masked(p: FunctionPrinter, name: str, type: Attribute, arguments: Sequence[Argument], kind: str) -> str:
    """The text of a call of a masked access, an intrinsic named after the vector and the kind of address."""
    returns = spell(type) if name in ("masked.load", "masked.gather") else "void"
    return p.call(returns, f"@llvm.{name}.{suffix(type)}.{kind}", arguments)


def masked_load(p: FunctionPrinter, op: vector.MaskedLoadOp) -> None:
    """Lanes whose mask is false touch no memory."""
    type = op.result.type
    require_rows(p, op, op.base, type)
    place, mask = p.address(op.base, op.indices), p.argument(op.mask)
    if (lane := only_lane(mask)) is not None:
        element, at = lane_address(p, type, place, lane)
        one = p.temporary("lane", f"load {element}, ptr {at}, align {size_in_bytes(element_type(type))}")
        p.define(op.result, f"insertelement {p.typed(op.pass_thru)}, {element} {one}, i32 {lane}")
        return
    moved, address = moved_as(type), (aligned("ptr", type), place)
    arguments = [address, mask, reinterpreted(p, p.argument(op.pass_thru), moved)]
    text = masked(p, "masked.load", moved, arguments, "p0")
    if moved != type:
        text = f"bitcast {spell(moved)} {p.temporary('words', text)} to {spell(type)}"
    p.define(op.result, text)


def masked_store(p: FunctionPrinter, op: vector.MaskedStoreOp) -> None:
    """Lanes whose mask is false touch no memory."""
    type = op.value_to_store.type
    require_rows(p, op, op.base, type)
    place, mask = p.address(op.base, op.indices), p.argument(op.mask)
    if (lane := only_lane(mask)) is not None:
        one = p.temporary("lane", f"extractelement {p.typed(op.value_to_store)}, i32 {lane}")
        element, at = lane_address(p, type, place, lane)
        p.line(f"store {element} {one}, ptr {at}, align {size_in_bytes(element_type(type))}")
        return
    moved, address = moved_as(type), (aligned("ptr", type), place)
    arguments = [reinterpreted(p, p.argument(op.value_to_store), moved), address, mask]
    p.line(masked(p, "masked.store", moved, arguments, "p0"))


def only_lane(mask: Argument) -> int | None:
    """The lane of a mask that is a literal with one lane.

    It is accessed as a scalar: LLVM stores as many bytes of it as it had before it was truncated.
    """
    lanes = [lane for lane, word in enumerate(LANES.findall(mask[1])) if word == "true"]
    return lanes[0] if len(lanes) == 1 else None


def lane_address(p: FunctionPrinter, type: Attribute, place: str, lane: int) -> tuple[str, str]:
    """The type of an element of a vector, and the address of that of a lane."""
    element = spell(element_type(type))
    if lane:
        place = p.temporary("at", f"getelementptr inbounds {element}, ptr {place}, i64 {lane}")
    return element, place


LANES = re.compile(r"\bi1 (true|false)\b")
"""The lanes of a mask that is a literal."""


def moved_as(type: Attribute) -> Attribute:
    """The type of vector that a masked access moves elements as: words for bf16.

    LLVM makes a scalar access of a mask with one lane, of bf16 after such scalars have become impossible, and aborts:
    at 33 of 64 lanes, where the machine has AVX512-BF16. Moved as f16 they make it abort elsewhere.
    """
    is_brain = isinstance(type, VectorType) and isinstance(type.element_type, BFloat16Type)
    return vector_type(i16, length(type) or 0) if is_brain else type


def reinterpreted(p: FunctionPrinter, argument: Argument, type: Attribute) -> Argument:
    """The bits of an argument as a type of the same size."""
    typed, text = argument
    if typed == spell(type):
        return argument
    return spell(type), p.temporary("words", f"bitcast {typed} {text} to {spell(type)}")


def aligned(pointer: str, type: Attribute) -> str:
    """The type of a pointer argument that is aligned as the elements of `type` are."""
    return f"{pointer} align {size_in_bytes(element_type(type))}"


def addresses(p: FunctionPrinter, op: indexed.GatherOp | indexed.ScatterOp, type: Attribute) -> Argument:
    """The vector of addresses that an indexed access touches."""
    require_rows(p, op, op.base, type)
    base = p.address(op.base, op.offsets)
    pointers = p.temporary(
        "addresses", f"getelementptr {spell(element_type(type))}, ptr {base}, {p.typed(op.indices)}"
    )
    return aligned(f"<{length(type)} x ptr>", type), pointers


def gather(p: FunctionPrinter, op: indexed.GatherOp) -> None:
    """Prints a gather: reads one element per lane."""
    type = op.result.type
    where = addresses(p, op, type)
    arguments = [where, p.argument(op.mask), p.argument(op.pass_thru)]
    p.define(op.result, masked(p, "masked.gather", type, arguments, f"v{length(type)}p0"))


def scatter(p: FunctionPrinter, op: indexed.ScatterOp) -> None:
    """Prints a scatter: writes one element per lane, in the order of the lanes."""
    type = op.value_to_store.type
    where = addresses(p, op, type)
    arguments = [p.argument(op.value_to_store), where, p.argument(op.mask)]
    p.line(masked(p, "masked.scatter", type, arguments, f"v{length(type)}p0"))


def prefetch(p: FunctionPrinter, op: PrefetchOp) -> None:
    """Prints a hint, whose address may lie outside of the memref."""
    address = p.address(op.memref, op.indices, exists=False)
    numbers = bool(op.is_write.value.data), op.locality.value.data, bool(op.is_data_cache.value.data)
    arguments = [("ptr", address), *(("i32", str(int(n))) for n in numbers)]
    p.line(p.call("void", "@llvm.prefetch.p0", arguments))


# --- allocation --------------------------------------------------------------------------------------------


def mixed(p: FunctionPrinter, static: Sequence[int], dynamic: Sequence[SSAValue]) -> Sequence[str]:
    """Texts of a list whose entries are constants or, in turn, operands: sizes, offsets."""
    rest = iter(dynamic)
    return [p.text(next(rest)) if value == DYNAMIC_INDEX else str(value) for value in static]


def bytes_of(p: FunctionPrinter, type: MemRefType, sizes: Sequence[str]) -> str:
    """The number of bytes of a contiguous memref of the given sizes."""
    literal, factors = size_in_bytes(type.element_type), list[str]()
    for size in sizes:
        if size.isdigit():
            literal *= int(size)
        else:
            factors.append(size)
    total = str(literal)
    for factor in factors:
        total = p.temporary("bytes", f"mul nsw i64 {factor}, {total}")
    return total


def alloc(p: FunctionPrinter, op: memref.AllocOp) -> None:
    """Prints `malloc`, or `aligned_alloc` for a larger alignment; on the list of allocations where there is one."""
    type = memref_type(op.memref)
    sizes = p.sizes[op.memref] = mixed(p, type.get_shape(), op.dynamic_sizes)
    amount = bytes_of(p, type, sizes)
    align = op.alignment.value.data if op.alignment is not None else 1
    if p.owned is not None:
        p.define(op.memref, allocate(p.owned, align, amount), "memory")
        p.return_if(p.temporary("none", f"icmp eq ptr {p.text(op.memref)}, null"))
        return
    if align <= 16:
        p.define(op.memref, p.call("ptr", "@malloc", [("i64", amount)]), "memory")
        return
    # aligned_alloc wants a multiple of the alignment.
    padded = p.temporary("padded", f"add i64 {amount}, {align - 1}")
    rounded = p.temporary("rounded", f"and i64 {padded}, {-align}")
    arguments = [("i64", str(align)), ("i64", rounded)]
    p.define(op.memref, p.call("ptr", "@aligned_alloc", arguments), "memory")


def alloca(p: FunctionPrinter, op: memref.AllocaOp) -> None:
    """Prints `alloca` where the function begins: in a loop, each iteration has the same memory."""
    type = memref_type(op.memref)
    if DYNAMIC_INDEX in type.get_shape():
        raise LLVMPrintError(op, "memory on the stack has a static shape")
    align = op.alignment.value.data if op.alignment is not None else size_in_bytes(type.element_type)
    element = f"[{prod(type.get_shape())} x {spell(type.element_type)}]"
    p.stack.append(f"  {p.name(op.memref, 'memory')} = alloca {element}, align {align}")


def dealloc(p: FunctionPrinter, op: memref.DeallocOp) -> None:
    """Prints `free`."""
    if p.owned is not None:
        p.line(release(p.text(op.memref)))
    else:
        p.line(p.call("void", "@free", [p.argument(op.memref)]))


def get_global(p: FunctionPrinter, op: memref.GetGlobalOp) -> None:
    """Prints nothing: a global's name is its address."""
    p.alias(op.memref, f"@{op.name_.string_value()}")


EMITTERS: EmitterTable = {
    indexed.GatherOp: gather,
    indexed.ScatterOp: scatter,
    memref.AllocOp: alloc,
    memref.AllocaOp: alloca,
    memref.DeallocOp: dealloc,
    memref.GetGlobalOp: get_global,
    memref.LoadOp: load,
    memref.StoreOp: store,
    PrefetchOp: prefetch,
    vector.LoadOp: load,
    vector.MaskedLoadOp: masked_load,
    vector.MaskedStoreOp: masked_store,
    vector.StoreOp: store,
}
