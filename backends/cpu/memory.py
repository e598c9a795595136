"""Memory: a memref is a plain pointer to its first element; its strides stand in its type."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects import memref, vector
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, NoneAttr, VectorType
from xdsl.ir import Attribute, Operation, SSAValue

from pullback.backends.cpu.control_flow import loop
from pullback.backends.cpu.function_printer import (
    Argument,
    EmitterTable,
    FunctionPrinter,
    LLVMPrintError,
    static_strides,
)
from pullback.backends.cpu.types import element_type, length, size_in_bytes, spell, suffix
from pullback.dialects.upstream import gather as indexed
from pullback.dialects.upstream import memref as upstream


def memref_type(value: SSAValue) -> MemRefType:
    """The type of a value that is known to be a memref."""
    assert isinstance(value.type, MemRefType)
    return value.type


def require_rows(p: FunctionPrinter, op: Operation, base: SSAValue, type: Attribute) -> None:
    """A vector in memory has rank 1 and lies along a last dimension of stride 1."""
    strides = static_strides(memref_type(base))
    if isinstance(type, VectorType) and type.get_num_dims() > 1:
        raise LLVMPrintError(op, f"expected a vector of rank 1, got {type}")
    if strides and strides[-1] != 1:
        raise LLVMPrintError(op, f"expected a memref whose last dimension has stride 1, got {base.type}")


# --- access ------------------------------------------------------------------------------------------------


def load(p: FunctionPrinter, op: memref.LoadOp | vector.LoadOp) -> None:
    """A load; vectors are aligned as their elements are."""
    base, *indices = op.operands
    result = op.results[0]
    if isinstance(op, vector.LoadOp):
        require_rows(p, op, base, result.type)
    align = size_in_bytes(element_type(result.type))
    p.define(result, f"load {spell(result.type)}, ptr {p.address(base, indices)}, align {align}")


def store(p: FunctionPrinter, op: memref.StoreOp | vector.StoreOp) -> None:
    """A store; vectors are aligned as their elements are."""
    value, base, *indices = op.operands
    if isinstance(op, vector.StoreOp):
        require_rows(p, op, base, value.type)
    align = size_in_bytes(element_type(value.type))
    p.line(f"store {p.typed(value)}, ptr {p.address(base, indices)}, align {align}")


def masked(p: FunctionPrinter, name: str, type: Attribute, arguments: Sequence[Argument], kind: str) -> str:
    """A call of one of the masked accesses, which are named after the vector and the kind of address."""
    returns = spell(type) if name in ("masked.load", "masked.gather") else "void"
    return p.call(returns, f"@llvm.{name}.{suffix(type)}.{kind}", arguments)


def masked_load(p: FunctionPrinter, op: vector.MaskedLoadOp) -> None:
    """Lanes whose mask is false touch no memory."""
    type = op.result.type
    require_rows(p, op, op.base, type)
    address = (aligned("ptr", type), p.address(op.base, op.indices))
    arguments = [address, p.argument(op.mask), p.argument(op.pass_thru)]
    p.define(op.result, masked(p, "masked.load", type, arguments, "p0"))


def masked_store(p: FunctionPrinter, op: vector.MaskedStoreOp) -> None:
    """Lanes whose mask is false touch no memory."""
    type = op.value_to_store.type
    require_rows(p, op, op.base, type)
    address = (aligned("ptr", type), p.address(op.base, op.indices))
    arguments = [p.argument(op.value_to_store), address, p.argument(op.mask)]
    p.line(masked(p, "masked.store", type, arguments, "p0"))


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
    """Reads one element per lane."""
    type = op.result.type
    where = addresses(p, op, type)
    arguments = [where, p.argument(op.mask), p.argument(op.pass_thru)]
    p.define(op.result, masked(p, "masked.gather", type, arguments, f"v{length(type)}p0"))


def scatter(p: FunctionPrinter, op: indexed.ScatterOp) -> None:
    """Writes one element per lane, in the order of the lanes."""
    type = op.value_to_store.type
    where = addresses(p, op, type)
    arguments = [p.argument(op.value_to_store), where, p.argument(op.mask)]
    p.line(masked(p, "masked.scatter", type, arguments, f"v{length(type)}p0"))


# --- allocation --------------------------------------------------------------------------------------------


def mixed_sizes(p: FunctionPrinter, type: MemRefType, dynamic: Sequence[SSAValue]) -> Sequence[str]:
    """The size of each dimension as a text: a literal, or one of the dynamic sizes in turn."""
    rest = iter(dynamic)
    return [p.text(next(rest)) if size == DYNAMIC_INDEX else str(size) for size in type.get_shape()]


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
    """`malloc`, or `aligned_alloc` where more than its alignment is asked for."""
    type = memref_type(op.memref)
    sizes = p.sizes[op.memref] = mixed_sizes(p, type, op.dynamic_sizes)
    amount = bytes_of(p, type, sizes)
    align = op.alignment.value.data if op.alignment is not None else 1
    if align <= 16:
        p.define(op.memref, p.call("ptr", "@malloc", [("i64", amount)]), "memory")
        return
    # aligned_alloc wants a multiple of the alignment.
    padded = p.temporary("padded", f"add i64 {amount}, {align - 1}")
    rounded = p.temporary("rounded", f"and i64 {padded}, {-align}")
    arguments = [("i64", str(align)), ("i64", rounded)]
    p.define(op.memref, p.call("ptr", "@aligned_alloc", arguments), "memory")


def dealloc(p: FunctionPrinter, op: memref.DeallocOp) -> None:
    """`free`."""
    p.line(p.call("void", "@free", [p.argument(op.memref)]))


def get_global(p: FunctionPrinter, op: memref.GetGlobalOp) -> None:
    """A global's name is its address."""
    p.alias(op.memref, f"@{op.name_.string_value()}")


