"""The transpose of a square of elements in registers, as a function that all kernels of a program call.

To turn 16 vectors around takes 64 shuffles, for which LLVM takes longer than for the loop over the terms of a product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import func, memref
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, StridedLayoutAttr
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.bounds import LONGEST_VECTOR
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.transfers import transfer_write
from pullback.dialects.upstream.types import vector_type
from pullback.dialects.upstream.vector import TransposeOp
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.vector_access import load_vector, store_vector, transferred
from pullback.passes.loops.vectors import Lanes, numbers, row_of, shuffle, with_row
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import CodeBuilder, Term, named, result_of
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
            if is_one_vector(self.lanes.count):
                turned = transposed_matrix(transferred(square, builder))
                at = [builder.index(0)] * 2
                target.insert_store(transfer_write(target.stored(turned).value, target.value, at, (0, 1)))
            else:
                self._row_by_row(builder, square, target)
        return builder.finish()

    def _row_by_row(self, builder: CodeBuilder, square: BufferView, target: BufferView) -> None:
        count = self.lanes.count
        rows = [load_vector(square, builder, self.lanes, [], row * count, 1) for row in range(count)]
        for row, value in enumerate(transposed(builder, rows)):
            store_vector(target, builder, self.lanes, value, ([], row * count, 1))


def is_one_vector(count: int) -> bool:
    """Tells whether a square of so many rows may be one vector: not of bytes, where there are 64 of them."""
    return count * count <= LONGEST_VECTOR


def transposed_matrix(matrix: Scalar) -> Scalar:
    """The transpose of a square of elements in registers."""
    op = new_operation(TransposeOp, [matrix.value], [matrix.type], {"permutation": numbers(1, 0)})
    return Scalar(result_of(op, "turned"))


def transposed(builder: CodeBuilder, rows: Sequence[Scalar]) -> list[Scalar]:
    """The rows of the transpose of a square of as many vectors as each has lanes."""
    count = len(rows)
    if not is_one_vector(count):
        return _exchanged(rows)
    matrix = builder.number(0, vector_type(rows[0].element_type, count, count))
    for at, row in enumerate(rows):
        matrix = with_row(matrix, at, row)
    turned = transposed_matrix(matrix)
    return [row_of(turned, at) for at in range(count)]


def _exchanged(rows: Sequence[Scalar]) -> list[Scalar]:
    """The same by exchanging ever smaller blocks of the rows."""
    count = len(rows)
    block = count // 2
    made = list(rows)
    while block:
        low = [lane if not lane & block else count + lane - block for lane in range(count)]
        high = [lane + block if not lane & block else count + lane for lane in range(count)]
        for at in range(count):
            if not at & block:
                pair = made[at], made[at + block]
                made[at], made[at + block] = shuffle(*pair, low), shuffle(*pair, high)
        block //= 2
    return made
