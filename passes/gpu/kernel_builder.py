"""Building `gpu.func`s: constants once per kernel, index arithmetic, branches, and the launch on the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from xdsl.dialects import arith, func, memref, scf
from xdsl.dialects.builtin import (
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    ModuleOp,
    SymbolRefAttr,
    UnitAttr,
    i1,
    i8,
)
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from pullback.dialects.graph.op.scalar import Scalar, default_properties
from pullback.dialects.graph.tensor.insertion import insert, inserting
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import SHARED_MEMORY, FuncOp, LaunchFuncOp, ReturnOp
from pullback.dialects.upstream.gpu import ModuleOp as GpuModuleOp
from pullback.dialects.upstream.memref import GlobalOp
from pullback.passes.lowering.memrefs import bytes_of

INDEX = IndexType()
WARP = 32
"""Threads that run in step and shuffle."""
MAX_SHARED_BYTES = 48 << 10
"""What every device gives a block without being asked."""
KERNELS = "kernels"
"""The symbol of the `gpu.module` that holds the kernels of a program."""


@dataclass(frozen=True)
class Buffer:
    """What a kernel takes: so many elements, side by side. Truth values take a byte each."""

    element_type: Attribute
    size: int
    name: str | None = None
    """For readers."""

    @property
    def type(self) -> MemRefType[Attribute]:
        """The argument's type: a memref of rank 1."""
        return MemRefType(i8 if self.element_type == i1 else self.element_type, [self.size])


@dataclass(frozen=True)
class Kernel:
    """A finished kernel, the shared memory it uses, and how many blocks of how many threads it wants."""

    function: FuncOp
    shared: tuple[GlobalOp, ...]
    taken: tuple[int, ...]
    """Which buffers it takes: those that it touches."""
    blocks: int
    threads: int

    @property
    def shared_bytes(self) -> int:
        """Shared memory of a block."""
        return sum(bytes_of(shared.type) for shared in self.shared)

    def launch(self, arguments: Sequence[SSAValue], index: Callable[[int], SSAValue] | None = None) -> None:
        """Insert the launch (into a host function).

        Args:
            arguments: memrefs of identity layout, one per buffer.
            index: gives constants of the host function; they are made here unless given.
        """
        if not self.blocks:  # CUDA refuses an empty grid
            return
        one, blocks, threads = map(index or _index_constant, (1, self.blocks, self.threads))
        symbol = SymbolRefAttr(KERNELS, [self.function.sym_name])
        taken = [flat(arguments[position]) for position in self.taken]
        insert(LaunchFuncOp(symbol, (blocks, one, one), (threads, one, one), taken))


def flat(value: SSAValue) -> SSAValue:
    """A memref of identity layout as one of rank 1, as kernels take it."""
    type_ = value.type
    assert isinstance(type_, MemRefType)
    if type_.get_num_dims() == 1:
        return value
    size = prod(type_.get_shape())
    result = MemRefType(type_.element_type, [size])
    return result_of(memref.ReinterpretCastOp(value, [], [], [], [0], [size], [1], result), value.name_hint)


def _index_constant(value: int) -> SSAValue:
    op = arith.ConstantOp(IntegerAttr(value, INDEX))
    insert(op)
    op.result.name_hint = f"c{value}"
    return op.result


