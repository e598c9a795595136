"""Faults to plant in the IR of level `gpu`: functions that change a module in place. See `planted.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from xdsl.builder import Builder
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    Float32Type,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    SymbolRefAttr,
    VectorType,
    i1,
)
from xdsl.ir import Attribute, Block, Operation, Region
from xdsl.rewriter import InsertPoint

from pullback.backends.host_program.host_program import stored_arguments
from pullback.backends.interpreter.compiled_blocks import segments
from pullback.backends.interpreter.execution_error import symbol_of
from pullback.dialects.upstream.gpu import ThreadIdOp

Fault: TypeAlias = Callable[[Operation], None]


def nth(module: Operation, name: str, number: int = 0, shared: bool | None = None) -> Operation:
    """The op of a name and number in the kernels; `shared` picks accesses of shared memory, or of other memory."""
    ops = [
        op
        for kernel in module.walk()
        if kernel.name == "gpu.func"
        for op in kernel.walk()
        if op.name == name and shared in (None, _is_shared(op))
    ]
    assert number < len(ops), f"there are {len(ops)} of {name}"
    return ops[number]


def _is_shared(op: Operation) -> bool:
    return any("memref" in str(operand.type) and ", 3" in str(operand.type) for operand in op.operands)


def remove(name: str, number: int = 0, shared: bool | None = None) -> Fault:
    """An op without results is missing: a barrier, a store."""
    return lambda module: nth(module, name, number, shared).detach()


def shuffle_distance(number: int = 0) -> Fault:
    """A shuffle reads from a lane half as far away: a value is combined twice, and another one is lost."""

    def change(module: Operation) -> None:
        op = nth(module, "gpu.shuffle", number)
        distance = op.operands[1].owner
        assert isinstance(distance, arith.ConstantOp) and isinstance(distance.value, IntegerAttr)
        lanes = distance.value.value.data
        other = _constant(lanes // 2 if lanes > 1 else 2, op.operands[1].type)
        _before(op, other)
        op.operands[1] = other.result

    return change


def in_a_branch(name: str, number: int = 0, threads: int = 1) -> Fault:
    """Only the first threads reach an op: a barrier, or a shuffle (the others keep the value they bring)."""

    def change(module: Operation) -> None:
        op = nth(module, name, number)
        thread, count = ThreadIdOp("x"), _constant(threads, IndexType())
        first = arith.CmpiOp(thread.result, count.result, "ult")
        used = list(op.results[:1])
        taken, other = Block(), Block()
        branch = scf.IfOp(
            first.result, [v.type for v in used], Region(taken), Region(other) if used else None
        )
        _before(op, thread, count, first, branch)
        for value, result in zip(used, branch.results, strict=True):
            value.replace_all_uses_with(result)
        op.detach()
        taken.add_ops([op, scf.YieldOp(*used)])
        if used:
            other.add_op(scf.YieldOp(op.operands[0]))

    return change


def index_off(name: str, number: int = 0, by: int = 1, shared: bool | None = None) -> Fault:
    """A load or store uses the element beside, in its last dimension."""

    def change(module: Operation) -> None:
        op = nth(module, name, number, shared)
        distance = _constant(by, IndexType())
        moved = arith.AddiOp(op.operands[-1], distance.result)
        _before(op, distance, moved)
        op.operands[len(op.operands) - 1] = moved.result

    return change


def always(number: int = 0) -> Fault:
    """A branch is taken whatever its condition: the mask of a tail is missing."""

    def change(module: Operation) -> None:
        op = nth(module, "scf.if", number)
        true = _constant(-1, i1)
        _before(op, true)
        op.operands[0] = true.result

    return change


def unmasked(number: int = 0) -> Fault:
    """A comparison is true everywhere: whatever it selects or guards is done in each thread."""

    def change(module: Operation) -> None:
        op = nth(module, "arith.cmpi", number)
        true = _constant(-1, i1)
        _before(op, true)
        op.results[0].replace_all_uses_with(true.result)

    return change


def neutral_element(number: int, value: float) -> Fault:
    """A loop that accumulates starts from another number."""

    def change(module: Operation) -> None:
        loops = [op for op in module.walk() if op.name == "scf.for" and len(op.operands) > 3]
        assert number < len(loops), f"there are {len(loops)} loops that accumulate"
        _replace(loops[number], 3, value)

    return change


def stand_ins(module: Operation) -> list[tuple[Operation, int]]:
    """Where a constant is chosen for what is not there, as op and operand; what is stored has a mask of its own."""
    return [
        (op, at)
        for op in module.walk()
        if op.name == "arith.select"
        and any(use.operation.name != "memref.store" for use in op.results[0].uses)
        for at in (1, 2)
        if isinstance(op.operands[at].owner, arith.ConstantOp)
        and not isinstance(op.operands[at].type, IndexType)
        and op.operands[at].type != i1
    ]


def stand_in(number: int, value: float) -> Fault:
    """Another number is chosen for what is not there than the neutral element."""
    return lambda module: _replace(*stand_ins(module)[number], value)


def swapped(name: str, number: int = 0) -> Fault:
    """An op that nothing uses, a barrier or a store, comes after the next one that has an effect or reads memory."""

    def change(module: Operation) -> None:
        op = nth(module, name, number)
        following = op.next_op
        effects = (
            "memref.load",
            "memref.store",
            "vector.load",
            "vector.store",
            "scf.for",
            "scf.if",
            "gpu.barrier",
        )
        while following is not None and following.name not in effects:
            following = following.next_op
        assert following is not None
        op.detach()
        Builder(InsertPoint.after(following)).insert(op)

    return change


def same_argument(written: int | None = None, read: int = 0, launch: int = 0) -> Fault:
    """A launch passes an argument in place of one that the kernel writes to, or of the last of these."""

    def change(module: Operation) -> None:
        op = [op for op in module.walk() if op.name == "gpu.launch_func"][launch]
        first = sum(map(len, segments(op)[:11]))
        at = stored_arguments(_kernel_of(module, op).regions[0].block)[-1] if written is None else written
        op.operands[first + at] = op.operands[first + read]

    return change


def _kernel_of(module: Operation, launch: Operation) -> Operation:
    symbol = launch.properties["kernel"]
    assert isinstance(symbol, SymbolRefAttr)
    name = [part.data for part in symbol.nested_references]
    return next(op for op in module.walk() if op.name == "gpu.func" and [symbol_of(op)] == name)


def _constant(value: float, type_: Attribute) -> arith.ConstantOp:
    if isinstance(type_, IndexType | IntegerType):
        return arith.ConstantOp(IntegerAttr(int(value), type_))
    if isinstance(type_, VectorType):
        return arith.ConstantOp(DenseIntOrFPElementsAttr.from_list(type_, [value]))
    assert isinstance(type_, Float32Type | Float64Type)
    return arith.ConstantOp(FloatAttr(value, type_))


def _replace(op: Operation, at: int, value: float) -> None:
    constant = _constant(value, op.operands[at].type)
    _before(op, constant)
    op.operands[at] = constant.result


def _before(op: Operation, *ops: Operation) -> None:
    Builder(InsertPoint.before(op)).insert([*ops])
