"""Prints `vector` operations on registers: shuffles, inserts, masks (`print_memory.py` has accesses)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects import vector
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase, IntegerType, VectorType
from xdsl.ir import SSAValue

from pullback.backends.cpu.llvm.function_printer import EmitterTable, FunctionPrinter, LLVMPrintError, row_of
from pullback.backends.cpu.llvm_types import (
    length,
    spell,
    splat,
    vector_literal,
)
from pullback.dialects.ir.by_identity import by_identity
from pullback.dialects.upstream import vector as upstream


def vector_type(value: SSAValue) -> VectorType:
    """The type of a value that is known to be a vector."""
    assert isinstance(value.type, VectorType)
    return value.type


def shuffle(p: FunctionPrinter, result: SSAValue, sources: Sequence[SSAValue], lanes: Sequence[int]) -> None:
    """`result[i] = (sources[0] ++ sources[1])[lanes[i]]` on flattened vectors; -1 leaves a lane undefined."""
    second = p.typed(sources[1]) if len(sources) == 2 else f"{spell(sources[0].type)} poison"
    p.define(result, f"shufflevector {p.typed(sources[0])}, {second}, {shuffle_mask(lanes)}")


def shuffle_mask(lanes: Sequence[int]) -> str:
    """The mask of a shuffle, which takes these lanes."""
    mask = ", ".join("i32 poison" if lane < 0 else f"i32 {lane}" for lane in lanes)
    return f"<{len(lanes)} x i32> <{mask}>"


@by_identity
def _shuffle_mask(mask: DenseArrayBase[IntegerType]) -> str:
    return shuffle_mask([int(lane) for lane in mask.get_values()])


def numbered(type: VectorType) -> NDArray[np.int64]:
    """The number of each lane in the flattened vector, in the shape of the type."""
    shape = type.get_shape()
    return np.arange(prod(shape)).reshape(shape)


def broadcast(p: FunctionPrinter, op: vector.BroadcastOp) -> None:
    """Prints a broadcast: a scalar to every lane, or a vector along new leading dimensions and those of size 1."""
    source, result = op.source, op.vector
    if isinstance(source.type, VectorType):
        lanes = np.broadcast_to(numbered(source.type), op.vector.type.get_shape())
        shuffle(p, result, [source], [int(lane) for lane in lanes.flat])
    elif not p.text(source).startswith("%"):
        p.alias(result, splat(p.text(source), vector_type(result)))
    else:
        p.alias(result, splat_value(p, p.typed(source), spell(result.type), source.name_hint or "v"))


def splat_value(p: FunctionPrinter, scalar: str, type: str, hint: str) -> str:
    """A vector of LLVM type `type` with a typed scalar in every lane."""
    first = p.temporary(f"{hint}.lane", f"insertelement {type} poison, {scalar}, i64 0")
    mask = f"{type[: type.index(' x ')]} x i32> zeroinitializer"
    return p.temporary(f"{hint}.splat", f"shufflevector {type} {first}, {type} poison, {mask}")


def lane_of(p: FunctionPrinter, type: VectorType, static: Sequence[int], dynamic: Sequence[SSAValue]) -> str:
    """The number, in the flattened vector, of the element at a full position."""
    shape, rest = type.get_shape(), list(dynamic)
    constant, terms = 0, list[str]()
    for axis, position in enumerate(static):
        stride = prod(shape[axis + 1 :])
        if position != DYNAMIC_INDEX:
            constant += position * stride
        else:
            text = p.text(rest.pop(0))
            terms.append(text if stride == 1 else p.temporary("lane", f"mul i64 {text}, {stride}"))
    total = str(constant)
    for term in terms:
        total = term if total == "0" else p.temporary("lane", f"add i64 {total}, {term}")
    return total


def extract(p: FunctionPrinter, op: vector.ExtractOp) -> None:
    """Prints a read of one element, or the vector of the trailing dimensions at a constant position."""
    type, static = vector_type(op.vector), op.static_position.get_values()
    if not isinstance(op.result.type, VectorType):
        lane = lane_of(p, type, static, op.dynamic_position)
        p.define(op.result, f"extractelement {p.typed(op.vector)}, i64 {lane}")
    elif op.dynamic_position:
        raise LLVMPrintError(op, "a vector may be extracted at constant positions only")
    elif op.vector in p.parts and len(static) == 1:
        p.alias(op.result, p.rows(op.vector)[static[0]])
    else:
        shuffle(p, op.result, [op.vector], [int(lane) for lane in numbered(type)[tuple(static)].flat])


def insert(p: FunctionPrinter, op: vector.InsertOp) -> None:
    """Prints a write of one element, or the vector of the trailing dimensions at a constant position."""
    type, static = vector_type(op.dest), op.static_position.get_values()
    if type.get_num_dims() == 2 and len(static) == 1 and not op.dynamic_position:
        rows = list(p.rows(op.dest))
        rows[static[0]] = p.text(op.source)
        p.parts[op.result] = rows
        return
    if not isinstance(op.source.type, VectorType):
        lane = lane_of(p, type, static, op.dynamic_position)
        p.define(op.result, f"insertelement {p.typed(op.dest)}, {p.typed(op.source)}, i64 {lane}")
        return
    if op.dynamic_position:
        raise LLVMPrintError(op, "a vector may be inserted at constant positions only")
    # A shuffle takes two vectors of one length: widen the source first.
    count, total = length(op.source.type) or 1, length(type) or 1
    widening = ", ".join(f"i32 {lane}" if lane < count else "i32 poison" for lane in range(total))
    source = spell(op.source.type)
    wide = p.temporary(
        "wide", f"shufflevector {p.typed(op.source)}, {source} poison, <{total} x i32> <{widening}>"
    )
    lanes = numbered(type)
    lanes[tuple(static)] = total + np.arange(count).reshape(op.source.type.get_shape())
    mask = ", ".join(f"i32 {lane}" for lane in lanes.flat)
    p.define(op.result, f"shufflevector {p.typed(op.dest)}, {spell(type)} {wide}, <{total} x i32> <{mask}>")


def emit_shuffle(p: FunctionPrinter, op: vector.ShuffleOp) -> None:
    """A shuffle of the rows of two vectors of one type, which is what LLVM has."""
    v1, v2 = op.operands
    first, second = vector_type(v1), vector_type(v2)
    if first is not second and first != second:
        raise LLVMPrintError(op, f"expected operands of one type, got {first} and {second}")
    if first.get_num_dims() == 1:
        p.define(op.results[0], f"shufflevector {p.typed(v1)}, {p.typed(v2)}, {_shuffle_mask(op.mask)}")
        return
    row = prod(first.get_shape()[1:])
    rows = [int(lane) for lane in op.mask.get_values()]
    lanes = [lane * row + at if lane >= 0 else -1 for lane in rows for at in range(row)]
    shuffle(p, op.result, [v1, v2], lanes)


def transpose(p: FunctionPrinter, op: upstream.TransposeOp) -> None:
    """A shuffle of the flattened vector; a square is turned around by exchanging ever smaller blocks of its rows."""
    count = vector_type(op.vector).get_shape()[-1]
    is_square = op.vector.type == op.result.type and op.permutation.get_values() == (1, 0)
    if is_square and count & (count - 1) == 0:
        p.parts[op.result] = turned_around(p, op, p.rows(op.vector))
        return
    lanes = numbered(vector_type(op.vector)).transpose(op.permutation.get_values())
    shuffle(p, op.result, [op.vector], [int(lane) for lane in lanes.flat])


def turned_around(p: FunctionPrinter, op: upstream.TransposeOp, rows: Sequence[str]) -> Sequence[str]:
    """The rows of the transpose of a square of a power of two of rows."""
    count, type, hint = len(rows), spell(row_of(vector_type(op.vector))), op.result.name_hint or "turned"
    block = count // 2
    while block:
        low, high = _masks_of_exchange(count, block)
        exchanged = list(rows)
        for at in range(count):
            if not at & block:
                pair = f"shufflevector {type} {rows[at]}, {type} {rows[at + block]}, "
                exchanged[at] = p.temporary(hint, pair + low)
                exchanged[at + block] = p.temporary(hint, pair + high)
        rows = exchanged
        block //= 2
    return rows


@cache
def _masks_of_exchange(count: int, block: int) -> tuple[str, str]:
    """The masks by which two rows exchange their blocks of so many lanes."""
    low = [lane if not lane & block else count + lane - block for lane in range(count)]
    high = [lane + block if not lane & block else count + lane for lane in range(count)]
    return shuffle_mask(low), shuffle_mask(high)


def interleave(p: FunctionPrinter, op: upstream.InterleaveOp) -> None:
    """A shuffle that takes turns along the last dimension."""
    lanes = numbered(vector_type(op.lhs))
    pairs = np.stack([lanes, lanes + lanes.size], axis=-1)
    shuffle(p, op.result, [op.lhs, op.rhs], [int(lane) for lane in pairs.flat])


def shape_cast(p: FunctionPrinter, op: upstream.ShapeCastOp) -> None:
    """Flattened, both are the same vector."""
    p.alias(op.result, p.text(op.source))


def from_elements(p: FunctionPrinter, op: upstream.FromElementsOp) -> None:
    """One insert per element."""
    type = spell(op.dest.type)
    text = "poison"
    for lane, element in enumerate(op.elements[:-1]):
        text = p.temporary("part", f"insertelement {type} {text}, {p.typed(element)}, i64 {lane}")
    last = len(op.elements) - 1
    p.define(op.dest, f"insertelement {type} {text}, {p.typed(op.elements[last])}, i64 {last}")


def step(p: FunctionPrinter, op: upstream.StepOp) -> None:
    """A literal."""
    lanes = [str(lane) for lane in range(length(op.result.type) or 1)]
    p.alias(op.result, vector_literal(lanes, op.result.type))


def mask_literal(type: VectorType, bounds: Sequence[int]) -> str:
    """The mask that is true where every index is below its bound."""
    inside = np.zeros(type.get_shape(), bool)
    inside[tuple(slice(max(bound, 0)) for bound in bounds)] = True
    return vector_literal(["true" if lane else "false" for lane in inside.flat], type)


def constant_mask(p: FunctionPrinter, op: upstream.ConstantMaskOp) -> None:
    """A literal."""
    p.alias(op.result, mask_literal(op.result.type, op.mask_dim_sizes.get_values()))


def create_mask(p: FunctionPrinter, op: vector.CreateMaskOp) -> None:
    """A literal where the bounds are; else lane numbers compared with the bound, clamped to fit i32."""
    type = vector_type(op.mask_vector)
    bounds = [p.literal(bound) for bound in op.mask_dim_sizes]
    known = [bound for bound in bounds if bound is not None]
    if len(known) == len(bounds):
        p.alias(op.mask_vector, mask_literal(type, known))
        return
    if len(bounds) != 1:
        raise LLVMPrintError(op, f"a mask of rank {len(bounds)} needs constant bounds")
    count = length(type) or 1
    bound = op.mask_dim_sizes[0]
    low = p.temporary("bound", p.intrinsic("smax", bound.type, [p.argument(bound), ("i64", "0")]))
    high = p.temporary("bound", p.intrinsic("smin", bound.type, [("i64", low), ("i64", str(count))]))
    narrow = p.temporary("bound", f"trunc i64 {high} to i32")
    lanes = f"<{count} x i32>"
    splatted = splat_value(p, f"i32 {narrow}", lanes, "bound")
    numbers = "<" + ", ".join(f"i32 {lane}" for lane in range(count)) + ">"
    p.define(op.mask_vector, f"icmp slt {lanes} {numbers}, {splatted}", "mask")


EMITTERS: EmitterTable = {
    upstream.ConstantMaskOp: constant_mask,
    upstream.FromElementsOp: from_elements,
    upstream.InterleaveOp: interleave,
    upstream.ShapeCastOp: shape_cast,
    upstream.StepOp: step,
    upstream.TransposeOp: transpose,
    vector.BroadcastOp: broadcast,
    vector.CreateMaskOp: create_mask,
    vector.ExtractOp: extract,
    vector.InsertOp: insert,
    vector.ShuffleOp: emit_shuffle,
}