@dataclass
class KernelBuilder:
    """A kernel that grows at its end. What it builds goes to the place that `inserting` says."""

    name: str
    buffers: Sequence[Buffer]
    threads: int
    shared: list[GlobalOp] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.block = Block(arg_types=[buffer.type for buffer in self.buffers])
        for argument, buffer in zip(self.block.args, self.buffers, strict=True):
            argument.name_hint = buffer.name
        self._constants: dict[tuple[int, Attribute], SSAValue] = {}
        self._head: list[Operation] = []

    def finish(self, blocks: int) -> Kernel:
        """The kernel, with its constants at the beginning, to be run by so many blocks."""
        self.block.add_op(ReturnOp())
        first = self.block.first_op
        assert first is not None
        if self._head:
            self.block.insert_ops_before(self._head, first)
        taken = self._drop_untouched()
        function = FuncOp(self.name, list(self.block.arg_types), (self.threads, 1, 1), Region(self.block))
        return Kernel(function, tuple(self.shared), taken, blocks, self.threads)

    def _drop_untouched(self) -> tuple[int, ...]:
        """Leave the arguments that the kernel uses, and give their positions."""
        taken = tuple(argument.index for argument in self.block.args if argument.first_use is not None)
        for argument in self.block.args:
            if argument.first_use is None:
                self.block.erase_arg(argument)
        return taken

    def allocate_shared(self, size: int, element_type: Attribute) -> GlobalOp:
        """Shared memory for so many elements, one copy per block, undefined at first."""
        type_ = MemRefType(element_type, [size], memory_space=SHARED_MEMORY)
        name = f"{self.name}_shared_{len(self.shared)}"
        self.shared.append(GlobalOp(name, type_, UnitAttr(), visibility="private"))
        return self.shared[-1]

    # ---- index arithmetic: constants fold, so that the text shows only what is computed --------------------

    def index(self, value: int) -> SSAValue:
        """A constant of type index."""
        return self.integer(value, INDEX)

    def integer(self, value: int, type_: IntegerType | IndexType) -> SSAValue:
        """A constant."""
        if (value, type_) not in self._constants:
            op = arith.ConstantOp(IntegerAttr(value, type_))
            op.result.name_hint = f"c{value}" if value >= 0 else f"minus_{-value}"
            self._head.append(op)
            self._constants[value, type_] = op.result
        return self._constants[value, type_]

    def add(self, a: SSAValue, b: SSAValue, hint: str | None = None) -> SSAValue:
        return binary(arith.AddiOp, a, b, hint)

    def times(self, a: SSAValue, factor: int, hint: str | None = None) -> SSAValue:
        return a if factor == 1 else binary(arith.MuliOp, a, self.index(factor), hint)

    def quotient(self, a: SSAValue, divisor: int, hint: str | None = None) -> SSAValue:
        return a if divisor == 1 else binary(arith.DivUIOp, a, self.index(divisor), hint)

    def remainder(self, a: SSAValue, divisor: int, hint: str | None = None) -> SSAValue:
        return self.index(0) if divisor == 1 else binary(arith.RemUIOp, a, self.index(divisor), hint)


def result_of(op: Operation, hint: str | None = None) -> SSAValue:
    """Insert an op and give its first result, with a name for readers."""
    insert(op)
    op.results[0].name_hint = hint
    return op.results[0]


def binary(
    op: type[arith.SignlessIntegerBinaryOperation], a: SSAValue, b: SSAValue, hint: str | None
) -> SSAValue:
    """An integer op of two operands of one type."""
    made = op.create(operands=[a, b], result_types=[a.type], properties=default_properties(op))
    return result_of(made, hint)


def compare(predicate: str, a: SSAValue, b: SSAValue, hint: str | None = None) -> SSAValue:
    """`arith.cmpi`."""
    return result_of(CmpiOp(a, b, predicate), hint)


def when(condition: SSAValue, body: Callable[[], None]) -> None:
    """`scf.if` without results."""
    block = Block()
    with inserting(block.add_op):
        body()
        insert(scf.YieldOp())
    insert(scf.IfOp(condition, [], Region(block)))


def loop(
    lower: SSAValue,
    upper: SSAValue,
    step: SSAValue,
    hint: str,
    carried: Sequence[Scalar],
    body: Callable[[SSAValue, Sequence[Scalar]], Sequence[Scalar]],
) -> list[Scalar]:
    """`scf.for`; `body` makes the next carried values from the counter and the present ones."""
    types = [value.type for value in carried]
    block = Block(arg_types=[INDEX, *types])
    block.args[0].name_hint = hint
    for argument, value in zip(block.args[1:], carried, strict=True):
        argument.name_hint = value.value.name_hint
    with inserting(block.add_op):
        following = body(block.args[0], [Scalar(argument) for argument in block.args[1:]])
        insert(scf.YieldOp(*(value.value for value in following)))
    op = scf.ForOp(lower, upper, step, [value.value for value in carried], Region(block))
    insert(op)
    for result, value in zip(op.results, carried, strict=True):
        result.name_hint = value.value.name_hint
    return [Scalar(result) for result in op.results]


def kernel_module(host: func.FuncOp, kernels: Sequence[Kernel]) -> ModuleOp:
    """A program of level `gpu`: the host function, and its kernels in a `gpu.module`."""
    parts = [op for kernel in kernels for op in (*kernel.shared, kernel.function)]
    container: dict[str, Attribute] = {"gpu.container_module": UnitAttr()}
    return ModuleOp([GpuModuleOp(KERNELS, parts), host], container)


def elements(extents: Sequence[int]) -> int:
    """How many points a space of these extents has."""
    return prod(extents)
