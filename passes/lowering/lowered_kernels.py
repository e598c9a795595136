"""Lowered kernels: equal ones share one function, which the host calls on the buffers of each.

Of the kernels of

    %a = graph.kernel %x, %z … { add }
    %b = graph.kernel %a, %x … { add }
    %c = graph.kernel %x, %x … { add }

the second is equal to the first, and its buffers differ alone; the third is given one buffer twice. So the host calls

    func.call @main_kernel_0(%x, %z, %a)
    func.call @main_kernel_0(%a, %x, %b)
    func.call @main_kernel_2(%x, %c)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from xdsl.dialects.builtin import UNKNOWN_LOC, LocationAttr, MemRefType
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.tensor.device import HOST, device_of_op
from pullback.passes.lowering.buffer_assignment import SCRATCH, BufferKey
from pullback.passes.lowering.code_builder import CodeBuilder
from pullback.passes.lowering.host_memory import HostMemory
from pullback.passes.lowering.kernel_origins import origin_of_kernels, share_origins
from pullback.passes.lowering.made_functions import tell_of
from pullback.passes.lowering.memrefs import bytes_of
from pullback.passes.lowering.stored_elements import is_identity
from pullback.passes.lowering.structure import Structure, structure_of
from pullback.passes.rewriting.statistic import Statistic

LOWERED = Statistic("kernels that became functions")
SHARED = Statistic("kernels that call the function of an equal one")


@dataclass(frozen=True)
class Signature:
    """The signature of a kernel's code: a name, and a buffer for every operand and every result.

    Operands and results with equal keys share a buffer.
    """

    kernel: Kernel
    name: str
    inputs: Sequence[BufferKey]
    outputs: Sequence[BufferKey]
    program: str = "main"
    """The name of the function that the kernel is of."""

    @property
    def buffers(self) -> list[BufferKey]:
        """The distinct buffers, operands before results."""
        return list(dict.fromkeys((*self.inputs, *self.outputs)))

    @property
    def device(self) -> str | None:
        """The device that the kernel runs on; None in a program that names none."""
        return device_of_op(self.kernel)

    def structure(self, of_kernel: Structure) -> Structure:
        """The structure of the kernel, with which of its operands and results share a buffer.

        One function serves all GPUs; the host's is another one.
        """
        numbers = {buffer: number for number, buffer in enumerate(self.buffers)}
        shared = tuple(numbers[buffer] for buffer in (*self.inputs, *self.outputs))
        # Rows of an identity matrix are not read, but computed.
        identities = tuple(map(is_identity, self.kernel.operands))
        return of_kernel, shared, identities, self.device == HOST

    def origin_of(self, number: int) -> LocationAttr:
        """The location of the operation that makes a result."""
        last = self.kernel.body.block.last_op
        owner = last.operands[number].owner if last is not None else None
        return owner.location if isinstance(owner, Operation) else UNKNOWN_LOC


class Code(Protocol):
    """A function that a target runs."""

    @property
    def operations(self) -> Sequence[Operation]:
        """The function, after the memory that it declares."""
        ...

    def call(self, arguments: Sequence[SSAValue], builder: CodeBuilder) -> None:
        """Inserts what the host does to run it, with constants of the host's builder."""
        ...


@dataclass(frozen=True)
class LoweredKernel:
    """The functions that run a kernel, one after the other, with a buffer and its memref type for each argument.

    Beside those of the signature there may be scratch buffers.
    """

    code: Sequence[Code]
    arguments: Sequence[tuple[BufferKey, MemRefType]]
    shared: Mapping[str, Callable[[str], Operation]] = field(
        default_factory=dict[str, Callable[[str], Operation]]
    )
    """What makes the functions that its code calls and other kernels may call as well, by their symbols."""

    @property
    def scratch_bytes(self) -> int:
        """The scratch memory that it needs."""
        return scratch_end(self.arguments)

    def call(self, memory: HostMemory) -> None:
        """Inserts the calls into a host function."""
        arguments = [memory.view(buffer, type_) for buffer, type_ in self.arguments]
        for code in self.code:
            code.call(arguments, memory.builder)


def scratch_end(arguments: Sequence[tuple[BufferKey, MemRefType]]) -> int:
    """The end of the last scratch buffer, in bytes; one of no elements is somewhere, too."""
    ends = [int(at) + max(bytes_of(type_), 1) for (kind, at), type_ in arguments if kind == SCRATCH[0]]
    return max(ends, default=0)


class LoweredKernels:
    """The kernels of one host function: one function for all of equal structure, named after the first."""

    def __init__(
        self, lower: Callable[[Signature], LoweredKernel], structures: Mapping[Kernel, Structure]
    ) -> None:
        self._lower = lower
        self._structures = structures
        self._functions: list[Code] = []
        self._shared: dict[str, Operation] = {}

    def lower(self, signatures: Sequence[Signature]) -> dict[Kernel, LoweredKernel]:
        """The code of each kernel, and what this kernel passes to it.

        The code states the origins of all the kernels that it serves.
        """
        groups: dict[Structure, list[Signature]] = {}
        for signature in signatures:
            known = self._structures.get(signature.kernel)
            structure = signature.structure(structure_of(signature.kernel) if known is None else known)
            groups.setdefault(structure, []).append(signature)
        found: dict[Kernel, LoweredKernel] = {}
        for first, *others in groups.values():
            kernels = [first.kernel, *(signature.kernel for signature in others)]
            origin = origin_of_kernels(kernels)
            share_origins(kernels)
            lowered = self._lower(first)
            LOWERED.add()
            SHARED.add(len(others))
            for code in lowered.code:
                code.operations[-1].location = origin
            self._functions += lowered.code
            for symbol, make in lowered.shared.items():
                if symbol not in self._shared:
                    self._shared[symbol] = make(symbol)
                    tell_of([self._shared[symbol]])
            for code in lowered.code:
                tell_of(code.operations)
            for signature in (first, *others):
                own = dict(zip(first.buffers, signature.buffers, strict=True))
                arguments = [(own.get(buffer, buffer), type_) for buffer, type_ in lowered.arguments]
                found[signature.kernel] = replace(lowered, arguments=arguments)
        return found

    @property
    def operations(self) -> list[Operation]:
        """All functions, in the order of the first kernels; those that they share before them."""
        return [*self._shared.values(), *(op for code in self._functions for op in code.operations)]
