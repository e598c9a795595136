"""Building a `func.func`: a kernel as loops, or the host function around kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from xdsl.dialects import func, memref, scf
from xdsl.dialects.builtin import DenseArrayBase, FunctionType, IntegerAttr, IntegerType, StringAttr, i32, i64
from xdsl.ir import Attribute, Block, Region, SSAValue

from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.scf import ParallelOp
from pullback.passes.lowering.code_builder import INDEX, CodeBuilder, result_of
from pullback.passes.lowering.strided_layout import memref_of


class FunctionBuilder(CodeBuilder):
    """A function that grows at its end."""

    def __init__(self, name: str, argument_types: Sequence[Attribute], *, private: bool) -> None:
        super().__init__(argument_types)
        self.op = func.FuncOp(
            name,
            FunctionType.from_lists(list(argument_types), []),
            Region(self.block),
            visibility=StringAttr("private") if private else None,
        )

    def add_argument(self, type_: Attribute) -> SSAValue:
        """One more argument, after those there are."""
        types = [*self.op.function_type.inputs.data, type_]
        self.op.properties["function_type"] = FunctionType.from_lists(types, [])
        return self.block.insert_arg(type_, len(types) - 1)

    def on_stack(self, shape: Sequence[int], element_type: Attribute, name: str) -> SSAValue:
        """Memory on the stack, of each iteration of `scf.parallel` its own."""
        type_ = memref_of(element_type, *shape)
        return result_of(new_operation(memref.AllocaOp, result_types=[type_], properties=ON_STACK), name)

    def finish(self) -> func.FuncOp:
        """The function, with its constants and its return."""
        self.end_with(new_operation(func.ReturnOp))
        return self.op

    def parallel(
        self, bounds: Sequence[tuple[int, int, int]], hints: Sequence[str], body: Callable[..., None]
    ) -> None:
        """`scf.parallel` over several (lower, upper, step); `body` takes the induction variables."""
        block = Block(arg_types=[INDEX] * len(bounds))
        for argument, hint in zip(block.args, hints, strict=True):
            argument.name_hint = hint
        with self.entering(block):
            body(*block.args)
            insert(new_operation(scf.ReduceOp))
        lower, upper, step = ([self.index(b[i]) for b in bounds] for i in range(3))
        properties = {"operandSegmentSizes": _bounds_of_parallel(len(bounds))}
        insert(new_operation(ParallelOp, [*lower, *upper, *step], (), properties, regions=[Region(block)]))


ON_STACK: Mapping[str, Attribute] = {
    "alignment": IntegerAttr(64, i64),
    "operandSegmentSizes": DenseArrayBase.from_list(i32, [0, 0]),
}
"""The properties of memory on the stack."""


@cache
def _bounds_of_parallel(count: int) -> DenseArrayBase[IntegerType]:
    """How the operands of `scf.parallel` over so many dims are sorted: no values are carried."""
    return DenseArrayBase.from_list(i32, [count, count, count, 0])
