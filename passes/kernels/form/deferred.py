"""Deferral: values computed at each use rather than stored, in every kernel that reads them.

%half = graph.fill {value = 0.5}         a number: deferred
%rate = graph.multiply %half, %lr        of numbers (%lr has one element): deferred
%t = graph.transpose %x                  a view: deferred, its readers read %x itself
%y = graph.multiply %t, %rate            computed, in a kernel that holds all four
"""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.op.families import Elementwise, is_expensive
from pullback.dialects.graph.op.indexed import Pointwise, Uniform, View, picks_rows
from pullback.dialects.graph.tensor.types import shape_of_type

LARGEST = 16
"""The most operations that a kernel repeats for one value. A bound keeps the whole linear."""


def size_of(value: SSAValue) -> int:
    """Counts the elements of a tensor."""
    count = 1
    for extent in shape_of_type(value.type):
        count *= extent
    return count


def is_cheap(op: Operation) -> bool:
    """Tells whether computing a value again costs no more than storing and loading it."""
    return isinstance(op, Pointwise | Uniform) and not is_expensive(op)


class Deferred:
    """The deferred operations of a block, and the constants of blocks around it, which may be repeated too."""

    def __init__(self, around: Mapping[Operation, int]) -> None:
        self.sizes = dict(around)
        """How many operations each repeats."""
        self.constants = dict(around)
        """Those of them that read nothing, directly or not: they may be repeated anywhere."""
        self._singles: set[SSAValue] = set()

    def declare_input(self, value: SSAValue) -> None:
        """Takes down a value that no kernel computes; a single number is as good as a constant."""
        if _is_tensor(value) and size_of(value) == 1:
            self._singles.add(value)

    def __contains__(self, value: SSAValue) -> bool:
        return value.owner in self.sizes

    def is_constant(self, value: SSAValue) -> bool:
        return value.owner in self.constants

    def takes(self, op: Operation, after_stored: bool = False) -> bool:
        """Defers an operation that runs natively if that is possible, and tells whether it is.

        `after_stored` says that its operands are in memory, so that it repeats nothing before them.
        """
        if not self._may_defer(op):
            return False
        size = (
            1
            if after_stored
            else 1 + sum(self.sizes.get(v.owner, 0) for v in op.operands if isinstance(v.owner, Operation))
        )
        if size > LARGEST:
            return False
        self.sizes[op] = size
        if all(self.is_constant(v) for v in op.operands):
            self.constants[op] = size
        return True

    def _may_defer(self, op: Operation) -> bool:
        match op:
            case Uniform():
                return op.element() is not None
            case View():
                return True
            case _:
                return is_cheap(op) and all(map(self._is_number, op.operands))

    def _is_number(self, value: SSAValue) -> bool:
        """Tells whether every element is one number, known before any kernel runs."""
        if value in self._singles or self.is_constant(value):
            return True
        op = value.owner
        if not isinstance(op, Operation) or op not in self.sizes or picks_rows(op):
            return False
        return isinstance(op, View | Elementwise) and all(map(self._is_number, op.operands))


def _is_tensor(value: SSAValue) -> bool:
    return hasattr(value.type, "shape")
