"""Operations outside of kernels that are native functions, with the call of the host for what NumPy has to raise.

    %asks = func.call @main_triangular_solve_0(%a, %b, %x) : (…) -> i1
    scf.if %asks {
      func.call @main_host_0(%a, %b, %x) : (…) -> ()
    }

The function returns true where it meets what the operation's NumPy meaning raises an exception for, such as a zero on
the diagonal: the host computes all of it again then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from xdsl.dialects import func
from xdsl.dialects.builtin import DictionaryAttr, FunctionType, MemRefType, NoneAttr, f32, f64, i1
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.matrix_algorithms import BySubstitution
from pullback.dialects.ir.new_operation import new_operation
from pullback.passes.loops.linear_algebra.matrix_code import MatrixCode
from pullback.passes.loops.linear_algebra.triangular_solve import lower_triangular_solve
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.made_functions import tell_of

Lowering: TypeAlias = Callable[[MatrixCode, GraphOp], SSAValue]
LOWERINGS: Mapping[type[GraphOp], Lowering] = {
    BySubstitution: lower_triangular_solve,
}
"""What builds the body of the function of an operation of a family, and returns whether the host is to be asked."""
DTYPES = (f32, f64)


@dataclass
class NativeOperations:
    """The native functions of one program, of which equal operations share one."""

    vector_bits: int
    functions: dict[tuple[object, ...], func.FuncOp] = field(
        default_factory=dict[tuple[object, ...], func.FuncOp]
    )

    def of(self, op: GraphOp, program: str, types: Sequence[MemRefType]) -> func.FuncOp | None:
        """The function that runs an operation on memory of these types; None if only the host runs it."""
        lower = next((lower for family, lower in LOWERINGS.items() if isinstance(op, family)), None)
        if lower is None or not all(map(_is_supported, types)):
            return None
        key = type(op), DictionaryAttr(op.properties), *types
        if key not in self.functions:
            short = op.name.removeprefix("graph.")
            made = self._function(op, lower, f"{program}_{short}_{len(self.functions)}", types)
            self.functions[key] = made
            tell_of([made])
        return self.functions[key]

    def _function(self, op: GraphOp, lower: Lowering, name: str, types: Sequence[MemRefType]) -> func.FuncOp:
        builder = FunctionBuilder(name, types, private=True)
        with builder.entering(builder.block):
            asks = lower(MatrixCode(builder, self.vector_bits), op)
        builder.op.properties["function_type"] = FunctionType.from_lists(list(types), [i1])
        builder.end_with(new_operation(func.ReturnOp, [asks]))
        builder.op.location = op.location
        return builder.op


def _is_supported(type_: Attribute) -> bool:
    """Tells whether memory is of a dtype that is computed in, row by row from its first element on."""
    return (
        isinstance(type_, MemRefType) and isinstance(type_.layout, NoneAttr) and type_.element_type in DTYPES
    )
