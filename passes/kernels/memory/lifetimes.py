"""Liveness: from when to when each value is needed, in the one order in which a function runs.

    0  %y = graph.kernel %x ...              %x  input, from 0 to 0
    1  %z = graph.reshape %y                 %y and %z are one storage, from 0 to 3
    2  %t = graph.kernel %x2 ...             %t  from 2 to 3
    3  %u = graph.kernel %z, %t ...          %u  from 3 to 4
    4  func.return %u

What is read in a loop that it is defined before is needed until the loop is over. The operations of a loop's regions
have numbers, too: those after the loop's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.kernel.buffer import BufferAttr
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.op_devices import device_of_value
from pullback.dialects.graph.op.indexed import Alias
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.stacks import Pop
from pullback.dialects.graph.state.variables import Read
from pullback.dialects.graph.tensor.types import SlicesType, element_type_of, numpy_dtype, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.lowering.support import runs_on_host
from pullback.passes.rewriting.union_find import Merging

NO_SLICES: Mapping[type[Operation], str] = {
    While: "slices are not carried by loops: densify them before the loop",
    CopyTo: "slices are copied as rows and indices: run form-kernels first",
}
"""What is to be done about slices that have no memory of their own."""


def makes_values(op: Operation) -> bool:
    """Tells whether the results of an operation need buffers; those of others are operands, or constants."""
    return isinstance(op, Kernel | Read | While | Pop | CopyTo) or runs_on_host(op)


@dataclass(eq=False)
class Storage(Merging):
    """Values that share bytes (a congruence class, by union-find), and their live range in numbers of operations."""

    values: list[SSAValue]
    size: int
    start: int
    end: int
    device: str | None
    """Where the bytes are; None in a program that names no devices."""
    buffer: BufferAttr | None = None

    def absorb(self, other: Storage) -> None:
        """Coalesces two storages: from now on their values share one buffer."""
        self.values += other.values
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.buffer = self.buffer or other.buffer
        other.become(self)


class Lifetimes:
    """The live ranges of all tensors outside of kernels, and the order of the operations that they are ranges of.

    A value that is used inside of a loop around which it was made is needed until the loop is over. A loop's
    results, and the arguments of its regions, are one storage for each carried value.
    """

    def __init__(self, block: Block) -> None:
        self.start: dict[Operation, int] = {}
        self.end: dict[Operation, int] = {}
        """The number of an operation, before and after what its regions do."""
        self.ops: list[Operation] = []
        self._storages: dict[SSAValue, Storage] = {}
        self._number(block)
        for argument in block.args:
            if isinstance(argument.type, TensorType):
                self._add([argument], 0, 0).buffer = BufferAttr.input(argument.index)
        for op in self.ops:
            self._define(op)
        for op in self.ops:
            for value in op.operands:
                self._use(value, op)

    def _number(self, block: Block) -> None:
        for op in block.ops:
            self.start[op] = len(self.ops)
            self.ops.append(op)
            for region in op.regions if isinstance(op, While) else ():
                self._number(region.block)
            self.end[op] = len(self.ops) - 1

    @property
    def storages(self) -> list[Storage]:
        """Lists every storage once, in the order of the program."""
        return list(dict.fromkeys(s.root() for s in self._storages.values()))

    @property
    def coalesced(self) -> list[Storage]:
        """Lists every storage that another one has absorbed."""
        return [s for s in dict.fromkeys(self._storages.values()) if s.root() is not s]

    def of(self, value: SSAValue) -> Storage | None:
        """Finds the storage of a tensor; `None` for constants, variables, slices and stacks."""
        storage = self._storages.get(value)
        return None if storage is None else storage.root()

    def parts(self, value: SSAValue) -> list[Storage]:
        """Lists the storages that a value consists of: of slices, those of their rows and indices."""
        if isinstance(value.owner, MakeSlices):
            return [s for v in value.owner.operands if (s := self.of(v)) is not None]
        storage = self.of(value)
        return [] if storage is None else [storage]

    def last_use(self, value: SSAValue, user: Operation) -> int:
        """Tells until when `user` needs a value: until the loop is over, if it is in one that the value is not in."""
        block = value.owner if isinstance(value, BlockArgument) else value.owner.parent  # pyright: ignore[reportAttributeAccessIssue]
        assert isinstance(block, Block)
        outermost = block.find_ancestor_op_in_block(user)
        assert outermost is not None
        return self.start[user] if outermost is user else self.end[outermost]

    def _add(self, values: list[SSAValue], start: int, end: int) -> Storage:
        type_ = values[0].type
        size = numpy_dtype(element_type_of(type_)).itemsize
        for extent in shape_of_type(type_):
            size *= extent
        storage = Storage(values, size, start, end, device_of_value(values[0]))
        self._storages |= dict.fromkeys(values, storage)
        return storage

    def _define(self, op: Operation) -> None:
        if isinstance(op, Alias):
            for value, source in zip(op.results, op.operands, strict=False):
                if (storage := self.of(source)) is not None:
                    self._storages[value] = storage
                    storage.values.append(value)
            return
        if not makes_values(op):
            return
        for number, result in enumerate(op.results):
            if isinstance(result.type, SlicesType):
                raise DiagnosticError(NO_SLICES.get(type(op), NO_SLICES[While]), op)
            if not isinstance(result.type, TensorType):
                continue
            start = self.start[op]
            if isinstance(op, While):
                arguments = [region.block.args[number] for region in op.regions]
                self._add([result, *arguments], start, self.end[op])
            else:
                self._add([result], start, start)

    def _use(self, value: SSAValue, user: Operation) -> None:
        for storage in self.parts(value):
            storage.end = max(storage.end, self.last_use(value, user))
