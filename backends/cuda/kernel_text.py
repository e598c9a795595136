"""The text of one kernel while it grows: its lines, the names of its values, its types."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Block, Operation, SSAValue

from pullback.backends.cuda.c_types import CTypes
from pullback.backends.cuda.identifiers import Identifiers
from pullback.backends.cuda.literals import folded_product
from pullback.dialects.graph.tensor.origins import spelled
from pullback.dialects.ir.diagnostics import UnsupportedError

INDENT = "  "


class KernelText(ABC):
    """Lines of CUDA C++."""

    def __init__(self, names: Identifiers, types: CTypes) -> None:
        self.names, self.types = names, types
        self.lines: list[str] = []
        self._depth = 0

    @abstractmethod
    def block(self, block: Block) -> None:
        """Print the statements of a block, without its terminator."""

    def line(self, text: str, op: Operation | None = None) -> None:
        """Add a line, with the name and the role of the op it comes from as a comment."""
        origin = "" if op is None else spelled(op.location)
        self.lines.append(INDENT * self._depth + text + (origin and f"  // {origin}"))

    @contextmanager
    def indented(self) -> Generator[None]:
        """While this lasts, lines are indented by one more step."""
        self._depth += 1
        yield
        self._depth -= 1

    def define(self, value: SSAValue, text: str, op: Operation, noun: str | None = None) -> None:
        """Define a constant of the value's type."""
        name = self.names.declare(value, noun or noun_of(op))
        self.line(f"const {self.types.name(value.type)} {name} = {text};", op)

    def element(self, memref: SSAValue, indices: Sequence[SSAValue]) -> str:
        """`x[row * 1000 + column]`."""
        assert isinstance(memref.type, MemRefType)
        strides, terms = memref.type.get_strides(), list[str]()
        assert strides is not None
        for index, stride in zip(indices, strides, strict=True):
            text = self.names[index]
            if stride is None:
                raise UnsupportedError(f"{memref.type} has a stride that is not known")
            if text != "0":
                terms.append(folded_product(text, stride))
        return f"{self.names[memref]}[{' + '.join(terms) or '0'}]"


_NOUNS = {
    "arith.addf": "sum",
    "arith.addi": "sum",
    "arith.subf": "difference",
    "arith.subi": "difference",
    "arith.mulf": "product",
    "arith.muli": "product",
    "arith.divf": "quotient",
    "arith.divsi": "quotient",
    "arith.divui": "quotient",
    "arith.remsi": "remainder",
    "arith.remui": "remainder",
    "arith.negf": "negative",
    "arith.cmpf": "condition",
    "arith.cmpi": "condition",
    "arith.andi": "both",
    "arith.ori": "either",
    "arith.select": "choice",
    "arith.extf": "widened",
    "arith.truncf": "rounded",
    "arith.index_cast": "converted",
    "vector.extract": "element",
    "arith.maximumf": "larger",
    "arith.minimumf": "smaller",
}
"""Nouns for values that have no name in the IR; others are called after their op."""


def noun_of(op: Operation) -> str:
    """What to call a result that has no name in the IR."""
    return _NOUNS.get(op.name) or op.name.partition(".")[2]
