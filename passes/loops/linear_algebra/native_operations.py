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
from xdsl.dialects.builtin import DictionaryAttr, FunctionType, MemRefType, NoneAttr, TensorType, f32, f64, i1
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.matrix_algorithms import (
    ByCholesky,
    ByElimination,
    ByReflections,
    BySubstitution,
    OfCofactors,
    OfDeterminants,
    OfLogDeterminants,
)
from pullback.dialects.ir.new_operation import new_operation
from pullback.passes.loops.linear_algebra.cholesky import lower_cholesky, scratch_of_cholesky
from pullback.passes.loops.linear_algebra.determinant_loops import (
    lower_cofactors,
    lower_determinants,
    lower_log_determinants,
    scratch_of_cofactors,
    scratch_of_determinants,
)
from pullback.passes.loops.linear_algebra.general_solve import lower_general_solve, scratch_of_elimination
from pullback.passes.loops.linear_algebra.matrix_code import MatrixCode
from pullback.passes.loops.linear_algebra.reflections import lower_reflections, scratch_of_reflections
from pullback.passes.loops.linear_algebra.triangular_solve import lower_triangular_solve
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.host import OperationsOfHost
from pullback.passes.lowering.made_functions import tell_of
from pullback.passes.lowering.strided_layout import memref_of

Scratch: TypeAlias = Sequence[MemRefType]


def _no_scratch(types: Sequence[MemRefType]) -> Scratch:
    return ()


@dataclass(frozen=True)
class NativeOperation:
    """How operations of a family run.

    Args:
        lower: builds the body of a function, and returns whether the host is to be asked.
        scratch: the scratch memory of one on memory of these types; None if the host had better run it.
    """

    lower: Callable[[MatrixCode, GraphOp], SSAValue]
    scratch: Callable[[Sequence[MemRefType]], Scratch | None] = _no_scratch


TABLE: Mapping[type[GraphOp], NativeOperation] = {
    ByCholesky: NativeOperation(lower_cholesky, scratch_of_cholesky),
    ByElimination: NativeOperation(lower_general_solve, scratch_of_elimination),
    OfCofactors: NativeOperation(lower_cofactors, scratch_of_cofactors),
    OfDeterminants: NativeOperation(lower_determinants, scratch_of_determinants),
    OfLogDeterminants: NativeOperation(lower_log_determinants, scratch_of_determinants),
    ByReflections: NativeOperation(lower_reflections, scratch_of_reflections),
    BySubstitution: NativeOperation(lower_triangular_solve),
}
DTYPES = (f32, f64)


@dataclass
class NativeOperations(OperationsOfHost):
    """The native functions of one program, of which equal operations share one."""

    vector_bits: int
    functions: dict[object, func.FuncOp] = field(default_factory=dict[object, func.FuncOp])

    def scratch(self, op: GraphOp) -> Scratch | None:
        if (native := self._native(op)) is None:
            return None
        types = [memory for v in (*op.operands, *op.results) if (memory := _memory_of(v.type)) is not None]
        return native.scratch(types) if len(types) == len(op.operands) + len(op.results) else None

    def function(self, op: GraphOp, program: str, types: Sequence[MemRefType]) -> str | None:
        native, scratch = self._native(op), self.scratch(op)
        if native is None or scratch is None or any(not isinstance(t.layout, NoneAttr) for t in types):
            return None
        key = type(op), DictionaryAttr(op.properties), *types
        if key not in self.functions:
            short = op.name.removeprefix("graph.")
            name = f"{program}_{short}_{len(self.functions)}"
            made = self._made(name, [*types, *scratch], len(types), lambda code: native.lower(code, op))
            made.location = op.location
            self._add(key, made)
        return self.functions[key].sym_name.data

    @property
    def made(self) -> Sequence[func.FuncOp]:
        return list(self.functions.values())

    @staticmethod
    def _native(op: GraphOp) -> NativeOperation | None:
        return next((native for family, native in TABLE.items() if isinstance(op, family)), None)

    def _add(self, key: object, function: func.FuncOp) -> None:
        self.functions[key] = function
        tell_of([function])

    def _share(self, name: str, types: Sequence[Attribute], body: Callable[[MatrixCode], SSAValue]) -> None:
        if name not in self.functions:
            self._add(name, self._made(name, types, 0, body))

    def _made(
        self, name: str, types: Sequence[Attribute], arguments: int, body: Callable[[MatrixCode], SSAValue]
    ) -> func.FuncOp:
        builder = FunctionBuilder(name, types, private=True)
        with builder.entering(builder.block):
            asks = body(MatrixCode(builder, self.vector_bits, arguments, self._share))
        builder.op.properties["function_type"] = FunctionType.from_lists(list(types), [i1])
        builder.end_with(new_operation(func.ReturnOp, [asks]))
        return builder.op


def _memory_of(type_: Attribute) -> MemRefType | None:
    """The memory of a tensor of a dtype that native functions compute in."""
    if not isinstance(type_, TensorType) or type_.element_type not in DTYPES:
        return None
    return memref_of(type_.element_type, *type_.get_shape())
