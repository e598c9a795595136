"""Prints accesses to memory, one element or a vector at a time, and what the threads of a block do together."""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import MemRefType, SymbolRefAttr
from xdsl.ir import Block, Operation, SSAValue

from pullback.backends.cuda.functions import call
from pullback.backends.cuda.kernel_text import KernelText
from pullback.dialects.ir.diagnostics import UnsupportedError
from pullback.dialects.upstream.gpu import ShuffleModeAttr

VECTOR_ACCESSES = {"vector.load": 0, "vector.store": 1}
"""Ops that access several elements at once, and the position of the memory among their operands."""
_SHUFFLED = ("bool", "signed char", "short", "int", "unsigned", "long long", "float", "double")
_SHUFFLES = {
    "xor": "__shfl_xor_sync",
    "up": "__shfl_up_sync",
    "down": "__shfl_down_sync",
    "idx": "__shfl_sync",
}


def accessed_by_vectors(block: Block) -> set[str]:
    """The symbols of memory that must be aligned, as some access is of several elements at once."""
    accessed = (
        op.operands[VECTOR_ACCESSES[op.name]].owner for op in block.walk() if op.name in VECTOR_ACCESSES
    )
    return {
        symbol_named(op) for op in accessed if isinstance(op, Operation) and op.name == "memref.get_global"
    }


def symbol_named(op: Operation) -> str:
    """The symbol of a `memref.get_global`."""
    symbol = op.properties["name"]
    assert isinstance(symbol, SymbolRefAttr)
    return symbol.string_value()


def print_load(text: KernelText, op: Operation) -> None:
    """`memref.load`."""
    memref, *indices = op.operands
    text.define(op.results[0], text.element(memref, indices), op, f"{text.names[memref]}_element")


def print_store(text: KernelText, op: Operation) -> None:
    """`memref.store`."""
    value, memref, *indices = op.operands
    text.line(f"{text.element(memref, indices)} = {text.names[value]};", op)


def print_alloca(text: KernelText, op: Operation) -> None:
    """`memref.alloca`: a local array, which stays in registers where loops over it are unrolled."""
    (result,) = op.results
    assert isinstance(result.type, MemRefType)
    name = text.names.declare(result, "local")
    text.line(f"{text.types.element(result.type)} {name}[{prod(result.type.get_shape())}];", op)


def print_vector_load(text: KernelText, op: Operation) -> None:
    """`vector.load`: all lanes by one access."""
    memref, *indices = op.operands
    kind = _accessed(text, memref, op.results[0])
    access = f"*(const {kind}*)&{text.element(memref, indices)}"
    text.define(op.results[0], access, op, f"{text.names[memref]}_elements")


def print_vector_store(text: KernelText, op: Operation) -> None:
    """`vector.store`: all lanes by one access."""
    value, memref, *indices = op.operands
    kind = _accessed(text, memref, value)
    text.line(f"*({kind}*)&{text.element(memref, indices)} = {text.names[value]};", op)


def _accessed(text: KernelText, memref: SSAValue, value: SSAValue) -> str:
    assert isinstance(memref.type, MemRefType)
    strides = memref.type.get_strides()
    if strides and strides[-1] != 1:
        raise UnsupportedError(f"{memref.type} is accessed by vectors, but its elements are not side by side")
    return text.types.name(value.type)


def print_barrier(text: KernelText, op: Operation) -> None:
    """`gpu.barrier`."""
    text.line(f"{call('__syncthreads')};", op)


def print_shuffle(text: KernelText, op: Operation) -> None:
    """`gpu.shuffle`, of a type that CUDA shuffles or that fits an `int`."""
    mode = op.properties["mode"]
    assert isinstance(mode, ShuffleModeAttr)
    value, offset, width = (text.names[operand] for operand in op.operands)
    kind = text.types.name(op.operands[0].type)
    if op.results[1].first_use is not None:
        raise UnsupportedError("gpu.shuffle: `valid` has no CUDA text yet", op)
    if kind not in _SHUFFLED:
        raise UnsupportedError(f"gpu.shuffle of {op.operands[0].type} has no CUDA text", op)
    given = f"(int){value}" if kind in ("bool", "signed char", "short") else value
    group = () if width == "32" else (width,)
    text.define(op.results[0], call(_SHUFFLES[str(mode.data)], "0xffffffff", given, offset, *group), op)
