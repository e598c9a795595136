"""Cells in shared memory, through which the warps of a block exchange their totals.

Each total has cells of its own as long as there is memory, so that one barrier is enough: that between stores and
loads. Beyond that, cells are used again, after another barrier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from xdsl.dialects import memref
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.gpu import BarrierOp
from pullback.dialects.upstream.memref import GlobalOp
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.memrefs import bytes_of


def cell_bytes(types: Collection[Attribute], size: int) -> int:
    """The bytes that one total of each of these types needs."""
    return sum(bytes_of(MemRefType(type_, [size])) for type_ in types)


class SharedCells:
    """The cells of a kernel: those of one type share the memory for them.

    Args:
        builder: the kernel.
        size: the cells that one total needs.
        types: the types of the totals.
        most_bytes: the shared memory that a block may have.
    """

    def __init__(
        self, builder: KernelBuilder, size: int, types: Collection[Attribute], most_bytes: int
    ) -> None:
        self._builder = builder
        self._size = size
        # The smallest parts first leave the others more.
        self._most: dict[Attribute, int] = {}
        left, kinds = most_bytes, sorted(set(types), key=lambda t: bytes_of(MemRefType(t, [size])))
        for number, type_ in enumerate(kinds):
            one = bytes_of(MemRefType(type_, [size]))
            self._most[type_] = max(1, left // (len(kinds) - number) // one) if one else 1
            left -= self._most[type_] * one
        self._made: dict[Attribute, list[GlobalOp]] = {type_: [] for type_ in kinds}
        self._used = dict.fromkeys(kinds, 0)
        self._exchanges, self._wraps = 0, False

    def exchanges(self, types: Sequence[Attribute]) -> Iterator[list[SSAValue]]:
        """Cells for totals of these types, as many at a time as there is memory for.

        Who takes them stores to them, waits at a barrier, and loads from them.
        """
        taken: list[SSAValue] = []
        for type_ in types:
            if self._used[type_] == self._most[type_]:
                if taken:
                    self._exchanges += 1
                    yield taken
                taken = []
                self._begin_again()
            taken.append(self._next(type_))
        if taken:
            self._exchanges += 1
            yield taken

    def end_iteration(self) -> None:
        """Ends one of several runs through the code: nobody stores before everybody has loaded."""
        if self._exchanges == 1 or self._wraps:
            insert(BarrierOp())

    def _begin_again(self) -> None:
        insert(BarrierOp())
        self._wraps = True
        self._used = dict.fromkeys(self._used, 0)

    def _next(self, type_: Attribute) -> SSAValue:
        made, number = self._made[type_], self._used[type_]
        if number == len(made):
            made.append(self._builder.allocate_shared(self._size, type_))
        self._used[type_] += 1
        shared = made[number]
        return result_of(memref.GetGlobalOp(shared.sym_name.data, shared.type), "scratch")
