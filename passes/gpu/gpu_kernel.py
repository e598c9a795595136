"""A finished GPU kernel, and its launch from a host function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects import memref
from xdsl.dialects.builtin import MemRefType, SymbolRefAttr
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.gpu import FuncOp, LaunchFuncOp
from pullback.dialects.upstream.memref import GlobalOp
from pullback.passes.lowering.code_builder import CodeBuilder, result_of
from pullback.passes.lowering.memrefs import bytes_of

KERNELS = "kernels"
"""The symbol of the `gpu.module` that holds the kernels of a program."""


@dataclass(frozen=True)
class GpuKernel:
    """A `gpu.func`, the shared memory it uses, and how many blocks of how many threads it wants."""

    function: FuncOp
    shared: tuple[GlobalOp, ...]
    taken: tuple[int, ...]
    """The indices of the arguments that it takes: those that it accesses."""
    blocks: int
    threads: int

    @property
    def operations(self) -> Sequence[Operation]:
        return [*self.shared, self.function]

    @property
    def shared_bytes(self) -> int:
        """Shared memory of a block."""
        return sum(bytes_of(shared.type) for shared in self.shared)

    def call(self, arguments: Sequence[SSAValue], builder: CodeBuilder) -> None:
        """Inserts the launch on memrefs of identity layout, one per parameter of which `taken` speaks."""
        if not self.blocks:  # CUDA refuses an empty grid
            return
        one, blocks, threads = map(builder.index, (1, self.blocks, self.threads))
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
