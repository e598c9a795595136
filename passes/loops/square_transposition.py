"""The transpose of a square of elements in registers, as a function that all kernels of a program call.

To turn 16 vectors around takes 64 shuffles, for which LLVM takes longer than for the loop over the terms of a product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import func, memref
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, StridedLayoutAttr
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import insert
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes, shuffle
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term, named, result_of
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.strided_layout import StridedLayout, memref_type

FEWEST_TURNED = 1 << 15
"""Elements from which it is worth the code to turn squares around, for which LLVM takes some 20 ms."""


@dataclass(frozen=True)
class SquareTransposition:
    """A square of `count` lines by as many terms on the stack, which a call turns around.

    Args:
        kernel: that is lowered.
        square: has the terms of a line side by side.
        stride: the distance of two terms where the transpose goes.
        lanes: of a vector.
    """

    kernel: KernelFunction
    square: BufferView
    stride: int
    lanes: Lanes

    @staticmethod
    def of(kernel: KernelFunction, element_type: Attribute, stride: int, lanes: Lanes) -> SquareTransposition:
        """One with memory of its own."""
        layout = StridedLayout((lanes.count, lanes.count), (lanes.count, 1))
        value = kernel.builder.on_stack(layout.shape, element_type, "square")
        return SquareTransposition(kernel, BufferView(value, layout, element_type), stride, lanes)

    def put(self, line: SSAValue, value: Scalar) -> None:
        """Stores the terms of one line."""
        store_vector(self.square, self.kernel.builder, self.lanes, value, ([(line, self.lanes.count)], 0, 1))

    def store(self, to: BufferView, first: Sequence[Term]) -> None:
        """Stores the transpose, whose first element has this place."""
        builder = self.kernel.builder
        place = builder.sum_of(list(first), 0, "place")
        target = memref.ReinterpretCastOp(
            to.value, [place], [], [], [DYNAMIC_INDEX], list(self.square.layout.shape), [self.stride, 1],
            self._target_type,
        )  # fmt: skip
        callee = self.kernel.shared_function(f"transpose_{self._spelled}", self._function)
        insert(func.CallOp(callee, [self.square.value, result_of(target, "transpose")], []))

    @property
    def _spelled(self) -> str:
        count = self.lanes.count
        return f"{count}x{count}x{self.square.memory_type}_to_{self.stride}"

    @property
    def _target_type(self) -> MemRefType:
        layout = StridedLayoutAttr([self.stride, 1], None)
        return MemRefType(self.square.memory_type, self.square.layout.shape, layout)

    def _function(self, name: str) -> func.FuncOp:
        layout = self.square.layout
        builder = FunctionBuilder(
            name, [memref_type(layout.shape, self.square.memory_type), self._target_type], private=True
        )
        square, target = (
            BufferView(named(argument, hint), layout, self.square.element_type)
            for argument, hint in zip(builder.block.args, ("square", "transpose"), strict=True)
        )
        with builder.entering(builder.block):
            count = self.lanes.count
            rows = [load_vector(square, builder, self.lanes, [], row * count, 1) for row in range(count)]
            for row, value in enumerate(transposed(rows)):
                store_vector(target, builder, self.lanes, value, ([], row * count, 1))
        return builder.finish()


def transposed(rows: list[Scalar]) -> list[Scalar]:
    """The transpose of a square of as many vectors as each has lanes, by exchanging ever smaller blocks."""
    count = len(rows)
    block = count // 2
    while block:
        exchanged: list[Scalar] = [*rows]
        low = [lane if not lane & block else count + lane - block for lane in range(count)]
        high = [lane + block if not lane & block else count + lane for lane in range(count)]
        for at in range(count):
            if not at & block:
                exchanged[at] = shuffle(rows[at], rows[at + block], low)
                exchanged[at + block] = shuffle(rows[at], rows[at + block], high)
        rows = exchanged
        block //= 2
    return rows
