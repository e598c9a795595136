"""Prints one function: the texts of its values, its operations, and the calls that its module must declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from typing_extensions import TypeIs
from xdsl.dialects.builtin import MemRefType, VectorType
from xdsl.ir import Attribute, Block, Operation, SSAValue

from pullback.backends.cpu.llvm.function_lines import FunctionLines, is_number
from pullback.backends.cpu.llvm.module_needs import ModuleNeeds
from pullback.backends.cpu.llvm_types import VECTOR_CODE, length, spell, suffix
from pullback.backends.cpu.math.lanes import result_type
from pullback.backends.cpu.math.library import PAIRS, check_element_type
from pullback.dialects.bounds import check_bounds
from pullback.dialects.ir.by_identity import by_identity
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.upstream.types import vector_type

ATTRIBUTES = f"nounwind {VECTOR_CODE}"
"""Of each function."""
Argument = tuple[str, str]
"""An argument of a call: its LLVM type and its text."""


class LLVMPrintError(DiagnosticError, ValueError):
    """An operation of level `loops` that has no LLVM IR: which one, and why."""

    def __init__(self, op: Operation, reason: str):
        super().__init__(f"'{op.name}' cannot be printed as LLVM IR: {reason}", op)


class Hooks(Protocol):
    """Hooks that are called as the operations of a function are printed, and may print in between."""

    def before(self, p: FunctionPrinter, op: Operation) -> None: ...
    def after(self, p: FunctionPrinter, op: Operation) -> None: ...
    def enter(self, block: Block) -> None: ...
    def leave(self, p: FunctionPrinter, block: Block) -> None: ...


# An emitter's second parameter is the operation class that it is filed under.
Emitter = Callable[["FunctionPrinter", Any], None]
EmitterTable = Mapping[type[Operation], Emitter]


class FunctionPrinter(FunctionLines):
    """Prints the operations of one function as the lines of an LLVM function body.

    Every SSA value has a text: `%name`, `@global`, or a literal. Names follow the hints of the values.

    Args:
        function: the name of the function; none for what the pool of threads calls, which does not call it again.
    """

    def __init__(
        self,
        emitters: EmitterTable,
        needs: ModuleNeeds,
        hooks: Hooks | None = None,
        function: str | None = None,
    ):
        super().__init__()
        self.emitters = emitters
        self.needs = needs
        self.hooks = hooks
        self.function = function
        self.texts: dict[SSAValue, str] = {}
        self.parts: dict[SSAValue, Sequence[str]] = {}
        """The rows of a matrix, which has no text of its own; or the elements of a vector that are needed alone."""
        self.sizes: dict[SSAValue, Sequence[str]] = {}
        """The sizes of a memref of dynamic shape, where they are known."""
        self.attributes: dict[SSAValue, str] = {}
        """The LLVM attributes of parameters that are memrefs."""
        self._current: Operation | None = None

    # --- values --------------------------------------------------------------------------------------------

    def name(self, value: SSAValue, default: str = "v") -> str:
        """Names a value after its hint, and returns the name with its `%`."""
        self.texts[value] = text = f"%{self.unique(value.name_hint or default)}"
        return text

    def define(self, value: SSAValue, right_side: str, default: str = "v") -> None:
        """Appends the instruction that computes a value."""
        self.line(f"{self.name(value, default)} = {right_side}")

    def alias(self, value: SSAValue, text: str) -> None:
        """Gives a value the text of a literal or of another value."""
        self.texts[value] = text

    def text(self, value: SSAValue) -> str:
        """The text of a value, without its type."""
        text = self.texts.get(value)
        return self._joined(value) if text is None else text

    def typed(self, value: SSAValue) -> str:
        """The text of a value after its type: `float %x`."""
        return f"{spell(value.type)} {self.text(value)}"

    # --- matrices ------------------------------------------------------------------------------------------

    def rows(self, value: SSAValue) -> Sequence[str]:
        """The texts of the rows of a matrix, each a vector of LLVM's; any other value is one row."""
        type = value.type
        if not is_matrix(type):
            return [self.text(value)]
        if value in self.parts:
            return self.parts[value]
        text, flat, row = self.texts[value], self.argument(value), row_of(type)
        width, size = row.get_shape()[0], length(type) or 0
        if text.startswith("splat"):
            return [text] * (size // width)
        name = f"@llvm.vector.extract.{suffix(row)}.{suffix(type)}"
        starts = [("i64", str(at)) for at in range(0, size, width)]
        return [self.temporary("row", self.call(spell(row), name, [flat, at])) for at in starts]

    def elements(self, value: SSAValue) -> Sequence[str]:
        """The texts of the elements of a vector."""
        if value in self.parts:
            return self.parts[value]
        return [
            self.temporary("element", f"extractelement {self.typed(value)}, i64 {at}")
            for at in range(length(value.type) or 1)
        ]

    def set_rows(self, value: SSAValue, rows: Sequence[str]) -> None:
        """Gives a matrix the texts of its rows, or any other value its text."""
        if is_matrix(value.type):
            self.parts[value] = rows
        else:
            (self.texts[value],) = rows

    def row_argument(self, value: SSAValue) -> list[Argument]:
        """The rows of a value, as arguments of calls."""
        type = spell(row_of(value.type) if is_matrix(value.type) else value.type)
        return [(type, text) for text in self.rows(value)]

    def _joined(self, value: SSAValue) -> str:
        """The vector of LLVM's, flattened, that `parts` are of."""
        type, text = value.type, "poison"
        assert isinstance(type, VectorType)
        row, whole = row_of(type), spell(type)
        for at, part in enumerate(self.parts[value]):
            if is_matrix(type):
                name, start = (
                    f"@llvm.vector.insert.{suffix(type)}.{suffix(row)}",
                    str(at * row.get_shape()[0]),
                )
                made = self.call(whole, name, [(whole, text), (spell(row), part), ("i64", start)])
            else:
                made = f"insertelement {whole} {text}, {spell(type.element_type)} {part}, i64 {at}"
            text = self.temporary("joined", made)
        return text

    def literal(self, value: SSAValue) -> int | None:
        """The value of an integer or index constant, else None."""
        text = self.texts[value]
        return int(text) if is_number(text) else None

    # --- operations ----------------------------------------------------------------------------------------

    def operations(self, block: Block) -> None:
        """Prints the operations of a block in order."""
        hooks = self.hooks
        if hooks is not None:
            hooks.enter(block)
        for op in block.ops:
            if hooks is not None:
                hooks.before(self, op)
            start = len(self.lines)
            self.operation(op)
            self.needs.notes.operation(op, self.lines, start)
            if hooks is not None:
                hooks.after(self, op)
        if hooks is not None:
            hooks.leave(self, block)

    def operation(self, op: Operation) -> None:
        """Prints one operation."""
        emitter = self.emitters.get(type(op))
        if emitter is None:
            raise LLVMPrintError(op, "no such operation has a translation yet")
        try:
            for result in op.results:
                check_bounds(result.type)  # LLVM aborts the process over what is too long
            self._current = op
            emitter(self, op)
        except LLVMPrintError:
            raise
        except ValueError as error:
            raise LLVMPrintError(op, str(error)) from error

    # --- calls ---------------------------------------------------------------------------------------------

    def argument(self, value: SSAValue) -> Argument:
        """The type and the text of a value, as an argument of a call."""
        return spell(value.type), self.text(value)

    def call(self, result: str, function: str, arguments: Sequence[Argument], flags: str = "") -> str:
        """The text of a call of a function that the module declares."""
        # An argument's type may carry attributes, which are the call's and not the function's.
        types = ", ".join(type.split(" align ")[0] for type, _ in arguments)
        self.needs.declarations.add(f"declare {result} {function}({types})")
        return f"call {flags}{result} {function}({', '.join(' '.join(argument) for argument in arguments)})"

    def intrinsic(self, name: str, type: Attribute, arguments: Sequence[Argument], flags: str = "") -> str:
        """The text of a call of `@llvm.<name>.<type>`, which returns `type`."""
        return self.call(spell(type), f"@llvm.{name}.{suffix(type)}", arguments, flags)

    def library(self, name: str, type: Attribute, arguments: Sequence[Argument]) -> str:
        """The text of a call of `@pb.<name>.<type>` for the current operation; two results are in a struct."""
        check_element_type(name, type)
        assert self._current is not None
        callee = self.needs.math.callee(name, type, self._current)
        result = result_type([type] * (2 if name in PAIRS else 1))
        return f"call {result} {callee}({', '.join(map(' '.join, arguments))})"

    # --- memory --------------------------------------------------------------------------------------------

    def address(self, memref: SSAValue, indices: Sequence[SSAValue], *, exists: bool = True) -> str:
        """The address of an element of a memref, or of where it would be."""
        type = memref.type
        assert isinstance(type, MemRefType)
        terms = zip([self.text(index) for index in indices], static_strides(type), strict=True)
        return self.offset(self.text(memref), type.element_type, list(terms), exists=exists)


def is_matrix(type: Attribute) -> TypeIs[VectorType]:
    """Tells whether a type is a vector of several dimensions."""
    return isinstance(type, VectorType) and type.get_num_dims() > 1


def row_of(type: VectorType) -> VectorType:
    """The type of a row along the last dimension."""
    return vector_type(type.element_type, type.get_shape()[-1])


@by_identity
def static_strides(type: MemRefType) -> Sequence[int]:
    """The strides of a memref in elements; raises ValueError where one is dynamic."""
    strides = type.get_strides()
    if strides is None or any(stride is None or stride < 0 for stride in strides):
        raise ValueError(f"expected a memref of static strides, got {type}")
    return [stride for stride in strides if stride is not None]
