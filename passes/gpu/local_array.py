"""Local arrays of a thread, which GPUs keep in registers: every loop around their accesses is unrolled.

%sums = memref.alloca() : memref<16xf32>
scf.for %r = %c0 to %c4 step %c1 {
  %at = arith.muli %r, %c4 : index
  memref.store %zero, %sums[%at] : memref<16xf32>
} {graph.unroll}
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Attribute, Block, Region, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.gpu import UNROLL
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.lowering.code_builder import INDEX, named, result_of


class LocalArray:
    """An array of so many elements, of each thread its own, undefined at first."""

    def __init__(self, size: int, element_type: Attribute, name: str) -> None:
        self.size = size
        self._memory = result_of(memref.AllocaOp.get(element_type, shape=[size]), name)

    def __getitem__(self, index: SSAValue) -> Scalar:
        return Scalar(result_of(memref.LoadOp.get(self._memory, [index])))

    def __setitem__(self, index: SSAValue, value: Scalar) -> None:
        insert(memref.StoreOp.get(value.value, self._memory, [index]))

    def fill(self, builder: KernelBuilder, value: Scalar) -> None:
        """Stores a value in each element."""
        unrolled(builder, self.size, "i", lambda index: self.__setitem__(index, value))


def unrolled(builder: KernelBuilder, count: int, hint: str, body: Callable[[SSAValue], None]) -> None:
    """A loop whose trips are code of their own on GPUs; the body alone, where there is one."""
    if count == 1:
        body(builder.index(0))
        return
    block = Block(arg_types=[INDEX])
    with builder.entering(block):
        body(named(block.args[0], hint))
        insert(scf.YieldOp.create())
    bounds = [builder.index(bound) for bound in (0, count, 1)]
    insert(scf.ForOp.create(operands=bounds, regions=[Region(block)], attributes={UNROLL: UnitAttr()}))
