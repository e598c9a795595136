"""Building a `func.func`: a kernel as loops, or the host function around kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects import func, memref, scf
from xdsl.dialects.builtin import FunctionType, StringAttr
from xdsl.ir import Attribute, Block, Region, SSAValue

from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.scf import ParallelOp
from pullback.passes.lowering.code_builder import INDEX, CodeBuilder, result_of


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
        return result_of(memref.AllocaOp.get(element_type, alignment=64, shape=shape), name)

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
        insert(ParallelOp(lower, upper, step, Region(block)))
