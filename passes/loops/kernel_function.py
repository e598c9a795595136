"""The function of a kernel at level `loops`: its dims, its memref arguments, and the level around all loops.

Of the kernel of `merge_dims`, which adds %b : tensor<5x6xf32> to %x : tensor<4x5x6xf32>, the loops are those of the
space (4, 30). %x is stepped through by 30 elements and by 1, so that its argument has two dimensions:

    func.func private @main_kernel_0(%x: memref<4x30xf32>, %b: memref<30xf32>, %y: memref<4x30xf32>) {
      …what the lowering of the kernel's kind adds…
      func.return
    }
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType, SymbolRefAttr
from xdsl.ir import Attribute, Operation, SSAValue

from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type
from pullback.dialects.ir.new_operation import new_operation
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.lowering.buffer_assignment import ARENA_ALIGNMENT, SCRATCH, BufferKey
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import CodeBuilder, named
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.kinds import TABLE
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature, scratch_end
from pullback.passes.lowering.merge_dims import merge_dims
from pullback.passes.lowering.nodes import Output
from pullback.passes.lowering.product_order import merge_product_dims
from pullback.passes.lowering.reduction_split import SplitLoop, split_of
from pullback.passes.lowering.register_types import register_type
from pullback.passes.lowering.strided_layout import LoopAccess, StridedLayout, layout_of, memref_type
from pullback.passes.lowering.vector_registers import lane_count


@dataclass(frozen=True)
class CalledFunction:
    """A function that the host calls."""

    function: func.FuncOp

    @property
    def operations(self) -> Sequence[Operation]:
        return [self.function]

    def call(self, arguments: Sequence[SSAValue], builder: CodeBuilder) -> None:
        callee = _symbol(self.function.sym_name.data)
        insert(new_operation(func.CallOp, arguments, properties={"callee": callee}))


@lru_cache(maxsize=1 << 12)
def _symbol(name: str) -> SymbolRefAttr:
    """A reference to a function, the same object for equal ones."""
    return SymbolRefAttr(name)


class KernelFunction:
    """The state of lowering one kernel whose loops run over its space.

    Args:
        model: of the kernel; its dims are merged here.
        fmas: FMAs of vectors of so many bits that begin in a cycle.
    """

    def __init__(
        self, signature: Signature, schedule: Schedule, model: KernelModel, vector_bits: int, fmas: int
    ) -> None:
        self.signature = signature
        self.schedule = schedule
        self.vector_bits = vector_bits
        self.fmas = fmas
        merge = merge_product_dims if TABLE[schedule.kind].has_tiles else merge_dims
        self.model = merge(model)
        self.space, self.outputs, self.nodes = self.model.space, self.model.outputs, self.model.nodes
        self._shared: dict[str, Callable[[str], func.FuncOp]] = {}
        self._declare()

    @property
    def split(self) -> SplitLoop | None:
        """The loop that is split, of a kernel whose schedule says so."""
        if self.schedule.cpu.split is None:
            return None
        found = split_of(self.model, self.schedule.cpu.split)
        assert isinstance(found, SplitLoop), "check_schedule refuses a split of other loops"
        return found

    def lanes_along(self, dim: int) -> int:
        """The number of lanes along a dim: `vector` of the schedule or what fits a register; fewer in a short dim."""
        types = [n.element_type for n in self.nodes if dim in n.dims]
        types += [o.node.element_type for o in self.outputs if dim in o.offset.dims]
        return self.lanes_of(types, self.space.extents[dim])

    def lanes_of(self, types: Sequence[Attribute], extent: int) -> int:
        """The number of lanes of elements of these types, at so many neighbouring places."""
        count = self.schedule.cpu.vector or lane_count(self.vector_bits, types)
        while count > 1 and count // 2 >= extent:
            count //= 2
        return count

    def is_loaded(self, output: Output) -> bool:
        """Tells whether the buffer of an output is read, too."""
        key = self.signature.outputs[output.result]
        return any(self.signature.inputs[load.argument] == key for load in self.model.loads)

    # ---- arguments --------------------------------------------------------------------------------------

    def _declare(self) -> None:
        """One memref argument for each distinct buffer that the loops touch."""
        accesses: dict[BufferKey, list[LoopAccess]] = {}
        types: dict[BufferKey, Attribute] = {}
        hints: dict[BufferKey, str] = {}
        operands, results = self.signature.kernel.operands, self.signature.kernel.results
        for load in self.model.loads:
            key = self.signature.inputs[load.argument]
            accesses.setdefault(key, []).append(
                LoopAccess(load.offset, load.rows, load.row_stride, bool(load.bounds))
            )
            types[key] = operands[load.argument].type
            hints.setdefault(key, operands[load.argument].name_hint or f"input{load.argument}")
        for output in self.outputs:
            key = self.signature.outputs[output.result]
            accesses.setdefault(key, []).append(LoopAccess(output.offset, output.rows, output.row_stride))
            types[key] = results[output.result].type
            hints.setdefault(key, results[output.result].name_hint or f"output{output.result}")
        layouts = {
            key: layout_of(prod(shape_of_type(types[key])), listed, self.space.extents)
            for key, listed in accesses.items()
        }
        memrefs = [memref_type(layouts[key].shape, element_type_of(types[key])) for key in accesses]
        self.arguments = list(zip(accesses, memrefs, strict=True))
        self.builder = FunctionBuilder(self.signature.name, memrefs, private=True)
        for argument, key in zip(self.builder.block.args, accesses, strict=True):
            named(argument, hints[key])
        values = dict(zip(accesses, self.builder.block.args, strict=True))

        def view(key: BufferKey, type_: Attribute) -> BufferView:
            layout = layouts.get(key, StridedLayout((0,), (1,)))
            return BufferView(
                values.get(key, self.builder.block.args[0]), layout, register_type(element_type_of(type_))
            )

        inputs = [view(k, v.type) for k, v in zip(self.signature.inputs, operands, strict=True)]
        self.results = [
            replace(view(key, value.type), origin=self.signature.origin_of(number))
            for number, (key, value) in enumerate(zip(self.signature.outputs, results, strict=True))
        ]
        self.root = LoopLevel(self.builder, inputs, None, self.builder.block.add_op, {})

    def add_argument(self, key: BufferKey, type_: MemRefType) -> SSAValue:
        """One more buffer for the function to be given."""
        self.arguments.append((key, type_))
        return self.builder.add_argument(type_)

    def add_scratch(self, layout: StridedLayout, element_type: Attribute, name: str = "so_far") -> BufferView:
        """A buffer of the function's own, of this layout."""
        end = -(-scratch_end(self.arguments) // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
        argument = self.add_argument((SCRATCH[0], end), memref_type(layout.shape, element_type))
        return BufferView(named(argument, name), layout, element_type)

    def shared_function(self, name: str, make: Callable[[str], func.FuncOp]) -> str:
        """The symbol of a function that the kernels of a program share, made once by the first that needs it."""
        symbol = f"{self.signature.program}_{name}"
        self._shared[symbol] = make
        return symbol

    def finish(self) -> LoweredKernel:
        return LoweredKernel([CalledFunction(self.builder.finish())], self.arguments, self._shared)
