"""Looks numbers up in a table that a register or two hold: each lane by its own index, by permutations."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import Float32Type, IntegerType, VectorType, i1

from pullback.backends.cpu.llvm_types import (
    element_type,
    length,
    scalar_literal,
    spell,
    suffix,
    vector_literal,
)
from pullback.backends.cpu.math.lanes import LLVMValue


def lookup(name: str, entries: Sequence[float], index: LLVMValue) -> LLVMValue:
    """`entries[index]` in every lane, of whose index the low bits count; there are 2^n entries.

    Where no instruction permutes whole vectors, and for scalars, lanes are read one by one from the constant `name`.
    """
    body, lanes = index.body, length(index.type)
    widest = _permuted_lanes(index)
    if lanes is None or widest is None or len(entries) > 2 * widest:
        return _read_by_lane(name, entries, index)
    parts = [
        _permuted(entries, _lanes_of(index, range(first, first + widest), widest))
        for first in range(0, lanes, widest)
    ]
    while len(parts) > 1:
        parts = [_joined(*parts[at : at + 2]) for at in range(0, len(parts), 2)]
    floats = body.like(index.format.floats)
    return LLVMValue(body, _lanes_of(parts[0], range(lanes), lanes).text, floats)


def _permuted_lanes(index: LLVMValue) -> int | None:
    """How many lanes an instruction of this machine permutes by indices of their own."""
    from pullback.backends.cpu.machine import has_feature  # loads LLVM, which takes a while

    is_f32 = isinstance(index.format.floats, Float32Type)
    if has_feature("avx512f"):
        return 16 if is_f32 else 8
    return 8 if is_f32 and has_feature("avx2") else None


def _permuted(entries: Sequence[float], index: LLVMValue) -> LLVMValue:
    """The entries that a vector of the machine's width asks for."""
    body, lanes = index.body, length(index.type)
    assert lanes is not None
    type = VectorType(index.format.floats, [lanes])
    names = {16: "avx512.permvar.sf.512", 8: "avx512.permvar.df.512"}
    name = "avx2.permps" if (lanes, suffix(type)) == (8, "v8f32") else names[lanes]
    vector, integers = spell(type), spell(index.type)
    body.declarations.add(f"declare {vector} @llvm.x86.{name}({vector}, {integers})")

    def permuted(first: int) -> LLVMValue:
        taken = [entries[(first + at) % len(entries)] for at in range(lanes)]
        table = vector_literal([scalar_literal(entry, element_type(type)) for entry in taken], type)
        return body.emit(type, f"call {vector} @llvm.x86.{name}({vector} {table}, {integers} {index.text})")

    if len(entries) <= lanes:
        return permuted(0)
    # The bit that tells the halves apart becomes the sign.
    width = element_type(index.type)
    assert isinstance(width, IntegerType)
    sign = index << width.width.data - lanes.bit_length()
    booleans = VectorType(i1, [lanes])
    in_second = body.emit(booleans, f"icmp slt {integers} {sign.text}, zeroinitializer")
    low, high = permuted(0), permuted(lanes)
    return body.emit(
        type, f"select {spell(booleans)} {in_second.text}, {vector} {high.text}, {vector} {low.text}"
    )


def _read_by_lane(name: str, entries: Sequence[float], index: LLVMValue) -> LLVMValue:
    """Entries loaded from memory."""
    body, lanes = index.body, length(index.type)
    element = index.format.floats
    spelled, array = spell(element), f"[{len(entries)} x {spell(element)}]"
    symbol = f"@pb.{name}.{suffix(element)}.table"
    numbers = ", ".join(f"{spelled} {scalar_literal(entry, element)}" for entry in entries)
    body.declarations.add(f"{symbol} = internal constant {array} [{numbers}]")
    low = index & (len(entries) - 1)

    def read(at: str) -> LLVMValue:
        integer = spell(element_type(index.type))
        place = body.emit(element, f"getelementptr inbounds {array}, ptr {symbol}, i64 0, {integer} {at}")
        return body.emit(element, f"load {spelled}, ptr {place.text}")

    if lanes is None:
        return read(low.text)
    type = body.like(element)
    result = LLVMValue(body, "poison", type)
    for lane in range(lanes):
        at = body.emit(element_type(index.type), f"extractelement {spell(index.type)} {low.text}, i32 {lane}")
        value = read(at.text)
        result = body.emit(
            type, f"insertelement {spell(type)} {result.text}, {spelled} {value.text}, i32 {lane}"
        )
    return result


def _lanes_of(x: LLVMValue, lanes: range, count: int) -> LLVMValue:
    """A vector of `count` lanes, those of x with these numbers first, and anything where x has no more."""
    there = length(x.type) or 0
    if list(lanes) == list(range(there)):
        return x
    type = VectorType(element_type(x.type), [count])
    picked = ", ".join(f"i32 {at}" if at < there else "i32 poison" for at in lanes)
    vector = spell(x.type)
    return x.body.emit(type, f"shufflevector {vector} {x.text}, {vector} poison, <{count} x i32> <{picked}>")


def _joined(x: LLVMValue, y: LLVMValue | None = None) -> LLVMValue:
    """The lanes of one vector, then those of another as long; of one alone, itself."""
    if y is None:
        return x
    lanes, vector = 2 * (length(x.type) or 0), spell(x.type)
    type = VectorType(element_type(x.type), [lanes])
    picked = ", ".join(f"i32 {at}" for at in range(lanes))
    return x.body.emit(
        type, f"shufflevector {vector} {x.text}, {vector} {y.text}, <{lanes} x i32> <{picked}>"
    )
