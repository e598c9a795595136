"""Parameters of the GPU kernels of one `graph.kernel`: a memref of rank 1 for each distinct buffer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type
from pullback.passes.gpu.gpu_limits import SHARED_BYTES
from pullback.passes.gpu.kernel_builder import Parameter
from pullback.passes.lowering.buffer_assignment import ARENA_ALIGNMENT, SCRATCH, BufferKey
from pullback.passes.lowering.lowered_kernels import Signature
from pullback.passes.lowering.memrefs import bytes_of
from pullback.passes.lowering.space import schedule_of


@dataclass
class Parameters:
    """One parameter for each distinct buffer that a kernel touches."""

    signature: Signature
    shared_bytes: int = SHARED_BYTES
    """The shared memory that a block may have."""
    by_buffer: dict[BufferKey, Parameter] = field(default_factory=dict)
    _scratch_bytes: int = 0

    @property
    def threads(self) -> int | None:
        """The threads of a block, where the schedule says."""
        return schedule_of(self.signature.kernel).gpu.threads

    def declare(self, buffer: BufferKey, value: SSAValue, fallback: str) -> int:
        """The position of the parameter for a buffer, seen as `value`."""
        if buffer not in self.by_buffer:
            element_type, count = element_type_of(value.type), prod(shape_of_type(value.type))
            self.by_buffer[buffer] = Parameter(element_type, count, value.name_hint or fallback)
        return list(self.by_buffer).index(buffer)

    def all(self) -> list[Parameter]:
        return list(self.by_buffer.values())

    def arguments(self) -> list[tuple[BufferKey, MemRefType]]:
        return [(buffer, parameter.type) for buffer, parameter in self.by_buffer.items()]

    def input(self, number: int) -> int:
        kernel = self.signature.kernel
        return self.declare(self.signature.inputs[number], kernel.operands[number], f"input{number}")

    def scratch(self, element_type: Attribute, size: int) -> int:
        """The position of the parameter for a new scratch buffer; one of no elements has a place of its own, too."""
        parameter = Parameter(element_type, max(size, 1), f"partial{len(self.by_buffer)}")
        self.by_buffer[SCRATCH[0], self._scratch_bytes] = parameter
        self._scratch_bytes += -(-bytes_of(parameter.type) // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
        return len(self.by_buffer) - 1

    def output(self, number: int) -> int:
        buffer, value = self.signature.outputs[number], self.signature.kernel.results[number]
        position = self.declare(buffer, value, f"output{number}")
        self.by_buffer[buffer] = replace(self.by_buffer[buffer], origin=self.signature.origin_of(number))
        return position
