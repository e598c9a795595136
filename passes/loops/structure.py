"""What tells kernels apart: two of equal structure compute the same, and one function serves both."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Block, SSAValue

from pullback.dialects.graph.kernel import Kernel
from pullback.passes.loops.kernel_function import Signature
from pullback.passes.loops.places import Place
from pullback.passes.loops.values import is_identity

Structure = tuple[object, ...]
"""A key: equal for equal kernels, whatever their values are called."""


def structure_of(kernel: Kernel) -> Structure:
    """The region and the schedule of a kernel, the types of its operands and of its results."""
    operands, results = kernel.operand_types, kernel.result_types
    return kernel.schedule, *operands, "to", *results, *_of_block(kernel.body.block, {})


def _of_block(block: Block, numbers: dict[SSAValue, int]) -> Structure:
    """The operations of a block in their order, values by number."""
    parts: list[object] = []
    for argument in block.args:
        numbers[argument] = len(numbers)
        parts.append(argument.type)
    for op in block.ops:
        parts += type(op), *(numbers[v] for v in op.operands), *op.result_types
        parts += tuple(op.properties.items()), tuple(op.attributes.items())
        parts += (_of_block(inner, numbers) for region in op.regions for inner in region.blocks)
        for result in op.results:
            numbers[result] = len(numbers)
    return tuple(parts)


def places_of(signature: Signature) -> Sequence[Place]:
    """The distinct buffers of a signature, operands before results."""
    return list(dict.fromkeys((*signature.inputs, *signature.outputs)))


def structure_of_signature(signature: Signature) -> Structure:
    """The structure of a kernel, with which of its operands and results share a buffer."""
    numbers = {place: number for number, place in enumerate(places_of(signature))}
    shared = tuple(numbers[place] for place in (*signature.inputs, *signature.outputs))
    # Rows of an identity matrix are not read, but computed.
    return structure_of(signature.kernel), shared, tuple(map(is_identity, signature.kernel.operands))
