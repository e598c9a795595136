"""Prints level `gpu` kernels as CUDA C++: one statement per op, structured loops and branches, names from the IR."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from math import prod

from xdsl.dialects.builtin import DenseArrayBase, MemRefType, SymbolRefAttr
from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.traits import IsTerminator

from pullback.backends.cuda.c_types import c_type
from pullback.backends.cuda.expressions import EXPRESSIONS
from pullback.backends.cuda.identifiers import Identifiers
from pullback.dialects.graph.tensor.origins import spelled
from pullback.dialects.ir.diagnostics import UnsupportedError, about
from pullback.dialects.upstream.gpu import ShuffleModeAttr, is_shared

INDENT = "  "
_SHUFFLED = ("int", "long long", "float", "double")
_SHUFFLES = {
    "xor": "__shfl_xor_sync",
    "up": "__shfl_up_sync",
    "down": "__shfl_down_sync",
    "idx": "__shfl_sync",
}


class KernelPrinter:
    """Prints one `gpu.func`."""

    def __init__(self, kernel: Operation, globals_: dict[str, Operation]) -> None:
        """`globals_` are the `memref.global`s of its `gpu.module`."""
        self.kernel, self.globals = kernel, globals_
        self.names = Identifiers()
        self.lines: list[str] = []
        self._depth = 0

    def text(self, name: str) -> str:
        """The definition of the kernel."""
        self.lines = []
        block = self.kernel.regions[0].block
        stored = {op.operands[1] for op in block.walk() if op.name == "memref.store"}
        parameters = [self._parameter(argument, argument in stored) for argument in block.args]
        if origins := spelled(self.kernel.location):
            self.line(f"// computes {origins}")
        self.line(f'extern "C" __global__ void {self._launch_bounds()}{name}({", ".join(parameters)}) {{')
        with self._indented():
            self._shared_memory(block)
            self.block(block)
        self.line("}")
        return "\n".join(self.lines) + "\n"

    def line(self, text: str, op: Operation | None = None) -> None:
        """Add a line, with the name and the role of the op it comes from as a comment."""
        origin = "" if op is None else spelled(op.location)
        self.lines.append(INDENT * self._depth + text + (origin and f"  // {origin}"))

    def block(self, block: Block) -> None:
        """The statements of a block, without its terminator."""
        for op in block.ops:
            if not op.has_trait(IsTerminator):
                with about(op):
                    self._op(op)

    @contextmanager
    def _indented(self) -> Generator[None]:
        self._depth += 1
        yield
        self._depth -= 1

    def _launch_bounds(self) -> str:
        size = self.kernel.properties.get("known_block_size")
        if not isinstance(size, DenseArrayBase):
            return ""
        return f"__launch_bounds__({prod(int(n) for n in size.get_values())}) "

    def _parameter(self, argument: BlockArgument, stored: bool) -> str:
        name = self.names.declare(argument, "arg")
        if not isinstance(argument.type, MemRefType):
            return f"{c_type(argument.type)} {name}"
        return f"{'' if stored else 'const '}{c_type(argument.type)}* __restrict__ {name}"

    def _shared_memory(self, block: Block) -> None:
        declared: dict[str, str] = {}
        for op in block.walk():
            if op.name != "memref.get_global":
                continue
            symbol, type_ = _symbol(op), op.results[0].type
            assert isinstance(type_, MemRefType)
            if symbol not in self.globals:
                raise UnsupportedError(f"the gpu.module has no memref.global @{symbol}", op)
            if symbol not in declared:
                declared[symbol] = self.names.fresh(symbol)
                if is_shared(type_):
                    self.line(f"__shared__ {c_type(type_)} {declared[symbol]}[{prod(type_.get_shape())}];")
            self.names.bind(op.results[0], declared[symbol])

    def _op(self, op: Operation) -> None:
        if op.name in _STATEMENTS:
            _STATEMENTS[op.name](self, op)
        elif op.name in EXPRESSIONS:
            text = EXPRESSIONS[op.name](op, *(self.names[value] for value in op.operands))
            if op.name == "arith.constant":
                self.names.bind(op.results[0], text)
            else:
                self._define(op.results[0], text, op)
        else:
            raise UnsupportedError(f"{op.name} has no CUDA text yet", op)

    def _define(self, value: SSAValue, text: str, op: Operation, noun: str | None = None) -> None:
        name = self.names.declare(value, noun or _NOUNS.get(op.name) or op.name.partition(".")[2])
        self.line(f"const {c_type(value.type)} {name} = {text};", op)

    def _element(self, memref: SSAValue, indices: Sequence[SSAValue]) -> str:
        """`x[row * 1000 + column]`."""
        assert isinstance(memref.type, MemRefType)
        strides, terms = memref.type.get_strides(), list[str]()
        assert strides is not None
        for index, stride in zip(indices, strides, strict=True):
            text = self.names[index]
            if stride is None:
                raise UnsupportedError(f"{memref.type} has a stride that is not known")
            if text != "0":
                terms.append(text if stride == 1 else f"{text} * {stride}")
        return f"{self.names[memref]}[{' + '.join(terms) or '0'}]"

    # ---- statements --------------------------------------------------------------------------------------

    def load(self, op: Operation) -> None:
        memref, *indices = op.operands
        element = self._element(memref, indices)
        self._define(op.results[0], element, op, f"{self.names[memref]}_element")

    def store(self, op: Operation) -> None:
        value, memref, *indices = op.operands
        self.line(f"{self._element(memref, indices)} = {self.names[value]};", op)

    def barrier(self, op: Operation) -> None:
        self.line("__syncthreads();", op)

    def shuffle(self, op: Operation) -> None:
        mode = op.properties["mode"]
        assert isinstance(mode, ShuffleModeAttr)
        value, offset, width = (self.names[operand] for operand in op.operands)
        if op.results[1].first_use is not None:
            raise UnsupportedError("gpu.shuffle: `valid` has no CUDA text yet", op)
        if c_type(op.operands[0].type) not in _SHUFFLED:
            raise UnsupportedError(f"gpu.shuffle of {op.operands[0].type} has no CUDA text", op)
        group = "" if width == "32" else f", {width}"
        function = _SHUFFLES[str(mode.data)]
        self._define(op.results[0], f"{function}(0xffffffff, {value}, {offset}{group})", op)

    def if_(self, op: Operation) -> None:
        for result in op.results:
            self.line(f"{c_type(result.type)} {self.names.declare(result)};")
        self.line(f"if ({self.names[op.operands[0]]}) {{", op)
        self._branch(op, 0)
        if op.regions[1].blocks and (op.results or len(op.regions[1].block.ops) > 1):
            self.line("} else {")
            self._branch(op, 1)
        self.line("}")

    def _branch(self, op: Operation, region: int) -> None:
        block = op.regions[region].block
        with self._indented():
            self.block(block)
            if block.last_op is not None:
                self._assign(op.results, block.last_op.operands)

    def for_(self, op: Operation) -> None:
        lower, upper, step = (self.names[value] for value in op.operands[:3])
        block = op.regions[0].block
        counter, *carried = block.args
        for argument, initial, result in zip(carried, op.operands[3:], op.results, strict=True):
            name = self.names.declare(argument if argument.name_hint else result)
            self.names.bind(argument, name)
            self.names.bind(result, name)
            self.line(f"{c_type(argument.type)} {name} = {self.names[initial]};")
        i = self.names.declare(counter, "i")
        self.line(f"for ({c_type(counter.type)} {i} = {lower}; {i} < {upper}; {i} += {step}) {{", op)
        with self._indented():
            self.block(block)
            if block.last_op is not None:
                self._assign(carried, block.last_op.operands)
        self.line("}")

    def while_(self, op: Operation) -> None:
        before, after = op.regions[0].block, op.regions[1].block
        for argument, initial in zip(before.args, op.operands, strict=True):
            self.line(f"{c_type(argument.type)} {self.names.declare(argument)} = {self.names[initial]};")
        for result, argument in zip(op.results, after.args, strict=True):
            self.line(f"{c_type(result.type)} {self.names.declare(result)};")
            self.names.bind(argument, self.names[result])
        self.line("while (true) {", op)
        with self._indented():
            self.block(before)
            condition = before.last_op
            assert condition is not None
            self._assign(op.results, condition.operands[1:])
            self.line(f"if (!{self.names[condition.operands[0]]}) break;")
            self.block(after)
            if after.last_op is not None:
                self._assign(before.args, after.last_op.operands)
        self.line("}")

    def _assign(self, targets: Sequence[SSAValue], values: Sequence[SSAValue]) -> None:
        """Prints a parallel assignment: a value that another one overwrites is copied first."""
        names = [self.names[target] for target in targets]
        texts = [self.names[value] for value in values]
        for position, (text, value) in enumerate(zip(texts, values, strict=True)):
            if text in names[:position]:
                texts[position] = self.names.fresh(f"old_{text}")
                self.line(f"const {c_type(value.type)} {texts[position]} = {text};")
        for name, text in zip(names, texts, strict=True):
            if name != text:
                self.line(f"{name} = {text};")

    def nothing(self, op: Operation) -> None:
        """Prints nothing: ops whose text is elsewhere."""


_STATEMENTS: dict[str, Callable[[KernelPrinter, Operation], None]] = {
    "memref.load": KernelPrinter.load,
    "memref.store": KernelPrinter.store,
    "memref.get_global": KernelPrinter.nothing,
    "gpu.barrier": KernelPrinter.barrier,
    "gpu.shuffle": KernelPrinter.shuffle,
    "scf.if": KernelPrinter.if_,
    "scf.for": KernelPrinter.for_,
    "scf.while": KernelPrinter.while_,
}


_NOUNS = {
    "arith.addf": "sum",
    "arith.addi": "sum",
    "arith.subf": "difference",
    "arith.subi": "difference",
    "arith.mulf": "product",
    "arith.muli": "product",
    "arith.divf": "quotient",
    "arith.negf": "negative",
    "arith.cmpf": "condition",
    "arith.cmpi": "condition",
    "arith.select": "choice",
    "arith.maximumf": "larger",
    "arith.minimumf": "smaller",
}
"""Nouns for values that have no name in the IR; others are called after their op."""


def _symbol(op: Operation) -> str:
    symbol = op.properties["name"]
    assert isinstance(symbol, SymbolRefAttr)
    return symbol.string_value()