# --- views -------------------------------------------------------------------------------------------------


def view(p: FunctionPrinter, op: memref.ViewOp) -> None:
    """A part of an arena of bytes."""
    type = memref_type(op.result)
    p.sizes[op.result] = mixed_sizes(p, type, op.sizes)
    shift = p.text(op.byte_shift)
    if shift == "0":
        p.alias(op.result, p.text(op.source))
    else:
        p.define(op.result, f"getelementptr inbounds i8, ptr {p.text(op.source)}, i64 {shift}", "view")


def mixed(p: FunctionPrinter, static: Sequence[int], dynamic: Sequence[SSAValue]) -> Sequence[str]:
    """Texts of a list whose entries are constants or, in turn, operands."""
    rest = iter(dynamic)
    return [p.text(next(rest)) if value == DYNAMIC_INDEX else str(value) for value in static]


def subview(p: FunctionPrinter, op: memref.SubviewOp) -> None:
    """The address of the first element of the part; the strides stand in the type."""
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
    """The same pointer under a type that says more or less of its shape."""
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


# --- copies ------------------------------------------------------------------------------------------------


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
    """Whether dimension `axis` is contiguous with those behind it, which are."""
    behind = sizes[axis + 1 :]
    return all(size.isdigit() for size in behind) and strides[axis] == prod(map(int, behind))


EMITTERS: EmitterTable = {
    indexed.GatherOp: gather,
    indexed.ScatterOp: scatter,
    memref.AllocOp: alloc,
    memref.CastOp: cast,
    memref.DeallocOp: dealloc,
    memref.DimOp: dim,
    memref.GetGlobalOp: get_global,
    memref.LoadOp: load,
    memref.ReinterpretCastOp: reinterpret_cast,
    memref.StoreOp: store,
    memref.SubviewOp: subview,
    memref.ViewOp: view,
    upstream.CopyOp: copy,
    vector.LoadOp: load,
    vector.MaskedLoadOp: masked_load,
    vector.MaskedStoreOp: masked_store,
    vector.StoreOp: store,
}
