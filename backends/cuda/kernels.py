"""Prints level `gpu` kernels as CUDA C++: one statement per op, structured loops and branches, names from the IR."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from xdsl.dialects.builtin import DenseArrayBase, MemRefType, VectorType
from xdsl.ir import Attribute, Block, BlockArgument, Operation
from xdsl.traits import IsTerminator

from pullback.backends.cuda import control_statements, memory_statements
from pullback.backends.cuda.c_types import CTypes
from pullback.backends.cuda.expressions import EXPRESSIONS, expression
from pullback.backends.cuda.identifiers import Identifiers
from pullback.backends.cuda.kernel_text import KernelText
from pullback.backends.cuda.literals import literal
from pullback.backends.cuda.memory_statements import symbol_named
from pullback.backends.cuda.vector_statements import (
    VECTOR_STATEMENTS,
    VectorRun,
    is_elementwise,
    print_constant,
)
from pullback.backends.host_program.host_program import stored_arguments
from pullback.dialects.graph.tensor.origins import spelled
from pullback.dialects.ir.diagnostics import UnsupportedError, about


class KernelPrinter(KernelText):
    """Prints one `gpu.func`."""

    def __init__(self, kernel: Operation, globals_: dict[str, Operation], constants: dict[str, str]) -> None:
        """`globals_` are the `memref.global`s of its `gpu.module`; `constants` names those outside of the kernel."""
        super().__init__(Identifiers(constants.values()), CTypes.of(kernel))
        self.kernel, self.globals, self.constants = kernel, globals_, constants
        self.run = VectorRun(self)

    def text(self, name: str) -> str:
        """The definition of the kernel."""
        self.lines = []
        block = self.kernel.regions[0].block
        stored = stored_arguments(block)
        parameters = [self._parameter(argument, argument.index in stored) for argument in block.args]
        if origins := spelled(self.kernel.location):
            self.line(f"// computes {origins}")
        self.line(f'extern "C" __global__ void {self._launch_bounds()}{name}({", ".join(parameters)}) {{')
        with self.indented():
            self._global_memory(block)
            self.block(block)
        self.line("}")
        return "\n".join(self.lines) + "\n"

    def block(self, block: Block) -> None:
        for op in block.ops:
            with about(op):
                if op.has_trait(IsTerminator) or self.run.is_needed_by(op):
                    self.run.print()
                if not op.has_trait(IsTerminator):
                    self._op(op)

    def _launch_bounds(self) -> str:
        size = self.kernel.properties.get("known_block_size")
        if not isinstance(size, DenseArrayBase):
            return ""
        return f"__launch_bounds__({prod(int(n) for n in size.get_values())}) "

    def _parameter(self, argument: BlockArgument, stored: bool) -> str:
        name = self.names.declare(argument, "arg")
        if not isinstance(argument.type, MemRefType):
            return f"{self.types.name(argument.type)} {name}"
        return f"{'' if stored else 'const '}{self.types.element(argument.type)}* __restrict__ {name}"

    def _global_memory(self, block: Block) -> None:
        """The block's own memory, once for each symbol; and the names of constants."""
        declared: dict[str, str] = {}
        aligned = memory_statements.accessed_by_vectors(block)
        for op in block.walk():
            if op.name != "memref.get_global":
                continue
            symbol, type_ = symbol_named(op), op.results[0].type
            if symbol not in self.globals:
                raise UnsupportedError(f"the gpu.module has no memref.global @{symbol}", op)
            if symbol not in declared:
                declared[symbol] = self.constants.get(symbol) or self._shared(
                    symbol, type_, symbol in aligned or "alignment" in self.globals[symbol].properties
                )
            self.names.bind(op.results[0], declared[symbol])

    def _shared(self, symbol: str, type_: Attribute, aligned: bool) -> str:
        assert isinstance(type_, MemRefType)
        name = self.names.fresh(symbol, "shared")
        size, alignment = prod(type_.get_shape()), "alignas(16) " if aligned else ""
        self.line(f"{alignment}__shared__ {self.types.element(type_)} {name}[{size}];")
        return name

    def _op(self, op: Operation) -> None:
        if op.name in _STATEMENTS:
            _STATEMENTS[op.name](self, op)
        elif op.name in VECTOR_STATEMENTS:
            VECTOR_STATEMENTS[op.name](self, self.run, op)
        elif is_elementwise(op):
            self.run.add(op)
        elif op.name in EXPRESSIONS:
            self.define(op.results[0], expression(self.types, op, *(self.names[v] for v in op.operands)), op)
        else:
            raise UnsupportedError(f"{op.name} has no CUDA text yet", op)

    def constant(self, op: Operation) -> None:
        """Binds a number to its literal."""
        if isinstance(op.results[0].type, VectorType):
            print_constant(self, self.run, op)
        else:
            self.names.bind(op.results[0], literal(op.properties["value"], op.results[0].type, self.types))

    def nothing(self, op: Operation) -> None:
        """Prints nothing: ops whose text is elsewhere."""


_STATEMENTS: dict[str, Callable[[KernelPrinter, Operation], None]] = {
    "arith.constant": KernelPrinter.constant,
    "memref.alloca": memory_statements.print_alloca,
    "memref.get_global": KernelPrinter.nothing,
    "memref.load": memory_statements.print_load,
    "memref.store": memory_statements.print_store,
    "vector.load": memory_statements.print_vector_load,
    "vector.store": memory_statements.print_vector_store,
    "gpu.barrier": memory_statements.print_barrier,
    "gpu.shuffle": memory_statements.print_shuffle,
    "scf.if": control_statements.print_if,
    "scf.for": control_statements.print_for,
    "scf.while": control_statements.print_while,
}
