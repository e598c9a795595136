"""What the GPU kernels of one `graph.kernel` are given: a memref of rank 1 for each distinct buffer."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.tensor.types import element_type_of
from pullback.passes.gpu.kernel_builder import Buffer, Kernel
from pullback.passes.loops.kernel_function import Signature, element_count
from pullback.passes.lowering.buffers import Buffers
from pullback.passes.lowering.memrefs import bytes_of
from pullback.passes.lowering.places import ARENA_ALIGNMENT, SCRATCH, Place


@dataclass(frozen=True)
class Lowered:
    """Kernels to launch one after the other, and the buffers that all of them take, seen as which memrefs.

    Beside those of the signature there may be scratch buffers, which carry values from kernel to kernel.
    """

    kernels: list[Kernel]
    arguments: list[tuple[Place, MemRefType]]

    @property
    def scratch_bytes(self) -> int:
        """The end of the last scratch buffer."""
        ends = [int(at) + bytes_of(type_) for (kind, at), type_ in self.arguments if kind == SCRATCH[0]]
        return max(ends, default=0)

    def call(self, buffers: Buffers) -> None:
        """Insert the launches into a host function."""
        arguments = [buffers.view(place, type_) for place, type_ in self.arguments]
        for kernel in self.kernels:
            kernel.launch(arguments, buffers.builder.index)


@dataclass
class Arguments:
    """One argument for each distinct buffer that a kernel touches."""

    signature: Signature
    buffers: dict[Place, Buffer] = field(default_factory=dict)
    _scratch_bytes: int = 0

    def declare(self, place: Place, value: SSAValue, fallback: str) -> int:
        """The position of the argument for a buffer, seen as `value`."""
        if place not in self.buffers:
            element_type, count = element_type_of(value.type), element_count(value.type)
            self.buffers[place] = Buffer(element_type, count, value.name_hint or fallback)
        return list(self.buffers).index(place)

    def all(self) -> list[Buffer]:
        return list(self.buffers.values())

    def places(self) -> list[tuple[Place, MemRefType]]:
        return [(place, buffer.type) for place, buffer in self.buffers.items()]

    def input(self, number: int) -> int:
        kernel = self.signature.kernel
        return self.declare(self.signature.inputs[number], kernel.operands[number], f"input{number}")

    def scratch(self, element_type: Attribute, size: int) -> int:
        """The position of the argument for a new scratch buffer; one of no elements has a place of its own, too."""
        buffer = Buffer(element_type, max(size, 1), f"partial{len(self.buffers)}")
        self.buffers[SCRATCH[0], self._scratch_bytes] = buffer
        self._scratch_bytes += -(-bytes_of(buffer.type) // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
        return len(self.buffers) - 1

    def output(self, number: int) -> int:
        kernel = self.signature.kernel
        return self.declare(self.signature.outputs[number], kernel.results[number], f"output{number}")
